"""Geometry: from a scan in metres to a problem in pixels and back, the single crossing between the two.

The detector is far: an object pixel is lambda z / (N p) wide, for N detector pixels of size p at distance z. The
stage carries the sample, so the beam meets the sample at r = -s for a stage at s. Images are [y, x] with indices
along +y and +x, and the forward transform has the kernel exp(-2 pi i q r), which belongs to exp(+ikz).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.illumination import monitor, object_pixel, pupil, start_probe
from picpxct_nx.provenance import Step
from picpxct_nx.ptycho import Problem, Result
from picpxct_nx.records import Reconstruction, Record, Scan
from picpxct_nx.scan_checks import check_centre, check_numbers, check_overlap, good_pixels
from picpxct_nx.values import Array, ArraySource, Values

# Free pixels around the outermost windows.
MARGIN_PX = 2
# What a reconstruction keeps of its scan.
_KEPT = ("experiment_identifier", "collection_identifier", "targets/")


@dataclass(frozen=True)
class Grid:
    """Where an object's pixels lie: coordinate of pixel (0, 0) and pixel size in m, (y, x); and the frames used."""

    origin: tuple[float, float]
    pixel: tuple[float, float]
    frame: Array

    def axis(self, axis: int, length: int) -> Array:
        """Coordinates of `length` pixels along y (0) or x (1), m."""
        return self.origin[axis] + self.pixel[axis] * np.arange(length)


@dataclass(frozen=True)
class _Selected:
    """Every k-th frame of a stack that stays in its file; each is checked as it is read."""

    source: ArraySource
    rows: range
    good: NDArray[np.bool_]
    name: str

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.rows), *self.source.shape[1:])

    def __getitem__(self, key: slice, /) -> Any:
        rows = self.rows[key]
        frames = np.asarray(self.source[rows.start : rows.stop : rows.step])
        if frames.dtype.kind != "u":
            wrong = ~(np.isfinite(frames) & (frames >= 0)) & self.good
            if wrong.any():
                index, y, x = np.argwhere(wrong)[0]
                raise InputError(
                    f"{self.name}: frame {rows[int(index)]} holds {frames[index, y, x]} at pixel ({y}, {x}); wanted "
                    "counts of zero or more; mark the pixel in pixel_mask, or leave the frame out with --frames"
                )
        return frames


