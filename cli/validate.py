"""picpxct validate: whether files keep their definition."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picpxct_nx.errors import InputError, MissingInputError

from . import _options as o
from ._input import Source, sources
from ._talk import complain
from .schema import named

if TYPE_CHECKING:
    from picpxct_nx.validation import Report

Strict = Annotated[bool, typer.Option("--strict", help="Take warnings for errors.")]
Definition = Annotated[
    str | None,
    typer.Option("--definition", help="Hold all to this definition, ours, one of NeXus or FILE.nxdl.xml."),
]
Inputs = Annotated[
    Path | None,
    typer.Option(
        "--inputs", help="Folder with the inputs of the newest step: still what was read, and of the same geometry?"
    ),
]
Untrusted = Annotated[
    bool, typer.Option("--untrusted", help="Read the files in a child process with limits: they come from strangers.")
]


def validate(
    files: o.Files = None,
    definition: Definition = None,
    inputs: Inputs = None,
    untrusted: Untrusted = False,
    strict: Strict = False,
    as_json: o.JsonLines = False,
    quiet: o.Quiet = False,
) -> None:
    """Check files strictly against the definition that they claim; exit 0 when all are valid, 65 when one is not.

    Definitions are ours and those of NeXus; a file that claims none is held to the NeXus base classes.

    Example: picpxct validate scans/*.nxs
    """
    from ._verdict_text import as_text, summary

    if definition is not None:
        named(definition)
    if inputs is not None and not inputs.is_dir():
        raise MissingInputError(f"{inputs}: is no folder; name the one with the inputs")
    codes, judged, missing = {0}, [], 0
    for source in sources(files):
        try:
            report = _report(source, untrusted, definition=definition, inputs=inputs)
        except MissingInputError as error:
            # Nothing is known about it, so there is no verdict; the others get theirs.
            complain(str(error))
            codes.add(error.exit_code)
            missing += 1
            continue
        valid = not report.violations if strict else report.valid
        judged.append((report, valid))
        codes.add(0 if valid else InputError.exit_code)
        if as_json:
            typer.echo(json.dumps(report.as_json() | {"valid": valid}))
        elif report.violations or not quiet:
            typer.echo(as_text(report, valid=valid))
    if len(judged) + missing > 1 and not as_json and not quiet:
        typer.echo(summary(judged, missing))
    raise typer.Exit(max(codes))


def _report(source: Source, untrusted: bool, *, definition: str | None, inputs: Path | None) -> "Report":
    from picpxct_nx.validation.heap import MAX_IMAGE_BYTES

    if not untrusted and source.size <= MAX_IMAGE_BYTES:
        from picpxct_nx.verdict import judge

        return judge(source.data, source.name, definition=definition, inputs=inputs)
    from picpxct_nx.untrusted import check_untrusted, limits_for

    limits = None if untrusted else limits_for(source.size)
    return check_untrusted(source.data, source.name, definition=definition, inputs=inputs, limits=limits)
