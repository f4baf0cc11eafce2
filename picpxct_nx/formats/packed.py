"""NumPy files: .npy and .npz, also packed by bzip2 or gzip, as memory maps that are neither executed nor trusted.

Packed bytes are unpacked into unnamed temporary files, so that an array larger than memory can be read in blocks, and
the unpacking stops where a bomb begins. Pickled objects are refused: they could run any program.
"""

import bz2
import errno
import gzip
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol

import numpy as np

from picpxct_nx.errors import InputError, MissingInputError, RetryError
from picpxct_nx.values import Array

BZIP2, GZIP, ZIP, NPY = b"BZh", b"\x1f\x8b", b"PK\x03\x04", b"\x93NUMPY"
# The one array of a .npy file goes by this name.
ONLY = "data"

# Above this size, what unpacks to so many times of what is stored is no measurement.
BOMB_BYTES = 64 * 2**20
BOMB_RATIO = 200

_PIECE = 2**20
_DAMAGED = (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError)
_HEADERS: dict[tuple[int, int], Callable[[Any], tuple[tuple[int, ...], bool, np.dtype[Any]]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}

Loader = Callable[[str], Array]


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


def first_bytes(path: Path) -> bytes:
    """The first bytes of a file, and below bzip2 or gzip those of what is packed.

    Raises
    ------
    MissingInputError
        The file is not there or may not be read.
    InputError
        The file is empty or its packing is damaged.
    """
    with _open(path) as handle:
        start = handle.read(8)
    if not start:
        raise InputError(f"{path.name}: is empty (0 bytes); did the program that wrote it fail?")
    if not start.startswith((BZIP2, GZIP)):
        return start
    with _open(path) as handle, _naming_damage(path.name):
        return _unpacking(handle, start).read(8)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise MissingInputError(f"{path}: is not there; check the name") from None
    except PermissionError:
        raise MissingInputError(f"{path}: may not be read; check its rights") from None
    except IsADirectoryError:
        raise MissingInputError(f"{path}: is a folder; name a file") from None


@contextmanager
def _naming_damage(name: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        text = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"{name}: cannot be unpacked ({text}); copy it again") from None


def _unpacking(handle: BinaryIO, start: bytes) -> "bz2.BZ2File | gzip.GzipFile":
    return bz2.open(handle) if start.startswith(BZIP2) else gzip.open(handle)


@contextmanager
def open_numpy(path: Path) -> Iterator[tuple[tuple[str, ...], Loader]]:
    """Names of the arrays of a NumPy file, and a function that maps one into memory; KeyError where it is not there.

    Raises
    ------
    MissingInputError
        The file is not there or may not be read.
    InputError
        The file is damaged, holds pickled objects, is not from NumPy, or unpacks to far more than is stored.
    RetryError
        The temporary folder is full.
    """
    with ExitStack() as stack:
        handle: IO[bytes] = stack.enter_context(_open(path))
        packed_bytes, start = path.stat().st_size, first_bytes(path)
        with _naming_damage(path.name):
            outside = handle.read(8)
            handle.seek(0)
            if outside.startswith((BZIP2, GZIP)):
                stream = stack.enter_context(_unpacking(stack.enter_context(_open(path)), outside))
                handle = stack.enter_context(_spool(stream, packed_bytes, path.name))
        if start.startswith(NPY):
            yield (ONLY,), lambda name: _only(handle, name, path.name)
        elif start.startswith(ZIP):
            with _naming_damage(path.name):
                archive = stack.enter_context(zipfile.ZipFile(handle))
            names = tuple(name.removesuffix(".npy") for name in archive.namelist())
            yield names, lambda name: _member(archive, name, packed_bytes, path.name, stack)
        else:
            raise InputError(f"{path.name}: is not a NumPy file (it starts with {start!r}); wanted .npy or .npz")


def _only(handle: IO[bytes], name: str, file: str) -> Array:
    if name != ONLY:
        raise KeyError(name)
    handle.seek(0)
    return _map(handle, file)


def _member(archive: zipfile.ZipFile, name: str, packed_bytes: int, file: str, stack: ExitStack) -> Array:
    where = f"{file}::{name}"
    members = [info for info in archive.infolist() if info.filename.removesuffix(".npy") == name]
    if not members:
        raise KeyError(name)
    member = members[-1]  # as zipfile itself reads a name that was written twice
    with _naming_damage(where), archive.open(member) as stream:
        # What the archive says of a member's size is a stranger's word; the whole file is certainly not smaller.
        handle = stack.enter_context(_spool(stream, min(member.compress_size, packed_bytes), where))
    return _map(handle, where)


def _spool(stream: Readable, packed_bytes: int, name: str) -> IO[bytes]:
    """The bytes of a stream in an unnamed temporary file."""
    with ExitStack() as stack:
        target = stack.enter_context(tempfile.TemporaryFile())
        total = 0
        while piece := stream.read(_PIECE):
            total += len(piece)
            if total > BOMB_BYTES and total > BOMB_RATIO * packed_bytes:
                raise InputError(
                    f"{name}: unpacks from {packed_bytes} to over {total} bytes: refused as a bomb; unpack it yourself"
                )
            _write(target, piece)
        target.seek(0)
        # All went well: the caller closes it, and with it the file is gone.
        stack.pop_all()
    return target


def _write(target: IO[bytes], piece: bytes) -> None:
    try:
        target.write(piece)
        target.flush()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        folder = tempfile.gettempdir()
        raise RetryError(f"{folder}: no room left to unpack; free some or set TMPDIR, and run again") from error


def _map(handle: IO[bytes], where: str) -> Array:
    """The array of an open .npy file as a memory map."""
    try:
        version = np.lib.format.read_magic(handle)
        read_header = _HEADERS[version]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # headers that Python 2 wrote
            shape, fortran, dtype = read_header(handle)
    except (ValueError, KeyError, SyntaxError) as error:
        raise InputError(f"{where}: is no .npy array ({' '.join(str(error).split())[:120]}); save it again") from None
    if dtype.hasobject:
        raise InputError(
            f"{where}: holds pickled Python objects, which may run a stranger's program; save plain numbers "
            "(numpy.save with allow_pickle=False)"
        )
    offset = handle.tell()
    wanted = int(np.prod(shape, dtype=object)) * dtype.itemsize
    found = handle.seek(0, 2) - offset
    if found < wanted:
        raise InputError(f"{where}: is truncated: {found} of {wanted} bytes are there; copy it again")
    order = "F" if fortran else "C"
    if wanted == 0:
        return np.empty(shape, dtype)
    return np.memmap(handle, dtype, "r", offset, shape, order)  # type: ignore[call-overload,no-any-return]
