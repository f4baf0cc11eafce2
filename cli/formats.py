"""picpxct formats: which foreign formats are read and written."""

import json
import textwrap
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="One JSON object a format and direction.")]


def formats(as_json: Json = False) -> None:
    """List the foreign formats that are read and written, with what each cannot carry and you must state or will lose.

    Example: picpxct formats
    """
    from picpxct_nx.formats import registry

    for row in registry.facts():
        if as_json:
            typer.echo(json.dumps(row))
            continue
        makes = f", makes a {row['makes']}" if "makes" in row else ""
        typer.echo(f"{row['format']} ({row['direction']}{makes})")
        typer.echo(textwrap.fill(str(row["about"]), 110, initial_indent="    ", subsequent_indent="    "))
        lacks = "cannot carry: " + "; ".join(str(each) for each in row["lacks"])  # type: ignore[attr-defined]
        typer.echo(textwrap.fill(lacks, 110, initial_indent="    ", subsequent_indent="        "))
