"""picpxct reconstruct: raw scans to complex images."""

from . import _options as o
from ._gpu import claim
from ._input import read_entries
from ._output import Delivery, deliver, refuse_early
from ._run import asked
from ._talk import ProgressMode, complain, progress
from ._together import products
from ._watch import Live


def reconstruct(
    inputs: o.Inputs = None,
    output: o.Output = None,
    recipe: o.Recipe = "default",
    frames: o.Frames = "::",
    modes: o.Modes = 0,
    refine: o.Refine = None,
    start: o.Start = None,
    settings: o.EngineNumbers = None,
    checkpoint: o.Checkpoint = None,
    also: o.Also = "errors",
    device: o.Device = "auto",
    watch: o.Watch = None,
    seed: o.Seed = 0,
    overwrite: o.Overwrite = False,
    keep_going: o.KeepGoing = False,
    show: o.Show = ProgressMode.auto,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    as_json: o.Json = False,
) -> None:
    """Reconstruct object and probe of every raw scan; Ctrl-C ends after the iteration and keeps what is reached.

    Example: picpxct reconstruct scans/*.nxs -o recs/
    """
    delivery = Delivery(output=output, overwrite=overwrite, keep_going=keep_going or watch is not None, quiet=quiet,
                        verbose=verbose, json=as_json)  # fmt: skip
    refuse_early(delivery)
    from picpxct_nx import account, crew, reconstruction
    from picpxct_nx.choice import choose, starting_with
    from picpxct_nx.records import Reconstruction

    choice = choose(recipe, settings or (), modes=modes, refine=refine or (), start=start, frames=frames, also=also,
                    device=claim(device, delivery.note), seed=seed)  # fmt: skip
    if start is not None and not choice.warm:
        choice = starting_with(choice, [record for record, _ in read_entries([start], Reconstruction)])
    live = None if watch is None else Live(watch, inputs, delivery, choice.share)
    with progress(show, quiet=quiet) as report:
        listener = reconstruction.Listener(report, delivery.note, delivery.failed.append, asked, complain)
        with (
            crew.hands(choice, listener, checkpoint) as hands,
            products(inputs, choice, live, hands, delivery) as made,
        ):
            deliver(made, delivery, account.summary)
