"""NXdata: signal, axes, indices, auxiliary signals and errors fit each other, and every default leads to a plot.

Source: NXdata and the rules for finding a default plot in the NeXus manual (NIAC 2014 and later); what was marked by
attributes of the fields, as before 2014, is understood and told as a warning.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from picpxct_nx.validation.matching import class_name
from picpxct_nx.validation.tree import Item, kind_of, nx_class, plain, within
from picpxct_nx.validation.violation import Violation

_INDICES, _ERRORS = "_indices", "_errors"
_OLD = ("signal", "axes", "axis", "primary")


def check_plots(
    group: Item, declared: Collection[str] = (), prefix: str = "", first: Item | None = None
) -> Iterator[Violation]:
    """Faults of every NXdata below a group.

    Parameters
    ----------
    group : Item
        Where to look, for example an entry. The tree must be free of cycles.
    declared : collection of str
        Paths of the NXdata that the definition declares with fixed names: what is missing there is checked with the
        structure and not said twice. Given for our own definitions, which want a signal of every NXdata.
    prefix : str
        Path of the group below the entry, with a slash at its end; empty for the entry.
    first : Item, optional
        The NXdata that the entry shows first; found here where it is not given.
    """
    first = first or (shown_first(group) if not prefix else None)
    for name, child in group.members.items():
        here = f"{prefix}{name}"
        if child.is_group and class_name(child) == "NXdata":
            told = {name for name in child.members if f"{here}/{name}" in declared}
            yield from (
                check_errors(child, told)
                if here in declared
                else check_plot(child, shown=bool(declared) or child is first)
            )
        if child.is_group:
            yield from check_plots(child, declared, f"{here}/", first)


def check_plot(group: Item, *, shown: bool = True) -> Iterator[Violation]:
    """Faults of one NXdata; where its signal is not there, nothing else can be judged.

    NeXus asks for a signal where there is something to plot: a group that nothing marks as a plot, and that is not the
    one that is `shown` first, only holds arrays.
    """
    names, old = marks(group)
    if old:
        text = f"is marked as before 2014 ({old}); mark it by @signal and @axes of the group"
        yield Violation(group.path, "LEGACY", text, "warning")
    first = [name for name, item in group.members.items() if str(plain(item.attributes.get("signal"))) == "1"]
    if len(first) > 1 and "signal" not in group.attributes:
        text = f"{' and '.join(first)} are both marked as the first signal; name one by @signal of the group"
        yield Violation(group.path, "NXDATA_SIGNAL", text)
    signal = names.get("signal")
    found = field_of(group, signal)
    if found is None:
        text = f"is {signal!r}; wanted the name of a field of numbers of the group"
        plot = shown or signal is not None or any(_is_mark(name) for name in group.attributes)
        yield Violation(f"{group.path}@signal", "NXDATA_SIGNAL", text, "error" if plot else "warning")
    else:
        yield from _check_axes(group, names, found)
        yield from _check_indices(group, found)
        yield from _check_auxiliary(group, found)
    yield from check_errors(group)


def _is_mark(name: str) -> bool:
    return name in ("axes", "auxiliary_signals") or name.endswith(_INDICES)


def shown_first(group: Item) -> Item | None:
    """The NXdata to which the defaults of a group lead, or None."""
    seen: set[int] = set()
    here: Item | None = group
    while here is not None and class_name(here) != "NXdata" and id(here) not in seen:
        seen.add(id(here))
        here = below(here, plain(here.attributes.get("default")))
    return here if here is not None and class_name(here) == "NXdata" else None


def field_of(group: Item, name: Any) -> Item | None:
    """A field of numbers by its name, or None."""
    item = group.members.get(name) if isinstance(name, str) else None
    numbers = item is not None and item.dtype is not None and kind_of(item.dtype) != "S"
    return item if numbers else None


def marks(group: Item) -> tuple[Mapping[str, Any], str]:
    """What marks signal and axes of an NXdata, with what is marked the old way."""
    names: dict[str, Any] = {name: plain(group.attributes.get(name)) for name in ("signal", "axes")}
    fields = {name: item for name, item in group.members.items() if not item.is_group}
    old = [f"{name}@{mark}" for name, item in fields.items() for mark in _OLD if mark in item.attributes]
    first = next((n for n, f in fields.items() if str(plain(f.attributes.get("signal"))) == "1"), None)
    if isinstance(names["signal"], tuple) and len(names["signal"]) == 1:
        names["signal"] = names["signal"][0]
        old = old or ["@signal as a list of one name"]
    if names["signal"] is None and first is not None:
        names = {"signal": first, "axes": plain(fields[first].attributes.get("axes"))}
        if names["axes"] is None:
            names["axes"] = _numbered(fields, len(fields[first].shape))
    axes = names["axes"]
    if isinstance(axes, str) and (":" in axes or "," in axes):
        names["axes"] = tuple(axes.strip("[]").replace(",", ":").split(":"))
        old = old or ["a list of names in one text"]
    return names, old[0] if old else ""


def _numbered(fields: Mapping[str, Item], rank: int) -> tuple[str, ...] | None:
    """Axes by the old attribute `axis` of each field, which counts from one; the primary one where there are more."""
    found: dict[str, str] = {}
    for name, item in fields.items():
        place, primary = str(plain(item.attributes.get("axis"))), str(plain(item.attributes.get("primary")))
        if place not in found or primary == "1":
            found[place] = name
    places = [str(number) for number in range(1, rank + 1)]
    return tuple(found.get(place, ".") for place in places) if any(place in found for place in places) else None


def _check_axes(group: Item, names: Mapping[str, Any], signal: Item) -> Iterator[Violation]:
    where, axes, rank = f"{group.path}@axes", names["axes"], len(signal.shape)
    axes = (axes,) if isinstance(axes, str) else axes
    if axes is None:
        return
    if not isinstance(axes, tuple) or not all(isinstance(axis, str) for axis in axes):
        yield Violation(where, "NXDATA_AXES", f"is {axes!r}; wanted the names of fields")
        return
    if len(axes) != rank:
        text = f"names {len(axes)} axes; {names['signal']} has {rank} dimensions; write '.' for one without"
        yield Violation(where, "NXDATA_AXES", text)
    for place, name in enumerate(axes):
        if name == ".":
            continue
        axis = group.members.get(name)
        if axis is None or axis.is_group:
            yield Violation(where, "NXDATA_AXES", f"names '{name}', which is no field of the group; wanted one or '.'")
        elif f"{name}{_INDICES}" not in group.attributes and place < rank:
            yield from _check_lengths(name, axis, (place,), signal)


def _check_lengths(name: str, axis: Item, places: tuple[int, ...], signal: Item) -> Iterator[Violation]:
    """An axis has one element for each of the signal's, or one more where it holds the edges of bins."""
    if axis.dtype is None:
        return
    shape = axis.shape or (1,)
    if len(shape) != len(places):
        text = (
            f"has {len(shape)} dimensions; {len(places)} of the signal's belong to it: name them in @{name}{_INDICES}"
        )
        yield Violation(axis.path, "NXDATA_LENGTH", text)
        return
    for length, place in zip(shape, places, strict=True):
        wanted = signal.shape[place]
        if length not in (wanted, wanted + 1):
            text = f"has {length} elements; the signal has {wanted} along dimension {place}"
            yield Violation(axis.path, "NXDATA_LENGTH", f"{text}; wanted {wanted}, or {wanted + 1} edges of bins")


