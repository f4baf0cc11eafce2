"""picpxct rerun: the recorded chain of a product, run again from the raw files and compared with it."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from picpxct_nx.errors import ConvergenceError, OutputError, UsageError

from . import _options as o
from . import _publish_options as p
from ._input import read_entries
from ._talk import say

if TYPE_CHECKING:
    from picpxct_nx.records import Record


def rerun(
    results: p.Results,
    inputs: p.RawFolder,
    output: p.Kept = None,
    tolerance: p.Tolerance = None,
    device: p.RerunDevice = "recorded",
    dry_run: p.DryRun = False,
    quiet: o.Quiet = False,
    as_json: o.JsonLines = False,
) -> None:
    """Run the recorded chain of a product again, pipes included, and compare every array with the stored one.

    Example: picpxct rerun grains.nxs --inputs scans/
    """
    from ._rerun import Terms, device_for, replay

    if output is not None and output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise OutputError(f"{output}: is there already; name a new folder")
    if "-" in results:
        raise UsageError("rerun reads its products twice; name files instead of -")
    terms = Terms(inputs, tolerance, device_for(device), dry_run=dry_run, quiet=quiet)
    failed: list[str] = []

    def judge(record: "Record", name: str, folder: Path) -> None:
        found = replay(record, name, folder, terms)
        if found is None:
            return
        verdict, sentence = found
        told = json.dumps({"file": name, "entry": record.entry, **verdict})
        typer.echo(told if as_json else f"{name}: {record.entry}: {sentence}")
        if not verdict["accepted"]:
            failed.append(record.entry)

    with tempfile.TemporaryDirectory(prefix="picpxct-rerun-") as temporary:
        for record, name in read_entries(results):
            judge(record, name, (output or Path(temporary)) / f"{Path(name).stem}_{record.entry}")
    if output is not None and not dry_run:
        say(f"kept what was made in {output}", quiet=quiet)
    if failed:
        raise ConvergenceError(f"not reproduced: {', '.join(failed)}")
