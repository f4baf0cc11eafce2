"""picpxct info: what a file holds."""

import json
from typing import Annotated

import typer

from ._input import sources


def info(
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE]...", help="NeXus files, or - for standard input.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a file and line on stdout.")] = False,
    history: Annotated[bool, typer.Option("--history", help="Also print the parameters of every step.")] = False,
) -> None:
    """Say what files hold: kind, entries, shapes, energies, polarisations, stage, results, history.

    Example: picpxct info recs/*.nxs
    """
    from picpxct_nx import nexus
    from picpxct_nx.overview import as_text, overview

    for source in sources(inputs):
        _, selection = nexus.split(source.text)
        with nexus.open_valid(source.data, source.name) as file:
            names = nexus.select(file, source.name, selection)
            records = [nexus.read(file, entry) for entry in names]
            if as_json:
                typer.echo(json.dumps({"file": source.name, "entries": [overview(r) for r in records]}))
            else:
                typer.echo(source.name)
                for record in records:
                    typer.echo(as_text(record, steps=history))
