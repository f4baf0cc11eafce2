"""Images beyond their field: matter that leaves the frame does not ring when it is moved."""

import numpy as np
import pytest
from scipy import ndimage

from picpxct_nx.images import extension
from picpxct_nx.images.fourier import fourier_shift
from picpxct_nx.simulate import images, phantom

SHIFT = (2.37, -3.61)


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    """A particle larger than its frame, less 1, and the same moved, both known exactly."""
    specimen = phantom.polycrystal(
        size=(3.5e-6, 2.9e-6, 2.4e-6), n_grains=7, max_tilt=0.6, seed=np.random.SeedSequence(1)
    )
    view = images.View((256, 256), 31e-9, blur_px=0.7)
    still, moved = images.image_stack(specimen, view, [5471.0, 5471.0], shifts_px=np.array([(0.0, 0.0), SHIFT]))
    return still[100:200, 100:200] - 1, moved[100:200, 100:200] - 1


def test_matter_that_leaves_the_frame_does_not_ring(pair: tuple[np.ndarray, np.ndarray]) -> None:
    still, truth = pair
    known = np.ones(still.shape, bool)
    canvas = extension.canvas(known)
    moved = extension.cropped(fourier_shift(extension.extended(still, canvas), SHIFT), canvas)
    there = extension.moved_mask(known, SHIFT)
    assert np.abs(still).max() > 0.8
    assert np.abs(moved - truth)[there].max() < 1e-3
    assert np.abs(fourier_shift(still, SHIFT) - truth)[there].max() > 0.1


def test_what_is_not_known_inside_the_frame_does_not_ring_either(pair: tuple[np.ndarray, np.ndarray]) -> None:
    still, truth = pair
    y, x = np.mgrid[:100, :100]
    known = np.hypot(y - 50, x - 50) < 45
    canvas = extension.canvas(known)
    filled = np.where(known, still, 0)
    moved = extension.cropped(fourier_shift(extension.extended(filled, canvas), SHIFT), canvas)
    there = extension.moved_mask(known, SHIFT)
    assert np.abs(moved - truth)[there].max() < 0.02
    assert np.sqrt(np.mean(np.abs(moved - truth)[there] ** 2)) < 1e-3


def test_the_canvas_keeps_the_image(pair: tuple[np.ndarray, np.ndarray]) -> None:
    canvas = extension.canvas(np.ones((100, 100), bool))
    wide = extension.extended(pair[0].astype(np.complex64), canvas)
    assert wide.dtype == np.complex64
    np.testing.assert_array_equal(extension.cropped(wide, canvas), pair[0].astype(np.complex64))
    assert np.abs(wide[0]).max() < 1e-6


@pytest.mark.parametrize("shift", [(0.0, 0.0), (3.0, -2.0), (0.4, 0.0), (-1.7, 2.2), (50.0, 0.0)])
def test_a_moved_mask_holds_what_came_from_the_mask_alone(shift: tuple[float, float]) -> None:
    mask = np.zeros((30, 34), bool)
    mask[5:25, 8:30] = True
    mask[12, 12] = False
    share = ndimage.shift(mask.astype(float), shift, order=1, cval=0.0)
    np.testing.assert_array_equal(extension.moved_mask(mask, shift), share > 1 - 1e-9)
