"""One field or attribute against its node: type, rank, lengths, symbols, unit, enumeration."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import h5py
import numpy as np

from picpxct_nx import units
from picpxct_nx.errors import UnitError
from picpxct_nx.nxdl import Node
from picpxct_nx.validation.violation import Violation

# Where a symbol was met first: its length and the path.
Symbols = dict[str, tuple[int, str]]

_KINDS: dict[str, tuple[str, str]] = {
    "NX_FLOAT": ("f", "real numbers"),
    "NX_INT": ("iu", "whole numbers"),
    "NX_UINT": ("u", "unsigned whole numbers"),
    "NX_POSINT": ("iu", "positive whole numbers"),
    "NX_NUMBER": ("iuf", "numbers"),
    "NX_COMPLEX": ("c", "complex numbers"),
    "NX_CHAR": ("S", "text"),
    "NX_DATE_TIME": ("S", "a time as text"),
    "NX_CHAR_OR_NUMBER": ("Siuf", "text or numbers"),
    "NX_BOOLEAN": ("b", "true or false"),
    "NX_BINARY": ("uiS", "bytes"),
}
_FOUND = {"f": "real", "i": "whole", "u": "unsigned", "c": "complex", "S": "text", "b": "boolean", "V": "compound"}
# ISO 8601 with date, T, time and zone; datetime.fromisoformat then refuses dates that do not exist.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)\Z")


def check_field(data: h5py.Dataset, node: Node, path: str, symbols: Symbols) -> Iterator[Violation]:
    """Faults of one field. `symbols` is shared by the entry and filled on the way."""
    yield from _check_type(kind_of(data.dtype), node, path)
    yield from _check_shape(data.shape, node, path, symbols)
    yield from check_unit(_unit_text(data), node.units, path)
    yield from _check_enumeration(lambda: data[()], node, path, data.size)
    if node.type == "NX_DATE_TIME" and kind_of(data.dtype) == "S":
        yield from _check_times(data[()], path)
    if node.type == "NX_POSINT" and kind_of(data.dtype) in "iu" and data.size and np.min(data[()]) < 1:
        yield Violation(path, "TYPE", "holds a number below 1; wanted positive whole numbers")


def check_attribute(value: Any, node: Node, path: str) -> Iterator[Violation]:
    """Faults of one attribute."""
    kind = "S" if isinstance(value, str | bytes) else kind_of(np.asarray(value).dtype)
    faults = [*_check_type(kind, node, path)]
    yield from faults
    if not faults:
        yield from _check_enumeration(lambda: value, node, path, np.size(value))


def kind_of(dtype: np.dtype[Any]) -> str:
    """One letter for the kind of a type: f, i, u, c, S (any text), b (boolean) or V."""
    return "S" if dtype.kind in "OSUT" else dtype.kind


def plain(value: Any) -> Any:
    """A value as Python text, number or nested tuple, to compare with an enumeration."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray | list | tuple):
        return tuple(plain(item) for item in value) if np.ndim(value) else plain(np.asarray(value).item())
    return value.item() if isinstance(value, np.generic) else value


def _unit_text(data: h5py.Dataset) -> str | None:
    value = data.attrs.get("units")
    if value is None:
        return None
    text = plain(value)
    return text if isinstance(text, str) else repr(text)


def _check_type(kind: str, node: Node, path: str) -> Iterator[Violation]:
    wanted = _KINDS.get(node.type)
    if wanted is None or kind in wanted[0]:
        return
    yield Violation(path, "TYPE", f"found {_FOUND.get(kind, kind)}; {node.type} wants {wanted[1]}")


def _check_shape(shape: tuple[int, ...], node: Node, path: str, symbols: Symbols) -> Iterator[Violation]:
    # Our definitions state the shape of every array; what has none is one value.
    wanted = node.dims or ()
    if len(shape) != len(wanted):
        names = "(" + ", ".join(str(d or "any") for d in wanted) + ")"
        yield Violation(path, "RANK", f"has shape {shape}; wanted {len(wanted)} dimensions {names}")
        return
    for axis, (length, name) in enumerate(zip(shape, wanted, strict=True)):
        if isinstance(name, int):
            if length != name:
                yield Violation(path, "LENGTH", f"has length {length} along axis {axis}; wanted {name}")
        elif name is not None:
            first, where = symbols.setdefault(name, (length, path))
            if first != length:
                yield Violation(
                    path, "SYMBOL", f"{name} is {length} along axis {axis}, but {first} at {where}; make them agree"
                )


def check_unit(text: str | None, wanted: str | None, path: str) -> Iterator[Violation]:
    """Faults of a unit: three codes, for one that is missing, unknown, or of the wrong dimension."""
    if wanted is None:
        if text:
            yield Violation(path, "UNIT_UNEXPECTED", f"has units '{text}'; the definition gives it none")
        return
    target = units.canonical(wanted)
    if text is None:
        if target:
            yield Violation(path, "UNIT_MISSING", f"has no units attribute; {wanted} wants one such as '{target}'")
        return
    try:
        units.parse(text)
    except UnitError as error:
        yield Violation(path, "UNIT_UNKNOWN", str(error))
        return
    counted = wanted in ("NX_COUNT", "NX_PULSES") and units.fits(text, "count")
    if target is not None and not counted and not units.fits(text, target):
        want = f"a unit convertible to '{target}'" if target else "no unit"
        yield Violation(path, "UNIT_DIMENSION", f"has units '{text}'; {wanted} wants {want}")


def _check_enumeration(read: Any, node: Node, path: str, size: int) -> Iterator[Violation]:
    # A large array is never an enumerated value; do not read it to find out.
    if not node.items or node.name == "version":
        return
    value = plain(read()) if size <= 64 else None
    if value in node.items or (isinstance(value, tuple) and len(value) == 1 and value[0] in node.items):
        return
    allowed = ", ".join(repr(item) for item in node.items)
    if node.open_items:
        yield Violation(path, "ENUMERATION_OPEN", f"is {value!r}, none of the usual {allowed}", "warning")
    else:
        yield Violation(path, "ENUMERATION", f"is {value!r}; wanted {'one of ' * (len(node.items) > 1)}{allowed}")


def _check_times(value: Any, path: str) -> Iterator[Violation]:
    times = plain(value)
    for text in times if isinstance(times, tuple) else (times,):
        try:
            good = _TIME.match(text) is not None and datetime.fromisoformat(text).tzinfo is not None
        except ValueError:
            good = False
        if not good:
            yield Violation(path, "DATE", f"is '{text}'; wanted ISO 8601 with zone, such as 2026-05-01T08:00:00+02:00")
