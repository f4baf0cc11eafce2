"""Several scans as one problem: with one object seen by all, or with one probe that sees several objects.

What all scans share is one array of one problem, so that no engine knows of it. Scans of one object share the probe
too, up to the changes that `Variation` finds between their frames; their moves against each other are positions.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import InputError

from .problem import Frames, Problem
from .result import Result

# Rows between objects that lie below each other, so that one moved by the centring of its probe stays out of the next.
_GAP_PX = 16
# Scans whose brightness differs by less than this part are taken as equally bright.
_SAME_BRIGHTNESS = 1e-3
_READ = 32


@dataclass(frozen=True)
class Joint:
    """One problem made of several.

    Parameters
    ----------
    problem : Problem
        All frames of all scans.
    frames : tuple of slice
        Frames of each scan.
    areas : tuple of (slice, slice)
        Rows and columns of the object that belong to each scan; all of them where the object is shared.
    """

    problem: Problem
    frames: tuple[slice, ...]
    areas: tuple[tuple[slice, slice], ...]


@dataclass(frozen=True)
class _Chain:
    """Frames of several scans one after the other, read where they lie."""

    parts: tuple[Frames, ...]
    starts: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.starts[-1], *self.parts[0].shape[1:])

    def __getitem__(self, key: slice, /) -> Any:
        start, stop, _ = key.indices(self.starts[-1])
        found = []
        while start < stop:
            number = bisect_right(self.starts, start) - 1
            first, end = self.starts[number], min(stop, self.starts[number + 1])
            found.append(np.asarray(self.parts[number][start - first : end - first]))
            start = end
        return np.concatenate(found)


@dataclass(frozen=True)
class _EverySecond:
    """Every second frame of a stack, read where it lies."""

    whole: Frames
    first: int

    @property
    def shape(self) -> tuple[int, ...]:
        n = self.whole.shape[0]
        return ((n + 1 - self.first) // 2, *self.whole.shape[1:])

    def __getitem__(self, key: slice, /) -> Any:
        start, stop, _ = key.indices(self.shape[0])
        return np.asarray(self.whole[2 * start + self.first : 2 * stop + self.first])[::2]


def half(problem: Problem, result: Result, first: int) -> Problem:
    """The even (first = 0) or odd (1) frames of a problem, with an empty object and all else as a result has it.

    Parameters
    ----------
    problem : Problem
        What was reconstructed.
    result : Result
        What was made of it.
    first : int
        Number of the first frame.

    Returns
    -------
    Problem
    """
    rows = slice(first, None, 2)
    return replace(
        problem,
        frames=_EverySecond(problem.frames, first),
        positions_px=result.positions_px[rows],
        probe=result.probe,
        object=None,
        intensity=None if result.intensity is None else result.intensity[rows].astype(np.float64),
        background=result.background,
    )


def halved(joint: Joint, result: Result, first: int) -> Joint:
    """The even or odd frames of a joint problem, as of `half`."""
    frames = [slice((of.start + 1 - first) // 2, (of.stop + 1 - first) // 2) for of in joint.frames]
    return replace(joint, problem=half(joint.problem, result, first), frames=tuple(frames))


def join(
    problems: Sequence[Problem], share: Literal["object", "probe"], brightness: Sequence[float] | None = None
) -> Joint:
    """One problem of several scans.

    Parameters
    ----------
    problems : sequence of Problem
        Scans with frames of one size; the first gives the start probe and, where the object is shared, the start
        object. A pixel counts as measured where all scans measured it.
    share : str
        "object": positions of all scans are on the grid of one object, the probe is shared as well; "probe": every
        scan has an object of its own, which lie below each other in one array.
    brightness : sequence of float, optional
        Intensity of the beam in each scan, on any scale; equal where none is given.

    Returns
    -------
    Joint

    Raises
    ------
    InputError
        There is no scan, or their frames differ in size, or their backgrounds differ.
    """
    if not problems:
        raise InputError("join: no scan; wanted one or more; give the problems to join")
    window = tuple(problems[0].frames.shape[1:])
    for number, problem in enumerate(problems):
        if tuple(problem.frames.shape[1:]) != window:
            raise InputError(
                f"join: scan {number} has frames of {tuple(problem.frames.shape[1:])}; wanted {window} as the first; "
                "crop them to one size"
            )
    starts = np.cumsum([0] + [problem.frames.shape[0] for problem in problems]).tolist()
    below = share == "probe"
    tops = [0] * len(problems)
    if below:
        tops = np.cumsum([0] + [problem.object_shape[0] + _GAP_PX for problem in problems[:-1]]).tolist()
    shapes = [problem.object_shape for problem in problems]
    shape = (
        max(top + rows for top, (rows, _) in zip(tops, shapes, strict=True)),
        max(columns for _, columns in shapes),
    )
    offsets = [np.array([top, 0]) for top in tops]
    whole = Problem(
        frames=_Chain(tuple(problem.frames for problem in problems), tuple(starts)),
        good=np.logical_and.reduce([problem.good for problem in problems]),
        positions_px=np.concatenate([p.positions_px + offset for p, offset in zip(problems, offsets, strict=True)]),
        object_shape=shape,
        probe=problems[0].probe,
        intensity=_intensities(problems, brightness),
        background=_background(problems),
        pupil=problems[0].pupil,
    )
    whole = replace(whole, object=_start(problems if below else problems[:1], shape, tops))
    areas = [(slice(top, top + rows), slice(columns)) for top, (rows, columns) in zip(tops, shapes, strict=True)]
    frames = [slice(start, stop) for start, stop in pairwise(starts)]
    return Joint(whole, tuple(frames), tuple(areas if below else [(slice(shape[0]), slice(shape[1]))] * len(problems)))


def part(joint: Joint, result: Result, number: int) -> Result:
    """What a joint result says of one scan: its area of the object, and its frames.

    Parameters
    ----------
    joint : Joint
        What was reconstructed.
    result : Result
        Of all scans; its error is that of all.
    number : int
        Which scan.

    Returns
    -------
    Result
        Positions again in the scan's own object, the probe as bright as in that scan; of a shared object, illumination
        by the frames of all.
    """
    area, frames = joint.areas[number], joint.frames[number]
    own = replace(
        result,
        object=result.object[area],
        illumination=result.illumination[area],
        positions_px=_own(joint, result.positions_px, number),
        weights=None if result.weights is None else result.weights[frames],
    )
    if result.intensity is None:
        return own
    intensity = result.intensity[frames]
    mean = float(intensity.mean(dtype=np.float64))
    relative = (intensity / mean).astype(np.float32)
    alike = joint.problem.intensity is not None and np.ptp(relative) < 1e-5
    return replace(
        own,
        probe=(result.probe * np.sqrt(mean)).astype(np.complex64),
        intensity=None if alike else relative,
        weights=None if own.weights is None else (own.weights * np.sqrt(mean)).astype(np.complex64),
    )


def given(joint: Joint, number: int) -> NDArray[np.float64]:
    """Positions of a scan as they were given, in its own object; (n, 2) px."""
    return _own(joint, joint.problem.positions_px, number)


def _own(joint: Joint, positions_px: NDArray[np.float64], number: int) -> NDArray[np.float64]:
    moved: NDArray[np.float64] = positions_px[joint.frames[number]] - np.array([joint.areas[number][0].start or 0, 0])
    return moved


def brightness_of(problem: Problem) -> float:
    """Mean counts of a frame on its measured pixels."""
    frames, total = problem.frames, 0.0
    for start in range(0, frames.shape[0], _READ):
        total += float(np.asarray(frames[start : start + _READ])[:, problem.good].sum(dtype=np.float64))
    return total / frames.shape[0]


def _intensities(problems: Sequence[Problem], brightness: Sequence[float] | None) -> NDArray[np.float64] | None:
    """Intensity of all frames: a scan's brightness times its monitor's course; None where all are alike."""
    bright = np.ones(len(problems)) if brightness is None else np.asarray(brightness, np.float64)
    if np.ptp(bright) < _SAME_BRIGHTNESS * bright.mean():
        bright = np.ones(len(problems))
        if all(problem.intensity is None for problem in problems):
            return None
    known = [np.ones(p.frames.shape[0]) if p.intensity is None else p.intensity for p in problems]
    return np.concatenate([of * values / values.mean() for of, values in zip(bright, known, strict=True)])


def _background(problems: Sequence[Problem]) -> Any:
    """The background that all scans share, for one map serves all frames; None where no scan has one."""
    first = problems[0].background
    for number, problem in enumerate(problems):
        same = problem.background is first or (
            first is not None and problem.background is not None and np.array_equal(first, problem.background)
        )
        if not same:
            raise InputError(
                f"join: scan {number} has another background than the first; wanted one for all; give their mean, or "
                "none and refine it"
            )
    return first


def _start(problems: Sequence[Problem], shape: tuple[int, int], tops: Sequence[int]) -> NDArray[np.complex64] | None:
    """Start object of the whole, ones where a scan has none; None where none has one."""
    if all(problem.object is None for problem in problems):
        return None
    image = np.ones(shape, np.complex64)
    for problem, top in zip(problems, tops, strict=False):
        if problem.object is not None:
            image[top : top + problem.object_shape[0], : problem.object_shape[1]] = problem.object
    return image
