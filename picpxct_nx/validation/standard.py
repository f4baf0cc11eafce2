"""One entry against any NeXus application definition, or against the base classes alone.

What a definition requires is an error where it is missing; what nobody documented is a warning, as the schema of NXDL
asks for, unless the definition restricts. Base classes require nothing, but what is there must be as they say.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from picpxct_nx import nxdl
from picpxct_nx.nxdl import Definition, Node
from picpxct_nx.validation import axes, matching, presence, references
from picpxct_nx.validation.fields import Scope, check_symbols
from picpxct_nx.validation.loose_fields import check_attribute, check_field, of_base, suits
from picpxct_nx.validation.loose_units import check_listed_unit
from picpxct_nx.validation.matching import chosen, class_name, free_fields, wanted_class
from picpxct_nx.validation.tree import Item, plain
from picpxct_nx.validation.violation import Level, Violation

_NAME = re.compile(r"[a-zA-Z0-9_]([a-zA-Z0-9_.]*[a-zA-Z0-9_])?\Z")
_LONGEST = 63
_PRESENCE = frozenset({"MISSING_FIELD", "MISSING_GROUP", "MISSING_ATTRIBUTE", "MISSING_LINK", "OCCURRENCE"})


@dataclass(frozen=True)
class Reading:
    """How one entry is read: the file, the entry, its definition (None: base classes), whether the caller named it."""

    scope: Scope
    entry: Item
    definition: Definition | None = None
    told: bool = False

    def unknown(self, kind: str) -> Level | None:
        """How grave it is that nobody documented a member of this kind; None where it is allowed."""
        if self.definition is None:
            return "warning"
        if kind in self.definition.ignored:
            return None
        return "error" if self.definition.restricts else "warning"


@dataclass(frozen=True)
class _Inside:
    """Where a member stands: how the entry is read, below which repeated group, and whether any member is free."""

    reading: Reading
    place: str = ""
    free: bool = False


def check_standard(reading: Reading) -> Iterator[Violation]:
    """Faults of one entry or subentry against its definition and the base classes."""
    root = reading.definition.root if reading.definition else Node(kind="group", name=None, type="NXentry")
    if class_name(reading.entry) == "NXsubentry":
        root = replace(root, type="NXsubentry")
    yield from _check_group(reading.entry, root, reading.entry.path, reading)
    yield from check_symbols(reading.scope)


def check_standard_root(root: Item) -> Iterator[Violation]:
    """Faults of the root of a file that is not ours: what it says about itself, and what is no entry."""
    found = class_name(root)
    if found != "NXroot":
        level: Level = "error" if found else "warning"
        yield Violation("/", "CLASS", f"@NX_class is '{found}'; wanted NXroot", level)
    top = Node(kind="group", name=None, type="NXroot")
    reading = Reading(Scope(root), root)
    about = [*_check_attributes(root, top, "", reading, free=False), *references.check_default(root, "")]
    yield from (replace(fault, path=f"/{fault.path}") for fault in about)
    for name, member in root.members.items():
        here = f"/{name}"
        yield from check_name(name, here)
        if not member.is_group:
            yield Violation(here, "UNDOCUMENTED", "a field beside the entries", "warning")
        elif class_name(member) != "NXentry":
            node, faults = _match_group(member, top, name, here, reading, free=False)
            yield from faults
            if node is not None:
                yield from _check_group(member, node, here, reading)
    if not any(class_name(member) == "NXentry" for member in root.members.values()) and root.members:
        yield Violation("/", "MISSING_GROUP", "has no NXentry; every NeXus file has one")


def check_name(name: str, here: str, *, free: bool = False) -> Iterator[Violation]:
    """A name keeps the pattern of NeXus; a free group may hold names that were made elsewhere."""
    if not _NAME.match(name):
        text = "is not a NeXus name: letters, digits, _ and inner dots"
        yield Violation(here, "NAME", text, "warning" if free else "error")
    elif len(name) > _LONGEST:
        yield Violation(here, "NAME", f"is longer than {_LONGEST} letters; old readers cut it", "warning")


def _check_group(
    group: Item, node: Node, path: str, reading: Reading, *, place: str = "", free: bool = False
) -> Iterator[Violation]:
    free = free or node.free
    inside = _Inside(reading, place, free)
    yield from _check_attributes(group, node, path, reading, free=free)
    groups: dict[str, Node] = {}
    for name, child in group.members.items():
        here = f"{path}/{name}"
        yield from check_name(name, here, free=free)
        if child.is_group:
            found, faults = _match_group(child, node, name, here, reading, free=free)
            yield from faults
            if found is not None:
                groups[name] = found
        else:
            yield from _check_dataset(child, node, name, here, inside)
    yield from _check_groups(group, groups, path, reading, place=place, free=free)
    yield from presence.check_presence(group, groups, node, path, reading.entry, told=reading.told)
    yield from references.check_default(group, path)


def _match_group(
    child: Item, parent: Node, name: str, here: str, reading: Reading, *, free: bool
) -> tuple[Node | None, list[Violation]]:
    """The node that a group is held to, None where its content says nothing, and the faults of its class."""
    found = class_name(child)
    if matching.is_other_kind(parent, "group", name, free=free):
        return None, [Violation(here, "KIND", "is a group; the definition wants a field")]
    node, ours = matching.match(parent, "group", name, found)
    if node is not None and ours and node.name != name:
        node = min(matching.alternatives(parent, node, name), key=lambda other: matching.lacks(child, other))
    if not found:
        level: Level = "error" if node is not None and ours else "warning"
        text = "a group without @NX_class as one text; name its NeXus class"
        return (chosen(node, found) if node and ours else None), [] if free else [Violation(here, "CLASS", text, level)]
    if node is not None and chosen(node, found) is not None and nxdl.is_a(found, (chosen(node, found) or node).type):
        faults = [Violation(here, "DEPRECATED", node.deprecated, "warning")] if node.deprecated else []
        kept = chosen(node, found) or node
        return (kept if kept.type == found else replace(kept, type=found)), faults
    if node is not None and ours:
        return node, [Violation(here, "CLASS", f"is a {found}; wanted {wanted_class(node)}")]
    known = Node(kind="group", name=None, type=found)
    if nxdl.base_class(found) is None:
        level = "warning" if free else "error"
        return None, [Violation(here, "CLASS", f"is a {found}, a class that NeXus does not have", level)]
    if node is not None:
        level = "error" if node.choices else "warning"
        return known, [Violation(here, "CLASS", f"is a {found}; {parent.type} wants {wanted_class(node)}", level)]
    unknown = None if free else reading.unknown("group")
    if unknown is None or _ignores(parent, "group"):
        return known, []
    text = f"a {found} that neither definition nor {parent.type} knows"
    return known, [Violation(here, "UNDOCUMENTED", text, unknown)]


def _ignores(parent: Node, kind: str) -> bool:
    """Whether a base class takes any undocumented member of this kind."""
    known = nxdl.base_class(parent.type)
    return known is not None and kind in known.ignored


def _check_groups(
    group: Item, nodes: dict[str, Node], path: str, reading: Reading, *, place: str, free: bool
) -> Iterator[Violation]:
    """The groups below a group. Of several that stand for one node, it is enough that one has what is required."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name, node in nodes.items():
        alike[f"{node.type} {node.name}" if node.repeats else f"= {name}"].append(name)
    for siblings in alike.values():
        checked = []
        for name in siblings:
            here = f"{path}/{name}"
            if references.is_subentry(group.members[name]):
                continue
            # The arrays of one detector need not be as long as those of another.
            inner = here if len(siblings) > 1 else place
            checked.append(list(_check_group(group.members[name], nodes[name], here, reading, place=inner, free=free)))
        whole = any(not any(_is_lack(fault) for fault in faults) for faults in checked)
        for faults in checked:
            lenient = whole and len(checked) > 1
            yield from (replace(f, level="warning") if lenient and _is_lack(f) else f for f in faults)


