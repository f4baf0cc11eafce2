"""The table of grains: sizes, shapes, and mean directions of the axis."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.measure import regionprops

from picpxct_nx.grains.calibration import region_means
from picpxct_nx.grains.orientation import Direction, Light, find

Floats = NDArray[np.float64]
Labels = NDArray[np.int32]


@dataclass(frozen=True)
class Table:
    """One row a grain, each array (n,); lengths in m, areas in m^2, angles in rad from x towards y."""

    grain_id: Labels
    area: Floats
    pixels: NDArray[np.int64]
    equivalent_diameter: Floats
    centroid_y: Floats
    centroid_x: Floats
    major_axis: Floats
    minor_axis: Floats
    axis_angle: Floats
    mean_orientation: Floats
    mean_orientation_errors: Floats
    orientation_spread: Floats
    mean_thickness: Floats | None
    touches_border: NDArray[np.bool_]


def apart(a: Floats, b: Floats) -> Floats:
    """Angle between two directions without sign, 0 to pi/2, rad."""
    return np.abs((a - b + np.pi / 2) % np.pi - np.pi / 2)


def mean_direction(
    signal: Floats, errors: Floats, labels: Labels, beam: Light, background: tuple[float, float]
) -> Direction:
    """Direction of every grain, arrays (n,), from its mean signals.

    The parts of the signal that turn with the polarisation, b'/2 (cos, sin)(2 theta), are linear in it: the direction
    of their mean over a grain is the axial mean of its pixels by doubled angles, each counted by its dichroism over
    its variance. It is not biased by the fold that two polarisations put on every pixel.

    Parameters
    ----------
    signal, errors : (P, H, W)
    labels : (H, W)
    beam : Light
    background : pair of float
        a and its standard deviation, which shifts all grains together and which two directions need.
    """
    mean, sigma = region_means(signal, errors, labels)
    found = find(mean, sigma, beam, background=background[0])
    shifted = [find(mean, sigma, beam, background=background[0] + s * background[1]).angle for s in (1, -1)]
    common = (apart(shifted[0], found.angle) ** 2 + apart(shifted[1], found.angle) ** 2) / 2
    total = np.sqrt(found.angle_errors**2 + common)
    return Direction(found.angle, total, found.strength, found.strength_errors)


def table(labels: Labels, y: Floats, x: Floats, direction: Floats, mean: Direction, thickness: Floats | None) -> Table:
    """The table of the grains of a label image.

    Parameters
    ----------
    labels : (H, W)
        1 to n, without gaps.
    y, x : (H,), (W,)
        Coordinates of the pixels, m, evenly spaced.
    direction : (H, W)
        Direction of the axis of every pixel, rad, from which the spread is taken.
    mean : Direction
        Of the grains, (n,).
    thickness : (H, W), optional
    """
    spacing = ((y[-1] - y[0]) / (len(y) - 1), (x[-1] - x[0]) / (len(x) - 1))
    pixel = float(np.abs(spacing[0] * spacing[1]))
    props = regionprops(labels, spacing=(abs(spacing[0]), abs(spacing[1])))  # type: ignore[no-untyped-call]
    number = np.array([p.label for p in props], np.int32)
    pixels = np.array([len(p.coords) for p in props], np.int64)
    area = np.asarray(pixels * pixel, np.float64)
    rows = np.array([np.mean(p.coords, axis=0) for p in props]).reshape(-1, 2)
    height, width = labels.shape
    border = [p.bbox[0] == 0 or p.bbox[1] == 0 or p.bbox[2] == height or p.bbox[3] == width for p in props]
    spread = [float(np.nanmean(apart(direction[tuple(p.coords.T)], mean.angle[i]))) for i, p in enumerate(props)]
    thick = None if thickness is None else np.array([float(np.mean(thickness[tuple(p.coords.T)])) for p in props])
    # regionprops counts its angle from the row axis towards columns; ours runs from x towards y.
    angle = (np.pi / 2 - np.array([p.orientation for p in props])) % np.pi
    angle = np.where(spacing[0] * spacing[1] < 0, (np.pi - angle) % np.pi, angle)
    return Table(
        number, area, pixels, 2 * np.sqrt(area / np.pi), y[0] + rows[:, 0] * spacing[0],
        x[0] + rows[:, 1] * spacing[1], np.array([p.axis_major_length for p in props]),
        np.array([p.axis_minor_length for p in props]), angle, mean.angle, mean.angle_errors, np.array(spread), thick,
        np.array(border, bool),
    )  # fmt: skip
