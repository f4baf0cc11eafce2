"""Resampling: an image on a grid of larger pixels with another origin, band-limited, in one interpolation.

The discrete Fourier transform of the source, cut at the Nyquist frequency of the target and evaluated at the target's
coordinates, is one real matrix along each axis: two matrix products an image.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from picpxct_nx.errors import InputError

Real = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# Around the known field an image goes on as it ends and fades to air over so many pixels: a step would ring.
FADE_PX = 16


@dataclass(frozen=True)
class Axis:
    """Evenly spaced coordinates: `length` of them from `start` on, `step` apart, m."""

    start: float
    step: float
    length: int

    def grown(self, before: int, after: int) -> "Axis":
        """The axis with pixels more at its ends."""
        return Axis(self.start - before * self.step, self.step, self.length + before + after)


def centred_axis(length: int, step: float) -> Axis:
    """Axis whose coordinate 0 lies exactly on index length // 2."""
    return Axis(-(length // 2) * step, step, length)


def coordinates(axis: Axis) -> Real:
    """Coordinates (length,) of an axis, m; those of a centred axis are exact multiples of the step."""
    index = np.arange(axis.length) + round(axis.start / axis.step)
    exact = index * axis.step
    whole = abs(axis.start - exact[0]) < 1e-9 * axis.step
    return np.asarray(exact if whole else axis.start + axis.step * np.arange(axis.length))


def resampling_matrix(source: Axis, target: Axis) -> Real:
    """Matrix (target length, source length) that takes samples of a band-limited periodic function to other points.

    D(u) = 1/N sum_{|k| <= K} exp(2 pi i k u / N), u = (R - r) / p in source pixels, K the last frequency that both
    grids carry: K / (N p) < 1 / (2 max(p, P)). Where the pixels are equal and N is even, half of the unpaired Nyquist
    frequency stands at either end, so that points on the grid are kept as they are.

    Parameters
    ----------
    source, target : Axis
        Pixels p and P; the period is N p, N the length of the source.

    References
    ----------
    Bailey & Swarztrauber, SIAM Rev. 33, 389 (1991): transforms on other grids, of which this is the direct sum.
    """
    n = source.length
    u = (coordinates(target)[:, None] - coordinates(source)[None, :]) / source.step
    limit = n * source.step / (2 * max(source.step, target.step))
    last = int(np.ceil(limit - 1e-9)) - 1
    turns = np.pi * u / n
    below = n * np.sin(turns)
    on_grid = np.abs(below) < 1e-9
    kernel = np.sin((2 * last + 1) * turns) / np.where(on_grid, 1.0, below)
    kernel = np.where(on_grid, (2 * last + 1) / n, kernel)
    if abs(limit - n / 2) < 1e-9 and n % 2 == 0:
        kernel += np.cos(np.pi * u) / n
    return np.asarray(kernel)


def resample(image: npt.NDArray[Any], source: tuple[Axis, Axis], target: tuple[Axis, Axis]) -> npt.NDArray[Any]:
    """An image (h, w), periodic and band-limited, on another grid of pixels that are not smaller; along y and x."""
    along_y, along_x = (resampling_matrix(s, t) for s, t in zip(source, target, strict=True))
    if np.isrealobj(image):
        return np.asarray(along_y @ image @ along_x.T)
    parts = along_y @ np.stack([image.real, image.imag]) @ along_x.T
    return np.asarray(parts[0] + 1j * parts[1])


def resample_transmission(
    transmission: npt.NDArray[Any], known: Mask, source: tuple[Axis, Axis], target: tuple[Axis, Axis]
) -> tuple[npt.NDArray[np.complex64], Mask]:
    """A transmission on another grid, with what is known of it there.

    t - 1 is interpolated. Beyond the known field it goes on as it ends there and fades to zero over 16 pixels, so that
    neither garbage nor a step rings into what is known. A pixel of the target is known where the four source pixels
    around it are.

    Parameters
    ----------
    transmission : (h, w) complex, 1 in air
    known : (h, w) bool
    source, target : axes along y and x, m; the target's pixels are not smaller than the source's

    Returns
    -------
    (H, W) complex64, 1 where not known, and (H, W) bool

    Raises
    ------
    InputError
        Nothing is known, or the target's pixels are smaller.
    """
    if not known.any():
        raise InputError("no pixel of the image is known; lower --least-coverage")
    for s, t in zip(source, target, strict=True):
        if t.step < s.step * (1 - 1e-6):
            raise InputError(f"would resample to smaller pixels: {t.step:.6g} m from {s.step:.6g} m; wanted larger")
    contrast, window = _faded(transmission, known)
    corner = [axis.grown(*ends) for axis, ends in zip(source, window, strict=True)]
    there = mask_on(known, source, target)
    image = 1 + resample(contrast, (corner[0], corner[1]), target)
    return np.where(there, image, 1.0).astype(np.complex64), there


def _faded(
    transmission: npt.NDArray[Any], known: Mask
) -> tuple[npt.NDArray[np.complex128], tuple[tuple[int, int], tuple[int, int]]]:
    """Contrast t - 1 in the bounding box of what is known and a margin, faded out; by how much it grew at each end."""
    rows, columns = (np.flatnonzero(known.any(axis=1 - axis)) for axis in (0, 1))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    field = np.pad(known[box], FADE_PX)
    inner = np.pad(np.where(known, transmission - 1, 0)[box], FADE_PX).astype(np.complex128)
    window = tuple(
        (FADE_PX - int(ends[0]), FADE_PX - (n - 1 - int(ends[-1])))
        for ends, n in zip((rows, columns), known.shape, strict=True)
    )
    if not field.all():
        distance, nearest = ndimage.distance_transform_edt(~field, return_indices=True)
        fade = np.cos(0.5 * np.pi * np.clip(distance / FADE_PX, 0.0, 1.0)) ** 2
        inner = inner[tuple(nearest)] * fade
    return inner, (window[0], window[1])


def mask_on(mask: Mask, source: tuple[Axis, Axis], target: tuple[Axis, Axis]) -> Mask:
    """A mask on another grid (H, W): true where all four pixels around a point are, false outside."""
    whole = np.pad(mask, 1)
    lower, upper = [], []
    for s, t in zip(source, target, strict=True):
        place = (coordinates(t) - s.start) / s.step
        lower.append(np.clip(np.floor(place + 1e-6).astype(int), -1, s.length) + 1)
        upper.append(np.clip(np.ceil(place - 1e-6).astype(int), -1, s.length) + 1)
    return np.asarray(
        whole[np.ix_(lower[0], lower[1])]
        & whole[np.ix_(lower[0], upper[1])]
        & whole[np.ix_(upper[0], lower[1])]
        & whole[np.ix_(upper[0], upper[1])]
    )
