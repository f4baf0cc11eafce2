"""Hostile files: a walk over the metadata alone that finds what could harm a reader, before anything is read.

The class of every link is looked at before it is followed, so that nothing outside the file is ever opened; sizes are
compared with what is stored, so that a bomb is found without unpacking it; visited objects are remembered, so that a
cycle ends.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import h5py
import numpy as np

from picpxct_nx.validation.violation import Violation

MAX_DEPTH = 64
MAX_OBJECTS = 100_000
MAX_LINKS = 200_000
MAX_ATTRIBUTES = 256
MAX_ATTRIBUTE_BYTES = 2**20
MAX_CHUNK_BYTES = 256 * 2**20
# A dataset above the size is a bomb when it unpacks to this many times of what is stored.
BOMB_BYTES = 64 * 2**20
BOMB_RATIO = 200
# deflate, shuffle, fletcher32, szip; blosc, lz4, bitshuffle, zstd as hdf5plugin registers them.
FILTERS = frozenset({1, 2, 3, 4, 6, 32000, 32001, 32004, 32008, 32015})


@dataclass
class _Walk:
    """What one walk has met so far."""

    file: h5py.File
    violations: list[Violation] = field(default_factory=list)
    seen: set[tuple[int, int]] = field(default_factory=set)
    links: int = 0

    def refuse(self, path: str, code: str, message: str) -> None:
        self.violations.append(Violation(path, code, message))


def survey(file: h5py.File) -> list[Violation]:
    """Everything in an open file that a careful reader refuses, without reading any data.

    Sources: CVE-2026-1669 (external storage), the HDF5 file format specification, and measurements of what readers
    did with such files.
    """
    walk = _Walk(file)
    stack: list[tuple[h5py.Group, str, int]] = [(file["/"], "", 0)]
    _visit(walk, file["/"], "/")
    while stack and not _over_limit(walk):
        group, path, depth = stack.pop()
        for name in _names(walk, group, path):
            here = f"{path}/{name}"
            child = _step(walk, group, name, here)
            if child is None or not _visit(walk, child, here):
                continue
            if isinstance(child, h5py.Dataset):
                _check_dataset(walk, child, here)
            elif depth + 1 > MAX_DEPTH:
                walk.refuse(here, "LIMIT_DEPTH", f"groups nest deeper than {MAX_DEPTH}; flatten the file")
            else:
                stack.append((child, here, depth + 1))
    if not stack:
        _over_limit(walk)
    return walk.violations


def _over_limit(walk: _Walk) -> bool:
    if len(walk.seen) > MAX_OBJECTS:
        walk.refuse("/", "LIMIT_OBJECTS", f"more than {MAX_OBJECTS} objects; split the file")
        return True
    if walk.links > MAX_LINKS:
        walk.refuse("/", "LIMIT_LINKS", f"more than {MAX_LINKS} links; split the file")
        return True
    return False


def _names(walk: _Walk, group: h5py.Group, path: str) -> Iterator[str]:
    if len(group) + walk.links > MAX_LINKS:
        walk.links += len(group)
        return
    for name in group:
        walk.links += 1
        if not _is_utf8(name):
            walk.refuse(path or "/", "TEXT_ENCODING", f"a name is not UTF-8: {name!r}; rename the object")
        else:
            yield name


def _is_utf8(text: str) -> bool:
    # h5py hands out bytes that are no UTF-8 as surrogates.
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _step(walk: _Walk, group: h5py.Group, name: str, here: str) -> h5py.Group | h5py.Dataset | None:
    """The member behind a name, or None where it must not be opened."""
    try:
        link = group.get(name, getlink=True)
    except TypeError:
        walk.refuse(here, "LINK_CLASS", "a user-defined link; only hard and soft links are read")
        return None
    if isinstance(link, h5py.ExternalLink):
        target = f"{link.filename}::{link.path}"
        walk.refuse(here, "LINK_EXTERNAL", f"an external link to {target}; copy the data into this file")
        return None
    if isinstance(link, h5py.SoftLink) and not _soft_target(walk, group, link.path, here):
        return None
    try:
        child = group[name]
    except (KeyError, OSError, RuntimeError, ValueError) as error:
        walk.refuse(here, "LINK_DANGLING", f"cannot be opened ({_brief(error)}); restore the target or remove the link")
        return None
    if isinstance(child, h5py.Group | h5py.Dataset):
        return child
    walk.refuse(here, "TYPE_REFUSED", "a named data type; store the type with the data")
    return None


def _soft_target(walk: _Walk, group: h5py.Group, target: str, here: str) -> bool:
    """Whether every step of a soft link's path stays in the file and is there."""
    place = walk.file["/"] if target.startswith("/") else group
    steps = [part for part in target.split("/") if part not in ("", ".")]
    # A soft link may name another soft link; a chain longer than this is a loop.
    budget = MAX_DEPTH
    while steps and budget:
        budget -= 1
        part = steps.pop(0)
        link = place.get(part, getlink=True) if isinstance(place, h5py.Group) and part in place.keys() else None  # noqa: SIM118
        if isinstance(link, h5py.SoftLink):
            steps = [p for p in link.path.split("/") if p not in ("", ".")] + steps
            place = walk.file["/"] if link.path.startswith("/") else place
        elif isinstance(link, h5py.HardLink):
            place = place[part]
        elif isinstance(link, h5py.ExternalLink):
            walk.refuse(here, "LINK_EXTERNAL", f"leads outside the file through {target}; copy the data into this file")
            return False
        else:
            walk.refuse(here, "LINK_DANGLING", f"leads to {target}, which is not there; restore it or remove the link")
            return False
    if steps:
        walk.refuse(here, "LINK_CYCLE", f"a chain of links that does not end ({target}); remove it")
    elif isinstance(place, h5py.Group) and here.startswith(f"{(place.name or '').rstrip('/')}/"):
        walk.refuse(here, "LINK_CYCLE", f"leads back to its own ancestor {target}; remove it")
        return False
    return not steps


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:120]


