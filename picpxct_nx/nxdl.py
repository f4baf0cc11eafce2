"""NXDL: reads a definition into a frozen tree of nodes that reader, writer, validator and documentation interpret.

Our own application definitions come from the package's `schemas`; base classes and standard application definitions
come from the copy that nexusformat ships, which is read as data and never imported.
"""

import ast
import importlib.util
import xml.etree.ElementTree as ET  # the files read are our own and nexusformat's, not a stranger's
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from picpxct_nx import units
from picpxct_nx.errors import InputError

Kind = Literal["group", "field", "attribute"]
Presence = Literal["required", "recommended", "optional"]
Item = str | int | float | tuple[str, ...] | tuple[int, ...] | tuple[float, ...]

_NXDL = "{http://definition.nexusformat.org/nxdl/3.1}"

# Classes whose content is free by definition: any name, any type, any unit that parses.
FREE_CLASSES = frozenset({"NXcollection", "NXparameters"})


@dataclass(frozen=True, kw_only=True)
class Node:
    """One group, field or attribute of a definition.

    `name` is None where any name may stand (an unnamed group). `dims` is None where the rank is not stated; a member
    is a number, a symbol, or None for any length. `units` is a NeXus category or an example unit.
    """

    kind: Kind
    name: str | None
    type: str
    presence: Presence = "required"
    occurs: tuple[int, int | None] = (1, 1)
    name_type: Literal["specified", "any", "partial"] = "specified"
    units: str | None = None
    dims: tuple[str | int | None, ...] | None = None
    items: tuple[Item, ...] = ()
    open_items: bool = False
    deprecated: str | None = None
    doc: str = ""
    children: tuple["Node", ...] = ()

    @property
    def free(self) -> bool:
        """Whether the group may hold whatever its writer likes."""
        return self.kind == "group" and self.type in FREE_CLASSES

    def child(self, kind: Kind, name: str) -> "Node | None":
        """The member of this kind that is declared by this very name."""
        return next((c for c in self.children if c.kind == kind and c.name == name), None)

    def unnamed(self, nx_class: str) -> "Node | None":
        """The member group of this class that is declared without a name."""
        return next((c for c in self.children if c.kind == "group" and c.name is None and c.type == nx_class), None)

    def fixed(self) -> Item | None:
        """The only value that the enumeration allows, which a writer need not be told."""
        return self.items[0] if len(self.items) == 1 and not self.open_items else None


@dataclass(frozen=True, kw_only=True)
class Definition:
    """An application definition or a base class: its name, symbols and root group."""

    name: str
    category: str
    extends: str
    doc: str
    root: Node
    symbols: Mapping[str, str] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """Version that our own definitions state in `definition/@version`."""
        node = self.root.child("field", "definition")
        version = node.child("attribute", "version") if node else None
        return str(version.fixed()) if version and version.items else ""


def _doc(element: ET.Element) -> str:
    found = element.find(f"{_NXDL}doc")
    return " ".join((found.text or "").split()) if found is not None else ""


def _item(text: str, nx_type: str) -> Item:
    if text.startswith("["):
        return tuple(ast.literal_eval(text))
    if nx_type in ("NX_INT", "NX_POSINT", "NX_UINT"):
        return int(text)
    return float(text) if nx_type in ("NX_FLOAT", "NX_NUMBER") else text


def _dims(element: ET.Element) -> tuple[str | int | None, ...] | None:
    found = element.find(f"{_NXDL}dimensions")
    if found is None:
        return None
    lengths = {int(dim.get("index", "0")): dim.get("value") for dim in found.findall(f"{_NXDL}dim")}
    rank = found.get("rank", "")
    if not rank.isdigit() and not lengths:
        return None
    size = int(rank) if rank.isdigit() else max(lengths)
    values = [lengths.get(index) for index in range(1, size + 1)]
    return tuple(int(value) if value is not None and value.isdigit() else value for value in values)


def _presence(element: ET.Element, default: Presence) -> Presence:
    if element.get("optional") == "true" or element.get("minOccurs") == "0":
        return "optional"
    if element.get("recommended") == "true":
        return "recommended"
    return "required" if element.get("optional") == "false" else default


def _occurs(element: ET.Element, presence: Presence) -> tuple[int, int | None]:
    least = int(element.get("minOccurs", "1" if presence == "required" else "0"))
    most = element.get("maxOccurs", "1" if element.get("name") else "unbounded")
    return least, None if most == "unbounded" else int(most)


