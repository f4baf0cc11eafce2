"""The `picpxct` command: collects the commands; nothing heavy is imported before one of them runs."""

import sys
from typing import Annotated

import typer

from picpxct_nx import __version__

from . import (
    align,
    amend,
    audit,
    demo,
    deposit,
    dose,
    export,
    flatten,
    formats,
    frc,
    grainmap,
    import_,
    info,
    normalize,
    plan,
    reconstruct,
    register,
    report,
    rerun,
    schema,
    score,
    simulate,
    stack,
    validate,
)
from ._run import command, run_program
from ._settings import apply_settings

app = typer.Typer(
    name="picpxct",
    help="Spectro-ptychography from the shell: commands read NeXus files and write one, so that they form pipes.",
    epilog="Data go to stdout, talk to stderr. Options can stand in ./picpxct.toml under [COMMAND] and in "
    "PICPXCT_COMMAND_OPTION.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("simulate", rich_help_panel="Make and convert")(command(simulate.simulate))
app.command("plan", rich_help_panel="Make and convert")(command(plan.plan))
app.command("import", rich_help_panel="Make and convert")(command(import_.import_))
app.command("export", rich_help_panel="Make and convert")(command(export.export))
app.command("amend", rich_help_panel="Make and convert")(command(amend.amend))
app.command("reconstruct", rich_help_panel="Process")(command(reconstruct.reconstruct))
app.command("flatten", rich_help_panel="Process")(command(flatten.flatten))
app.command("stack", rich_help_panel="Process")(command(stack.stack))
app.command("align", rich_help_panel="Process")(command(align.align))
app.command("register", rich_help_panel="Process")(command(register.register))
app.command("normalize", rich_help_panel="Process")(command(normalize.normalize))
app.command("grainmap", rich_help_panel="Process")(command(grainmap.grainmap))
app.command("frc", rich_help_panel="Process")(command(frc.frc))
app.command("audit", rich_help_panel="Look and check")(command(audit.audit))
app.command("dose", rich_help_panel="Look and check")(command(dose.dose))
app.command("score", rich_help_panel="Look and check")(command(score.score))
app.command("validate", rich_help_panel="Look and check")(command(validate.validate))
app.command("deposit", rich_help_panel="Publish and reproduce")(command(deposit.deposit))
app.command("rerun", rich_help_panel="Publish and reproduce")(command(rerun.rerun))
app.command("info", rich_help_panel="Look and check")(command(info.info))
app.command("report", rich_help_panel="Look and check")(command(report.report))
app.command("formats", rich_help_panel="Look and check")(command(formats.formats))
app.command("schema", rich_help_panel="Look and check")(command(schema.schema))
app.command("demo", rich_help_panel="Look and check")(command(demo.demo))


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"picpxct {__version__}")
        raise typer.Exit


@app.callback()
@command
def _configure(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    apply_settings(context)


def main() -> None:
    """Run the command that the shell asked for."""
    run_program(lambda: app(args=sys.argv[1:], prog_name="picpxct"))
