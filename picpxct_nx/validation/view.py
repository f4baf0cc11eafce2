"""What the rules on values see of one entry: its sound fields by path, in the units of the definition."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from picpxct_nx import nxdl, units
from picpxct_nx.errors import UnitError
from picpxct_nx.nxdl import Node
from picpxct_nx.validation.tree import DAMAGE, MAX_READ, Item, UnreadableError, content, damage, kind_of

Array = npt.NDArray[Any]
# Small enough to be judged while it is in the cache.
BLOCK_BYTES = 4 * 2**20
# What a rule finds: path below the entry, and one line.
Found = Iterator[tuple[str, str]]


@dataclass(frozen=True)
class View:
    """One entry. `fields` holds, by path below the entry, the fields of right type and shape with their nodes.

    `facts` keeps what a pass over large data found, so that no rule reads them a second time.
    """

    entry: Item
    definition: str
    fields: Mapping[str, tuple[Item, Node]]
    facts: dict[str, Any] = field(default_factory=dict)

    def where(self, path: str) -> str:
        """Path in the file of a path below the entry."""
        return f"{self.entry.path}/{path}" if path else self.entry.path

    def has(self, *paths: str) -> bool:
        """Whether all these fields are there."""
        return all(path in self.fields for path in paths)

    def text(self, path: str) -> str | None:
        """Text of a field, or None where it is not there or cannot be read."""
        item, _ = self.fields.get(path, (None, None))
        if item is None or item.shape or item.dtype is None or kind_of(item.dtype) != "S":
            return None
        return str(_content(item))

    def array(self, path: str) -> Array | None:
        """Values of a small field of numbers, real ones as float64 in the unit of the definition, or None."""
        item, node = self.fields.get(path, (None, None))
        if item is None or node is None or item.dtype is None or item.size > MAX_READ or kind_of(item.dtype) == "S":
            return None
        value = _content(item)
        if value is None:
            return None
        numbers = np.asarray(value)
        # Float64 before the factor: a length in nm is otherwise rounded twice.
        return numbers.astype(np.float64) * self._scale(item, node) if numbers.dtype.kind == "f" else numbers

    def number(self, path: str) -> float | None:
        """One real or whole number in the unit of the definition; None where it is not there or not finite."""
        found = self.array(path)
        if found is None or found.shape or not np.isfinite(found):
            return None
        return float(found)

    @staticmethod
    def _scale(item: Item, node: Node) -> float:
        unit, target = item.attributes.get("units"), nxdl.unit_text(node)
        try:
            return float(units.factor(unit, target)) if isinstance(unit, str) and unit and target else 1.0
        except UnitError:
            return 1.0

    def shape(self, path: str) -> tuple[int, ...]:
        """Shape of a field, empty where it is not there."""
        return self.fields[path][0].shape if path in self.fields else ()

    def parts(self, path: str, *index: int) -> Iterator[slice]:
        """Slices of about `BLOCK_BYTES` along the axis after an index; chunks stay whole."""
        item, _ = self.fields[path]
        if item.dtype is None or 0 in item.shape:
            return
        axis = len(index)
        row = max(1, int(np.prod(item.shape[axis + 1 :], dtype=np.int64)) * item.dtype.itemsize)
        chunk = (h5py.Dataset(item.data).chunks or (1,) * len(item.shape))[axis]
        step = max(1, BLOCK_BYTES // row // chunk) * chunk
        for start in range(0, item.shape[axis], step):
            yield slice(start, min(start + step, item.shape[axis]))

    def read(self, path: str, *key: int | slice) -> Array:
        """Part of a large field as it is stored.

        Raises
        ------
        UnreadableError
            The bytes are damaged.
        """
        try:
            return np.asarray(h5py.Dataset(self.fields[path][0].data)[key])
        except DAMAGE as error:
            raise UnreadableError("DAMAGED", damage(error)) from None

    def borrow(self, path: str, *key: int | slice) -> Array:
        """As `read`, into room that the next `borrow` of the field overwrites: new memory costs as much as reading.

        Slices have both ends, within the field, and no step.
        """
        item, _ = self.fields[path]
        lengths = [part.stop - part.start for part in key if isinstance(part, slice)]
        shape = (*lengths, *item.shape[len(key) :])
        size, room = math.prod(shape), self.facts.get(f"room {path}")
        if room is None or room.size < size:
            room = self.facts[f"room {path}"] = np.empty(size, item.dtype)
        found = np.asarray(room[:size].reshape(shape))
        try:
            h5py.Dataset(item.data).read_direct(found, np.s_[key])
        except DAMAGE as error:
            raise UnreadableError("DAMAGED", damage(error)) from None
        return found


def _content(item: Item) -> Any:
    """Value of a field, or None where it is damaged, which is reported with the structure."""
    try:
        return content(item)
    except UnreadableError:
        return None