def _check_indices(group: Item, signal: Item) -> Iterator[Violation]:
    rank = len(signal.shape)
    axes = plain(group.attributes.get("axes", ()))
    axes = (axes,) if isinstance(axes, str) else axes
    for attribute, value in group.attributes.items():
        name = attribute.removesuffix(_INDICES)
        if name == attribute:
            continue
        where = f"{group.path}@{attribute}"
        axis, places = group.members.get(name), whole(value)
        if places is None:
            yield Violation(where, "NXDATA_INDICES", f"is {plain(value)!r}; wanted whole numbers of dimensions")
        elif axis is None or axis.is_group:
            yield Violation(where, "NXDATA_INDICES", f"speaks of '{name}', which is no field of the group")
        elif any(not 0 <= place < rank for place in places) or len(set(places)) != len(places):
            text = f"is {places}; wanted different dimensions of the signal, 0 to {rank - 1}"
            yield Violation(where, "NXDATA_INDICES", text)
        elif isinstance(axes, tuple) and name in axes and axes.index(name) not in places:
            text = f"is {places}; @axes puts '{name}' at dimension {axes.index(name)}"
            yield Violation(where, "NXDATA_INDICES", text)
        else:
            yield from _check_lengths(name, axis, places, signal)


def whole(value: Any) -> tuple[int, ...] | None:
    """Whole numbers of an attribute, or None where it holds others or none."""
    numbers = np.asarray(value)
    if numbers.dtype.kind not in "iu" or numbers.ndim > 1 or not numbers.size:
        return None
    return tuple(int(number) for number in numbers.ravel())


