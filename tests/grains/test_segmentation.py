"""Grains are found where they are, rims are no grains, and numbers run from the largest."""

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.metrics import adapted_rand_error

from picpxct_nx.grains.segmentation import Recipe, segment

Floats = NDArray[np.float64]


def mosaic(noise: float, *, seed: int = 0) -> tuple[Floats, Floats, NDArray[np.bool_], NDArray[np.int64]]:
    """Two maps of four grains with straight borders in a disc: signals, errors, usable pixels, truth."""
    y, x = np.mgrid[-40:40, -40:40]
    usable = np.hypot(y, x) < 36
    truth = np.where(usable, 1 + (x > 4) + 2 * (y > -6), 0)
    values = np.array([[0.0, 0.1, 0.9, 0.6, 0.4], [0.0, 1.0, 0.2, 0.4, 0.8]])[:, truth]
    signal = values + np.random.default_rng(seed).normal(scale=noise, size=values.shape)
    return np.where(usable, signal, np.nan), np.where(usable, np.full(values.shape, noise), np.nan), usable, truth


def error_of(truth: NDArray[np.int64], labels: NDArray[np.int32]) -> float:
    """Adapted Rand error, 0 for the truth itself."""
    return float(adapted_rand_error(truth, labels, ignore_labels=[0])[0])  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("noise", [1e-4, 0.05, 0.15])
def test_four_grains_are_four(noise: float) -> None:
    signal, errors, usable, truth = mosaic(noise)
    labels = segment(signal, errors, usable)
    assert labels.max() == 4
    assert error_of(truth, labels) < 0.02
    assert ((labels > 0) == usable).all()


def test_noise_alone_is_one_grain() -> None:
    signal, errors, usable, _ = mosaic(0.1)
    flat = np.where(usable, np.random.default_rng(2).normal(scale=0.1, size=signal.shape), np.nan)
    assert segment(flat, errors, usable).max() == 1


def test_labels_run_from_the_largest_without_gaps() -> None:
    labels = segment(*mosaic(0.05)[:3])
    pixels = np.bincount(labels.ravel())[1:]
    assert (np.diff(pixels) <= 0).all()
    assert pixels.min() > 0


def test_a_rim_of_mixed_pixels_is_no_grain() -> None:
    signal, errors, _, truth = mosaic(1e-3)
    for _ in range(2):  # a border of two pixels between the values of both sides
        signal[:, 1:-1, 1:-1] = (signal[:, 1:-1, :-2] + signal[:, 1:-1, 1:-1] + signal[:, 1:-1, 2:]) / 3
    inside = np.asarray(np.isfinite(signal).all(axis=0))
    labels = segment(np.where(inside, signal, np.nan), np.where(inside, errors, np.nan), inside)
    assert labels.max() == 4
    assert error_of(np.where(inside, truth, 0), labels) < 0.05


def test_what_is_smaller_than_the_least_area_belongs_to_a_neighbour_or_is_nothing() -> None:
    signal, errors, usable, truth = mosaic(0.02)
    least = int(np.bincount(truth.ravel())[1:].min()) + 1
    assert segment(signal, errors, usable, Recipe(least_pixels=least)).max() < 4
    usable[:, :] = False
    usable[40:43, 40:43] = True
    assert segment(np.where(usable, signal, np.nan), np.where(usable, errors, np.nan), usable).max() == 0
