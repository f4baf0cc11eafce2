"""Scans of one object, moved onto one another: each is found on the image that one before it gives alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from picpxct_nx.errors import InputError
from picpxct_nx.geometry import Grid, Part, on_one_grid
from picpxct_nx.ptycho import Problem, Result
from picpxct_nx.ptycho.drift import FARTHEST
from picpxct_nx.ptycho.placing import LEAST_FRAMES, place
from picpxct_nx.values import Array

# Two scans may show the same where positions of one are nearer to those of the other than this part of a window.
_NEAR = 0.25
# Where less than this part of the strongest light fell, an object is not worth starting with.
_LEAST_COVERAGE = 0.01


@dataclass(frozen=True)
class Place:
    """Where a scan lies on the object of the first: how far that had moved, px, its variance, and the light it was in.

    The variance is that of the counts in the frames that were compared; the image they were compared with has noise of
    its own.
    """

    shift: Array
    variance: Array
    brightness: float


@dataclass(frozen=True)
class Placed:
    """Scans on one grid, their places, and what the first scan gave alone on a grid of its own."""

    parts: list[Part]
    places: tuple[Place, ...]
    image: Result
    grid: Grid

    def begun(self, problem: Problem) -> Problem:
        """A problem of all scans on their grid that starts with the object and the probe of the first."""
        image = np.ones(problem.object_shape, np.complex64)
        light = self.image.illumination
        seen = np.where(light > _LEAST_COVERAGE * light.max(), self.image.object, 1)
        grid = self.parts[0][1]
        # The two grids are whole pixels apart.
        at = [
            np.arange(size) + round((was - now) / step)
            for size, was, now, step in zip(seen.shape, self.grid.origin, grid.origin, grid.pixel, strict=True)
        ]
        inside = [(places >= 0) & (places < size) for places, size in zip(at, image.shape, strict=True)]
        image[np.ix_(at[0][inside[0]], at[1][inside[1]])] = seen[np.ix_(*inside)]
        return replace(problem, object=image, probe=self.image.probe)


def placed(names: Sequence[str], parts: Sequence[Part], alone: Callable[[Problem, int], Result], device: str) -> Placed:
    """Scans of one object where they lie on one another.

    The first scan is reconstructed alone, and every other that shows the same is placed on it. Where fields only touch
    their neighbours, the one among those already placed that most of the rest is near to is reconstructed next.

    Parameters
    ----------
    names : sequence of str
        What the scans are called, for messages.
    parts : sequence of Part
        Each scan on a grid of its own, all with one size of pixels.
    alone : callable
        What a problem gives that is one scan alone; told which.
    device : str
        As of `reconstruct`.

    Raises
    ------
    InputError
        A scan shows nothing that another one does.
    """
    flat = on_one_grid(parts, [(0.0, 0.0)] * len(parts))
    places: dict[int, Place] = {0: Place(np.zeros(2), np.zeros(2), 1.0)}
    images: dict[int, Result] = {}
    left = set(range(1, len(flat)))
    refused = dict.fromkeys(left, "lies on none of the other scans")
    while left:
        near = {one: _near(flat, one, left) for one in sorted(places.keys() - images.keys())}
        # The first always: all go on from its image.
        seen = 0 if not images else max(near, key=lambda one: near[one], default=0)
        if not near.get(seen):
            lost = min(left)
            raise InputError(
                f"{names[lost]}: {refused[lost]}; wanted fields that share {LEAST_FRAMES} frames or more, at most "
                f"{FARTHEST} px from where the stages say, for one object; leave it out, or share the probe"
            )
        images[seen] = alone(flat[seen][0], seen)
        for other in sorted(left):
            try:
                found = place(flat[other][0], images[seen], device=device)
            except InputError as error:
                refused[other] = f"does not lie on {names[seen]}: {error}"
                continue
            base = places[seen]
            places[other] = Place(
                base.shift + found.shift.px,
                base.variance + np.square(found.shift.sigma_px),
                base.brightness * found.brightness,
            )
            left.remove(other)
    ordered = tuple(places[number] for number in range(len(flat)))
    moved = on_one_grid(parts, [(float(at.shift[0]), float(at.shift[1])) for at in ordered])
    return Placed(moved, ordered, images[0], flat[0][1])


def _near(parts: Sequence[Part], one: int, others: set[int]) -> int:
    """How many frames of other scans are near to one scan's."""
    mine, reach = parts[one][0].positions_px, _NEAR * min(parts[one][0].frames.shape[1:])
    return sum(int(np.hypot(*(at - mine).T).min() < reach) for other in others for at in parts[other][0].positions_px)
