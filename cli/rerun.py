"""picpxct rerun: the recorded chain of a product, run again from the raw files and compared with it."""

import json
import tempfile
from pathlib import Path

import typer

from picpxct_nx.errors import ConvergenceError, OutputError, UsageError

from . import _options as o
from . import _publish_options as p
from ._talk import say


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

    Raw entries are simulated or imported again as well, where their sources lie among the inputs.

    Example: picpxct rerun grains.nxs --inputs scans/
    """
    from ._rerun import Terms, device_for, rerun_each, show

    if output is not None and output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise OutputError(f"{output}: is there already; name a new folder")
    if "-" in results:
        raise UsageError("rerun reads its products twice; name files instead of -")
    terms = Terms(inputs, tolerance, device_for(device), quiet=quiet)
    if dry_run:
        show(results, terms)
        return
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="picpxct-rerun-") as temporary:
        for verdict, sentence in rerun_each(results, output or Path(temporary), terms):
            typer.echo(json.dumps(verdict) if as_json else sentence)
            failed += [] if verdict["accepted"] else [str(verdict["entry"])]
    if output is not None:
        say(f"kept what was made in {output}", quiet=quiet)
    if failed:
        raise ConvergenceError(f"not reproduced: {', '.join(failed)}")
