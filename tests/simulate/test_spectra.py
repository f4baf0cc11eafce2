"""The optical constants of V2O5: against a reference calculation, sum rules, and analytic Kramers-Kronig pairs."""

from pathlib import Path

import numpy as np
import pytest

from picpxct_nx.simulate import spectra

REFERENCE = Path(__file__).parents[3] / "shared" / "data" / "v2o5_optical_constants.csv"
POWDER = 1 / 3


def _wavenumber(energy_ev: float) -> float:
    return 2 * np.pi / spectra.wavelength(energy_ev)


@pytest.mark.parametrize(
    ("energy_ev", "delta", "beta"),
    [
        (5460.0, 1.932e-5, 3.76e-7),
        (5471.0, 1.893e-5, 1.492e-6),
        (5482.0, 1.799e-5, 1.264e-6),
        (5520.0, 1.954e-5, 1.997e-6),
    ],
)
def test_powder_agrees_with_an_independent_calculation(energy_ev: float, delta: float, beta: float) -> None:
    found_delta, found_beta = spectra.along(spectra.optical_constants(energy_ev), POWDER)
    assert found_delta[0] == pytest.approx(delta, rel=0.02)
    assert found_beta[0] == pytest.approx(beta, rel=0.03)


@pytest.mark.parametrize(
    ("energy_ev", "parallel", "perpendicular"),
    [(5460.0, 3.78e-7, 3.75e-7), (5471.0, 3.08e-6, 6.97e-7), (5482.0, 1.265e-6, 1.263e-6)],
)
def test_absorption_depends_on_polarisation_in_the_pre_edge(
    energy_ev: float, parallel: float, perpendicular: float
) -> None:
    found = spectra.optical_constants(energy_ev)
    assert found.beta_parallel[0] == pytest.approx(parallel, rel=0.03)
    assert found.beta_perpendicular[0] == pytest.approx(perpendicular, rel=0.03)


def test_edge_jump_and_phase_drop_of_a_powder() -> None:
    delta, beta = spectra.along(spectra.optical_constants([5460.0, 5482.0, 5520.0]), POWDER)
    jump = 2 * _wavenumber(5520.0) * beta[2] - 2 * _wavenumber(5460.0) * beta[0]
    drop = _wavenumber(5460.0) * delta[0] - _wavenumber(5482.0) * delta[1]
    assert jump * 1e-6 == pytest.approx(0.0909, rel=0.05)
    assert drop * 1e-6 == pytest.approx(0.0347, rel=0.05)


def test_phase_dichroism_changes_sign_across_the_pre_edge_peak() -> None:
    found = spectra.optical_constants([5470.0, 5472.0])
    dichroism = found.delta_parallel - found.delta_perpendicular
    radians_per_um = [1e-6 * _wavenumber(e) * d for e, d in zip((5470.0, 5472.0), dichroism, strict=True)]
    # Light along c runs ahead below the peak and lags behind above it.
    assert radians_per_um == pytest.approx([-0.0405, 0.0307], rel=0.1)


def test_lengths_of_a_powder_and_largest_dichroism_of_absorption_are_those_of_the_reference() -> None:
    energies = np.array([5460.0, 5471.0, 5520.0])
    found, k = spectra.optical_constants(energies), 1e-6 * np.array([_wavenumber(energy) for energy in energies])
    delta, beta = spectra.along(found, POWDER)
    assert k[0] * delta[0] == pytest.approx(0.535, rel=0.01)  # rad/um
    assert 2 * k * beta == pytest.approx([0.0208, 4.0 * 0.0208, 0.1117], rel=0.03)  # 1/um
    assert k[1] * (found.beta_parallel[1] - found.beta_perpendicular[1]) == pytest.approx(0.066, rel=0.03)
    assert abs(k[1] * (found.delta_parallel[1] - found.delta_perpendicular[1])) < 0.012
    grid = np.arange(5460.0, 5490.0, 0.1)
    assert grid[np.argmin(spectra.along(spectra.optical_constants(grid), POWDER)[0])] == pytest.approx(5482.0, abs=0.5)


def test_pre_edge_peak_stands_at_5471_ev() -> None:
    energies = np.arange(5460.0, 5480.0, 0.05)
    assert energies[np.argmax(spectra.optical_constants(energies).beta_parallel)] == pytest.approx(5470.9, abs=0.15)


def test_constants_match_the_reference_curves_at_every_energy() -> None:
    if not REFERENCE.exists():
        pytest.skip(f"reference curves are not here: {REFERENCE}")
    table = np.genfromtxt(REFERENCE, delimiter=",", names=True)
    found = spectra.optical_constants(table["E_eV"])
    powder_delta, powder_beta = spectra.along(found, POWDER)
    for name, delta, beta in (
        ("par", found.delta_parallel, found.beta_parallel),
        ("perp", found.delta_perpendicular, found.beta_perpendicular),
        ("powder", powder_delta, powder_beta),
    ):
        np.testing.assert_allclose(delta, table[f"delta_{name}"], rtol=0.003)
        np.testing.assert_allclose(beta, table[f"beta_{name}"], rtol=0.015)


def test_dichroism_averages_to_the_powder_over_all_axes() -> None:
    energies = np.array([5465.0, 5471.0, 5495.0])
    mean = (spectra.vanadium_f2(energies, 1.0) + 2 * spectra.vanadium_f2(energies, 0.0)) / 3
    np.testing.assert_allclose(mean, spectra.vanadium_f2(energies, POWDER), rtol=1e-12)
