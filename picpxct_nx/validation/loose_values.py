"""Values of entries that are not ours: what is wrong in a file of any definition, and of none."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from picpxct_nx.validation.matching import class_name
from picpxct_nx.validation.nxdata import below, field_of, marks, whole
from picpxct_nx.validation.rules_entry import CLOCKS, moment
from picpxct_nx.validation.tree import MAX_READ, Item, UnreadableError, content, find, kind_of, plain
from picpxct_nx.validation.view import Array
from picpxct_nx.validation.violation import Level, Violation

_FREE = ("NXcollection", "NXparameters")
_INDICES, _ERRORS = "_indices", "_errors"
_TIMES = ("start_time", "end_time", "date")
_KELVIN = ("K", "kelvin", "Kelvin")
# What is never below zero, and the class of the groups where the name means that; any class where there is none.
_NOT_NEGATIVE = {
    "wavelength": "", "incident_wavelength": "", "incident_energy": "", "count_time": "", "exposure_time": "",
    "x_pixel_size": "", "y_pixel_size": "", "distance": "NXdetector",
    "energy": "NXmonochromator",
}  # fmt: skip


def check_loose_values(entry: Item) -> Iterator[Violation]:
    """Faults of values below an entry or subentry. The tree must be free of cycles; free groups are not looked at."""
    for group in _groups(entry, set()):
        if class_name(group) == "NXdata":
            yield from check_axes(group)
        yield from check_times(group)
        yield from check_errors_of(group)
        yield from check_plausible(group)


def _groups(group: Item, seen: set[int]) -> Iterator[Item]:
    """A group and those below, each once, whatever names it has."""
    if id(group) in seen or class_name(group) in _FREE:
        return
    seen.add(id(group))
    yield group
    for member in group.members.values():
        if member.is_group:
            yield from _groups(member, seen)


def _numbers(item: Item | None) -> Array | None:
    """Values of a small field of real or whole numbers, or None; damage is told where the field is judged."""
    if item is None or item.dtype is None or kind_of(item.dtype) not in "fiu" or item.size > MAX_READ:
        return None
    try:
        return np.asarray(content(item), np.float64)
    except UnreadableError:
        return None


@dataclass(frozen=True)
class _Axis:
    """An axis: its values, the dimensions of the signal that it belongs to, and whether another shares them."""

    item: Item
    places: tuple[int, ...]
    shared: bool


def check_axes(group: Item) -> Iterator[Violation]:
    """The axes of one NXdata are finite, and rise or fall strictly.

    Along its first dimension a signal may go with time, so that an axis turns or stands; so it may where several axes
    share a dimension. There, and in plots marked as before 2014, it is a warning.
    """
    names, old = marks(group)
    signal = field_of(group, names.get("signal"))
    for axis in _axes(group, names.get("axes"), signal) if signal is not None else ():
        values = _numbers(axis.item)
        if values is None or axis.item is signal:
            continue
        wrong = int(np.sum(~np.isfinite(values)))
        if wrong:
            text = f"is an axis and holds {wrong} values that are not finite; no plot can place them"
            level: Level = "warning" if old or values.ndim != 1 else "error"
            yield Violation(axis.item.path, "NOT_FINITE", text, level)
        elif signal is not None and values.ndim == 1 and len(axis.places) == 1:
            yield from _order(axis, values, signal.shape[axis.places[0]], old=bool(old))


def _axes(group: Item, axes: Any, signal: Item | None) -> list[_Axis]:
    """The axes that are named soundly, in @axes or by @AXISNAME_indices."""
    axes, rank = (axes,) if isinstance(axes, str) else axes, len(signal.shape) if signal is not None else 0
    named = axes if isinstance(axes, tuple) and len(axes) == rank else ()
    places: dict[str, tuple[int, ...]] = {name: (place,) for place, name in enumerate(named) if isinstance(name, str)}
    for attribute, value in group.attributes.items():
        if attribute.endswith(_INDICES) and (found := whole(value)) is not None:
            places[attribute.removesuffix(_INDICES)] = found
    fields = {name: item for name, item in group.members.items() if name in places and not item.is_group}
    sound = {name: places[name] for name in fields if all(0 <= place < rank for place in places[name])}
    used = Counter(place for found in sound.values() for place in found)
    return [_Axis(fields[name], found, any(used[place] > 1 for place in found)) for name, found in sound.items()]


def _order(axis: _Axis, values: Array, length: int, *, old: bool) -> Iterator[Violation]:
    steps = np.diff(values)
    if values.size not in (length, length + 1) or (steps > 0).all() or (steps < 0).all():
        return
    turns = bool((steps > 0).any() and (steps < 0).any())
    edges = values.size == length + 1
    grave = turns and not old and not axis.shared and (edges or axis.places[0] > 0)
    first = int(np.argmax(steps * np.sign(steps.sum() or 1) <= 0))
    text = f"{'turns back' if turns else 'stands still'} after element {first}; wanted strictly rising or falling"
    yield Violation(axis.item.path, "AXIS_ORDER", text, "error" if grave else "warning")


def check_times(group: Item) -> Iterator[Violation]:
    """What ends began before, and nothing was done in the future; times without a zone are not compared."""
    times = {name: when for name in _TIMES if (when := _when(group.members.get(name))) is not None}
    start, end = times.get("start_time"), times.get("end_time")
    if start is not None and end is not None and end < start:
        text = f"is {end.isoformat()}, before start_time {start.isoformat()}; are they swapped?"
        yield Violation(group.members["end_time"].path, "TIME_ORDER", text)
    latest = datetime.now(UTC) + CLOCKS
    for name, when in times.items():
        if when > latest:
            text = f"is {when.isoformat()}, in the future; was a clock wrong?"
            yield Violation(group.members[name].path, "TIME_FUTURE", text, "warning")


def _when(item: Item | None) -> datetime | None:
    if item is None or item.dtype is None or kind_of(item.dtype) != "S" or item.size != 1:
        return None
    try:
        return moment(str(np.ravel(content(item))[0]).strip())
    except UnreadableError:
        return None


def check_errors_of(group: Item) -> Iterator[Violation]:
    """FIELDNAME_errors stands beside its field and has its shape; in an NXdata the shape is judged with the plot."""
    for name, item in group.members.items():
        stem = name.removesuffix(_ERRORS)
        if item.is_group or stem in (name, ""):
            continue
        field = group.members.get(stem)
        if field is None:
            text = f"are errors of '{stem}', which is not there; name them as the field they belong to"
            yield Violation(item.path, "NXDATA_ERRORS", text, "warning")
        elif not field.is_group and item.shape != field.shape and class_name(group) != "NXdata":
            text = f"has shape {item.shape}; {stem} has {field.shape}; wanted the same"
            yield Violation(item.path, "NXDATA_ERRORS", text, "warning")


def check_plausible(group: Item) -> Iterator[Violation]:
    """Wavelengths, energies, exposures, pixels, distances of detectors, kelvins and errors are not below zero."""
    for name, item in group.members.items():
        kelvin = name == "temperature" and plain(item.attributes.get("units")) in _KELVIN
        if not kelvin and not name.endswith(_ERRORS) and _NOT_NEGATIVE.get(name) not in ("", class_name(group)):
            continue
        values = _numbers(item)
        if values is not None and (values < 0).any():
            least = np.nanmin(values)
            yield Violation(item.path, "IMPLAUSIBLE", f"is {least:.6g}; wanted no number below zero", "warning")


def check_shown(root: Item) -> Iterator[Violation]:
    """The defaults of a file lead to a plot: those of the root, and those of every entry that has one.

    A default that names nothing is told with the structure. NeXus requires no plot; one that nothing leads to is a
    warning.
    """
    entries = [member for member in root.members.values() if class_name(member) == "NXentry"]
    for start in (root, *(entry for entry in entries if "default" in entry.attributes)) if entries else ():
        yield from _follow(start)


def _follow(start: Item) -> Iterator[Violation]:
    seen: set[int] = set()
    here, led = start, ""
    while class_name(here) != "NXdata" and id(here) not in seen:
        seen.add(id(here))
        default = _default(here)
        found = below(here, default)
        where = f"{here.path}@default"
        if found is None and default is None and led:
            yield Violation(led, "DEFAULT_PLOT", "leads to no NXdata; wanted a group that is one or holds one")
        elif found is None and default is None and any(class_name(group) == "NXdata" for group in _groups(here, set())):
            yield Violation(here.path, "DEFAULT_PLOT", "no @default leads to the NXdata that there is", "warning")
        elif found is None and isinstance(default, str) and find(here, default) is not None:
            text = f"names '{default}', a field; wanted a group that leads to an NXdata"
            yield Violation(where, "DEFAULT_PLOT", text)
        if found is None:
            return
        here, led = found, where if default is not None and here.path != "/" else led
    signal = field_of(here, marks(here)[0]["signal"])
    if class_name(here) == "NXdata" and signal is not None and not signal.size:
        text = f"is the default plot, but its signal has shape {signal.shape}; wanted something to show"
        yield Violation(here.path, "DEFAULT_PLOT", text, "warning")


def _default(group: Item) -> Any:
    """What @default says; '.' says nothing."""
    default = plain(group.attributes.get("default"))
    default = default[0] if isinstance(default, tuple) and len(default) == 1 else default
    return None if default == "." else default
