"""What `picpxct deposit` does: write a form, pack files, check an archive."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from picpxct_nx.errors import InputError, MissingInputError, OutputError, UsageError

from ._bytes import byte_progress
from ._input import Source, sources
from ._talk import ProgressMode, complain, say

if TYPE_CHECKING:
    from picpxct_nx.deposit.fault import Fault

FORM = Path("deposit.toml")


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a command talks and works."""

    jobs: int
    show: ProgressMode
    quiet: bool
    verbose: bool
    json: bool
    overwrite: bool


def paths(inputs: Sequence[str] | None) -> list[Path]:
    """Paths that the arguments or the lines of standard input name; bytes of a file have no name to be kept under.

    Raises
    ------
    UsageError
        An argument selects an entry, or a file comes through a pipe.
    """
    found = []
    for source in sources(inputs):
        if "::" in source.text or not isinstance(source.data, Path):
            raise UsageError(f"'{source.text}': a deposit takes whole files by their names; {_remedy(source)}")
        found.append(source.data)
    return found


def _remedy(source: Source) -> str:
    return "leave ::ENTRY out" if "::" in source.text else "write the pipe's product to a file with -o first"


def write_form(inputs: Sequence[str] | None, output: str | None, manner: Manner) -> None:
    """Write the form, filled in with what the files say."""
    from picpxct_nx import atomic
    from picpxct_nx.deposit.survey import glance, said
    from picpxct_nx.deposit.template import template

    target = FORM if output is None else Path(output)
    found = said([glance(path) for path in (paths(inputs) if inputs else [])])
    with atomic.part(target, overwrite=manner.overwrite) as hidden:
        hidden.write_text(template(found), "utf-8")
    say(f"wrote {target}; fill it in, then: picpxct deposit FILES... -o crate/", quiet=manner.quiet)


def tables(form: Path | None, settings: Iterable[str], licence: str | None) -> tuple[dict[str, Any], str]:
    """The form with what options change, and how to call it.

    Raises
    ------
    MissingInputError
        A form that is named is not there.
    ConfigError, UsageError
        It is no TOML, or a setting is not NAME=VALUE.
    """
    from picpxct_nx.deposit.sheet import overridden, parse

    path = form or FORM
    more = [*settings, *([f'license="{licence}"'] if licence else [])]
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        if form is not None:
            raise MissingInputError(f"{form}: is not there; picpxct deposit --init -o {form} writes a form") from None
        return overridden({}, more), "deposit.toml (which is not here; picpxct deposit --init writes it)"
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); wanted a TOML file") from None
    return overridden(parse(text, str(path)), more), str(path)


