"""Matching: a pair of images seen at one resolution, with what a motion of one of them does to every sample."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from picpxct_nx.images.motion import Motion, places
from picpxct_nx.images.mutual_information import Measure, Placed, Scale, Spline, measure, spline

Real = npt.NDArray[np.float64]
Image = npt.NDArray[np.floating[Any]]

_NO_OVERLAP = 0.01  # of the fixed field: nothing can be said


@dataclass(frozen=True)
class Pair:
    """Two feature images (side, side) on one centre, and the windows of what is known of them."""

    fixed: Image
    moving: Image
    fixed_window: Real
    moving_window: Real

    @property
    def radius(self) -> float:
        """Root mean square distance from the centre, px: turning by an angle moves by as much times the angle."""
        axis = np.arange(self.fixed.shape[0], dtype=np.float64) - self.fixed.shape[0] // 2
        return float(np.sqrt(np.average(axis[:, None] ** 2 + axis**2, weights=self.fixed_window)))


def motion_of(parameters: Real, radius: float) -> Motion:
    """The motion of parameters that are all lengths in pixels at a radius."""
    scale = float(np.exp(parameters[3] / radius)) if len(parameters) > 3 else 1.0
    return Motion(float(parameters[0]) / radius, (float(parameters[1]), float(parameters[2])), scale)


@dataclass(frozen=True)
class Sample:
    """Values and weights (n,) of a moving image on the fixed one, and their slopes (k, n) by the parameters."""

    value: Real
    weight: Real
    value_slopes: Real
    weight_slopes: Real


@dataclass(frozen=True)
class View:
    """One resolution of a pair.

    `y`, `x` (n,) are places from the centre in px, `shown` (n,) what the fixed image shows there, `placed` the same in
    its histogram, `light` (n,) its window; `moving` and its window are splines, `scale` is its histogram. `middle` is
    the index of the centre and `radius` the length that makes lengths of angles.
    """

    y: Real
    x: Real
    shown: Real
    placed: Placed
    light: Real
    moving: Spline
    window: Spline
    scale: Scale
    middle: int
    radius: float

    def sample(self, parameters: Real) -> Sample:
        """The moving image where it comes to lie; parameters are angle and radius, shift y, x, log scale and radius."""
        motion = motion_of(parameters, self.radius)
        y, x = places(self.y, self.x, motion)
        inside = (np.abs(y) <= self.middle) & (np.abs(x) <= self.middle)
        y, x = np.where(inside, y, 0.0), np.where(inside, x, 0.0)
        value, value_y, value_x = self.moving.at(y + self.middle, x + self.middle)
        light, light_y, light_x = self.window.at(y + self.middle, x + self.middle)
        lit = np.where(inside, self.light, 0.0)
        cosine, sine = np.cos(motion.angle) / motion.scale, np.sin(motion.angle) / motion.scale
        one = np.ones_like(y)
        by_place = np.stack([
            [-x / self.radius, y / self.radius], [-cosine * one, -sine * one], [sine * one, -cosine * one],
            [-y / self.radius, -x / self.radius],
        ])[: len(parameters)]  # fmt: skip
        return Sample(
            value,
            lit * light,
            np.einsum("kdn,dn->kn", by_place, np.stack([value_y, value_x])),
            np.einsum("kdn,dn->kn", by_place, np.stack([light_y, light_x])) * lit,
        )

    def climb(self, parameters: Real) -> tuple[float, Real]:
        """Normalised mutual information at parameters, and its slope (k,)."""
        there, found = self._measured(parameters)
        return found.value, there.value_slopes @ found.by_value + there.weight_slopes @ found.by_weight

    def pulls(self, parameters: Real) -> Real:
        """What each sample adds to the slope, (k, n)."""
        there, found = self._measured(parameters)
        return there.value_slopes * found.by_value + there.weight_slopes * found.by_weight

    def _measured(self, parameters: Real) -> tuple[Sample, Measure]:
        there = self.sample(parameters)
        if there.weight.sum() < _NO_OVERLAP * self.light.sum():
            nothing = np.zeros_like(there.value)
            return there, Measure(1.0, nothing, nothing)
        return there, measure(self.placed, self.scale.place(there.value), there.weight, self.scale.bins)


def view(pair: Pair, level: int, bins: int) -> View:
    """A pair smoothed by `level` pixels and sampled as coarsely."""
    middle = pair.fixed.shape[0] // 2
    smooth = [ndimage.gaussian_filter(np.asarray(one, np.float64), level) for one in (pair.fixed, pair.moving)]
    scales = [
        Scale(float(one[light > 0.5].min()), float(one[light > 0.5].max()), bins)
        for one, light in zip(smooth, (pair.fixed_window, pair.moving_window), strict=True)
    ]
    axis = np.arange(middle % level, pair.fixed.shape[0], level)
    grid = np.ix_(axis, axis)
    there = pair.fixed_window[grid] > 0
    y, x = (one[there].astype(np.float64) for one in np.meshgrid(axis - middle, axis - middle, indexing="ij"))
    shown = smooth[0][grid][there]
    # As its own spline a window is blurred a little, but never negative.
    window = Spline(np.asarray(pair.moving_window, np.float64))
    light = pair.fixed_window[grid][there]
    moving = spline(smooth[1])
    return View(y, x, shown, scales[0].place(shown), light, moving, window, scales[1], middle, pair.radius)
