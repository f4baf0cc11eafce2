"""Noise of spectra: from what the spectra of the material do not explain."""

import numpy as np
import pytest

from picpxct_nx.simulate import spectra
from picpxct_nx.spectra.noise import components, joined, pooled, squares
from picpxct_nx.values import Array

from .conftest import ENERGIES


def _pixels(count: int, energies: Array, seed: int = 0) -> tuple[Array, Array]:
    """Spectra of pixels of any thickness and orientation, without noise: density and phase, (n, count)."""
    rng = np.random.default_rng(seed)
    thickness, weight = rng.uniform(0, 3e-6, count), rng.uniform(0, 1, count)
    constants = spectra.optical_constants(energies)
    k = 2 * np.pi * energies / spectra.HC_EV_M
    mixed = [
        np.outer(k * across, thickness) + np.outer(k * (along - across), thickness * weight)
        for along, across in (
            (constants.beta_parallel, constants.beta_perpendicular),
            (constants.delta_parallel, constants.delta_perpendicular),
        )
    ]
    return 2 * mixed[0], -mixed[1]


@pytest.mark.parametrize("energies", [ENERGIES, np.array([5460.0, 5470.0, 5471.0, 5472.0, 5482.0, 5515.0])])
def test_noise_of_density_and_phase_are_told_apart(energies: Array) -> None:
    density, phase = _pixels(4000, energies)
    rng = np.random.default_rng(1)
    density = density + rng.normal(scale=0.03, size=density.shape)
    phase = phase + rng.normal(scale=0.012, size=phase.shape)
    both = joined(density, phase)
    variance = squares(both, components(both @ both.T))
    assert np.sqrt(np.mean(variance[0])) == pytest.approx(0.03, rel=0.03)
    assert np.sqrt(np.mean(variance[1])) == pytest.approx(0.012, rel=0.03)


def test_fine_structure_and_dichroism_are_no_noise() -> None:
    both = joined(*_pixels(200, ENERGIES))
    variance = squares(both, components(both @ both.T))
    assert np.sqrt(np.max(variance)) < 1e-6


def test_neighbours_that_cannot_be_used_do_not_count() -> None:
    variance, usable = np.full((5, 5), 4.0), np.ones((5, 5), bool)
    variance[2, 2], usable[2, 2] = np.nan, False
    found = pooled(variance, usable)
    assert np.isnan(found[2, 2])
    np.testing.assert_allclose(found[usable], 2.0)
