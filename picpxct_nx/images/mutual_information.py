"""Mutual information of two images, smooth in their values, with its slope: what a registration climbs.

Y = (H(A) + H(B)) / H(A, B), 1 for unrelated images and 2 for identical ones, from a joint histogram in which each pixel
is spread over four bins an axis by cubic B-splines. It asks of two images only that they say the same about each
other, not that they are alike: contrast may differ, or be inverted.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Real = npt.NDArray[np.float64]
Image = npt.NDArray[np.floating[Any]]
Indices = npt.NDArray[np.intp]
# First of four bins (n,), weights (4, n), and slopes (4, n) of the weights by the value.
Placed = tuple[Indices, Real, Real]

LEAST_SPAN = 1e-12  # of transmissions, phases and their slopes
_REACH = range(4)  # a cubic B-spline covers four bins, or pixels


def _weights(fraction: Real) -> tuple[Real, Real]:
    """Cubic B-spline at a fraction in 0..1 between the second and third of four knots, and its slope: (4, n) each."""
    t, u = fraction, 1 - fraction
    value = np.stack([u**3, 4 - 6 * t**2 + 3 * t**3, 4 - 6 * u**2 + 3 * u**3, t**3]) / 6
    slope = np.stack([-(u**2), -4 * t + 3 * t**2, 4 * u - 3 * u**2, t**2]) / 2
    return value, slope


@dataclass(frozen=True)
class Scale:
    """The `bins` of a histogram over values from `low` to `high`."""

    low: float
    high: float
    bins: int

    def place(self, values: Real) -> Placed:
        """Where values (n,) fall in the histogram; slopes are zero beyond its ends."""
        # An image of one value falls into one bin.
        per = (self.bins - 3 - 1e-9) / (self.high - self.low) if self.high - self.low > LEAST_SPAN else 0.0
        where = 1 + per * (np.clip(values, self.low, self.high) - self.low)
        first = where.astype(np.intp)
        weight, slope = _weights(where - first)
        inside = (values >= self.low) & (values <= self.high)
        return first - 1, weight, slope * (per * inside)


@dataclass(frozen=True)
class Measure:
    """Y of two sets of n values, and by how much each sample counts.

    `by_value` (n,) is dY/db, `by_weight` (n,) is dY/dw.
    """

    value: float
    by_value: Real
    by_weight: Real


def measure(a: Placed, b: Placed, weight: Real, bins: int) -> Measure:
    """Normalised mutual information of placed values a and b with weights (n,), and its slopes by b and the weights.

    References
    ----------
    Studholme, Hill & Hawkes, Pattern Recognition 32, 71 (1999), for Y; Thevenaz & Unser, IEEE Trans. Image Process. 9,
    2083 (2000), for the smooth histogram.
    """
    total = float(weight.sum())
    (first_a, weight_a, _), (first_b, weight_b, slope_b) = a, b
    corner = first_a * bins + first_b
    joint = np.zeros(bins * bins)
    for i in _REACH:
        for j in _REACH:
            share = weight * weight_a[i] * weight_b[j]
            joint += np.bincount(corner + (i * bins + j), weights=share, minlength=bins * bins)
    value, table = _value(joint.reshape(bins, bins) / total)
    flat = table.ravel()
    by_value, by_place = np.zeros_like(weight), np.zeros_like(weight)
    for i in _REACH:
        for j in _REACH:
            entry = flat[corner + (i * bins + j)] * weight_a[i]
            by_value += entry * slope_b[j]
            by_place += entry * weight_b[j]
    mean = float(joint @ flat) / total
    return Measure(value, by_value * weight / total, (by_place - mean) / total)


def _value(joint: Real) -> tuple[float, Real]:
    """Y of a joint histogram whose sum is one, and its slope by each entry."""
    parts = [joint.sum(axis=1, keepdims=True), joint.sum(axis=0, keepdims=True), joint]
    logs = [np.log(np.maximum(part, np.finfo(np.float64).tiny)) for part in parts]
    a, b, both = (-float(np.sum(part * log)) for part, log in zip(parts, logs, strict=True))
    if both <= 0:
        return 1.0, np.zeros_like(joint)
    slopes = [-(log + 1) for log in logs]
    return (a + b) / both, ((slopes[0] + slopes[1]) * both - (a + b) * slopes[2]) / both**2


@dataclass(frozen=True)
class Spline:
    """An image between its pixels: `coefficients` (h, w) of a cubic B-spline, the image mirrored at its edges."""

    coefficients: Real

    def at(self, y: Real, x: Real) -> tuple[Real, Real, Real]:
        """Values and slopes along y and x at n places that lie inside the image."""
        rows, columns = self.coefficients.shape
        first_y, first_x = np.floor(y).astype(np.intp), np.floor(x).astype(np.intp)
        (weight_y, slope_y), (weight_x, slope_x) = _weights(y - first_y), _weights(x - first_x)
        value, by_y, by_x = (np.zeros_like(y) for _ in range(3))
        for i in _REACH:
            row = _mirrored(first_y + (i - 1), rows) * columns
            along, along_slope = np.zeros_like(y), np.zeros_like(y)
            for j in _REACH:
                there = self.coefficients.ravel()[row + _mirrored(first_x + (j - 1), columns)]
                along += there * weight_x[j]
                along_slope += there * slope_x[j]
            value += weight_y[i] * along
            by_y += slope_y[i] * along
            by_x += weight_y[i] * along_slope
        return value, by_y, by_x


def spline(image: Image) -> Spline:
    """The cubic spline through the pixels of an image (h, w)."""
    return Spline(ndimage.spline_filter(np.asarray(image, np.float64), order=3, mode="mirror"))


def _mirrored(index: Indices, size: int) -> Indices:
    """Index of the pixel that stands for one beyond the edge; the edge pixel itself is not repeated."""
    index = np.abs(index)
    return np.where(index >= size, 2 * (size - 1) - index, index)
