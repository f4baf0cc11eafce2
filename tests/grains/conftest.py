"""Fixtures of the grain tests: spectra of simulated particles of known grains."""

from collections.abc import Callable
from functools import cache

import pytest

from picpxct_nx.records import NormalizedCube
from picpxct_nx.simulate.phantom import Projection

from .normalised import SPARSE_EV, normalised, truth

Make = Callable[..., tuple[NormalizedCube, Projection]]


@pytest.fixture(scope="session")
def make_cube() -> Make:
    """Make a normalised cube and its truth; projections are only simulated once."""
    simulated = cache(lambda degrees, seed: truth(seed=seed, degrees=degrees))

    def make(
        degrees: tuple[float, ...] = (0.0, 90.0), *, noise: float = 0.005, seed: int = 1, by: str = "off-edge-phase"
    ) -> tuple[NormalizedCube, Projection]:
        stacks, projection = simulated(degrees, seed)
        return normalised(stacks, projection, SPARSE_EV, noise=noise, by=by), projection

    return make
