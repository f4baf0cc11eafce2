"""Mutual information: bounds, values by hand, and slopes against differences."""

import numpy as np
import pytest
from scipy import ndimage

from picpxct_nx.images.mutual_information import Scale, measure, spline


def information(a: np.ndarray, b: np.ndarray, bins: int = 32) -> float:
    scales = [Scale(float(one.min()), float(one.max()), bins) for one in (a, b)]
    return measure(scales[0].place(a), scales[1].place(b), np.ones(len(a)), bins).value


def test_unrelated_values_have_one_and_related_ones_more_whatever_the_contrast() -> None:
    rng = np.random.default_rng(0)
    a = rng.uniform(size=40000)
    assert information(a, rng.uniform(size=40000)) == pytest.approx(1, abs=0.01)
    same = information(a, a)
    assert same > 1.3
    assert information(a, 3 - 2 * a) == pytest.approx(same, abs=1e-9)
    assert 1.05 < information(a, a + 0.1 * rng.normal(size=40000)) < same


def test_two_values_far_apart_have_the_information_of_the_hard_histogram() -> None:
    # (0, 0), (0, 0), (0, 1), (1, 1): H(A) = ln 2, H(B) = H(3/4, 1/4)... with values whose bins do not touch, the spread
    # over four bins adds the same entropy to each axis and twice to both.
    a, b = np.array([0.0, 0.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0, 1.0])
    spread = -np.sum(np.array([1, 4, 1]) / 6 * np.log(np.array([1, 4, 1]) / 6))
    h_a, h_b, h_ab = (-np.sum(p * np.log(p)) for p in map(np.array, ([0.75, 0.25], [0.5, 0.5], [0.5, 0.25, 0.25])))
    wanted = (h_a + h_b + 2 * spread) / (h_ab + 2 * spread)
    assert information(a, b) == pytest.approx(wanted, abs=1e-6)
    assert (h_a + h_b) / h_ab == pytest.approx(1.2075, abs=1e-4)


def test_slopes_are_those_of_the_value() -> None:
    rng = np.random.default_rng(1)
    a, weight = rng.normal(size=200), rng.uniform(0.2, 1, 200)
    b = a**2 + 0.1 * rng.normal(size=200)
    scales = [Scale(-3, 3, 16), Scale(-1, 12, 16)]
    found = measure(scales[0].place(a), scales[1].place(b), weight, 16)
    for index in range(5):
        step = np.zeros(200)
        step[index] = 1e-5
        by_value = [measure(scales[0].place(a), scales[1].place(b + s), weight, 16).value for s in (step, -step)]
        by_weight = [measure(scales[0].place(a), scales[1].place(b), weight + s, 16).value for s in (step, -step)]
        assert found.by_value[index] == pytest.approx((by_value[0] - by_value[1]) / 2e-5, abs=1e-8)
        assert found.by_weight[index] == pytest.approx((by_weight[0] - by_weight[1]) / 2e-5, abs=1e-8)


def test_the_spline_is_that_of_scipy_and_its_slopes_are_right() -> None:
    image = np.random.default_rng(2).normal(size=(20, 23))
    y, x = np.random.default_rng(3).uniform(0, 19, (2, 50))
    one = spline(image)
    value, by_y, by_x = one.at(y, x)
    np.testing.assert_allclose(value, ndimage.map_coordinates(image, (y, x), order=3, mode="mirror"), atol=1e-12)
    np.testing.assert_allclose(by_y, (one.at(y + 1e-6, x)[0] - one.at(y - 1e-6, x)[0]) / 2e-6, atol=1e-6)
    np.testing.assert_allclose(by_x, (one.at(y, x + 1e-6)[0] - one.at(y, x - 1e-6)[0]) / 2e-6, atol=1e-6)