def frame_range(text: str, count: int) -> range:
    """Frames that a slice such as `0::2` or `:100` names.

    Raises
    ------
    UsageError
        The text is not a slice, or it names no frame.
    """
    parts = text.split(":")
    try:
        numbers = [int(part) if part.strip() else None for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (2, 3) or (len(numbers) == 3 and numbers[2] is not None and numbers[2] < 1):
        raise UsageError(f"--frames '{text}' is not a range; write START:STOP:STEP, for example 0::2")
    rows = range(count)[slice(*numbers)]
    if not rows:
        raise UsageError(f"--frames '{text}' names none of the {count} frames")
    return rows


def make_problem(
    scan: Scan,
    *,
    frames: str = "::",
    probe: Array | None = None,
    use_monitor: bool = False,
    pixel: tuple[float, float] | None = None,
) -> tuple[Problem, Grid]:
    """The problem in pixels that a scan poses, and where its pixels lie.

    All positions of the scan fix the grid, so that half data sets are reconstructed on the same one.

    Parameters
    ----------
    scan : Scan
        Raw scan.
    frames : str
        Range of the frames to use.
    probe : (modes, h, w) complex, optional
        Start probe; without one, that of `start_probe`.
    use_monitor : bool
        Take the intensity of the frames from the scan's monitor, where it has one.
    pixel : (float, float), optional
        Object pixel of a grid that several scans share, m; else the scan's own.

    Raises
    ------
    InputError
        A number that geometry needs is not positive or not finite, the beam is not in the middle of the frames, the
        positions do not overlap, or there is no start probe.
    """
    check_numbers(scan)
    check_centre(scan)
    good = good_pixels(scan)
    _, h, w = scan.frames.shape
    check_overlap(scan)
    pixel = object_pixel(scan) if pixel is None else pixel
    position = -np.stack([scan.stage_y, scan.stage_x], axis=1).astype(np.float64)
    least = position.min(0)
    corner = (position - least) / pixel + MARGIN_PX
    shape = np.ceil(corner.max(0)).astype(int) + np.array([h, w]) + MARGIN_PX
    rows = frame_range(frames, len(position))
    problem = Problem(
        frames=_Selected(scan.frames, rows, good, f"{scan.entry}/instrument/detector/data"),
        good=good,
        positions_px=corner[rows.start : rows.stop : rows.step],
        object_shape=(int(shape[0]), int(shape[1])),
        probe=(start_probe(scan) if probe is None else probe).astype(np.complex64),
        intensity=monitor(scan, rows) if use_monitor else None,
        pupil=pupil(scan),
    )
    origin = (
        float(least[0] - (MARGIN_PX + h // 2) * pixel[0]),
        float(least[1] - (MARGIN_PX + w // 2) * pixel[1]),
    )
    return problem, Grid(origin, pixel, np.arange(len(position))[rows.start : rows.stop : rows.step])


Part = tuple[Problem, Grid]


def on_one_grid(parts: Sequence[Part], shifts_px: Sequence[tuple[float, float]]) -> list[Part]:
    """Problems of several scans with their positions on the grid of one object.

    Parameters
    ----------
    parts : sequence of Part
        Each on the grid of its own scan, all with one size of pixels and without start objects.
    shifts_px : sequence of (float, float)
        How far the object had moved in each scan since the first: a window at c saw what lay there at c less that.

    Returns
    -------
    list of Part
        Coordinates are those of the first scan, whose positions keep their fractions of a pixel.
    """
    first = parts[0][1]
    places = [
        problem.positions_px + np.subtract(grid.origin, first.origin) / first.pixel - shift
        for (problem, grid), shift in zip(parts, shifts_px, strict=True)
    ]
    every = np.concatenate(places)
    free = np.ceil(np.maximum(MARGIN_PX - every.min(0) - 1e-6, 0))
    shape = np.ceil(every.max(0) + free).astype(int) + parts[0][0].frames.shape[1:] + MARGIN_PX
    y, x = first.origin - free * first.pixel
    return [
        (
            replace(problem, positions_px=place + free, object_shape=(int(shape[0]), int(shape[1]))),
            Grid((float(y), float(x)), first.pixel, grid.frame),
        )
        for (problem, grid), place in zip(parts, places, strict=True)
    ]


def make_reconstruction(
    scan: Scan,
    result: Result,
    grid: Grid,
    step: Step,
    others: tuple[Record, ...] = (),
    more: Values | None = None,
) -> Reconstruction:
    """The record of what a solver made of a scan.

    `others` are records that the step read as well, `more` are further values of the record by their paths.
    """
    h, w = result.probe.shape[1:]
    rows, columns = result.object.shape
    centre = result.positions_px + np.array([h // 2, w // 2])
    product = Reconstruction(
        entry=scan.entry,
        title=scan.title,
        stage="reconstructed",
        energy_ev=scan.energy_ev,
        stokes=scan.stokes,
        sample=scan.sample,
        formula=scan.formula,
        rotation=scan.rotation,
        transmission=result.object,
        y=grid.axis(0, rows),
        x=grid.axis(1, columns),
        coverage=result.illumination,
        phase=np.angle(result.object).astype(np.float32),
        probe=result.probe,
        probe_y=grid.pixel[0] * (np.arange(h) - h // 2),
        probe_x=grid.pixel[1] * (np.arange(w) - w // 2),
        position_y=grid.origin[0] + grid.pixel[0] * centre[:, 0],
        position_x=grid.origin[1] + grid.pixel[1] * centre[:, 1],
        position_frame=grid.frame,
        intensity=result.intensity,
        background=result.background,
        variation=result.variation,
        variation_weights=result.weights,
        error=result.error.astype(np.float64),
        iteration=np.arange(1, len(result.error) + 1),
        engine=np.array(result.engines, dtype=object),
        extra={path: value for path, value in scan.extra.items() if path.startswith(_KEPT)},
    )
    product = Reconstruction.from_values(scan.entry, product.to_values() | dict(more or {}))
    return product.assuming(scan.assumed).made_by(step, (scan, *others))
