"""Hostile files: a walk over the metadata alone that finds what could harm a reader, before anything is read.

The class of every link is looked at before it is followed, so that nothing outside the file is ever opened; sizes are
compared with what is stored, so that a bomb is found without unpacking it; visited objects are remembered, so that a
cycle ends. What the walk has met it leaves as a tree, so that the checks after it need not open anything again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import h5py

from picpxct_nx.validation import storage
from picpxct_nx.validation.heap import endless_heap
from picpxct_nx.validation.tree import DAMAGE, Item, damage
from picpxct_nx.validation.unfold import MAX_DEPTH, MAX_LINKS, unfold
from picpxct_nx.validation.violation import Violation

MAX_OBJECTS = 100_000

Opened: TypeAlias = h5py.h5g.GroupID | h5py.h5d.DatasetID


@dataclass
class _Walk:
    """What one walk has met so far. `seen` holds every object by its address in the file."""

    top: h5py.h5g.GroupID
    file_bytes: int
    violations: list[Violation] = field(default_factory=list)
    seen: dict[int, Item] = field(default_factory=dict)
    links: int = 0
    declared: int = 0

    def refuse(self, path: str, code: str, message: str) -> None:
        self.violations.append(Violation(path, code, message))


def survey(file: h5py.File) -> list[Violation]:
    """Everything in an open file that a careful reader refuses, without reading any data.

    Sources: CVE-2026-1669 (external storage), the HDF5 file format specification, and measurements of what readers
    did with such files.
    """
    return scan(file)[1]


def scan(file: h5py.File) -> tuple[Item, list[Violation]]:
    """The tree of an open file, and everything in it that a careful reader refuses."""
    root = Item("/")
    try:
        place = endless_heap(file)
        if place is not None:
            return root, [Violation("/", "DAMAGED", f"a heap of texts at byte {place} is damaged; copy the file again")]
        walk = _Walk(h5py.h5g.open(file.id, b"/"), file.id.get_filesize())
        walk.seen[h5py.h5o.get_info(walk.top).addr] = root
        root.attributes, walk.violations = storage.read_attributes(walk.top, "/", walk.file_bytes)
    except DAMAGE as error:
        return root, [_damaged("/", error)]
    stack: list[tuple[h5py.h5g.GroupID, Item, int]] = [(walk.top, root, 0)]
    while stack and not _over_limit(walk):
        group, item, depth = stack.pop()
        for child, found in _members(walk, group, item):
            if depth + 1 > MAX_DEPTH:
                walk.refuse(found.path, "LIMIT_DEPTH", f"groups nest deeper than {MAX_DEPTH}; flatten the file")
            else:
                stack.append((child, found, depth + 1))
    if not stack:
        _over_limit(walk)
    return root, [*walk.violations, *unfold(root)]


def _over_limit(walk: _Walk) -> bool:
    before = len(walk.violations)
    if len(walk.seen) > MAX_OBJECTS:
        walk.refuse("/", "LIMIT_OBJECTS", f"more than {MAX_OBJECTS} objects; split the file")
    elif walk.links > MAX_LINKS:
        walk.refuse("/", "LIMIT_LINKS", f"more than {MAX_LINKS} links; split the file")
    elif storage.is_bomb(walk.declared, walk.file_bytes):
        walk.refuse("/", "BOMB", f"unpacks from {walk.file_bytes} to {walk.declared} bytes; split the file")
    return len(walk.violations) > before


def _members(walk: _Walk, group: h5py.h5g.GroupID, item: Item) -> Iterator[tuple[h5py.h5g.GroupID, Item]]:
    """Put every member of a group into the tree, and hand out the groups that are met for the first time."""
    try:
        names = _names(walk, group)
    except DAMAGE as error:
        walk.violations.append(_damaged(item.path, error))
        return
    for raw in names:
        if raw in (b"", b".") or b"/" in raw or not _is_utf8(raw):
            walk.refuse(item.path, "TEXT_ENCODING", f"a name is not plain UTF-8: {raw!r}; rename the object")
            continue
        name = raw.decode()
        here = f"{item.path.rstrip('/')}/{name}"
        try:
            opened, found = _step(walk, group, raw, here)
        except DAMAGE as error:
            walk.violations.append(_damaged(here, error))
            continue
        if found is not None:
            item.members[name] = found
        if isinstance(opened, h5py.h5g.GroupID) and found is not None:
            yield opened, found


def _names(walk: _Walk, group: h5py.h5g.GroupID) -> list[bytes]:
    count = group.get_num_objs()
    walk.links += count
    return [] if walk.links > MAX_LINKS else list(group)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _damaged(path: str, error: Exception) -> Violation:
    return Violation(path, "DAMAGED", damage(error))


def _step(walk: _Walk, group: h5py.h5g.GroupID, raw: bytes, here: str) -> tuple[Opened | None, Item | None]:
    """The member behind a name: opened where it is new, and its item; two None where it is refused."""
    link = group.links.get_info(raw)
    if link.type == h5py.h5l.TYPE_EXTERNAL:
        walk.refuse(here, "LINK_EXTERNAL", f"an external link to {_external(group, raw)}; copy the data into this file")
        return None, None
    if link.type == h5py.h5l.TYPE_SOFT:
        if not _leads_inside(walk, group, raw, here):
            return None, None
    elif link.type != h5py.h5l.TYPE_HARD:
        walk.refuse(here, "LINK_CLASS", "a user-defined link; only hard and soft links are read")
        return None, None
    opened = h5py.h5o.open(group, raw)
    address = h5py.h5o.get_info(opened).addr
    if address in walk.seen:
        return None, walk.seen[address]
    return _visit(walk, opened, here, address)


def _external(group: h5py.h5g.GroupID, raw: bytes) -> str:
    file, path = group.links.get_val(raw)
    return f"{file.decode('utf-8', 'replace')}::{path.decode('utf-8', 'replace')}"


def _visit(walk: _Walk, opened: Opened, here: str, address: int) -> tuple[Opened | None, Item | None]:
    """Item of an object that is met for the first time, after the checks that need no data."""
    if not isinstance(opened, Opened):
        walk.refuse(here, "TYPE_REFUSED", "a named data type; store the type with the data")
        return None, None
    item = walk.seen[address] = Item(here)
    item.attributes, faults = storage.read_attributes(opened, here, walk.file_bytes)
    if isinstance(opened, h5py.h5d.DatasetID):
        item.data = opened
        refused, declared = storage.refuse_dataset(opened, here, walk.file_bytes)
        faults += refused
        walk.declared += declared
        if not refused:
            item.shape, item.dtype = opened.shape, opened.dtype
    walk.violations += faults
    return opened, item


def _parts(path: bytes) -> list[bytes]:
    return [part for part in path.split(b"/") if part not in (b"", b".")]


def _leads_inside(walk: _Walk, group: h5py.h5g.GroupID, raw: bytes, here: str) -> bool:
    """Whether every step of a soft link's path stays in the file and is there; each is looked at before it is taken."""
    target = group.links.get_val(raw)
    named = target.decode("utf-8", "replace")
    place: Opened = walk.top if target.startswith(b"/") else group
    steps = _parts(target)
    # A soft link may lead to another one; a path longer than this is a loop.
    for _ in range(MAX_DEPTH):
        if not steps:
            return True
        part = steps.pop(0)
        if not isinstance(place, h5py.h5g.GroupID) or not place.links.exists(part):
            walk.refuse(here, "LINK_DANGLING", f"leads to {named}, which is not there; restore it or remove the link")
            return False
        link = place.links.get_info(part)
        if link.type == h5py.h5l.TYPE_SOFT:
            further = place.links.get_val(part)
            steps = _parts(further) + steps
            place = walk.top if further.startswith(b"/") else place
        elif link.type == h5py.h5l.TYPE_HARD:
            place = h5py.h5o.open(place, part)
        else:
            walk.refuse(here, "LINK_EXTERNAL", f"leads outside the file through {named}; copy the data into this file")
            return False
    if steps:
        walk.refuse(here, "LINK_CYCLE", f"a chain of links that does not end ({named}); remove it")
    return not steps
