"""One entry against its definition: what must be there is, and nothing stands there that nobody documented."""

import re
from collections.abc import Iterator
from dataclasses import replace

import h5py

from picpxct_nx import nxdl
from picpxct_nx.nxdl import Node
from picpxct_nx.validation.fields import Symbols, check_attribute, check_field, check_unit, plain
from picpxct_nx.validation.violation import Violation

# Attributes that NeXus gives to any object; `units` is checked with the field.
_COMMON_ATTRIBUTES = frozenset({"NX_class", "units", "target", "long_name"})
_NAME = re.compile(r"[a-zA-Z0-9_]([a-zA-Z0-9_.]*[a-zA-Z0-9_])?\Z")
_CAPITALS = re.compile(r"[A-Z][A-Z_]*[A-Z]")


def check_entry(entry: h5py.Group, definition: nxdl.Definition) -> Iterator[Violation]:
    """Faults of one entry against one of our definitions, base classes included."""
    symbols: Symbols = {}
    yield from _check_group(entry, definition.root, entry.name or "", symbols)


def class_of(group: h5py.Group) -> str:
    """NeXus class of a group, empty where it has none."""
    value = plain(group.attrs.get("NX_class", ""))
    return value if isinstance(value, str) else ""


def _base(nx_class: str) -> tuple[Node, ...]:
    found = nxdl.base_class(nx_class)
    return found.root.children if found else ()


def _base_child(nx_class: str, kind: nxdl.Kind, name: str) -> Node | None:
    """Node of a base class that documents a name, exactly or by a pattern such as FIELDNAME_errors."""
    for node in _base(nx_class):
        if node.kind != kind or node.name is None:
            continue
        if node.name == name:
            return node
        if node.name_type == "partial":
            pattern = "(.+)".join(re.escape(part) for part in _CAPITALS.split(node.name))
            if re.fullmatch(pattern, name):
                return node
    return None


def _check_group(group: h5py.Group, node: Node, path: str, symbols: Symbols) -> Iterator[Violation]:
    yield from _check_attributes(group, node, path)
    for name in group:
        here = f"{path}/{name}"
        if not _NAME.match(name) or len(name) > 63:
            yield Violation(here, "NAME", "is not a NeXus name: letters, digits, _ and inner dots, at most 63")
        child = group[name]
        if isinstance(child, h5py.Group):
            yield from _check_subgroup(child, node, name, here, symbols)
        else:
            yield from _check_dataset(child, node, name, here, symbols)
    yield from _check_presence(group, node, path)


def _check_subgroup(child: h5py.Group, parent: Node, name: str, here: str, symbols: Symbols) -> Iterator[Violation]:
    nx_class = class_of(child)
    if not nx_class:
        yield Violation(here, "CLASS", "a group without @NX_class; name its NeXus class")
    named = parent.child("group", name)
    if named is not None and nx_class and named.type != nx_class:
        yield Violation(here, "CLASS", f"is a {nx_class}; wanted {named.type}")
    elif parent.child("field", name) is not None:
        yield Violation(here, "KIND", "is a group; the definition wants a field")
        return
    node = named or parent.unnamed(nx_class)
    if node is not None:
        yield from _check_group(child, node, here, symbols)
    elif parent.free:
        yield from _check_group(child, Node(kind="group", name=None, type="NXcollection"), here, symbols)
    elif not any(n.kind == "group" and n.type == nx_class for n in _base(parent.type)):
        yield Violation(here, "UNDOCUMENTED", f"a {nx_class or 'group'} that neither definition nor base class knows")


