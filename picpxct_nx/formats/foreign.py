"""A foreign scan: what a file of another program holds, still in its units and axes, and what was understood."""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from picpxct_nx import units
from picpxct_nx.errors import InputError, UnitError, UsageError
from picpxct_nx.formats.understood import Understood
from picpxct_nx.values import Array, ArraySource

# Positions in pixels are in object pixels, lambda z / (N p) with the N pixels of the frames as given.
PIXEL = "pixel"

_DIRECTION = re.compile(r"[+-][xy]\Z")

# Directions in the laboratory along which the first and the second index of an image grow.
Directions = tuple[str, str]
OURS: Directions = ("+y", "+x")


@dataclass(frozen=True)
class PositionAxes:
    """What the two columns of the positions are.

    `what` says whose position: `probe`, where the beam meets the sample, or `stage`, the translation that carries the
    sample. `columns` are laboratory directions; `unit` is a length unit of ours or `pixel`.
    """

    what: Literal["probe", "stage"]
    columns: Directions
    unit: str


@dataclass(frozen=True)
class Axes:
    """What the user said of the axes: of positions and of frames, and sentences about units that were translated."""

    positions: PositionAxes | None = None
    frames: Directions | None = None
    notes: tuple[str, ...] = ()


def parse_axes(text: str | None) -> Axes:
    """The axes that `probe:+y,+x:pixel`, `stage:+x,+y:mm` or `stage:+x,+y:m;frames:-y,-x` describe.

    Raises
    ------
    UsageError
        The text is not of that form, both columns run along the same axis, or the unit is no length.
    """
    result = Axes()
    for part in text.split(";") if text else []:
        what, *rest = (piece.strip() for piece in part.split(":"))
        if what == "frames" and len(rest) == 1 and result.frames is None:
            result = Axes(result.positions, _directions(rest[0], part), result.notes)
        elif what in ("probe", "stage") and len(rest) == 2 and result.positions is None:
            unit, note = _length_unit(rest[1], part)
            positions = PositionAxes("probe" if what == "probe" else "stage", _directions(rest[0], part), unit)
            result = Axes(positions, result.frames, (*result.notes, *([note] if note else [])))
        else:
            raise UsageError(
                f"--axes '{part}': wanted WHAT:A,B:UNIT with WHAT probe or stage, for example probe:+y,+x:pixel or "
                "stage:+x,+y:mm, and where the frames are turned ;frames:-y,-x"
            )
    return result


def _directions(text: str, part: str) -> Directions:
    found = [piece.strip() for piece in text.split(",")]
    if len(found) != 2 or not all(_DIRECTION.match(piece) for piece in found) or found[0][1] == found[1][1]:
        raise UsageError(f"--axes '{part}': '{text}' is no pair of directions; write one of +x -x and one of +y -y")
    return found[0], found[1]


def _length_unit(text: str, part: str) -> tuple[str, str | None]:
    try:
        unit, note = units.translate(text)
        if unit != PIXEL:
            units.factor(unit, "m")
    except UnitError as error:
        raise UsageError(f"--axes '{part}': {error}; wanted a length such as um, or pixel") from None
    return unit, f"--axes: {note}" if note else None


@dataclass(frozen=True, kw_only=True, eq=False)
class ForeignScan(Understood):
    """What one foreign file holds; checked once, here.

    Parameters
    ----------
    frames : (n, h, w) real
        Counts; slices along all three axes are read.
    frame_axes : pair of directions
        Laboratory directions in which the rows' and the columns' index grow, of frames, mask and probe.
    positions : (n, 2) float64
        In the unit and along the axes of `axes`.
    probe : (modes, h, w) complex, optional
        Centred at [h // 2, w // 2].
    mask : (h, w) int32, optional
        Bits of NXdetector/pixel_mask, 0 good; laid out as the frames are.
    monitor : (n,) real, optional
        Intensity of the incident beam.
    beam_px : pair of float, optional
        Row and column of the direct beam in the frames as given.
    corner : bool
        Whether the zero frequency is at [0, 0], as a Fourier transform leaves it.

    Raises
    ------
    InputError
        Shapes contradict each other, or a position is not finite.
    """

    frames: ArraySource
    frame_axes: Directions = OURS
    positions: Array
    axes: PositionAxes
    probe: Array | None = None
    mask: Array | None = None
    monitor: Array | None = None
    beam_px: tuple[float, float] | None = None
    corner: bool = False

    def __post_init__(self) -> None:
        part = "choose a part with an index, for example --map"
        self.want_rank("frames", self.frames, 3, f"(frames, rows, columns); {part} data=data[0]")
        if np.dtype(self.frames.dtype).kind not in "iuf":
            raise InputError(
                f"{self.name}: the frames are of type {self.frames.dtype}; wanted counts, real or whole numbers"
            )
        _check_positions(self)
        n, *shape = self.frames.shape
        if self.mask is not None:
            self.want_shape("mask", self.mask, tuple(shape), "that of a frame")
        if self.monitor is not None:
            self.want_shape("monitor", self.monitor, (n,), "one a frame")
        if self.probe is not None:
            self.want_rank("probe", self.probe, 3, f"(modes, rows, columns); {part} probe=probe[0]")
            self.want_finite("probe", self.probe, "leave it out or give another one")


def _check_positions(scan: ForeignScan) -> None:
    n, given = scan.frames.shape[0], scan.positions.shape
    columns = "--map positions=scan[:,0:2], or join two arrays with positions=Y+X"
    scan.want_rank("positions", scan.positions, 2, f"(frames, 2); choose two columns with an index, {columns}")
    if given[0] != n:
        raise InputError(
            f"{scan.name}: {n} frames but {given[0]} positions; choose those that belong together, for example "
            f"--map positions=KEY[0:{min(n, given[0])}]"
        )
    scan.want_shape("positions", scan.positions, (n, 2), f"two columns a frame, for example {columns}")
    scan.want_finite("positions", scan.positions, "leave such frames and positions out with an index in --map")


def stage_positions(positions: Array, axes: PositionAxes, pixel: tuple[float, float] | None) -> tuple[Array, Array]:
    """Stage translation along y and x in m; a beam that meets the sample at +r means a stage at -r.

    Parameters
    ----------
    positions : (n, 2)
        In the unit and along the axes of `axes`.
    axes : PositionAxes
        What the columns are.
    pixel : (float, float) or None
        Object pixel along y and x, m; needed where the unit is `pixel`.

    Returns
    -------
    y, x : (n,) float64, m
    """
    found: dict[str, Array] = {}
    for column, direction in zip(np.asarray(positions, np.float64).T, axes.columns, strict=True):
        if axes.unit != PIXEL:
            scale = units.factor(axes.unit, "m")
        elif pixel is None:
            raise ValueError("positions in pixels need the object pixel")
        else:
            scale = pixel["yx".index(direction[1])]
        sign = (1.0 if direction[0] == "+" else -1.0) * (1.0 if axes.what == "stage" else -1.0)
        # Adding zero makes the zero of a negated position a positive one.
        found[direction[1]] = sign * scale * column + 0.0
    return found["y"], found["x"]