def _is_lack(fault: Violation) -> bool:
    return fault.level == "error" and fault.code in _PRESENCE


def _check_dataset(child: Item, parent: Node, name: str, here: str, inside: _Inside) -> Iterator[Violation]:
    reading, free = inside.reading, inside.free
    if matching.is_other_kind(parent, "field", name, free=free):
        yield Violation(here, "KIND", "is a field; the definition wants a group")
        return
    link = parent.child("link", name)
    if link is not None:
        yield from references.check_link(child, link, here, reading.entry, reading.scope)
        return
    node, ours = matching.match(parent, "field", name)
    if node is not None and ours and node.name_type == "any" and node.name != name:
        fitting = [other for other in free_fields(parent) if suits(child, other)]
        # Where several nodes let a field have any name, nobody knows which symbols are meant.
        node = replace(fitting[0], own_dims=len(fitting) == 1) if fitting else node
    yield from references.check_target(child, here, reading.scope)
    if node is not None and reading.told and here == f"{reading.entry.path}/definition":
        node = replace(node, items=())
    if node is None:
        node = Node(kind="field", name=None, type="", own_type=False)
        level = None if free or _ignores(parent, "field") else reading.unknown("field")
        if level is not None:
            text = f"a field that neither definition nor {parent.type} knows"
            yield Violation(here, "UNDOCUMENTED", text, level)
    elif node.deprecated:
        yield Violation(here, "DEPRECATED", node.deprecated, "warning")
    yield from _check_found(child, parent, node, here, inside, ours=ours)


