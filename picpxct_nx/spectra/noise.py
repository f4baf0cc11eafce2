"""Noise of optical density and phase, pixel by pixel, from what no spectrum of the material explains."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

# A uniaxial material has two spectra, along and across its axis, of which a pixel holds any amount; and a pixel
# across which the phase changes loses some modulus at all energies alike. What these three do not explain is noise.
# Residuals of the edge fits would not do: they hold the fine structure of the windows as well.
COMPONENTS = 3
# Squares are averaged over this many pixels a side.
POOL_PX = 3


def components(gram: Floats) -> Floats:
    """The spectra (2n, 3) that explain most, from the sum of y y^T (2n, 2n) over pixels; y as from `joined`."""
    # With very few energies something must be left over.
    count = min(COMPONENTS, len(gram) // 2 - 1)
    return np.asarray(np.linalg.eigh(gram)[1][:, -count:])


def joined(density: Floats, phase: Floats) -> Floats:
    """Both spectra (n, k) as one (2n, k) of equal noise: for white complex noise, density / 2 and phase have it."""
    return np.concatenate([density / 2, phase])


def squares(spectra: Floats, explained: Floats) -> tuple[Floats, Floats]:
    """Noise variance of density and phase for each pixel, from the residual of `joined` spectra (2n, k).

    sigma^2 = sum r^2 / (n - sum of the squared components there), each (k,).
    """
    n = len(spectra) // 2
    rest = spectra - explained @ (explained.T @ spectra)
    free = n - np.sum(explained[:n] ** 2), n - np.sum(explained[n:] ** 2)
    return 4 * np.sum(rest[:n] ** 2, axis=0) / free[0], np.sum(rest[n:] ** 2, axis=0) / free[1]


def pooled(variance: Floats, usable: Mask) -> Floats:
    """Standard deviation (h, w) from variances averaged over usable neighbours; NaN where nothing is usable."""
    count = ndimage.uniform_filter(usable.astype(np.float64), POOL_PX, mode="constant")
    total = ndimage.uniform_filter(np.where(usable, variance, 0.0), POOL_PX, mode="constant")
    return np.where(usable, np.sqrt(np.maximum(total, 0) / np.maximum(count, 1 / (2 * POOL_PX**2))), np.nan)
