"""Digests of the entries and files of a folder, by the names under which a history knows them."""

import hashlib
from collections.abc import Collection
from pathlib import Path

from picpxct_nx.errors import InputError, MissingInputError
from picpxct_nx.nexus.opening import open_valid
from picpxct_nx.nexus.reading import entries, read
from picpxct_nx.validation.inputs import Named

_SUFFIXES = frozenset({".nxs", ".h5", ".hdf5"})


def digests(folder: Path, wanted: Collection[Named]) -> dict[str, str]:
    """Digest by UUID of every wanted entry, and by name of every wanted foreign file, that lies in a folder.

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
    found: dict[str, str] = {}
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        if path.name in names:
            with path.open("rb") as handle:
                found[names[path.name]] = hashlib.file_digest(handle, "sha256").hexdigest()
        if path.suffix in _SUFFIXES:
            found |= _entries(path, uuids - found.keys())
    return found


def _entries(path: Path, wanted: set[str]) -> dict[str, str]:
    try:
        with open_valid(path, path.name) as file:
            records = (read(file, name) for name in entries(file))
            return {record.uuid: record.digest() for record in records if record.uuid in wanted}
    except (InputError, MissingInputError):
        return {}
