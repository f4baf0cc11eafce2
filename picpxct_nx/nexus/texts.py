"""Every text that a file holds, so that somebody can look for what does not belong into the public."""

from collections.abc import Iterator

import h5py
import numpy as np

from picpxct_nx.validation.fields import kind_of, plain

# A text array is read up to this many items; definitions know of none that is longer.
_MOST_ITEMS = 1_000_000


def texts(file: h5py.File) -> Iterator[tuple[str, str]]:
    """Path and text of every text field and attribute of an open file that is not hostile; links are not followed."""
    found: list[tuple[str, str]] = []

    def look(name: str, item: h5py.Group | h5py.Dataset) -> None:
        path = f"/{name}" if name else "/"
        for key, value in item.attrs.items():
            found.extend((f"{path}@{key}", text) for text in _strings(value))
        if isinstance(item, h5py.Dataset) and kind_of(item.dtype) == "S" and item.size <= _MOST_ITEMS:
            found.extend((path, text) for text in _strings(item[()]))

    look("", file)
    file.visititems(look)
    yield from found


def definition_version(file: h5py.File, entry: str) -> str:
    """Version of the definition that an entry says it keeps; empty where it does not say."""
    item = file[entry].get("definition")
    return str(plain(item.attrs.get("version", ""))) if isinstance(item, h5py.Dataset) else ""


def holds(file: h5py.File, path: str) -> bool:
    """Whether a path leads to something inside an open file."""
    return path in file


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif isinstance(value, str):
        yield value
    elif isinstance(value, np.ndarray) and value.dtype.kind in "OSU":
        for item in value.ravel():
            yield from _strings(item)
