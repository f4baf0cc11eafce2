"""What a command delivers: where products go, which are made, and what is said about them."""

import json
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from picpxct_nx.errors import ConvergenceError, InputError, OutputError, PicpxctError, UsageError

from ._input import naming_damage
from ._run import asked
from ._talk import complain, say
from ._writing import is_stream, tell, write_file, write_folder, write_stream

if TYPE_CHECKING:
    from picpxct_nx.records import Record

# Longest name that leaves room for `.NAME.PID.part` on common file systems.
_NAME_BYTES = 238

T = TypeVar("T")
Summary = Callable[["Record"], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Where the products of a command go, and how much is said about it."""

    output: str | None = None
    overwrite: bool = False
    keep_going: bool = False
    quiet: bool = False
    verbose: bool = False
    json: bool = False
    failed: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    taken: dict[str, str] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)

    @property
    def folder(self) -> Path | None:
        """The folder that gets one file an entry, where one was asked for."""
        if self.output and (self.output.endswith("/") or os.path.isdir(self.output)):  # noqa: PTH112  # takes any text
            return Path(self.output)
        return None

    @property
    def to_stdout(self) -> bool:
        """Whether the product goes to stdout as bytes."""
        return self.output in (None, "-") and not self.json

    @property
    def lasting(self) -> bool:
        """Whether the product goes to files, where a part of it is of use; down a pipe it would pass for the whole."""
        if self.output in (None, "-"):
            return self.to_stdout and stat.S_ISREG(os.fstat(1).st_mode)
        return self.folder is not None or not is_stream(Path(str(self.output)))

    def lacks(self, record: "Record") -> bool:
        """Whether the product of a record is not in the output folder, so that it will have to be made."""
        return self.overwrite or self.folder is None or not (self.folder / f"{record.entry}.nxs").exists()

    def fail(self, name: str, error: PicpxctError) -> None:
        """With --keep-going: name what failed and why."""
        complain(str(error) if str(error).startswith(name) else f"{name}: {error}")
        self.failed.append(name)

    def note(self, text: str) -> None:
        """Say what is read or chosen, if asked to be verbose."""
        say(text, quiet=self.quiet or not self.verbose)


def refuse_early(delivery: Delivery) -> None:
    """Stop before any work is done for an output that could not be written.

    Raises
    ------
    OutputError
        stdout is a terminal, or the output exists and may not be replaced, or nothing can be written there.
    UsageError
        Summary and product would both go to stdout.
    """
    from picpxct_nx import atomic

    if delivery.json and delivery.output == "-":
        raise UsageError("--json and -o - both want stdout; give -o FILE, or leave one of them out")
    if delivery.to_stdout:
        if sys.stdout.isatty():
            raise OutputError("will not write HDF5 to a terminal; add -o FILE, or pipe it on")
        return
    if delivery.output is None:
        return
    target = Path(delivery.output)
    if len(os.fsencode(target.name)) > _NAME_BYTES:
        raise OutputError(f"{delivery.output[:40]}...: the name is too long; choose one of at most {_NAME_BYTES} bytes")
    with atomic.naming_disk_errors(delivery.output):
        if delivery.folder is not None:
            if target.exists() and not target.is_dir():
                raise OutputError(f"{target}: is not a folder; choose another name")
        elif not is_stream(target):
            atomic.refuse_existing(target, overwrite=delivery.overwrite)
        nearest = next(parent for parent in (target, *target.absolute().parents) if parent.exists())
        if not os.access(nearest if nearest.is_dir() else nearest.parent, os.W_OK):
            raise OutputError(f"{target}: {nearest} may not be written to; choose another place")


def each(
    entries: "Iterable[tuple[Record, str]]",
    make: "Callable[[Record], Record]",
    delivery: Delivery,
    kept: "Callable[[Record, Record], None] | None" = None,
) -> "Iterator[Record]":
    """Products of the records one by one, until a signal asks to end.

    With --keep-going a failure is named and the next record taken.

    With a folder as output, a record whose product is there already is not computed a second time; `kept` is handed
    such a record and its product.

    Raises
    ------
    InputError
        Two records have the same entry name but are not the same (UUID), or the data of one are damaged.
    """

    def product(record: "Record", name: str) -> "Record | None":
        if is_repeated(record, name, delivery):
            return None
        if is_done(record.entry, delivery):
            _hand_over(record, delivery, kept)
            return None
        with naming_damage(f"{name}: {record.entry}"):
            return make(record)

    return tried(_until_asked(entries), product, delivery)


def _until_asked(entries: "Iterable[tuple[Record, str]]") -> "Iterator[tuple[Record, str]]":
    """The entries until a signal asks to end."""
    for entry in entries:
        if asked():
            return
        yield entry


def each_kept(
    entries: "Iterable[tuple[Record, str]]", make: "Callable[[Record], T]", delivery: Delivery
) -> "Iterator[T]":
    """What is made of the records one by one, for a product of them all; failures are named as in `each`."""

    def part(record: "Record", name: str) -> T:
        with naming_damage(f"{name}: {record.entry}"):
            return make(record)

    return tried(entries, part, delivery)


def tried(
    entries: "Iterable[tuple[Record, str]]", make: "Callable[[Record, str], T | None]", delivery: Delivery
) -> "Iterator[T]":
    """What is made of records and the names of their files, None left out; with --keep-going failures are named."""
    for record, name in entries:
        try:
            made = make(record, name)
        except (UsageError, OutputError):
            raise
        except PicpxctError as error:
            place = f"{name}: {record.entry}"
            if not str(error).startswith(place):
                error.args = (f"{place}: {str(error).removeprefix(record.entry).lstrip(':/ ')}",)
            if not delivery.keep_going:
                raise
            delivery.fail(record.entry, error)
        else:
            if made is not None:
                yield made


def _hand_over(record: "Record", delivery: Delivery, kept: "Callable[[Record, Record], None] | None") -> None:
    """Give a record and its product, which is in the output folder already, to who wants them."""
    from picpxct_nx import nexus

    if kept is None:
        return
    target = Path(str(delivery.output)) / f"{record.entry}.nxs"
    with nexus.open_valid(target, str(target)) as file:
        if record.entry not in nexus.entries(file):
            raise OutputError(f"{target}: holds no {record.entry}; choose another folder, or add --overwrite")
        kept(record, nexus.read(file, record.entry))


def is_repeated(record: "Record", name: str, delivery: Delivery) -> bool:
    """Whether a record came before; another one of its name is refused."""
    if record.entry not in delivery.taken:
        delivery.taken[record.entry] = record.uuid
        return False
    if delivery.taken[record.entry] != record.uuid:
        raise InputError(f"{name}: {record.entry}: another entry has that name and another UUID; run the two apart")
    return True


def is_done(entry: str, delivery: Delivery) -> bool:
    """Whether the product of an entry is in the output folder already and need not be made.

    Raises
    ------
    OutputError
        It is there, and neither --overwrite nor --keep-going says what to do.
    """
    if delivery.folder is None or delivery.overwrite:
        return False
    target = delivery.folder / f"{entry}.nxs"
    if target.exists() and delivery.keep_going and _is_unfinished(target, entry):
        say(f"{entry}: {target} was stopped before its end and is made again", quiet=delivery.quiet)
        delivery.again.append(entry)
        return False
    if target.exists() and delivery.keep_going:
        say(f"{entry}: {target} is there already", quiet=delivery.quiet)
        return True
    if target.exists():
        raise OutputError(f"{target}: exists already; add --overwrite to replace it, or --keep-going to skip it")
    return False


def _is_unfinished(target: Path, entry: str) -> bool:
    """Whether a product says of itself that a signal stopped it."""
    from picpxct_nx import nexus

    with nexus.open_valid(target, str(target)) as file:
        past = nexus.read(file, entry).history if entry in nexus.entries(file) else ()
    return bool(past) and past[-1].parameters.get("status") == "stopped"


def deliver(records: "Iterable[Record]", delivery: Delivery, summary: Summary | None = None) -> None:
    """Write the records where the delivery says, taking them one by one.

    Raises
    ------
    OutputError, RetryError
        The output cannot be written, or the disk is full.
    ConvergenceError
        With --keep-going, some records failed; the others are written.
    """
    told: list[str] = []
    noted = _noted(records, summary, told) if delivery.json and summary is not None else iter(records)
    if delivery.folder is not None:
        write_folder(noted, delivery.folder, delivery, told)
    elif delivery.to_stdout:
        write_stream(_some(noted, delivery), sys.stdout.buffer, "stdout")
    elif delivery.output in (None, "-"):
        for _ in noted:  # --json alone: the summaries are the product
            tell(told)
    else:
        write_file(_some(noted, delivery), Path(str(delivery.output)), delivery)
    tell(told)
    raise_failed(delivery)


def raise_failed(delivery: Delivery) -> None:
    """End with exit code 70 where --keep-going went past failures.

    Raises
    ------
    ConvergenceError
        Some records failed; the others are done.
    """
    if delivery.failed:
        names = ", ".join(delivery.failed)
        raise ConvergenceError(f"{len(delivery.failed)} failed: {names}; the others are done")


def _noted(records: "Iterable[Record]", summary: Summary, told: list[str]) -> "Iterator[Record]":
    for record in records:
        told.append(json.dumps(summary(record)))
        yield record


def _some(records: "Iterable[Record]", delivery: Delivery) -> "Iterator[Record]":
    """The records, refusing to make a file without any."""
    empty = True
    for record in records:
        empty = False
        yield record
    if empty:
        raise ConvergenceError(f"nothing to write: all {len(delivery.failed)} failed: {', '.join(delivery.failed)}")
