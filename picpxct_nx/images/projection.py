"""Projections: what a cube needs of a flattened reconstruction, so that no more of it is held."""

from dataclasses import dataclass, replace

import numpy as np

from picpxct_nx import stages
from picpxct_nx.errors import InputError
from picpxct_nx.images.known import light
from picpxct_nx.images.resample import Axis, coordinates
from picpxct_nx.provenance import Input
from picpxct_nx.records import Reconstruction, Record
from picpxct_nx.values import Array, ArraySource, Room, Value, in_memory

# Values that are no array, or hardly one.
_FEW = 16
# Uneven axes that are rounded, and pixels that are nearly square.
_EVEN, _SQUARE = 1e-3, 1e-2


@dataclass(frozen=True)
class Projection:
    """The known part of a flattened reconstruction.

    `transmission` (h, w) complex64, `known` (h, w) bool and `air` (h, w) bool or None, cut to the rectangle that is
    known; `axes` along y and x, m; `record` is the reconstruction without its arrays, `source` names it.
    """

    transmission: ArraySource
    known: ArraySource
    air: ArraySource | None
    axes: tuple[Axis, Axis]
    record: Reconstruction
    source: Input
    particle_set: str | None = None

    @property
    def pixel(self) -> float:
        """Size of the larger side of a pixel, m."""
        return max(axis.step for axis in self.axes)

    def release(self) -> None:
        """Let go of the image once it is used: all of them together are as large as the cube."""
        object.__setattr__(self, "transmission", np.empty((0, 0), np.complex64))

    @property
    def noise(self) -> float:
        """Standard deviation of real and imaginary part in air, NaN where nobody measured it."""
        return float(np.asarray(self.record.extra.get("flattening/noise", np.nan)))


def project(record: Record, least_coverage: float, room: Room = in_memory) -> Projection:
    """The projection that a flattened reconstruction is; its arrays lie where `room` says.

    Raises
    ------
    InputError
        It is not flattened, not finite where it is known, or its pixels are uneven or not square.
    """
    assert isinstance(record, Reconstruction)  # noqa: S101  # the command asked for these
    stages.require(record, "flattened", "stack")
    known = light(record, least_coverage) > 0
    rows, columns = (np.flatnonzero(known.any(axis=1 - axis)) for axis in (0, 1))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    axes = _axis(record, "y", box[0]), _axis(record, "x", box[1])
    if abs(axes[0].step / axes[1].step - 1) > _SQUARE:
        raise InputError(
            f"{record.entry}: its pixels are {axes[0].step * 1e9:.4g} x {axes[1].step * 1e9:.4g} nm; wanted square "
            "ones; import the frames again with a square --crop"
        )
    return Projection(
        transmission=_kept(np.where(known, record.transmission, 1.0)[box].astype(np.complex64), room),
        known=_kept(known[box], room),
        air=None if record.air is None else _kept(np.asarray(record.air, bool)[box] & known[box], room),
        axes=axes,
        record=lean(record),
        source=record.as_input(),
    )


def _kept(values: Array, room: Room) -> ArraySource:
    place = room(values.shape, values.dtype)
    place[...] = values
    return place


def _axis(record: Reconstruction, name: str, part: slice) -> Axis:
    values = np.asarray(record.y if name == "y" else record.x, np.float64)
    step = float(values[-1] - values[0]) / (len(values) - 1)
    if not step > 0 or np.abs(np.diff(values) / step - 1).max() > _EVEN:
        raise InputError(f"{record.entry}/object/{name}: is not evenly ascending; reconstruct the scan again")
    whole = Axis(float(values[0]), step, len(values))
    return Axis(float(coordinates(whole)[part.start]), step, part.stop - part.start)


def lean(record: Reconstruction) -> Reconstruction:
    """The record without its arrays: enough to say what came of it."""
    none: Array = np.empty(0)
    return replace(
        record, transmission=none, y=none, x=none, phase=none, probe=none, probe_y=none, probe_x=none, coverage=None,
        air=None, position_y=None, position_x=None, position_frame=None, error=None, iteration=None, engine=None,
        transmission_sigma=None, phase_sigma=None, intensity=None, background=None, variation=None,
        variation_weights=None, extra={path: value for path, value in record.extra.items() if _is_small(value)},
    )  # fmt: skip


def _is_small(value: Value) -> bool:
    return isinstance(value, str | bool | int | float) or (isinstance(value, np.ndarray) and value.size <= _FEW)
