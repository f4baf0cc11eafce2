"""picpxct validate: whether files keep their definition."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from picpxct_nx.errors import InputError, MissingInputError

from . import _options as o
from ._input import Source, sources
from ._talk import complain

if TYPE_CHECKING:
    from picpxct_nx.validation import Report

Strict = Annotated[bool, typer.Option("--strict", help="Take warnings for errors.")]
Untrusted = Annotated[
    bool, typer.Option("--untrusted", help="Read the files in a child process with limits: they come from strangers.")
]


def validate(
    inputs: o.Files = None,
    untrusted: Untrusted = False,
    strict: Strict = False,
    as_json: o.JsonLines = False,
    quiet: o.Quiet = False,
) -> None:
    """Check files strictly against the definition that they claim; exit 0 when all are valid, 65 when one is not.

    Example: picpxct validate scans/*.nxs
    """
    from ._verdict_text import as_text, summary

    codes, judged, missing = {0}, [], 0
    for source in sources(inputs):
        try:
            report = _report(source, untrusted=untrusted)
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


def _report(source: Source, *, untrusted: bool) -> "Report":
    if untrusted:
        from picpxct_nx.untrusted import check_untrusted

        return check_untrusted(source.data, source.name)
    from picpxct_nx.verdict import judge

    return judge(source.data, source.name)
