"""Arrays by key: the files that one import opens, and frames, positions, probe, mask and monitor from them."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from picpxct_nx.errors import InputError
from picpxct_nx.formats import packed
from picpxct_nx.formats.linked import Linked, linked, load_filters
from picpxct_nx.formats.selection import Key, select
from picpxct_nx.formats.table import open_table
from picpxct_nx.nexus import open_hdf5
from picpxct_nx.provenance import Input
from picpxct_nx.validation import survey
from picpxct_nx.values import Array, ArraySource

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Endings of text files that are read as tables of numbers with named columns.
TABLES = frozenset({".csv", ".dat", ".txt", ".tsv"})
# NXdetector/pixel_mask bit 8: masked by the user.
USER_MASK = 1 << 8

_COMPLEX_PARTS = (("r", "i"), ("re", "im"), ("real", "imag"))


@dataclass(frozen=True)
class _Opened:
    """An open file: names of its arrays, a function that gives one, unread, and what else it opened by then."""

    names: tuple[str, ...]
    load: Callable[[str], ArraySource]
    used: Callable[[], tuple[Path, ...]] = tuple


@dataclass
class Files:
    """The files that one import has opened: arrays by key, and each file with the SHA-256 of its bytes."""

    main: Path
    stack: ExitStack
    _opened: dict[Path, _Opened] = field(default_factory=dict)
    _more: list[Path] = field(default_factory=list)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Every file that was opened by now, also those that links named."""
        used = [path for opened in self._opened.values() for path in opened.used()]
        seen = {path.resolve(): path for path in [*self._opened, *used, *self._more]}
        return tuple(file_input(path) for path in seen.values())

    def load(self, key: Key) -> ArraySource:
        """The part of an array that a key names, unread.

        Raises
        ------
        InputError
            The file has no such array, or the index does not fit it.
        """
        name, found = self._find(key)
        return select(found, key.index, name)

    def unit(self, key: Key) -> Any:
        """The attribute `units` of an array; None where it has none."""
        attributes = getattr(self._find(key)[1], "attrs", None)
        return None if attributes is None else attributes.get("units")

    def _find(self, key: Key) -> tuple[str, ArraySource]:
        path = self.main if key.file is None else Path(key.file)
        opened = self._open(path)
        if not key.name and len(opened.names) != 1:
            raise InputError(f"{path.name}: holds {_list(opened.names)}; say which one with {path.name}::NAME")
        name = key.name or opened.names[0]
        try:
            return f"{path.name}::{name}", opened.load(name)
        except KeyError:
            raise InputError(f"{path.name}: has no array '{name}'; it has {_list(opened.names)}") from None

    def adopt(self, main: AbstractContextManager[h5py.File]) -> h5py.File:
        """Open the main file by other means than a map, and load by key from it."""
        file = self.stack.enter_context(main)
        self._opened[self.main] = _Opened((), lambda name: load_dataset(file, name))
        return file

    def follow(self, path: Path | None = None) -> Linked:
        """Open the main file, or another one, with the files beside it that its links name, and load by key from it."""
        path = path or self.main
        file = self.stack.enter_context(linked(path))
        self._opened[path] = _Opened((), lambda name: _dataset(file, name), lambda: file.used)
        return file

    def also(self, *paths: Path) -> None:
        """Note other files that were read."""
        self._more += paths

    def names(self) -> str:
        """What the main file holds, for a message."""
        return _list(self._open(self.main).names)

    def _open(self, path: Path) -> _Opened:
        if path not in self._opened:
            first = packed.first_bytes(path)
            if first == HDF5_SIGNATURE:
                self.follow(path)
                self._opened[path] = _named(self._opened[path], self.stack, path)
            elif first.startswith((packed.NPY, packed.ZIP)) or path.suffix.lower() not in TABLES:
                self._opened[path] = _Opened(*self.stack.enter_context(packed.open_numpy(path)))
            else:
                self._opened[path] = _Opened(*open_table(path))
        return self._opened[path]


def _named(opened: _Opened, stack: ExitStack, path: Path) -> _Opened:
    """With the names of the datasets of an HDF5 file: every object once, by its first hard link."""
    names: list[str] = []
    file = stack.enter_context(open_hdf5(path, path.name))
    # A name that is not UTF-8 ends the list; it serves messages, and to find the only array.
    with suppress(UnicodeDecodeError):
        file.visititems(lambda name, item: names.append(f"/{name}") if isinstance(item, h5py.Dataset) else None)
    return _Opened(tuple(names), opened.load, opened.used)


