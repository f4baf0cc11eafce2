"""The solver's public door: what cannot be right is refused by name, in one line, with a remedy."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from picpxct_nx.errors import InputError
from picpxct_nx.ptycho import Problem, reconstruct
from picpxct_nx.ptycho.problem import read_counts, split_positions


def refused(problem: Problem, **changes: Any) -> str:
    with pytest.raises(InputError) as caught:
        replace(problem, **changes)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_frames_without_three_axes_are_refused(problem: Problem) -> None:
    assert refused(problem, frames=np.zeros((64, 64))).startswith("frames: shape (64, 64)")


def test_no_frames_are_refused(problem: Problem) -> None:
    assert "at least one frame" in refused(problem, frames=np.zeros((0, 64, 64)))


def test_mask_of_another_shape_is_refused(problem: Problem) -> None:
    assert refused(problem, good=np.ones((64, 63), bool)).startswith("good: shape (64, 63); wanted (64, 64)")


def test_mask_of_numbers_is_refused(problem: Problem) -> None:
    assert refused(problem, good=np.ones((64, 64), np.uint8)).startswith("good: dtype uint8; wanted bool")


def test_mask_without_measured_pixels_is_refused(problem: Problem) -> None:
    assert "inverted" in refused(problem, good=np.zeros((64, 64), bool))


def test_one_position_too_few_is_refused(problem: Problem) -> None:
    assert refused(problem, positions_px=problem.positions_px[1:]).startswith("positions_px: shape (49, 2)")


def test_position_outside_the_object_is_named(problem: Problem) -> None:
    positions = problem.positions_px.copy()
    positions[7] = (-3.0, 0.0)
    assert refused(problem, positions_px=positions).startswith("positions_px: position 7 at (-3.00, 0.00)")


def test_position_that_is_not_finite_is_named(problem: Problem) -> None:
    positions = problem.positions_px.copy()
    positions[5, 1] = np.nan
    assert "position 5 is not finite" in refused(problem, positions_px=positions)


def test_a_background_that_cannot_be_is_refused(problem: Problem) -> None:
    assert refused(problem, background=np.zeros(64)).startswith("background: shape (64,); wanted (64, 64)")
    wrong = np.zeros((64, 64))
    wrong[3, 4] = -1
    assert refused(problem, background=wrong).startswith(
        "background: holds -1.0 at pixel (3, 4); wanted counts of zero"
    )
    masked = replace(problem, background=wrong, good=wrong == 0)
    assert reconstruct(masked, "pie:1", device="cpu").status == "done"
    bright = replace(problem, background=np.full((64, 64), 1e9))
    with pytest.raises(InputError, match="background: has all the counts of the frames"):
        reconstruct(bright, "pie:1", device="cpu")


def test_probe_of_another_size_is_refused(problem: Problem) -> None:
    assert refused(problem, probe=problem.probe[0]).startswith("probe: shape (64, 64); wanted (modes, 64, 64)")


def test_dark_probe_is_refused(problem: Problem) -> None:
    assert refused(problem, probe=np.zeros_like(problem.probe)).startswith("probe: all zero")


def test_start_object_of_another_shape_is_refused(problem: Problem) -> None:
    assert refused(problem, object=np.ones((3, 3), np.complex64)).startswith("object: shape (3, 3)")


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_first_bad_frame_is_named(problem: Problem, value: float) -> None:
    frames = np.array(problem.frames[:])
    frames[[31, 40], 5, 6] = value
    with pytest.raises(InputError, match="frame 31 holds NaN, infinite or negative counts"):
        reconstruct(replace(problem, frames=frames), "dm:1", device="cpu")


def test_bad_values_on_unmeasured_pixels_are_not_looked_at(problem: Problem) -> None:
    frames = np.array(problem.frames[:])
    frames[:, 5, 6] = np.nan
    good = problem.good.copy()
    good[5, 6] = False
    counts = np.concatenate([block for _, block in read_counts(replace(problem, frames=frames, good=good), 16)])
    assert (counts[:, 5, 6] == 0).all()
    counts[:, 5, 6] = problem.frames[:][:, 5, 6]
    assert np.array_equal(counts, problem.frames[:])


def test_frames_without_any_count_are_refused(problem: Problem) -> None:
    with pytest.raises(InputError, match="no counts"):
        reconstruct(replace(problem, frames=np.zeros((50, 64, 64), np.uint16)), "dm:1", device="cpu")


class Slices:
    """Frames that notes which of them are read, as a file would be."""

    def __init__(self, frames: NDArray[np.float32]) -> None:
        self.frames = frames
        self.read: list[int] = []

    @property
    def shape(self) -> tuple[int, ...]:
        return self.frames.shape

    def __getitem__(self, key: slice, /) -> NDArray[np.float32]:
        self.read.extend(range(*key.indices(len(self.frames))))
        return self.frames[key]


def test_each_frame_is_read_once(problem: Problem) -> None:
    frames = Slices(np.asarray(problem.frames[:]))
    reconstruct(replace(problem, frames=frames), "dm:2,ml:2", device="cpu")
    assert frames.read == list(range(50))


def test_positions_split_into_nearest_pixel_and_fraction() -> None:
    corner, fraction = split_positions(np.array([[1.75, 2.25], [3.0, 4 - 1e-9]]))
    assert corner.tolist() == [[2, 2], [3, 4]]
    assert fraction.tolist() == [[-0.25, 0.25], [0.0, 0.0]]
