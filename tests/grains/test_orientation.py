"""The direction of the axis comes out as it went in, and its sigma is that of many draws."""

import numpy as np
import pytest
from numpy.typing import NDArray

from picpxct_nx.errors import InputError
from picpxct_nx.grains.orientation import Light, find, halfway, is_ambiguous, light, spread_of_unknown, tilt

Floats = NDArray[np.float64]
THREE, FOUR = (0.0, 60.0, 120.0), (0.0, 45.0, 90.0, 135.0)


def beam(*degrees: float, purity: float = 1.0) -> Light:
    """Polarisations of equal purity."""
    return Light(np.deg2rad(degrees), np.full(len(degrees), purity))


def signal(theta: Floats, chi: Floats | float, source: Light, a: float = 0.1, b: float = 1.0) -> Floats:
    """I = a + b cos^2 chi ((1 + P) / 2 cos^2 + (1 - P) / 2 sin^2)."""
    along = np.cos(theta - source.angle[:, None]) ** 2
    purity = source.purity[:, None]
    return np.asarray(a + b * np.cos(chi) ** 2 * ((1 + purity) / 2 * along + (1 - purity) / 2 * (1 - along)))


def apart(a: Floats, b: Floats) -> Floats:
    """Difference of two directions, -pi/2 to pi/2."""
    return np.asarray((a - b + np.pi / 2) % np.pi - np.pi / 2)


@pytest.mark.parametrize("degrees", [THREE, FOUR, (0.0, 45.0, 90.0), (10.0, 50.0, 130.0)])
@pytest.mark.parametrize("purity", [1.0, 0.64])
def test_three_directions_give_the_axis_without_calibration(degrees: tuple[float, ...], purity: float) -> None:
    source, theta = beam(*degrees, purity=purity), np.linspace(0, np.pi, 181, endpoint=False)
    found = find(signal(theta, 0.4, source), np.full((len(degrees), 181), 0.01), source)
    np.testing.assert_allclose(apart(found.angle, theta), 0, atol=1e-12)
    np.testing.assert_allclose(found.strength, np.cos(0.4) ** 2, rtol=1e-12)
    assert ((found.angle >= 0) & (found.angle < np.pi)).all()


def test_the_reference_case_comes_out() -> None:
    """theta = 37 and chi = 25 degrees, with a and b known."""
    source = beam(*THREE)
    found = find(signal(np.array([np.deg2rad(37)]), np.deg2rad(25), source), np.full((3, 1), 1e-3), source)
    assert np.rad2deg(found.angle[0]) == pytest.approx(37)
    assert np.rad2deg(tilt(found, 1.0)[0][0]) == pytest.approx(25)


@pytest.mark.parametrize("degrees", [(0.0, 90.0), (90.0, 0.0), (179.5, 89.5), (0.0, 60.0), (30.0, 120.0)])
@pytest.mark.parametrize("purity", [1.0, 0.64])
def test_two_directions_give_the_axis_or_the_other_solution(degrees: tuple[float, float], purity: float) -> None:
    source, theta = beam(*degrees, purity=purity), np.linspace(0, np.pi, 360, endpoint=False)
    found = find(signal(theta, 0.3, source), np.full((2, 360), 0.01), source, background=0.1)
    right = np.abs(apart(found.angle, theta)) < 1e-6
    assert 0.45 < right.mean() < 0.8
    # Whatever was chosen shows the same signals, with a tilt of its own.
    again = 0.1 + found.strength * ((1 + purity * np.cos(2 * (found.angle - source.angle[:, None]))) / 2)
    np.testing.assert_allclose(again, signal(theta, 0.3, source), atol=1e-9)


def test_square_polarisations_fold_a_direction_onto_its_mirror_image() -> None:
    source, theta = beam(0, 90), np.deg2rad([10.0, 170.0, 80.0, 100.0])
    found = find(signal(theta, 0.0, source), np.full((2, 4), 1e-4), source, background=0.1)
    np.testing.assert_allclose(np.rad2deg(found.angle), [10, 10, 80, 80], atol=1e-6)


