"""What a command writes: a file, one file an entry, or the bytes of a file on stdout."""

import dataclasses
import json
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picpxct_nx.errors import ConvergenceError, OutputError, PicpxctError

from ._input import spool
from ._talk import complain, say

if TYPE_CHECKING:
    from picpxct_nx.records import Record

Summary = Callable[["Record"], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Where the products of a command go, and how much is said about it."""

    output: str | None = None
    overwrite: bool = False
    keep_going: bool = False
    quiet: bool = False
    json: bool = False
    failed: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path | None:
        """The folder that gets one file an entry, where one was asked for."""
        if self.output and (self.output.endswith("/") or Path(self.output).is_dir()):
            return Path(self.output)
        return None

    @property
    def to_stdout(self) -> bool:
        """Whether the product goes to stdout as bytes."""
        return self.output in (None, "-") and not self.json


def refuse_early(delivery: Delivery) -> None:
    """Stop before any work is done for an output that could not be written.

    Raises
    ------
    OutputError
        stdout is a terminal, or the output exists and may not be replaced.
    """
    from picpxct_nx import atomic

    if delivery.to_stdout and sys.stdout.isatty():
        raise OutputError("will not write HDF5 to a terminal; add -o FILE, or pipe it on")
    if delivery.folder is not None:
        if delivery.folder.exists() and not delivery.folder.is_dir():
            raise OutputError(f"{delivery.output}: is not a folder; choose another name")
    elif delivery.output not in (None, "-"):
        atomic.refuse_existing(Path(str(delivery.output)), overwrite=delivery.overwrite)


def each(records: "Iterable[Record]", make: "Callable[[Record], Record]", delivery: Delivery) -> "Iterator[Record]":
    """Products of the records one by one. With --keep-going a failure is named and the next record taken.

    With a folder as output, a record whose product is there already is not computed a second time.
    """
    for record in records:
        if _is_done(record, delivery):
            continue
        try:
            yield make(record)
        except PicpxctError as error:
            if not delivery.keep_going:
                raise
            complain(f"{record.entry}: {error}")
            delivery.failed.append(record.entry)


def _is_done(record: "Record", delivery: Delivery) -> bool:
    if delivery.folder is None or delivery.overwrite:
        return False
    target = delivery.folder / f"{record.entry}.nxs"
    if target.exists() and delivery.keep_going:
        say(f"{record.entry}: {target} is there already", quiet=delivery.quiet)
        return True
    if target.exists():
        raise OutputError(f"{target}: exists already; add --overwrite to replace it, or --keep-going to skip it")
    return False


def deliver(records: "Iterable[Record]", delivery: Delivery, summary: Summary | None = None) -> None:
    """Write the records where the delivery says, taking them one by one.

    Raises
    ------
    OutputError, RetryError
        The output cannot be written, or the disk is full.
    ConvergenceError
        With --keep-going, some records failed; the others are written.
    """
    told = _told(records, delivery, summary)
    if delivery.folder is not None:
        _write_folder(told, delivery.folder, delivery)
    elif delivery.to_stdout:
        _write_stdout(told)
    elif delivery.output in (None, "-"):
        for _ in told:  # --json alone: the summaries are the product
            pass
    else:
        from picpxct_nx import nexus

        nexus.write(Path(str(delivery.output)), _some(told, delivery), overwrite=delivery.overwrite)
        say(f"wrote {delivery.output}", quiet=delivery.quiet)
    if delivery.failed:
        names = ", ".join(delivery.failed)
        raise ConvergenceError(f"{len(delivery.failed)} failed: {names}; the others are done")


def _told(records: "Iterable[Record]", delivery: Delivery, summary: Summary | None) -> "Iterator[Record]":
    for record in records:
        yield record
        if delivery.json and summary is not None:
            print(json.dumps(summary(record)), flush=True)  # noqa: T201


def _some(records: "Iterable[Record]", delivery: Delivery) -> "Iterator[Record]":
    """The records, refusing to make a file without any."""
    empty = True
    for record in records:
        empty = False
        yield record
    if empty:
        raise ConvergenceError(f"nothing to write: {len(delivery.failed)} entries failed: {', '.join(delivery.failed)}")


def _write_folder(records: "Iterable[Record]", folder: Path, delivery: Delivery) -> None:
    from picpxct_nx import atomic, nexus

    with atomic.naming_disk_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
    for record in records:
        target = folder / f"{record.entry}.nxs"
        nexus.write(target, [record], overwrite=delivery.overwrite)
        say(f"wrote {target}", quiet=delivery.quiet)


def _write_stdout(records: "Iterable[Record]") -> None:
    from picpxct_nx import atomic, nexus

    # A product that goes to a file by `> file` lives on; one that goes down a pipe does not.
    lives_on = stat.S_ISREG(os.fstat(1).st_mode)
    with spool() as copy:
        with atomic.naming_disk_errors("the folder for temporary files"):
            # Pipes are not compressed: the next command would only unpack it again.
            nexus.write_to(copy, (r if lives_on else _transient(r) for r in records), compression="none")
        nexus.check_written(copy, "stdout")
        copy.seek(0)
        with atomic.naming_disk_errors("stdout"):
            shutil.copyfileobj(copy, sys.stdout.buffer, 4 * 2**20)
            sys.stdout.flush()


def _transient(record: "Record") -> "Record":
    *old, newest = record.history
    return dataclasses.replace(record, history=(*old, dataclasses.replace(newest, transient=True)))
