"""The library of definitions: our own, and the base classes and application definitions that nexusformat ships.

Those of nexusformat are read as data; the package itself is never imported.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from picpxct_nx import units
from picpxct_nx.errors import InputError, MissingInputError
from picpxct_nx.nxdl.nodes import Definition, Node, build, walk
from picpxct_nx.nxdl.xml import MAX_BYTES, Element, extend, parse

_ENDING = ".nxdl.xml"
_FOLDERS = ("base_classes", "applications", "contributed_definitions")
_TEXTS = frozenset({"NX_CHAR", "NX_DATE_TIME", "ISO8601"})
_NO_TYPE = frozenset({"NXobject", ""})


def unit_text(node: Node) -> str | None:
    """Unit that our files write for a field: canonical for its category; None where the writer chooses."""
    if node.units is None:
        return None
    if node.units != "NX_TRANSFORMATION":
        return units.canonical(node.units)
    kind = node.child("attribute", "transformation_type")
    return units.TRANSFORMATION_UNITS.get(str(kind.fixed())) if kind else None


@cache
def names() -> tuple[str, ...]:
    """Names of our own application definitions."""
    entries = files("picpxct_nx.schemas").iterdir()
    return tuple(sorted(e.name.removesuffix(_ENDING) for e in entries if e.name.endswith(_ENDING)))


@cache
def definition(name: str) -> Definition:
    """One of our own application definitions.

    Raises
    ------
    InputError
        There is no definition of that name.
    """
    if name not in names():
        raise InputError(f"unknown definition '{name}'; ours are {', '.join(names())}")
    data = files("picpxct_nx.schemas").joinpath(f"{name}{_ENDING}").read_bytes()
    return build(parse(data, name), name, own=True)


@cache
def table(name: str) -> Mapping[str, Node]:
    """Every node of one of our definitions by its path, see `walk`."""
    return dict(walk(definition(name).root))


@cache
def folder() -> Path:
    """Where nexusformat keeps the definitions of NeXus."""
    spec = importlib.util.find_spec("nexusformat")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("nexusformat is not installed; it carries the NeXus base classes")
    return Path(spec.origin).parent / "definitions"


@cache
def shipped() -> Mapping[str, Path]:
    """File of every base class and application definition of NeXus, by name."""
    return {
        path.name.removesuffix(_ENDING): path
        for name in reversed(_FOLDERS)
        for path in sorted((folder() / name).glob(f"*{_ENDING}"))
    }


@cache
def _shipped_element(name: str) -> Element:
    return parse(shipped()[name].read_bytes(), name)


@cache
def base_class(name: str) -> Definition | None:
    """A NeXus base class with what it inherits, or None where NeXus has no such class."""
    if name not in shipped() or _shipped_element(name).attributes.get("category") != "base":
        return None
    own = build(_shipped_element(name), name)
    parent = base_class(own.extends) if own.extends and own.extends != name else None
    if parent is None:
        return own
    declared = {(child.kind, child.name, child.name or child.type) for child in own.root.children}
    inherited = tuple(c for c in parent.root.children if (c.kind, c.name, c.name or c.type) not in declared)
    return replace(own, root=replace(own.root, children=own.root.children + inherited))


@cache
def is_a(found: str, wanted: str) -> bool:
    """Whether a class is another one or extends it."""
    if found == wanted or wanted in _NO_TYPE:
        return True
    known = base_class(found)
    return known is not None and bool(known.extends) and known.extends != found and is_a(known.extends, wanted)


def find(name: str) -> Definition:
    """An application definition by its name, ours or that of NeXus, or by the path of an NXDL file.

    Raises
    ------
    InputError
        There is none of that name, it is a base class, or the file is no NXDL.
    MissingInputError
        The file is not there.
    """
    if name.endswith(_ENDING):
        return _from_file(Path(name))
    return definition(name) if name in names() else _standard(name)


@cache
def _standard(name: str) -> Definition:
    if name not in shipped():
        raise InputError(f"unknown definition '{name[:80]}'; ours are {', '.join(names())}, and NeXus has no such name")
    return _complete(_shipped_element(name), name)


def _from_file(path: Path) -> Definition:
    try:
        with path.open("rb") as handle:
            data = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise MissingInputError(f"{path}: cannot be read ({error.strerror}); check the name") from None
    return _complete(parse(data, str(path)), str(path))


def _complete(element: Element, source: str) -> Definition:
    """A definition with what it inherits: from those that it extends, then from the base classes of its groups."""
    if element.attributes.get("category") != "application":
        raise InputError(f"{source}: is a base class; wanted an application definition")
    merged, met = element, {element.attributes["name"]}
    while (parent := merged.attributes.get("extends", "NXobject")) != "NXobject" and parent not in met:
        if parent not in shipped():
            raise InputError(f"{source}: line {element.line}: extends '{parent[:80]}', which NeXus does not have")
        if _shipped_element(parent).attributes.get("category") != "application":
            break
        met.add(parent)
        above = _shipped_element(parent)
        merged = extend(above, merged)
        merged.attributes["extends"] = above.attributes.get("extends", "NXobject")
    made = build(merged, source)
    return replace(made, extends=element.attributes.get("extends", ""), root=inherit(made.root))


def inherit(group: Node) -> Node:
    """A group with what its fields leave unsaid, such as type and unit, filled in from the base class."""
    known = base_class(group.type)
    children = []
    for child in group.children:
        twin = known.root.child(child.kind, child.name) if known and child.name else None
        if child.kind == "group":
            child = replace(inherit(child), choices=tuple(inherit(choice) for choice in child.choices))
        elif twin is not None and child.kind != "link":
            child = fill(child, twin)
        children.append(child)
    return replace(group, children=tuple(children))


def fill(node: Node, base: Node) -> Node:
    """A field or attribute with what it leaves unsaid taken from the base class."""
    stated = {(child.kind, child.name): child for child in node.children}
    more = tuple(child for child in base.children if (child.kind, child.name) not in stated)
    same = tuple(
        fill(child, twin) if (twin := base.child(child.kind, child.name or "")) else child for child in node.children
    )
    shape = node if node.dims is not None else base
    # A definition that calls a number what its base class lists as texts made a slip: either will do.
    slip = node.own_type and node.type not in _TEXTS and any(isinstance(item, str) for item in base.items)
    return replace(
        node,
        type=node.type if node.own_type else base.type,
        own_type=(node.own_type or base.own_type) and not slip,
        units=node.units or base.units,
        items=node.items or (() if slip else base.items),
        open_items=node.open_items if node.items else base.open_items,
        dims=shape.dims, min_rank=shape.min_rank, open_rank=shape.open_rank, own_dims=shape is node,
        deprecated=node.deprecated or base.deprecated,
        doc=node.doc or base.doc,
        children=same + more,
    )  # fmt: skip