def _check_dataset(child: h5py.Dataset, parent: Node, name: str, here: str, symbols: Symbols) -> Iterator[Violation]:
    if parent.child("group", name) is not None:
        yield Violation(here, "KIND", "is a field; the definition wants a group")
        return
    node = parent.child("field", name)
    if node is not None:
        yield from check_field(child, _with_transformation(node), here, symbols)
        target = plain(child.attrs.get("target", here))
        if target == here:
            yield from _check_attributes(child, node, here)
        elif not isinstance(target, str) or child.file.get(target) != child:
            yield Violation(f"{here}@target", "TARGET", f"names {target!r}, which is another object; link to it again")
    elif parent.free:
        yield from check_unit(plain(child.attrs.get("units")), "NX_ANY", here)
    else:
        documented = _base_child(parent.type, "field", name)
        if documented is None:
            yield Violation(here, "UNDOCUMENTED", f"a field that neither definition nor {parent.type} knows")
        else:
            # A base class leaves the shape open: take it as it is, hold it to type and unit.
            yield from check_field(child, replace(documented, dims=(None,) * len(child.shape)), here, symbols)
            yield from _check_attributes(child, documented, here)


def _with_transformation(node: Node) -> Node:
    """The node with the unit that an NX_TRANSFORMATION takes from its type."""
    if node.units != "NX_TRANSFORMATION":
        return node
    unit = nxdl.unit_text(node)
    return replace(node, units={"m": "NX_LENGTH", "rad": "NX_ANGLE"}.get(unit or "", "NX_UNITLESS"))


def _check_attributes(item: h5py.Group | h5py.Dataset, node: Node, path: str) -> Iterator[Violation]:
    where = node.type if node.kind == "group" else ""
    for name in item.attrs:
        known = node.child("attribute", name)
        if known is None and (name in _COMMON_ATTRIBUTES or node.free):
            continue
        known = known or (_base_child(where, "attribute", name) if where else None)
        if known is None:
            yield Violation(f"{path}@{name}", "UNDOCUMENTED", "an attribute that the definition does not know")
        else:
            yield from check_attribute(item.attrs[name], known, f"{path}@{name}")
    for child in node.children:
        if child.kind == "attribute" and child.name not in item.attrs:
            yield from _missing(f"{path}@{child.name}", "attribute", child)


def _missing(path: str, kind: str, node: Node) -> Iterator[Violation]:
    detail = f": {node.doc}" if node.doc else ""
    if node.presence == "required":
        yield Violation(path, f"MISSING_{kind.upper()}", f"is required{detail}")
    elif node.presence == "recommended":
        yield Violation(path, "RECOMMENDED", f"is recommended{detail}", "warning")


def _check_presence(group: h5py.Group, node: Node, path: str) -> Iterator[Violation]:
    for child in node.children:
        if child.kind == "attribute":
            continue
        if child.name is not None:
            if child.name not in group:
                yield from _missing(f"{path}/{child.name}", child.kind, child)
            continue
        number = sum(
            class_of(member) == child.type and node.child("group", name) is None
            for name, member in group.items()
            if isinstance(member, h5py.Group)
        )
        least, most = child.occurs
        if number < least or (most is not None and number > most):
            wanted = f"at least {least}" if number < least else f"at most {most}"
            yield Violation(path, "OCCURRENCE", f"has {number} groups of class {child.type}; wanted {wanted}")


def check_root(file: h5py.File) -> Iterator[Violation]:
    """Faults of the root: its class, its default, and members that are no entries."""
    root = Node(kind="group", name=None, type="NXroot")
    if class_of(file) != "NXroot":
        yield Violation("/", "CLASS", f"@NX_class is '{class_of(file)}'; wanted NXroot")
    default = plain(file.attrs.get("default"))
    if default is None:
        yield Violation("/@default", "MISSING_ATTRIBUTE", "is required: the entry that a viewer shows first")
    elif not isinstance(default, str) or default not in file:
        yield Violation("/@default", "DEFAULT", f"names '{default}', which is not there")
    for name in file.attrs:
        if name not in _COMMON_ATTRIBUTES and _base_child("NXroot", "attribute", name) is None:
            yield Violation(f"/@{name}", "UNDOCUMENTED", "an attribute that NXroot does not know")
    for name, member in file.items():
        if not isinstance(member, h5py.Group) or class_of(member) != "NXentry":
            yield Violation(f"/{name}", "UNDOCUMENTED", f"is no NXentry; {root.type} holds entries only")
        if not _NAME.match(name) or len(name) > 63:
            yield Violation(f"/{name}", "NAME", "is not a NeXus name: letters, digits, _ and inner dots, at most 63")
