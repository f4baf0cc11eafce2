"""picpxct audit: whether a scan's geometry conventions are right."""

import json
from typing import Annotated

import typer

from . import _options as o
from ._input import read_entries
from ._patch import refuse_patch_early, write_patch
from ._talk import ProgressMode, progress

Trust = Annotated[
    str, typer.Option("--trust", help="Which lies right in the laboratory: frames (the stage is corrected) or stage.")
]
Patch = Annotated[
    str | None, typer.Option("-o", "--output", help="Patch file (TOML) for picpxct amend, or DIR/ for one a scan.")
]
Frames = Annotated[
    int | None, typer.Option("--frames", min=6, help="Frames to look at, at most; else what half a minute can do.")
]


def audit(
    inputs: o.Inputs = None,
    output: Patch = None,
    trust: Trust = "frames",
    frames: Frames = None,
    device: o.Device = "auto",
    seed: o.Seed = 0,
    overwrite: o.Overwrite = False,
    quiet: o.Quiet = False,
    as_json: o.Json = False,
    show: o.Show = ProgressMode.auto,
) -> None:
    """Tell whether stage and frames of raw scans belong together; exit 0: right, 65: wrong, 70: undecided.

    Short reconstructions try all orientations of the stage against the frames, and physics decides the sign of the
    phase. Example: picpxct audit scan.nxs -o patch.toml && picpxct amend scans/*.nxs --patch patch.toml -o amended/
    """
    from picpxct_nx.audit import account, patch
    from picpxct_nx.audit.audit import Choice, audit_scan
    from picpxct_nx.records import Scan

    patch.check_trust(trust)
    refuse_patch_early(output, overwrite=overwrite)
    codes = {0}
    with progress(show, quiet=quiet) as report:
        for scan, _ in read_entries(inputs, Scan):
            assert isinstance(scan, Scan)  # noqa: S101  # asked for these
            found = audit_scan(scan, Choice(device, seed, frames), report)
            codes.add(account.EXIT_CODES[found.verdict])
            if as_json:
                typer.echo(json.dumps(account.as_json(found)))
            elif found.verdict != "right" or not quiet:
                typer.echo(account.as_text(found))
            if output is not None and found.decided:
                write_patch(output, found.entry, patch.as_toml(found, patch.of(found, trust)), overwrite=overwrite)
    raise typer.Exit(max(codes))
