"""Correlation: the shift between two images from the peak of their cross-correlation, beyond any grid.

The peak of |r(s)|, r(s) = sum_q A B* exp(2 pi i q.s), is found on whole pixels by one transform, then on tenths by
products of matrices (Guizar-Sicairos, Thurman & Fienup, Opt. Lett. 33, 156, 2008), and then by Newton steps on the
very same sum, whose derivatives are known. `Spectra` of real images are half planes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

Image = npt.NDArray[np.inexact[Any]]
Real = npt.NDArray[np.float64]
Spectrum = npt.NDArray[np.complex64]

_GRID_PX, _GRID_REACH_PX = 0.1, 0.8  # the peak on whole pixels is wrong by half a pixel in each axis
_STEPS, _TOLERANCE_PX = 12, 1e-5
_LONGEST_STEP_PX = 0.3
NEIGHBOURS_PX = 6  # smoothing correlates noise over less


@dataclass(frozen=True)
class Band:
    """Frequencies of a spectrum: `shape` of its image, `y` (k,) and `x` (m,) in cycles a pixel.

    `count` (m,) is 2 for columns that stand for their conjugates as well, 1 for the others.
    """

    shape: tuple[int, int]
    real: bool
    y: Real
    x: Real
    count: Real


def band(shape: tuple[int, int], *, real: bool) -> Band:
    """Frequencies of the spectra of images of a shape, real or complex."""
    x = fft.rfftfreq(shape[1]) if real else fft.fftfreq(shape[1])
    return Band(shape, real, fft.fftfreq(shape[0]), x, np.where(real & (x > 0), 2.0, 1.0))


def spectrum(image: Image, where: Band) -> Spectrum:
    """Spectrum of an image (h, w), without the unpaired frequencies of even axes, which no shift moves."""
    values = (fft.rfft2 if where.real else fft.fft2)(image)
    values[np.isclose(np.abs(where.y), 0.5)] = 0
    values[:, np.isclose(np.abs(where.x), 0.5)] = 0
    return np.asarray(values, np.complex64)


def moved(values: Spectrum, where: Band, shift_px: Real) -> Spectrum:
    """Spectrum of the image moved by a shift (y, x) in pixels."""
    y, x = (np.exp(-2j * np.pi * q * s).astype(np.complex64) for q, s in zip((where.y, where.x), shift_px, strict=True))
    return np.asarray(values * y[:, None] * x)


def power(values: Spectrum, where: Band) -> float:
    """Sum of |F|^2 over all frequencies."""
    return float(np.sum(np.abs(values) ** 2, axis=0, dtype=np.float64) @ where.count)


def find(a: Spectrum, b: Spectrum, where: Band) -> Real:
    """Shift (y, x) in pixels that brings b onto a, wherever it is within half of the field; zero where one is empty."""
    cross = a * np.conj(b)
    correlation = np.abs(fft.irfft2(cross, s=where.shape) if where.real else fft.ifft2(cross))
    if not correlation.max() > 0:
        return np.zeros(2)
    peak = np.unravel_index(int(np.argmax(correlation)), where.shape)
    start = np.array([fft.fftfreq(n, 1 / n)[i] for n, i in zip(where.shape, peak, strict=True)])
    steps = np.arange(-_GRID_REACH_PX, _GRID_REACH_PX + _GRID_PX / 2, _GRID_PX)
    y, x = (
        np.exp(2j * np.pi * np.multiply.outer(centre + steps, q)).astype(np.complex64)
        for centre, q in zip(start, (where.y, where.x), strict=True)
    )
    fine = y @ cross @ (x * where.count.astype(np.float32)).T
    row, column = np.unravel_index(int(np.argmax(np.abs(fine.real if where.real else fine))), fine.shape)
    return _climb(cross, where, start + np.array([steps[row], steps[column]]))


def refine(a: Spectrum, b: Spectrum, where: Band, start_px: Real) -> Real:
    """Shift (y, x) in pixels that brings b onto a, the peak that is nearest to `start_px`."""
    return _climb(a * np.conj(b), where, start_px)


def coherence(a: Spectrum, b: Spectrum, where: Band, shift_px: Real) -> float:
    """|r(s)|^2 / (sum |A|^2 sum |B|^2): the part of the power that two images have in common, 0 to 1."""
    common = abs(_derivatives(a * np.conj(b), where, shift_px)[0, 0]) ** 2
    both = power(a, where) * power(b, where)
    return min(1.0, float(common / both)) if both > 0 else 0.0


def _derivatives(cross: Spectrum, where: Band, shift_px: Real) -> npt.NDArray[np.complex128]:
    """The sum r and its derivatives: element (i, j) is d^(i+j) r / dy^i dx^j, up to two of each."""
    y, x = (
        np.exp(2j * np.pi * q * s) * (2j * np.pi * q) ** np.arange(3)[:, None]
        for q, s in zip((where.y, where.x), shift_px, strict=True)
    )
    # Single precision for the large product; the small one is a sum of its many terms.
    values = (y.astype(np.complex64) @ cross).astype(np.complex128) @ (x * where.count).T
    return np.asarray(values.real.astype(np.complex128) if where.real else values)


def _climb(cross: Spectrum, where: Band, start_px: Real) -> Real:
    """Newton's way up |r|^2; where that is not yet a hill, up its slope."""
    shift = np.array(start_px, np.float64)
    for _ in range(_STEPS):
        m = _derivatives(cross, where, shift)
        first, second = np.array([m[1, 0], m[0, 1]]), np.array([[m[2, 0], m[1, 1]], [m[1, 1], m[0, 2]]])
        slope = np.real(np.conj(m[0, 0]) * first)
        bend = np.real(np.conj(m[0, 0]) * second + np.multiply.outer(np.conj(first), first))
        hill = np.linalg.eigvalsh(bend)[-1] < 0
        step = -np.linalg.solve(bend, slope) if hill else slope
        length = float(np.hypot(*step))
        if length == 0:
            break
        if not hill or length > _LONGEST_STEP_PX:
            step *= _LONGEST_STEP_PX / length
        shift += step
        if hill and length < _TOLERANCE_PX:
            break
    return shift


