"""Flattening: phase ramp, constant phase and scale of an image, measured on air and taken off, with their errors."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from picpxct_nx.errors import InputError
from picpxct_nx.images.ramp import Pair, Ramp, match_constant, match_ramp, ramp_factor

Order = Literal["constant", "linear"]
Real = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]
Mask = npt.NDArray[np.bool_]

# Side of the blocks within which the noise of a reconstruction may be correlated, pixels.
BLOCK_PX = 8
# Fewer pixels of air carry no plane worth the name.
LEAST_PIXELS = 16


@dataclass(frozen=True)
class Flat:
    """An image whose air is 1 + 0j, and what was taken off: `image` = given / (modulus exp(i ramp)).

    `modulus_sigma` is the standard error of `modulus`; `noise` the standard deviation of real and imaginary part that
    air is left with.
    """

    image: Complex
    ramp: Ramp
    modulus: float
    modulus_sigma: float
    noise: float


def flatten(
    image: npt.NDArray[Any],
    air: Mask,
    weight: Real,
    *,
    order: Order = "linear",
    amplitude: bool = True,
    start: Pair | None = None,
) -> Flat:
    """Divide an image by the plane of phase and the modulus that it has in air.

    The plane maximises sum w Re(z exp(-i plane)) over air, which for a known modulus is maximum likelihood; the
    modulus is the mean of w Re(z exp(-i plane)), so that noise does not enlarge it as it does the mean of |z|, and the
    mean of air becomes 1 + 0j. Errors are clustered by blocks of 8 x 8 pixels.

    Parameters
    ----------
    image : (H, W) complex
    air : (H, W) bool
    weight : (H, W)
        Inverse of the variance up to a factor, zero where the image is not known.
    order : "constant" or "linear"
        What is taken off the phase.
    amplitude : bool
        Whether the modulus is divided by as well.
    start : (y, x), optional
        Slope to a fraction of a cycle over the air, rad per pixel; without it, it is sought.

    Raises
    ------
    InputError
        There are too few pixels of air for a plane.

    References
    ----------
    Guizar-Sicairos et al., Opt. Express 19, 21345 (2011), section 2.2: the ramp on a region of air.
    """
    weight = np.where(air, weight, 0.0)
    count = int(np.count_nonzero(weight))
    if count < LEAST_PIXELS:
        raise InputError(f"found {count} known pixels of air; wanted {LEAST_PIXELS} or more; choose more with --air")
    clean = np.where(weight > 0, image, 0.0).astype(np.complex128)
    if order == "linear":
        ramp = match_ramp(clean, np.ones(()), weight, start=start, block_px=BLOCK_PX)
    else:
        ramp = match_constant(clean, np.ones(()), weight, block_px=BLOCK_PX)
    turn = ramp_factor((image.shape[0], image.shape[1]), ramp).conj()
    turned = (clean * turn).real
    found = float(np.sum(weight * turned) / weight.sum())
    parts = _block_sums(weight * (turned - found))
    filled = int(np.count_nonzero(parts))
    sigma = float(np.sqrt(np.sum(parts**2) * filled / max(1, filled - 1)) / weight.sum())
    modulus = found if amplitude else 1.0
    flat = image * turn / modulus
    noise = float(np.sqrt(np.mean(np.abs(flat[weight > 0] - found / modulus) ** 2) / 2))
    return Flat(flat, ramp, modulus, sigma if amplitude else 0.0, noise)


def _block_sums(values: Real) -> Real:
    rows, columns = (np.arange(0, n, BLOCK_PX) for n in values.shape)
    return np.asarray(np.add.reduceat(np.add.reduceat(values, rows, axis=0), columns, axis=1))
