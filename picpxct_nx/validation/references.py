"""What leads from one place of an entry to another: links, @target, @default and depends_on."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from picpxct_nx import nxdl
from picpxct_nx.nxdl import Node
from picpxct_nx.validation.axes import is_axis
from picpxct_nx.validation.fields import Scope
from picpxct_nx.validation.matching import class_name
from picpxct_nx.validation.tree import MAX_READ, Item, UnreadableError, content, find, kind_of, plain, within
from picpxct_nx.validation.violation import Level, Violation

_STEP = re.compile(r"(?:(?P<name>[^:/]+):)?(?P<class>[^:/]+)\Z")
# A chain of axes longer than this was not made by a goniometer.
_MAX_CHAIN = 1000


def is_subentry(item: Item) -> bool:
    """Whether a group is a subentry with a definition of its own, which is checked by itself."""
    return class_name(item) == "NXsubentry" and "definition" in item.members


def check_default(group: Item, path: str) -> Iterator[Violation]:
    """A group's @default names one of its members."""
    default = plain(group.attributes.get("default"))
    default = default[0] if isinstance(default, tuple) and len(default) == 1 else default
    if default is None or default == ".":
        return
    inner = within(group, default)
    if not isinstance(inner, str) or not inner or inner.startswith("/") or find(group, inner) is None:
        yield Violation(f"{path}@default", "DEFAULT", f"names {default!r}, which is not there")
    elif inner != default:
        yield Violation(f"{path}@default", "DEFAULT", f"is '{default}'; wanted the name alone, '{inner}'", "warning")


def check_target(child: Item, here: str, scope: Scope) -> Iterator[Violation]:
    """An @target names the object itself, at the place from which it was linked."""
    if "target" not in child.attributes:
        return
    target = plain(child.attributes["target"])
    target = target[0] if isinstance(target, tuple) and len(target) == 1 else target
    if isinstance(target, str) and "://" in target:
        return
    found = find(scope.root, target) if isinstance(target, str) and target.startswith("/") else None
    if found is None:
        yield Violation(f"{here}@target", "TARGET", f"names {target!r}, which is not there; link to it again")
    elif found is not child:
        yield Violation(f"{here}@target", "TARGET", f"names {target!r}, which is another object; link to it again")


def candidates(target: str, entry: Item) -> list[tuple[str, Item]]:
    """Objects that a path of classes such as /NXentry/NXinstrument/detector:NXdetector/data may mean."""
    steps = [step for step in target.split("/") if step]
    here = [(entry.path, entry)]
    for step in steps[1:]:
        match = _STEP.match(step)
        if match is None:
            return []
        here = [
            (f"{path}/{name}", member)
            for path, item in here
            for name, member in item.members.items()
            if _takes(name, member, match["name"], match["class"])
        ]
    return here


def _takes(name: str, member: Item, wanted: str | None, nx_class: str) -> bool:
    if not nx_class.startswith("NX"):
        return name == nx_class
    return member.is_group and nxdl.is_a(class_name(member), nx_class) and wanted in (None, name)


def check_presence(group: Item, link: Node, path: str, entry: Item) -> Iterator[Violation]:
    """A link is there where its target is; a target that is missing is reported at its own place."""
    targets = candidates(link.target or "", entry)
    if link.name not in group.members and targets:
        yield Violation(f"{path}/{link.name}", "MISSING_LINK", f"is required: a link to {targets[0][0]}")


def check_link(child: Item, link: Node, here: str, entry: Item, scope: Scope) -> Iterator[Violation]:
    """A member that the definition wants to be a link is the very object that it leads to."""
    targets = candidates(link.target or "", entry)
    if not targets or any(member is child for _, member in targets):
        yield from check_target(child, here, scope)
        return
    told = plain(child.attributes.get("target", here))
    if told in [path for path, _ in targets]:
        yield Violation(f"{here}@target", "TARGET", f"names {told}, of which this is a copy; link to it", "warning")
    elif told == here and child.path == here:
        yield Violation(here, "TARGET", f"is no link; the definition wants one to {targets[0][0]}", "warning")
    else:
        yield Violation(here, "TARGET", f"is a link to another object than {targets[0][0]}; link to that")


