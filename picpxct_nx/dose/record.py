"""The dose of raw scans, one by one or summed up over a sample, as records."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from picpxct_nx.dose.beam import beam_of, photon_rate
from picpxct_nx.dose.choice import Choice
from picpxct_nx.dose.fluence import Map, added, cropped, fluence
from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.provenance import Input, step
from picpxct_nx.records import DoseMap, Record, Scan
from picpxct_nx.spectra.attenuation import Edge, mass_attenuation, near_edge
from picpxct_nx.spectra.dose import surface_dose
from picpxct_nx.values import Value

# The field: pixels that got at least this part of the largest dose.
FIELD = 0.5


@dataclass(frozen=True)
class Row:
    """What is kept of a scan: its numbers, in SI units and Gy, and where they come from; `sigma` is nan if unknown."""

    scan: Scan  # without its frames
    source: Input
    photons: float
    mass_attenuation: float
    sigma: float
    mean_fluence: float
    mean_dose: float
    maximum_dose: float
    flux_from: str
    beam_from: str
    edge: Edge | None  # that is too near for tables


@dataclass(frozen=True)
class Maps:
    """Maps of a scan or of a sum of scans: fluence in 1/m^2, dose and its standard deviation in Gy."""

    fluence: Map
    dose: Map
    sigma: Map


def expose(scan: Scan, choice: Choice, pixel: float | None = None) -> tuple[Row, Maps]:
    """What one scan did to the sample.

    Parameters
    ----------
    scan : Scan
        Its frames are read for the checksum in the history.
    choice : Choice
        How the dose is computed.
    pixel : float, optional
        Of the maps in m, instead of that of the beam's profile.

    Raises
    ------
    InputError
        Flux, beam, formula or density are missing, or make no sense.
    """
    if not (np.isfinite(scan.count_time) and scan.count_time > 0):
        raise InputError(f"{scan.entry}/instrument/detector/count_time: is {scan.count_time}; wanted a positive number")
    beam = beam_of(scan, choice.beam_diameter)
    rate, flux_from = photon_rate(scan, beam, choice.flux)
    attenuation, sigma, edge = _attenuation(scan, choice)
    light = fluence(scan, beam, rate * scan.count_time, pixel or float(np.mean(beam.pixel)))
    values = surface_dose(light.values, scan.energy_ev, attenuation)
    field = values >= FIELD * values.max()
    row = Row(
        scan=replace(scan, frames=np.empty((0, 0, 0))),
        source=scan.as_input(),
        photons=rate * scan.count_time * scan.frames.shape[0],
        mass_attenuation=attenuation,
        sigma=sigma,
        mean_fluence=float(light.values[field].mean()),
        mean_dose=float(values[field].mean()),
        maximum_dose=float(values.max()),
        flux_from=flux_from,
        beam_from=beam.source,
        edge=edge,
    )
    return row, Maps(light, replace(light, values=values), replace(light, values=values * sigma / attenuation))


def _attenuation(scan: Scan, choice: Choice) -> tuple[float, float, Edge | None]:
    """Mass attenuation coefficient of a scan in m^2/kg, its standard deviation or nan, and an edge that is near."""
    if choice.absorption is not None:
        value = choice.absorption.at(scan.energy_ev)
        return (value / _density(scan, choice) if choice.absorption.linear else value), np.nan, None
    formula = choice.formula or scan.formula
    if formula is None:
        raise InputError(f"{scan.entry}/sample/chemical_formula: missing; give --formula, for example V2O5, or --mu")
    found = mass_attenuation(formula, np.array([scan.energy_ev]))
    edge = near_edge(formula, scan.energy_ev)
    # Two tables that share a fault agree; that says nothing of how right they are.
    sigma = float(found.sigma[0]) if edge is None else np.nan
    return float(found.mass_attenuation[0]), sigma, edge


def _warnings(rows: list[Row]) -> list[str]:
    """What makes the dose doubtful, once for each edge."""
    told = []
    for edge in sorted({row.edge for row in rows if row.edge is not None}, key=lambda edge: edge.energy_ev):
        near = [row.scan.energy_ev for row in rows if row.edge == edge]
        place = f"{min(near):.1f} eV is" if len(near) == 1 else f"{len(near)} scans from {min(near):.1f} eV are"
        told.append(
            f"{place} near the {edge.element} {edge.level} edge, which tables of free atoms put at "
            f"{edge.energy_ev:.1f} eV: the dose may be overestimated up to {edge.step:.1f} times; give --mu as measured"
        )
    return told


def _density(scan: Scan, choice: Choice) -> float:
    own = scan.extra.get("sample/density")
    density = choice.density if choice.density is not None else own
    if density is None:
        raise InputError(f'{scan.entry}/sample/density: missing; give --density, for example "3.36 g/cm^3"')
    value = float(np.asarray(density))
    if not (np.isfinite(value) and value > 0):
        raise InputError(f"{scan.entry}/sample/density: is {value}; wanted a positive number, or give --density")
    return value


def one_by_one(scan: Record, choice: Choice) -> DoseMap:
    """The dose of one scan."""
    assert isinstance(scan, Scan)  # noqa: S101  # the command asked for scans only
    row, maps = expose(scan, choice)
    return make_dose([row], maps, choice, entry=scan.entry)


def accumulated(scans: Iterable[Record], choice: Choice) -> Iterator[DoseMap]:
    """The dose of all scans of one sample together: one record, in the frame of the sample.

    Raises
    ------
    InputError
        The scans are of two samples, or one is given twice.
    UsageError
        There is no scan.
    """
    rows: list[Row] = []
    total: Maps | None = None
    for scan in scans:
        assert isinstance(scan, Scan)  # noqa: S101  # the command asked for scans only
        if rows and scan.sample != rows[0].scan.sample:
            first = rows[0].scan
            raise InputError(f"{scan.entry}: is of sample '{scan.sample}', {first.entry} of '{first.sample}'")
        if any(scan.uuid == row.scan.uuid for row in rows):
            raise InputError(f"{scan.entry}: is given twice; its dose would count twice")
        row, new = expose(scan, choice, None if total is None else total.dose.pixel)
        rows.append(row)
        total = new if total is None else _sum(total, new)
    if total is None:
        raise UsageError("found no scan whose dose could be summed up")
    yield make_dose(rows, total, choice, entry="dose")


def _sum(a: Maps, b: Maps) -> Maps:
    # Tables err in the same direction at all energies: standard deviations add up.
    return Maps(added(a.fluence, b.fluence), added(a.dose, b.dose), added(a.sigma, b.sigma))


def make_dose(rows: list[Row], maps: Maps, choice: Choice, *, entry: str) -> DoseMap:
    """The record of dose maps; `rows` are the scans that they are the sum of."""
    scans = tuple(row.scan for row in rows)
    maps = Maps(*(cropped(each, maps.dose) for each in (maps.fluence, maps.dose, maps.sigma)))
    dose, warnings = maps.dose.values, _warnings(rows)
    field = dose >= FIELD * dose.max()
    sigma = float(maps.sigma.values[field].mean())
    record = DoseMap(
        entry=entry,
        title=f"Dose of {scans[0].title}" if len(scans) == 1 else f"Dose of {len(scans)} scans of {scans[0].sample}",
        attenuation_from="tables" if choice.absorption is None else "given",
        flux_from=rows[0].flux_from,
        beam_from=rows[0].beam_from,
        field_area=float(field.sum()) * maps.dose.pixel**2,
        mean_dose=float(dose[field].mean()),
        mean_dose_sigma=sigma if np.isfinite(sigma) else None,
        maximum_dose=float(dose.max()),
        mean_fluence=float(maps.fluence.values[field].mean()),
        warnings=np.array(warnings, dtype=object) if warnings else None,
        sample=scans[0].sample,
        formula=choice.formula or scans[0].formula,
        density=choice.density,
        dose=dose.astype(np.float32),
        fluence=maps.fluence.values.astype(np.float32),
        y=maps.dose.axis(0),
        x=maps.dose.axis(1),
        **_table(rows),
        extra=_extra(scans),
    )
    made = step("dose", _parameters(choice, record, maps.dose.pixel), [row.source for row in rows])
    return record.assuming(scans[0].assumed).made_by(made, scans)


def _table(rows: list[Row]) -> dict[str, Any]:
    """The columns of the table of scans."""
    sigma = np.array([row.sigma for row in rows])
    return {
        "scan": np.arange(1, len(rows) + 1),
        "scan_name": np.array([row.scan.entry for row in rows], dtype=object),
        "scan_energy_ev": np.array([row.scan.energy_ev for row in rows]),
        "scan_rotation": np.array([row.scan.rotation for row in rows]),
        "scan_photons": np.array([row.photons for row in rows]),
        "scan_mass_attenuation": np.array([row.mass_attenuation for row in rows]),
        "scan_mass_attenuation_sigma": sigma if np.isfinite(sigma).all() else None,
        "scan_mean_fluence": np.array([row.mean_fluence for row in rows]),
        "scan_mean_dose": np.array([row.mean_dose for row in rows]),
        "scan_maximum_dose": np.array([row.maximum_dose for row in rows]),
    }


def _extra(scans: tuple[Scan, ...]) -> dict[str, Value]:
    paths = ("experiment_identifier", "collection_identifier")
    return {path: scans[0].extra[path] for path in paths if path in scans[0].extra}


def _parameters(choice: Choice, record: DoseMap, pixel: float) -> dict[str, Value]:
    """Every option and automatic choice for the history."""
    flux, absorption = choice.flux, choice.absorption
    values: dict[str, Value] = {
        "formula": record.formula or "none", "flux": record.flux_from, "beam": record.beam_from,
        "mu": record.attenuation_from, "accumulate": len(record.scan) > 1, "field": FIELD,
        "pixel": pixel, "pixel@units": "m",
    }  # fmt: skip
    if choice.density is not None:
        values |= {"density": choice.density, "density@units": "kg/m^3"}
    if choice.beam_diameter is not None:
        values |= {"beam_diameter": choice.beam_diameter, "beam_diameter@units": "m"}
    if flux is not None and not flux.counted:
        values |= {"flux_given": float(flux.rate or flux.per_area or 0.0)}
        values |= {"flux_given@units": "Hz" if flux.rate is not None else "1/s/m^2"}
    if absorption is not None:
        values |= {"mu_given": np.array(absorption.values)}
        values |= {"mu_given@units": "1/m" if absorption.linear else "m^2/kg"}
        if absorption.energies_ev:
            values |= {"mu_energy": np.array(absorption.energies_ev), "mu_energy@units": "eV"}
    return values


def sentences(record: Record) -> tuple[str, list[str]]:
    """The dose in one sentence, and what makes it doubtful."""
    assert isinstance(record, DoseMap)  # noqa: S101  # the command made it
    sigma = "" if record.mean_dose_sigma is None else f" +- {record.mean_dose_sigma:.2g}"
    of = f"{len(record.scan)} scans, " if len(record.scan) > 1 else ""
    told = (
        f"{record.entry}: {of}{record.mean_dose:.3g}{sigma} Gy at the surface on average over "
        f"{record.field_area * 1e12:.3g} um^2 (largest {record.maximum_dose:.3g} Gy), "
        f"{record.mean_fluence * 1e-12:.3g} photons/um^2"
    )
    return told, [] if record.warnings is None else [str(text) for text in record.warnings]


def summary(record: Record) -> dict[str, Any]:
    """What `--json` prints of a dose."""
    assert isinstance(record, DoseMap)  # noqa: S101  # the command made it
    return {
        "entry": record.entry,
        "uuid": record.uuid,
        "scans": len(record.scan),
        "mean_dose_gy": record.mean_dose,
        "mean_dose_sigma_gy": record.mean_dose_sigma,
        "maximum_dose_gy": record.maximum_dose,
        "mean_fluence_per_m2": record.mean_fluence,
        "field_area_m2": record.field_area,
        "photons": float(np.sum(record.scan_photons)),
        "warnings": [] if record.warnings is None else [str(text) for text in record.warnings],
    }