def _check_found(
    child: Item, parent: Node, node: Node, here: str, inside: _Inside, *, ours: bool
) -> Iterator[Violation]:
    """A field against the node that documents it, which is the definition's or else (`ours` false) the base class's."""
    reading, free = inside.reading, inside.free
    yield from axes.check_axis(child, parent, node, here)
    if not ours:
        node, faults = of_base(child, node, here)
        yield from faults
    yield from check_field(child, node, here, reading.scope, place=inside.place)
    if "NX_class" in child.attributes and not free:
        # The area detector of EPICS marks every field as the scientific data set of HDF4.
        level: Level = "warning" if class_name(child) == "SDS" else "error"
        yield Violation(f"{here}@NX_class", "CLASS", "stands at a field; groups alone have a class", level)
    linked = plain(child.attributes.get("target", here)) != here
    if not linked:
        yield from _check_attributes(child, node, here, reading, free=free or not node.type)


def _check_attributes(item: Item, node: Node, path: str, reading: Reading, *, free: bool) -> Iterator[Violation]:
    for name, value in item.attributes.items():
        here = f"{path}@{name}"
        known = _attribute(node, name)
        if known is not None and known.name == "units" and known.items:
            yield from check_listed_unit(value, known, here)
        elif known is not None:
            yield from check_attribute(value, known, here, custom=item.attributes.get(f"{name}_custom"))
            if known.deprecated:
                yield Violation(here, "DEPRECATED", known.deprecated, "warning")
        elif not (free or name in matching.COMMON_ATTRIBUTES or name.endswith("_custom")):
            level = reading.unknown("attribute")
            if level is not None and not _ignores(node, "attribute"):
                yield Violation(here, "UNDOCUMENTED", "an attribute that nobody documented", level)
    for child in node.children:
        if child.kind == "attribute" and not child.repeats and child.name not in item.attributes:
            yield from presence.missing(f"{path}@{child.name}", "attribute", child)


def _attribute(node: Node, name: str) -> Node | None:
    if node.kind == "group":
        return matching.match(node, "attribute", name)[0]
    known = Node(kind="group", name=None, type="", children=node.children)
    return matching.match(known, "attribute", name)[0]
