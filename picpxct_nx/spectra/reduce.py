"""Reduction: what is linear in the spectra of a polarisation, applied to all its pixels in blocks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.spectra.density import Densities
from picpxct_nx.spectra.kramers_kronig import Consistency
from picpxct_nx.spectra.noise import components, joined, pooled, squares
from picpxct_nx.spectra.regression import Curve, EdgeFit

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Spectra are taken in blocks of pixels of about this many bytes in float64.
BLOCK_BYTES = 8 * 2**20


@dataclass(frozen=True)
class Reduction:
    """Linear maps of the spectra of one polarisation, on its n valid energies.

    `edge` fits the optical density, `line` is the line through both windows of the phase; `drop` (n,) and `off` (n,)
    are means over the drop window, of the phase above its line, and over the post-edge window, of the phase itself.
    """

    valid: Mask
    energy_ev: Floats
    edge: EdgeFit
    line: Curve
    drop: Floats
    off: Floats
    consistency: Consistency | None


@dataclass(frozen=True)
class Maps:
    """What the reduction finds for every pixel of one polarisation, each (h, w), NaN where a pixel is flawed."""

    step: Floats
    drop: Floats
    off: Floats
    density_noise: Floats
    phase_noise: Floats
    misfit: Floats  # mean square of the Kramers-Kronig residual, rad^2; NaN where it is not computed


def reduce(found: Densities, p: int, linear: Reduction) -> Maps:
    """Reduce the spectra of a polarisation, and take their lines out of `found.density` and `found.phase` in place.

    Sums and fits are done in float64 in blocks of pixels, so that nothing as large as the cube is made.
    """
    shape = found.density.shape[2:]
    energies = np.flatnonzero(linear.valid)
    density, phase = (cube[p].reshape(len(linear.valid), -1) for cube in (found.density, found.phase))
    usable = (found.flaws[p] & ~2 == 0).ravel()  # air has noise as well
    explained = components(_gram(density, phase, energies, usable))
    maps = np.full((6, density.shape[1]), np.nan)
    for block in _blocks(density.shape[1], len(energies)):
        y, phi = density[energies, block].astype(np.float64), phase[energies, block].astype(np.float64)
        maps[3, block], maps[4, block] = squares(joined(y, phi), explained)
        maps[0, block], maps[1, block], maps[2, block] = linear.edge.step @ y, linear.drop @ phi, linear.off @ phi
        y -= linear.edge.pre.of(y)
        phi -= linear.line.of(phi)
        if linear.consistency is not None:
            rest = linear.consistency.phase @ phi + linear.consistency.absorption @ y
            maps[5, block] = np.mean(rest**2, axis=0)
        density[energies, block], phase[energies, block] = y, phi
    for row in (3, 4):
        maps[row] = pooled(maps[row].reshape(shape), usable.reshape(shape)).ravel()
    maps[:, ~usable] = np.nan
    return Maps(*maps.reshape(6, *shape))


def _blocks(pixels: int, energies: int) -> list[slice]:
    size = max(1, BLOCK_BYTES // (8 * energies))
    return [slice(start, start + size) for start in range(0, pixels, size)]


def _gram(density: NDArray[np.float32], phase: NDArray[np.float32], energies: NDArray[np.intp], usable: Mask) -> Floats:
    """Sum of y y^T over the usable pixels, (2n, 2n)."""
    total = np.zeros((2 * len(energies), 2 * len(energies)))
    for block in _blocks(density.shape[1], len(energies)):
        y, phi = (part[energies, block][:, usable[block]].astype(np.float64) for part in (density, phase))
        both = joined(y, phi)
        total += both @ both.T
    return total
