"""Fixtures of the spectral tests: cubes of simulated V2O5 with known truth."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import ndimage

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
    """What a cube was made of: the particle on its grid, and the pixels that lie well inside of it."""

    projection: phantom.Projection
    inner: Array

    @property
    def thickness(self) -> Array:
        return self.projection.thickness


MakeCube = Callable[..., tuple[SpectralCube, Truth]]


def _particle() -> phantom.Phantom:
    seed = np.random.SeedSequence(3)
    return phantom.polycrystal(size=(3.2e-6, 2.6e-6, 2.4e-6), n_grains=5, max_tilt=0.6, seed=seed)


def _cube(images: Array, air: Array, energies: Array, view: View) -> SpectralCube:
    count = len(images)
    y, x = phantom.axes(view.shape, view.pixel_size)
    stokes, rotation = np.tile([1.0, 1.0, 0.0, 0.0], (count, 1)), -np.linspace(0, np.pi, count, endpoint=False)
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
        polarization_angle=np.array([records.polarization_angle(s, r) for s, r in zip(stokes, rotation, strict=True)]),
        energy_ev=np.asarray(energies),
        y=y,
        x=x,
        valid=np.ones(images.shape[:2], bool),
        known=np.ones((count, *view.shape), bool),
        air=np.tile(air, (count, 1, 1)),
        phase=np.angle(images.mean(axis=1)).astype(np.float32),
    )


@pytest.fixture(scope="session")
def make_cube() -> MakeCube:
    """Make a registered cube of a particle, about 2 um thick, and its truth; images are only simulated once."""
    particle = _particle()
    made: dict[tuple[object, ...], Array] = {}

    def make(
        *, noise: float = 0.01, seed: int = 0, side: int = 32, energies: Array = ENERGIES, polarisations: int = 2
    ) -> tuple[SpectralCube, Truth]:
        view = View(shape=(side, side), pixel_size=4.4e-6 / side, oversampling=2)
        angles = np.linspace(0, np.pi, polarisations, endpoint=False)
        key = (side, tuple(energies), polarisations)
        if key not in made:
            stacks = [image_stack(particle, view, list(energies), polarisation=float(angle)) for angle in angles]
            made[key] = np.stack(stacks)
        projection = sample_projection(particle, view)
        air = ndimage.binary_erosion(projection.thickness < 1e-9, iterations=2, border_value=1)
        inner = ndimage.binary_erosion(projection.thickness > 0.8e-6, iterations=2)
        return _cube(with_noise(made[key], noise, seed), air, energies, view), Truth(projection, inner)

    return make
