"""Phase unwrapping: exact where it can be, silent nowhere else."""

import numpy as np
import pytest

from picpxct_nx.errors import InputError
from picpxct_nx.spectra.unwrap import unwrap_mean
from picpxct_nx.values import Array

SIDE = 64


def _ball(depth: float, centre: tuple[int, int] = (32, 32), radius: float = 24.0) -> Array:
    """Phase of a round lens of matter, rad, negative, 0 outside."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    inside = 1 - ((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2) / radius**2
    return np.asarray(-depth * np.maximum(inside, 0.0))


def test_a_thick_particle_is_unwrapped_exactly_and_air_is_zero() -> None:
    phase = _ball(9.8)  # about 20 um of V2O5
    known = np.ones(phase.shape, bool)
    np.testing.assert_allclose(unwrap_mean(np.exp(1j * phase), known, phase == 0), phase, atol=1e-9)


def test_what_is_not_finite_or_not_known_never_reaches_the_unwrapping() -> None:
    phase, known = _ball(9.8), np.ones((SIDE, SIDE), bool)
    mean = np.exp(1j * phase)
    mean[5, 5] = np.nan
    mean[40, 50] = 0
    known[:, :3] = False
    found = unwrap_mean(mean, known, (phase == 0) & known)
    lost = np.isnan(found)
    assert lost[5, 5]
    assert lost[40, 50]
    assert lost[:, :3].all()
    assert lost.sum() == 2 + 3 * SIDE
    np.testing.assert_allclose(found[~lost], phase[~lost], atol=1e-9)


def test_regions_that_do_not_touch_are_each_anchored_on_their_own_air() -> None:
    phase = _ball(4.0, (32, 15), 10) + _ball(9.0, (32, 48), 12)
    known = np.ones(phase.shape, bool)
    known[:, 30:33] = False
    air = (phase == 0) & known
    found = unwrap_mean(np.exp(1j * phase), known, air)
    np.testing.assert_allclose(found[known], phase[known], atol=1e-9)
    # Without air, the multiple of 2 pi of a region is anybody's guess.
    air[:, :30] = False
    found = unwrap_mean(np.exp(1j * phase), known, air)
    assert np.isnan(found[:, :30]).all()
    np.testing.assert_allclose(found[:, 33:], phase[:, 33:], atol=1e-9)


def test_without_any_air_the_thinnest_matter_is_less_than_half_a_turn_deep() -> None:
    phase = _ball(9.0) - 1.0
    known = phase < -1.5
    found = unwrap_mean(np.exp(1j * phase), known, None)
    np.testing.assert_allclose(found[known], phase[known], atol=1e-9)


def test_a_cliff_that_cannot_be_unwrapped_is_marked() -> None:
    phase = np.zeros((SIDE, SIDE))
    # A screw: the phase winds once about a point.
    rows, columns = np.mgrid[:SIDE, :SIDE]
    phase = np.arctan2(rows - 31.5, columns - 31.5)
    air = np.zeros(phase.shape, bool)
    air[:4, :4] = True
    found = unwrap_mean(np.exp(1j * phase), np.ones(phase.shape, bool), air)
    assert 0 < np.isnan(found).sum() < 4 * SIDE


def test_a_mask_without_a_pixel_is_refused() -> None:
    with pytest.raises(InputError, match="no phase to unwrap"):
        unwrap_mean(np.ones((8, 8), complex), np.zeros((8, 8), bool), np.ones((8, 8), bool))
