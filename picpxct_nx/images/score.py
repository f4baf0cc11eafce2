"""Object error against a known truth, after removing what ptychography cannot know."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft2, fftfreq, ifft2, next_fast_len
from scipy.optimize import minimize

# Pixels with less than this part of the largest dose are too dim to be judged.
LIT = 0.3
# Rim around the judged region that the Fourier shift may wrap into, in pixels.
RIM = 12


@dataclass(frozen=True)
class Score:
    """How far a reconstruction is from the truth.

    Parameters
    ----------
    error : float
        sqrt(sum |c T - O|^2 / sum |O|^2) over the lit pixels, O the truth, T the aligned reconstruction.
    scale : complex
        c, the removed complex scale.
    shift_px : (float, float)
        Rows and columns by which the reconstruction was moved.
    ramp : (float, float)
        Removed phase ramp, radian a pixel along rows and columns.
    """

    error: float
    scale: complex
    shift_px: tuple[float, float]
    ramp: tuple[float, float]


def lit_region(
    probe: NDArray[np.complex64], positions_px: NDArray[np.float64], object_shape: tuple[int, int], level: float = LIT
) -> NDArray[np.bool_]:
    """Object pixels that receive more than a part of the largest dose.

    Parameters
    ----------
    probe : (modes, h, w) complex
        Probe.
    positions_px : (n, 2) float64
        Top-left corners of the windows; whole pixels are enough here.
    object_shape : (int, int)
        Rows and columns of the object.
    level : float
        The part, 0 to 1.

    Returns
    -------
    (H, W) bool
    """
    dose = np.zeros(object_shape)
    beam = (np.abs(probe.astype(np.complex128)) ** 2).sum(axis=0)
    for row, column in np.floor(positions_px).astype(int):
        dose[row : row + beam.shape[0], column : column + beam.shape[1]] += beam
    region: NDArray[np.bool_] = dose > level * dose.max()
    return region


def object_error(image: NDArray[np.complex64], truth: NDArray[np.complex64], region: NDArray[np.bool_]) -> Score:
    """Error of a reconstructed object after removing complex scale, linear phase ramp and sub-pixel shift.

    The shift and the ramp that leave the least residual are sought from the peaks of two correlations; the best scale
    follows in closed form: min over s, g, c of sum |c T - O|^2 with T(r) = (exp(-i g r) image)(r - s).

    Parameters
    ----------
    image : (H, W) complex
        Reconstruction on the truth's grid.
    truth : (H, W) complex
        True object.
    region : (H, W) bool
        Pixels that are judged (`lit_region`).

    Returns
    -------
    Score
        Error NaN where the reconstruction is not finite.
    """
    rows, columns = np.nonzero(region)
    window = (
        slice(max(0, rows.min() - RIM), rows.max() + 1 + RIM),
        slice(max(0, columns.min() - RIM), columns.max() + 1 + RIM),
    )
    found, wanted = image[window].astype(np.complex128), truth[window].astype(np.complex128)
    weight = region[window].astype(np.float64)
    if not np.isfinite(found).all():
        return Score(float("nan"), complex("nan"), (0.0, 0.0), (0.0, 0.0))
    start = _start(found, wanted, weight)
    steps = np.vstack([np.zeros(4), np.diag([0.3, 0.3, 0.02, 0.02])])
    best = min(
        (
            minimize(
                lambda x: _residual(_moved(found, x), wanted, weight)[0],
                guess,
                method="Nelder-Mead",
                options={"initial_simplex": guess + steps, "xatol": 1e-4, "fatol": 1e-10, "maxiter": 400},
            )
            for guess in start
        ),
        key=lambda fit: float(fit.fun),
    )
    residual, scale = _residual(_moved(found, best.x), wanted, weight)
    row, column, row_ramp, column_ramp = (float(value) for value in best.x)
    return Score(float(np.sqrt(residual)), scale, (row, column), (row_ramp, column_ramp))


def _moved(image: NDArray[np.complex128], x: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Image without the ramp x[2:] (radian a pixel), then shifted by x[:2] pixels in Fourier space."""
    row, column = (np.arange(size) - (size - 1) / 2 for size in image.shape)
    flat = image * np.exp(-1j * x[2] * row)[:, None] * np.exp(-1j * x[3] * column)
    row_turn, column_turn = (np.exp(-2j * np.pi * fftfreq(size) * by) for size, by in zip(image.shape, x, strict=False))
    moved: NDArray[np.complex128] = ifft2(fft2(flat) * row_turn[:, None] * column_turn)
    return moved


def _residual(
    found: NDArray[np.complex128], wanted: NDArray[np.complex128], weight: NDArray[np.float64]
) -> tuple[float, complex]:
    """Relative squared residual over the weighted pixels at the best complex scale, and that scale."""
    own = float((weight * np.abs(found) ** 2).sum())
    common = complex((weight * found.conj() * wanted).sum())
    power = float((weight * np.abs(wanted) ** 2).sum())
    return max(0.0, 1 - abs(common) ** 2 / (own * power)), common / own


def _start(
    found: NDArray[np.complex128], wanted: NDArray[np.complex128], weight: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """First guesses: the ramp from the spectrum of found conj(truth), the shift from their cross-correlation."""
    shape = [next_fast_len(4 * size) for size in found.shape]
    spectrum = np.abs(fft2(found * wanted.conj() * weight, s=shape))
    peak = np.unravel_index(int(spectrum.argmax()), spectrum.shape)
    ramp = [2 * np.pi * fftfreq(size)[index] for size, index in zip(shape, peak, strict=True)]
    flat = _moved(found, np.array([0.0, 0.0, *ramp]))
    parts = [(field - (field * weight).sum() / weight.sum()) * weight for field in (flat, wanted)]
    correlation = np.abs(ifft2(fft2(parts[1]) * fft2(parts[0]).conj()))
    peak = np.unravel_index(int(correlation.argmax()), correlation.shape)
    shift = [fftfreq(size)[index] * size for size, index in zip(correlation.shape, peak, strict=True)]
    guesses = [np.array([0.0, 0.0, *ramp])]
    if 0 < max(abs(by) for by in shift) <= RIM:
        guesses.append(np.array([*shift, *ramp]))
    return guesses
