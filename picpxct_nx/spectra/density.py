"""Optical density and phase of every projection of a cube, air at zero, with the flaws of every pixel."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import InputError
from picpxct_nx.images.cubes import leave_out
from picpxct_nx.records import SpectralCube
from picpxct_nx.spectra.unwrap import unwrap_mean
from picpxct_nx.values import Pieces, Room, in_memory

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Air of fewer pixels would put more noise into the zero of a projection than flatten left there.
LEAST_AIR_PX = 16

# Bits of the mask, as the definition has them.
THIN, AIR, OUTSIDE, WRAPPED, NOT_FINITE = 1, 2, 4, 8, 16


@dataclass(frozen=True)
class Densities:
    """Spectra before any normalisation.

    `density` (P, E, H, W) is the optical density -ln|t|^2 = 2 k int beta dz, `phase` (P, E, H, W) the unwrapped phase
    -k int delta dz in rad, both float32 and 0 in air, NaN in projections that were not measured and 0 where a
    pixel is flawed. `depth` (P, H, W) is how far the mean phase is below zero, rad, 0 where not known. `flaws`
    (P, H, W) holds bits AIR, OUTSIDE, WRAPPED, NOT_FINITE. `offset` is the largest |t - 1| that the air of a
    projection had and that was divided out. `zero` (P,) says whose zero that is: "air" of the cube, or "flattened".
    """

    density: Pieces
    phase: Pieces
    depth: Floats
    flaws: NDArray[np.int32]
    offset: float
    zero: tuple[str, ...]

    @property
    def sample(self) -> Mask:
        """Pixels (P, H, W) with a spectrum of matter, however thin."""
        return np.asarray(self.flaws == 0)

    @property
    def weight(self) -> Floats:
        """Weights (P, H, W) of a mean over the sample: depth, 0 elsewhere."""
        return np.where(self.sample, np.maximum(self.depth, 0), 0)


Progress = Callable[[int, int], None]


def densities(cube: SpectralCube, room: Room = in_memory) -> Densities:
    """Optical density and phase of a cube, projection by projection.

    Each projection is divided by the mean transmission of its air; where the projections of a polarisation have next
    to none in common, each keeps the zero that flatten found in its own, wider field. The phase is unwrapped once,
    through the mean transmission t_mean over the energies of a polarisation: phase = phi_mean +
    angle(t exp(-i phi_mean)), so that no 2 pi lies between two energies.

    Raises
    ------
    InputError
        Nobody said where air is, or a known pixel is not finite, or no phase can be unwrapped.
    """
    shape = tuple(cube.transmission.shape)
    density, phase = room(shape, np.float32), room(shape, np.float32)
    for missing in (density, phase):
        leave_out(missing, cube.valid)
    depth = np.zeros((shape[0], *shape[2:]))
    flaws = np.zeros(depth.shape, np.int32)
    offset, zero = 0.0, []
    for p in range(shape[0]):
        known = np.asarray(cube.known[p], bool)
        air = _air(cube, p, known)
        zero.append("air" if air.sum() >= LEAST_AIR_PX else "flattened")
        energies, levels, mean = _measured(cube, p), dict[int, complex](), np.zeros(shape[2:], np.complex128)
        # Images are read twice rather than kept: a polarisation is half of a cube.
        for e in energies:
            image = _image(cube, p, e, known)
            levels[e] = complex(np.mean(image[air], dtype=np.complex128)) if zero[p] == "air" else 1.0
            mean += image / np.complex64(levels[e])
        offset = max(offset, *(abs(level - 1) for level in levels.values()))
        unwrapped = unwrap_mean(mean / len(energies), known, air if zero[p] == "air" else None)
        lost = known & np.isnan(unwrapped)
        smooth = np.nan_to_num(unwrapped)
        flaws[p] = AIR * air + OUTSIDE * ~known + WRAPPED * lost
        for e in energies:
            image = _image(cube, p, e, known) / np.complex64(levels[e])
            gone = image == 0
            flaws[p][gone & known] |= NOT_FINITE
            density[p, e] = np.where(gone | ~known, 0, -2 * np.log(np.abs(np.where(gone, 1, image))))
            phase[p, e] = np.where(known & ~lost, smooth + np.angle(image * np.exp(-1j * smooth)), 0)
        depth[p] = -smooth
    return Densities(density, phase, depth, flaws, offset, tuple(zero))


def _air(cube: SpectralCube, p: int, known: Mask) -> Mask:
    if cube.air is None:
        raise InputError(
            f"{cube.entry}: nobody said where its air is, and the phase has no zero without it: run picpxct flatten on "
            "the cube, with an --air that the images show"
        )
    return np.asarray(cube.air[p], bool) & known


def _measured(cube: SpectralCube, p: int) -> list[int]:
    """Indices of the energies that were measured at a polarisation."""
    if not np.any(cube.valid[p]):
        angle = np.rad2deg(cube.polarization_angle[p])
        raise InputError(f"{cube.entry}: polarisation {angle:.4g} deg has no projection; leave it out")
    return [int(e) for e in np.flatnonzero(cube.valid[p])]


def _image(cube: SpectralCube, p: int, e: int, known: Mask) -> NDArray[np.complex64]:
    """One projection, 1 where it is not known."""
    image = np.array(cube.transmission[p, e], np.complex64)
    bad = int(np.sum(~np.isfinite(image[known])))
    if bad:
        angle = np.rad2deg(cube.polarization_angle[p])
        raise InputError(
            f"{cube.entry}: {bad} known pixels at {cube.energy_ev[e]:.6g} eV, polarisation {angle:.4g} deg, are "
            "not finite; did a solver diverge? leave that scan out"
        )
    return np.where(known, image, 1).astype(np.complex64)
