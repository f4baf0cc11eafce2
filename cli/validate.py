"""picpxct validate: whether files keep their definition."""

import json
from typing import TYPE_CHECKING

import typer

from picpxct_nx.errors import InputError, MissingInputError

from . import _options as o
from ._input import sources
from ._talk import complain

if TYPE_CHECKING:
    from picpxct_nx.validation import Report


def validate(inputs: o.Files = None, as_json: o.JsonLines = False, quiet: o.Quiet = False) -> None:
    """Check files strictly against the definition that they claim; exit 0 when all are valid, 65 when one is not.

    Example: picpxct validate scans/*.nxs
    """
    from picpxct_nx import nexus
    from picpxct_nx.validation import Report, Violation, check_file

    codes = {0}
    for source in sources(inputs):
        try:
            with nexus.open_hdf5(source.data, source.name) as file:
                report = check_file(file, source.name)
        except MissingInputError as error:
            # Nothing is known about it, so there is no verdict; the others get theirs.
            complain(str(error))
            codes.add(error.exit_code)
            continue
        except InputError as error:
            reason = str(error).removeprefix(f"{source.name}: ")
            report = Report(source.name, None, (Violation("/", "NOT_READABLE", reason),))
        codes.add(0 if report.valid else InputError.exit_code)
        if as_json:
            typer.echo(json.dumps(report.as_json()))
        elif not quiet:
            typer.echo(_as_text(report))
    raise typer.Exit(max(codes))


def _as_text(report: "Report") -> str:
    errors, warnings = len(report.errors), len(report.violations) - len(report.errors)
    verdict, claims = "valid" if report.valid else "INVALID", report.definition or "no definition"
    lines = [f"{report.file}: {verdict}, {errors} errors, {warnings} warnings ({claims})"]
    return "\n".join([*lines, *(f"  {v.level} {v.code} {v.path}: {v.message}" for v in report.violations)])
