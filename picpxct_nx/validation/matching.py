"""Which node of a definition, or else of a base class, documents a member of a group."""

from collections.abc import Iterator
from functools import cache

from picpxct_nx import nxdl
from picpxct_nx.nxdl import Kind, Node
from picpxct_nx.nxdl.xml import name_pattern as _pattern
from picpxct_nx.validation.tree import Item, plain

# Attributes that NeXus, or HDF5 below it, gives to any object; `units` is checked with the field.
COMMON_ATTRIBUTES = frozenset({
    "NX_class", "units", "target", "long_name", "signal", "axes", "axis", "primary", "interpretation", "stride",
    "data_offset", "default", "custom", "CLASS", "NAME", "TITLE", "VERSION", "DIMENSION_LABELS", "DIMENSION_LIST",
    "REFERENCE_LIST", "IMAGE_SUBCLASS", "IMAGE_VERSION", "INTERLACE_MODE", "_FillValue", "napimount",
})  # fmt: skip


def class_name(item: Item) -> str:
    """NeXus class of a group, also where it was written as an array of one text; empty where there is none."""
    value = plain(item.attributes.get("NX_class", ""))
    value = value[0] if isinstance(value, tuple) and len(value) == 1 else value
    return value if isinstance(value, str) else ""


def members_of(nx_class: str) -> tuple[Node, ...]:
    """What a base class documents, with what it inherits."""
    found = nxdl.base_class(nx_class)
    return found.root.children if found else ()


def match(parent: Node, kind: Kind, name: str, nx_class: str = "") -> tuple[Node | None, bool]:
    """The node that documents a member, and whether the definition itself has it rather than a base class.

    A name that is stated goes before a pattern, and a pattern before a node that takes any name.
    """
    own = [node for node in parent.children if node.kind == kind]
    exact = _exact(own, name)
    if exact is not None:
        return exact, True
    base, pattern, free = _base(parent.type, kind, name, nx_class)
    partial, any_name = _partial(own, name, nx_class), _any(own, nx_class)
    # A field that a base class knows by name is that one, whatever the definition lets have any name; of groups the
    # class decides.
    first, second = ((base, False), (partial, True)) if kind != "group" else ((partial, True), (any_name, True))
    ordered = (first, second, (any_name, True) if kind != "group" else (base, False), (pattern, False), (free, False))
    return next(((node, ours) for node, ours in ordered if node is not None), (None, False))


def is_other_kind(parent: Node, kind: Kind, name: str, *, free: bool) -> bool:
    """Whether a member is a group where definition or base class state a field, or a field where they state a group.

    Names that stand for both kinds are right for either.
    """
    other: Kind = "field" if kind == "group" else "group"
    if parent.child(kind, name) is not None:
        return False
    if parent.child(other, name) is not None:
        return True
    if free or match(parent, kind, name)[1]:
        return False
    base = [node for node in members_of(parent.type) if node.name == name and node.name_type == "specified"]
    return any(node.kind == other for node in base) and all(node.kind != kind for node in base)


def documented(nx_class: str, kind: Kind, name: str) -> Node | None:
    """Node of a base class that documents a name, exactly or by a pattern such as FIELDNAME_errors."""
    exact, pattern, _ = _base(nx_class, kind, name, "")
    return exact if exact is not None and exact.name_type != "any" else pattern


@cache
def _base(parent: str, kind: Kind, name: str, nx_class: str) -> tuple[Node | None, Node | None, Node | None]:
    nodes = [node for node in members_of(parent) if node.kind == kind]
    return _exact(nodes, name), _partial(nodes, name, nx_class), _any(nodes, nx_class)


def _exact(nodes: list[Node], name: str) -> Node | None:
    return next((node for node in nodes if node.name == name), None)


def _fits(node: Node, nx_class: str) -> bool:
    return node.kind != "group" or nxdl.is_a(nx_class, node.type)


def _partial(nodes: list[Node], name: str, nx_class: str) -> Node | None:
    partial = (node for node in nodes if node.name_type == "partial" and node.name)
    return next((node for node in partial if _pattern(node.name or "").fullmatch(name) and _fits(node, nx_class)), None)


def _any(nodes: list[Node], nx_class: str) -> Node | None:
    free = [node for node in nodes if node.repeats and node.name_type != "partial" and _fits(node, nx_class)]
    return next((node for node in free if node.type == nx_class), free[0] if free else None)


def alternatives(parent: Node, node: Node, name: str) -> list[Node]:
    """The node and the others of its class that a group of this name may stand for as well."""
    alike = [other for other in parent.children if other.kind == "group" and other.type == node.type and other.repeats]
    if node.name_type == "partial":
        return [node, *(o for o in alike if o.name_type == "partial" and o.name and _pattern(o.name).fullmatch(name))]
    return [node, *(other for other in alike if other.name_type != "partial")]


def lacks(group: Item, node: Node) -> int:
    """How much a group differs from a node at first sight: what is required and missing, and fixed attributes."""
    needed = [child for child in node.children if child.presence == "required"]
    missing = sum(
        child.name not in group.members and child.name not in group.attributes for child in needed if not child.repeats
    )
    classes = {class_name(member) for member in group.members.values()}
    missing += sum(child.kind == "group" and child.repeats and child.type not in classes for child in needed)
    fixed = [child for child in node.children if child.kind == "attribute" and child.items and not child.open_items]
    return missing + sum(
        child.name in group.attributes and plain(group.attributes[child.name]) not in child.items for child in fixed
    )


def chosen(node: Node, nx_class: str) -> Node | None:
    """The alternative of a choice that a group of this class is; the node itself where there is no choice."""
    if not node.choices:
        return node
    return next((choice for choice in node.choices if nxdl.is_a(nx_class, choice.type)), None)


def wanted_class(node: Node) -> str:
    """The class, or the classes to choose from, that a node wants."""
    return " or ".join(choice.type for choice in node.choices) if node.choices else node.type


def free_fields(parent: Node) -> Iterator[Node]:
    """Fields that the definition lets have any name."""
    return (node for node in parent.children if node.kind == "field" and node.name_type == "any")
