"""Arrays by name: NumPy files and HDF5 files whose layout the user explains with a map."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.formats import packed
from picpxct_nx.formats.foreign import OURS, Axes, ForeignScan
from picpxct_nx.formats.selection import Key, describe, select
from picpxct_nx.nexus import open_hdf5
from picpxct_nx.provenance import Input
from picpxct_nx.validation import survey
from picpxct_nx.values import Array, ArraySource

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# NXdetector/pixel_mask bit 8: masked by the user.
USER_MASK = 1 << 8

_COMPLEX_PARTS = (("r", "i"), ("re", "im"), ("real", "imag"))


@dataclass
class Files:
    """The files that one import has opened: arrays by key, and each file with the SHA-256 of its bytes."""

    main: Path
    stack: ExitStack
    inputs: dict[Path, Input] = field(default_factory=dict)
    _opened: dict[Path, tuple[tuple[str, ...], Callable[[str], ArraySource]]] = field(default_factory=dict)

    def load(self, key: Key) -> ArraySource:
        """The part of an array that a key names, unread.

        Raises
        ------
        InputError
            The file has no such array, or the index does not fit it.
        """
        path = self.main if key.file is None else Path(key.file)
        names, load = self._open(path)
        if not key.name and len(names) != 1:
            raise InputError(f"{path.name}: holds {_list(names)}; say which one with {path.name}::NAME")
        name = key.name or names[0]
        try:
            found = load(name)
        except KeyError:
            raise InputError(f"{path.name}: has no array '{name}'; it has {_list(names)}") from None
        return select(found, key.index, f"{path.name}::{name}")

    def adopt(self, main: AbstractContextManager[h5py.File]) -> h5py.File:
        """Open the main file by other means than a map, and load by key from it."""
        file = self.stack.enter_context(main)
        self._opened[self.main] = (), lambda name: load_dataset(file, name)
        self.inputs[self.main] = file_input(self.main)
        return file

    def names(self) -> str:
        """What the main file holds, for a message."""
        return _list(self._open(self.main)[0])

    def _open(self, path: Path) -> tuple[tuple[str, ...], Callable[[str], ArraySource]]:
        if path not in self._opened:
            opener = open_mapped_hdf5 if packed.first_bytes(path) == HDF5_SIGNATURE else packed.open_numpy
            self._opened[path] = self.stack.enter_context(opener(path))
            self.inputs[path] = file_input(path)
        return self._opened[path]


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


@contextmanager
def open_mapped_hdf5(path: Path) -> Iterator[tuple[tuple[str, ...], Callable[[str], ArraySource]]]:
    """Paths of the datasets of an HDF5 file, and a function that gives one of them, unread."""
    with safe_hdf5(path) as file:
        names: list[str] = []
        # Every object once, by its first hard link: a cycle of groups ends.
        file.visititems(lambda name, item: names.append(f"/{name}") if isinstance(item, h5py.Dataset) else None)
        yield tuple(names), lambda name: load_dataset(file, name)


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
    plist = item.id.get_create_plist()
    if any(plist.get_filter(i)[0] >= 32000 for i in range(plist.get_nfilters())):
        import hdf5plugin  # noqa: F401  # importing it registers the filters
    return item


@contextmanager
def read_mapped(path: Path, file_format: str, keys: Mapping[str, tuple[Key, ...]], axes: Axes) -> Iterator[ForeignScan]:
    """The scan that a map finds in a NumPy or HDF5 file; its frames can be read while the context lasts.

    Raises
    ------
    UsageError
        The map or the axes lack what no file of this kind says itself.
    InputError
        An array is missing, has the wrong shape, or the file is refused.
    """
    with opened(path) as files:
        if not {"data", "positions"} <= set(keys):
            raise UsageError(
                f"{path.name}: --map must name data and positions (FILE::KEY for another file); it has {files.names()}"
            )
        if axes.positions is None:
            raise UsageError(
                f"{path.name}: --axes must say what the positions are, for example --axes probe:+y,+x:pixel"
            )
        arrays, notes = read_arrays(files, keys)
        turned = (
            f"frames: --axes says that rows run along {axes.frames[0]} and columns along {axes.frames[1]}"
            if axes.frames
            else "frames: rows are taken to run along +y and columns along +x (--axes '...;frames:A,B' says otherwise)"
        )
        yield ForeignScan(
            name=path.name,
            format=file_format,
            inputs=tuple(files.inputs.values()),
            frames=arrays["data"],
            frame_axes=axes.frames or OURS,
            positions=np.asarray(arrays["positions"]),
            axes=axes.positions,
            probe=_maybe(arrays, "probe"),
            mask=_maybe(arrays, "mask"),
            monitor=_maybe(arrays, "monitor"),
            options={"map": describe(keys)},
            notes=(*axes.notes, *notes, turned),
        )


def _maybe(arrays: Mapping[str, ArraySource], role: str) -> Array | None:
    return np.asarray(arrays[role]) if role in arrays else None


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
            result[role], note = as_mask(sources[0][...], role)
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


def as_mask(array: Array, name: str) -> tuple[Array, list[str]]:
    """A mask as bits of NXdetector/pixel_mask: what is not zero is bad, as there and in CXI.

    Raises
    ------
    InputError
        The array does not hold numbers.
    """
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name}: of type {array.dtype}; wanted numbers, 0 for a good pixel")
    bad = array != 0
    notes = [f"{name}: not zero means bad: {int(bad.sum())} of {bad.size} pixels"]
    if bad.mean() > 0.5:
        notes.append(f"{name}: more than half of the pixels are bad; is the mask inverted? here 0 is a good pixel")
    return np.where(bad, USER_MASK, 0).astype(np.int32), notes
