"""Where the files of a deposit are: in a folder, or in an archive whose members are read in place."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from picpxct_nx.deposit import zipped
from picpxct_nx.deposit.fault import Fault
from picpxct_nx.errors import InputError, MissingInputError


class _Window(io.RawIOBase):
    """A stretch of a file as a file of its own: a stored member of an archive, for HDF5 to read in place."""

    def __init__(self, handle: BinaryIO, start: int, size: int) -> None:
        self._handle, self._start, self._size, self._here = handle, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._here = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._here, io.SEEK_END: self._size}[whence]
        return self._here

    def tell(self) -> int:
        return self._here

    def readinto(self, buffer: Any) -> int:
        length = max(0, min(len(buffer), self._size - self._here))
        self._handle.seek(self._start + self._here)
        part = self._handle.read(length)
        buffer[: len(part)] = part
        self._here += len(part)
        return len(part)


@dataclass(frozen=True)
class Opened:
    """Where the files of a deposit are: a folder, or an archive with the place of each member in it."""

    path: Path
    sizes: Mapping[str, int]
    starts: Mapping[str, int] = field(default_factory=dict)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """One file for reading."""
        if not self.starts:
            with (self.path / name).open("rb", buffering=0) as handle:
                yield handle
            return
        with self.path.open("rb", buffering=0) as whole:
            yield _Window(whole, self.starts[name], self.sizes[name])  # type: ignore[misc]


def opened(path: Path, found: list[Fault]) -> Opened:
    """The files under a name; what belongs to no deposit goes to the faults.

    Raises
    ------
    MissingInputError
        There is nothing under that name.
    InputError
        It is neither a folder nor a .zip that can be read.
    """
    if not path.exists():
        raise MissingInputError(f"{path}: is not there; check the name")
    if path.is_dir():
        sizes = {}
        for item in path.rglob("*"):
            name = item.relative_to(path).as_posix()
            if item.is_symlink():
                found.append(Fault(name, "LINK", "is a symbolic link, which leads out of the deposit"))
            elif item.is_file():
                sizes[name] = item.stat().st_size
            elif not item.is_dir():
                found.append(Fault(name, "STRAY_FILE", "is a pipe or a device; take it out"))
            elif not any(item.iterdir()):
                found.append(Fault(name, "STRAY_FILE", "is an empty folder; take it out"))
        return Opened(path, sizes)
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(f"{path}: is neither a folder nor a .zip that can be read ({error})") from None
    names = [info.filename for info in infos]
    if len(set(names)) != len(names):
        raise InputError(f"{path}: holds two files of one name; it was changed after it was packed")
    members = zipped.layout((info.filename, info.file_size, info.CRC) for info in infos)
    return Opened(path, {one.name: one.size for one in members}, {one.name: one.start for one in members})
