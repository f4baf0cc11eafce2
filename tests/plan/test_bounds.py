"""Bounds of a direction's error: against the reference calculation, Monte Carlo on the chain, and limits."""

from dataclasses import replace

import numpy as np
import pytest

from picpxct_nx.grains.windows import Name
from picpxct_nx.plan.bounds import ambiguous, best_possible, of_chain, typical
from picpxct_nx.plan.design import Design, all_directions, design_of
from picpxct_nx.plan.signals import reading
from picpxct_nx.simulate.presets import PAPER

from .trial import PIXEL, Field, chain_errors, field, four_maps_errors

FIVE = (5460.0, 5470.0, 5472.0, 5482.0, 5515.0)
FOUR = (5460.0, 5471.0, 5482.0, 5515.0)
MICRON = all_directions(1e-6, 0.0)


def design(energies: tuple[float, ...], degrees: tuple[float, ...], dose: float) -> Design:
    """Equal photons at all energies, and a dose in all."""
    one = Design(np.array(energies), np.deg2rad(degrees), 1.0, np.full(len(energies), 1e20))
    return one.times(dose / one.dose)


@pytest.fixture(scope="module")
def crystals() -> Field:
    return field()


def test_three_energies_and_polarisations_beat_sixty_by_two_as_in_the_reference() -> None:
    # Reference: 1 um, 1e7 Gy, a pixel: 1.25 deg and no sign for 60 x (0, 90), 0.76 deg for 3 x (0, 60, 120).
    few = design((5460.0, 5470.0, 5472.0), (0.0, 60.0, 120.0), 1e7)
    many = design(PAPER.energies_ev, (0.0, 90.0), 1e7)
    errors = [np.rad2deg(best_possible(each, MICRON, PIXEL**2)) for each in (few, many)]
    assert np.median(errors[0]) == pytest.approx(0.76, rel=0.1)
    assert np.ptp(errors[0]) < 0.02
    assert errors[1].min() < 1.25 < np.median(errors[1])
    assert ambiguous(many)
    assert not ambiguous(few)
    # The dose for the same error falls by more than the reference's 2.7, whose sixty energies are others.
    assert (np.median(errors[1]) / np.median(errors[0])) ** 2 > 2.7


@pytest.mark.parametrize(
    ("energies", "name", "degrees", "tolerance"),
    [
        (FIVE, "phase-lobe", (0.0, 60.0, 120.0), 0.05),
        (FOUR, "od-peak", (0.0, 45.0, 90.0, 135.0), 0.05),
        (FIVE, "phase-lobe", (0.0, 90.0), 0.1),
    ],
)
def test_normalize_and_grainmap_have_the_error_that_is_foreseen(
    crystals: Field, energies: tuple[float, ...], name: Name, degrees: tuple[float, ...], tolerance: float
) -> None:
    made, read = design(energies, degrees, 1e8), reading(name, np.array(energies))
    foreseen = of_chain(made, read, crystals.crystals(), PIXEL**2).angle_errors
    found = np.stack([chain_errors(crystals, made, read, seed) for seed in range(2)])
    assert np.sqrt(np.mean((found / foreseen) ** 2)) == pytest.approx(1, abs=tolerance)
    assert np.mean(found / foreseen) == pytest.approx(0, abs=0.1)


def test_fit_of_all_images_has_the_error_of_the_bound(crystals: Field) -> None:
    made = design((5460.0, 5470.0, 5472.0), (0.0, 60.0, 120.0), 1e8)
    bound = best_possible(made, crystals.crystals(), PIXEL**2)
    found = four_maps_errors(crystals, made, 0)
    assert np.sqrt(np.mean((found / bound) ** 2)) == pytest.approx(1, abs=0.05)


def test_chain_is_never_better_than_the_bound() -> None:
    for degrees in ((0.0, 60.0, 120.0), (10.0, 50.0, 100.0, 150.0)):
        for energies, name in ((FIVE, "phase-lobe"), (FOUR, "od-peak"), (PAPER.energies_ev, "phase-lobe")):
            made = design(energies, degrees, 1e8)
            read = reading(name, made.energy_ev)  # type: ignore[arg-type]
            chain = of_chain(made, read, MICRON, PIXEL**2).angle_errors
            assert np.all(chain > best_possible(made, MICRON, PIXEL**2))


def test_error_falls_with_the_root_of_dose_and_area_and_grows_with_noise_and_tilt() -> None:
    made, read = design(FIVE, (0.0, 60.0, 120.0), 1e8), reading("phase-lobe", np.array(FIVE))

    def errors(each: Design, area: float = PIXEL**2, tilt: float = 0.0) -> tuple[float, float]:
        sample = all_directions(1e-6, tilt)
        return typical(of_chain(each, read, sample, area).angle_errors), typical(best_possible(each, sample, area))

    for one, other, factor in (
        (errors(made), errors(made.times(4)), 2.0),
        (errors(made), errors(made, 9 * PIXEL**2), 3.0),
        (errors(replace(made, excess=3.0)), errors(made), 3.0),
        (errors(made, tilt=np.deg2rad(60)), errors(made), 4.0),
    ):
        # Tilting an axis also changes what crystals absorb, by a little.
        assert np.array(one) / np.array(other) == pytest.approx(factor, rel=0.03)


def test_nothing_is_known_less_well_than_not_at_all() -> None:
    dark = design(FIVE, (0.0, 60.0, 120.0), 1e-3)
    assert typical(best_possible(dark, MICRON, PIXEL**2)) == pytest.approx(np.pi / np.sqrt(12))
    lying = all_directions(1e-6, np.pi / 2)
    assert np.all(best_possible(design(FIVE, (0.0, 60.0, 120.0), 1e8), lying, PIXEL**2) == np.pi / np.sqrt(12))


def test_design_of_an_experiment_has_its_photons_dose_and_directions() -> None:
    made = design_of(PAPER)
    assert made.scans == 120
    assert made.dose == pytest.approx(3.66e8, rel=0.01)
    assert made.fluence[0] * 1e-12 == pytest.approx(1.84e8, rel=0.02)
    np.testing.assert_allclose(np.rad2deg(made.angle), [0, 90])
    turned = design_of(replace(PAPER, rotations=(0.0, np.deg2rad(60.0))))
    # The sample turns from x towards y, so in its frame the light turns back.
    np.testing.assert_allclose(np.rad2deg(turned.angle), [0, 120])
