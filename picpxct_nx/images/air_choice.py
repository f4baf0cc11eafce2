"""Which pixels are air because somebody says so: boxes in the laboratory, or masks that were drawn elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from picpxct_nx import units
from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.provenance import Input
from picpxct_nx.records import Record
from picpxct_nx.values import Array

Mask = npt.NDArray[np.bool_]
Range = tuple[float, float]

_EXAMPLE = "y=-3um:-2um,x=-3um:3um"


@dataclass(frozen=True)
class Box:
    """A rectangle in the laboratory, m; what is not limited is infinite."""

    y: Range = (-np.inf, np.inf)
    x: Range = (-np.inf, np.inf)


@dataclass(frozen=True)
class AirChoice:
    """Where air is: found ("auto"), in boxes ("box"), or as masks by the name of their entry ("file").

    `text` is what the user wrote, without names of files; `masks` holds arrays (H, W) or (polarisations, H, W) bool,
    `inputs` what each was read from, and `parents` the records, where they are ours.
    """

    kind: str = "auto"
    text: str = "auto"
    boxes: tuple[Box, ...] = ()
    masks: Mapping[str, Array] = field(default_factory=dict)
    inputs: Mapping[str, Input] = field(default_factory=dict)
    parents: Mapping[str, Record] = field(default_factory=dict)

    def used(self, entry: str) -> tuple[list[Input], tuple[Record, ...]]:
        """What was read to know the air of an entry, and the record that it was, where it is ours."""
        name = self._name(entry) or ""
        inputs = [self.inputs[name]] if name in self.inputs else []
        return inputs, ((self.parents[name],) if name in self.parents else ())

    def mask(self, entry: str, y: Array, x: Array) -> Array | None:
        """The mask (H, W) or (polarisations, H, W) bool that was chosen for an entry; None where it is to be found.

        Raises
        ------
        InputError
            No pixel lies in the boxes, or there is no mask for the entry, or it has another shape.
        """
        if self.kind == "auto":
            return None
        shape = (len(y), len(x))
        if self.kind == "box":
            mask = in_boxes(self.boxes, y, x)
            if not mask.any():
                raise InputError(
                    f"{entry}: no pixel lies in --air '{self.text}'; the image reaches from y={_um(y[0])} to "
                    f"{_um(y[-1])}um, x={_um(x[0])} to {_um(x[-1])}um; choose a box in it"
                )
            return mask
        name = self._name(entry)
        if name is None:
            held = ", ".join(sorted(self.masks)[:4])
            raise InputError(f"{entry}: --air has no mask of that name, only {held}; give a file with one for it")
        chosen = np.asarray(self.masks[name])
        if chosen.shape[-2:] != shape:
            raise InputError(
                f"{entry}: the mask of --air is {chosen.shape[-2]} x {chosen.shape[-1]} px, the image {shape[0]} x "
                f"{shape[1]} px; make the mask on this image (its pixels shrink with energy), or give a box"
            )
        return chosen

    def _name(self, entry: str) -> str | None:
        if entry in self.masks:
            return entry
        return next(iter(self.masks)) if len(self.masks) == 1 else None


def _um(metres: float) -> str:
    return f"{metres * 1e6:.2f}"


def in_boxes(boxes: tuple[Box, ...], y: Array, x: Array) -> Mask:
    """Pixels (H, W) whose centres lie in one of the boxes, for axes y (H,), x (W,) in m."""
    mask = np.zeros((len(y), len(x)), bool)
    for box in boxes:
        rows = (np.asarray(y) >= box.y[0]) & (np.asarray(y) <= box.y[1])
        columns = (np.asarray(x) >= box.x[0]) & (np.asarray(x) <= box.x[1])
        mask |= rows[:, None] & columns
    return mask


def parse_boxes(text: str) -> tuple[Box, ...]:
    """Boxes that a text such as "y=-3um:-2um,x=-3um:3um; y=2um:" names.

    A range is FROM:TO with units, either end may be missing; an axis that is not named is not limited; boxes are
    separated by semicolons and count together.

    Raises
    ------
    UsageError
        An axis is not y or x or stands twice, a range is not one, or a number has no unit of length.
    """
    boxes = tuple(_box(part, text) for part in text.split(";") if part.strip())
    if not boxes:
        raise UsageError(f"--air '{text}' names no box; write for example '{_EXAMPLE}'")
    return boxes


def _box(part: str, text: str) -> Box:
    ranges: dict[str, Range] = {}
    for piece in part.split(","):
        axis, equals, limits = piece.partition("=")
        axis = axis.strip()
        if not equals or axis not in ("y", "x") or axis in ranges:
            raise UsageError(f"--air '{text}': cannot read '{piece.strip()}'; write for example '{_EXAMPLE}'")
        low, colon, high = limits.partition(":")
        if not colon or not (low.strip() or high.strip()):
            raise UsageError(f"--air '{text}': '{limits.strip()}' is no range; write FROM:TO, for example -3um:-2um")
        ends = (
            units.quantity(low, "m") if low.strip() else -np.inf,
            units.quantity(high, "m") if high.strip() else np.inf,
        )
        if not ends[0] < ends[1]:
            raise UsageError(f"--air '{text}': {axis} ends before it begins; write the lower end first")
        ranges[axis] = ends
    return Box(**ranges)
