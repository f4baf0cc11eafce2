"""One entry against its definition: what must be there is, and nothing stands there that nobody documented."""

import re
from collections.abc import Iterator
from dataclasses import replace

import h5py
import numpy as np

from picpxct_nx import nxdl
from picpxct_nx.nxdl import Node
from picpxct_nx.validation.fields import Scope, check_attribute, check_field, check_symbols, check_unit
from picpxct_nx.validation.matching import documented, members_of
from picpxct_nx.validation.presence import missing
from picpxct_nx.validation.tree import Item, find, kind_of, nx_class, plain
from picpxct_nx.validation.violation import Violation

# Attributes that NeXus gives to any object; `units` is checked with the field.
_COMMON_ATTRIBUTES = frozenset({"NX_class", "units", "target", "long_name"})
_NAME = re.compile(r"[a-zA-Z0-9_]([a-zA-Z0-9_.]*[a-zA-Z0-9_])?\Z")


def check_entry(entry: Item, definition: nxdl.Definition, scope: Scope) -> Iterator[Violation]:
    """Faults of one entry against one of our definitions, base classes included."""
    yield from _check_group(entry, definition.root, entry.path, scope)
    yield from check_symbols(scope)


def class_of(group: h5py.Group) -> str:
    """NeXus class of a group of an open file, empty where it has none."""
    value = plain(group.attrs.get("NX_class", ""))
    return value if isinstance(value, str) else ""


def _check_name(name: str, here: str) -> Iterator[Violation]:
    if not _NAME.match(name) or len(name) > 63:
        yield Violation(here, "NAME", "is not a NeXus name: letters, digits, _ and inner dots, at most 63")


def _check_group(group: Item, node: Node, path: str, scope: Scope) -> Iterator[Violation]:
    yield from _check_attributes(group, node, path)
    for name, child in group.members.items():
        here = f"{path}/{name}"
        yield from _check_name(name, here)
        check = _check_subgroup if child.is_group else _check_dataset
        yield from check(child, node, name, here, scope)
    yield from _check_presence(group, node, path)


def _check_subgroup(child: Item, parent: Node, name: str, here: str, scope: Scope) -> Iterator[Violation]:
    if parent.child("field", name) is not None:
        yield Violation(here, "KIND", "is a group; the definition wants a field")
        return
    found, named = nx_class(child), parent.child("group", name)
    if not found:
        yield Violation(here, "CLASS", "a group without @NX_class as one text; name its NeXus class")
    elif named is not None and named.type != found:
        yield Violation(here, "CLASS", f"is a {found}; wanted {named.type}")
    node = named or parent.unnamed(found)
    if node is None and parent.free:
        node = Node(kind="group", name=None, type="NXcollection")
    elif node is None and any(n.kind == "group" and n.type == found for n in members_of(parent.type)):
        # Only the base classes know this group: nothing in it is required, everything must be documented.
        node = Node(kind="group", name=None, type=found)
    if node is not None:
        yield from _check_group(child, node, here, scope)
    elif found:
        yield Violation(here, "UNDOCUMENTED", f"a {found} that neither definition nor base class knows")


def _check_dataset(child: Item, parent: Node, name: str, here: str, scope: Scope) -> Iterator[Violation]:
    if parent.child("group", name) is not None:
        yield Violation(here, "KIND", "is a field; the definition wants a group")
        return
    node = parent.child("field", name)
    if node is not None:
        yield from check_field(child, _with_transformation(node), here, scope)
        yield from _check_target(child, node, here, scope)
    elif parent.free:
        yield from check_unit(plain(child.attributes.get("units")), "NX_ANY", here)
        if child.dtype is not None and kind_of(child.dtype) == "V":
            yield Violation(here, "TYPE", "found compound; store numbers or text")
    else:
        known = documented(parent.type, "field", name)
        if known is None:
            yield Violation(here, "UNDOCUMENTED", f"a field that neither definition nor {parent.type} knows")
        else:
            # A base class leaves the shape open: take it as it is, hold it to type and unit.
            yield from check_field(child, replace(known, dims=(None,) * len(child.shape)), here, scope)
            yield from _check_attributes(child, known, here)


def _check_target(child: Item, node: Node, here: str, scope: Scope) -> Iterator[Violation]:
    """A link's @target names the object itself; attributes are held to the definition where the target stands."""
    target = plain(child.attributes.get("target", here))
    if target == here:
        yield from _check_attributes(child, node, here)
    elif not isinstance(target, str) or find(scope.root, target) is not child:
        yield Violation(f"{here}@target", "TARGET", f"names {target!r}, which is another object; link to it again")


def _with_transformation(node: Node) -> Node:
    """The node with the unit that an NX_TRANSFORMATION takes from its type."""
    if node.units != "NX_TRANSFORMATION":
        return node
    unit = nxdl.unit_text(node)
    return replace(node, units={"m": "NX_LENGTH", "rad": "NX_ANGLE"}.get(unit or "", "NX_UNITLESS"))


def _check_attributes(item: Item, node: Node, path: str) -> Iterator[Violation]:
    where = node.type if node.kind == "group" else ""
    for name, value in item.attributes.items():
        here = f"{path.rstrip('/')}@{name}" if path != "/" else f"/@{name}"
        known = node.child("attribute", name)
        if known is None and (name in _COMMON_ATTRIBUTES or node.free):
            continue
        known = known or (documented(where, "attribute", name) if where else None)
        if known is None:
            yield Violation(here, "UNDOCUMENTED", "an attribute that neither definition nor base class knows")
        else:
            yield from check_attribute(value, known, here)
    for child in node.children:
        if child.kind == "attribute" and child.name not in item.attributes:
            yield from missing(f"{path}@{child.name}", "attribute", child)


def _check_presence(group: Item, node: Node, path: str) -> Iterator[Violation]:
    for child in node.children:
        if child.kind == "attribute":
            continue
        if child.name is not None:
            if child.name not in group.members:
                yield from missing(f"{path}/{child.name}", child.kind, child)
            continue
        number = sum(
            nx_class(member) == child.type and node.child("group", name) is None
            for name, member in group.members.items()
            if member.is_group
        )
        least, most = child.occurs
        if number < least or (most is not None and number > most):
            wanted = f"at least {least}" if number < least else f"at most {most}"
            yield Violation(path, "OCCURRENCE", f"has {number} groups of class {child.type}; wanted {wanted}")


def check_root(root: Item) -> Iterator[Violation]:
    """Faults of the root: its class, its default, and members that are no entries."""
    if nx_class(root) != "NXroot":
        yield Violation("/", "CLASS", f"@NX_class is '{nx_class(root)}'; wanted NXroot")
    default = root.attributes.get("default")
    if default is None:
        yield Violation("/@default", "MISSING_ATTRIBUTE", "is required: the entry that a viewer shows first")
    elif np.ndim(default) or str(default) not in root.members:
        yield Violation("/@default", "DEFAULT", f"names {plain(default)!r}, which is not there")
    others = {name: value for name, value in root.attributes.items() if name != "default"}
    yield from _check_attributes(replace(root, attributes=others), Node(kind="group", name=None, type="NXroot"), "/")
    for name, member in root.members.items():
        found = nx_class(member)
        if member.is_group and not found:
            yield Violation(f"/{name}", "CLASS", "a group without @NX_class as one text; wanted NXentry")
        elif not member.is_group or found != "NXentry":
            yield Violation(f"/{name}", "UNDOCUMENTED", "is no NXentry; a file of ours holds entries only")
        yield from _check_name(name, f"/{name}")
