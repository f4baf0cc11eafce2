"""Exports: files of ours as files of other programs, one module a format, and the list of them all.

`EXPORTS` says for each format what it takes, what it cannot carry, and which options mean something to it.
"""

from collections.abc import Iterator, Mapping, Sequence

from picpxct_nx import units
from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.formats.exports import csv_text, cxi, film, nxstxm, png, ptychodus, ptychoshelves, ptyd, tiff, xdi
from picpxct_nx.formats.exports.product import Choices, ExportFormat, Product, Sink
from picpxct_nx.records import Record

EXPORTS: tuple[ExportFormat, ...] = (
    cxi.FORMAT,
    ptyd.FORMAT,
    ptychodus.FORMAT,
    ptychoshelves.FORMAT,
    nxstxm.FORMAT,
    xdi.FORMAT,
    csv_text.FORMAT,
    tiff.TIFF,
    tiff.OME_TIFF,
    png.FORMAT,
    film.GIF,
    film.MP4,
)

# Kinds of record as a person calls them.
KIND_NAMES: Mapping[str, str] = {
    "NXspecptycho_scan": "raw scan", "NXspecptycho_reconstruction": "reconstruction",
    "NXspecptycho_cube": "spectral cube", "NXspecptycho_normalized": "normalised cube",
    "NXspecptycho_grainmap": "grain map", "NXspecptycho_dose": "dose map", "NXspecptycho_frc": "ring correlation",
    "NXspecptycho_spectrum": "measured spectrum",
}  # fmt: skip


def _called(cls: type[Record]) -> str:
    return KIND_NAMES.get(cls.DEFINITION, cls.DEFINITION.removeprefix("NXspecptycho_"))


def find(name: str) -> ExportFormat:
    """The format of that name.

    Raises
    ------
    UsageError
        There is none.
    """
    for known in EXPORTS:
        if known.name == name:
            return known
    what = f"'{name}' is unknown" if name else "is missing"
    raise UsageError(f"--format {what}; use {', '.join(known.name for known in EXPORTS)}")


def choose(
    wanted: ExportFormat,
    options: Mapping[str, str | None],
    settings: Sequence[str] = (),
) -> Choices:
    """What the command line says, as far as the format heeds it.

    Parameters
    ----------
    wanted : ExportFormat
        The format.
    options : mapping
        Texts of `image`, `polarisation`, `energy`, `region`, `with`; None where one is not given.
    settings : sequence of str
        NAME=VALUE of --set.

    Raises
    ------
    UsageError
        An option means nothing to the format, or cannot be read.
    """
    for option, text in options.items():
        if text is not None and option not in wanted.heeds:
            use = ", ".join(known.name for known in EXPORTS if option in known.heeds)
            raise UsageError(f"--{option} means nothing to {wanted.name}, only to {use}; leave it out")
    angle, energy, images = options.get("polarisation"), options.get("energy"), options.get("image")
    return Choices(
        images=() if images is None else _names(images),
        polarisation=None if angle is None else _quantity("--polarisation", angle, "rad"),
        energy_ev=None if energy is None else _quantity("--energy", energy, "eV"),
        region=options.get("region"),
        given=_settings(wanted, settings),
    )


def _names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise UsageError(f"--image '{text}': names no image; write for example phase,modulus")
    return names


def _quantity(option: str, text: str, unit: str) -> float:
    try:
        return units.quantity(text, unit)
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from None


def _settings(wanted: ExportFormat, texts: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name or not value:
            raise UsageError(f"--set '{text}': wanted NAME=VALUE, for example distance=\"7.2 m\"")
        if name not in wanted.asks:
            known = f"takes {', '.join(wanted.asks)}" if wanted.asks else "takes none"
            raise UsageError(f"--set {name}: {wanted.name} {known}")
        if name in given:
            raise UsageError(f"--set {name}: is given twice; leave one out")
        unit = wanted.asks[name]
        if unit is not None:
            _quantity(f"--set {name}", value, unit)
        given[name] = value
    return given


def products(record: Record, wanted: ExportFormat, choices: Choices) -> Iterator[Product]:
    """The files that a record becomes in a format, one by one; each is written while the record's file is open.

    Raises
    ------
    UsageError, InputError
        The format does not take that kind of record, or the record lacks what the format demands or what was chosen.
    """
    if not isinstance(record, wanted.takes):
        kind = _called(type(record))
        fit = ", ".join(known.name for known in EXPORTS if isinstance(record, known.takes))
        takes = " or ".join(map(_called, wanted.takes))
        raise InputError(
            f"{record.entry}: is a {kind}; {wanted.name} takes a {takes}; "
            + (f"a {kind} goes to {fit}" if fit else f"no format takes a {kind}")
        )
    yield from wanted.products(record, choices)


__all__ = ["EXPORTS", "Choices", "ExportFormat", "Product", "Sink", "choose", "find", "products"]