def external(lists: Iterable[Path]) -> dict[str, str | None]:
    """Inputs that lie elsewhere, from lists and from NeXus files that are there but are not to be packed."""
    from picpxct_nx.deposit.planning import listed
    from picpxct_nx.deposit.survey import glance

    found: dict[str, str | None] = {}
    for path in lists:
        if path.suffix in (".nxs", ".h5", ".hdf5"):
            found |= {held.uuid: None for held in glance(path).entries}
            continue
        try:
            found |= listed(path.read_text("utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise MissingInputError(f"--external-inputs {path}: cannot be read ({error})") from None
    return found


def make(
    files: list[Path], target: Path, form: tuple[dict[str, Any], str], elsewhere: dict[str, str | None], *,
    link: bool, manner: Manner,
) -> None:  # fmt: skip
    """Pack files, and say what to do next."""
    from picpxct_nx.deposit import packing, planning
    from picpxct_nx.deposit.commands import commands_of
    from picpxct_nx.deposit.fault import RefusedError
    from picpxct_nx.deposit.lineage import notes

    packing.refuse_existing(target, overwrite=manner.overwrite)
    with byte_progress(manner.show, quiet=manner.quiet) as report:
        holdings = planning.look(files, workers=manner.jobs, report=lambda done, total: report("checking", done, total))
        try:
            plan = planning.plan(holdings, form[0], elsewhere, form[1])
        except RefusedError as error:
            _tell(error.faults, manner)
            raise
        _tell(plan.warnings, manner)
        payload = packing.pack(
            plan, target, commands_of(plan.lineage), link=link, workers=manner.jobs,
            report=lambda done, total: report("packing", done, total),
        )  # fmt: skip
    for note in notes(plan.lineage):
        say(note, quiet=manner.quiet)
    size = sum(length for length, _ in payload.values())
    say(f"wrote {target}: {len(payload)} files, {size} bytes; picpxct deposit --verify {target} checks it",
        quiet=manner.quiet)  # fmt: skip
    _next(target, payload, manner)


def _next(target: Path, payload: dict[str, tuple[int, str]], manner: Manner) -> None:
    """The commands that hand the deposit to PSI's catalogue, last of all that is said."""
    from picpxct_nx.deposit import packing, scicat

    folder = target.with_suffix("") if packing.is_zip(target) else target
    kinds = [kind for kind in ("raw", "derived") if f"scicat/{kind}/metadata.json" in payload]
    lines = scicat.commands(str(folder), kinds)
    if manner.json:
        rows = {name: {"bytes": size, "sha256": digest} for name, (size, digest) in sorted(payload.items())}
        typer.echo(json.dumps({"deposit": str(target), "files": rows, "next": list(lines)}))
        return
    if not lines:
        say("no [scicat] in the form, so no metadata.json for PSI's catalogue", quiet=manner.quiet)
        return
    if packing.is_zip(target):
        say(f"unzip -d {folder} {target} first; then, at PSI:", quiet=manner.quiet)
    else:
        say(
            "at PSI, with --token SCICAT-TOKEN for a user's account; a dry run, then the ingestion:", quiet=manner.quiet
        )
    typer.echo("\n".join(lines))


def _tell(faults: "Sequence[Fault]", manner: Manner) -> None:
    """Every error in a line of its own; warnings of one kind and file together, unless all are asked for."""
    groups: dict[tuple[str, str], list[Fault]] = {}
    for fault in faults:
        if fault.level == "error":
            complain(str(fault))
        else:
            groups.setdefault((fault.place, fault.code), []).append(fault)
    for (place, code), members in groups.items():
        if manner.verbose or len(members) == 1:
            for fault in members:
                complain(f"warning: {fault}")
        else:
            complain(f"warning: {place}: {len(members)} times [{code}], the first: {members[0].message}")


def check(target: Path, manner: Manner) -> None:
    """Check an archive.

    Raises
    ------
    InputError
        It is not sound.
    """
    from picpxct_nx.deposit.verifying import verify

    with byte_progress(manner.show, quiet=manner.quiet) as report:
        verdict = verify(
            target, workers=manner.jobs, report=lambda done, total: report("hashing", done, total),
            checked=lambda done, total: report("checking", done, total),
        )  # fmt: skip
    if manner.json:
        typer.echo(json.dumps(verdict.as_json()))
    else:
        _tell(verdict.faults, manner)
        if verdict.sound and not manner.quiet:
            typer.echo(f"{target}: sound: {verdict.files} files, {verdict.size} bytes, {verdict.entries} valid entries")
    if not verdict.sound:
        count = sum(fault.level == "error" for fault in verdict.faults)
        raise InputError(f"{target}: NOT sound: {count} fault{'' if count == 1 else 's'}")


def target_of(output: str | None) -> Path:
    """Where the deposit goes.

    Raises
    ------
    UsageError
        No output is named.
    OutputError
        The output is a stream.
    """
    if output is None:
        raise UsageError("no output; add -o crate/ or -o crate.zip, or --init to write a form")
    if output == "-":
        raise OutputError("a deposit is not written to stdout; name a folder or a .zip with -o")
    return Path(output)
