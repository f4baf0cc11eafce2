"""Axes of motion: what makes a field or a group one, and what its vector, offset and kind of motion must be."""

from collections.abc import Iterator

import numpy as np

from picpxct_nx.errors import UnitError
from picpxct_nx.nxdl import Node
from picpxct_nx.validation import spelling
from picpxct_nx.validation.matching import class_name
from picpxct_nx.validation.tree import Item, kind_of, plain
from picpxct_nx.validation.violation import Violation

_MARKS = ("transformation_type", "vector")


def is_axis(group: Item, item: Item) -> bool:
    """Whether a chain of depends_on may lead over an object of a group: an axis, or a group that hands on."""
    if any(name in item.attributes for name in (*_MARKS, "depends_on")):
        return True
    if item.is_group:
        return "depends_on" in item.members or class_name(item) == "NXcoordinate_system"
    # What an axis lacks is reported with the axis; a depends_on field hands on as well.
    return class_name(group) == "NXtransformations" or item.path.endswith("/depends_on")


def check_axis(child: Item, parent: Node, node: Node, here: str) -> Iterator[Violation]:
    """Faults of what makes a field an axis; `parent` and `node` are what the group and the field are held to."""
    if "transformation_type" in child.attributes:
        kinds = plain(child.attributes["transformation_type"])
        if isinstance(kinds, tuple) and len(kinds) != 1:
            text = f"is {kinds!r}; wanted translation or rotation"
            yield Violation(f"{here}@transformation_type", "ENUMERATION", text)
        for name in ("vector", "offset"):
            yield from _check_vector(child, name, here)
    elif parent.type == "NXtransformations" and _is_motion(child, node):
        text = "is required where an axis has a unit: translation or rotation; without both it is a direction"
        yield Violation(f"{here}@transformation_type", "MISSING_ATTRIBUTE", text)
    if "vector" in child.attributes and "offset_units" in child.attributes:
        yield from _check_offset_units(plain(child.attributes["offset_units"]), f"{here}@offset_units")


def _check_vector(child: Item, name: str, here: str) -> Iterator[Violation]:
    if name not in child.attributes:
        return
    value = np.asarray(child.attributes[name])
    if value.size != len("xyz"):
        yield Violation(f"{here}@{name}", "LENGTH", f"has {value.size} numbers; wanted 3")
    elif value.dtype.kind not in "iuf":
        return
    elif not np.isfinite(value).all():
        yield Violation(f"{here}@{name}", "NOT_FINITE", f"is {plain(value)!r}; wanted finite numbers")
    elif name == "vector" and not value.any():
        yield Violation(f"{here}@{name}", "LENGTH", "is all zeros, which is no direction; wanted a length above 0")


def _is_motion(child: Item, node: Node) -> bool:
    """Whether a field of NXtransformations without kind of motion is an axis that moves: its unit tells."""
    axis = "vector" in child.attributes or node.child("attribute", "transformation_type") is not None
    unit = plain(child.attributes.get("units"))
    if not axis or child.dtype is None or kind_of(child.dtype) not in "iuf" or not isinstance(unit, str):
        return False
    try:
        return any(spelling.fits(unit.strip(), moved) for moved in ("m", "rad")) if unit.strip() else False
    except UnitError:
        return False


def _check_offset_units(unit: object, here: str) -> Iterator[Violation]:
    text = unit[0] if isinstance(unit, tuple) and len(unit) == 1 else unit
    try:
        good = isinstance(text, str) and spelling.fits(text.strip(), "m")
    except UnitError as error:
        yield Violation(here, "UNIT_UNKNOWN", str(error))
        return
    if not good:
        yield Violation(here, "UNIT_DIMENSION", f"is {text!r}; an offset is a length, such as 'mm'")
