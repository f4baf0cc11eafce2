"""What a command reads: files, entries of files, standard input as a file or as a list of paths."""

import os
import stat
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from picpxct_nx.errors import InputError, MissingInputError, PicpxctError, UsageError

if TYPE_CHECKING:
    from picpxct_nx.records import Record

SIGNATURE = b"\x89HDF\r\n\x1a\n"
# What comes through a pipe is kept in memory up to this size, then in TMPDIR; with --memory less is.
SPOOL_BYTES = 64 * 2**20
_COPY_BYTES = 4 * 2**20

Failed = Callable[[str, PicpxctError], None]


@dataclass(frozen=True)
class Source:
    """One NeXus file: how to call it, where its bytes are, and which entries are meant."""

    name: str
    data: Path | BinaryIO
    text: str

    @property
    def size(self) -> int:
        """Length of a file in bytes, 0 where there is none."""
        if isinstance(self.data, Path):
            return self.data.stat().st_size if self.data.is_file() else 0
        size = self.data.seek(0, os.SEEK_END)
        self.data.seek(0)
        return size


def sources(inputs: Sequence[str] | None) -> Iterator[Source]:
    """The files that the arguments name, in their order; `-` and no argument at all are standard input.

    Raises
    ------
    UsageError
        No input, and standard input is a terminal; or standard input is named twice.
    MissingInputError
        Standard input is empty.
    """
    texts = inputs or ["-"]
    if sum(_is_stdin(text) for text in texts) > 1:
        raise UsageError("standard input is named twice, but can be read only once; name - once")
    for text in texts:
        if _is_stdin(text):
            yield from _standard_input(text)
        else:
            yield _file(text)


def _is_stdin(text: str) -> bool:
    return text == "-" or text.startswith("-::")


def _file(text: str) -> Source:
    path = text.partition("::")[0]
    return Source(path, Path(path), text)


def _standard_input(text: str) -> Iterator[Source]:
    if sys.stdin.isatty():
        raise UsageError("no input: name files, or pipe one in; --help shows how")
    if stat.S_ISREG(os.fstat(0).st_mode) and os.lseek(0, 0, os.SEEK_CUR) == 0 and os.pread(0, 8, 0) == SIGNATURE:
        # `< file` is opened in place.
        with os.fdopen(os.dup(0), "rb") as handle:
            yield Source("stdin", handle, text)
        return
    stream = sys.stdin.buffer
    start = stream.read(8)
    if not start:
        raise MissingInputError("standard input is empty; did the command before this one fail?")
    if start == SIGNATURE:
        with _spooled(start, stream) as copy:
            yield Source("stdin", copy, text)
        return
    yield from _paths(start + stream.read())


@contextmanager
def _spooled(start: bytes, stream: BinaryIO) -> Iterator[BinaryIO]:
    """What comes from a stream, as a file that can be read in any order."""
    from picpxct_nx import atomic

    with spool() as copy:
        with atomic.naming_disk_errors(f"the folder for temporary files, {tempfile.gettempdir()}"):
            copy.write(start)
            while chunk := stream.read(_COPY_BYTES):
                copy.write(chunk)
        copy.seek(0)
        yield copy


def _paths(raw: bytes) -> Iterator[Source]:
    try:
        lines = raw.decode().splitlines()
    except UnicodeDecodeError:
        raise InputError("standard input is neither an HDF5 file nor a list of paths; wanted one of the two") from None
    named = [line.strip() for line in lines if line.strip()]
    if not named:
        raise MissingInputError("standard input is empty; did the command before this one fail?")
    for line in named:
        if not line.isprintable() or not os.path.exists(line.partition("::")[0]):  # noqa: PTH110  # takes any text
            raise MissingInputError(f"standard input: {line[:80]!r} is not there; wanted HDF5 or a path on each line")
    yield from map(_file, named)