def _visit(walk: _Walk, item: h5py.Group | h5py.Dataset, here: str) -> bool:
    """Check the attributes of an object when it is met for the first time; False where it was met before."""
    info = h5py.h5o.get_info(item.id)
    key = (info.fileno, info.addr)
    if key in walk.seen:
        return False
    walk.seen.add(key)
    count = h5py.h5a.get_num_attrs(item.id)
    if count > MAX_ATTRIBUTES:
        walk.refuse(here, "LIMIT_ATTRIBUTES", f"{count} attributes, more than {MAX_ATTRIBUTES}; use fields")
        return True
    for index in range(count):
        attribute = h5py.h5a.open(item.id, index=index)
        _check_attribute(walk, attribute, here)
    return True


def _check_attribute(walk: _Walk, attribute: h5py.h5a.AttrID, here: str) -> None:
    try:
        name = attribute.name.decode()
    except UnicodeDecodeError:
        walk.refuse(here, "TEXT_ENCODING", f"the name of an attribute is not UTF-8: {attribute.name!r}; rename it")
        return
    where = f"{here}@{name}"
    if attribute.get_storage_size() > MAX_ATTRIBUTE_BYTES:
        walk.refuse(where, "LIMIT_ATTRIBUTES", f"larger than {MAX_ATTRIBUTE_BYTES} bytes; use a field")
    elif _check_type(walk, attribute.get_type(), where) and _check_space(walk, attribute.get_space(), where):
        _check_text(walk, attribute, where)


def _check_text(walk: _Walk, attribute: h5py.h5a.AttrID, where: str) -> None:
    if attribute.get_type().get_class() != h5py.h5t.STRING:
        return
    values = np.zeros(attribute.shape, dtype=attribute.dtype)
    attribute.read(values)
    for value in values.ravel():
        raw = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else bytes(value or b"")
        try:
            raw.decode()
        except UnicodeDecodeError:
            walk.refuse(where, "TEXT_ENCODING", f"is not UTF-8: {raw[:40]!r}; write it again as UTF-8")


def _check_type(walk: _Walk, type_id: h5py.h5t.TypeID, where: str) -> bool:
    kinds = {
        h5py.h5t.REFERENCE: "a reference",
        h5py.h5t.OPAQUE: "opaque bytes",
        h5py.h5t.BITFIELD: "a bit field",
        h5py.h5t.TIME: "an HDF5 time",
    }
    refused = kinds.get(type_id.get_class())
    if type_id.get_class() == h5py.h5t.VLEN:
        refused = "a ragged array"
    if refused:
        walk.refuse(where, "TYPE_REFUSED", f"holds {refused}; store numbers or text")
    return refused is None


def _check_space(walk: _Walk, space: h5py.h5s.SpaceID, where: str) -> bool:
    if space.get_simple_extent_type() == h5py.h5s.NULL:
        walk.refuse(where, "TYPE_REFUSED", "is empty (null dataspace); store a value or leave it out")
        return False
    return True


def _check_dataset(walk: _Walk, data: h5py.Dataset, here: str) -> None:
    plist = data.id.get_create_plist()
    if plist.get_external_count():
        walk.refuse(here, "STORAGE_EXTERNAL", "its bytes lie in another file; copy the data into this file")
        return
    if plist.get_layout() == h5py.h5d.VIRTUAL:
        walk.refuse(here, "STORAGE_VIRTUAL", "a virtual dataset over other files; copy the data into this file")
        return
    for index in range(plist.get_nfilters()):
        number = plist.get_filter(index)[0]
        if number not in FILTERS:
            walk.refuse(here, "FILTER", f"filter {number} is not on the list; repack with gzip")
    if not _check_type(walk, data.id.get_type(), here) or not _check_space(walk, data.id.get_space(), here):
        return
    declared = int(np.prod(data.shape, dtype=object)) * data.id.get_type().get_size()
    if plist.get_layout() == h5py.h5d.CHUNKED:
        chunk = int(np.prod(plist.get_chunk(), dtype=object)) * data.id.get_type().get_size()
        if chunk > MAX_CHUNK_BYTES:
            walk.refuse(here, "BOMB", f"a chunk unpacks to {chunk} bytes, over {MAX_CHUNK_BYTES}; use smaller chunks")
    if declared > BOMB_BYTES and declared > BOMB_RATIO * data.id.get_storage_size():
        stored = data.id.get_storage_size()
        walk.refuse(here, "BOMB", f"unpacks from {stored} to {declared} bytes; store what was measured, nothing more")
