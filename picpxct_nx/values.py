"""Values: what the fields of one entry hold, by path, and the digest that names their content."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

# Blocks in which large arrays are read, written and hashed.
BLOCK_BYTES = 16 * 2**20


@runtime_checkable
class ArraySource(Protocol):
    """An array that may still lie in a file: it has a shape and a type, and slices along the first axis are read."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length along every axis."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""

    def __getitem__(self, key: Any, /) -> Any:
        """Part of the array, in memory."""


@dataclass(frozen=True)
class PackedImages:
    """Images (n, h, w), each one compressed chunk that can be copied as it is.

    `filters` are code, flags and options of the HDF5 filters, in the order in which they were applied; `read` gives
    the filters that were left out of image i, as a mask, and its bytes.
    """

    filters: tuple[tuple[int, int, tuple[int, ...]], ...]
    read: Callable[[int], tuple[int, bytes]]


@runtime_checkable
class Packed(Protocol):
    """An array source that may know its images as compressed chunks."""

    def packed(self) -> PackedImages | None:
        """The images as they are stored, or None where they must be packed anew."""


@runtime_checkable
class Packing(Protocol):
    """An array source that knows how it is packed where it comes from."""

    @property
    def packing(self) -> str | None:
        """`bitshuffle` where the images are packed by bitshuffle and LZ4, else None."""


@runtime_checkable
class Pieces(ArraySource, Protocol):
    """An array that is written and read in pieces, wherever it lies: in memory, or in a file while memory is short."""

    def __setitem__(self, key: Any, value: Any, /) -> None:
        """Write a part: numbers and slices of step one for the leading axes."""

    def __len__(self) -> int:
        """Length along the first axis."""

    def __iter__(self) -> Iterator[Any]:
        """Parts along the first axis, in memory."""

    def reshape(self, shape: tuple[int, ...], /) -> "Pieces":
        """The same numbers under another shape."""


Scalar = str | bool | int | float
Array = npt.NDArray[Any]
Value = Scalar | Array | ArraySource

# Makes an array of a shape and type, not filled yet: a stage asks it for all that is as large as a cube.
Room = Callable[[tuple[int, ...], npt.DTypeLike], Pieces]


def in_memory(shape: tuple[int, ...], dtype: npt.DTypeLike) -> Pieces:
    """An array in memory, not filled yet: the `Room` of who has enough."""
    return np.empty(shape, dtype)


# Paths are relative to the entry: `a/b` is a field, `a/b@c` an attribute of it. Units are those that the definition
# demands; `@units` stands only where the definition leaves the unit open, `@NX_class` where it leaves the name open.
Values = Mapping[str, Value]


def blocks(source: ArraySource | Array) -> Iterator[tuple[Any, Array]]:
    """Consecutive parts of an array, each of at most about `BLOCK_BYTES`, with the key at which each stands.

    Parts follow each other in memory order: runs of the first axis, or where one step of it is too large, runs of the
    next axis in each.
    """
    if not source.shape or 0 in source.shape:
        yield (), np.asarray(source[...])
        return
    yield from ((key, np.asarray(source[key])) for key in _keys(source.shape, source.dtype.itemsize))


def _keys(shape: tuple[int, ...], itemsize: int, outer: tuple[int, ...] = ()) -> Iterator[tuple[int | slice, ...]]:
    row = int(np.prod(shape[1:], dtype=np.int64)) * itemsize
    if row > BLOCK_BYTES and len(shape) > 1:
        for index in range(shape[0]):
            yield from _keys(shape[1:], itemsize, (*outer, index))
        return
    step = max(1, BLOCK_BYTES // max(1, row))
    for start in range(0, shape[0], step):
        yield (*outer, slice(start, min(start + step, shape[0])))


def size(value: Value) -> int:
    """Bytes that a value takes in a file, roughly for text."""
    if isinstance(value, str):
        return len(value)
    shape, dtype = np.shape(value), getattr(value, "dtype", np.dtype(np.float64))
    return int(np.prod(shape, dtype=np.int64)) * int(dtype.itemsize)


def digest(values: Values, *, leave_out: tuple[str, ...] = ()) -> str:
    """SHA-256 over names, shapes, types and values in the order of the names.

    Text counts as UTF-8, a whole number as a little-endian int64 and a real one as a float64; arrays keep their type,
    little-endian. How a file chunks or compresses them does not matter.

    Parameters
    ----------
    values : mapping
        Values of one entry.
    leave_out : tuple of str
        Beginnings of the paths that do not count.

    Returns
    -------
    64 hexadecimal digits.
    """
    total = hashlib.sha256()
    for path in sorted(values):
        if not path.startswith(leave_out):
            _hash(total, path, values[path])
    return total.hexdigest()


def _hash(total: "hashlib._Hash", path: str, value: Value) -> None:
    shape: tuple[int, ...] = ()
    if isinstance(value, str):
        kind, payload = "text", value.encode()
    elif isinstance(value, bool | int | float | np.generic):
        number = np.asarray(value)
        kind = "f" if number.dtype.kind == "f" else "i"
        payload = number.astype("<f8" if kind == "f" else "<i8").tobytes()
    elif value.dtype.kind in "OUST":
        payload = "\0".join(str(item) for item in np.asarray(value[...]).ravel()).encode()
        kind, shape = "text", tuple(value.shape)
    else:
        little = value.dtype.newbyteorder("<")
        kind, shape = little.str, tuple(value.shape)
        total.update(f"{path}\0{kind}\0{shape}\0".encode())
        for _, block in blocks(value):
            total.update(np.ascontiguousarray(block.astype(little, copy=False)).data.cast("B") if block.size else b"")
        return
    total.update(f"{path}\0{kind}\0{shape}\0".encode() + payload)
