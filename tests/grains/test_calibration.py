"""a and b come from what a map shows, from numbers, or from another file."""

import numpy as np
import pytest

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.grains.calibration import automatic, given, of_crystal
from picpxct_nx.grains.orientation import Light

THREE, TWO = np.deg2rad([0.0, 60.0, 120.0]), np.deg2rad([0.0, 90.0])


def regions(beam: Light, theta: np.ndarray, chi: float = 0.0) -> np.ndarray:
    """Mean signals of regions, a = 0.2 and b = 1.5."""
    turned = beam.purity[:, None] * np.cos(2 * (theta - beam.angle[:, None]))
    return np.asarray(0.2 + 1.5 * np.cos(chi) ** 2 * (1 + turned) / 2)


@pytest.mark.parametrize("purity", [1.0, 0.7])
def test_three_directions_measure_a_in_every_region(purity: float) -> None:
    beam = Light(THREE, np.full(3, purity))
    means = regions(beam, np.array([0.3, 1.4, 2.2]))
    found = automatic(means, np.full(means.shape, 1e-3), beam)
    assert [found.background, found.amplitude] == pytest.approx([0.2, 1.5])
    assert 0 < found.background_errors < 2e-3


@pytest.mark.parametrize("purity", [1.0, 0.7])
def test_two_directions_take_a_from_the_ends_and_say_how_far_off_they_may_be(purity: float) -> None:
    beam = Light(TWO, np.full(2, purity))
    missed, told = [], []
    for seed in range(300):
        theta = np.random.default_rng(seed).uniform(0, np.pi, 8)
        found = automatic(regions(beam, theta), np.full((2, 8), 1e-3), beam)
        missed.append(found.background - 0.2)
        told.append(found.background_errors)
    spread = np.sqrt(np.mean(np.square(told)))
    assert abs(np.mean(missed)) < 0.2 * spread
    assert np.sqrt(np.mean(np.square(missed))) == pytest.approx(spread, rel=0.35)


def test_noise_has_no_calibration() -> None:
    noise = np.random.default_rng(0).normal(size=(2, 5))
    with pytest.raises(InputError, match="no region shows dichroism above the noise"):
        automatic(noise, np.ones((2, 5)), Light(TWO, np.ones(2)))


def test_a_crystal_along_a_polarisation_gives_both() -> None:
    beam = Light(THREE, np.ones(3))
    found = of_crystal(regions(beam, np.array([0.0])), np.full((3, 1), 1e-3), beam)
    assert [found.background, found.amplitude] == pytest.approx([0.2, 1.5])
    beam = Light(TWO, np.ones(2))
    found = of_crystal(regions(beam, np.array([0.0])), np.full((2, 1), 1e-3), beam)
    assert [found.background, found.amplitude] == pytest.approx([0.2, 1.5])


def test_numbers_are_taken_as_they_are() -> None:
    assert (given("-0.02,1.6").background, given(" 0.1, 2 ").amplitude) == (-0.02, 2.0)


@pytest.mark.parametrize("text", ["0.1", "0.1,0", "a,b", "0.1,-1", "0,inf", "1,2,3", ""])
def test_other_texts_are_no_calibration(text: str) -> None:
    with pytest.raises(UsageError, match="--calibration"):
        given(text)