def test_halfway_does_not_depend_on_the_order_or_on_rounding() -> None:
    for degrees in ((0.0, 90.0), (90.0, 0.0)):
        assert np.rad2deg(halfway(beam(*degrees))) == pytest.approx(45)
    assert np.rad2deg(halfway(beam(179.9, 89.9))) == pytest.approx(44.9)
    assert np.rad2deg(halfway(beam(0, 60))) == pytest.approx(30)


@pytest.mark.parametrize("degrees", [(0.0, 90.0), THREE, (0.0, 45.0, 90.0), FOUR])
@pytest.mark.parametrize(("theta", "noise"), [(20.0, 0.02), (44.0, 0.02), (44.0, 0.1), (70.0, 0.05)])
def test_sigma_is_that_of_many_draws(degrees: tuple[float, ...], theta: float, noise: float) -> None:
    source, true = beam(*degrees), np.full(20000, np.deg2rad(theta))
    clean = signal(true, 0.2, source)
    noisy = clean + np.random.default_rng(1).normal(scale=noise, size=clean.shape)
    found = find(noisy, np.full(clean.shape, noise), source, background=0.1)
    drawn = np.sqrt(np.mean(apart(found.angle, true) ** 2))
    assert np.sqrt(np.mean(found.angle_errors**2)) == pytest.approx(drawn, rel=0.12)
    assert np.sqrt(np.mean(found.strength_errors**2)) == pytest.approx(np.std(found.strength), rel=0.15)


def test_sigma_stays_sensible_where_both_solutions_meet() -> None:
    source, true = beam(0, 90), np.full(20000, np.deg2rad(2.0))
    noisy = signal(true, 0.0, source) + np.random.default_rng(0).normal(scale=0.02, size=(2, 20000))
    found = find(noisy, np.full(noisy.shape, 0.02), source, background=0.1)
    drawn = np.sqrt(np.mean(apart(found.angle, true) ** 2))
    assert 0.8 < np.sqrt(np.mean(found.angle_errors**2)) / drawn < 1.4


def test_a_background_that_is_too_high_leaves_no_certainty() -> None:
    source = beam(0, 90)
    found = find(signal(np.array([0.02]), 0.0, source), np.full((2, 1), 1e-5), source, background=0.15)
    assert found.angle_errors[0] > np.deg2rad(5)


def test_no_direction_is_known_worse_than_not_at_all() -> None:
    for source in (beam(0, 90), beam(*THREE)):
        noisy = np.random.default_rng(0).normal(size=(len(source.angle), 1000))
        found = find(noisy, np.full(noisy.shape, 3.0), source)
        assert found.angle_errors.max() <= spread_of_unknown(source)


def test_nan_stays_where_it_is() -> None:
    values = np.full((2, 3), 0.5)
    values[:, 1] = np.nan
    found = find(values, np.full((2, 3), 0.1), beam(0, 90))
    assert np.isnan(found.angle).tolist() == np.isnan(found.angle_errors).tolist() == [False, True, False]


def test_two_of_three_polarisations_that_agree_are_two_directions() -> None:
    assert is_ambiguous(beam(0, 90, 0.5))
    assert not is_ambiguous(beam(0, 90, 45))


STOKES = np.array([[1.0, 1, 0, 0], [1, 1, 0, 0]])


@pytest.mark.parametrize(
    ("stokes", "degrees", "words"),
    [
        (STOKES[:1], [0.0], "one polarisation; wanted two or more"),
        (STOKES, [0.0, 5.0], "all polarisations lie along 0.0 deg"),
        (STOKES, [1.0, 179.0], "wanted two or more directions"),
        (np.array([[1.0, 1, 0, 0], [1, 0, 0, 1]]), [0.0, 90.0], "polarisation 1 is linearly polarised to 0%"),
    ],
)
def test_light_that_shows_no_dichroism_is_refused(stokes: Floats, degrees: list[float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        light(stokes, np.deg2rad(degrees))
