"""Coarse images: an image without its commonest slope, averaged so that its noise is small against what is sought."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from picpxct_nx.images.ramp import Ramp, ramp_factor

Real = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]
Mask = npt.NDArray[np.bool_]
Pair = tuple[float, float]

# Images are averaged over squares until they have at least this many pixels a side, and less than twice as many.
_SIDE = 128
# Blocks whose slopes are compared, and bins of their histogram over a whole turn.
_BLOCK, _BINS = 4, 128
# Averages are over a Gaussian at least and at most so wide, such that the noise comes down to so many rad.
_BLUR_PX, _CALM = (1.5, 4.0), 0.012
# Standard deviation over median of the larger of two normal moduli, and over that of one.
_OF_LARGER, _OF_ONE = 1 / 1.0518, 1.4826


@dataclass(frozen=True)
class Coarse:
    """An image averaged over `factor` x `factor` pixels, its `slope` taken off before, and what is known of it.

    `image` and `smooth` (h, w) complex: the averages, and those blurred by a Gaussian of `blur_px`; `phase` (h, w)
    that of `smooth`, unwrapped; `weight` (h, w) of the averages, 0 where not `known`; `scatter` (h, w) the standard
    deviation of phase and modulus of `smooth`, for white noise; `noise` that of real and imaginary part of `image` at
    weight 1; `tile` the side of a square in which a slope can be told from the noise; `shape` of the whole image.
    """

    image: Complex
    smooth: Complex
    phase: Real
    weight: Real
    known: Mask
    scatter: Real
    noise: float
    blur_px: float
    factor: int
    tile: int
    slope: Pair
    shape: tuple[int, int]


def local_slope(field: Complex, weight: Real) -> Pair:
    """The commonest local slope, rad per pixel (y, x): circular mode of lag-1 products, summed over small blocks.

    Parameters
    ----------
    field : (H, W) complex, zero where it is not known
    weight : (H, W)
    """
    base, heavy = field[:-1, :-1].conj(), weight[:-1, :-1]
    sums = [
        _blocks(field[1:, :-1] * base * np.sqrt(weight[1:, :-1] * heavy)),
        _blocks(field[:-1, 1:] * base * np.sqrt(weight[:-1, 1:] * heavy)),
    ]
    share = np.minimum(np.abs(sums[0]), np.abs(sums[1]))
    usable = share > 0
    if not usable.any():
        return 0.0, 0.0
    angles = np.stack([np.angle(total[usable]) for total in sums])
    share = np.minimum(share[usable] / np.median(share[usable]), 1.0)
    edges = np.linspace(-np.pi, np.pi, _BINS + 1)
    counts, _, _ = np.histogram2d(angles[0], angles[1], bins=(edges, edges), weights=share)
    counts = ndimage.gaussian_filter(counts, 1.0, mode="wrap")
    centre = edges[np.array(np.unravel_index(int(np.argmax(counts)), counts.shape))] + np.pi / _BINS
    for reach in (0.3, 0.15, 0.1):
        off = np.angle(np.exp(1j * (angles - centre[:, None])))
        near = share * (np.hypot(off[0], off[1]) < reach)
        centre = centre + (off * near).sum(axis=1) / max(near.sum(), 1e-12)
    return float(centre[0]), float(centre[1])


def _blocks(product: Complex) -> Complex:
    rows, columns = (n // _BLOCK for n in product.shape)
    cut = product[: rows * _BLOCK, : columns * _BLOCK]
    return np.asarray(cut.reshape(rows, _BLOCK, columns, _BLOCK).sum(axis=(1, 3)))


def coarsen(field: Complex, weight: Real, slope: Pair) -> Coarse:
    """Take a slope off an image and average it, with its weights, until the noise is small.

    Parameters
    ----------
    field : (H, W) complex, zero where it is not known
    weight : (H, W)
    slope : (y, x), rad per pixel
    """
    shape = (field.shape[0], field.shape[1])
    flat = field * ramp_factor(shape, Ramp(0.0, slope, 0.0, (0.0, 0.0))).conj()
    factor = max(1, min(shape) // _SIDE)
    rows, columns = (n // factor for n in shape)

    def total(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        cut = values[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
        return np.asarray(cut.sum(axis=(1, 3)))

    known = total(weight > 0) == factor**2
    heavy = total(weight) * known
    image = total(weight * flat) / np.where(heavy > 0, heavy, 1.0) * known
    noise = _white_noise(image, heavy)
    typical = noise / np.sqrt(np.median(heavy[known])) if known.any() else 0.0
    blur = float(np.clip(typical / (2 * np.sqrt(np.pi) * _CALM), *_BLUR_PX))
    averaged, deviation = smooth(image, heavy, blur)
    return Coarse(
        image=image,
        smooth=averaged,
        phase=_unwrapped(averaged, known),
        weight=heavy,
        known=known,
        scatter=noise * deviation,
        noise=noise * _level(image, heavy),
        blur_px=blur,
        factor=factor,
        tile=8 + round(2.5 * blur),
        slope=slope,
        shape=shape,
    )


def _unwrapped(image: Complex, known: Mask) -> Real:
    from skimage.restoration import unwrap_phase

    # What is not known is masked and finite: one NaN would keep the unwrapping from ever coming to its end.
    if not known.any():
        return np.zeros(known.shape)
    unwrapped = unwrap_phase(np.ma.array(np.angle(image), mask=~known))  # type: ignore[no-untyped-call]
    return np.asarray(unwrapped.filled(0.0))


def plane(shape: tuple[int, ...], ramp: Ramp) -> Real:
    """Phase of a ramp without its constant, rad, not wrapped."""
    y, x = (np.arange(n) - n // 2 for n in shape)
    return np.asarray(ramp.slope[0] * y[:, None] + ramp.slope[1] * x)


def _white_noise(image: Complex, weight: Real) -> float:
    """Standard deviation of real and imaginary part, relative to the modulus, at weight 1, from neighbours."""
    pairs = [
        (image[1:] - image[:-1], weight[1:], weight[:-1]),
        (image[:, 1:] - image[:, :-1], weight[:, 1:], weight[:, :-1]),
    ]
    scaled = []
    for difference, one, other in pairs:
        both = (one > 0) & (other > 0)
        scale = np.sqrt(1 / one[both] + 1 / other[both])
        scaled += [np.abs(difference[both].real) / scale, np.abs(difference[both].imag) / scale]
    level = _level(image, weight)
    values = np.concatenate(scaled)
    return float(_OF_ONE * np.median(values) / level) if values.size and level > 0 else 0.0


def _level(image: Complex, weight: Real) -> float:
    return float(np.median(np.abs(image[weight > 0]))) if (weight > 0).any() else 0.0


def smooth(image: Complex, weight: Real, blur_px: float) -> tuple[Complex, Real]:
    """Weighted average over a Gaussian, and the standard deviation that white noise of unit variance leaves in it."""

    def blurred(values: Real, width: float) -> Real:
        return np.asarray(ndimage.gaussian_filter(values, width, mode="constant", truncate=3.0))

    below = blurred(weight, blur_px)
    safe = np.where(below > 0, below, 1.0)
    above = weight * image
    average = (blurred(above.real, blur_px) + 1j * blurred(above.imag, blur_px)) / safe
    # The square of a Gaussian is one that is narrower by sqrt 2.
    squared = blurred(weight, blur_px / np.sqrt(2)) / (4 * np.pi * blur_px**2)
    return np.where(weight > 0, average, 0.0), np.sqrt(squared) / safe


def median_scatter(coarse: Coarse, mask: Mask, ramp: Ramp, modulus: float) -> Real:
    """Standard deviation (h, w) of the blurred image about a plane, from the median over a mask.

    It follows the weights as white noise does, and is what is found, be the noise white or not.
    """
    flat = coarse.smooth[mask] * ramp_factor(mask.shape, ramp).conj()[mask] / modulus
    off = np.maximum(np.abs(np.angle(flat)), np.abs(np.log(np.maximum(np.abs(flat), 1e-6))))
    return np.asarray(coarse.scatter * max(1.0, _OF_LARGER * float(np.median(off / coarse.scatter[mask]))))


def erode(mask: Mask, known: Mask, pixels: int) -> Mask:
    """Take pixels off a mask where it borders on what is known; the border of the known field costs nothing."""
    return np.asarray(ndimage.binary_erosion(mask | ~known, iterations=pixels, border_value=1) & mask)


def fine_mask(coarse: Coarse, mask: Mask) -> Mask:
    """A mask of the coarse image on the pixels of the whole one."""
    whole = np.zeros(coarse.shape, bool)
    large = np.repeat(np.repeat(mask, coarse.factor, axis=0), coarse.factor, axis=1)
    whole[: large.shape[0], : large.shape[1]] = large
    return whole


def fine_ramp(coarse: Coarse, ramp: Ramp) -> Ramp:
    """A ramp of the coarse image as one of the whole, the slope that was taken off included; without errors."""
    step = coarse.factor
    # Middle of the square that is index n // 2 of the coarse image, from n // 2 of the whole one.
    offset = [(n // step // 2) * step + (step - 1) / 2 - n // 2 for n in coarse.shape]
    extra = (ramp.slope[0] / step, ramp.slope[1] / step)
    constant = ramp.constant - extra[0] * offset[0] - extra[1] * offset[1]
    return Ramp(constant, (coarse.slope[0] + extra[0], coarse.slope[1] + extra[1]), 0.0, (0.0, 0.0))
