"""XDI, version 1.0: mean spectra of a normalised cube as text, a file a polarisation and region, for larch and Athena.

Conventions, each with its source (spec.md and dictionary.md of github.com/XraySpectroscopy/XAS-Data-Interchange):

- Columns: `energy eV`, measured, calibrated as the cube's; then `normtrans` (normalized mu transmission) where spectra
  are divided by their edge step, else `mutrans` (mu transmission, of arbitrary scale: larch and Athena normalise it);
  then its standard deviation, and the phase (`xpnes`, not XDI's word: negative in matter, over its own divisor) with
  its own. `must use these labels when appropriate` is kept; sigmas and phase are "some other measurement".
- NaN and infinity "are not allowed": energies that were not measured are left out.
- `Element.symbol`, `Element.edge`: of the formula, the edge that is nearest to the cube's edge energy, within what
  tables call near; --set element and edge overrule.
- `Mono.d_spacing` in angstrom is required and no cube holds it: --set mono.d_spacing="3.1356 angstrom" for Si(111).
- Facility, beamline, monochromator and time, which XDI recommends, can be stated: --set beamline.name=NAME and so on.
- `Scan.edge_energy` is the cube's e0. Names that XDI does not define stand in the namespace `Picpxct_nx`.
- Text is kept to one line and ASCII is not forced: "free-format" values may be UTF-8.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from picpxct_nx import __version__
from picpxct_nx.errors import InputError
from picpxct_nx.formats.exports.images import measured_at, pol_suffix, polarisations
from picpxct_nx.formats.exports.product import (
    Choices,
    ExportFormat,
    Product,
    Sink,
    companion,
    lost,
    missing,
    origin,
    quantity,
)
from picpxct_nx.formats.exports.regions import Region, Spectrum, means, part, regions
from picpxct_nx.records import GrainMap, NormalizedCube, Record
from picpxct_nx.spectra.attenuation import near_edge
from picpxct_nx.values import Array

CARRIED = frozenset({
    "title", "entry_identifier_uuid", "assumed", "edge_energy", "thickness_by", "sample/name",
    "sample/chemical_formula", "instrument/beam/incident_energy",
    "instrument/beam/incident_polarization_stokes", "sample/rotation_angle",
    "xanes/polarization_angle", "pre_edge", "post_edge",
})  # fmt: skip


# Names that XDI recommends and no cube holds.
RECOMMENDED = {
    "facility.name": "Facility.name", "facility.xray_source": "Facility.xray_source", "beamline.name": "Beamline.name",
    "mono.name": "Mono.name", "scan.start_time": "Scan.start_time",
}  # fmt: skip


@dataclass(frozen=True)
class _File:
    """One file: which part of which polarisation it holds, its spectra by name at the energies (n,) in eV."""

    p: int
    region: Region
    pixels: int
    energy_ev: Array
    spectra: dict[str, Spectrum]


def products(record: Record, choices: Choices) -> Iterator[Product]:
    """A file for each polarisation and region.

    Raises
    ------
    InputError
        Element, edge or d-spacing is not known, or a region has no pixel that can be used, or no energy.
    """
    assert isinstance(record, NormalizedCube)  # noqa: S101  # the registry gives no other
    headers = _headers(record, choices)
    grains = companion(record, GrainMap, choices.others)
    chosen = polarisations(record.entry, record.polarization_angle, choices)
    found = list(regions(record, choices.region, grains))
    how = "inverse of its noise variance" if record.density_noise is not None else "square of its divisor"
    for p in chosen:
        for file in _files(record, p, found):
            yield Product(
                name=f"{record.entry}{pol_suffix(float(record.polarization_angle[p]))}{file.region.name}",
                write=partial(_write, record, file, headers),
                notes=(
                    f"mean of {file.pixels} pixels: {file.region.about}, each weighted by the {how}",
                    f"element {headers['Element.symbol']}, edge {headers['Element.edge']}",
                ),
                lost=lost(record, CARRIED),
            )


def _files(record: NormalizedCube, p: int, found: Sequence[Region]) -> Iterator[_File]:
    """The files of one polarisation; the cube is read once for all regions."""
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
        yield _File(p, region, len(parts[index].index), measured[known], mine)


def _headers(record: NormalizedCube, choices: Choices) -> dict[str, str]:
    """Header lines of all files of a cube.

    Raises
    ------
    InputError
        What XDI requires is neither held nor stated.
    """
    given = choices.given
    found = near_edge(record.formula, record.edge_energy_ev) if record.formula else None
    element = given.get("element") or (found and found.element)
    edge = given.get("edge") or (found and found.level)
    spacing = quantity(choices, "mono.d_spacing", "angstrom")
    lacking = {
        name: example
        for name, example, value in (
            ("element", "V", element), ("edge", "K", edge), ("mono.d_spacing", "3.1356 angstrom", spacing),
        )
        if not value
    }  # fmt: skip
    if lacking:
        raise missing(record, lacking, "XDI")
    headers = {
        "Element.symbol": str(element),
        "Element.edge": str(edge),
        "Mono.d_spacing": f"{spacing:.8g}",
        "Scan.edge_energy": f"{record.edge_energy_ev:.4f}",
        "Sample.name": record.sample,
    }
    if record.formula:
        headers["Sample.stoichiometry"] = record.formula
    return headers | {theirs: given[name] for name, theirs in RECOMMENDED.items() if name in given}


def _write(record: NormalizedCube, file: _File, headers: dict[str, str], sink: Sink) -> None:
    label = "normtrans" if record.thickness_by == "edge-jump" else "mutrans"
    columns = _columns(file.energy_ev, {label: file.spectra["xanes"], "xpnes": file.spectra["xpnes"]})
    own = {
        "polarisation_deg": f"{np.rad2deg(record.polarization_angle[file.p]):.6g}",
        "stokes": " ".join(f"{value:.6g}" for value in record.stokes[file.p]),
        "divided_by": record.thickness_by,
        "pixels": str(file.pixels),
        "region": file.region.about,
        "pre_edge_eV": " ".join(f"{value:.6g}" for value in record.pre_edge_ev),
        "post_edge_eV": " ".join(f"{value:.6g}" for value in record.post_edge_ev),
        "origin": origin(record),
    }
    named = headers | {f"Picpxct_nx.{name}": value for name, value in own.items()}
    text = render(named, record.title, columns).encode()
    if isinstance(sink, Path):
        sink.write_bytes(text)
    else:
        sink.write(text)


def _columns(energy: Array, spectra: dict[str, Spectrum]) -> tuple[tuple[str, Array], ...]:
    """Energies, then each spectrum and its sigma, in the order of energy.

    Raises
    ------
    InputError
        A value is not finite, which XDI does not allow.
    """
    columns: list[tuple[str, Array]] = [("energy eV", energy)]
    for name, spectrum in spectra.items():
        columns.append((name, spectrum.value))
        if spectrum.sigma is not None:
            columns.append((f"{name}_sigma", spectrum.sigma))
    for name, column in columns:
        if not np.isfinite(column).all():
            where = energy[~np.isfinite(column)][0]
            raise InputError(
                f"{name} is not finite at {where:.2f} eV, and XDI has no NaN; mask such pixels, or choose others"
            )
    order = np.argsort(energy, kind="stable")
    return tuple((name, column[order]) for name, column in columns)


def render(headers: dict[str, str], comment: str, columns: tuple[tuple[str, Array], ...]) -> str:
    """The text of an XDI file; columns are (label and unit, values (n,))."""
    text = io.StringIO()
    text.write(f"# XDI/1.0 picpxct_nx/{__version__}\n")
    for number, (name, _) in enumerate(columns, 1):
        text.write(f"# Column.{number}: {name}\n")
    for name, value in headers.items():
        text.write(f"# {name}: {' '.join(value.split())}\n")
    text.write(f"# ///\n# {' '.join(comment.split())}\n# ---\n")
    text.write("# " + " ".join(name.partition(" ")[0] for name, _ in columns) + "\n")
    for row in zip(*(values for _, values in columns), strict=True):
        text.write(" ".join(f"{value:.9g}" for value in row) + "\n")
    return text.getvalue()


FORMAT = ExportFormat(
    name="xdi",
    about="XDI 1.0 (text): mean XANES and phase spectra with sigmas, of all, a box or each grain, for larch and Athena",
    suffix=".xdi",
    takes=(NormalizedCube,),
    lacks=("images", "maps of step, thickness and mask", "the history"),
    products=products,
    heeds=frozenset({"polarisation", "region", "with"}),
    asks={"element": None, "edge": None, "mono.d_spacing": "angstrom", **dict.fromkeys(RECOMMENDED)},
    companions=(GrainMap,),
)
