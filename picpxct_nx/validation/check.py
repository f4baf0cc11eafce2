"""The verdict on one file: safety first, then root, entries, structure, values."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import h5py
import numpy as np

from picpxct_nx import nxdl, provenance
from picpxct_nx.errors import InputError
from picpxct_nx.validation.fields import Scope
from picpxct_nx.validation.hostile import scan
from picpxct_nx.validation.loose_values import check_loose_values, check_shown
from picpxct_nx.validation.matching import class_name
from picpxct_nx.validation.nxdata import check_plots
from picpxct_nx.validation.references import check_dependence
from picpxct_nx.validation.standard import Reading, check_standard, check_standard_root
from picpxct_nx.validation.structure import check_entry, check_root
from picpxct_nx.validation.tree import Item, UnreadableError, content, kind_of, plain
from picpxct_nx.validation.values import check_values, uuids_once
from picpxct_nx.validation.violation import Report, Violation, shown

_VERSION = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})\Z")


@dataclass(frozen=True)
class _Task:
    """What is asked of a file: the root of its tree, the definition that the caller named, how far to look."""

    root: Item
    definition: nxdl.Definition | None
    data: bool
    ours: bool


def check_file(
    file: h5py.File, name: str, definition: nxdl.Definition | None = None, *, data: bool = True, ours: bool = False
) -> Report:
    """Verdict on an open file. A file that a careful reader refuses is not looked at any further.

    Every entry is held to the definition that it claims, ours or any of NeXus; one without a claim to the base classes.

    Parameters
    ----------
    file : h5py.File
        The file, open for reading.
    name : str
        How the report calls it.
    definition : Definition, optional
        What every entry is held to instead of what it claims, see `nxdl.find`.
    data : bool
        Whether images and stacks are read as well, which costs about as much as reading them.
    ours : bool
        Whether only our own definitions will do: the file is to be read by us.
    """
    root, refused = scan(file)
    if not all(map(_is_harmless, refused)):
        return Report(name, None, _tidy(refused))
    task = _Task(root, definition, data, ours or _made_here(root))
    groups = [member for _, member in sorted(root.members.items()) if member.is_group]
    claims = {claim for entry in groups if (claim := _claim(entry)) is not None}
    if definition is not None:
        claims = {definition.name}
    # One entry of ours makes it a file of ours, which holds nothing else.
    strict = task.ours or (bool(claims) and claims <= set(nxdl.names()))
    violations = [*refused, *(check_root if strict else check_standard_root)(root)]
    violations += [] if strict else check_shown(root)
    violations += [fault for entry in groups for fault in _check_entry(entry, task)]
    violations += uuids_once(root)
    if not groups and (strict or not root.members):
        violations.append(Violation("/", "MISSING_GROUP", "has no NXentry; the file is empty"))
    return Report(name, ", ".join(shown(claim) for claim in sorted(claims)) or None, _tidy(violations))


def _tidy(violations: list[Violation]) -> tuple[Violation, ...]:
    return tuple(sorted({replace(v, path=shown(v.path), message=shown(v.message)) for v in violations}))


def _is_harmless(fault: Violation) -> bool:
    """Whether a file may be read on: the text of an attribute has letters that are not UTF-8."""
    return fault.code == "TEXT_ENCODING" and "@" in fault.path


def _made_here(root: Item) -> bool:
    """Whether the file says that this program wrote it: then a definition of ours is missing, not just any."""
    return bool(plain(root.attributes.get("creator")) == provenance.PROGRAM)


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


def _check_entry(entry: Item, task: _Task) -> Iterator[Violation]:
    """Faults of an entry and of the subentries in it; groups of other classes are judged with the root."""
    if class_name(entry) not in ("NXentry", "NXsubentry"):
        return
    definition, faults = (task.definition, []) if task.definition else _look_up(entry, task)
    yield from faults
    if definition is not None and definition.own:
        yield from _check_ours(entry, definition, task)
    elif definition is not None or not task.ours:
        scope = Scope(task.root)
        yield from check_standard(Reading(scope, entry, definition, task.definition is not None))
        yield from check_dependence(entry, scope, definition.root if definition else None)
        yield from check_plots(entry)
        yield from check_loose_values(entry)
        for member in entry.members.values():
            if class_name(member) == "NXsubentry" and "definition" in member.members:
                yield from _check_entry(member, replace(task, definition=None))


def _look_up(entry: Item, task: _Task) -> tuple[nxdl.Definition | None, list[Violation]]:
    """The definition that an entry claims, None where there is none to hold it to, and the faults of the claim."""
    path, claim = f"{entry.path}/definition", _claim(entry)
    known = f"ours are {', '.join(nxdl.names())}"
    if claim is None and (task.ours or "definition" in entry.members):
        return None, [Violation(path, "DEFINITION_MISSING", f"names no definition; {known}")]
    if claim is None:
        text = "names no definition; held to the base classes alone, which require nothing"
        return None, [Violation(path, "NO_DEFINITION", text, "warning")]
    try:
        if claim.endswith(".xml") or (task.ours and claim not in nxdl.names()):
            raise InputError(claim)
        return nxdl.find(claim), []
    except InputError:
        also = "" if task.ours else ", and NeXus has no such application definition"
        return None, [Violation(path, "DEFINITION_UNKNOWN", f"is '{claim}'; {known}{also}")]


def _check_ours(entry: Item, definition: nxdl.Definition, task: _Task) -> Iterator[Violation]:
    field = entry.members.get("definition")
    newer = list(_check_version(field, definition, f"{entry.path}/definition")) if field is not None else []
    yield from newer
    if not newer:
        scope = Scope(task.root)
        yield from check_entry(entry, definition, scope)
        yield from check_values(entry, definition.name, scope, data=task.data)


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