def _dataset(file: Linked, name: str) -> ArraySource:
    found = file.frames(name)
    if found is None:
        raise KeyError(name)
    return found


@contextmanager
def opened(path: Path) -> Iterator[Files]:
    """The files of one import, closed at the end."""
    with ExitStack() as stack:
        yield Files(path, stack)


def file_input(path: Path) -> Input:
    """How a step names a foreign file: the SHA-256 of its bytes, and its name as a hint."""
    with path.open("rb") as handle:
        return Input(checksum=hashlib.file_digest(handle, "sha256").hexdigest(), file_name=path.name)


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "") or "nothing"


@contextmanager
def safe_hdf5(path: Path) -> Iterator[h5py.File]:
    """A stranger's HDF5 file, open once nothing in it can harm a reader.

    Raises
    ------
    MissingInputError, InputError
        As `open_hdf5`, and InputError where the survey refuses the file: external links, virtual datasets, bombs.
    """
    with open_hdf5(path, path.name) as file:
        refused = sorted(survey(file))
        if refused:
            raise InputError(f"{path.name}: {refused[0].path}: {refused[0].message} [{refused[0].code}]")
        yield file


def load_dataset(file: h5py.File, name: str) -> h5py.Dataset:
    """A dataset of an open file by its path or a link to it, with the filters that reading it needs.

    Raises
    ------
    KeyError
        There is no dataset at that path.
    """
    item = file.get(name)
    if not isinstance(item, h5py.Dataset):
        raise KeyError(name)
    load_filters(item)
    return item


def read_arrays(files: Files, keys: Mapping[str, tuple[Key, ...]]) -> tuple[dict[str, Any], list[str]]:
    """Every mapped array in the form that a `ForeignScan` has, and sentences about what was done to it.

    Frames stay unread; positions, probe, mask and monitor are read.
    """
    result: dict[str, Any] = {}
    notes: list[str] = []
    for role, found in keys.items():
        sources = [files.load(key) for key in found]
        if role == "data":
            result[role] = sources[0]
        elif role == "positions":
            result[role] = _columns([_real(source, role) for source in sources])
        elif role == "monitor":
            result[role] = _real(sources[0], role)
        elif role == "probe":
            result[role], note = as_probe(sources[0][...])
            notes += note
        else:
            result[role], note = as_mask(sources[0][...], role, good=found[0].good)
            notes += note
    return result, notes


def _real(source: ArraySource, role: str) -> Array:
    if np.dtype(source.dtype).kind not in "iuf":
        raise InputError(f"{role}: of type {source.dtype}; wanted real numbers; check --map")
    return np.asarray(source[...], np.float64)


def _columns(arrays: list[Array]) -> Array:
    if len(arrays) == 1:
        return arrays[0]
    if len(arrays) != 2 or any(a.ndim != 1 or a.shape != arrays[0].shape for a in arrays):
        raise InputError(f"positions: shapes {[a.shape for a in arrays]}; join two arrays of one number a frame: Y+X")
    return np.stack(arrays, axis=1)


def as_probe(array: Array) -> tuple[Array, list[str]]:
    """A probe as (modes, h, w) complex; one mode may lack its axis, and two-part numbers are joined.

    Raises
    ------
    InputError
        The array does not hold numbers.
    """
    names = array.dtype.names
    if names is not None and tuple(name.lower() for name in names) in _COMPLEX_PARTS:
        array = array[names[0]] + np.complex64(1j) * array[names[1]]
    if array.dtype.kind not in "iufc":
        raise InputError(f"probe: of type {array.dtype}; wanted complex numbers; check --map")
    notes = []
    if array.dtype.kind != "c":
        notes.append(f"probe: of type {array.dtype}, taken as a wave of phase 0")
        array = array.astype(np.complex64)
    return (array[np.newaxis] if array.ndim == 2 else array), notes


def as_mask(array: Array, name: str, *, good: bool = False) -> tuple[Array, list[str]]:
    """A mask as bits of NXdetector/pixel_mask: what is not zero is bad, as there and in CXI, or `good` if that is said.

    Raises
    ------
    InputError
        The array does not hold numbers.
    """
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name}: of type {array.dtype}; wanted numbers, 0 for a good pixel")
    bad = (array == 0) if good else (array != 0)
    meaning = "good" if good else "bad"
    notes = [f"{name}: not zero means {meaning}: {int(bad.sum())} of {bad.size} pixels are bad"]
    if bad.mean() > 0.5:
        notes.append(f"{name}: more than half of the pixels are bad; is the mask inverted? mask=good:... says so")
    return np.where(bad, USER_MASK, 0).astype(np.int32), notes
