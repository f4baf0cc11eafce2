"""The table of grains says of simple shapes what everybody knows."""

import numpy as np
import pytest
from numpy.typing import NDArray

from picpxct_nx.grains.orientation import Direction, Light, find
from picpxct_nx.grains.statistics import mean_direction, table

Y, X = 2e-8 * np.arange(60.0) - 3e-7, 1e-8 * np.arange(80.0)


def ellipse(angle: float) -> NDArray[np.int32]:
    """An ellipse with half axes of 0.3 and 0.1 um at an angle from x towards y, on pixels of 20 x 10 nm."""
    y, x = (Y - Y.mean())[:, None], (X - X.mean())[None]
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return np.asarray((along / 3e-7) ** 2 + (across / 1e-7) ** 2 < 1, np.int32)


@pytest.mark.parametrize("degrees", [0, 30, 90, 150])
def test_an_ellipse_has_its_axes_and_its_angle(degrees: int) -> None:
    labels = ellipse(np.deg2rad(degrees))
    known = Direction(*(np.array([0.5]) for _ in range(4)))
    rows = table(labels, Y, X, np.full(labels.shape, 0.6), known, np.full(labels.shape, 1e-6))
    assert rows.major_axis[0] == pytest.approx(6e-7, rel=0.03)
    assert rows.minor_axis[0] == pytest.approx(2e-7, rel=0.05)
    assert rows.area[0] == pytest.approx(np.pi * 3e-14, rel=0.03)
    assert rows.equivalent_diameter[0] == pytest.approx(2 * np.sqrt(rows.area[0] / np.pi))
    turned = (rows.axis_angle[0] - np.deg2rad(degrees) + np.pi / 2) % np.pi - np.pi / 2
    assert abs(turned) < np.deg2rad(1)
    assert rows.centroid_y[0] == pytest.approx(Y.mean(), abs=1e-9)
    assert rows.centroid_x[0] == pytest.approx(X.mean(), abs=1e-9)
    assert rows.orientation_spread[0] == pytest.approx(0.1)
    assert rows.mean_thickness is not None
    assert rows.mean_thickness[0] == pytest.approx(1e-6)


def test_only_a_grain_that_reaches_the_field_touches_the_border() -> None:
    labels = np.zeros((60, 80), np.int32)
    labels[10:20, 10:20], labels[30:40, 70:] = 1, 2
    known = Direction(*(np.zeros(2) for _ in range(4)))
    rows = table(labels, Y, X, np.zeros(labels.shape), known, None)
    assert rows.touches_border.tolist() == [False, True]
    assert rows.mean_thickness is None


def test_directions_about_zero_have_a_mean_about_zero() -> None:
    """An arithmetic mean of 178 and 2 degrees is 90; the axial one is 0."""
    beam = Light(np.deg2rad([0.0, 60.0, 120.0]), np.ones(3))
    theta = np.deg2rad(np.where(np.arange(400) % 2, 178.0, 2.0)).reshape(20, 20)
    signal = np.cos(theta - beam.angle[:, None, None]) ** 2
    found = mean_direction(signal, np.full(signal.shape, 0.1), np.ones((20, 20), np.int32), beam, (0.0, 0.0))
    assert (found.angle[0] + 0.1) % np.pi == pytest.approx(0.1)


def test_the_mean_of_folded_pixels_is_not_biased() -> None:
    """Folded noise moves the mean of pixel angles off 5 degrees, but not the direction of the mean signals."""
    rng, beam = np.random.default_rng(0), Light(np.array([0.0, np.pi / 2]), np.ones(2))
    clean = np.cos(np.deg2rad(5) - beam.angle) ** 2
    signal = clean[:, None, None] + rng.normal(scale=0.2, size=(2, 100, 100))
    errors = np.full(signal.shape, 0.2)
    pixels = np.rad2deg(np.mean(find(signal, errors, beam).angle))
    grain = mean_direction(signal, errors, np.ones((100, 100), np.int32), beam, (0.0, 0.0))
    assert pixels > 10
    assert np.rad2deg(grain.angle[0]) == pytest.approx(5, abs=1.5)
    assert np.rad2deg(grain.angle_errors[0]) < 1.5
