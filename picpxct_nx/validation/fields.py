"""One field or attribute against its node: type, rank, lengths, symbols, unit, enumeration."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from picpxct_nx import units
from picpxct_nx.errors import UnitError
from picpxct_nx.nxdl import Node
from picpxct_nx.validation.tree import MAX_READ, Item, UnreadableError, content, kind_of, plain
from picpxct_nx.validation.violation import Violation

__all__ = ["Scope", "check_attribute", "check_field", "check_symbols", "check_unit", "kind_of", "plain"]

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
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})\Z")
_COUNTED = frozenset({"NX_COUNT", "NX_PULSES"})
# A larger array is never an enumerated value; do not read it to find out.
_MAX_ENUMERATED = 64


@dataclass
class Scope:
    """What the checks of one entry share: the whole tree, and what was met so far.

    `fields` are the fields of right type and shape, by path. `lengths` holds each symbol's lengths with path, axis and
    the identity of the object, since a linked field counts once.
    """

    root: Item
    fields: list[tuple[str, Item, Node]] = field(default_factory=list)
    lengths: dict[str, dict[tuple[int, int], tuple[int, str]]] = field(default_factory=lambda: defaultdict(dict))


def check_field(item: Item, node: Node, path: str, scope: Scope) -> Iterator[Violation]:
    """Faults of one field; what the field says about lengths is left in the scope."""
    faults = [*_check_type(_kind(item), node, path), *_check_shape(item, node, path, scope)]
    yield from faults
    yield from check_unit(plain(item.attributes.get("units")), node.units, path)
    if faults:
        return
    scope.fields.append((path, item, node))
    if item.size > (_MAX_ENUMERATED if node.items else MAX_READ):
        if node.items:
            yield Violation(path, "ENUMERATION", f"has shape {item.shape}; wanted {_allowed(node)}")
    elif node.items or not item.shape or _kind(item) == "S":
        try:
            yield from _check_value(content(item), node, path)
        except UnreadableError as error:
            yield Violation(path, error.code, str(error))


def _check_value(value: Any, node: Node, path: str) -> Iterator[Violation]:
    yield from _check_enumeration(value, node, path)
    if node.type == "NX_DATE_TIME":
        yield from _check_times(value, path)
    if node.type == "NX_POSINT" and np.min(value, initial=1) < 1:
        yield Violation(path, "TYPE", f"is {plain(value)!r}; wanted positive whole numbers")


def check_attribute(value: Any, node: Node, path: str) -> Iterator[Violation]:
    """Faults of one attribute."""
    faults = [*_check_type(kind_of(np.asarray(value).dtype), node, path)]
    if not faults and np.ndim(value) and node.items and not any(isinstance(item, tuple) for item in node.items):
        faults = [Violation(path, "RANK", f"is an array of shape {np.shape(value)}; wanted one value")]
    yield from faults
    if not faults:
        yield from _check_enumeration(value, node, path)
        if node.type == "NX_DATE_TIME":
            yield from _check_times(value, path)


def _kind(item: Item) -> str:
    return kind_of(item.dtype) if item.dtype is not None else "V"


def _check_type(kind: str, node: Node, path: str) -> Iterator[Violation]:
    wanted = _KINDS.get(node.type)
    if wanted is None or kind in wanted[0]:
        return
    yield Violation(path, "TYPE", f"found {_FOUND.get(kind, kind)}; {node.type} wants {wanted[1]}")


def _check_shape(item: Item, node: Node, path: str, scope: Scope) -> Iterator[Violation]:
    # Our definitions state the shape of every array; what has none is one value.
    wanted, shape = node.dims or (), item.shape
    if len(shape) != len(wanted):
        names = "(" + ", ".join(str(d or "any") for d in wanted) + ")"
        yield Violation(path, "RANK", f"has shape {shape}; wanted {len(wanted)} dimensions {names}")
        return
    for axis, (length, name) in enumerate(zip(shape, wanted, strict=True)):
        if isinstance(name, int):
            if length != name:
                yield Violation(path, "LENGTH", f"has length {length} along axis {axis}; wanted {name}")
        elif name is not None:
            scope.lengths[name].setdefault((id(item), axis), (length, path))


def check_symbols(scope: Scope) -> Iterator[Violation]:
    """Fields whose length differs from what most fields, or the first of them, say the symbol is."""
    for name, met in sorted(scope.lengths.items()):
        # Repeated groups, whose path follows the symbol, have their own lengths where nothing outside has the symbol.
        symbol, _, place = name.partition("\0")
        binding = (scope.lengths.get(f"{symbol}\0") if place else None) or met
        most = Counter(length for length, _ in binding.values()).most_common(1)[0][0]
        where = next(path for length, path in binding.values() if length == most)
        # A monitor with an axis of its own, as of times of flight, may be read by itself.
        least = min(length for length, _ in met.values())
        own = bool(place) and len(met) > 1 and all(length in (least, least + 1) for length, _ in met.values())
        for (_, axis), (length, path) in met.items():
            if length != most:
                text = f"{symbol} is {length} along axis {axis}, but {most} at {where}; make them agree"
                # Times of flight are often the edges of their bins, one more than there are bins.
                edges = length == most + 1 and path.endswith("/time_of_flight")
                yield Violation(path, "SYMBOL", text, "warning" if edges or (own and binding is not met) else "error")


def check_unit(text: Any, wanted: str | None, path: str) -> Iterator[Violation]:
    """Faults of a unit: codes for one that is missing, unknown, of the wrong dimension, or not expected.

    Parameters
    ----------
    text
        Value of the units attribute, None where there is none.
    wanted : str or None
        NeXus category or example unit; None where the definition gives the field no unit.
    path : str
        Path of the field.
    """
    if text is not None and not isinstance(text, str):
        yield Violation(path, "UNIT_UNKNOWN", f"has units {text!r}, which is not one text")
        return
    if wanted is None:
        if text:
            yield Violation(path, "UNIT_UNEXPECTED", f"has units '{text}'; the definition gives it none")
        return
    target = _target(wanted)
    if text is None:
        if target:
            yield Violation(path, "UNIT_MISSING", f"has no units attribute; {wanted} wants one such as '{target}'")
        return
    try:
        units.parse(text)
        counted = wanted in _COUNTED and units.fits(text, "count")
        fitting = target is None or counted or units.fits(text, target)
    except UnitError as error:
        yield Violation(path, "UNIT_UNKNOWN", str(error))
        return
    # A percentage is a number, but where there is no unit nobody would divide by the hundred.
    if not fitting or (wanted == "NX_UNITLESS" and text):
        want = f"a unit convertible to '{target}'" if target else "no unit"
        yield Violation(path, "UNIT_DIMENSION", f"has units '{text}'; {wanted} wants {want}")


def _target(wanted: str) -> str | None:
    """Unit of a category or an example; None where any will do, as for examples that are no units of ours."""
    target = units.canonical(wanted)
    try:
        return target if target is None or units.parse(target) is not None else None
    except UnitError:
        return None


def _allowed(node: Node) -> str:
    return f"{'one of ' * (len(node.items) > 1)}{', '.join(repr(item) for item in node.items)}"


def _check_enumeration(found: Any, node: Node, path: str) -> Iterator[Violation]:
    # The version has rules of its own.
    if not node.items or node.name == "version":
        return
    value = plain(found) if np.size(found) <= _MAX_ENUMERATED else f"{np.size(found)} values"
    if value in node.items or (isinstance(value, tuple) and len(value) == 1 and value[0] in node.items):
        return
    if node.open_items:
        yield Violation(path, "ENUMERATION_OPEN", f"is {value!r}, none of the usual {_allowed(node)}", "warning")
    else:
        yield Violation(path, "ENUMERATION", f"is {value!r}; wanted {_allowed(node)}")


def _check_times(value: Any, path: str) -> Iterator[Violation]:
    for text in np.ravel(np.asarray(value, dtype=object)):
        try:
            good = _TIME.match(text) is not None and datetime.fromisoformat(text).tzinfo is not None
        except ValueError:
            good = False
        if not good:
            yield Violation(path, "DATE", f"is '{text}'; wanted ISO 8601 with zone, such as 2026-05-01T08:00:00+02:00")
