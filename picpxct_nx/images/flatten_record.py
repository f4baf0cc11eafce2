"""Reconstructions and cubes, flattened on air, as records."""

from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np

from picpxct_nx import stages
from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.images.air import find_air
from picpxct_nx.images.air_choice import AirChoice
from picpxct_nx.images.cubes import leave_out
from picpxct_nx.images.flatten import Flat, Order, flatten
from picpxct_nx.images.known import LEAST_COVERAGE, light
from picpxct_nx.images.ramp import Pair
from picpxct_nx.provenance import Step, step
from picpxct_nx.records import Reconstruction, Record, SpectralCube
from picpxct_nx.values import Array, Room, Value, in_memory

# Part of the known field that must be air: less is a facet of the sample rather than air.
LEAST_AIR = 0.02


@dataclass(frozen=True)
class FlattenOptions:
    """How to flatten: where air is, what is taken off, and from which light on an image is known."""

    air: AirChoice
    order: Order = "linear"
    amplitude: bool = True
    least_coverage: float = LEAST_COVERAGE


def options(air: AirChoice, order: str, least_coverage: float, *, amplitude: bool) -> FlattenOptions:
    """Options as the command line gives them.

    Raises
    ------
    UsageError
        The order is not known, or the least coverage is no part.
    """
    for known in get_args(Order):
        if known == order:
            if not 0 < least_coverage < 1:
                raise UsageError(f"--least-coverage {least_coverage:g} is no part; wanted a number between 0 and 1")
            return FlattenOptions(air, known, amplitude, least_coverage)
    raise UsageError(f"--order '{order}' is not known; wanted one of {', '.join(get_args(Order))}")


def flatten_record(record: Record, choice: FlattenOptions, room: Room = in_memory) -> Reconstruction | SpectralCube:
    """A reconstruction or a cube whose air is 1 + 0j; a cube lies where `room` says.

    Raises
    ------
    InputError
        A reconstruction is flattened already, it has no air, or it is not finite where it is known.
    """
    if isinstance(record, SpectralCube):
        return _flatten_cube(record, choice, room)
    assert isinstance(record, Reconstruction)  # noqa: S101  # the command asked for these two kinds
    stages.require(record, "reconstructed", "flatten")
    weight = light(record, choice.least_coverage)
    air, start = _air(record.entry, np.asarray(record.transmission), weight, choice, (record.y, record.x))
    flat = flatten(
        record.transmission, air, weight, order=choice.order, amplitude=choice.amplitude, start=_start(start, choice)
    )
    image = flat.image.astype(np.complex64)
    # The error of the modulus is divided as the modulus is; that of the phase stays.
    sigma = None if record.transmission_sigma is None else np.asarray(record.transmission_sigma) / flat.modulus
    product = replace(
        record,
        stage="flattened",
        transmission=image,
        transmission_sigma=None if sigma is None else sigma.astype(np.float32),
        phase=np.angle(image).astype(np.float32),
        air=air & (weight > 0),
        extra={**record.extra, **_removed(flat, record.y, record.x)},
    )
    return product.made_by(*_step(record, choice))


def _start(start: Pair | None, choice: FlattenOptions) -> Pair | None:
    return start if choice.order == "linear" else None


def _air(
    entry: str, image: Array, weight: Array, choice: FlattenOptions, axes: tuple[Array, Array]
) -> tuple[Array, Pair | None]:
    """The air of an image (H, W), chosen or found, and the slope there where it was found."""
    chosen = choice.air.mask(entry, *axes)
    if chosen is not None:
        if chosen.ndim != 2:
            raise InputError(f"{entry}: the mask of --air has {chosen.ndim} axes, the image two; give one for an image")
        return chosen, None
    found = find_air(image, weight)
    if found.fraction < LEAST_AIR:
        raise InputError(
            f"{entry}: found no air: {found.fraction:.1%} of the known field looks like it, wanted "
            f'{LEAST_AIR:.0%}; name it with --air BOX, for example "y=-3um:-2um", or --air FILE'
        )
    return found.mask, found.ramp.slope


