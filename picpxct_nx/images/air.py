"""Air: which pixels of a complex image see no sample, found from the image itself.

Air is flat once the phase ramp of the reconstruction is gone, it reaches the border of what is known, its neighbours
have less phase (matter has negative phase), and nothing is brighter.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from picpxct_nx.images.coarse import Coarse, coarsen, erode, fine_mask, fine_ramp, local_slope, median_scatter, plane
from picpxct_nx.images.ramp import Ramp, match_ramp, ramp_factor

Real = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]
Mask = npt.NDArray[np.bool_]

# The window on phase (rad) and on the logarithm of the modulus: what slow errors of a reconstruction need at first;
# it shrinks by this factor a turn, down to as many standard deviations of what is found in air.
_WIDE, _FACTOR, _TURNS, _SIGMAS = 0.06, 0.6, 10, 3.5
# Turns in which a region grows, and the change below which it stands still.
_GROWTH, _STILL = 25, 0.01
# Two turns of erosion, in pixels of the coarse image, keep the blurred edge of the sample out.
_ERODE_PX = 2
# Air is brighter than any sample: by so many standard errors, and by more than a slow error of the modulus.
_BRIGHTER_SIGMAS, _BRIGHTER = 4.0, 0.004
# While a region grows, and closes in but for the last turns, its window reaches down only by this part: thin matter
# beside air must not tilt the plane.
_BELOW, _EVEN_TURNS = 0.8, 8
# Turns after which a region is given up if more than this part of the others lies above it.
_PATIENCE, _HOPELESS = 2, 0.9
# Passes, each with a better slope to begin with, until no more than this, rad, is left of it under an average.
_PASSES, _LEVEL = 3, 0.02
# What lies above a region in phase but is darker by this part is matter beyond a whole turn.
_DARK = 0.02
# Regions that are followed to their end.
_TRIES = 4
# A region is at least this part of a tile.
_SMALLEST = 0.5
# Part of a tile that must be known, or is taken as looked at where a region covers it.
_MOSTLY, _SEEN = 0.7, 0.5


@dataclass(frozen=True)
class Air:
    """Pixels of air (H, W), the part of the known field that they are, and the ramp and modulus there."""

    mask: Mask
    fraction: float
    ramp: Ramp
    modulus: float


@dataclass(frozen=True)
class _Region:
    """A connected region that is one plane of phase; `above` is the part of its neighbours that lie above it."""

    mask: Mask
    ramp: Ramp
    modulus: float
    sigma: float
    above: float


def find_air(image: npt.NDArray[Any], weight: Real) -> Air:
    """Find the pixels of air in a transmission that has an unknown phase ramp, constant phase and scale.

    1. The commonest local slope is taken off, and the image averaged over a few pixels, the more the noisier it is.
    2. From tiles along the border of the known field regions grow: those pixels that lie on the plane of phase, and
    have the modulus, of the region so far. 3. A region is air if its neighbours lie below it, in phase; of several
    the brightest, or the largest of those that are equally bright. 4. In turns: keep all that lies within a window
    around 1, open, keep what touches the border, take off 2 px, fit the ramp again; the window shrinks from 0.06 rad
    by 0.6 a turn down to 3.5 standard deviations.

    Parameters
    ----------
    image : (H, W) complex
        Transmission, free up to a complex factor and a linear phase.
    weight : (H, W)
        Inverse of the variance up to a factor (the coverage, for example); zero where the image is not known.

    Returns
    -------
    Air
        Its mask is empty where no region can be air; the caller says how much air is enough.
    """
    known = weight > 0
    field = np.where(known, image, 0).astype(np.complex128)
    slope = local_slope(field, weight)
    for _ in range(_PASSES):
        coarse = coarsen(field, weight, slope)
        regions = _ranked(_regions(coarse))
        # An average over pixels of unequal weight is not centred: a slope that is left in it bends the plane.
        if not regions or np.hypot(*regions[0].ramp.slope) * coarse.blur_px < _LEVEL:
            break
        slope = fine_ramp(coarse, regions[0].ramp).slope
    ends = [end for region in regions[:_TRIES] if (end := _close_in(coarse, region)) is not None]
    if not ends:
        return Air(np.zeros(known.shape, bool), 0.0, Ramp(0.0, slope, 0.0, (0.0, 0.0)), 0.0)
    best = (_ranked(ends) or ends)[0]
    mask = fine_mask(coarse, best.mask) & known
    return Air(mask, float(mask.sum() / known.sum()), fine_ramp(coarse, best.ramp), best.modulus)


def _merit(region: _Region) -> float:
    """How much of the image a region explains if it is air: its size, unless others lie above it."""
    return float(region.mask.sum() * (1 - region.above) ** 8)


def _ranked(regions: list[_Region]) -> list[_Region]:
    """The regions that may be air, the likeliest first: as bright as any, large, and with neighbours below them."""
    if not regions:
        return []
    best = max(regions, key=lambda region: region.modulus)
    able = [region for region in regions if region.above < 0.5 and not _darker(region, best)]
    return sorted(able, key=_merit, reverse=True)


def _darker(region: _Region, best: _Region) -> bool:
    doubt = max(_BRIGHTER_SIGMAS * float(np.hypot(region.sigma, best.sigma)), _BRIGHTER * best.modulus)
    return best.modulus - region.modulus > doubt


def _regions(coarse: Coarse) -> list[_Region]:
    """Regions that are one plane each, grown from tiles along the border of the known field."""
    found: list[_Region] = []
    seen = np.zeros(coarse.known.shape, bool)
    # Large tiles know their slope better, small ones fit into narrow air.
    for rows, columns in [*_tiles(coarse, 2 * coarse.tile), *_tiles(coarse, coarse.tile)]:
        if seen[rows, columns].mean() > _SEEN:
            continue
        tile = np.zeros_like(seen)
        tile[rows, columns] = coarse.known[rows, columns]
        region = _grow(coarse, tile)
        if region is not None:
            found.append(region)
            seen |= region.mask
    return found


def _tiles(coarse: Coarse, side: int) -> list[tuple[slice, slice]]:
    near = ndimage.distance_transform_edt(np.pad(coarse.known, 1))[1:-1, 1:-1]
    tiles = []
    for row in range(0, coarse.known.shape[0] - side + 1, side // 2):
        for column in range(0, coarse.known.shape[1] - side + 1, side // 2):
            part = slice(row, row + side), slice(column, column + side)
            if coarse.known[part].mean() > _MOSTLY and near[part].min() <= side // 2:
                tiles.append(part)
    return tiles


def _grow(coarse: Coarse, tile: Mask) -> _Region | None:
    """The region that a tile grows to; nothing where the tile itself is not one plane."""
    inside = coarse.smooth[tile]
    step = [np.vdot(np.where(tile, coarse.smooth, 0)[:-1], np.where(tile, coarse.smooth, 0)[1:]),
            np.vdot(np.where(tile, coarse.smooth, 0)[:, :-1], np.where(tile, coarse.smooth, 0)[:, 1:])]  # fmt: skip
    ramp = _fit(coarse, tile, (float(np.angle(step[0])), float(np.angle(step[1]))))
    mask, modulus = tile, float(np.median(np.abs(inside)))
    limit = _limit(coarse, mask, ramp, modulus)
    for turn in range(_GROWTH):
        lies = _within(coarse, ramp, modulus, limit, _BELOW)
        if turn == 0 and lies[tile].mean() < _MOSTLY:
            return None
        # A plane is only known near to where it was fitted.
        lies &= ndimage.maximum_filter(mask, 2 * coarse.tile + 1)
        labels, _ = ndimage.label(ndimage.binary_opening(lies, iterations=1))
        names = np.bincount(labels[tile & (labels > 0)], minlength=2)
        if names[1:].sum() == 0:
            return None
        before, mask = mask, labels == int(np.argmax(names[1:])) + 1
        ramp = _fit(coarse, mask, ramp.slope)
        modulus, sigma = _modulus(coarse, mask, ramp)
        if np.sum(mask ^ before) < _STILL * mask.sum():
            break
        if turn == _PATIENCE and _above(coarse, mask, ramp, limit) > _HOPELESS:
            break
    if mask.sum() < _SMALLEST * tile.sum():
        return None
    return _Region(mask, ramp, modulus, sigma, _above(coarse, mask, ramp, limit))


def _limit(coarse: Coarse, mask: Mask, ramp: Ramp, modulus: float) -> Real:
    """Window for the neighbours of a tile: its own scatter, which slow errors enter, up to a bound."""
    widest = np.maximum(_WIDE, _SIGMAS * coarse.scatter)
    return np.minimum(_SIGMAS * median_scatter(coarse, mask, ramp, modulus), widest)


def _fit(coarse: Coarse, mask: Mask, slope: tuple[float, float]) -> Ramp:
    return match_ramp(coarse.image, np.ones(()), coarse.weight * mask, start=slope)


def _modulus(coarse: Coarse, mask: Mask, ramp: Ramp) -> tuple[float, float]:
    """Coherent modulus in a region, and its standard error from blocks, which slow errors enter."""
    weight = coarse.weight * mask
    flat = (coarse.image * ramp_factor(mask.shape, ramp).conj()).real
    mean = float(np.sum(weight * flat) / weight.sum())
    side = coarse.tile
    rows, columns = (np.arange(0, n, side) for n in mask.shape)
    parts = np.add.reduceat(np.add.reduceat(weight * (flat - mean), rows, axis=0), columns, axis=1)
    # A few blocks may agree by chance.
    white = float(np.sqrt(np.mean((weight * (flat - mean))[mask] ** 2) * mask.sum()) / weight.sum())
    return mean, max(white, float(np.sqrt(np.sum(parts**2)) / weight.sum()))


def _within(coarse: Coarse, ramp: Ramp, modulus: float, limit: Real, below: float = 1.0) -> Mask:
    """Known pixels whose phase and modulus lie within a limit of a plane."""
    blurred = modulus * float(np.exp(-(coarse.blur_px**2) * (ramp.slope[0] ** 2 + ramp.slope[1] ** 2) / 2))
    flat = coarse.smooth * ramp_factor(coarse.smooth.shape, ramp).conj() / blurred
    size = np.log(np.maximum(np.abs(flat), 1e-6))
    phase = np.angle(flat)
    return np.asarray(coarse.known & (phase < limit) & (phase > -below * limit) & (np.abs(size) < limit))


def _above(coarse: Coarse, mask: Mask, ramp: Ramp, limit: Real) -> float:
    """Part of the pixels with more phase than a region has, of those that have more or less, phases unwrapped.

    At a steep edge a phase may be unwrapped by a turn too much; but where there is less matter it is not darker.
    """
    off = coarse.phase - plane(mask.shape, ramp)
    off -= np.median(off[mask])
    outside = coarse.known & ~mask
    more, less = outside & (off > limit), outside & (off < -limit)
    if not more.any() or _mean_modulus(coarse, more) < (1 - _DARK) * _mean_modulus(coarse, mask):
        return 0.0
    return float(more.sum() / (more.sum() + less.sum()))


def _mean_modulus(coarse: Coarse, mask: Mask) -> float:
    """Root of the mean power over a mask, that of the noise taken off: no phase can lessen it."""
    weight = coarse.weight[mask]
    power = float(np.sum(weight * np.abs(coarse.image[mask]) ** 2) - 2 * coarse.noise**2 * mask.sum())
    return float(np.sqrt(max(0.0, power / weight.sum())))


def _close_in(coarse: Coarse, region: _Region) -> _Region | None:
    """All air that there is on the plane of a region, with a window that shrinks to the scatter of what is found."""
    rim = coarse.known & ~ndimage.binary_erosion(coarse.known, iterations=2)
    ramp, modulus, sigma, mask = region.ramp, region.modulus, region.sigma, region.mask
    limit = np.maximum(_WIDE, _SIGMAS * coarse.scatter)
    for turn in range(_TURNS):
        scatter = median_scatter(coarse, mask, ramp, modulus)
        limit = np.minimum(limit, np.maximum(_WIDE * _FACTOR**turn, _SIGMAS * scatter))
        below = _BELOW if turn < _TURNS - _EVEN_TURNS else 1.0
        lies = ndimage.binary_opening(_within(coarse, ramp, modulus, limit, below), iterations=1)
        mask = erode(_reaching(lies, rim), coarse.known, _ERODE_PX + round(coarse.blur_px / 2))
        if mask.sum() < coarse.tile:
            return None
        ramp = _fit(coarse, mask, ramp.slope)
        modulus, sigma = _modulus(coarse, mask, ramp)
    return _Region(mask, ramp, modulus, sigma, _above(coarse, mask, ramp, np.maximum(_WIDE / 2, limit)))


def _reaching(mask: Mask, rim: Mask) -> Mask:
    """The connected parts of a mask that touch the rim of the known field."""
    labels, count = ndimage.label(mask)
    touching = np.zeros(count + 1, bool)
    touching[np.unique(labels[rim & mask])] = True
    touching[0] = False
    return np.asarray(touching[labels])