def _node(element: ET.Element, default: Presence) -> Node:
    kind = element.tag.removeprefix(_NXDL)
    nx_type = element.get("type", "NX_CHAR")
    presence = _presence(element, "optional" if kind == "attribute" else default)
    enumeration = element.find(f"{_NXDL}enumeration")
    items = () if enumeration is None else enumeration.findall(f"{_NXDL}item")
    return Node(
        kind=kind,  # type: ignore[arg-type]  # _children asks for these three tags only
        name=element.get("name"),
        type=nx_type,
        presence=presence,
        occurs=_occurs(element, presence),
        name_type=element.get("nameType", "specified"),  # type: ignore[arg-type]  # nxdl.xsd allows these three
        units=element.get("units"),
        dims=_dims(element),
        items=tuple(_item(item.get("value", ""), nx_type) for item in items),
        open_items=enumeration is not None and enumeration.get("open") == "true",
        deprecated=element.get("deprecated"),
        doc=_doc(element),
        children=_children(element, default),
    )


def _children(element: ET.Element, default: Presence) -> tuple[Node, ...]:
    tags = {f"{_NXDL}{kind}" for kind in ("group", "field", "attribute")}
    return tuple(_node(child, default) for child in element if child.tag in tags)


def _read(text: str) -> Definition:
    element = ET.fromstring(text)  # noqa: S314  # see the import
    category = element.get("category", "base")
    default: Presence = "required" if category == "application" else "optional"
    children = _children(element, default)
    # An application definition describes its NXentry; a base class describes itself.
    root = children[0] if category == "application" else Node(kind="group", name=None, type=element.get("name", ""))
    if category != "application":
        root = replace(root, children=children)
    symbols = element.findall(f"{_NXDL}symbols/{_NXDL}symbol")
    return Definition(
        name=element.get("name", ""),
        category=category,
        extends=element.get("extends", ""),
        doc=_doc(element),
        root=root,
        symbols={symbol.get("name", ""): _doc(symbol) for symbol in symbols},
    )


def unit_text(node: Node) -> str | None:
    """Unit that our files write for a field: canonical for its category; None where the writer chooses."""
    if node.units is None:
        return None
    if node.units != "NX_TRANSFORMATION":
        return units.canonical(node.units)
    kind = node.child("attribute", "transformation_type")
    return units.TRANSFORMATION_UNITS.get(str(kind.fixed())) if kind else None


def names() -> tuple[str, ...]:
    """Names of our own application definitions."""
    entries = files("picpxct_nx.schemas").iterdir()
    return tuple(sorted(e.name.removesuffix(".nxdl.xml") for e in entries if e.name.endswith(".nxdl.xml")))


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
    return _read(files("picpxct_nx.schemas").joinpath(f"{name}.nxdl.xml").read_text("utf-8"))


@cache
def _base_classes() -> Path:
    spec = importlib.util.find_spec("nexusformat")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("nexusformat is not installed; it carries the NeXus base classes")
    return Path(spec.origin).parent / "definitions" / "base_classes"


@cache
def base_class(name: str) -> Definition | None:
    """A NeXus base class with what it inherits, or None where NeXus has no such class."""
    path = _base_classes() / f"{name}.nxdl.xml"
    if not name.startswith("NX") or not name.isidentifier() or not path.is_file():
        return None
    own = _read(path.read_text("utf-8"))
    parent = base_class(own.extends) if own.extends and own.extends != name else None
    if parent is None:
        return own
    declared = {(child.kind, child.name) for child in own.root.children}
    inherited = tuple(c for c in parent.root.children if (c.kind, c.name) not in declared)
    return replace(own, root=replace(own.root, children=own.root.children + inherited))


def walk(node: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    """Every node below a group by its path: `a/b` for groups and fields, `a/b@c` for attributes.

    An unnamed group stands as its class in round brackets, for example `(NXprocess)/program`.
    """
    for child in node.children:
        if child.kind == "attribute":
            here = f"{path}@{child.name}"
        else:
            here = f"{path}/{child.name or f'({child.type})'}".lstrip("/")
        yield here, child
        yield from walk(child, here)


@cache
def table(name: str) -> Mapping[str, Node]:
    """Every node of one of our definitions by its path, see `walk`."""
    return dict(walk(definition(name).root))
