"""The spectral stack as a page shows it: images of every energy and polarisation, and spectra of every grain."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from picpxct_nx.records import GrainMap, NormalizedCube, SpectralCube
from picpxct_nx.report.pixels import WIDE_STEPS, Coded, binned, coded, factor_for, span
from picpxct_nx.values import Array, ArraySource

# Longest side that is kept in memory, in pixels; the page may take fewer.
SIDE = 512
# The weakest modulus whose logarithm is shown.
_WEAKEST = 1e-3


@dataclass(frozen=True)
class Quantity:
    """One quantity of every pixel: its name, what it is, its unit, and (polarisations, energies, h, w) float16."""

    name: str
    meaning: str
    unit: str
    images: Array


@dataclass(frozen=True)
class Stack:
    """Quantities of one cube on the same pixels; `pixel` and `origin` are (y, x) in m."""

    title: str
    stage: str
    quantities: tuple[Quantity, ...]
    energies_ev: Array  # (energies,)
    angles: Array  # (polarisations,) rad
    pixel: tuple[float, float]
    origin: tuple[float, float]
    factor: int  # pixels of the file a side that were averaged

    @property
    def shape(self) -> tuple[int, ...]:
        """Polarisations, energies, rows, columns."""
        return tuple(self.quantities[0].images.shape)


@dataclass(frozen=True)
class Spectra:
    """Mean spectra of grains (grains, polarisations, energies), and the standard errors of these means."""

    mean: Array
    sigma: Array


def stack_of(record: SpectralCube | NormalizedCube) -> Stack:
    """The stack of a cube, no longer than `SIDE` pixels a side.

    Of a spectral cube these are optical density -ln |t|^2 and phase, of a normalised one XANES and XPNES. Pixels that
    are not known, or masked, are NaN.
    """
    if isinstance(record, SpectralCube):
        stage, hidden = record.stage, ~np.asarray(record.known, bool)
        valid = np.asarray(record.valid, bool)
        named: dict[str, tuple[str, str, ArraySource]] = {
            "optical density": ("-ln |t|^2", "", record.transmission),
            "phase": ("angle of t; matter is negative", "rad", record.transmission),
        }
    else:
        stage, hidden = "normalized", np.asarray(record.mask) != 0
        valid = np.isfinite(np.asarray(record.measured_energy_ev))
        named = {
            "XANES": ("absorption of the element, edge step 1", "", record.xanes),
            "XPNES": ("phase of the element, drop at the edge 1", "", record.xpnes),
        }
    factor = factor_for(hidden.shape, SIDE)
    quantities = tuple(
        Quantity(name, meaning, unit, _kept(name, source, hidden, valid, factor))
        for name, (meaning, unit, source) in named.items()
    )
    step = tuple((float(axis[-1]) - float(axis[0])) / max(1, len(axis) - 1) for axis in (record.y, record.x))
    first = (float(record.y[0]) + step[0] * (factor - 1) / 2, float(record.x[0]) + step[1] * (factor - 1) / 2)
    return Stack(record.title, stage, quantities, np.asarray(record.energy_ev, float),
                 np.asarray(record.polarization_angle, float), (step[0] * factor, step[1] * factor), first,
                 factor)  # fmt: skip


def _kept(name: str, source: ArraySource, hidden: Array, valid: Array, factor: int) -> Array:
    n_pol, n_energies = source.shape[:2]
    size = tuple(side // factor for side in hidden.shape[1:])
    images = np.full((n_pol, n_energies, *size), np.nan, np.float16)
    for i in range(n_pol):
        for j in np.flatnonzero(valid[i]):
            values = _values(name, np.asarray(source[i, int(j)]))
            images[i, j] = binned(np.where(hidden[i], np.nan, values), factor)
    return images


def _values(name: str, image: Array) -> Array:
    if name == "optical density":
        return np.asarray(-2 * np.log(np.maximum(np.abs(image.astype(np.complex128)), _WEAKEST)))
    return np.asarray(np.angle(image.astype(np.complex128)) if name == "phase" else image, np.float64)


def reduced(stack: Stack, more: int) -> Stack:
    """The stack with `more` x `more` of its pixels averaged, at most all of a side."""
    more = min(more, *stack.shape[2:])
    if more == 1:
        return stack
    quantities = tuple(
        dataclasses.replace(q, images=binned(q.images.astype(np.float32), more).astype(np.float16))
        for q in stack.quantities
    )
    pixel = stack.pixel[0] * more, stack.pixel[1] * more
    origin = tuple(o + p * (more - 1) / 2 for o, p in zip(stack.origin, stack.pixel, strict=True))
    return dataclasses.replace(stack, quantities=quantities, pixel=pixel, origin=(origin[0], origin[1]),
                               factor=stack.factor * more)  # fmt: skip


def in_codes(quantity: Quantity, *, wide: bool) -> Coded:
    """All images of a quantity on one scale, in sixteen bits where `wide`, else in eight.

    Sixteen have room for thrice the range in which nearly all values lie, so that hardly any spectrum is cut off.
    """
    low, high = span(quantity.images)
    if not wide:
        return coded(quantity.images, low, high)
    return coded(quantity.images, low - (high - low), high + (high - low), WIDE_STEPS)


def contrast(of_energies: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Codes that are shown dark and bright, from the `levels` of every energy: none of them is cut off."""
    known = [ends for ends in of_energies if ends[0]] or [(1, 2)]
    return min(low for low, _ in known), max(high for _, high in known)


