"""The verdict on one file: safety first, then root, entries, structure."""

from collections.abc import Iterator

import h5py
import numpy as np

from picpxct_nx import nxdl
from picpxct_nx.validation.fields import plain
from picpxct_nx.validation.hostile import survey
from picpxct_nx.validation.structure import check_entry, check_root, class_of
from picpxct_nx.validation.violation import Report, Violation


def check_file(file: h5py.File, name: str) -> Report:
    """Verdict on an open file. A file that a careful reader refuses is not looked at any further.

    Parameters
    ----------
    file : h5py.File
        The file, open for reading.
    name : str
        How the report calls it.
    """
    refused = survey(file)
    if refused:
        return Report(name, None, tuple(sorted(refused)))
    entries = [member for _, member in sorted(file.items()) if isinstance(member, h5py.Group)]
    claims = {claim for entry in entries if (claim := claimed(entry)) is not None}
    violations = [*check_root(file), *(fault for entry in entries for fault in _check_claim(entry))]
    if not entries:
        violations.append(Violation("/", "MISSING_GROUP", "has no NXentry; the file is empty"))
    return Report(name, ", ".join(sorted(claims)) or None, tuple(sorted(violations)))


def claimed(entry: h5py.Group) -> str | None:
    """Definition that an entry says it keeps, or None."""
    field = entry.get("definition")
    if not isinstance(field, h5py.Dataset) or field.shape not in ((), (1,)):
        return None
    value = plain(np.asarray(field[()]).ravel()[0])
    return value if isinstance(value, str) else None


def _check_claim(entry: h5py.Group) -> Iterator[Violation]:
    if class_of(entry) != "NXentry":
        return
    path = f"{entry.name}/definition"
    claim = claimed(entry)
    if claim is None:
        yield Violation(path, "DEFINITION_MISSING", f"names no definition; ours are {', '.join(nxdl.names())}")
    elif claim not in nxdl.names():
        yield Violation(path, "DEFINITION_UNKNOWN", f"is '{claim}'; ours are {', '.join(nxdl.names())}")
    else:
        definition = nxdl.definition(claim)
        newer = list(_check_version(entry, definition, path))
        yield from newer
        if not newer:
            yield from check_entry(entry, definition)
            yield from _check_assumed(entry)


def _check_version(entry: h5py.Group, definition: nxdl.Definition, path: str) -> Iterator[Violation]:
    text = plain(entry["definition"].attrs.get("version", ""))
    parts = text.split(".") if isinstance(text, str) else []
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        # A version that is missing altogether is reported with the other required attributes.
        if text != "":
            yield Violation(f"{path}@version", "VERSION", f"is '{text}'; wanted major.minor.patch")
        return
    if int(parts[0]) > int(definition.version.split(".")[0]):
        yield Violation(
            f"{path}@version", "VERSION_NEWER",
            f"is {text}, newer than {definition.version}, the newest this program knows; update picpxct_nx",
        )  # fmt: skip


def _check_assumed(entry: h5py.Group) -> Iterator[Violation]:
    field = entry.get("assumed")
    if not isinstance(field, h5py.Dataset) or len(field.shape) != 1:
        return
    for path in plain(field[()]):
        if path in entry:
            yield Violation(f"{entry.name}/{path}", "ASSUMED", "was assumed, nobody measured it", "warning")
        else:
            yield Violation(f"{entry.name}/assumed", "ASSUMED_MISSING", f"names '{path}', which is not there")
