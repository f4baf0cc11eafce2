"""Keys: which array of which file holds something, and which part of it is meant."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import EllipsisType
from typing import Any

import numpy as np

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.values import Array, ArraySource

# What a map can say the place of.
ROLES = ("data", "positions", "probe", "mask", "monitor")
# Two keys may be joined for the two columns of the positions: positions=/entry/y+/entry/x.
JOINED = "positions"
# A mask may also be a file alone: mask=mask.npy; and one of good pixels: mask=good:valid.h5::/entry/collection/mask.
ALONE, GOOD = "mask", "good:"
_ENDINGS = (".npy", ".npz", ".h5", ".hdf5", ".nxs", ".cxi", ".bz2", ".gz")

Index = tuple["int | slice | EllipsisType", ...]

_COMMA = re.compile(r",(?![^\[]*\])")
_PLUS = re.compile(r"\+(?![^\[]*\])")
_KEY = re.compile(r"(?:(?P<file>[^\[\]]+?)::)?(?P<name>[^\[\]:]*)(?:\[(?P<index>[^\[\]]*)\])?\Z")
_SLICE = r"(?P<start>-?\d*):(?P<stop>-?\d*)(?::(?P<step>\d*))?"
_ITEM = re.compile(rf"\s*(?:(?P<dots>\.\.\.)|(?P<number>-?\d+)|{_SLICE})\s*\Z")


@dataclass(frozen=True)
class Key:
    """One array: its name in the file (empty: the only one), the part of it, and the file where it is another one.

    `good` says of a mask that not zero means good, as PtychoShelves' valid masks have it; here and in NeXus it is bad.
    """

    name: str
    index: Index = ()
    file: str | None = None
    good: bool = False


@dataclass(frozen=True)
class Place:
    """Where a further value is: a key, and the unit of a number where the file does not name it itself."""

    key: Key
    unit: str | None = None


def parse_key(text: str) -> Key:
    """The key that a text such as `probe[0,0,:]`, `/entry/data` or `mask.npy::data` writes.

    Raises
    ------
    UsageError
        The text is not of that form.
    """
    match = _KEY.match(text.strip())
    if match is None or not (match["name"] or match["file"]):
        raise UsageError(f"'{text}' is not a key; write NAME, NAME[0] or FILE::NAME, for example probe[0,0,:]")
    items = match["index"].split(",") if match["index"] else []
    return Key(match["name"].strip(), tuple(_parse_item(item, text) for item in items), match["file"])


def _parse_item(item: str, text: str) -> int | slice | EllipsisType:
    match = _ITEM.match(item)
    if match is None:
        raise UsageError(f"'{text}': '{item}' is not an index; write numbers and slices, for example [0,:,2:10]")
    if match["dots"]:
        return ...
    if match["number"]:
        return int(match["number"])
    start, stop, step = (int(match[part]) if match[part] else None for part in ("start", "stop", "step"))
    if step == 0:
        raise UsageError(f"'{text}': a step of 0; write a positive step")
    return slice(start, stop, step)


def parse_map(text: str | None) -> dict[str, tuple[Key, ...]]:
    """The keys of every role that `data=KEY,positions=KEY,probe=KEY,mask=KEY,monitor=KEY` names.

    Raises
    ------
    UsageError
        A part is not ROLE=KEY, or a role is unknown or named twice.
    """
    keys: dict[str, tuple[Key, ...]] = {}
    for part in _COMMA.split(text) if text else []:
        role, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or role not in ROLES:
            raise UsageError(f"--map '{part}': wanted ROLE=KEY with ROLE one of {', '.join(ROLES)}")
        if role in keys:
            raise UsageError(f"--map names {role} twice; name it once")
        keys[role] = parse_role(role, value)
    return keys


def parse_role(role: str, value: str) -> tuple[Key, ...]:
    """The keys of one role.

    Raises
    ------
    UsageError
        The text is no key.
    """
    if role == JOINED:
        return tuple(parse_key(key) for key in _PLUS.split(value))
    good = role == ALONE and value.startswith(GOOD)
    value = value.removeprefix(GOOD).strip() if good else value
    if role == ALONE and "::" not in value and value.lower().endswith(_ENDINGS):
        value = f"{value}::"
    return (replace(parse_key(value), good=good),)


@dataclass(frozen=True)
class Part:
    """The part of an array that an index names; it stays where it is until it is sliced.

    `index` has a whole number or a forward slice with explicit ends for every axis of `source`.
    """

    source: ArraySource
    index: tuple[int | slice, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Length along the axes that are left."""
        return tuple(len(range(s.start, s.stop, s.step)) for s in self.index if isinstance(s, slice))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        return self.source.dtype

    def __getitem__(self, key: Any, /) -> Array:
        """Part of the part, in memory; whole numbers, forward slices and an ellipsis are understood."""
        wanted = iter(_complete(key if isinstance(key, tuple) else (key,), self.shape, "index"))
        index = tuple(_compose(item, next(wanted)) if isinstance(item, slice) else item for item in self.index)
        return np.asarray(self.source[index])


def _compose(outer: slice, inner: int | slice) -> int | slice:
    rows = range(outer.start, outer.stop, outer.step)[inner]
    return rows if isinstance(rows, int) else slice(rows.start, rows.stop, rows.step)


def _complete(index: Index, shape: tuple[int, ...], where: str) -> tuple[int | slice, ...]:
    """The index with one whole number or explicit slice for every axis."""
    if sum(item is ... for item in index) > 1 or sum(item is not ... for item in index) > len(shape):
        raise InputError(f"{where}: an index of {len(index)} items for an array of shape {shape}; leave some out")
    place = next((i for i, item in enumerate(index) if item is ...), len(index))
    before, after = index[:place], index[place + 1 :]
    filled = (*before, *[slice(None)] * (len(shape) - len(before) - len(after)), *after)
    complete: list[int | slice] = []
    for axis, (item, length) in enumerate(zip(filled, shape, strict=True)):
        if isinstance(item, slice):
            complete.append(slice(*item.indices(length)))
        elif isinstance(item, EllipsisType) or not -length <= item < length:
            raise InputError(f"{where}: index {item} along axis {axis}, of length {length}; choose a smaller one")
        else:
            complete.append(item % length)
    return tuple(complete)


def select(source: ArraySource, index: Index, where: str) -> Part:
    """The part of an array that an index names, unread.

    Raises
    ------
    InputError
        The index does not fit the shape; `where` names the array in the message.
    """
    return Part(source, _complete(index, tuple(source.shape), where))


def describe(keys: Mapping[str, tuple[Key, ...]]) -> str:
    """Which arrays were taken, for the history: names of files are left out."""
    return ",".join(f"{role}={'+'.join(_text(key) for key in found)}" for role, found in keys.items())


def _text(key: Key) -> str:
    index = ",".join(_item_text(item) for item in key.index)
    return (GOOD if key.good else "") + key.name + (f"[{index}]" if index else "")


def _item_text(item: int | slice | EllipsisType) -> str:
    if isinstance(item, slice):
        ends = [item.start, item.stop] + ([item.step] if item.step is not None else [])
        return ":".join("" if end is None else str(end) for end in ends)
    return "..." if isinstance(item, EllipsisType) else str(item)
