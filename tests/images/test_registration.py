"""Registration of pairs: slopes, capture, models, and errors that are the scatter."""

import numpy as np
import pytest
from scipy import ndimage

from picpxct_nx.errors import ConvergenceError, UsageError
from picpxct_nx.images import features, registration
from picpxct_nx.images.matching import Pair, view
from picpxct_nx.images.motion import Motion, places

SIDE = 97
WINDOW = features.window(np.ones((SIDE, SIDE), bool))


def picture(moved: Motion, *, noise: float = 0.0, seed: int = 0, inverted: bool = False) -> np.ndarray:
    """Facets of several heights, moved by formula."""
    axis = np.arange(SIDE, dtype=np.float64) - SIDE // 2
    y, x = places(axis[:, None], axis[None, :], moved)
    rng = np.random.default_rng(7)
    image = np.zeros((SIDE, SIDE))
    for _ in range(7):
        v, u, a, b, turn, height = (
            *rng.uniform(-14, 14, 2),
            *rng.uniform(4, 11, 2),
            rng.uniform(0, 3),
            rng.uniform(0.3, 1),
        )
        p, q = np.cos(turn) * (x - u) + np.sin(turn) * (y - v), np.cos(turn) * (y - v) - np.sin(turn) * (x - u)
        image += height / (1 + np.exp(-2 * (a - np.abs(p)))) / (1 + np.exp(-2 * (b - np.abs(q))))
    if inverted:
        image = -0.3 * image
    return np.asarray(image + noise * np.random.default_rng(seed).normal(size=image.shape))


TRUE = Motion(np.deg2rad(1.7), (2.3, -4.1))


def test_the_reference_case_is_found_although_contrast_is_inverted() -> None:
    # What is looked for brings the moving image back: the moving one has been moved by the inverse.
    pair = Pair(picture(TRUE), picture(Motion(), inverted=True), WINDOW, WINDOW)
    found = registration.register(pair, "rigid", 32, np.deg2rad(10))
    assert np.rad2deg(found.motion.angle) == pytest.approx(1.7, abs=0.02)
    np.testing.assert_allclose(found.motion.shift_px, (2.3, -4.1), atol=0.02)
    assert 1 < found.before < found.after < 2
    assert found.explained > 0.99


@pytest.mark.parametrize("degrees", [-9.0, 6.5, 19.0])
def test_large_turns_are_captured_by_the_search(degrees: float) -> None:
    true = Motion(np.deg2rad(degrees), (-5.0, 7.5))
    found = registration.register(
        Pair(picture(true), picture(Motion()), WINDOW, WINDOW), "rigid", 32, np.deg2rad(abs(degrees) + 1)
    )
    assert np.rad2deg(found.motion.angle) == pytest.approx(degrees, abs=0.02)
    np.testing.assert_allclose(found.motion.shift_px, true.shift_px, atol=0.02)


def test_models_leave_out_what_they_say() -> None:
    true = Motion(np.deg2rad(1.0), (1.5, -2.5), 1.013)
    pair = Pair(picture(true), picture(Motion()), WINDOW, WINDOW)
    similar = registration.register(pair, "similarity", 32, np.deg2rad(4))
    assert similar.motion.scale == pytest.approx(1.013, abs=5e-4)
    assert similar.scale_error < 1e-3
    rigid = registration.register(pair, "rigid", 32, np.deg2rad(4))
    assert (rigid.motion.scale, rigid.scale_error) == (1, 0)
    assert rigid.after < similar.after
    shifted = registration.register(pair, "translation", 32, np.deg2rad(4))
    assert (shifted.motion.angle, shifted.angle_error) == (0, 0)
    np.testing.assert_allclose(shifted.motion.shift_px, (1.5, -2.5), atol=0.3)
    with pytest.raises(UsageError, match="wanted one of translation, rigid, similarity"):
        registration.model("affine")


def test_slopes_are_those_of_the_mutual_information() -> None:
    one = view(Pair(picture(TRUE), picture(Motion(), inverted=True), WINDOW, WINDOW), 2, 32)
    there = np.array([0.4, 1.2, -3.3, 0.2])
    slope = one.climb(there)[1]
    steps = np.eye(4) * 1e-4
    differences = [(one.climb(there + step)[0] - one.climb(there - step)[0]) / 2e-4 for step in steps]
    np.testing.assert_allclose(slope, differences, rtol=1e-3, atol=1e-7)


def test_errors_are_the_scatter() -> None:
    found = []
    for seed in range(12):
        pair = Pair(picture(TRUE, noise=0.1, seed=seed), picture(Motion(), noise=0.1, seed=100 + seed), WINDOW, WINDOW)
        found.append(registration.register(pair, "rigid", 32, np.deg2rad(2)))
    apart = np.array(
        [(one.motion.angle - TRUE.angle, *np.subtract(one.motion.shift_px, TRUE.shift_px)) for one in found]
    )
    told = np.array([(one.angle_error, *one.shift_errors_px) for one in found])
    ratio = np.sqrt(np.mean(told**2, axis=0) / np.mean(apart**2, axis=0))
    assert np.all((ratio > 0.6) & (ratio < 1.7)), ratio


def test_images_that_never_overlap_are_refused() -> None:
    left, right = np.zeros((2, SIDE, SIDE))
    left[:, :30], right[:, 70:] = WINDOW[:, 34:64], WINDOW[:, 34:61]
    image = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(SIDE, SIDE)), 2)
    pair = Pair(np.where(left > 0, image, 0), np.where(right > 0, 0, 0.0), left, right)
    with pytest.raises(ConvergenceError, match="do not overlap at any angle"):
        registration.register(pair, "rigid", 32, np.deg2rad(2))