class Spool(tempfile.SpooledTemporaryFile[bytes]):
    """A nameless file, in memory while it is small; nothing of it is left behind, however the program ends."""

    def __init__(self) -> None:
        super().__init__(max_size=SPOOL_BYTES)

    def reserve(self, length: int) -> None:
        """Make sure of room for `length` bytes in all, or raise OSError."""
        if length > SPOOL_BYTES:
            # fileno() moves what is in memory to the disk.
            os.posix_fallocate(self.fileno(), 0, length)


def spool() -> BinaryIO:
    """A spool as what it is used for."""
    return cast("BinaryIO", Spool())


def read_entries(
    inputs: Sequence[str] | None,
    *wanted: "type[Record]",
    failed: Failed | None = None,
    note: Callable[[str], None] | None = None,
    by: "Callable[[Record], Any] | None" = None,
) -> "Generator[tuple[Record, str]]":
    """Records of all inputs one by one, each with the name of its file; a file is open while its records are used.

    Parameters
    ----------
    inputs : sequence of str, optional
        Arguments of the command line.
    wanted : record classes
        Kinds that the command takes; none given takes all.
    failed : callable, optional
        Told of a file or entry that is refused, and the rest is read on; without it the first one stops.
    note : callable, optional
        Told which entries are read.
    by : callable, optional
        Key of a record by which the entries of named files are sorted; those of standard input come as they are.

    Raises
    ------
    MissingInputError
        A named file is not there; known before anything is read.
    InputError
        A file is refused, or an entry is of another kind than `wanted`.
    """
    from picpxct_nx import nexus

    for text in inputs or ():
        path, _ = nexus.split(text)
        if failed is None and not _is_stdin(text) and not os.path.exists(path):  # noqa: PTH110  # takes any text
            raise MissingInputError(f"{path}: is not there; check the name")
    if by is not None and inputs and not any(map(_is_stdin, inputs)):
        inputs = _sorted(inputs, wanted, by)
    for source in sources(inputs):
        try:
            yield from _entries(source, wanted, failed, note)
        except UsageError:
            raise
        except PicpxctError as error:
            if failed is None:
                raise
            failed(source.name, error)


def _sorted(inputs: Sequence[str], wanted: "tuple[type[Record], ...]", by: "Callable[[Record], Any]") -> list[str]:
    """The entries of named files one by one in the order of a key; what cannot be read comes last, to be refused."""
    found: list[tuple[Any, str]] = []
    rest: list[str] = []
    for source in sources(inputs):
        try:
            records = [record for record, _ in _entries(source, wanted, None, None)]
        except PicpxctError:
            rest.append(source.text)
        else:
            found += [(by(record), f"{source.name}::{record.entry}") for record in records]
    return [text for _, text in sorted(found)] + rest


def _entries(
    source: Source, wanted: "tuple[type[Record], ...]", failed: Failed | None, note: Callable[[str], None] | None
) -> "Iterator[tuple[Record, str]]":
    from picpxct_nx import nexus

    _, selection = nexus.split(source.text)
    with nexus.open_valid(source.data, source.name) as file:
        for entry in nexus.select(file, source.name, selection):
            try:
                with naming_damage(f"{source.name}: {entry}"):
                    record = nexus.read(file, entry)
                if wanted and not isinstance(record, wanted):
                    names = " or ".join(cls.DEFINITION for cls in wanted)
                    raise InputError(f"{source.name}: {entry} is {record.DEFINITION}; this command wants {names}")
            except PicpxctError as error:
                if failed is None:
                    raise
                failed(entry, error)
                continue
            if note is not None:
                note(f"read {source.name}: {entry}, {record.DEFINITION}, {record.title}")
            yield record, source.name


@contextmanager
def naming_damage(name: str) -> Iterator[None]:
    """Turn what HDF5 says of data that cannot be read, a wrong checksum for example, into bad input."""
    try:
        yield
    except OSError as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{name}: its data are damaged ({reason}); copy the file again") from None
