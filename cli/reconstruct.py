"""picpxct reconstruct: raw scans to complex images."""

from . import _image_options as i
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
    recipe: i.Recipe = "default",
    frames: i.Frames = "::",
    modes: i.Modes = 0,
    refine: i.Refine = None,
    start: i.Start = None,
    settings: i.EngineNumbers = None,
    checkpoint: i.Checkpoint = None,
    also: i.Also = "errors",
    device: o.Device = "auto",
    watch: i.Watch = None,
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
    from picpxct_nx import account, choice, crew, reconstruction
    from picpxct_nx.records import Reconstruction

    chosen = choice.choose(recipe, settings or (), modes=modes, refine=refine or (), start=start, frames=frames,
                           also=also, device=claim(device, delivery.note), seed=seed)  # fmt: skip
    if start is not None and not chosen.warm:
        chosen = choice.starting_with(chosen, [record for record, _ in read_entries([start], Reconstruction)])
    live = None if watch is None else Live(watch, inputs, delivery, chosen.share)
    with progress(show, quiet=quiet) as report:
        listener = reconstruction.Listener(report, delivery.note, delivery.failed.append, asked, complain)
        with (
            crew.hands(chosen, listener, checkpoint) as hands,
            products(inputs, chosen, live, hands, delivery) as made,
        ):
            deliver(made, delivery, account.summary)
