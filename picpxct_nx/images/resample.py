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


def band(source: Axis, target: Axis, roll_off: float = 0.0) -> Real:
    """Weights (K + 1,) of the frequencies k / (N p), k = 0 to K, that both grids carry: K / (N p) < 1 / (2 max(p, P)).

    They are 1, and fall as cos^2 to 0 over the last part `roll_off` of the band. Where the pixels are equal, N is even
    and nothing falls, the unpaired Nyquist frequency is one of them, with half a weight at either end.
    """
    limit = source.length * source.step / (2 * max(source.step, target.step))
    frequency = np.arange(int(np.ceil(limit - 1e-9))) / limit
    if not roll_off:
        whole = abs(limit - source.length / 2) < 1e-9 and source.length % 2 == 0
        return np.append(np.ones(len(frequency)), 0.5) if whole else np.ones(len(frequency))
    return np.asarray(np.cos(np.pi / 2 * np.clip(1 - (1 - frequency) / roll_off, 0.0, 1.0)) ** 2)


def resampling_matrix(source: Axis, target: Axis, roll_off: float = 0.0) -> Real:
    """Matrix (target length, source length) that takes samples of a band-limited periodic function to other points.

    D(R, r) = 1/N sum_{|k| <= K} w_k exp(2 pi i k (R - r) / (N p)), with the weights of `band`; points on the grid are
    kept as they are where the pixels are equal and nothing falls off.

    Parameters
    ----------
    source, target : Axis
        Pixels p and P; the period is N p, N the length of the source.
    roll_off : float
        Part of the band, from its end, over which the weights fall.

    References
    ----------
    Bailey & Swarztrauber, SIAM Rev. 33, 389 (1991): transforms on other grids, of which this is the direct sum.
    """
    weight = band(source, target, roll_off) * 2 / source.length
    weight[0] /= 2
    to, given = (
        np.multiply.outer(coordinates(axis) - source.start, np.arange(len(weight)))
        * (2 * np.pi / (source.length * source.step))
        for axis in (target, source)
    )
    return np.asarray((np.cos(to) * weight) @ np.cos(given).T + (np.sin(to) * weight) @ np.sin(given).T)


def noise_gain(source: tuple[Axis, Axis], target: tuple[Axis, Axis], roll_off: float = 0.0) -> float:
    """By what the standard deviation of white noise is multiplied when an image is resampled."""
    shares = []
    for s, t in zip(source, target, strict=True):
        weight = band(s, t, roll_off) ** 2
        shares.append((2 * weight.sum() - weight[0]) / s.length)
    return float(np.sqrt(shares[0] * shares[1]))


def resample(
    image: npt.NDArray[Any], source: tuple[Axis, Axis], target: tuple[Axis, Axis], roll_off: float = 0.0
) -> npt.NDArray[Any]:
    """An image (h, w), periodic and band-limited, on another grid of pixels that are not smaller; along y and x."""
    along_y, along_x = (resampling_matrix(s, t, roll_off) for s, t in zip(source, target, strict=True))
    if np.isrealobj(image):
        return np.asarray(along_y @ image @ along_x.T)
    parts = along_y @ np.stack([image.real, image.imag]) @ along_x.T
    return np.asarray(parts[0] + 1j * parts[1])


def resample_transmission(
    transmission: npt.NDArray[Any],
    known: Mask,
    source: tuple[Axis, Axis],
    target: tuple[Axis, Axis],
    roll_off: float = 0.0,
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
    roll_off : part of the band, from its end, over which frequencies fall to nothing

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
    image = 1 + resample(contrast, (corner[0], corner[1]), target, roll_off)
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
