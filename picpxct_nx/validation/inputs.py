"""Inputs of the newest step against what lies in a folder: there, still what was read, and of the same geometry."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import h5py

from picpxct_nx.validation.hostile import scan
from picpxct_nx.validation.origin import RECONSTRUCTION, Origin, check_origin, origin_of
from picpxct_nx.validation.tree import Item, UnreadableError, content, kind_of, nx_class
from picpxct_nx.validation.violation import Report, Violation, shown

_URN = "urn:uuid:"


@dataclass(frozen=True)
class Named:
    """One input as a file names it: by the UUID of an entry, or as a foreign file.

    `path` is the note that says so, `product` what the entry with the note says of its measurement.
    """

    path: str
    checksum: str
    uuid: str | None = None
    file_name: str | None = None
    product: Origin | None = None

    @property
    def entry(self) -> str:
        """Path of the entry that names the input."""
        return "/" + self.path.split("/")[1]


@dataclass(frozen=True)
class Present:
    """One input as it lies in a folder: its digest, and what it says of its measurement if it is an entry of ours."""

    digest: str
    origin: Origin | None = None


def named_inputs(file: h5py.File) -> tuple[Named, ...]:
    """Inputs of the newest step of every entry of an open file; none where the file is refused as hostile."""
    root, refused = scan(file)
    entries = [] if refused else [m for m in root.members.values() if m.is_group and nx_class(m) == "NXentry"]
    named = (one for entry in entries for one in _of_newest(entry, origin_of(root, entry, _text(entry, "definition"))))
    return tuple(sorted(named, key=lambda one: one.path))


def origins(file: h5py.File) -> dict[str, Origin]:
    """What the entries of an open file say of their measurements, by name; none where the file is hostile."""
    root, refused = scan(file)
    entries = {} if refused else {name: m for name, m in root.members.items() if m.is_group}
    found = {name: origin_of(root, entry, _text(entry, "definition")) for name, entry in entries.items()}
    return {name: origin for name, origin in found.items() if origin is not None}


def _of_newest(entry: Item, product: Origin | None) -> Iterator[Named]:
    steps = sorted((n, m) for n, m in entry.members.items() if m.is_group and nx_class(m) == "NXprocess")
    for _, step in steps[-1:]:
        notes = sorted((n, m) for n, m in step.members.items() if m.is_group and nx_class(m) == "NXnote")
        for number, (_, note) in enumerate(notes):
            checksum, urn = _text(note, "checksum"), _text(note, "identifier_entry")
            if checksum is not None:
                uuid = urn.removeprefix(_URN) if urn is not None else None
                # A reconstruction is of its first input; others shared their object or probe with it.
                other = number and product is not None and product.definition == RECONSTRUCTION
                yield Named(note.path, checksum, uuid, _text(note, "file_name"), None if other else product)


def _text(group: Item, name: str) -> str | None:
    item = group.members.get(name)
    if item is None or item.dtype is None or item.shape or kind_of(item.dtype) != "S":
        return None
    try:
        return str(content(item))
    except UnreadableError:
        return None


def check_inputs(inputs: tuple[Named, ...], present: Mapping[str, Present]) -> Iterator[Violation]:
    """Inputs that are not there, that are no longer what the newest step read, or that the product contradicts.

    Parameters
    ----------
    inputs : tuple of Named
        What the file names, see `named_inputs`.
    present : mapping
        What lies there, by UUID of the entry, and by name of a foreign file (`nexus.present_inputs`).
    """
    for named in inputs:
        key = named.uuid or named.file_name
        found = present.get(key) if key is not None else None
        if found is None:
            called = f"{key} ({named.file_name})" if named.uuid and named.file_name else key or "an input without name"
            yield Violation(named.path, "INPUT_MISSING", f"{called} is not among the inputs given", "warning")
        elif found.digest != named.checksum:
            text = f"{key} was read with digest {named.checksum[:12]}..., and has {found.digest[:12]}... now"
            yield Violation(f"{named.path}/checksum", "INPUT_CHECKSUM", f"{text}: it was changed; run the step again")
        elif named.product is not None and found.origin is not None:
            yield from check_origin(named.entry, named.product, found.origin)


def with_inputs(report: Report, inputs: tuple[Named, ...], present: Mapping[str, Present]) -> Report:
    """The report with what was found about the inputs."""
    found = {replace(v, path=shown(v.path), message=shown(v.message)) for v in check_inputs(inputs, present)}
    return replace(report, violations=tuple(sorted({*report.violations, *found})))