def strongest(quantity: Quantity, pair: tuple[int, int] | None) -> int:
    """Index of the energy at which two polarisations differ most; the middle one where there are no two."""
    middle = int(quantity.images.shape[1]) // 2
    if pair is None:
        return middle
    first, second = (quantity.images[i].astype(np.float32) for i in pair)
    away = np.abs(first - second)
    known = np.isfinite(away)
    count = known.sum(axis=(1, 2))
    mean = np.where(known, away, 0).sum(axis=(1, 2)) / np.maximum(count, 1)
    return int(np.argmax(mean)) if bool(count.any()) else middle


def levels(quantity: Quantity, code: Coded) -> list[tuple[int, int]]:
    """For every energy, the codes between which its images of all polarisations lie; (0, 1) where it has none."""
    found = []
    for j in range(quantity.images.shape[1]):
        codes = code.codes[:, j][code.codes[:, j] > 0]
        low, high = (int(end) for end in np.quantile(codes, (0.01, 0.99))) if codes.size else (0, 0)
        found.append((low, max(high, low + 1)))
    return found


def label_on(stack: Stack, grains: GrainMap) -> Array | None:
    """Number of the grain of every pixel of a stack, nearest pixel; None where the two show different fields."""
    steps = [(float(a[-1]) - float(a[0])) / max(1, len(a) - 1) for a in (grains.y, grains.x)]
    places = []
    for axis, (coordinates, step) in enumerate(zip((grains.y, grains.x), steps, strict=True)):
        here = stack.origin[axis] + stack.pixel[axis] * np.arange(stack.shape[2 + axis])
        place = np.rint((here - float(coordinates[0])) / step).astype(int)
        if not ((place >= 0) & (place < len(coordinates))).any():
            return None
        places.append(place)
    rows, columns = places
    inside = np.multiply.outer((rows >= 0) & (rows < len(grains.y)), (columns >= 0) & (columns < len(grains.x)))
    taken = grains.label[np.clip(rows, 0, len(grains.y) - 1)][:, np.clip(columns, 0, len(grains.x) - 1)]
    return np.where(inside, taken, 0).astype(np.int32)


def grain_spectra(quantity: Quantity, label: Array, ids: Array) -> Spectra:
    """Mean of the pixels of every grain at every energy, and its standard error with pixels as independent."""
    shape = (len(ids), *quantity.images.shape[:2])
    mean, sigma = np.full(shape, np.nan), np.full(shape, np.nan)
    for row, pixels in _members(label, ids):
        values = quantity.images.reshape(*shape[1:], -1)[..., pixels].astype(np.float64)
        known = np.isfinite(values)
        count = known.sum(axis=-1)
        some = np.where(count > 0, count, np.nan)
        mean[row] = np.where(known, values, 0).sum(axis=-1) / some
        square = np.where(known, (values - mean[row][..., None]) ** 2, 0).sum(axis=-1)
        sigma[row] = np.sqrt(square / np.where(count > 1, count - 1, np.nan) / some)
    return Spectra(mean, sigma)


def _members(label: Array, ids: Array) -> Iterator[tuple[int, Array]]:
    for row, number in enumerate(ids):
        pixels = np.flatnonzero(label == number)
        if pixels.size:
            yield row, pixels