def differentiate(values: Spectrum, where: Band) -> Image:
    """Slopes (2, h, w) of an image along y and x, from its spectrum."""
    return np.stack(
        [_image(values * (2j * np.pi * q).astype(np.complex64), where) for q in (where.y[:, None], where.x)]
    )


def _image(values: Spectrum, where: Band) -> Image:
    return np.asarray(fft.irfft2(values, s=where.shape) if where.real else fft.ifft2(values))


def errors(a: Spectrum, b: Spectrum, where: Band, shift_px: Real, slopes: Image) -> Real:
    """Standard deviation (y, x) in pixels of the shift that brings b onto a, from what a does not explain of b.

    With b moved onto a, c the factor that fits it and R = b - c a the rest, u(r) = Re((c grad a)* R) is how hard a
    pixel pulls. V = sum u(r) u(r + d)^T over all pixels and all d within 6 px, and the curvature
    H = Re sum (2 pi)^2 q q^T (c A)* B / N, make the covariance H^-1 V H^-1 (sandwich). Noise may be stronger where the
    image is steep, and correlated over a few pixels; noise of a and b counts alike.

    Parameters
    ----------
    a, b : (k, m) complex64
        Spectra.
    shift_px : (2,)
    slopes : (2, h, w)
        grad a, up to a factor.

    References
    ----------
    White, Econometrica 48, 817 (1980), for the sandwich; Conley, J. Econometrics 92, 1 (1999), for neighbours.
    """
    there, explained = moved(b, where, shift_px), power(a, where)
    if explained == 0:
        return np.full(2, np.inf)
    factor = complex(np.sum(np.conj(a) * there, axis=0, dtype=np.complex128) @ where.count / explained)
    if where.real:
        factor = complex(factor.real)
    fitted = a * np.complex64(factor)
    bend = _second_moments(np.real(np.conj(fitted) * there), where) / np.prod(where.shape)
    # The slopes may be those of a multiple of a.
    own = np.sum(np.abs(slopes) ** 2, dtype=np.float64)
    scale = np.sqrt(np.trace(_second_moments(np.abs(fitted) ** 2, where)) / np.prod(where.shape) / own)
    phase = np.complex64(factor / abs(factor)) if factor else 1
    rest = _image(there - fitted, where)
    pull = np.real(np.conj(phase * slopes) * rest) * np.float32(scale)
    if not np.linalg.cond(bend) < 1 / np.finfo(np.float64).eps:
        return np.full(2, np.inf)
    inverse = np.linalg.inv(bend)
    side = 2 * NEIGHBOURS_PX + 1
    around = np.stack([ndimage.uniform_filter(one, side, mode="constant") * side**2 for one in pull])
    variances = [np.diag(inverse @ np.einsum("ahw,bhw->ab", pull, one) @ inverse) for one in (pull, around)]
    # A sum over neighbours need not be positive; noise is not less than that of pixels one by one.
    return np.asarray(np.sqrt(np.maximum(*variances)))


def _second_moments(density: npt.NDArray[np.float32], where: Band) -> Real:
    """Sum (2 pi)^2 q q^T density over all frequencies."""
    # Of half a plane, the conjugates bring the products of y and x with the same sign.
    y, x = (np.stack([np.ones_like(q), 2 * np.pi * q, (2 * np.pi * q) ** 2]) for q in (where.y, where.x))
    m = y @ density @ (x * where.count).T
    return np.array([[m[2, 0], m[1, 1]], [m[1, 1], m[0, 2]]])
