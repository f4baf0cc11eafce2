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

from picpxct_nx.errors import InputError

from .problem import Frames, Problem
from .result import Result


@dataclass(frozen=True)
class Joint:
    """One problem made of several.

    Parameters
    ----------
    problem : Problem
        All frames of all scans.
    frames : tuple of slice
        Frames of each scan.
    rows : tuple of slice
        Rows of the object that belong to each scan; all of them where the object is shared.
    """

    problem: Problem
    frames: tuple[slice, ...]
    rows: tuple[slice, ...]


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


def join(problems: Sequence[Problem], share: Literal["object", "probe"]) -> Joint:
    """One problem of several scans.

    Parameters
    ----------
    problems : sequence of Problem
        Scans with frames of one size; the first gives the start probe and, where the object is shared, the start
        object. A pixel counts as measured where all scans measured it.
    share : str
        "object": positions of all scans are on the grid of one object, the probe is shared as well; "probe": every
        scan has an object of its own, which lie below each other in one array.

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
    heights = [problem.object_shape[0] for problem in problems]
    tops = np.cumsum([0, *heights]).tolist() if share == "probe" else [0] * (len(problems) + 1)
    height = tops[-1] if share == "probe" else max(heights)
    offsets = [np.array([top, 0]) for top in tops[: len(problems)]]
    whole = Problem(
        frames=_Chain(tuple(problem.frames for problem in problems), tuple(starts)),
        good=np.logical_and.reduce([problem.good for problem in problems]),
        positions_px=np.concatenate([p.positions_px + offset for p, offset in zip(problems, offsets, strict=True)]),
        object_shape=(height, max(problem.object_shape[1] for problem in problems)),
        probe=problems[0].probe,
        intensity=_intensities(problems),
        background=_background(problems),
        pupil=problems[0].pupil,
    )
    whole = replace(whole, object=_start(problems, whole.object_shape, tops, share))
    rows = [slice(top, top + size) for top, size in zip(tops, heights, strict=False)]
    frames = [slice(start, stop) for start, stop in pairwise(starts)]
    return Joint(whole, tuple(frames), tuple(rows) if share == "probe" else (slice(0, height),) * len(problems))


def part(joint: Joint, result: Result, number: int) -> Result:
    """What a joint result says of one scan: its rows of the object, and its frames.

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
        Positions again in the scan's own object.
    """
    rows, frames = joint.rows[number], joint.frames[number]
    return replace(
        result,
        object=result.object[rows],
        illumination=result.illumination[rows],
        positions_px=result.positions_px[frames] - np.array([rows.start, 0]),
        intensity=None if result.intensity is None else result.intensity[frames],
        weights=None if result.weights is None else result.weights[frames],
    )


def _intensities(problems: Sequence[Problem]) -> Any:
    """Monitors of all scans on the scale of the counts; None where no scan has one."""
    if all(problem.intensity is None for problem in problems):
        return None
    known = [np.ones(p.frames.shape[0]) if p.intensity is None else p.intensity for p in problems]
    return np.concatenate([values / values.mean() for values in known])


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


def _start(problems: Sequence[Problem], shape: tuple[int, int], tops: Sequence[int], share: str) -> Any:
    """Start object of the whole, ones where a scan has none; None where none has one."""
    given = problems if share == "probe" else problems[:1]
    if all(problem.object is None for problem in given):
        return None
    image = np.ones(shape, np.complex64)
    for problem, top in zip(given, tops, strict=False):
        if problem.object is not None:
            image[top : top + problem.object_shape[0], : problem.object_shape[1]] = problem.object
    return image
