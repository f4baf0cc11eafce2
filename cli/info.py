"""picpxct info: what a file holds."""

import json
from typing import Any

import typer

from picpxct_nx.errors import PicpxctError, UsageError

from . import _options as o
from ._input import Source, naming_damage, sources
from ._talk import complain


def info(inputs: o.Inputs = None, as_json: o.JsonLines = False, history: o.History = False) -> None:
    """Say what files hold: kind, entries, shapes, energies, polarisations, stage, results, history.

    A file of many entries gets one line an entry. Example: picpxct info recs/*.nxs
    """
    from picpxct_nx.overview import as_table, as_text

    codes = {0}
    for source in sources(inputs):
        try:
            entries = _overviews(source)
        except UsageError:
            raise
        except PicpxctError as error:
            complain(str(error))
            codes.add(error.exit_code)
            continue
        if as_json:
            typer.echo(json.dumps({"file": source.name, "entries": entries}))
        else:
            typer.echo(f"{source.name}: {len(entries)} {'entry' if len(entries) == 1 else 'entries'}")
            whole = len(entries) == 1 or history
            typer.echo("\n".join(as_text(e, steps=history) for e in entries) if whole else as_table(entries))
    raise typer.Exit(max(codes))


def _overviews(source: Source) -> list[dict[str, Any]]:
    from picpxct_nx import nexus
    from picpxct_nx.overview import overview

    _, selection = nexus.split(source.text)
    found = []
    with nexus.open_valid(source.data, source.name) as file:
        for entry in nexus.select(file, source.name, selection):
            with naming_damage(f"{source.name}: {entry}"):
                found.append(overview(nexus.read(file, entry)))
    return found
