"""The entries and files of a folder that a history names, by the names under which it knows them."""

import hashlib
from collections.abc import Collection
from pathlib import Path

from picpxct_nx.errors import InputError, MissingInputError
from picpxct_nx.nexus.opening import open_valid
from picpxct_nx.nexus.reading import entries, read
from picpxct_nx.validation.inputs import Named, Present, origins

_SUFFIXES = frozenset({".nxs", ".h5", ".hdf5"})


def present_inputs(folder: Path, wanted: Collection[Named]) -> dict[str, Present]:
    """Every wanted entry by its UUID, and every wanted foreign file by its name, that lies in a folder.

    Files that are not valid are passed over: what they hold cannot be what was read.

    Raises
    ------
    MissingInputError
        The folder is not there.
    """
    if not folder.is_dir():
        raise MissingInputError(f"{folder}: is no folder; name the one with the inputs")
    uuids = {named.uuid for named in wanted if named.uuid}
    # A name alone: what a stranger wrote never leads out of the folder.
    names = {Path(named.file_name).name: named.file_name for named in wanted if not named.uuid and named.file_name}
    found: dict[str, Present] = {}
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        if path.name in names:
            with path.open("rb") as handle:
                found[names[path.name]] = Present(hashlib.file_digest(handle, "sha256").hexdigest())
        if path.suffix in _SUFFIXES:
            found |= _entries(path, uuids - found.keys())
    return found


def _entries(path: Path, wanted: set[str]) -> dict[str, Present]:
    try:
        with open_valid(path, path.name) as file:
            told, records = origins(file), (read(file, name) for name in entries(file))
            return {
                record.uuid: Present(record.digest(), told.get(record.entry))
                for record in records
                if record.uuid in wanted
            }
    except (InputError, MissingInputError):
        return {}


def find_entries(folder: Path, uuids: Collection[str]) -> dict[str, tuple[Path, str, str]]:
    """File, name and digest of every wanted entry, by its UUID, that lies in a folder or below it.

    Files that are not valid are passed over: what they hold cannot be what was read.

    Raises
    ------
    MissingInputError
        The folder is not there.
    """
    if not folder.is_dir():
        raise MissingInputError(f"{folder}: is no folder; name the one with the inputs")
    found: dict[str, tuple[Path, str, str]] = {}
    paths = [path for path in folder.rglob("*") if path.suffix in _SUFFIXES and path.is_file()]
    # What lies at the top is most likely meant.
    for path in sorted(paths, key=lambda path: (len(path.parts), path)):
        if len(found) == len(uuids):
            break
        try:
            with open_valid(path, path.name) as file:
                for name in entries(file):
                    record = read(file, name)
                    if record.uuid in uuids and record.uuid not in found:
                        found[record.uuid] = (path, name, record.digest())
        except (InputError, MissingInputError, OSError):
            continue
    return found


def find_files(folder: Path, checksums: Collection[str], names: Collection[str] | None = None) -> dict[str, Path]:
    """Every file in a folder or below it whose bytes have one of the SHA-256 sums, by that sum.

    With names, only files of these names are read: raw data are large.
    """
    found: dict[str, Path] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()) if checksums else ():
        if names is not None and path.name not in names:
            continue
        with path.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        if digest in checksums:
            found.setdefault(digest, path)
    return found
