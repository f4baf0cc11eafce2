"""Fixtures of the spectral tests: cubes of simulated V2O5 with known truth."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from picpxct_nx import records
from picpxct_nx.records import SpectralCube
from picpxct_nx.simulate import phantom
from picpxct_nx.simulate.images import View, image_stack, sample_projection, with_noise
from picpxct_nx.values import Array

# Half an eV in the pre-edge and at the edge, as such scans are taken.
ENERGIES = np.unique(
    np.concatenate([np.arange(5460, 5466, 1.0), np.arange(5466, 5490, 0.5), np.arange(5490, 5520.1, 1.0)])
)
E0 = 5483.4


@dataclass(frozen=True)
class Truth:
    """What the cube was made of: images without noise (P, E, H, W), and the projection of the particle."""

    clean: Array
    projection: phantom.Projection


@pytest.fixture(scope="session")
def make_cube() -> Callable[..., tuple[SpectralCube, Truth]]:
    """Make a registered cube of a particle, 2 um thick, and its truth."""
    particle = phantom.polycrystal(
        size=(3.2e-6, 2.6e-6, 2.4e-6), n_grains=5, max_tilt=0.6, seed=np.random.SeedSequence(3)
    )
    stacks: dict[tuple[int, tuple[float, ...], tuple[float, ...]], tuple[Array, phantom.Projection]] = {}

    def make(
        *, noise: float = 0.01, seed: int = 0, side: int = 48, energies: Array = ENERGIES, angles: Array | None = None
    ) -> tuple[SpectralCube, Truth]:
        polarisations = np.array([0.0, np.pi / 2]) if angles is None else angles
        view = View(shape=(side, side), pixel_size=4.4e-6 / side, oversampling=2)
        key = (side, tuple(energies), tuple(polarisations))
        if key not in stacks:
            images = [image_stack(particle, view, energies, polarisation=float(angle)) for angle in polarisations]
            stacks[key] = np.stack(images), sample_projection(particle, view)
        clean, projection = stacks[key]
        return cube_of(with_noise(clean, noise, seed), projection.thickness < 1e-9, energies, view), Truth(
            clean, projection
        )

    def cube_of(images: Array, air: Array, energies: Array, view: View) -> SpectralCube:
        count = len(images)
        y, x = phantom.axes(view.shape, view.pixel_size)
        stokes = np.tile([1.0, 1.0, 0.0, 0.0], (count, 1))
        rotation = -np.linspace(0, np.pi, count, endpoint=False)
        away = np.array([__import__("scipy.ndimage").ndimage.binary_erosion(air, iterations=3, border_value=1)] * count)
        return SpectralCube(
            entry="particle",
            title="simulated particle",
            stage="registered" if count > 1 else "aligned",
            measured_energy_ev=np.tile(energies, (count, 1)),
            stokes=stokes,
            sample="V2O5",
            formula="O5 V2",
            rotation=rotation,
            transmission=images,
            polarization_angle=np.array(
                [records.polarization_angle(s, r) for s, r in zip(stokes, rotation, strict=True)]
            ),
            energy_ev=np.asarray(energies),
            y=y,
            x=x,
            valid=np.ones(images.shape[:2], bool),
            known=np.ones((count, *view.shape), bool),
            air=away,
            phase=np.angle(images.mean(axis=1)).astype(np.float32),
        )

    return make
