"""Air: found around, beside and in a corner of samples, and not found where there is none."""

import numpy as np
import pytest

from picpxct_nx.images.air import find_air
from picpxct_nx.simulate.air_cases import KINDS, Kind, air_case


@pytest.mark.parametrize("seed", range(9))
def test_air_is_found_and_is_air(seed: int) -> None:
    case = air_case(seed, KINDS[seed % 3], side=128)
    found = find_air(case.image, case.weight)
    assert (found.mask & ~case.air).sum() <= 0.06 * found.mask.sum()
    assert (found.mask & case.air).sum() >= 0.3 * case.air.sum()
    assert found.fraction == pytest.approx(found.mask.sum() / (case.weight > 0).sum())
    assert np.abs(np.subtract(found.ramp.slope, case.slope)).max() * 128 < 0.15
    assert found.modulus == pytest.approx(case.scale, rel=0.02)


def test_large_images_are_searched_coarsely_and_answered_finely() -> None:
    case = air_case(4, "annular", side=300, noise=0.05)
    found = find_air(case.image, case.weight)
    assert not (found.mask & ~case.air).any()
    assert np.abs(np.subtract(found.ramp.slope, case.slope)).max() * 300 < 0.05
    assert abs(np.angle(np.exp(1j * (found.ramp.constant - case.constant)))) < 0.01


@pytest.mark.parametrize("seed", [6, 16])
def test_a_sample_that_fills_the_field_has_no_air(seed: int) -> None:
    case = air_case(seed, "none")
    assert find_air(case.image, case.weight).fraction < 0.02


def test_what_is_not_known_may_be_garbage() -> None:
    case = air_case(3, "annular", side=128)
    wild = np.where(case.weight > 0, case.image, np.nan)
    same = find_air(wild, case.weight)
    np.testing.assert_array_equal(same.mask, find_air(case.image, case.weight).mask)
    assert not (same.mask & (case.weight == 0)).any()


def test_nothing_known_is_no_air() -> None:
    assert not find_air(np.ones((64, 64), complex), np.zeros((64, 64))).mask.any()


def test_a_uniform_image_is_air() -> None:
    kind: Kind = "annular"
    case = air_case(1, kind, side=64)
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.normal(size=(64, 64, 2)) @ [1, 1j]
    assert find_air(1 + noise, np.ones(case.weight.shape)).fraction > 0.8
