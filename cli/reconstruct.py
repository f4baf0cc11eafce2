"""picpxct reconstruct: raw scans to complex images."""

from typing import TYPE_CHECKING, Annotated

import typer

from ._input import read_entries
from ._options import Device, Inputs, Json, KeepGoing, Output, Overwrite, Quiet, Seed, Show
from ._output import Delivery, deliver, each, refuse_early
from ._talk import ProgressMode, progress

if TYPE_CHECKING:
    from picpxct_nx.records import Record


def reconstruct(
    inputs: Inputs = None,
    output: Output = None,
    recipe: Annotated[
        str,
        typer.Option("--recipe", help="Engines and iterations: dm:100,ml:100, or default, or paper (dm:1000,ml:500)."),
    ] = "default",
    frames: Annotated[
        str, typer.Option("--frames", help="Frames to use, START:STOP:STEP; 0::2 and 1::2 are halves.")
    ] = "::",
    probe: Annotated[
        str | None,
        typer.Option("--probe", help="Reconstruction whose probe to start with; else the scan's, else its optics'."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="ENGINE.NAME=VALUE", help="Parameter of an engine, for example dm.relaxation=0.1."
        ),
    ] = None,
    threads: Annotated[int, typer.Option("--threads", min=0, help="Threads on the CPU; 0 takes all cores.")] = 0,
    keep_last: Annotated[
        bool, typer.Option("--keep-last", help="On divergence write the last finite state, and still exit with 70.")
    ] = False,
    device: Device = "auto",
    seed: Seed = 0,
    overwrite: Overwrite = False,
    keep_going: KeepGoing = False,
    show: Show = ProgressMode.auto,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Reconstruct object and probe of every raw scan.

    Example: picpxct reconstruct scans/*.nxs -o recs/
    """
    delivery = Delivery(output=output, overwrite=overwrite, keep_going=keep_going, quiet=quiet, json=as_json)
    refuse_early(delivery)
    from picpxct_nx import reconstruction
    from picpxct_nx.records import Reconstruction, Scan

    stages = reconstruction.stages(recipe, settings or ())
    start = reconstruction.first(record for record, _ in read_entries([probe], Reconstruction)) if probe else None
    choice = reconstruction.Choice(stages, frames, start, device, seed, threads, keep_last=keep_last)
    with progress(show, quiet=quiet) as report:

        def make(record: "Record") -> "Record":
            return reconstruction.reconstruct_scan(record, choice, report, delivery.failed.append)

        scans = (record for record, _ in read_entries(inputs, Scan))
        deliver(each(scans, make, delivery), delivery, reconstruction.summary)
