"""Further values of a foreign file: numbers with their units and texts, from places that a map or a format names."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import h5py
import numpy as np

from picpxct_nx import nxdl, units
from picpxct_nx.errors import InputError, UnitError, UsageError
from picpxct_nx.formats.linked import Linked
from picpxct_nx.formats.mapped import Files
from picpxct_nx.formats.metadata import SHORT_NAMES
from picpxct_nx.formats.selection import Place
from picpxct_nx.records import Scan
from picpxct_nx.values import Array, Value


def number(file: Linked, path: str, wanted: str, default: str | None = None) -> tuple[float | None, list[str]]:
    """A number at a path in the unit `wanted`; `default` is the unit where the file names none.

    Raises
    ------
    InputError
        The unit is unknown or of another dimension, or there is none.
    """
    item = file.dataset(path)
    if item is None or item.size != 1 or item.dtype.kind not in "iuf":
        return None, []
    found = float(np.asarray(item[()]).ravel()[0])
    if not np.isfinite(found):
        return None, [f"{path}: is {found}; not taken"]
    return convert(found, item.attrs.get("units"), wanted, path, default)


def real(item: Any, where: str) -> Array:
    """Numbers of a dataset as float64.

    Raises
    ------
    InputError
        It is none, or does not hold numbers.
    """
    if item is None or np.dtype(item.dtype).kind not in "iuf":
        raise InputError(f"{where}: holds no numbers; is the file damaged, or of another program?")
    return np.asarray(item[()] if isinstance(item, h5py.Dataset) else item[...], np.float64)


def whole(file: Linked, path: str) -> int | None:
    """The whole number at a path; None where there is none."""
    item = file.dataset(path)
    if item is None or item.size != 1 or item.dtype.kind not in "iubf":
        return None
    found = float(np.asarray(item[()]).ravel()[0])
    return int(found) if np.isfinite(found) and found == int(found) else None


def convert(value: float, unit: Any, wanted: str, where: str, default: str | None = None) -> tuple[float, list[str]]:
    """A number in the unit `wanted`, and a sentence where its unit had to be translated.

    Raises
    ------
    InputError
        The unit is unknown or of another dimension, or there is none.
    """
    named = unit.decode("utf-8", "replace") if isinstance(unit, bytes) else str(unit) if unit is not None else default
    if named is None:
        raise InputError(f"{where}: has no unit; say which in the map file, for example units = '{wanted}'")
    try:
        text, note = units.translate(named)
        return value * units.factor(text, wanted), [f"{where}: {note}"] if note else []
    except UnitError as error:
        raise InputError(f"{where}: {error}; wanted a unit such as {wanted}") from None


def text(file: Linked, path: str) -> str:
    """The text at a path; empty where there is none, or none that is UTF-8."""
    item = file.dataset(path)
    return as_text(item[()]) if isinstance(item, h5py.Dataset) and item.size == 1 else ""


def as_text(raw: Any) -> str:
    """A text that HDF5 or NumPy holds, stripped; empty where it is none, or none that is UTF-8."""
    one = np.asarray(raw).ravel()[0] if np.size(raw) == 1 else None
    try:
        found = one.decode() if isinstance(one, bytes) else one if isinstance(one, str) else ""
    except UnicodeDecodeError:
        return ""
    return str(found).strip()


def time(found: str, where: str) -> tuple[str | None, list[str]]:
    """A time with its zone, or None and a sentence where there is no zone: a time without one is not taken."""
    if not found:
        return None, []
    try:
        when = datetime.fromisoformat(found)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        return None, [f"{where}: '{found}' is no time with a zone, not taken"]
    return when.isoformat(), []


def read_places(files: Files, places: Mapping[str, Place]) -> tuple[dict[str, Value], list[str]]:
    """Values by path of the definition, from where a map file says that they are, and sentences about their units.

    Raises
    ------
    UsageError
        A name is none of the definition's fields.
    InputError
        There is no such array, it is not one number or one text, or its unit is missing or wrong.
    """
    values: dict[str, Value] = {}
    notes: list[str] = []
    table = nxdl.table(Scan.DEFINITION)
    for name, place in places.items():
        for path in SHORT_NAMES.get(name, (name,)):
            node = table.get(path)
            if node is None or node.kind != "field":
                raise UsageError(f"map file: '{name}' is no field of {Scan.DEFINITION}; use {', '.join(SHORT_NAMES)}")
            found = files.load(place.key)[...]
            where = f"{place.key.name} ({name})"
            if np.size(found) != 1:
                raise InputError(f"{where}: has shape {np.shape(found)}; wanted one value; choose it with an index")
            if node.type in ("NX_FLOAT", "NX_NUMBER", "NX_INT"):
                values[path], more = _number(found, place.unit or files.unit(place.key), nxdl.unit_text(node), where)
            else:
                values[path], more = _word(found, node.type, where)
            notes += more
    return values, notes


def _number(found: Any, unit: Any, wanted: str | None, where: str) -> tuple[Value, list[str]]:
    if np.asarray(found).dtype.kind not in "iuf":
        raise InputError(f"{where}: of type {np.asarray(found).dtype}; wanted a number")
    value = float(np.asarray(found).ravel()[0])
    return (value, []) if not wanted else convert(value, unit, wanted, where)


def _word(found: Any, kind: str, where: str) -> tuple[Value, list[str]]:
    word = as_text(found)
    if kind == "NX_DATE_TIME":
        when, notes = time(word, where)
        if when is None:
            raise InputError(notes[0] if notes else f"{where}: is empty; wanted a time with a zone")
        return when, []
    if not word:
        raise InputError(f"{where}: holds no text; give the value with --set")
    return word, []
