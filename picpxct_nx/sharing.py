"""Scans that share object or probe: which of many belong together, and what has to be alike in them."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from picpxct_nx.choice import Share
from picpxct_nx.errors import InputError
from picpxct_nx.records import Reconstruction, Record, Scan, polarization_angle

# As far as encoders of energy and rotation repeat, eV and degrees; closer energies of one spectrum are not measured.
ENERGY_TOLERANCE_EV = 0.2
ANGLE_TOLERANCE = 0.1
# Largest change of Q, U or V that is noise.
_STOKES_TOLERANCE = 0.02
# Lengths that have to be alike, by how much they may differ, and how they are written.
_LENGTHS = {
    "distance": ("instrument/detector/distance", 1e-4, 1.0, "m"),
    "y_pixel_size": ("instrument/detector/y_pixel_size", 1e-4, 1e6, "um"),
    "x_pixel_size": ("instrument/detector/x_pixel_size", 1e-4, 1e6, "um"),
    "zone_plate_diameter": ("instrument/zone_plate/outer_diameter", 1e-3, 1e6, "um"),
    "outermost_zone_width": ("instrument/zone_plate/outermost_zone_width", 1e-3, 1e9, "nm"),
    "central_stop_diameter": ("instrument/zone_plate/central_stop_diameter", 1e-3, 1e6, "um"),
    "defocus": ("instrument/zone_plate/defocus", 0.01, 1e6, "um"),
}

Failed = Callable[[Scan, InputError], None]


@dataclass(frozen=True)
class Group:
    """Two or more scans that are one problem, in the order of their entries' names."""

    scans: tuple[Scan, ...]
    share: Share

    @property
    def name(self) -> str:
        """What the problem is called: the first entry, and how many more there are."""
        return f"{self.scans[0].entry}+{len(self.scans) - 1}"

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the scans."""
        return tuple(scan.entry for scan in self.scans)


def order(share: Share) -> Callable[[Record], tuple[Any, ...]]:
    """Key by which scans that share something follow each other."""

    def key(record: Record) -> tuple[Any, ...]:
        assert isinstance(record, Scan)  # noqa: S101  # the command asked for scans only
        if share == "probe":
            return (record.energy_ev,)
        turned, along = _angles(record)
        return record.sample, _cell(turned, 360), _cell(along, 180), record.energy_ev

    return key


def groups(scans: Iterable[Scan], share: Share, failed: Failed) -> Iterator[Group]:
    """Scans that are one problem, of scans in the order of `order`; one group is held at a time.

    A probe is shared by scans of one energy; an object by those of one energy, sample, rotation and polarisation.

    Parameters
    ----------
    scans : iterable of Scan
        Names of entries differ.
    share : str
        "object" or "probe".
    failed : callable
        Told of a scan that cannot share: nothing else is like it, or its frames or optics differ from those of the
        others. Where it returns, the rest goes on.
    """
    together: list[Scan] = []
    before: Scan | None = None
    for scan in scans:
        if together and _differ(together[0], scan, share):
            yield from _whole(together, share, failed, (before, scan))
            before, together = together[-1], []
        together.append(scan)
    if together:
        yield from _whole(together, share, failed, (before, None))


def made_of(product: Record, group: Group) -> bool:
    """Whether a product was made from the scans of a group together, and no others."""
    if not isinstance(product, Reconstruction) or not product.history:
        return False
    last = product.history[-1]
    named = [one.uuid for one in last.inputs[: len(group.scans)]]
    same = {scan.uuid for scan in group.scans} == set(named)
    return same and scans_of(last.parameters) == len(group.scans) and last.parameters["scans.share"] == group.share


def scans_of(parameters: Any) -> int:
    """How many scans a reconstruction is made of, by what its history tells."""
    return int(np.asarray(parameters.get("scans.count", 1)))


def _whole(
    together: list[Scan], share: Share, failed: Failed, beside: tuple[Scan | None, Scan | None]
) -> Iterator[Group]:
    first, *rest = sorted(together, key=lambda scan: scan.entry)
    alike = [first]
    for scan in rest:
        told = _unlike(first, scan)
        if told:
            failed(scan, InputError(f"{scan.entry}/{told}; wanted the same in all scans that share their {share}"))
        else:
            alike.append(scan)
    if len(alike) > 1:
        yield Group(tuple(alike), share)
        return
    near = next((scan for scan in (*rest, *beside) if scan is not None), None)
    told = "there is no other scan" if near is None else _unlike(first, near) or _differ(first, near, share)
    failed(
        first,
        InputError(
            f"{first.entry}: has no other scan to share its {share} with: {told}; leave it out, or reconstruct it "
            "without scans.share"
        ),
    )


def _differ(one: Scan, other: Scan, share: Share) -> str:
    """What keeps two scans from belonging together, in words; nothing where they do."""
    if abs(one.energy_ev - other.energy_ev) > ENERGY_TOLERANCE_EV:
        return f"{other.entry} has the energy {other.energy_ev:.2f} eV, it {one.energy_ev:.2f} eV"
    if share == "probe":
        return ""
    if one.sample != other.sample:
        return f"{other.entry} is of the sample '{other.sample}', it of '{one.sample}'"
    (turned, _), (its, _) = _angles(other), _angles(one)
    if abs((turned - its + 180) % 360 - 180) > ANGLE_TOLERANCE:
        return f"{other.entry} has the rotation {turned:.2f} deg, it {its:.2f} deg"
    light, mine = (np.asarray(scan.stokes, np.float64).reshape(-1, 4)[0] for scan in (other, one))
    if np.abs(light[1:] / light[0] - mine[1:] / mine[0]).max() > _STOKES_TOLERANCE:
        return f"{other.entry} has the Stokes vector {_vector(light)}, it {_vector(mine)}"
    return ""


def _unlike(first: Scan, scan: Scan) -> str:
    """The first thing in which frames or optics of a scan differ from those of another, in words."""
    shape, wanted = tuple(scan.frames.shape[1:]), tuple(first.frames.shape[1:])
    if shape != wanted:
        return f"instrument/detector/data: frames are {shape}; those of {first.entry} {wanted}"
    for name, (path, tolerance, factor, unit) in _LENGTHS.items():
        found, right = getattr(scan, name), getattr(first, name)
        # What one of them does not tell cannot be compared.
        if found is not None and right is not None and not math.isclose(found, right, rel_tol=tolerance):
            return f"{path}: is {found * factor:.6g} {unit}; that of {first.entry} {right * factor:.6g} {unit}"
    return ""


def _angles(scan: Scan) -> tuple[float, float]:
    """Rotation of the sample and direction of the electric field in the laboratory, degrees."""
    return math.degrees(scan.rotation), math.degrees(polarization_angle(scan.stokes, 0.0))


def _cell(degrees: float, turn: int) -> int:
    """Whole degrees, with edges where no rotation is set: what the encoder says of 0 or 22.5 stays in one cell."""
    return math.floor(degrees + 0.25) % turn


def _vector(light: Any) -> str:
    return "(" + ", ".join(f"{part:.3g}" for part in light) + ")"
