"""picpxct schema: what a definition asks for."""

import json
import shutil
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from picpxct_nx.errors import InputError, UsageError

from ._verdict_text import printable

if TYPE_CHECKING:
    from picpxct_nx.nxdl import Definition

# Of lines that no terminal wraps.
_PIPED_COLUMNS = 120
_ENDING = ".nxdl.xml"

Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="A definition: ours, one of NeXus, or FILE.nxdl.xml.")
]
All = Annotated[bool, typer.Option("--all", help="Also list the application definitions of NeXus.")]
Json = Annotated[bool, typer.Option("--json", help="Print a JSON schema; of the list, one object a line.")]


def schema(name: Name = None, every: All = False, as_json: Json = False) -> None:
    """Print what a definition asks for: paths, types, shapes, units, values; without a name list the definitions.

    The name may also be that of a NeXus base class, such as NXdetector, which says what may be there.

    Example: picpxct schema NXspecptycho_scan
    """
    from picpxct_nx import nxdl, schema_rows

    if name is not None and every:
        raise UsageError("--all lists the definitions; give it without a NAME")
    if name is None:
        for definition in _known() if every else map(nxdl.definition, nxdl.names()):
            typer.echo(json.dumps(schema_rows.entry(definition)) if as_json else schema_rows.line(definition, _width()))
        return
    definition = nxdl.base_class(name) or named(name)
    if as_json:
        typer.echo(json.dumps(schema_rows.as_json(definition), indent=2))
    else:
        # What a stranger wrote into a definition does not reach the terminal as commands.
        typer.echo("\n".join(map(printable, schema_rows.as_text(definition, _width()).splitlines())))


def _width() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _PIPED_COLUMNS


def named(name: str) -> "Definition":
    """The application definition that the command line names.

    Raises
    ------
    UsageError
        There is none of that name.
    InputError, MissingInputError
        The file that it names is no application definition, or not there.
    """
    import difflib

    from picpxct_nx import nxdl

    try:
        return nxdl.find(name)
    except InputError as error:
        if name.endswith(_ENDING):
            raise
        known = [*nxdl.names(), *nxdl.shipped()]
        near = difflib.get_close_matches(name, known, 3) or [n for n in known if name.lower() in n.lower()][:3]
        hint = f"did you mean {' or '.join(near)}?" if near and name not in known else "picpxct schema --all lists them"
        raise UsageError(f"{error}; {hint}") from None


def _known() -> "list[Definition]":
    """Our definitions, then every application definition of NeXus that can be read."""
    from picpxct_nx import nxdl

    found = list(map(nxdl.definition, nxdl.names()))
    for name in sorted(nxdl.shipped()):
        try:
            found.append(nxdl.find(name))
        except InputError:
            # A base class, or one that its authors broke.
            continue
    return found
