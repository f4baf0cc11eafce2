"""Nodes: a definition as a frozen tree that reader, writer, validator and documentation interpret."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from picpxct_nx.errors import InputError
from picpxct_nx.nxdl.xml import Element

Kind = Literal["group", "field", "attribute", "link"]
Presence = Literal["required", "recommended", "optional"]
Item = str | int | float | tuple[str, ...] | tuple[int, ...] | tuple[float, ...]

# Classes whose content is free by definition: any name, any type, any unit that parses.
FREE_CLASSES = frozenset({"NXcollection", "NXparameters"})

_MAX_ITEM = 1000
_MAX_RANK = 32
_TAGS = ("group", "field", "attribute", "link", "choice")
_EXTRA = {"Groups": "group", "Fields": "field", "Attributes": "attribute"}
_TRUE = ("true", "1")


@dataclass(frozen=True, kw_only=True)
class Node:
    """One group, field, attribute or link of a definition.

    `name` is None where any name may stand (an unnamed group). `dims` is None where the shape is not stated; a member
    is a number, a symbol, or None for any length; `min_rank` counts those that must be there, and `open_rank` says that
    the number of dimensions is left open. `own_dims` is false where the shape comes from a base class, whose symbols
    mean nothing elsewhere; `own_type` where no type is stated. `units` is a NeXus category or an example unit.
    A choice is a group with `choices`; `target` is the path of classes that a link leads to.
    """

    kind: Kind
    name: str | None
    type: str
    presence: Presence = "required"
    occurs: tuple[int, int | None] = (1, 1)
    name_type: Literal["specified", "any", "partial"] = "specified"
    units: str | None = None
    dims: tuple[str | int | None, ...] | None = None
    min_rank: int = 0
    open_rank: bool = False
    own_dims: bool = True
    own_type: bool = True
    items: tuple[Item, ...] = ()
    open_items: bool = False
    deprecated: str | None = None
    target: str | None = None
    doc: str = ""
    children: tuple["Node", ...] = ()
    choices: tuple["Node", ...] = ()

    @property
    def free(self) -> bool:
        """Whether the group may hold whatever its writer likes."""
        return self.kind == "group" and self.type in FREE_CLASSES

    @property
    def repeats(self) -> bool:
        """Whether several members may stand for this node: it has no name of its own."""
        return self.name is None or self.name_type != "specified"

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
    """An application definition or a base class: its name, symbols and root group.

    `own` tells our definitions, which are read more strictly. `ignored` are the kinds of members that the definition
    allows undocumented; `restricts` makes every other undocumented one an error.
    """

    name: str
    category: str
    extends: str
    doc: str
    root: Node
    symbols: Mapping[str, str] = field(default_factory=dict)
    own: bool = False
    restricts: bool = False
    ignored: frozenset[str] = frozenset()

    @property
    def version(self) -> str:
        """Version that our own definitions state in `definition/@version`."""
        node = self.root.child("field", "definition")
        version = node.child("attribute", "version") if node else None
        return str(version.fixed()) if version and version.items else ""


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


def build(element: Element, source: str, *, own: bool = False) -> Definition:
    """The definition that an NXDL element describes.

    Raises
    ------
    InputError
        A number of it is no number, or an application definition describes no group; the message has the line.
    """
    category = element.attributes.get("category", "base")
    default: Presence = "required" if category == "application" else "optional"
    children = _children(element, default, source, own=own)
    if category == "application":
        root = _entry(children, element, source)
    else:
        root = Node(kind="group", name=None, type=element.attributes["name"], children=children)
    symbols = [symbol for table in element.all("symbols") for symbol in table.all("symbol")]
    ignored = [kind for kind in _EXTRA if element.attributes.get(f"ignoreExtra{kind}") in _TRUE]
    return Definition(
        name=element.attributes["name"],
        category=category,
        extends=element.attributes.get("extends", ""),
        doc=_doc(element),
        root=root,
        symbols={symbol.attributes.get("name", ""): _doc(symbol) for symbol in symbols},
        own=own,
        restricts=element.attributes.get("restricts") in _TRUE,
        ignored=frozenset(_EXTRA[kind] for kind in ignored),
    )


def _entry(children: tuple[Node, ...], element: Element, source: str) -> Node:
    """The group of the entry. Groups beside it were misplaced by a slip of the pen: they may be there or not."""
    groups = [child for child in children if child.kind == "group"]
    if not groups:
        raise InputError(f"{source}: line {element.line}: describes no group; wanted one of class NXentry")
    entry = next((group for group in groups if group.type in ("NXentry", "NXsubentry")), groups[0])
    beside = tuple(
        replace(child, presence="optional", occurs=(0, child.occurs[1])) for child in children if child is not entry
    )
    return replace(entry, children=entry.children + beside)


def _doc(element: Element) -> str:
    found = element.first("doc")
    return " ".join(found.text.split()) if found is not None else ""


def _children(element: Element, default: Presence, source: str, *, own: bool) -> tuple[Node, ...]:
    return tuple(_node(child, default, source, own=own) for child in element.children if child.tag in _TAGS)


def _node(element: Element, default: Presence, source: str, *, own: bool) -> Node:
    if element.tag == "choice":
        return _choice(element, default, source, own=own)
    get = element.attributes.get
    # The schema of NXDL makes attributes optional, the manual and other programs make those of an application
    # definition required, as everything else. We follow the manual; our own definitions say it of each.
    quiet = element.tag == "attribute" and (own or get("nameType") in ("any", "partial"))
    presence = _presence(element, "optional" if quiet else default)
    nx_type = get("type", "NX_CHAR")
    enumeration = element.first("enumeration")
    name_type = get("nameType", "specified" if get("name") else "any" if element.tag == "group" else "specified")
    dims, min_rank, open_rank = _dims(element, source)
    return Node(
        kind=element.tag,  # type: ignore[arg-type]  # _children asks for these tags only
        name=get("name"),
        type=nx_type,
        presence=presence,
        occurs=_occurs(element, presence, name_type, source),
        name_type=name_type,  # type: ignore[arg-type]  # nxdl.xsd allows these three; others mean the name itself
        units=get("units"),
        dims=dims,
        min_rank=min_rank,
        open_rank=open_rank,
        own_dims=default == "required",
        own_type="type" in element.attributes,
        items=() if enumeration is None else _items(enumeration, nx_type, source),
        open_items=enumeration is not None and enumeration.attributes.get("open") in _TRUE,
        deprecated=get("deprecated"),
        target=get("target") if element.tag == "link" else None,
        doc=_doc(element),
        children=_children(element, default, source, own=own),
    )


def _choice(element: Element, default: Presence, source: str, *, own: bool) -> Node:
    groups = tuple(_node(child, default, source, own=own) for child in element.all("group"))
    needed: Presence = "required" if groups and all(g.presence == "required" for g in groups) else "optional"
    return Node(
        kind="group", name=element.attributes.get("name", ""), type="", presence=needed,
        occurs=(int(needed == "required"), 1), choices=groups, doc=_doc(element),
    )  # fmt: skip


def _presence(element: Element, default: Presence) -> Presence:
    get = element.attributes.get
    if get("optional") in _TRUE or get("minOccurs") == "0":
        return "recommended" if get("recommended") in _TRUE else "optional"
    if get("recommended") in _TRUE:
        return "recommended"
    if element.tag == "attribute" and get("deprecated"):
        return "optional"
    return "required" if get("optional") == "false" and element.tag == "attribute" else default


def _occurs(element: Element, presence: Presence, name_type: str, source: str) -> tuple[int, int | None]:
    most = element.attributes.get("maxOccurs", "1" if name_type == "specified" else "unbounded")
    least = _whole(element.attributes.get("minOccurs", "1"), element, source) if presence == "required" else 0
    return least, None if most == "unbounded" else _whole(most, element, source)


def _whole(text: str, element: Element, source: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise InputError(f"{source}: line {element.line}: '{text[:40]}' is no number; wanted a whole one")
    return int(text)


def _items(enumeration: Element, nx_type: str, source: str) -> tuple[Item, ...]:
    return tuple(_item(item.attributes.get("value", ""), nx_type, item, source) for item in enumeration.all("item"))


def _item(text: str, nx_type: str, element: Element, source: str) -> Item:
    if text.startswith("[") and text.endswith("]") and len(text) <= _MAX_ITEM:
        try:
            return tuple(ast.literal_eval(text))
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            raise InputError(f"{source}: line {element.line}: cannot read the list '{text[:40]}'") from None
    try:
        if nx_type in ("NX_INT", "NX_POSINT", "NX_UINT"):
            return int(text)
        return float(text) if nx_type in ("NX_FLOAT", "NX_NUMBER") else text
    except ValueError:
        raise InputError(f"{source}: line {element.line}: '{text[:40]}' is no {nx_type}") from None


def _dims(element: Element, source: str) -> tuple[tuple[str | int | None, ...] | None, int, bool]:
    """Lengths, how many of them must be there, and whether the number of dimensions is left open."""
    found = element.first("dimensions")
    if found is None:
        return None, 0, False
    members = [(_whole(dim.attributes.get("index", "0"), dim, source), dim) for dim in found.all("dim")]
    lengths = {index: dim.attributes.get("value") for index, dim in members if 1 <= index <= _MAX_RANK}
    optional = [index for index, dim in members if dim.attributes.get("required") == "false"]
    rank = found.attributes.get("rank", "")
    open_rank = bool(rank) and not rank.isdigit()
    if not rank.isdigit() and not lengths:
        return None, 0, True
    size = min(_MAX_RANK, _whole(rank, found, source)) if rank.isdigit() else max(lengths)
    # A few definitions state a rank and then list more lengths, the last of which need not be there.
    size = max([size, *(index for index in optional)])
    values = [lengths.get(index) for index in range(1, size + 1)]
    dims = tuple(int(value) if value and re.fullmatch(r"[0-9]{1,9}", value) else value for value in values)
    return dims, min([size, *(index - 1 for index in optional)]), open_rank
