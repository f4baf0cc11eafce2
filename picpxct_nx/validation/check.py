"""The verdict on one file: safety first, then root, entries, structure, values."""

import re
from collections.abc import Iterator
from dataclasses import replace

import h5py
import numpy as np

from picpxct_nx import nxdl
from picpxct_nx.validation.fields import Scope
from picpxct_nx.validation.hostile import scan
from picpxct_nx.validation.structure import check_entry, check_root
from picpxct_nx.validation.tree import Item, UnreadableError, content, kind_of, nx_class, plain
from picpxct_nx.validation.values import check_values
from picpxct_nx.validation.violation import Report, Violation, shown

_VERSION = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})\Z")


def check_file(file: h5py.File, name: str) -> Report:
    """Verdict on an open file. A file that a careful reader refuses is not looked at any further.

    Parameters
    ----------
    file : h5py.File
        The file, open for reading.
    name : str
        How the report calls it.
    """
    root, refused = scan(file)
    if refused:
        return Report(name, None, _tidy(refused))
    entries = [member for _, member in sorted(root.members.items()) if member.is_group]
    claims = {claim for entry in entries if (claim := _claim(entry)) is not None}
    violations = [*check_root(root), *(fault for entry in entries for fault in _check_claim(entry, root))]
    if not entries:
        violations.append(Violation("/", "MISSING_GROUP", "has no NXentry; the file is empty"))
    return Report(name, ", ".join(shown(claim) for claim in sorted(claims)) or None, _tidy(violations))


def _tidy(violations: list[Violation]) -> tuple[Violation, ...]:
    return tuple(sorted({replace(v, path=shown(v.path), message=shown(v.message)) for v in violations}))


def claimed(entry: h5py.Group) -> str | None:
    """Definition that an entry of an open file says it keeps, or None."""
    field = entry.get("definition")
    if not isinstance(field, h5py.Dataset) or field.shape not in ((), (1,)):
        return None
    value = plain(np.asarray(field[()]).ravel()[0])
    return value if isinstance(value, str) else None


def _claim(entry: Item) -> str | None:
    field = entry.members.get("definition")
    if field is None or field.dtype is None or kind_of(field.dtype) != "S" or field.shape not in ((), (1,)):
        return None
    try:
        value = plain(content(field))
    except UnreadableError:
        return None
    return str(value[0] if isinstance(value, tuple) else value)


def _check_claim(entry: Item, root: Item) -> Iterator[Violation]:
    if nx_class(entry) != "NXentry":
        return
    path = f"{entry.path}/definition"
    claim = _claim(entry)
    if claim is None:
        yield Violation(path, "DEFINITION_MISSING", f"names no definition; ours are {', '.join(nxdl.names())}")
    elif claim not in nxdl.names():
        yield Violation(path, "DEFINITION_UNKNOWN", f"is '{claim}'; ours are {', '.join(nxdl.names())}")
    else:
        definition = nxdl.definition(claim)
        newer = list(_check_version(entry.members["definition"], definition, path))
        yield from newer
        if not newer:
            scope = Scope(root)
            yield from check_entry(entry, definition, scope)
            yield from check_values(entry, claim, scope)


def _check_version(field: Item, definition: nxdl.Definition, path: str) -> Iterator[Violation]:
    # A version that is missing altogether is reported with the other required attributes.
    if "version" not in field.attributes:
        return
    text = plain(field.attributes["version"])
    match = _VERSION.match(text) if isinstance(text, str) else None
    if match is None:
        yield Violation(f"{path}@version", "VERSION", f"is {text!r}; wanted major.minor.patch")
    elif int(match[1]) > int(definition.version.split(".")[0]):
        yield Violation(
            f"{path}@version", "VERSION_NEWER",
            f"is {text}, newer than {definition.version}, the newest this program knows; update picpxct_nx",
        )  # fmt: skip