def check_dependence(entry: Item, scope: Scope, root: Node | None = None) -> Iterator[Violation]:
    """Every depends_on of an entry, field or attribute, leads along axes that are there to '.', and not in a circle.

    What the definition below `root` fixes itself is no fault of the file, though it lead nowhere.
    """
    fixed = {item for _, node in nxdl.walk(root) if node.name == "depends_on" for item in node.items} if root else set()
    for path, parent, item in _dependent(entry, entry.path, entry):
        for fault in _follow(path, parent, item, entry, scope):
            yield replace(fault, level="warning") if _text(item) in fixed else fault


def _dependent(group: Item, path: str, parent: Item) -> Iterator[tuple[str, Item, Item]]:
    """Path, enclosing group, and object of everything that depends on something."""
    if "depends_on" in group.attributes:
        yield f"{path}@depends_on", parent, group
    for name, member in group.members.items():
        here = f"{path}/{name}"
        if member.is_group:
            yield from _dependent(member, here, group)
        elif name == "depends_on":
            yield here, group, member
        elif "depends_on" in member.attributes:
            yield f"{here}@depends_on", group, member


def _text(item: Item) -> Any:
    """What an object depends on: the value of a depends_on field, or its attribute."""
    value = item.attributes.get("depends_on")
    if value is None and item.dtype is not None and kind_of(item.dtype) == "S" and item.size <= 1 <= MAX_READ:
        try:
            value = content(item)
        except UnreadableError:
            return None
    value = plain(value)
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value


def _follow(path: str, group: Item, item: Item, entry: Item, scope: Scope) -> Iterator[Violation]:
    start, met, text = item, {id(item)}, _text(item)
    if text == "":
        level: Level = "error" if "depends_on" in item.attributes else "warning"
        yield Violation(path, "DEPENDS_ON_DANGLING", "is empty; name an axis, or write '.'", level)
    for _ in range(_MAX_CHAIN):
        if not isinstance(text, str) or text in (".", ""):
            return
        found = _resolve(text, group, entry, scope)
        if found is None:
            # A chain that breaks further on is reported where it breaks.
            if item is start:
                other = _elsewhere(text, entry, entry.path)
                level = "warning" if other else "error"
                hint = f"write {other}, if that is meant" if other else "end the chain with '.'"
                yield Violation(path, "DEPENDS_ON_DANGLING", f"is '{text}', which is not there; {hint}", level)
            return
        group, item = found
        if not is_axis(group, item):
            what = "a group" if item.is_group else "a field"
            yield Violation(path, "DEPENDS_ON_DANGLING", f"is '{text}', {what} that is no axis; name an axis, or '.'")
            return
        if id(item) in met:
            if item is start:
                yield Violation(path, "DEPENDS_ON_CYCLIC", f"leads by '{text}' back to itself; end the chain with '.'")
            return
        met.add(id(item))
        # A group in a chain hands on to its own depends_on.
        onward = item.members.get("depends_on") if item.is_group and "depends_on" not in item.attributes else None
        group, item = (item, onward) if onward is not None else (group, item)
        text = _text(item) if not item.is_group or "depends_on" in item.attributes else None


def _resolve(text: str, group: Item, entry: Item, scope: Scope) -> tuple[Item, Item] | None:
    """Enclosing group and object of a path: absolute, relative to the group or the entry, or an axis by its name."""
    if text.startswith("/"):
        return _locate(scope.root, text)
    axes = [member for member in group.members.values() if class_name(member) == "NXtransformations"]
    for start in (group, *axes, entry):
        found = _locate(start, text.removeprefix("./"))
        if found is not None:
            return found
    return None


def _elsewhere(text: str, group: Item, path: str) -> str | None:
    """Path of an axis of this name somewhere below a group, for definitions that tell names alone."""
    for name, member in group.members.items():
        here = f"{path}/{name}"
        if class_name(member) == "NXtransformations" and text in member.members:
            return f"{here}/{text}"
        found = _elsewhere(text, member, here) if member.is_group else None
        if found is not None:
            return found
    return None


def _locate(start: Item, path: str) -> tuple[Item, Item] | None:
    parent, _, name = path.rstrip("/").rpartition("/")
    group = find(start, parent)
    item = find(group, name) if group is not None and name else None
    return (group, item) if group is not None and item is not None else None
