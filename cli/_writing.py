"""Putting products where they go: a file, one file an entry, or the bytes of a file in a stream."""

import dataclasses
import os
import stat
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ._input import spool
from ._talk import say

if TYPE_CHECKING:
    from picpxct_nx.records import Record

    from ._output import Delivery

_COPY_BYTES = 4 * 2**20


def is_stream(target: Path) -> bool:
    """Whether the target is a pipe or a device, such as >(zstd) or /dev/null: bytes go into it, it is not replaced."""
    try:
        kind = target.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    return not stat.S_ISREG(kind) and not stat.S_ISDIR(kind)


def tell(told: list[str]) -> None:
    """Print the summaries of what is delivered by now."""
    for line in told:
        print(line, flush=True)  # noqa: T201
    told.clear()


def write_file(records: "Iterable[Record]", target: Path, delivery: "Delivery") -> None:
    """Write all records to one file, or into a pipe or device of that name."""
    from picpxct_nx import atomic, nexus

    if is_stream(target):
        with atomic.naming_disk_errors(str(target)), target.open("wb") as handle:
            write_stream(records, handle, str(target))
    else:
        nexus.write(target, records, overwrite=delivery.overwrite)
    say(f"wrote {target}", quiet=delivery.quiet)


def write_folder(records: "Iterable[Record]", folder: Path, delivery: "Delivery", told: list[str]) -> None:
    """Write one file an entry, and tell of each when it is there; a folder that stays empty is taken away again."""
    from picpxct_nx import atomic, nexus

    ours = not folder.exists()
    with atomic.naming_disk_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        for record in records:
            target = folder / f"{record.entry}.nxs"
            nexus.write(target, [record], overwrite=delivery.overwrite or record.entry in delivery.again)
            say(f"wrote {target}", quiet=delivery.quiet)
            tell(told)
    finally:
        if ours:
            with suppress(OSError):  # it stays where something is in it
                folder.rmdir()


def write_stream(records: "Iterable[Record]", stream: BinaryIO, name: str) -> None:
    """Write the bytes of a file with all records; down a pipe, they are marked as transient."""
    from picpxct_nx import atomic, nexus

    # A product that goes to a file by `> file` lives on; one that goes down a pipe does not, and is not compressed:
    # the next command would only unpack it again.
    lives_on = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    kept = records if lives_on else (_transient(record) for record in records)
    with spool() as copy:
        with atomic.naming_disk_errors(f"the folder for temporary files, {tempfile.gettempdir()}"):
            nexus.write_to(copy, kept, compression="gzip" if lives_on else "none")
        nexus.check_written(copy, name)
        copy.seek(0)
        with atomic.naming_disk_errors(name):
            pour(copy, stream.fileno())


def pour(source: BinaryIO, sink: int) -> None:
    """Copy everything into a descriptor, which may take less than it is offered: stdout need not be buffered."""
    while chunk := source.read(_COPY_BYTES):
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(sink, rest) :]


def _transient(record: "Record") -> "Record":
    *old, newest = record.history
    return dataclasses.replace(record, history=(*old, dataclasses.replace(newest, transient=True)))
