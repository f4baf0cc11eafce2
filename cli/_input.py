"""What a command reads: files, entries of files, standard input as a file or as a list of paths."""

import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from picpxct_nx.errors import InputError, MissingInputError, UsageError

if TYPE_CHECKING:
    from picpxct_nx.records import Record

SIGNATURE = b"\x89HDF\r\n\x1a\n"
# What comes through a pipe is kept in memory up to this size, then in TMPDIR.
SPOOL_BYTES = 512 * 2**20
_COPY_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Source:
    """One NeXus file: how to call it, where its bytes are, and which entries are meant."""

    name: str
    data: Path | BinaryIO
    text: str


def sources(inputs: Sequence[str] | None) -> Iterator[Source]:
    """The files that the arguments name, in their order; `-` and no argument at all are standard input.

    Raises
    ------
    UsageError
        No input, and standard input is a terminal.
    MissingInputError
        Standard input is empty.
    """
    for text in inputs or ["-"]:
        if text == "-" or text.startswith("-::"):
            yield from _standard_input(text)
        else:
            yield _file(text)


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
        with spool() as copy:
            copy.write(start)
            while chunk := stream.read(_COPY_BYTES):
                copy.write(chunk)
            copy.seek(0)
            yield Source("stdin", copy, text)
        return
    yield from _paths(start + stream.read())


def _paths(raw: bytes) -> Iterator[Source]:
    try:
        lines = raw.decode().splitlines()
    except UnicodeDecodeError:
        raise InputError("standard input is neither an HDF5 file nor a list of paths; wanted one of the two") from None
    named = [line.strip() for line in lines if line.strip()]
    if not named:
        raise MissingInputError("standard input is empty; did the command before this one fail?")
    for line in named:
        if "\0" in line or not Path(line.partition("::")[0]).exists():
            raise MissingInputError(f"standard input: {line[:80]!r} is not there; wanted HDF5 or a path on each line")
        yield _file(line)


def spool() -> BinaryIO:
    """A nameless file, in memory while it is small; nothing of it is left behind, however the program ends."""
    return cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES))


def read_entries(inputs: Sequence[str] | None, *wanted: "type[Record]") -> "Iterator[tuple[Record, str]]":
    """Records of all inputs one by one, each with the name of its file; a file is open while its records are used.

    Raises
    ------
    InputError
        A file is refused, or an entry is of another kind than `wanted`.
    """
    from picpxct_nx import nexus

    for source in sources(inputs):
        _, selection = nexus.split(source.text)
        with nexus.open_valid(source.data, source.name) as file:
            for entry in nexus.select(file, source.name, selection):
                record = nexus.read(file, entry)
                if wanted and not isinstance(record, wanted):
                    names = " or ".join(cls.DEFINITION for cls in wanted)
                    raise InputError(f"{source.name}: {entry} is {record.DEFINITION}; this command wants {names}")
                yield record, source.name
