"""Spectra as tables of text: means over parts of a normalised cube, or a measured spectrum, and what tables share.

What `xdi` and `csv` write, each in a dialect of its own. Energies that were not measured are left out, and NaN and
infinity are refused: XDI does not allow them, and a program that reads a table stumbles over them. Rows are in the
order of energy.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.formats.exports.images import measured_at, pol_suffix, polarisations
from picpxct_nx.formats.exports.product import Choices, ExportFormat, Product, Sink, companion, lost, origin
from picpxct_nx.formats.exports.regions import Region, Spectrum, means, part, regions
from picpxct_nx.records import GrainMap, NormalizedCube, Record
from picpxct_nx.records import Spectrum as Measured
from picpxct_nx.values import Array

OF_CUBE = frozenset({
    "title", "entry_identifier_uuid", "assumed", "edge_energy", "thickness_by", "sample/name",
    "sample/chemical_formula", "instrument/beam/incident_energy",
    "instrument/beam/incident_polarization_stokes", "sample/rotation_angle",
    "xanes/polarization_angle", "pre_edge", "post_edge",
})  # fmt: skip
OF_MEASURED = frozenset({"title", "entry_identifier_uuid", "assumed", "element", "edge", "mode", "normalized",
                         "edge_energy", "sample/", "instrument/", "spectrum/", "start_time", "end_time"})  # fmt: skip


@dataclass(frozen=True)
class Sheet:
    """One table: its name without ending, facts by name, columns of n rows by label, what to say, what is lost.

    The first column is `energy` in eV; a column `NAME_sigma` is the standard deviation of the one before it.
    """

    name: str
    facts: Mapping[str, str]
    columns: Mapping[str, Array]
    notes: tuple[str, ...]
    lost: tuple[str, ...]


def table_format(
    name: str,
    about: str,
    products: Callable[[Record, Choices], Iterator[Product]],
    asks: Mapping[str, str | None] | None = None,
) -> ExportFormat:
    """A format that writes sheets as text; `asks` is what --set states, as in `ExportFormat`."""
    return ExportFormat(
        name=name,
        about=about,
        suffix=f".{name}",
        takes=(Measured, NormalizedCube),
        lacks=("images", "maps of step, thickness and mask", "the history"),
        products=products,
        heeds=frozenset({"polarisation", "region", "with"}),
        asks=asks or {},
        companions=(GrainMap,),
    )


def of(record: Record, choices: Choices) -> Iterator[Sheet]:
    """A sheet for each polarisation and region of a cube, or one of a measured spectrum.

    Raises
    ------
    UsageError, InputError
        As `of_cube` and `of_measured`.
    """
    assert isinstance(record, Measured | NormalizedCube)  # noqa: S101  # the registry gives no other
    if isinstance(record, Measured):
        yield of_measured(record, choices)
    else:
        yield from of_cube(record, choices)


def rows(columns: Iterable[Array], separator: str) -> str:
    """Columns of n values each as n lines, nine digits a number."""
    lines = (separator.join(f"{value:.9g}" for value in row) for row in zip(*columns, strict=True))
    return "".join(f"{line}\n" for line in lines)


def comments(facts: Mapping[str, str]) -> str:
    """Facts as lines `# NAME: VALUE`, each value on one line."""
    return "".join(f"# {name}: {' '.join(value.split())}\n" for name, value in facts.items())


def put(text: str, sink: Sink) -> None:
    """Write a table to where it goes, in UTF-8 whatever the platform."""
    if isinstance(sink, Path):
        sink.write_bytes(text.encode())
    else:
        sink.write(text.encode())


def of_cube(record: NormalizedCube, choices: Choices) -> Iterator[Sheet]:
    """A sheet for each polarisation and region: XANES and XPNES with their sigmas.

    Raises
    ------
    InputError
        A region has no pixel that can be used, or no energy, or a mean is not finite.
    """
    grains = companion(record, GrainMap, choices.others)
    chosen = polarisations(record.entry, record.polarization_angle, choices)
    found = list(regions(record, choices.region, grains))
    how = "inverse of its noise variance" if record.density_noise is not None else "square of its divisor"
    for p in chosen:
        for region, pixels, energy, spectra in _parts(record, p, found):
            yield Sheet(
                name=f"{record.entry}{pol_suffix(float(record.polarization_angle[p]))}{region.name}",
                facts=_facts(record, p, region, pixels),
                columns=_columns(energy, spectra),
                notes=(f"mean of {pixels} pixels: {region.about}, each weighted by the {how}",),
                lost=lost(record, OF_CUBE),
            )


def _parts(
    record: NormalizedCube, p: int, found: Sequence[Region]
) -> Iterator[tuple[Region, int, Array, dict[str, Spectrum]]]:
    """Region, its pixels, energies (n,) in eV and spectra of one polarisation; the cube is read once for all."""
    parts = [part(record, p, region) for region in found]
    for region, pixels in zip(found, parts, strict=True):
        if not len(pixels.index):
            angle = np.rad2deg(record.polarization_angle[p])
            raise InputError(f"{record.entry}: {region.about} holds no pixel that can be used at {angle:.4g} deg")
    measured = np.asarray(record.measured_energy_ev[p], np.float64)
    known = np.flatnonzero(measured_at(record, p))
    if not len(known):
        raise InputError(f"{record.entry}: was not measured at any energy at polarisation {p}; choose --polarisation")
    spectra = {name: means(record, name, (p, known), parts) for name in ("xanes", "xpnes")}
    for index, region in enumerate(found):
        mine = {name: of_regions[index] for name, of_regions in spectra.items()}
        yield region, len(parts[index].index), measured[known], mine


def _facts(record: NormalizedCube, p: int, region: Region, pixels: int) -> dict[str, str]:
    return {
        "polarisation_deg": f"{np.rad2deg(record.polarization_angle[p]):.6g}",
        "stokes": " ".join(f"{value:.6g}" for value in record.stokes[p]),
        "divided_by": record.thickness_by,
        "pixels": str(pixels),
        "region": region.about,
        "pre_edge_eV": " ".join(f"{value:.6g}" for value in record.pre_edge_ev),
        "post_edge_eV": " ".join(f"{value:.6g}" for value in record.post_edge_ev),
        "origin": origin(record),
    }


def _columns(energy: Array, spectra: Mapping[str, Spectrum]) -> dict[str, Array]:
    columns = {"energy": energy}
    for name, spectrum in spectra.items():
        columns[name] = spectrum.value
        if spectrum.sigma is not None:
            columns[f"{name}_sigma"] = spectrum.sigma
    return _sorted(columns)


def of_measured(record: Measured, choices: Choices) -> Sheet:
    """The sheet of a spectrum that was measured without an image: absorption, and the intensities that it is of.

    Raises
    ------
    UsageError
        A region or polarisation is chosen, of which it has none.
    InputError
        A value is not finite.
    """
    for option, chosen in (("region", choices.region), ("polarisation", choices.polarisation)):
        if chosen is not None:
            raise UsageError(f"--{option} means nothing to {record.entry}, a measured spectrum; leave it out")
    columns = {"energy": np.asarray(record.energy_ev, np.float64), "absorption": np.asarray(record.absorption)}
    errors = record.extra.get("spectrum/absorption_errors")
    if errors is not None:
        columns["absorption_sigma"] = np.asarray(errors, np.float64)
    for name, column in (("incident", record.incident), ("detected", record.detected)):
        if column is not None:
            columns[name] = np.asarray(column, np.float64)
    facts = {"mode": record.mode, "normalized": str(bool(record.normalized)).lower(), "origin": origin(record)}
    return Sheet(record.entry, facts, _sorted(columns), (), lost(record, OF_MEASURED))


def _sorted(columns: dict[str, Array]) -> dict[str, Array]:
    """The columns in the order of energy.

    Raises
    ------
    InputError
        A value is not finite.
    """
    energy = columns["energy"]
    for name, column in columns.items():
        if not np.isfinite(column).all():
            where = energy[~np.isfinite(column)][0]
            raise InputError(
                f"{name} is not finite at {where:.2f} eV, and such a table has no NaN; mask such pixels, or choose "
                "others"
            )
    order = np.argsort(energy, kind="stable")
    return {name: np.asarray(column)[order] for name, column in columns.items()}