def _at_axis(flat: Flat, y: Array, x: Array) -> tuple[float, float, Array, Array]:
    """Phase on the axis of rotation with its error, rad, and the slopes with theirs, rad/m."""
    pixel = np.array([y[1] - y[0], x[1] - x[0]], np.float64)
    offset = -np.array([y[len(y) // 2], x[len(x) // 2]]) / pixel
    constant, sigma = flat.ramp.at((float(offset[0]), float(offset[1])))
    slope, slope_sigma = np.array(flat.ramp.slope) / pixel, np.array(flat.ramp.slope_sigma) / np.abs(pixel)
    return float(np.angle(np.exp(1j * constant))), sigma, slope, slope_sigma


def _removed(flat: Flat, y: Array, x: Array) -> dict[str, Value]:
    """What was taken off, as the group flattening/ of a reconstruction."""
    constant, constant_sigma, slope, slope_sigma = _at_axis(flat, y, x)
    return {
        "flattening/constant": constant,
        "flattening/constant_errors": constant_sigma,
        "flattening/slope": slope,
        "flattening/slope_errors": slope_sigma,
        "flattening/amplitude": flat.modulus,
        "flattening/amplitude_errors": flat.modulus_sigma,
        "flattening/noise": flat.noise,
    }


def _step(record: Record, choice: FlattenOptions) -> tuple[Step, tuple[Record, ...]]:
    """The step, and the records that it read."""
    inputs, parents = choice.air.used(record.entry)
    parameters: dict[str, Value] = {
        "air": choice.air.text,
        "order": choice.order,
        "amplitude": choice.amplitude,
        "least_coverage": choice.least_coverage,
        "least_air": LEAST_AIR,
    }
    return step("flatten", parameters, [record.as_input(), *inputs]), (record, *parents)


def _flatten_cube(cube: SpectralCube, choice: FlattenOptions, room: Room) -> SpectralCube:
    """Every projection of a cube, flattened anew on the air that its polarisation shares."""
    valid, known = np.asarray(cube.valid, bool), np.asarray(cube.known, bool)
    air = np.stack([_air_of(cube, row, choice) for row in range(len(valid))])
    result = room(cube.transmission.shape, np.complex64)
    leave_out(result, valid)
    removed = {name: np.full((*valid.shape, *more), np.nan) for name, more in _CUBE_FIELDS.items()}
    phase = np.empty(known.shape, np.float32)
    for row in range(len(valid)):
        total = np.zeros(known.shape[1:], np.complex128)
        for column in map(int, np.flatnonzero(valid[row])):
            image = np.asarray(cube.transmission[row, column])
            flat = flatten(
                image, air[row], known[row].astype(np.float64), order=choice.order, amplitude=choice.amplitude
            )
            flattened = np.where(known[row], flat.image, 1.0).astype(np.complex64)
            result[row, column] = flattened
            total += flattened
            constant, _, slope, _ = _at_axis(flat, cube.y, cube.x)
            for name, value in zip(_CUBE_FIELDS, (constant, slope, flat.modulus, flat.noise), strict=True):
                removed[name][row, column] = value
        phase[row] = np.angle(total)
    extra: dict[str, Value] = {**cube.extra, **{f"projections/{name}": value for name, value in removed.items()}}
    product = replace(cube, transmission=result, phase=phase, air=air, extra=extra)
    return product.made_by(*_step(cube, choice))


_CUBE_FIELDS: dict[str, tuple[int, ...]] = {"air_phase": (), "air_slope": (2,), "air_modulus": (), "noise": ()}


def _air_of(cube: SpectralCube, row: int, choice: FlattenOptions) -> Array:
    """Air (H, W) of one polarisation: chosen, or the cube's own, or what most projections show."""
    known = np.asarray(cube.known[row], bool)
    chosen = choice.air.mask(cube.entry, cube.y, cube.x)
    if chosen is None and cube.air is not None:
        chosen = np.asarray(cube.air)
    if chosen is not None:
        if chosen.ndim == 3 and len(chosen) != len(cube.known):
            raise InputError(
                f"{cube.entry}: the mask of --air has {len(chosen)} polarisations, the cube {len(cube.known)}; give "
                "one mask for all, or one for each"
            )
        return np.asarray((chosen if chosen.ndim == 2 else chosen[row]) & known)
    columns, votes = np.flatnonzero(cube.valid[row]), np.zeros(known.shape, np.int32)
    for column in columns:
        image = np.asarray(cube.transmission[row, int(column)])
        votes += _air(cube.entry, image, known.astype(np.float64), choice, (cube.y, cube.x))[0]
    return np.asarray(known & (2 * votes > len(columns)))


def sentence(record: Record) -> str:
    """What the command says of a product on stderr."""
    if isinstance(record, SpectralCube):
        assert record.air is not None  # noqa: S101  # flattened on it
        shares = np.asarray(record.air).sum(axis=(1, 2)) / np.maximum(1, np.asarray(record.known).sum(axis=(1, 2)))
        return f"{record.entry}: air is {', '.join(f'{share:.0%}' for share in shares)} of the known field"
    assert isinstance(record, Reconstruction)  # noqa: S101  # the command made it
    told = summary(record)
    cycles = ", ".join(f"{c:+.2f}" for c in told["cycles"])
    return (
        f"{record.entry}: air is {told['air_fraction']:.0%} of the known field; took off {told['constant_rad']:+.3f} "
        f"rad, {cycles} cycles along y, x and a modulus of {told['amplitude']:.4f}; noise in air {told['noise']:.2g}"
    )


def summary(record: Record) -> dict[str, Any]:
    """What `--json` prints of a product."""
    if isinstance(record, SpectralCube):
        noise = np.asarray(record.extra["projections/noise"])
        return {"entry": record.entry, "uuid": record.uuid, "stage": record.stage, "noise": float(np.nanmedian(noise))}
    assert isinstance(record, Reconstruction)  # noqa: S101  # the command made it
    assert record.air is not None  # noqa: S101
    least = record.history[-1].parameters["least_coverage"]
    slope = np.asarray(record.extra["flattening/slope"])
    return {
        "entry": record.entry,
        "uuid": record.uuid,
        "stage": record.stage,
        "air_fraction": float(np.sum(record.air) / np.sum(light(record, float(np.asarray(least))) > 0)),
        "constant_rad": float(np.asarray(record.extra["flattening/constant"])),
        "cycles": [float(s * (a[-1] - a[0]) / (2 * np.pi)) for s, a in zip(slope, (record.y, record.x), strict=True)],
        "amplitude": float(np.asarray(record.extra["flattening/amplitude"])),
        "noise": float(np.asarray(record.extra["flattening/noise"])),
    }
