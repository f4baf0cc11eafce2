"""A start object that lies elsewhere than the frames see it is found where it lies."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from picpxct_nx.errors import InputError
from picpxct_nx.ptycho import Problem, Shift, common_shift
from picpxct_nx.ptycho.drift import FARTHEST, shifted
from picpxct_nx.simulate.reference import ReferenceScan
from picpxct_nx.values import Array

from .flawed import problem_of


def _displaced(scan: ReferenceScan, by: tuple[float, float]) -> Problem:
    """The scan's problem with the true probe, and the true object moved by so many pixels."""
    moved = shifted(torch.from_numpy(scan.object.astype(np.complex64)), np.array(by)).numpy()
    return replace(problem_of(scan), object=moved, probe=np.atleast_3d(scan.probe.T).T.astype(np.complex64))


def _found(scan: ReferenceScan, by: tuple[float, float]) -> Shift:
    return common_shift(_displaced(scan, by), device="cpu")


@pytest.mark.parametrize("by", [(1.7, -2.3), (0.0, 0.0), (-0.4, 0.45), (7.6, -5.2)])
def test_a_known_shift_of_the_start_object_is_found(subpixel_scan: ReferenceScan, by: tuple[float, float]) -> None:
    found = _found(subpixel_scan, by)
    np.testing.assert_allclose(found.px, -np.array(by), atol=0.05)
    if any(by):
        assert found.misfit_after < 0.8 * found.misfit_before


def test_its_error_is_that_of_counting(subpixel_scan: ReferenceScan) -> None:
    rng = np.random.default_rng(3)
    start = _displaced(subpixel_scan, (1.7, -2.3))
    expected = subpixel_scan.frames.astype(float) / 100
    noisy = [common_shift(replace(start, frames=rng.poisson(expected)), device="cpu") for _ in range(12)]
    spread = np.std([found.px for found in noisy], axis=0, ddof=1)
    ratio = spread / noisy[0].sigma_px
    # Twelve draws fix a standard deviation to a fifth.
    assert np.all((ratio > 0.5) & (ratio < 1.7)), ratio


def test_frames_of_another_beam_intensity_and_a_beam_stop_do_not_matter(subpixel_scan: ReferenceScan) -> None:
    start = _displaced(subpixel_scan, (1.7, -2.3))
    good = start.good.copy()
    good[30:34, 30:34] = False
    factor = np.linspace(0.7, 1.3, len(subpixel_scan.frames))
    frames = (subpixel_scan.frames * factor[:, None, None]).round()
    found = common_shift(replace(start, frames=frames, good=good, intensity=factor), device="cpu")
    np.testing.assert_allclose(found.px, (-1.7, 2.3), atol=0.05)


def test_an_even_object_is_left_where_it_is(subpixel_scan: ReferenceScan) -> None:
    problem = problem_of(subpixel_scan)
    found = common_shift(replace(problem, object=np.ones(problem.object_shape, np.complex64)), device="cpu")
    assert found.px == (0.0, 0.0)
    assert found.misfit_after == found.misfit_before


def test_no_shift_beyond_the_farthest_is_found(subpixel_scan: ReferenceScan) -> None:
    found = _found(subpixel_scan, (0.0, 30.0))
    assert np.abs(found.px).max() <= FARTHEST + 1


def test_whole_and_fractional_shifts_agree() -> None:
    image: Array = 1 + np.pad(np.random.default_rng(0).normal(size=(8, 9)), 6).astype(np.complex64)
    tensor = torch.from_numpy(image.astype(np.complex64))
    whole = shifted(tensor, np.array([2.0, -3.0]))
    near = shifted(tensor, np.array([2.0 + 1e-9, -3.0]))
    np.testing.assert_allclose(near.numpy(), whole.numpy(), atol=1e-5)


def test_without_a_start_object_there_is_nothing_to_shift(subpixel_scan: ReferenceScan) -> None:
    with pytest.raises(InputError, match="no start object"):
        common_shift(problem_of(subpixel_scan), device="cpu")
