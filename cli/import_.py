"""picpxct import: foreign data to valid files of ours."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picpxct_nx.errors import InputError, PicpxctError, UsageError

from ._input import naming_damage
from ._manifest import read_table
from ._options import Json, KeepGoing, Output, Overwrite, Quiet, Verbose
from ._output import Delivery, deliver, is_done, refuse_early
from ._talk import say

if TYPE_CHECKING:
    from picpxct_nx.formats import ImportOptions, Job
    from picpxct_nx.nexus import InvalidWriteError
    from picpxct_nx.records import Record

# What else than --set PATH=VALUE says a value that contradicts others.
_REMEDIES = {
    "BEAM_CENTRE": "--center",
    "MASK_ALL": "--map mask=FILE",
    "STOKES": "--set stokes=I,Q,U,V",
    "COUNTS": "--map mask=FILE",
}

Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help='A value you know, with its unit: energy="5471 eV", distance="7.1 m", pixel_size="75 um", stokes=1,1,0,0, '
        'rotation="0 deg", count_time, sample, instrument, source, start_time, ... or any path of the definition.',
    ),
]
Assumptions = Annotated[
    list[str] | None,
    typer.Option("--assume", metavar="NAME=VALUE", help="A value nobody measured: stored as assumed, validate warns."),
]


def import_(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="Files, or a folder of S-numbers; picpxct formats lists formats."),
    ],
    output: Output = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            "--manifest",
            help="CSV or TOML, a row a scan of the folder: scan (S-number; or a path in file, and its own map), and "
            "columns that --set knows, units in the values or as energy (eV): energy, rotation, sample, ...",
        ),
    ] = None,
    file_format: Annotated[str, typer.Option("--format", help="auto, or a name that picpxct formats lists.")] = "auto",
    keys: Annotated[
        str | None,
        typer.Option(
            "--map",
            help="Where the arrays are: data=KEY,positions=KEY,probe=KEY,mask=KEY, FILE::KEY in another file, "
            "mask=FILE not zero where bad or mask=good:FILE where good; or a map file, FILE.toml.",
        ),
    ] = None,
    axes: Annotated[
        str | None,
        typer.Option(
            "--axes",
            help="What the position columns are: probe:+y,+x:um where the beam meets the sample, stage:-x,+y:mm for "
            "the stage, unit pixel for object pixels; where the frames are turned, frames:-y,-x for rows and columns.",
        ),
    ] = None,
    settings: Settings = None,
    assumptions: Assumptions = None,
    crop: Annotated[str | None, typer.Option("--crop", help="Cut frames to 440 or 440x440 around the beam.")] = None,
    center: Annotated[
        str | None,
        typer.Option("--center", help="Pixel y,x of the beam, auto, or corner: zero frequency at [0, 0]."),
    ] = None,
    overwrite: Overwrite = False,
    keep_going: KeepGoing = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    as_json: Json = False,
) -> None:
    """Import foreign data as valid files of ours. What a file does not say must be said; nothing is invented.

    Example: picpxct import beamtime/ --manifest scans.csv --set distance="7.2 m" --crop 440 --center auto -o raw/
    """
    from picpxct_nx import formats
    from picpxct_nx.nexus import InvalidWriteError

    delivery = Delivery(
        output=output, overwrite=overwrite, keep_going=keep_going, quiet=quiet, verbose=verbose, json=as_json
    )
    refuse_early(delivery)
    given, assumed = _pairs("--set", settings or []), _pairs("--assume", assumptions or [])
    how = formats.source_of(Path(), keys, axes)
    jobs = formats.jobs(files, how, given, assumed, None if manifest is None else read_table(manifest))
    origins: dict[str, Path] = {}
    scans = _scans(jobs, file_format, formats.ImportOptions(crop=crop, center=center), delivery)
    named = _remembered(scans, origins)
    try:
        deliver(named, delivery, lambda record: {"entry": record.entry, "uuid": record.uuid, "title": record.title})
    except InvalidWriteError as error:
        raise _contradiction(error, origins) from error


def _remembered(scans: "Iterator[tuple[Path, Record]]", origins: dict[str, Path]) -> "Iterator[Record]":
    """The scans, with a note of the file from which each entry came."""
    for path, scan in scans:
        origins[scan.entry] = path
        yield scan


def _contradiction(error: "InvalidWriteError", origins: dict[str, Path]) -> Exception:
    """What a user can do about values that contradict each other; the error itself where it is a bug of ours."""
    from picpxct_nx.validation.rules import RULES

    outside = {rule.code for rule in RULES} | {"NOT_FINITE", "ENERGY_ORDER", "DATE"}
    if any(fault.code not in outside for fault in error.faults):
        return error
    fault, *others = error.faults
    entry, _, path = fault.path.lstrip("/").partition("/")
    more = f" (and {len(others)} more)" if others else ""
    remedy = f"correct it there, or give it with {_REMEDIES.get(fault.code, f'--set {path}=VALUE')}"
    return InputError(f"{origins.get(entry, entry)}: {path} {fault.message}{more}; {remedy}")


def _pairs(option: str, texts: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"{option} '{text}': wanted NAME=VALUE, for example energy='5471 eV'")
        if name.strip() in pairs:
            raise UsageError(f"{option} '{text}': {name.strip()} is given twice; leave one out")
        pairs[name.strip()] = value.strip()
    return pairs


def _scans(
    jobs: "list[Job]", file_format: str, options: "ImportOptions", delivery: Delivery
) -> "Iterator[tuple[Path, Record]]":
    from picpxct_nx import formats

    told: set[str] = set()
    for job in jobs:
        if job.entry is not None and is_done(job.entry, delivery):
            continue
        with ExitStack() as stack:
            try:
                with naming_damage(job.name):
                    record, notes = stack.enter_context(formats.imported(job, file_format, options))
            except UsageError:
                raise
            except PicpxctError as error:
                if not delivery.keep_going:
                    raise
                delivery.fail(job.name, error)
                continue
            # What holds of many scans is said once; each file has all of it.
            for note in (note for note in notes if note not in told):
                say(f"import: {note}", quiet=delivery.quiet)
            told |= set(notes)
            yield job.source.path, record
