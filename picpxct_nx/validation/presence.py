"""What must be in a group, and how often: the members that a node of any NeXus definition requires or recommends."""

from collections.abc import Iterator
from dataclasses import replace

from picpxct_nx import nxdl
from picpxct_nx.nxdl import Node
from picpxct_nx.validation import matching, references
from picpxct_nx.validation.matching import free_fields
from picpxct_nx.validation.tree import Item
from picpxct_nx.validation.violation import Violation


def missing(path: str, kind: str, node: Node) -> Iterator[Violation]:
    """The fault that a member is not there, where it is required or recommended."""
    detail = f": {node.doc}" if node.doc else ""
    if node.presence == "required":
        yield Violation(path, f"MISSING_{kind.upper()}", f"is required{detail}")
    elif node.presence == "recommended":
        yield Violation(path, "RECOMMENDED", f"is recommended{detail}", "warning")


def check_presence(
    group: Item, groups: dict[str, Node], node: Node, path: str, entry: Item, *, told: bool
) -> Iterator[Violation]:
    """What a group lacks or has too often; where the caller `told` the definition, the entry need not claim it."""
    free = _free_fields(group, node)
    for child in node.children:
        if child.kind == "attribute" or (told and child.name == "definition" and group is entry):
            continue
        if child.kind == "link":
            yield from references.check_presence(group, child, path, entry)
        elif not child.repeats:
            if child.name not in group.members:
                yield from missing(f"{path}/{child.name}", child.kind, child)
            elif child.occurs[1] == 0:
                yield Violation(f"{path}/{child.name}", "OCCURRENCE", "must not be there")
        elif child.kind == "group":
            yield from _check_number(sum(_stands_for(found, child) for found in groups.values()), child, path)
        elif child.name_type == "any":
            yield from _check_number(free, replace(child, occurs=(child.occurs[0], None)), path)
        else:
            fields = (name for name, member in group.members.items() if not member.is_group)
            number = sum(matching.match(node, "field", name)[0] is child for name in fields)
            yield from _check_number(number, child, path)


def _stands_for(found: Node, wanted: Node) -> bool:
    return found.name == wanted.name and nxdl.is_a(found.type, wanted.type)


def _free_fields(group: Item, node: Node) -> int:
    """How many fields may stand for those to which the definition lets any name be given."""
    if not any(free_fields(node)):
        return 0
    names = [name for name, member in group.members.items() if not member.is_group]
    taken = {child.name for child in node.children if child.kind in ("field", "link") and child.name_type != "any"}
    return sum(name not in taken for name in names)


def _check_number(number: int, node: Node, path: str) -> Iterator[Violation]:
    least, most = node.occurs
    what = f"groups of class {node.type}" if node.kind == "group" else "fields"
    what += f" named like {node.name}" if node.name else ""
    if number < least or (most is not None and number > most):
        wanted = f"at least {least}" if number < least else f"at most {most}"
        yield Violation(path, "OCCURRENCE", f"has {number} {what}; wanted {wanted}")
    elif not number and node.presence == "recommended":
        yield Violation(path, "RECOMMENDED", f"has no {what}; they are recommended", "warning")
