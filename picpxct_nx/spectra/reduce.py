"""Reduction: what is linear in the spectra of a polarisation, applied to all its pixels in blocks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.spectra.density import Densities
from picpxct_nx.spectra.kramers_kronig import Consistency
from picpxct_nx.spectra.noise import components, joined, pooled, squares
from picpxct_nx.spectra.regression import Curve, EdgeFit
from picpxct_nx.values import Pieces

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
    density, phase = (_Spectra(cube, p, linear.valid) for cube in (found.density, found.phase))
    usable = (found.flaws[p] & ~2 == 0).ravel()  # air has noise as well
    explained = components(_gram(density, phase, usable))
    maps = np.full((6, density.pixels), np.nan)
    for block in density.blocks():
        y, phi = density.read(block), phase.read(block)
        maps[3, block], maps[4, block] = squares(joined(y, phi), explained)
        maps[0, block], maps[1, block], maps[2, block] = linear.edge.step @ y, linear.drop @ phi, linear.off @ phi
        y -= linear.edge.pre.of(y)
        phi -= linear.line.of(phi)
        if linear.consistency is not None:
            rest = linear.consistency.phase @ phi + linear.consistency.absorption @ y
            maps[5, block] = np.mean(rest**2, axis=0)
        density.write(block, y)
        phase.write(block, phi)
    for row in (3, 4):
        maps[row] = pooled(maps[row].reshape(shape), usable.reshape(shape)).ravel()
    maps[:, ~usable] = np.nan
    return Maps(*maps.reshape(6, *shape))


class _Spectra:
    """The spectra of all pixels of a polarisation, at its n valid energies, wherever they lie."""

    def __init__(self, cube: Pieces, p: int, valid: Mask) -> None:
        self.pixels = int(np.prod(cube.shape[2:]))
        self._flat, self._p = cube.reshape((*cube.shape[:2], self.pixels)), p
        self._energies = [int(energy) for energy in np.flatnonzero(valid)]

    def blocks(self) -> list[slice]:
        """Pixels whose spectra take about `BLOCK_BYTES`, one run after the other."""
        size = max(1, BLOCK_BYTES // (8 * len(self._energies)))
        return [slice(start, start + size) for start in range(0, self.pixels, size)]

    def read(self, block: slice) -> Floats:
        """Spectra (n, k) of the pixels of a block."""
        return np.stack([self._flat[self._p, energy, block] for energy in self._energies]).astype(np.float64)

    def write(self, block: slice, spectra: Floats) -> None:
        """Put spectra (n, k) in the place of those of a block."""
        for energy, values in zip(self._energies, spectra, strict=True):
            self._flat[self._p, energy, block] = values


def _gram(density: _Spectra, phase: _Spectra, usable: Mask) -> Floats:
    """Sum of y y^T over the usable pixels, (2n, 2n)."""
    total = None
    for block in density.blocks():
        both = joined(*(part.read(block)[:, usable[block]] for part in (density, phase)))
        total = both @ both.T if total is None else total + both @ both.T
    assert total is not None  # noqa: S101  # an image has pixels
    return np.asarray(total)
