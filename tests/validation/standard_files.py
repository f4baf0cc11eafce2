"""Valid example files of any application definition, made from the definition alone."""

import re
from typing import Any

import h5py
import numpy as np

from picpxct_nx import nxdl, units
from picpxct_nx.nxdl import Definition, Node
from picpxct_nx.validation.matching import match

TEXT = h5py.string_dtype()
_LATER = ("signal", "axes")
TIME = "2026-05-01T08:00:00+02:00"
DTYPES = {
    "NX_FLOAT": np.float64, "NX_INT": np.int32, "NX_UINT": np.uint32, "NX_POSINT": np.int64, "NX_NUMBER": np.float32,
    "NX_COMPLEX": np.complex64, "NX_BOOLEAN": np.bool_, "NX_BINARY": np.uint8, "NX_CHAR_OR_NUMBER": np.float64,
}  # fmt: skip


def names() -> list[str]:
    """Every application definition that NeXus ships."""
    return sorted(name for name in nxdl.shipped() if is_application(name))


def is_application(name: str) -> bool:
    """Whether a shipped definition is one that a file can claim."""
    return 'category="application"' in nxdl.shipped()[name].read_text("utf-8")


class Maker:
    """Writes one entry: what is required, or with `full` all that is not deprecated."""

    def __init__(self, definition: Definition, *, full: bool) -> None:
        self.definition, self.full = definition, full
        self.lengths: dict[str, int] = {}
        self.links: list[tuple[h5py.Group, Node]] = []

    def write(self, file: h5py.File) -> None:
        """Fill an empty file."""
        name = self.definition.root.name or "entry"
        file.attrs.update({"NX_class": "NXroot", "default": name})
        self.entry(file, name)

    def entry(self, parent: h5py.Group, name: str) -> h5py.Group:
        """Write an entry, and then the links in it."""
        entry = parent.create_group(name)
        self.group(entry, self.definition.root)
        for group, link in self.links:
            target = find(entry, (link.target or "").split("/")[2:])
            if target is not None and link.name not in group:
                group[link.name] = target
        return entry

    def wanted(self, node: Node) -> bool:
        """Whether a node is written."""
        if node.presence == "required":
            return node.occurs[1] != 0
        return self.full and not node.deprecated and node.occurs[1] != 0

    def group(self, group: h5py.Group, node: Node) -> None:
        """Write a group and what it holds."""
        group.attrs["NX_class"] = node.type
        self.attributes(group, node)
        plotted = [str(axis) for axis in np.ravel(group.attrs.get("axes", []))] if node.type == "NXdata" else []
        for child in node.children:
            if child.kind in ("group", "field") and (self.wanted(child) or child.name in plotted):
                for index in range(max(1, child.occurs[0])):
                    name = called(child, node, index, group)
                    if name:
                        self.member(group, child, name, node)
            elif child.kind == "link":
                self.links.append((group, child))
        if node.type == "NXdata":
            plot(group, node)

    def member(self, group: h5py.Group, node: Node, name: str, parent: Node) -> None:
        """Write one field or group."""
        if node.kind == "group":
            chosen = node.choices[0] if node.choices else node
            self.group(group.create_group(name), chosen)
            return
        value = self.value(node)
        if parent.type == "NXdata" and not node.items:
            # What no type is stated for is meant as a number, and a plot has a dimension.
            value = np.ones(self.shape(node), np.float32) if not node.own_type else value
            number = node.dims is None and np.asarray(value).dtype.kind in "iuf"
            value = np.full(2, value) if number else value
        text = np.asarray(value).dtype.kind in "OU"
        field = group.create_dataset(name, data=value, dtype=TEXT if text else None)
        self.attributes(field, node)
        unit = self.unit(node, field)
        if unit and not text:
            field.attrs["units"] = unit

    def attributes(self, item: h5py.Group | h5py.Dataset, node: Node) -> None:
        """Write the attributes of an object."""
        for child in node.children:
            if child.kind != "attribute" or child.repeats or not child.name or child.name == "units":
                continue
            if self.wanted(child) and not (child.name in _LATER and node.type == "NXdata" and not child.items):
                item.attrs[child.name] = self.value(child)

    def unit(self, node: Node, field: h5py.Dataset) -> str | None:
        """A unit that fits."""
        if node.units == "NX_TRANSFORMATION":
            motion = field.attrs.setdefault("transformation_type", "translation")
            return units.TRANSFORMATION_UNITS[motion]
        listed = node.child("attribute", "units")
        if listed is not None and listed.items:
            return units.canonical(str(listed.items[0])) or ""
        return (units.canonical(node.units) if node.units else None) or ("m" if listed else None)

    def shape(self, node: Node) -> tuple[int, ...]:
        """Lengths of a field: symbols have one length each, which all differ where they can."""
        if node.open_rank and node.dims is None:
            return ()
        return tuple(self.length(one) for one in (node.dims or ())[: node.min_rank or None])

    def length(self, name: str | int | None) -> int:
        """Length for a number, a symbol, or a symbol plus a number."""
        if not isinstance(name, str):
            return 2 if name is None else name
        symbol, _, more = name.replace(" ", "").partition("+")
        return self.lengths.setdefault(symbol, len(self.lengths) % 4 + 2) + (int(more) if more.isdigit() else 0)

    def value(self, node: Node) -> Any:
        """A value of the type, shape and enumeration of a field or an attribute."""
        shape = self.shape(node)
        if node.name == "definition" and (not node.items or self.definition.name in node.items):
            return self.definition.name
        if node.items:
            item = node.items[0]
            return (
                np.array(item)
                if isinstance(item, tuple) and not isinstance(item[0], str)
                else (np.array(item, dtype=object) if isinstance(item, tuple) else filled(item, shape))
            )
        if node.name in ("depends_on", "default"):
            return filled(".", shape)
        if node.kind == "attribute" and node.name == "offset_units":
            return "m"
        if node.kind == "attribute" and node.name in ("vector", "offset"):
            return np.array([0.0, 0.0, 1.0])
        if node.type in ("NX_DATE_TIME", "ISO8601"):
            return filled(TIME, shape)
        if node.type == "NX_QUATERNION":
            return np.ones((*shape, 4))
        if node.type in DTYPES:
            return np.ones(shape, DTYPES[node.type])
        return filled("text", shape)


