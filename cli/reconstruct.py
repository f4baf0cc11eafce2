"""picpxct reconstruct: raw scans to complex images."""

import os
from typing import TYPE_CHECKING

from . import _options as o
from ._input import read_entries
from ._output import Delivery, deliver, each, refuse_early
from ._talk import ProgressMode, progress

if TYPE_CHECKING:
    from picpxct_nx.records import Record


def reconstruct(
    inputs: o.Inputs = None,
    output: o.Output = None,
    recipe: o.Recipe = "default",
    frames: o.Frames = "::",
    probe: o.Probe = None,
    modes: o.Modes = 0,
    refine: o.Refine = None,
    settings: o.EngineNumbers = None,
    threads: o.Threads = 0,
    keep_last: o.KeepLast = False,
    device: o.Device = "auto",
    seed: o.Seed = 0,
    overwrite: o.Overwrite = False,
    keep_going: o.KeepGoing = False,
    show: o.Show = ProgressMode.auto,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    as_json: o.Json = False,
) -> None:
    """Reconstruct object and probe of every raw scan.

    Example: picpxct reconstruct scans/*.nxs -o recs/
    """
    delivery = Delivery(
        output=output, overwrite=overwrite, keep_going=keep_going, quiet=quiet, verbose=verbose, json=as_json
    )
    refuse_early(delivery)
    if threads:
        # Read once, when torch is imported; torch has one door, and it is not here.
        os.environ |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    from picpxct_nx import reconstruction
    from picpxct_nx.records import Reconstruction, Scan

    words = reconstruction.Words(recipe, tuple(settings or ()), modes, tuple(refine or ()))
    choice = reconstruction.choose(words, frames=frames, device=device, seed=seed, threads=threads)
    if probe is not None:
        choice = reconstruction.starting_with(choice, [found for found, _ in read_entries([probe], Reconstruction)])
    with progress(show, quiet=quiet) as report:
        listener = reconstruction.Listener(report, delivery.note, delivery.failed.append if keep_last else None)

        def make(record: "Record") -> "Record":
            return reconstruction.reconstruct_scan(record, choice, listener)

        scans = read_entries(inputs, Scan, failed=delivery.fail if keep_going else None, note=delivery.note)
        deliver(each(scans, make, delivery), delivery, reconstruction.summary)
