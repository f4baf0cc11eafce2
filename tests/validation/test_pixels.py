"""Pixels in bulk: the quick answer never passes what the exact one would not."""

import numpy as np
import pytest

from picpxct_nx.validation import pixels
from picpxct_nx.validation.pixels import Workspace, add_up, extremes, negative, wrong_angles

SHAPE = (300, 257)


@pytest.fixture
def image() -> tuple[np.ndarray, np.ndarray]:
    """A transmission of more than one piece and its phase, turned by whole turns here and there."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(-np.pi, np.pi, SHAPE).astype(np.float32)
    t = (rng.uniform(0.2, 1.2, SHAPE) * np.exp(1j * angle)).astype(np.complex64)
    return t, (angle + 2 * np.pi * rng.integers(-2, 3, SHAPE)).astype(np.float32)


def test_right_phases_pass(image: tuple[np.ndarray, np.ndarray]) -> None:
    assert wrong_angles(*image, Workspace()) == (0, 0)


@pytest.mark.parametrize("apart", [2e-3, -2e-3, 0.5, np.pi / 2, np.pi, -3.0])
@pytest.mark.parametrize("place", [(0, 0), (150, 13), (299, 256)])
def test_one_wrong_pixel_is_found(apart: float, place: tuple[int, int], image: tuple[np.ndarray, np.ndarray]) -> None:
    image[1][place] += apart
    assert wrong_angles(*image, Workspace()) == (0, 1)


@pytest.mark.parametrize("modulus", [1e-3, 2e-4, 1e30])
def test_a_wrong_pixel_is_found_however_bright(modulus: float, image: tuple[np.ndarray, np.ndarray]) -> None:
    image[0][7, 7] *= modulus / np.abs(image[0][7, 7])
    assert wrong_angles(*image, Workspace()) == (0, 0)
    image[1][7, 7] += np.pi
    assert wrong_angles(*image, Workspace()) == (0, 1)


def test_where_there_is_no_light_there_is_no_angle(image: tuple[np.ndarray, np.ndarray]) -> None:
    image[0][5, 5], image[0][5, 6], image[1][5, 6] = 0, 5e-5, 3.0
    assert wrong_angles(*image, Workspace()) == (0, 0)


@pytest.mark.parametrize("value", [np.nan, np.inf, complex(np.inf, 1), complex(1, -np.inf), complex(0, np.nan)])
def test_what_is_not_finite_is_counted_once(value: complex, image: tuple[np.ndarray, np.ndarray]) -> None:
    image[0][[3, 200], [4, 100]] = value
    assert wrong_angles(*image, Workspace()) == (2, 0)


def test_a_phase_that_is_no_number_is_wrong(image: tuple[np.ndarray, np.ndarray]) -> None:
    image[1][9, 9] = np.nan
    assert wrong_angles(*image, Workspace()) == (0, 1)


@pytest.mark.parametrize("dtype", [">c8", "<c16", ">c16"])
def test_numbers_of_other_types_are_compared_too(dtype: str, image: tuple[np.ndarray, np.ndarray]) -> None:
    t = image[0].astype(dtype)
    assert wrong_angles(t, image[1], Workspace()) == (0, 0)
    assert wrong_angles(t, image[1].astype(">f8") + 0.1, Workspace()) == (0, t.size)


def test_sums_and_extremes_are_those_of_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "_PIECE", 64)
    stack = np.random.default_rng(0).normal(size=(6, 11, 13))
    total = np.zeros((11, 13), np.complex128)
    add_up(total, [(image * 1j).astype(np.complex128) for image in stack])
    np.testing.assert_allclose(total, 1j * stack.sum(axis=0))
    low, high = extremes(iter([stack[:4], stack[4:]]), least=True)
    np.testing.assert_array_equal(low, stack.min(axis=0))
    np.testing.assert_array_equal(high, stack.max(axis=0))
    assert extremes(iter([]), least=True) == (None, None)


def test_negative_numbers_are_counted_with_what_is_none() -> None:
    assert negative(np.array([0.0, 1.0])) == 0
    assert negative(np.array([0.0, -1.0, np.nan])) == 2
    assert negative(np.empty(0)) == 0