def filled(value: Any, shape: tuple[int, ...]) -> Any:
    """A value everywhere in a shape."""
    if not shape:
        return value
    return np.full(shape, value, dtype=object if isinstance(value, str) else None)


def called(node: Node, parent: Node, index: int, group: h5py.Group) -> str:
    """A name that the definition matches with this very node."""
    if not node.repeats:
        return node.name or ""
    stem = re.sub("[A-Z]+(_[A-Z]+)*", "x", node.name) if node.name_type == "partial" and node.name else None
    stem = stem or (node.name or node.type.removeprefix("NX")).lower()
    for name in (stem, *(f"{stem}_{number}" for number in range(1, 20))):
        found = match(parent, node.kind, name, node.type if node.kind == "group" else "")[0]
        clash = any(child.name == name for child in parent.children)
        if name not in group and found is node and not clash:
            return name
    # Two patterns that match the same names cannot be told apart.
    return f"{stem}_{index}_x" if node.presence == "required" else ""


def find(start: h5py.Group, steps: list[str]) -> Any:
    """The first object at a path of classes."""
    if not steps:
        return start
    name, _, nx_class = steps[0].rpartition(":")
    for key, member in start.items():
        fits = isinstance(member, h5py.Group) and member.attrs["NX_class"] == nx_class and name in ("", key)
        if fits or (key == steps[0] and not steps[0].startswith("NX")):
            found = find(member, steps[1:])
            if found is not None:
                return found
    return None


def plot(group: h5py.Group, node: Node) -> None:
    """Mark a field of numbers as the signal, where the definition does not say which, and its axes."""
    numbers = [name for name, item in group.items() if isinstance(item, h5py.Dataset) and item.dtype.kind in "iuf"]
    axes = [str(axis) for axis in np.ravel(group.attrs.get("axes", []))]
    signal = str(group.attrs.setdefault("signal", numbers[0] if numbers else "data"))
    if signal not in group or (axes and group[signal].ndim != len(axes)):
        attributes = dict(group[signal].attrs) if signal in group else {}
        group.pop(signal, None)
        group.create_dataset(signal, data=np.ones((2,) * max(1, len(axes)), np.float32)).attrs.update(attributes)
    mark_axes(group, node, axes, signal)
    if "auxiliary_signals" in group.attrs:
        alike = [name for name in numbers if group[name].shape == group[signal].shape and name != signal]
        group.attrs["auxiliary_signals"] = np.array(alike[:1] or [signal], dtype=object)


def mark_axes(group: h5py.Group, node: Node, axes: list[str], signal: str) -> None:
    """Write the axes that are named, and the indices of every axis."""
    indexed = [name.removesuffix("_indices") for name in group.attrs if name.endswith("_indices")]
    for axis in [*axes, *indexed]:
        if axis not in group and axis != ".":
            group[axis] = np.arange(float(group[signal].shape[axes.index(axis) if axis in axes else 0]))
    needed = node.child("attribute", "axes")
    if needed is not None and needed.presence == "required" and not axes:
        group.attrs["axes"] = np.array(["."] * group[signal].ndim, dtype=object)
    for axis in indexed:
        first = axes.index(axis) if axis in axes else 0
        group.attrs[f"{axis}_indices"] = np.arange(first, first + group[axis].ndim)


def make(name: str, *, full: bool = False) -> bytes:
    """The bytes of a valid file of a definition."""
    file = h5py.File(f"made_{name}.nxs", "w", driver="core", backing_store=False)
    with file:
        Maker(nxdl.find(name), full=full).write(file)
        file.flush()
        return bytes(file.id.get_file_image())
