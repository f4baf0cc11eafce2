"""One field or attribute against a node of any NeXus definition: type, shape, unit, values.

What NeXus leaves open stays open: one number may be an array of one, a field without stated shape may have any, and a
time without zone is only advised against. Our own definitions are read more strictly, see `fields`.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from picpxct_nx.nxdl import Node
from picpxct_nx.validation.fields import Scope
from picpxct_nx.validation.loose_units import check_unit
from picpxct_nx.validation.tree import MAX_READ, Item, UnreadableError, content, kind_of, plain
from picpxct_nx.validation.violation import Level, Violation

_KINDS: dict[str, tuple[str, str]] = {
    "NX_FLOAT": ("f", "real numbers"),
    "NX_INT": ("iu", "whole numbers"),
    "NX_UINT": ("iu", "whole numbers from 0 on"),
    "NX_POSINT": ("iu", "positive whole numbers"),
    "NX_NUMBER": ("iuf", "numbers"),
    "NX_COMPLEX": ("cV", "complex numbers"),
    "NX_CCOMPLEX": ("cV", "complex numbers"),
    "NX_PCOMPLEX": ("cV", "complex numbers"),
    "NX_QUATERNION": ("fV", "quaternions"),
    "NX_CHAR": ("S", "text"),
    "NX_DATE_TIME": ("S", "a time as text"),
    "ISO8601": ("S", "a time as text"),
    "NX_CHAR_OR_NUMBER": ("Siuf", "text or numbers"),
    "NX_BOOLEAN": ("biuS", "true or false"),
    "NX_BINARY": ("uiSV", "bytes"),
}
_MEMBERS = {"NX_COMPLEX": 2, "NX_CCOMPLEX": 2, "NX_PCOMPLEX": 2, "NX_QUATERNION": 4}
_LEAST = {"NX_UINT": 0, "NX_POSINT": 1}
_FOUND = {"f": "real", "i": "whole", "u": "unsigned", "c": "complex", "S": "text", "b": "boolean", "V": "compound"}
_TRUTHS = frozenset({"true", "false", "1", "0"})
_TIMES = frozenset({"NX_DATE_TIME", "ISO8601"})
_WORDS = _TIMES | {"NX_CHAR"}
_DAY = r"([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})"
_TIME = re.compile(
    rf"{_DAY}(?P<mark>[T ])[0-9]{{2}}(:?[0-9]{{2}}(:?[0-9]{{2}}([.,][0-9]+)?)?)?"
    r"\s?(?P<zone>Z|[+-][0-9]{2}(:?[0-9]{2})?)?\Z"
)
_SUM = re.compile(r"\s*(?P<symbol>[A-Za-z_]\w*)\s*(?:(?P<sign>[+-])\s*(?P<number>[0-9]{1,6})\s*)?\Z")


def check_field(item: Item, node: Node, path: str, scope: Scope, *, place: str = "") -> Iterator[Violation]:
    """Faults of one field. Lengths are left in the scope under their symbol; `place` keeps repeated groups apart."""
    kind = kind_of(item.dtype) if item.dtype is not None else "V"
    stated = node.own_type or item.size == 1
    faults = [*_check_type(kind, item.dtype, node, path, stated=stated), *_check_shape(item, node, path, scope, place)]
    yield from faults
    if kind not in "Sb":
        yield from check_unit(item, node, path)
    elif kind == "S" and node.type in _WORDS and node.units is None and plain(item.attributes.get("units")):
        yield Violation(f"{path}@units", "UNIT_UNEXPECTED", "stands at a text, which has no unit", "warning")
    if any(fault.level == "error" for fault in faults):
        return
    scope.fields.append((path, item, node))
    bounded = node.type in _LEAST and kind == "i"
    read = node.items or not item.shape or kind == "S" or bounded or (node.type == "NX_BOOLEAN" and kind in "iu")
    if not read or item.size > MAX_READ or not item.size:
        return
    try:
        yield from _check_value(content(item), node, path, custom=_is_true(item.attributes.get("custom")))
    except UnreadableError as error:
        yield Violation(path, error.code, str(error))


def check_attribute(value: Any, node: Node, path: str, *, custom: Any = None) -> Iterator[Violation]:
    """Faults of one attribute; `custom` tells that a value beside an open enumeration is meant."""
    array = np.asarray(value)
    faults = list(_check_type(kind_of(array.dtype), array.dtype, node, path, stated=node.own_type))
    if faults and kind_of(array.dtype) == "S" and _is_number(value):
        # Many writers put numbers of attributes down as text; a reader can still make them out.
        yield Violation(path, "TYPE", f"{faults[0].message}; the text can be read as one", "warning")
        return
    yield from faults
    if faults:
        return
    # Vectors of axes are checked with the axis, whether or not the definition states their length.
    if node.dims and node.name not in ("vector", "offset") and all(isinstance(length, int) for length in node.dims):
        wanted = node.dims
        if array.shape != wanted and not (array.size == 1 and all(length == 1 for length in wanted)):
            yield Violation(path, "LENGTH", f"has shape {array.shape}; wanted {wanted}")
            return
    yield from _check_value(value, node, path, custom=_is_true(custom))


def of_base(item: Item, node: Node, path: str) -> tuple[Node, list[Violation]]:
    """What only a base class asks of a field: whole numbers may stand for real ones, which is advised against."""
    kind = kind_of(item.dtype) if item.dtype is not None else "V"
    if node.type != "NX_FLOAT" or kind not in "iu":
        return node, []
    text = f"found {_FOUND[kind]}; NX_FLOAT wants real numbers"
    return replace(node, type="NX_NUMBER"), [Violation(path, "TYPE", text, "warning")]


def _is_text(item: Item) -> bool:
    return item.dtype is not None and kind_of(item.dtype) == "S"


def suits(item: Item, node: Node) -> bool:
    """Whether a field is of the type and the number of dimensions of a node, which decides where any name may stand."""
    kind = kind_of(item.dtype) if item.dtype is not None else "V"
    wanted = _KINDS.get(node.type)
    ranks = node.dims is None or node.open_rank or node.min_rank <= len(item.shape) <= len(node.dims)
    return ranks and (wanted is None or not node.own_type or kind in wanted[0])


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _is_true(value: Any) -> bool:
    return str(plain(value)).lower() in ("true", "1")


def _check_type(kind: str, dtype: np.dtype[Any] | None, node: Node, path: str, *, stated: bool) -> Iterator[Violation]:
    wanted = _KINDS.get(node.type)
    if wanted is None:
        return
    if kind in wanted[0] and (kind != "V" or node.type == "NX_BINARY" or _is_compound(dtype, _MEMBERS[node.type])):
        return
    # What no type is stated for is text, but old definitions mean arrays of numbers.
    level: Level = "error" if stated else "warning"
    yield Violation(path, "TYPE", f"found {_FOUND.get(kind, kind)}; {node.type} wants {wanted[1]}", level)


def _is_compound(dtype: np.dtype[Any] | None, members: int) -> bool:
    if dtype is None or dtype.fields is None or len(dtype.fields) != members:
        return False
    return all(member[0].kind == "f" for member in dtype.fields.values())


def _check_shape(item: Item, node: Node, path: str, scope: Scope, place: str) -> Iterator[Violation]:
    wanted, shape = node.dims, item.shape
    if wanted is None:
        if node.type in _WORDS and not node.open_rank and item.size > 1 and _is_text(item):
            text = f"has shape {shape}; without stated dimensions one text is wanted"
            yield Violation(path, "RANK", text, "warning")
        return
    if node.type == "NX_QUATERNION" and item.dtype is not None and item.dtype.kind == "f" and shape[-1:] == (4,):
        shape = shape[:-1]
    largest = max((length for length in wanted if isinstance(length, int)), default=1)
    if len(shape) != len(wanted) and ((item.size == 1 and largest == 1) or node.open_rank):
        return
    if not node.min_rank <= len(shape) <= len(wanted):
        names = "(" + ", ".join(str(length or "any") for length in wanted) + ")"
        # Base classes state the usual shape; a scan over something adds dimensions.
        level: Level = "error" if node.own_dims else "warning"
        yield Violation(path, "RANK", f"has shape {shape}; wanted {len(wanted)} dimensions {names}", level)
        return
    for axis, (length, name) in enumerate(zip(shape, wanted, strict=False)):
        if isinstance(name, int) and length != name:
            yield Violation(path, "LENGTH", f"has length {length} along axis {axis}; wanted {name}")
        match = _SUM.match(name) if isinstance(name, str) and node.own_dims else None
        if match is not None:
            more = int(match["number"] or 0) * (-1 if match["sign"] == "-" else 1)
            scope.lengths[f"{match['symbol']}\0{place}"].setdefault((id(item), axis), (length - more, path))


def _check_value(value: Any, node: Node, path: str, *, custom: bool) -> Iterator[Violation]:
    if node.items:
        yield from _check_enumeration(value, node, path, custom=custom)
    if node.type in _TIMES:
        for text in dict.fromkeys(str(text) for text in np.ravel(np.asarray(value, dtype=object))):
            yield from _check_time(text, path)
    least = _LEAST.get(node.type)
    if least is not None and np.asarray(value).dtype.kind in "iuf" and np.min(value, initial=least) < least:
        yield Violation(path, "TYPE", f"holds {np.min(value)}; {node.type} wants {_KINDS[node.type][1]}")
    if node.type == "NX_BOOLEAN" and np.asarray(value).dtype.kind != "b":
        wrong = {str(plain(one)).lower() for one in np.ravel(np.asarray(value))} - _TRUTHS
        if wrong:
            yield Violation(path, "TYPE", f"is {sorted(wrong)[0]!r}; NX_BOOLEAN wants true or false")


def _check_enumeration(found: Any, node: Node, path: str, *, custom: bool) -> Iterator[Violation]:
    whole = plain(found)
    if whole in node.items or (isinstance(whole, tuple) and any(_same(whole, item) for item in node.items)):
        return
    listed = any(isinstance(item, tuple) for item in node.items)
    values = [whole] if listed else list(dict.fromkeys(plain(one) for one in np.ravel(np.asarray(found, dtype=object))))
    allowed = {str(item) for item in node.items} | {item for item in node.items if not isinstance(item, tuple)}
    wrong = [value for value in values if value not in allowed and str(value) not in allowed]
    if not wrong:
        return
    wanted = f"{'one of ' * (len(node.items) > 1)}{', '.join(repr(item) for item in node.items)}"
    if node.open_items:
        if not custom:
            yield Violation(path, "ENUMERATION_OPEN", f"is {wrong[0]!r}, none of the usual {wanted}", "warning")
    elif all(str(value).strip().lower() in {str(item).lower() for item in node.items} for value in wrong):
        yield Violation(path, "ENUMERATION", f"is {wrong[0]!r}; spell it as in {wanted}")
    else:
        yield Violation(path, "ENUMERATION", f"is {wrong[0]!r}; wanted {wanted}")


def _same(found: tuple[Any, ...], item: Any) -> bool:
    return isinstance(item, tuple) and len(item) == len(found) and all(a == b for a, b in zip(item, found, strict=True))


def _check_time(text: str, path: str) -> Iterator[Violation]:
    match = _TIME.match(text.strip())
    try:
        known = match is not None and datetime.fromisoformat(text.strip().replace(" ", "T", 1).replace(" ", ""))
    except ValueError:
        known = False
    if not known or match is None:
        yield from _check_day(text.strip(), path)
    elif match["zone"] is None:
        yield Violation(path, "DATE", f"is '{text}', without time zone; add one such as +01:00", "warning")
    elif match["mark"] == " " or " " in text.strip():
        yield Violation(path, "DATE", f"is '{text}'; write T between date and time, and no blank", "warning")


def _check_day(text: str, path: str) -> Iterator[Violation]:
    try:
        day = re.fullmatch(_DAY, text) is not None and datetime.fromisoformat(text) is not None
    except ValueError:
        day = False
    if day:
        yield Violation(path, "DATE", f"is '{text}', a day without a time", "warning")
    else:
        yield Violation(path, "DATE", f"is '{text}'; wanted ISO 8601 such as 2026-05-01T08:00:00+02:00")
