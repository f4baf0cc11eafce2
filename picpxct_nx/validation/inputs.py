"""Inputs of the newest step against what lies in a folder: they are there, and they are still what was read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import h5py

from picpxct_nx.validation.hostile import scan
from picpxct_nx.validation.tree import Item, UnreadableError, content, kind_of, nx_class
from picpxct_nx.validation.violation import Report, Violation, shown

_URN = "urn:uuid:"


@dataclass(frozen=True, order=True)
class Named:
    """One input as a file names it: by the UUID of an entry, or as a foreign file; `path` is the note that says so."""

    path: str
    checksum: str
    uuid: str | None = None
    file_name: str | None = None


def named_inputs(file: h5py.File) -> tuple[Named, ...]:
    """Inputs of the newest step of every entry of an open file; none where the file is refused as hostile."""
    root, refused = scan(file)
    entries = [] if refused else [m for m in root.members.values() if m.is_group and nx_class(m) == "NXentry"]
    return tuple(sorted(named for entry in entries for named in _of_newest(entry)))


def _of_newest(entry: Item) -> Iterator[Named]:
    steps = sorted((n, m) for n, m in entry.members.items() if m.is_group and nx_class(m) == "NXprocess")
    for _, step in steps[-1:]:
        for note in (m for m in step.members.values() if m.is_group and nx_class(m) == "NXnote"):
            checksum, urn = _text(note, "checksum"), _text(note, "identifier_entry")
            if checksum is not None:
                uuid = urn.removeprefix(_URN) if urn is not None else None
                yield Named(note.path, checksum, uuid, _text(note, "file_name"))


def _text(group: Item, name: str) -> str | None:
    item = group.members.get(name)
    if item is None or item.dtype is None or item.shape or kind_of(item.dtype) != "S":
        return None
    try:
        return str(content(item))
    except UnreadableError:
        return None


def check_inputs(inputs: tuple[Named, ...], digests: Mapping[str, str]) -> Iterator[Violation]:
    """Inputs that are not there, and inputs that are no longer what the newest step read.

    Parameters
    ----------
    inputs : tuple of Named
        What the file names, see `named_inputs`.
    digests : mapping
        Digest by UUID of the entry, and by name of a foreign file, of what lies there (`nexus.digests`).
    """
    for named in inputs:
        key = named.uuid or named.file_name
        if key is None or key not in digests:
            called = f"{key} ({named.file_name})" if named.uuid and named.file_name else key or "an input without name"
            yield Violation(named.path, "INPUT_MISSING", f"{called} is not among the inputs given", "warning")
        elif digests[key] != named.checksum:
            text = f"{key} was read with digest {named.checksum[:12]}..., and has {digests[key][:12]}... now"
            yield Violation(f"{named.path}/checksum", "INPUT_CHECKSUM", f"{text}: it was changed; run the step again")


def with_inputs(report: Report, inputs: tuple[Named, ...], digests: Mapping[str, str]) -> Report:
    """The report with what was found about the inputs."""
    found = {replace(v, path=shown(v.path), message=shown(v.message)) for v in check_inputs(inputs, digests)}
    return replace(report, violations=tuple(sorted({*report.violations, *found})))
