"""Selection of entries: FILE::ENTRY by name, FILE::energy=5471eV,polarisation=90deg by what was measured."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import h5py
import numpy as np

from picpxct_nx import units
from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.nexus.reading import entries
from picpxct_nx.records import polarization_angle

# Encoder energies never repeat exactly; neighbouring energies of a stack are at least 0.5 eV apart.
ENERGY_TOLERANCE_EV = 0.2
ANGLE_TOLERANCE = np.deg2rad(0.5)

_CONDITION = re.compile(r"(?P<name>[a-z]+)=(?P<value>.+)")


@dataclass(frozen=True)
class Selection:
    """Which entries of a file are meant: all, one by name, or those that meet every condition."""

    entry: str | None = None
    conditions: Mapping[str, float] = field(default_factory=dict)
    text: str = ""


def split(text: str) -> tuple[str, Selection]:
    """Path and selection that an argument such as `scan.nxs::energy=5471eV` names.

    Raises
    ------
    UsageError
        A condition has an unknown name, no unit, or a unit of the wrong dimension.
    """
    path, double_colon, rest = text.partition("::")
    if not double_colon:
        return path, Selection()
    if not rest.strip("/ ") or not path:
        raise UsageError(f"'{text}': wanted FILE::ENTRY or FILE::energy=5471eV; picpxct info FILE lists the entries")
    if "=" not in rest:
        return path, Selection(entry=rest.strip("/"), text=rest)
    wanted = {"energy": "eV", "polarisation": "rad"}
    conditions: dict[str, float] = {}
    for part in rest.split(","):
        match = _CONDITION.fullmatch(part.strip())
        if match is None or match["name"] not in wanted or match["name"] in conditions:
            raise UsageError(f"'{text}': cannot select by '{part}'; write energy=5471eV or polarisation=90deg")
        try:
            conditions[match["name"]] = units.quantity(match["value"], wanted[match["name"]])
        except UsageError as error:
            raise UsageError(f"'{text}': {match['name']}: {error}") from None
    return path, Selection(conditions=conditions, text=rest)


def select(file: h5py.File, name: str, selection: Selection) -> list[str]:
    """Names of the entries that a selection means.

    Raises
    ------
    InputError
        No entry is meant.
    """
    found = entries(file)
    if selection.entry is not None:
        found = [entry for entry in found if entry == selection.entry]
    found = [entry for entry in found if _meets(file[entry], selection.conditions)]
    if not found:
        held = [_described(file, entry) for entry in entries(file)]
        more = f" and {len(held) - 6} more" if len(held) > 6 else ""
        raise InputError(f"{name}: no entry is {selection.text}; it holds {', '.join(held[:6])}{more}")
    return found


def _described(file: h5py.File, entry: str) -> str:
    energy, angle = energy_of(file[entry]), polarisation_of(file[entry])
    facts = ([] if energy is None else [f"{energy:.6g} eV"]) + (
        [] if angle is None else [f"{np.rad2deg(angle):.4g} deg"]
    )
    return f"{entry} ({', '.join(facts)})" if facts else entry


def _meets(entry: h5py.Group, conditions: Mapping[str, float]) -> bool:
    if not conditions:
        return True
    energy, angle = energy_of(entry), polarisation_of(entry)
    if "energy" in conditions and (energy is None or abs(energy - conditions["energy"]) > ENERGY_TOLERANCE_EV):
        return False
    if "polarisation" in conditions:
        if angle is None:
            return False
        # Directions that differ by pi are the same polarisation.
        apart = (angle - conditions["polarisation"] + np.pi / 2) % np.pi - np.pi / 2
        return bool(abs(apart) <= ANGLE_TOLERANCE)
    return True


def energy_of(entry: h5py.Group) -> float | None:
    """Photon energy of an entry in eV, where it has one."""
    item = entry.get("instrument/beam/incident_energy")
    if not isinstance(item, h5py.Dataset) or item.shape != ():
        return None
    return float(item[()]) * units.factor(str(item.attrs.get("units", "eV")), "eV")


def polarisation_of(entry: h5py.Group) -> float | None:
    """Direction of the electric field in the frame of the sample, rad, where the entry has one."""
    stokes = entry.get("instrument/beam/incident_polarization_stokes")
    rotation = entry.get("sample/transformations/rotation")
    if not isinstance(stokes, h5py.Dataset) or not isinstance(rotation, h5py.Dataset) or rotation.shape != ():
        return None
    turned = float(rotation[()]) * units.factor(str(rotation.attrs.get("units", "rad")), "rad")
    return polarization_angle(np.asarray(stokes[()]), turned)
