"""Cubes: the projections of each polarisation of a spectral cube, read one by one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from picpxct_nx.errors import InputError
from picpxct_nx.records import SpectralCube
from picpxct_nx.values import Array, ArraySource, Pieces

Mask = npt.NDArray[np.bool_]
Image = npt.NDArray[np.inexact[Any]]

ENERGY_TOLERANCE_EV = 0.2  # encoders never repeat exactly; energies of a stack are at least 0.5 eV apart


@dataclass(frozen=True, eq=False)
class Projections:
    """One polarisation of a cube: its `index`, which `energies` (indices) are there, and what is known of its field.

    `known` and `air` are (H, W), `steps` the lengths in m from one pixel to the next along y and x.
    """

    cube: SpectralCube
    index: int
    energies: npt.NDArray[np.intp]
    known: Mask
    air: Mask | None
    steps: tuple[float, float]

    def name(self, energy: int | None = None) -> str:
        """What a message calls the polarisation, or its projection at an energy (index)."""
        angle = np.rad2deg(self.cube.polarization_angle[self.index])
        text = f"{self.cube.entry}: polarisation {self.index + 1} ({angle:.4g} deg)"
        return text if energy is None else f"{text}, {self.cube.energy_ev[energy]:.1f} eV"

    def nearest(self, energy_ev: float) -> int:
        """Place in `energies` of the projection at an energy.

        Raises
        ------
        InputError
            There is none.
        """
        nominal = np.asarray(self.cube.energy_ev)[self.energies]
        place = int(np.argmin(np.abs(nominal - energy_ev)))
        if abs(nominal[place] - energy_ev) > ENERGY_TOLERANCE_EV:
            raise InputError(
                f"{self.name()}: has no projection at {energy_ev:.1f} eV; the nearest is at {nominal[place]:.1f} eV"
            )
        return place


def pixel_steps(cube: SpectralCube) -> tuple[float, float]:
    """Length in m from one pixel to the next along y and x."""
    y, x = (float(axis[-1] - axis[0]) / (len(axis) - 1) for axis in (cube.y, cube.x))
    return y, x


def polarisations(cube: SpectralCube) -> Iterator[Projections]:
    """The polarisations of a cube, in order."""
    for index in range(len(cube.valid)):
        yield Projections(
            cube,
            index,
            np.flatnonzero(cube.valid[index]),
            np.asarray(cube.known[index], bool),
            None if cube.air is None else np.asarray(cube.air[index], bool),
            pixel_steps(cube),
        )


def finite(one: Projections, energy: int) -> Image:
    """The projection (H, W) of a polarisation at an energy (index).

    Raises
    ------
    InputError
        It is not finite somewhere.
    """
    image = np.asarray(one.cube.transmission[one.index, int(energy)])
    bad = np.argwhere(~np.isfinite(image))
    if len(bad):
        raise InputError(
            f"{one.name(energy)}: is not finite at pixel ({bad[0][0]}, {bad[0][1]}) ({len(bad)} pixels) although it is "
            "valid; mend it or leave it out of the stack"
        )
    return image


def leave_out(images: Pieces, valid: Array) -> None:
    """Fill with NaN what a cube (P, E, H, W) has in place of the projections that are not there."""
    for index, energy in np.argwhere(~np.asarray(valid, bool)):
        images[int(index), int(energy)] = np.nan


def mean_phase(transmission: ArraySource, valid: Array) -> npt.NDArray[np.float32]:
    """Angle (P, H, W) of the mean over the valid energies of a cube (P, E, H, W), zero where there is none."""
    phase = np.zeros((transmission.shape[0], *transmission.shape[2:]), np.float32)
    for index, there in enumerate(valid):
        if there.any():
            total = sum(transmission[index, int(energy)].astype(np.complex128) for energy in np.flatnonzero(there))
            phase[index] = np.angle(total)
    return phase
