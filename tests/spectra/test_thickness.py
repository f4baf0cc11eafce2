"""Thickness: ratios without bias, and tables only where they hold."""

import numpy as np
import pytest

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.simulate import spectra
from picpxct_nx.spectra.thickness import TABLE_ACCURACY, Quantity, parse_by, parse_scale, proportional, tabulated_phase


def test_tables_agree_with_the_dispersion_of_the_measured_spectrum_after_the_edge() -> None:
    energies = np.arange(5504.0, 5521.0)
    delta, _ = spectra.along(spectra.optical_constants(energies), 1 / 3)
    expected = float(np.mean(2 * np.pi * energies * delta / spectra.HC_EV_M))
    assert tabulated_phase("O5 V2", spectra.DENSITY, energies) == pytest.approx(expected, rel=TABLE_ACCURACY)
    assert tabulated_phase("V2O5", 2 * spectra.DENSITY, energies) == pytest.approx(2 * expected, rel=TABLE_ACCURACY)


def test_tables_are_not_asked_near_an_edge_of_the_material() -> None:
    with pytest.raises(InputError, match="within 25 eV of the tabulated V K edge at 5465 eV"):
        tabulated_phase("O5 V2", 3357.0, np.array([5490.0, 5510.0]))


@pytest.mark.parametrize("formula", ["", "vanadium", "V2Q5"])
def test_what_is_no_formula_is_refused(formula: str) -> None:
    with pytest.raises(InputError, match="is not a formula"):
        tabulated_phase(formula, 3357.0, np.array([5510.0]))


def test_the_ratio_of_two_noisy_maps_has_no_bias_and_knows_its_error() -> None:
    rng = np.random.default_rng(0)
    thickness = rng.uniform(0, 1, (1, 40, 40))
    sigma = np.full(thickness.shape, 0.3)
    found = []
    for _ in range(300):
        top = Quantity(2 * thickness + rng.normal(scale=0.3, size=thickness.shape), sigma)
        bottom = Quantity(thickness + rng.normal(scale=0.3, size=thickness.shape), sigma)
        scaled = proportional(top, bottom, thickness)
        found.append(float(scaled.value[0, 0, 0] / bottom.value[0, 0, 0]))
        shared = np.sqrt(scaled.sigma**2 - (sigma * found[-1]) ** 2) / np.abs(bottom.value)
    assert np.mean(found) == pytest.approx(2.0, abs=4 * np.std(found) / np.sqrt(len(found)))
    assert np.median(shared) == pytest.approx(np.std(found), rel=0.15)


def test_scales_fit_what_the_thickness_is_taken_from() -> None:
    assert parse_scale("1.84 um/rad", "off-edge-phase") == pytest.approx(1.84e-6)
    assert parse_scale("10.2 um", "edge-jump") == pytest.approx(10.2e-6)
    for text, by in (
        ("10.2 um", "phase-drop"),
        ("1.84 um/rad", "edge-jump"),
        ("0 um", "edge-jump"),
        ("5", "edge-jump"),
    ):
        with pytest.raises(UsageError):
            parse_scale(text, by)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="--by none"):
        parse_scale("10.2 um", "none")
    with pytest.raises(UsageError, match="--by 'mass'"):
        parse_by("mass")
