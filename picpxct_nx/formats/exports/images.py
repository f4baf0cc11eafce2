"""Real images of a record, plane by plane: which there are, in which unit, and at which energy and polarisation."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.formats.exports.product import Choices
from picpxct_nx.nexus.selection import ANGLE_TOLERANCE, ENERGY_TOLERANCE_EV
from picpxct_nx.records import DoseMap, GrainMap, NormalizedCube, Reconstruction, Record, SpectralCube
from picpxct_nx.values import Array, ArraySource

Make = Callable[[Array], Array]


@dataclass(frozen=True)
class Plane:
    """One real image (h, w), read when it is asked for; `energy_ev` where it belongs to one energy."""

    image: str
    unit: str
    read: Callable[[], Array]
    energy_ev: float | None = None

    @property
    def label(self) -> str:
        """What is shown, with unit and energy: `phase (rad), 5471.00 eV`."""
        named = f"{self.image} ({self.unit})" if self.unit else self.image
        return named if self.energy_ev is None else f"{named}, {self.energy_ev:.2f} eV"


@dataclass(frozen=True)
class Sheet:
    """The planes of one record at one polarisation, on one grid y (h,), x (w,) in m.

    `suffix` is empty where the record has one polarisation only; `angle` is that of the electric field in the sample,
    rad, and None where the images belong to none; `known` (h, w) is False where pixels are filled and not measured.
    """

    suffix: str
    angle: float | None
    planes: tuple[Plane, ...]
    y: Array
    x: Array
    known: Array | None = None


def _density(t: Array) -> Array:
    with np.errstate(divide="ignore"):
        found = -2 * np.log(np.abs(t))
    return np.asarray(np.where(np.isfinite(found), found, np.nan), np.float32)


# Of a complex transmission: unit, and how it is made.
OF_COMPLEX: Mapping[str, tuple[str, Make]] = {
    "phase": ("rad", np.angle),
    "modulus": ("", np.abs),
    "intensity": ("", lambda t: np.abs(t) ** 2),
    "optical-density": ("", _density),
}
# Of the others: unit and attribute of the record. The first of a list is shown where none is asked for.
_SPECTRA = {"xanes": ("", "xanes"), "xpnes": ("", "xpnes")}
_MAPS = {
    "edge-step": ("", "edge_step"), "phase-drop": ("rad", "phase_drop"), "thickness": ("m", "thickness"),
    "relative-thickness": ("", "relative_thickness"), "mask": ("", "mask"),
}  # fmt: skip
_GRAINS = {
    "orientation": ("rad", "orientation"), "orientation-errors": ("rad", "orientation_errors"), "grain": ("", "label"),
    "confidence": ("", "confidence"), "tilt": ("rad", "tilt"),
}  # fmt: skip
_DOSES = {"dose": ("Gy", "dose"), "fluence": ("1/m^2", "fluence")}
_COVERAGE = {"coverage": ("", "coverage")}

IMAGES: Mapping[type[Record], tuple[str, ...]] = {
    Reconstruction: (*OF_COMPLEX, *_COVERAGE),
    SpectralCube: tuple(OF_COMPLEX),
    NormalizedCube: (*_SPECTRA, *_MAPS),
    GrainMap: (*_GRAINS, "dichroism"),
    DoseMap: tuple(_DOSES),
}
IMAGED = tuple(IMAGES)


def sheets(record: Record, choices: Choices, default: Mapping[type[Record], Sequence[str]]) -> Iterator[Sheet]:
    """The sheets of a record: those images, energies and polarisations that are chosen, else all of `default`.

    Raises
    ------
    UsageError
        An image is unknown for this kind of record, or `complex`, which is no real image.
    InputError
        The record lacks a chosen image, energy or polarisation.
    """
    names = choices.images or tuple(default[type(record)])
    for name in names:
        if name not in IMAGES[type(record)]:
            known = ", ".join(IMAGES[type(record)])
            hint = "; a complex image is two real ones, phase and modulus" if name == "complex" else ""
            raise UsageError(f"--image {name}: {record.entry} has {known}{hint}")
    if isinstance(record, Reconstruction):
        yield from _of_reconstruction(record, names, choices)
    elif isinstance(record, SpectralCube | NormalizedCube):
        yield from _of_cube(record, names, choices)
    elif isinstance(record, GrainMap | DoseMap):
        yield from _of_maps(record, names, choices)


def _of_reconstruction(record: Reconstruction, names: Sequence[str], choices: Choices) -> Iterator[Sheet]:
    from picpxct_nx.records import polarization_angle

    angle = polarization_angle(record.stokes, record.rotation)
    polarisations(record.entry, np.array([angle]), choices)
    energies(record.entry, np.array([record.energy_ev]), choices)
    planes = []
    for name in names:
        if name in OF_COMPLEX:
            unit, make = OF_COMPLEX[name]
            planes.append(Plane(name, unit, partial(_made, make, record.transmission, ()), record.energy_ev))
        else:
            planes.append(_attribute(record, name, _COVERAGE))
    yield Sheet("", angle, tuple(planes), record.y, record.x)


def _of_cube(record: SpectralCube | NormalizedCube, names: Sequence[str], choices: Choices) -> Iterator[Sheet]:
    if set(names) <= set(_MAPS):
        refuse(record.entry, "energy", choices.energy_ev, f"has {', '.join(names)} of no single energy")
    chosen = polarisations(record.entry, record.polarization_angle, choices)
    for p in chosen:
        angle = float(record.polarization_angle[p])
        planes = tuple(plane for name in names for plane in _planes(record, name, p, choices))
        suffix = pol_suffix(angle) if len(record.polarization_angle) > 1 else ""
        known = np.asarray(record.known[p], bool) if isinstance(record, SpectralCube) else None
        yield Sheet(suffix, angle, planes, record.y, record.x, known)


def _planes(record: SpectralCube | NormalizedCube, name: str, p: int, choices: Choices) -> Iterator[Plane]:
    if name in _MAPS:
        yield _attribute(record, name, _MAPS, p)
        return
    source, unit, make = _spectral(record, name)
    measured = np.asarray(record.measured_energy_ev[p], np.float64)
    known = np.flatnonzero(measured_at(record, p))
    for e in known[energies(record.entry, measured[known], choices)]:
        yield Plane(name, unit, partial(_made, make, source, (p, int(e))), float(measured[e]))


def _spectral(record: SpectralCube | NormalizedCube, name: str) -> tuple[ArraySource, str, Make]:
    if isinstance(record, SpectralCube):
        unit, make = OF_COMPLEX[name]
        return record.transmission, unit, make
    unit, attribute = _SPECTRA[name]
    return getattr(record, attribute), unit, np.asarray


def measured_at(record: SpectralCube | NormalizedCube, p: int) -> Array:
    """Which energies were measured at a polarisation, (energies,) bool; a gap has no measured energy."""
    measured = np.isfinite(record.measured_energy_ev[p])
    return np.asarray(measured & record.valid[p] if isinstance(record, SpectralCube) else measured, bool)


def refuse(entry: str, option: str, value: object, why: str) -> None:
    """Refuse an option that would choose nothing.

    Raises
    ------
    UsageError
        It was given.
    """
    if value is not None and value != ():
        raise UsageError(f"--{option}: {entry} {why}; leave it out")


def _of_maps(record: GrainMap | DoseMap, names: Sequence[str], choices: Choices) -> Iterator[Sheet]:
    refuse(record.entry, "energy", choices.energy_ev, "is a map of no single energy")
    if "dichroism" not in names:
        refuse(record.entry, "polarisation", choices.polarisation, f"has {', '.join(names)} of no single polarisation")
    table = _GRAINS if isinstance(record, GrainMap) else _DOSES
    planes = []
    for name in names:
        if name != "dichroism" or not isinstance(record, GrainMap):
            planes.append(_attribute(record, name, table))
            continue
        for p in polarisations(record.entry, record.polarization_angle, choices):
            label = f"dichroism, E at {np.rad2deg(record.polarization_angle[p]):.3g} deg"
            planes.append(Plane(label, "", partial(_made, np.asarray, record.signal, (p,))))
    yield Sheet("", None, tuple(planes), record.y, record.x)


def _attribute(record: Record, name: str, table: Mapping[str, tuple[str, str]], p: int | None = None) -> Plane:
    unit, attribute = table[name]
    values = getattr(record, attribute)
    if values is None:
        raise InputError(f"{record.entry}: has no {name}; it was made without; choose another --image")
    return Plane(name, unit, partial(_made, np.asarray, values, () if p is None else (p,)))


def _made(make: Make, source: ArraySource | Array, key: tuple[int, ...]) -> Array:
    return np.asarray(make(np.asarray(source[key] if key else source[...])))


def polarisations(entry: str, angles: Array, choices: Choices) -> list[int]:
    """Indices of the chosen polarisation, or of all; directions that differ by pi are the same.

    Raises
    ------
    InputError
        None is within half a degree of the chosen one.
    """
    if choices.polarisation is None:
        return list(range(len(angles)))
    apart = (np.asarray(angles) - choices.polarisation + np.pi / 2) % np.pi - np.pi / 2
    found = [int(index) for index in np.flatnonzero(np.abs(apart) <= ANGLE_TOLERANCE)]
    if not found:
        known = ", ".join(f"{np.rad2deg(angle):.4g}" for angle in angles)
        raise InputError(f"{entry}: has no polarisation at {np.rad2deg(choices.polarisation):.4g} deg; it has {known}")
    return found


def energies(entry: str, measured: Array, choices: Choices) -> Array:
    """Indices of the energy that is chosen, or of all.

    Raises
    ------
    InputError
        None is within 0.2 eV of the chosen one.
    """
    if choices.energy_ev is None:
        return np.arange(len(measured))
    found: Array = np.flatnonzero(np.abs(measured - choices.energy_ev) <= ENERGY_TOLERANCE_EV)
    if not len(found):
        nearest = sorted(measured, key=lambda energy: abs(energy - float(choices.energy_ev or 0)))[:3]
        text = ", ".join(f"{energy:.2f}" for energy in nearest)
        raise InputError(f"{entry}: has no energy of {choices.energy_ev:.6g} eV; the nearest are {text} eV")
    return found


def pol_suffix(angle: float) -> str:
    """Part of a file's name that says the polarisation: `_pol090deg`, or `_pol022.5deg` where it needs a fraction."""
    degrees = round(float(np.rad2deg(angle)), 1) % 180
    return f"_pol{degrees:03.0f}deg" if degrees == round(degrees) else f"_pol{degrees:05.1f}deg"


def pixel_size(axis: Array) -> float:
    """Size of a pixel of an even axis, m."""
    return float((axis[-1] - axis[0]) / max(1, len(axis) - 1))
