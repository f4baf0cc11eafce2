"""Kramers-Kronig: against analytic pairs, and as a check of spectra that belong together or do not."""

import numpy as np
import pytest

from picpxct_nx.simulate import spectra
from picpxct_nx.spectra.kramers_kronig import consistency, dense_enough, kramers_kronig
from picpxct_nx.values import Array

from .conftest import ENERGIES


def test_kramers_kronig_of_an_oscillator_is_its_dispersion() -> None:
    # The damped oscillator chi = E0^2 / (E0^2 - E^2 - i g E) is causal: f' and f'' are the parts of -E^2 chi / E0^2 ...
    centre, damping = 100.0, 10.0
    grid = np.concatenate([np.arange(0.05, 400, 0.05), np.geomspace(400, 1e7, 4000)])
    denominator = (centre**2 - grid**2) ** 2 + (damping * grid) ** 2
    f2 = damping * grid**3 / denominator  # f'' = E^2 Im(chi) / E0^2
    energies = np.array([30.0, 80.0, 100.0, 115.0, 250.0])
    bottom = (centre**2 - energies**2) ** 2 + (damping * energies) ** 2
    # ... so f' = -E^2 Re(chi) / E0^2 tends to 1 at high energy; the transform gives the part that vanishes there.
    expected = -(energies**2) * (centre**2 - energies**2) / bottom - 1
    np.testing.assert_allclose(kramers_kronig(energies, grid, f2), expected, atol=2e-4)


def test_kramers_kronig_of_a_triangle_is_exact_on_a_node_and_beside_it() -> None:
    grid, f2 = np.array([9.0, 10.0, 11.5]), np.array([0.0, 1.0, 0.0])
    fine = np.linspace(9.0, 11.5, 2_000_001)[:-1] + 0.5 * 2.5 / 2_000_000
    height = np.interp(fine, grid, f2)
    for energy in (8.0, 12.0):
        numeric = 2 / np.pi * np.mean(fine * height / (energy**2 - fine**2)) * 2.5
        assert kramers_kronig(energy, grid, f2)[0] == pytest.approx(numeric, rel=1e-9)
    # The principal value on the node is the limit from both sides.
    left, on, right = kramers_kronig([10.0 - 1e-7, 10.0, 10.0 + 1e-7], grid, f2)
    assert on == pytest.approx((left + right) / 2, abs=1e-6)


def test_kramers_kronig_of_several_spectra_is_that_of_each() -> None:
    grid = np.linspace(9.0, 12.0, 7)
    f2 = np.abs(np.sin(np.outer(grid, [1.0, 2.0])))
    both = kramers_kronig([8.5, 10.0], grid, f2)
    for column in (0, 1):
        np.testing.assert_allclose(both[:, column], kramers_kronig([8.5, 10.0], grid, f2[:, column]), rtol=1e-12)


def _lorentz(energy_ev: Array) -> tuple[Array, Array]:
    """Optical density and phase of a narrow line, an analytic pair: alpha = A / (E0 - E - i g) per E."""
    response = 3.0 / (5490.0 - energy_ev - 2.0j)
    return 2 * response.imag, response.real


def test_an_analytic_line_is_consistent_to_a_percent_of_its_phase() -> None:
    # n - 1 = r: phase = k r', density = 2 k r''. Far away from zero energy the second pole does not matter.
    energy = np.arange(5420.0, 5560.0, 0.25)
    density, phase = _lorentz(energy)
    check = consistency(energy, energy > 5550)
    curved = check.phase @ phase
    rest = curved + check.absorption @ density
    assert np.sqrt(np.mean(rest**2) / np.mean(curved**2)) < 0.01


@pytest.mark.parametrize("weight", [0.0, 1 / 3])
def test_the_constants_of_the_simulation_belong_together(weight: float) -> None:
    density, phase = _measured(weight)
    assert _residual(density, phase) < 0.025


@pytest.mark.parametrize(("density_by", "phase_by"), [(1.0, -1.0), (2.0, 1.0)])
def test_a_wrong_sign_or_scale_shows(density_by: float, phase_by: float) -> None:
    density, phase = _measured(1 / 3)
    assert _residual(density_by * density, phase_by * phase) > 0.5


def test_what_noise_leaves_is_what_is_expected() -> None:
    rng = np.random.default_rng(0)
    check = consistency(ENERGIES, ENERGIES > 5503.4)
    density = rng.normal(scale=0.02, size=(len(ENERGIES), 2000))
    phase = rng.normal(scale=0.01, size=density.shape)
    rest = check.phase @ phase + check.absorption @ density
    expected = float(check.expected(np.array(0.01), np.array(0.02)))
    assert np.mean(rest**2) == pytest.approx(expected, rel=0.03)


def test_a_few_energies_or_a_wide_gap_are_not_transformed() -> None:
    assert dense_enough(ENERGIES)
    assert not dense_enough(np.linspace(5460.0, 5474.0, 14))
    assert not dense_enough(np.append(np.linspace(5460.0, 5490.0, 40), 5500.0))


def _measured(weight: float) -> tuple[Array, Array]:
    """Optical density above the pre-edge and phase of 2 um of V2O5 at the energies of a scan."""
    delta, beta = spectra.along(spectra.optical_constants(ENERGIES), weight)
    k = 2 * np.pi * ENERGIES / spectra.HC_EV_M
    density = 2 * k * beta * 2e-6
    return density - density[ENERGIES < 5467].mean(), -k * delta * 2e-6


def _residual(density: Array, phase: Array) -> float:
    check = consistency(ENERGIES, ENERGIES > 5503.4)
    curved = check.phase @ phase
    return float(np.sqrt(np.mean((curved + check.absorption @ density) ** 2) / np.mean(curved**2)))
