"""Phase ramps: the plane of phase between two images, by least squares of the complex misfit, and its errors."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft

from picpxct_nx.errors import InputError

Image = npt.NDArray[np.inexact[Any]]
Real = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]
Pair = tuple[float, float]

_RAMP_TOLERANCE = 1e-10  # rad at the edge of the field
_RAMP_STEPS = 500


@dataclass(frozen=True)
class Ramp:
    """A plane of phase, constant + slope.(r - c), c = n // 2, with its standard errors.

    `covariance` (3, 3) is that of (constant, slope y, slope x), whose diagonal the errors are.
    """

    constant: float  # rad
    slope: Pair  # rad per pixel, (y, x)
    constant_sigma: float  # rad
    slope_sigma: Pair  # rad per pixel, (y, x)
    covariance: Real = field(default_factory=lambda: np.zeros((3, 3)))

    def at(self, offset_px: Pair) -> tuple[float, float]:
        """Phase and its standard error, rad, at c + offset."""
        where = np.array([1.0, *offset_px])
        phase = float(where @ [self.constant, *self.slope])
        return phase, float(np.sqrt(max(0.0, where @ self.covariance @ where)))


def ramp_factor(shape: tuple[int, int], ramp: Ramp) -> Complex:
    """Give exp(i (constant + slope.(r - c))) on an image of `shape`; multiply by its conjugate to remove it."""
    along_y, along_x = (np.exp(1j * slope * _centred(size)) for slope, size in zip(ramp.slope, shape, strict=True))
    return np.asarray(np.exp(1j * ramp.constant) * np.multiply.outer(along_y, along_x))


def match_ramp(a: Image, b: Image, weight: Real, *, start: Pair | None = None, block_px: int = 1) -> Ramp:
    """Find the phase ramp and constant of `a` relative to `b`: a ~ |.| b exp(i (constant + slope.(r - c))).

    Weighted least squares of the complex misfit, which is the maximum of sum w Re(a b* exp(-i ramp)). It starts
    from the phase of the lag-1 products and from the peak of the zero-padded spectrum of w a b*; each is
    improved by the quadratic bound of the cosine (every step goes uphill), and the higher of the two is taken.
    `a * ramp_factor(a.shape, ramp).conj()` then has the ramp and constant of `b`.

    Parameters
    ----------
    a, b : (n_y, n_x) real or complex, on the same grid; a `b` of ones gives the ramp of `a` itself
    weight : (n_y, n_x), not negative, relative statistical weight or mask
    start : (y, x), rad per pixel, where the slope is known to a fraction of a cycle over the weight: nothing else is
        tried, which saves the transforms
    block_px : side of the blocks within which the noise may be correlated; the errors hold for it

    Returns
    -------
    Ramp
        Angles in rad and rad per pixel; the standard errors come from the misfit (sandwich estimate, clustered by
        blocks).

    Raises
    ------
    InputError
        The weighted product is zero, or fills less than a plane needs.

    References
    ----------
    Guizar-Sicairos et al., Opt. Express 19, 21345 (2011), for the maximum; Hunter & Lange, Am. Stat. 58, 30
    (2004), for the uphill steps; Liang & Zeger, Biometrika 73, 13 (1986), for the errors.
    """
    product = np.asarray(weight * a * np.conj(b), dtype=np.complex128)
    centred = [_centred(size) for size in product.shape]
    bound = _plane_moments(np.abs(product), centred)
    if not np.linalg.cond(bound) < 1 / np.finfo(float).eps:
        raise InputError("phase ramp: found no plane of pixels with weight in both images; widen the weight")
    starts = (_lag_start(product), _peak_start(product)) if start is None else (start,)
    climbed = [_climb(product, centred, bound, slope) for slope in starts]
    plane = max(climbed, key=lambda one: _plane_gradient(product, centred, one)[1])
    left = product * np.conj(ramp_factor(product.shape, Ramp(plane[0], (plane[1], plane[2]), 0, (0, 0))))
    inverse = np.linalg.inv(_plane_moments(left.real, centred))
    return _with_errors(plane, inverse @ _scatter(left.imag, centred, block_px) @ inverse)


def match_constant(a: Image, b: Image, weight: Real, *, block_px: int = 1) -> Ramp:
    """Find the constant phase of `a` relative to `b` alone, the angle of sum w a b*, as a ramp without slope.

    Parameters, errors and what is raised are those of `match_ramp`.
    """
    product = np.asarray(weight * a * np.conj(b), dtype=np.complex128)
    total = product.sum()
    if total == 0:
        raise InputError("constant phase: found no pixels with weight in both images; widen the weight")
    left = product * np.conj(total) / np.abs(total)
    scatter = _scatter(left.imag, [_centred(size) for size in product.shape], block_px)
    covariance = np.zeros((3, 3))
    covariance[0, 0] = scatter[0, 0] / left.real.sum() ** 2
    return _with_errors(np.array([np.angle(total), 0.0, 0.0]), covariance)


def _with_errors(plane: Real, covariance: Real) -> Ramp:
    sigma = np.sqrt(np.abs(np.diag(covariance)))
    return Ramp(
        constant=float(np.angle(np.exp(1j * plane[0]))),
        slope=(float(plane[1]), float(plane[2])),
        constant_sigma=float(sigma[0]),
        slope_sigma=(float(sigma[1]), float(sigma[2])),
        covariance=covariance,
    )


def _scatter(score: Real, centred: list[Real], block_px: int) -> Real:
    """Sum s s^T over blocks, s = sum of score X in a block, X = (1, y, x): the variance of the sum of score X."""
    if block_px == 1:
        return _plane_moments(score**2, centred)
    rows, columns = (np.arange(0, size, block_px) for size in score.shape)
    moments = []
    for y, x in ((0, 0), (1, 0), (0, 1)):
        weighted = score * (centred[0][:, None] if y else 1.0) * (centred[1] if x else 1.0)
        moments.append(np.add.reduceat(np.add.reduceat(weighted, rows, axis=0), columns, axis=1).ravel())
    sums = np.stack(moments)
    # The fit takes three numbers from the blocks: without this a few blocks would claim too little.
    filled = int(np.count_nonzero(sums.any(axis=0)))
    return np.asarray(sums @ sums.T) * filled / max(1, filled - 3)


def _centred(size: int) -> Real:
    """Count pixels from index n // 2."""
    return np.arange(size, dtype=np.float64) - size // 2


