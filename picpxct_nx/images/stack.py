"""Stacking: flattened projections on one grid of polarisations and energies, as a spectral cube."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from picpxct_nx import units
from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.images.grouping import Labels, energy_groups, mean_rotation, polarisation_groups
from picpxct_nx.images.known import LEAST_COVERAGE
from picpxct_nx.images.projection import Projection
from picpxct_nx.images.resample import Axis, centred_axis, mask_on, noise_gain, resample_transmission
from picpxct_nx.values import Pieces, Room, in_memory

Repeats = Literal["refuse", "mean", "first"]

# The last part of the band falls to nothing. A facet is sharper than any pixel: cut off at once, it would ring through
# the whole grain behind it, row after row, and differently in every projection.
ROLL_OFF = 0.3
# Pixels go as the wavelength; an encoder that is off by 5 eV is off by this part.
_PIXEL_TOLERANCE = 1e-3
# A cube so many times as wide as its widest image is mostly emptiness: the axis of rotation is far outside.
_WIDEST = 4.0


@dataclass(frozen=True)
class StackOptions:
    """How to stack: what is one energy (eV) and one polarisation (rad), and what to do about repeats and gaps."""

    energy_tolerance_ev: float = 0.2
    angle_tolerance: float = float(np.deg2rad(0.5))
    repeats: Repeats = "refuse"
    union: bool = False
    least_coverage: float = LEAST_COVERAGE


@dataclass(frozen=True)
class Stacked:
    """Arrays of a cube, see `SpectralCube`; `members` are the projections of each place, (P, E) lists."""

    transmission: Pieces
    known: npt.NDArray[np.bool_]
    air: npt.NDArray[np.bool_] | None
    phase: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]
    axes: tuple[Axis, Axis]
    energy_ev: npt.NDArray[np.float64]
    measured_ev: npt.NDArray[np.float64]
    stokes: npt.NDArray[np.float64]
    rotation: npt.NDArray[np.float64]
    noise: npt.NDArray[np.float64]
    members: list[list[list[Projection]]]


def options(
    energy_tolerance: str, angle_tolerance: str, repeats: str, least_coverage: float, *, union: bool
) -> StackOptions:
    """Options as the command line gives them.

    Raises
    ------
    UsageError
        A tolerance has no unit or is negative, the treatment of repeats is not known, the least coverage is no part.
    """
    energy, angle = units.quantity(energy_tolerance, "eV"), units.quantity(angle_tolerance, "rad")
    if energy < 0 or angle < 0:
        raise UsageError("--energy-tolerance and --angle-tolerance are not negative")
    if not 0 < least_coverage < 1:
        raise UsageError(f"--least-coverage {least_coverage:g} is no part; wanted a number between 0 and 1")
    for known in get_args(Repeats):
        if known == repeats:
            return StackOptions(energy, angle, known, union, least_coverage)
    raise UsageError(f"--repeats '{repeats}' is not known; wanted one of {', '.join(get_args(Repeats))}")


def stack(
    projections: Sequence[Projection], choice: StackOptions, *, release: bool = False, room: Room = in_memory
) -> Stacked:
    """Resample projections to the largest pixel among them, coordinate 0 on index n // 2, and arrange them.

    Each projection is interpolated once, and the last 30 % of its frequencies fall off. A pixel is known where every
    projection of its polarisation shows it. With `release` the projections lose their images, each as soon as it is
    on the grid, so that memory holds one copy of the cube and not two; the cube lies where `room` says.

    Raises
    ------
    InputError
        Samples are mixed, pixels do not follow the wavelength, groups are not clear, there are repeats or gaps that
        `choice` does not allow, or the projections of a polarisation have no pixel in common.
    """
    _check_samples(projections)
    _check_pixels(projections)
    names = [item.record.entry for item in projections]
    energies = np.array([item.record.energy_ev for item in projections])
    stokes = np.stack([np.asarray(item.record.stokes, np.float64).reshape(4) for item in projections])
    rotations = np.array([item.record.rotation for item in projections], np.float64)
    columns = energy_groups(energies, choice.energy_tolerance_ev, names)
    rows = polarisation_groups(stokes, rotations, choice.angle_tolerance, names)
    members = _arranged(projections, rows, columns, choice)
    axes = _target(projections)
    shape = (axes[0].length, axes[1].length)
    result = room((len(members), len(members[0]), *shape), np.complex64)  # takes memory as it is filled
    known = np.stack([_fill(result, row, places, axes, release=release) for row, places in enumerate(members)])
    phase = np.stack([_settle(result, row, known[row], places) for row, places in enumerate(members)])
    air = _most_air(members, known, axes)
    valid = np.array([[bool(items) for items in places] for places in members])
    measured = np.array([[_mean([i.record.energy_ev for i in items]) for items in places] for places in members])
    each = [[item for items in places for item in items] for places in members]
    return Stacked(
        result,
        known,
        air,
        phase,
        valid,
        axes,
        np.nanmean(measured, axis=0),
        measured,
        np.stack([_mean_stokes(items) for items in each]),
        np.array([mean_rotation(np.array([item.record.rotation for item in items])) for items in each]),
        np.array([[_mean_noise(items, axes) for items in places] for places in members]),
        members,
    )


def _fill(
    cube: Pieces, row: int, places: list[list[Projection]], axes: tuple[Axis, Axis], *, release: bool
) -> npt.NDArray[np.bool_]:
    """Resample the projections of a polarisation (row) into a cube, repeats averaged; what all show (H, W)."""
    known = np.ones(cube.shape[2:], bool)
    for column, items in enumerate(places):
        mean = np.full(known.shape, np.nan if not items else 0, np.complex64)
        for item in items:
            image, there = resample_transmission(item.transmission[...], item.known[...], item.axes, axes, ROLL_OFF)
            known &= there
            mean += image / len(items)
            if release:
                item.release()
        cube[row, column] = mean
    _check_known(known, places)
    return known


def _settle(
    cube: Pieces, row: int, known: npt.NDArray[np.bool_], places: list[list[Projection]]
) -> npt.NDArray[np.float32]:
    """Set what is not known to 1, and give the angle (H, W) of the mean over the energies."""
    total = np.zeros(known.shape, np.complex128)
    for column, items in enumerate(places):
        if items:
            image = np.where(known, cube[row, column], np.complex64(1))
            cube[row, column] = image
            total += image
    return np.asarray(np.angle(total), np.float32)


def _most_air(
    members: list[list[list[Projection]]], known: npt.NDArray[np.bool_], axes: tuple[Axis, Axis]
) -> npt.NDArray[np.bool_] | None:
    """Air (P, H, W) of most projections of a polarisation; None where one of them says nothing of it.

    Each projection misses some air by chance: what all of sixty have in common may be nothing at all.
    """
    air = known.copy()
    for row, places in enumerate(members):
        every = [item for items in places for item in items]
        votes = np.zeros(known.shape[1:], np.int32)
        for item in every:
            if item.air is None:
                return None
            votes += mask_on(item.air[...], item.axes, axes)
        air[row] &= 2 * votes > len(every)
    return air


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _mean_noise(items: Sequence[Projection], axes: tuple[Axis, Axis]) -> float:
    noise = [item.noise * noise_gain(item.axes, axes, ROLL_OFF) for item in items]
    return float(np.sqrt(np.sum(np.square(noise))) / len(items)) if items else float("nan")


def _mean_stokes(items: Sequence[Projection]) -> npt.NDArray[np.float64]:
    beams = np.stack([np.asarray(item.record.stokes, np.float64).reshape(4) for item in items])
    mean = (beams / beams[:, :1]).mean(axis=0)
    return np.asarray(mean)


def _check_samples(projections: Sequence[Projection]) -> None:
    first = projections[0].record
    for item in projections[1:]:
        other = item.record
        if (other.sample, other.formula) != (first.sample, first.formula):
            raise InputError(
                f"{other.entry} is of sample '{other.sample}' ({other.formula or 'no formula'}), {first.entry} of "
                f"'{first.sample}' ({first.formula or 'no formula'}); wanted one sample: stack them apart"
            )


def _check_pixels(projections: Sequence[Projection]) -> None:
    """Pixels go as the wavelength, whatever the distance: their product with the energy is one number."""
    product = np.array([item.pixel * item.record.energy_ev for item in projections])
    off = product / np.median(product) - 1
    worst = int(np.argmax(np.abs(off)))
    if abs(off[worst]) > _PIXEL_TOLERANCE:
        item = projections[worst]
        wanted = float(np.median(product)) / item.record.energy_ev
        raise InputError(
            f"{item.record.entry}: its pixels are {item.pixel * 1e9:.5g} nm at {item.record.energy_ev:.6g} eV; the "
            f"others make that {wanted * 1e9:.5g} nm, since pixels go as the wavelength; check its energy, distance "
            "and detector pixel"
        )


def _arranged(
    projections: Sequence[Projection], rows: Labels, columns: Labels, choice: StackOptions
) -> list[list[list[Projection]]]:
    """The projections of each polarisation and energy, in their order."""
    members: list[list[list[Projection]]] = [
        [[] for _ in range(int(columns.max()) + 1)] for _ in range(int(rows.max()) + 1)
    ]
    for item, row, column in zip(projections, rows, columns, strict=True):
        members[row][column].append(item)
    for places in members:
        for column, items in enumerate(places):
            if len(items) > 1 and choice.repeats == "refuse":
                raise InputError(
                    f"{items[0].record.entry} and {items[1].record.entry} are one energy "
                    f"({items[0].record.energy_ev:.3f} and {items[1].record.energy_ev:.3f} eV) and one polarisation; "
                    "say --repeats mean or first, or a smaller --energy-tolerance"
                )
            if choice.repeats == "first":
                places[column] = items[:1]
    _check_gaps(members, choice)
    return members


def _check_gaps(members: list[list[list[Projection]]], choice: StackOptions) -> None:
    for places in members:
        for column, items in enumerate(places):
            if not items and not choice.union:
                has = next(other[column][0].record for other in members if other[column])
                lacks = next(item for other in places for item in other).record
                raise InputError(
                    f"there is no projection at {has.energy_ev:.3f} eV with the polarisation of {lacks.entry}, but "
                    f"there is with that of {has.entry}; add it, leave the energy out, or say --union"
                )


def _target(projections: Sequence[Projection]) -> tuple[Axis, Axis]:
    """Axes of the cube: the largest pixel, and as many pixels as show all that any projection knows."""
    pixel = max(item.pixel for item in projections)
    axes = []
    for axis in (0, 1):
        ends = [(a.start, a.start + a.step * (a.length - 1)) for a in (item.axes[axis] for item in projections)]
        half = max(
            int(np.ceil(-min(low for low, _ in ends) / pixel)), int(np.floor(max(e for _, e in ends) / pixel)) + 1
        )
        widest = max(high - low for low, high in ends)
        if half <= 0 or 2 * half * pixel > _WIDEST * widest + 8 * pixel:
            far = max(ends, key=lambda end: max(abs(end[0]), abs(end[1])))
            raise InputError(
                f"along {'yx'[axis]} an image reaches from {far[0] * 1e6:.3g} to {far[1] * 1e6:.3g} um, far from the "
                "axis of rotation at 0; a cube around it would be mostly empty: take the offset off the stage positions"
            )
        axes.append(centred_axis(2 * half, pixel))
    return axes[0], axes[1]


def _check_known(known: npt.NDArray[np.bool_], places: list[list[Projection]]) -> None:
    if not known.any():
        first = next(item for items in places for item in items).record
        raise InputError(
            f"the projections with the polarisation of {first.entry} have no known pixel in common; did the sample "
            "drift out of the field? stack fewer energies, or lower --least-coverage"
        )
