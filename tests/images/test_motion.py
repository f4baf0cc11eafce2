"""Motion of images: exact where they are band-limited, quarter turns without rounding, noise left as it is."""

import numpy as np
import pytest

from picpxct_nx.images import extension, motion
from picpxct_nx.images.motion import Motion
from picpxct_nx.simulate import images, phantom

SIDE = 121


def blobs(moved: Motion) -> np.ndarray:
    """Smooth blobs that have been moved, by formula."""
    rng = np.random.default_rng(0)
    axis = np.arange(SIDE, dtype=np.float64) - SIDE // 2
    y, x = motion.places(axis[:, None], axis[None, :], moved)
    centres, heights = rng.uniform(-30, 30, (12, 2)), rng.normal(size=12) + 1j * rng.normal(size=12)
    terms = [h * np.exp(-((y - v) ** 2 + (x - u) ** 2) / 8) for h, (v, u) in zip(heights, centres, strict=True)]
    return np.asarray(sum(terms))


@pytest.mark.parametrize(
    "moved",
    [Motion(0.03, (2.3, -4.1)), Motion(-0.7, (0.4, 1.6)), Motion(0.0, (0.5, 0.5)), Motion(0.05, (2.3, -4.1), 1.02)],
)
def test_a_band_limited_image_is_moved_exactly(moved: Motion) -> None:
    image, known = blobs(Motion()), np.ones((SIDE, SIDE), bool)
    canvas = extension.canvas(known, motion.reach(SIDE, moved))
    apart = motion.move(image, moved, canvas) - blobs(moved)
    assert np.abs(apart[motion.move_mask(known, moved)]).max() < 1e-6


def test_white_noise_stays_white() -> None:
    noise, known = np.random.default_rng(1).normal(size=(SIDE, SIDE)), np.ones((SIDE, SIDE), bool)
    moved = Motion(0.3, (0.5, 0.5))
    there = motion.move(noise, moved, extension.canvas(known, motion.reach(SIDE, moved)))[30:90, 30:90]
    assert there.std() == pytest.approx(1, abs=0.04)
    assert abs(np.corrcoef(there[:, 1:].ravel(), there[:, :-1].ravel())[0, 1]) < 0.05
    assert there.dtype == np.float64


@pytest.mark.parametrize("shape", [(8, 8), (7, 7), (8, 11)])
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turns_in_the_frame_lose_nothing_and_turn_about_the_axis(shape: tuple[int, int], turns: int) -> None:
    image = np.arange(1, 1 + shape[0] * shape[1]).reshape(shape)
    side = motion.frame_side(shape)
    there = motion.turned(motion.framed(image, side, 0), turns)
    assert there[side // 2, side // 2] == image[shape[0] // 2, shape[1] // 2]
    assert sorted(there[there > 0]) == sorted(image.ravel())
    # x towards y: what lay at +x lies at +y after one turn.
    y, x = [(1, 0), (0, -1), (-1, 0)][turns - 1]
    assert there[side // 2 + y, side // 2 + x] == image[shape[0] // 2, shape[1] // 2 + 1]


def test_a_turned_image_is_that_of_the_turned_sample() -> None:
    specimen = phantom.polycrystal(
        size=(1.6e-6, 1.3e-6, 1.1e-6), n_grains=4, max_tilt=0.5, seed=np.random.SeedSequence(2)
    )
    view, angle = images.View((SIDE, SIDE), 3e-8, blur_px=1.0), np.deg2rad(101.0)
    still = images.image_stack(specimen, view, [5515.0])[0] - 1
    turned = images.image_stack(specimen, view, [5515.0], rotation=angle, polarisation=angle)[0] - 1
    turns, rest = motion.quarters(-angle)
    assert (turns, round(np.rad2deg(rest), 6)) == (3, -11)
    moved = Motion(rest)
    canvas = extension.canvas(np.ones((SIDE, SIDE), bool), motion.reach(SIDE, moved))
    back = motion.move(motion.turned(turned, turns), moved, canvas)
    assert np.sqrt(np.mean(np.abs(back - still) ** 2)) < 2e-3


def test_a_mask_holds_what_came_from_the_mask_alone() -> None:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[40:80, 50:90] = True
    moved = Motion(0.2, (1.5, -2.0))
    kept = motion.move_mask(mask, moved)
    axis = np.arange(SIDE, dtype=np.float64) - SIDE // 2
    y, x = (one + SIDE // 2 for one in motion.places(axis[:, None], axis[None, :], moved))
    assert np.all(y[kept] >= 40)
    assert np.all(y[kept] <= 79)
    assert np.all(x[kept] >= 50)
    assert np.all(x[kept] <= 89)
    assert kept.sum() > 0.9 * mask.sum()
    np.testing.assert_array_equal(motion.move_mask(mask, Motion()), mask)
