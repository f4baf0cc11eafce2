"""picpxct demo: every stage on a simulated experiment, printing each command as it runs."""

from pathlib import Path
from typing import Annotated

import typer

from ._options import Quiet


def demo(
    folder: Annotated[Path, typer.Option("-o", "--output", help="Folder for what the demo makes.")] = Path("demo"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier demo left there.")] = False,
    quiet: Quiet = False,
) -> None:
    """Run every stage on a small simulated experiment, printing each shell command, and say what to look at.

    Example: picpxct demo -o demo
    """
    from ._walkthrough import run

    run(folder, overwrite=overwrite, quiet=quiet)