def _check_auxiliary(group: Item, signal: Item) -> Iterator[Violation]:
    where = f"{group.path}@auxiliary_signals"
    names = plain(group.attributes.get("auxiliary_signals", ()))
    names = (names,) if isinstance(names, str) else names
    for name in names if isinstance(names, tuple) else (names,):
        found = field_of(group, name)
        if found is None:
            yield Violation(where, "NXDATA_AUXILIARY", f"names {name!r}, which is no field of numbers of the group")
        elif found.shape != signal.shape:
            text = f"names '{name}' of shape {found.shape}; the signal has {signal.shape}"
            yield Violation(where, "NXDATA_AUXILIARY", f"{text}; wanted the same")


def check_errors(group: Item, told: Collection[str] = ()) -> Iterator[Violation]:
    """Standard deviations (FIELDNAME_errors) have the shape of their field; those in `told` are checked elsewhere."""
    for name, item in group.members.items():
        if name in told:
            continue
        field = group.members.get(name.removesuffix(_ERRORS)) if name.endswith(_ERRORS) else None
        known = field is not None and field.dtype is not None and item.dtype is not None
        if field is not None and known and item.shape != field.shape:
            text = f"has shape {item.shape}; {name.removesuffix(_ERRORS)} has {field.shape}; wanted the same"
            yield Violation(item.path, "NXDATA_ERRORS", text)


def check_default_plot(group: Item, *, named: bool = False) -> Iterator[Violation]:
    """What a viewer shows first is there: the defaults lead to an NXdata whose signal holds numbers.

    Parameters
    ----------
    group : Item
        Root, entry or another group with a default.
    named : bool
        Whether a default that is missing, or that names nothing, was told elsewhere.
    """
    seen: set[int] = set()
    here, led = group, False
    while nx_class(here) != "NXdata" and id(here) not in seen:
        seen.add(id(here))
        default = plain(here.attributes.get("default"))
        found = below(here, default)
        if found is None:
            where = f"{here.path.rstrip('/')}@default" if here.path != "/" else "/@default"
            if (default is not None or led) and not named:
                text = f"is {default!r}; wanted the name of a group that leads to an NXdata"
                yield Violation(where, "DEFAULT_PLOT", text)
            elif not named:
                text = "no @default and no NXdata: a viewer has nothing to show first"
                yield Violation(here.path, "DEFAULT_PLOT", text, "warning")
            return
        here, led = found, led or default is not None
    names, _ = marks(here)
    signal = field_of(here, names["signal"])
    if nx_class(here) == "NXdata" and signal is not None and not signal.size:
        text = f"is the default plot, but its signal has shape {signal.shape}; wanted something to show"
        yield Violation(here.path, "DEFAULT_PLOT", text)


def below(group: Item, default: Any) -> Item | None:
    """The group that a default names, or without one the first entry, subentry or NXdata."""
    if default is None:
        wanted = {"/": ("NXentry",)}.get(group.path, ("NXdata", "NXsubentry"))
        ranked = [
            m for kind in wanted for _, m in sorted(group.members.items()) if m.is_group and class_name(m) == kind
        ]
        return ranked[0] if ranked else None
    found: Item | None = group
    default = within(group, default)
    for part in default.split("/") if isinstance(default, str) else ():
        found = found.members.get(part) if found is not None and part else found
    return found if found is not None and found.is_group and found is not group else None
