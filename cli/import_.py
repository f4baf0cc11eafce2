"""picpxct import: foreign raw data to valid raw scans."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picpxct_nx.errors import InputError, PicpxctError, UsageError

from ._options import Json, KeepGoing, Output, Overwrite, Quiet, Verbose
from ._output import Delivery, deliver, refuse_early
from ._talk import say

if TYPE_CHECKING:
    from picpxct_nx.formats import ImportOptions
    from picpxct_nx.nexus import InvalidWriteError
    from picpxct_nx.records import Record

# What else than --set PATH=VALUE says a value that contradicts others.
_REMEDIES = {"BEAM_CENTRE": "--center", "MASK_ALL": "--mask", "STOKES": "--set stokes=I,Q,U,V", "COUNTS": "--mask"}

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
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="CXI, .npy, .npz (also .bz2, .gz), HDF5.")],
    output: Output = None,
    file_format: Annotated[str, typer.Option("--format", help="auto, cxi, numpy or hdf5.")] = "auto",
    keys: Annotated[
        str | None, typer.Option("--map", help="Where the arrays are: data=KEY,positions=KEY,probe=KEY,mask=KEY.")
    ] = None,
    axes: Annotated[
        str | None,
        typer.Option(
            "--axes",
            help="What the position columns are: probe:+y,+x:um where the beam meets the sample, stage:-x,+y:mm for "
            "the stage, unit pixel for object pixels.",
        ),
    ] = None,
    settings: Settings = None,
    assumptions: Assumptions = None,
    crop: Annotated[str | None, typer.Option("--crop", help="Cut frames to 440 or 440x440 around the beam.")] = None,
    center: Annotated[
        str | None,
        typer.Option("--center", help="Pixel y,x of the beam, auto, or corner: zero frequency at [0, 0]."),
    ] = None,
    mask: Annotated[str | None, typer.Option("--mask", help="FILE or FILE::KEY: array, not zero where bad.")] = None,
    overwrite: Overwrite = False,
    keep_going: KeepGoing = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    as_json: Json = False,
) -> None:
    """Import foreign raw data as valid raw scans. What the file does not say must be said; nothing is invented.

    Example: picpxct import scan.cxi --set stokes=1,1,0,0 --set rotation="0 deg" -o scan.nxs
    """
    from picpxct_nx.formats import ImportOptions
    from picpxct_nx.nexus import InvalidWriteError

    delivery = Delivery(
        output=output, overwrite=overwrite, keep_going=keep_going, quiet=quiet, verbose=verbose, json=as_json
    )
    refuse_early(delivery)
    given, assumed = _pairs("--set", settings or []), _pairs("--assume", assumptions or [])
    options = ImportOptions(crop=crop, center=center, mask=mask)
    origins: dict[str, Path] = {}
    scans = _scans(files, (file_format, keys, axes), (given, assumed), options, delivery)
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
    files: list[Path],
    layout: tuple[str, str | None, str | None],
    stated: tuple[dict[str, str], dict[str, str]],
    options: "ImportOptions",
    delivery: Delivery,
) -> "Iterator[tuple[Path, Record]]":
    from picpxct_nx import formats

    file_format, keys, axes = layout
    for path in files:
        with ExitStack() as stack:
            try:
                foreign = stack.enter_context(formats.read(path, file_format, keys=keys, axes=axes))
                scan, notes = formats.assemble(foreign, *stated, options)
            except UsageError:
                raise
            except PicpxctError as error:
                if not delivery.keep_going:
                    raise
                delivery.fail(str(path), error)
                continue
            for note in notes:
                say(f"import: {note}", quiet=delivery.quiet)
            yield path, scan
