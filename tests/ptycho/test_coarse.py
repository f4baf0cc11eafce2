"""A start at half the resolution against the whole."""

from dataclasses import replace

import numpy as np
import pytest

from picpxct_nx.errors import InputError
from picpxct_nx.ptycho import Model, Problem, reconstruct
from picpxct_nx.ptycho.coarse import doubled, halved
from picpxct_nx.ptycho.model import Start
from picpxct_nx.simulate.reference import ReferenceScan

from .flawed import error_of, problem_of


def test_the_half_has_the_same_counts_in_a_quarter_of_the_pixels(scan: ReferenceScan) -> None:
    dark = np.arange(64.0 * 64).reshape(64, 64)
    half = halved(replace(problem_of(scan), background=dark))
    assert half.background is not None
    assert np.array_equal(half.background, dark[16:48, 16:48])
    assert half.frames.shape == (50, 32, 32)
    assert np.array_equal(half.frames[3:5], scan.frames[3:5, 16:48, 16:48])
    assert np.abs(half.probe).max() == pytest.approx(2 * np.abs(scan.probe_start).max(), rel=0.2)
    assert (half.positions_px % 1 == 0).all()


def test_a_coarse_start_saves_iterations(scan: ReferenceScan) -> None:
    problem = problem_of(scan)
    plain, after = (
        reconstruct(problem, "pie:2", model=Model(start=Start(coarse=count)), device="cpu") for count in (0, 4)
    )
    assert len(after.error) == 2
    assert error_of(after, scan) < 0.9 * error_of(plain, scan)


def test_the_truth_survives_on_every_second_pixel(scan: ReferenceScan) -> None:
    problem = problem_of(scan)
    result = reconstruct(halved(problem), "pie:3", device="cpu")
    fine = doubled(problem, result)
    assert fine.object is not None
    rows, columns = result.object.shape
    assert fine.object.shape == problem.object_shape
    np.testing.assert_allclose(
        fine.object[::2, ::2], result.object[: -(-fine.object.shape[0] // 2), :columns], atol=1e-4
    )
    assert rows == -(-problem.object_shape[0] // 2)


def test_odd_frames_have_no_half(scan: ReferenceScan) -> None:
    problem = problem_of(scan)
    odd = replace(problem, frames=scan.frames[:, :63, :], good=problem.good[:63], probe=problem.probe[:, :63])
    assert isinstance(odd, Problem)
    with pytest.raises(InputError, match="frames of 63 x 64; wanted even sizes"):
        reconstruct(odd, "pie:1", model=Model(start=Start(coarse=1)), device="cpu")
