"""picpxct audit: whether a scan's geometry conventions are right."""

import json

import typer

from picpxct_nx.errors import PicpxctError

from . import _judging_options as j
from . import _options as o
from ._input import read_entries
from ._patch import Patches
from ._talk import ProgressMode, complain, progress


def audit(
    inputs: o.Inputs = None,
    output: j.PatchOutput = None,
    trust: j.Trust = "frames",
    frames: j.AuditFrames = None,
    device: o.Device = "auto",
    seed: o.Seed = 0,
    overwrite: o.Overwrite = False,
    quiet: o.Quiet = False,
    as_json: o.JsonLines = False,
    show: o.Show = ProgressMode.auto,
) -> None:
    """Tell whether stage and frames of raw scans belong together; exit 0: right, 65: wrong, 70: undecided.

    Short reconstructions try all orientations of the stage against the frames, and physics decides the sign of the
    phase.

    Example: picpxct audit scan.nxs -o patch.toml
    """
    from picpxct_nx.audit import account, patch
    from picpxct_nx.audit.audit import Choice, audit_scan
    from picpxct_nx.records import Scan

    patch.check_trust(trust)
    patches = Patches(output, overwrite=overwrite)
    codes = {0}

    def failed(_: str, error: PicpxctError) -> None:
        complain(str(error))
        codes.add(error.exit_code)

    with progress(show, quiet=quiet) as report:
        for scan, name in read_entries(inputs, Scan, failed=failed):
            assert isinstance(scan, Scan)  # noqa: S101  # asked for these
            try:
                found = audit_scan(scan, Choice(device, seed, frames), report)
            except PicpxctError as error:
                failed(name, error)
                continue
            codes.add(account.EXIT_CODES[found.verdict])
            if as_json or found.verdict != "right" or not quiet:
                typer.echo(json.dumps(account.as_json(found)) if as_json else account.as_text(found))
            if found.decided:
                patches.write(found.entry, patch.as_toml(found, patch.of(found, trust)))
    raise typer.Exit(max(codes))
