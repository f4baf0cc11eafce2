"""picpxct validate: whether files keep their definition."""

import json
from typing import Annotated

import typer

from picpxct_nx.errors import InputError, MissingInputError

from ._input import sources
from ._options import Quiet


def validate(
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE]...", help="NeXus files, or - for standard input.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a file and line on stdout.")] = False,
    quiet: Quiet = False,
) -> None:
    """Check files strictly against the definition that they claim; exit 0 when all are valid, 65 when one is not.

    Example: picpxct validate scans/*.nxs
    """
    from picpxct_nx import nexus
    from picpxct_nx.validation import Report, Violation, check_file

    valid = True
    for source in sources(inputs):
        try:
            with nexus.open_hdf5(source.data, source.name) as file:
                report = check_file(file, source.name)
        except MissingInputError:
            raise
        except InputError as error:
            reason = str(error).removeprefix(f"{source.name}: ")
            report = Report(source.name, None, (Violation("/", "NOT_READABLE", reason),))
        valid = valid and report.valid
        if as_json:
            typer.echo(json.dumps(report.as_json()))
        elif not quiet:
            _print(report)
    if not valid:
        raise typer.Exit(InputError.exit_code)


def _print(report: object) -> None:
    from picpxct_nx.validation import Report

    assert isinstance(report, Report)  # noqa: S101  # typed so only to keep h5py out of the help
    errors, warnings = len(report.errors), len(report.violations) - len(report.errors)
    verdict = "valid" if report.valid else "INVALID"
    typer.echo(
        f"{report.file}: {verdict}, {errors} errors, {warnings} warnings ({report.definition or 'no definition'})"
    )
    for v in report.violations:
        typer.echo(f"  {v.level} {v.code} {v.path}: {v.message}")