def _plane_moments(density: Real, centred: list[Real]) -> Real:
    """Sum density X X^T over the pixels, X = (1, y, x)."""
    y, x = (np.stack([np.ones_like(axis), axis, axis**2]) for axis in centred)
    m = y @ density @ x.T
    return np.array([[m[0, 0], m[1, 0], m[0, 1]], [m[1, 0], m[2, 0], m[1, 1]], [m[0, 1], m[1, 1], m[0, 2]]])


def _plane_gradient(product: Complex, centred: list[Real], plane: Real) -> tuple[Real, float]:
    """Give the gradient and the value of sum Re(product exp(-i plane)) in (constant, slope y, slope x)."""
    y, x = (np.exp(-1j * slope * axis) for slope, axis in zip(plane[1:], centred, strict=True))
    moments = np.exp(-1j * plane[0]) * (np.stack([y, y * centred[0]]) @ product @ np.stack([x, x * centred[1]]).T)
    return moments.imag[[0, 1, 0], [0, 0, 1]], float(moments[0, 0].real)


def _climb(product: Complex, centred: list[Real], bound: Real, slope: Pair) -> Real:
    """Go uphill from a slope with the constant that suits it; slow only where the misfit is large."""
    plane = np.array([0.0, *slope])
    reach = np.array([1.0, *(np.abs(axis).max() for axis in centred)])
    gradient, value = _plane_gradient(product, centred, plane)
    plane[0] = np.arctan2(gradient[0], value)
    for _ in range(_RAMP_STEPS):
        step = np.linalg.solve(bound, _plane_gradient(product, centred, plane)[0])
        plane += step
        if np.abs(step * reach).sum() < _RAMP_TOLERANCE:
            break
    return plane


def _lag_start(product: Complex) -> Pair:
    """Estimate the slope from neighbours: the phase of sum p(r + 1) p*(r); blind to the shape of the weight."""
    y = np.angle(np.vdot(product[:-1], product[1:]))
    x = np.angle(np.vdot(product[:, :-1], product[:, 1:]))
    return float(y), float(x)


def _peak_start(product: Complex) -> Pair:
    """Estimate the slope from the peak of the spectrum on half frequency steps; sure where the noise is high."""
    size = (2 * product.shape[0], 2 * product.shape[1])
    spectrum = np.abs(fft.fft2(product, s=size))
    row, column = np.unravel_index(int(np.argmax(spectrum)), spectrum.shape)
    return (
        float(2 * np.pi * fft.fftfreq(size[0])[row]),
        float(2 * np.pi * fft.fftfreq(size[1])[column]),
    )
