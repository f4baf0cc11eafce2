"""The next scan is read while others are worked on: one scan more in memory, and nothing else changes."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from ._input import read_entries
from ._output import Delivery

if TYPE_CHECKING:
    from picpxct_nx.crew import Hands
    from picpxct_nx.records import Record

Entry = tuple["Record", str]


def read_ahead(
    inputs: Sequence[str] | None,
    *wanted: "type[Record]",
    delivery: Delivery,
    hands: "Hands",
) -> Generator[Entry]:
    """Entries as `read_entries` gives them; a thread reads the next one into memory while one is used.

    Close it: whoever stops early would else leave a thread and an open file to the garbage collector.

    What is told and raised on the way is told and raised when its turn comes. Standard input is read as it is asked
    for: who waits for it in a thread cannot be interrupted. A record that is not needed stays in its file, and nothing
    is read beyond it until it has been looked at.

    Parameters
    ----------
    inputs, wanted
        As for `read_entries`.
    delivery : Delivery
        Who is told of what is read and refused, and which products are there already.
    hands : Hands
        Who is to use the records: how many at a time, and in which order.
    """
    failed = delivery.fail if delivery.keep_going else None
    if not inputs or any(text == "-" or text.startswith("-::") for text in inputs):
        yield from read_entries(inputs, *wanted, failed=failed, note=delivery.note, by=hands.order)
        return
    told: list[Callable[[], None]] = []

    def later(tell: Callable[..., None]) -> Callable[..., None]:
        return lambda *words: told.append(lambda: tell(*words))

    entries = read_entries(
        inputs, *wanted, failed=None if failed is None else later(failed), note=later(delivery.note), by=hands.order
    )
    reader, waiting = _Reader(entries, told, delivery.lacks), deque[_Read]()
    try:
        while True:
            # One whose file has to be open ends the row, and so does the end itself.
            while len(waiting) < hands.count and (not waiting or waiting[-1].apart):
                waiting.append(reader.take())
                if waiting[-1].apart and waiting[-1].entry is not None:
                    hands.begin(waiting[-1].entry[0])
            if waiting[-1].apart:
                reader.begin()
            read = waiting.popleft()
            for tell in read.told:
                tell()
            if read.error is not None:
                raise read.error
            if read.entry is None:
                return
            yield read.entry
            del read
    finally:
        reader.end()


@dataclass
class _Read:
    """What came of reading: an entry or None at the end, or an error, and what is to be told before."""

    entry: Entry | None = None
    error: BaseException | None = None
    apart: bool = False
    told: list[Callable[[], None]] = field(default_factory=list)


class _Reader:
    """Takes entries from an iterator, in a thread where it was begun before it is asked."""

    def __init__(
        self, entries: Generator[Entry], told: list[Callable[[], None]], needed: "Callable[[Record], bool]"
    ) -> None:
        self._entries, self._told, self._needed = entries, told, needed
        self._thread: threading.Thread | None = None
        self._found = _Read()

    def begin(self) -> None:
        """Read the next entry in a thread."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, name="read ahead")
            self._thread.start()

    def take(self) -> _Read:
        """What comes next."""
        if self._thread is None:
            self._read()
        else:
            self._thread.join()
            self._thread = None
        found, self._found = self._found, _Read()
        return found

    def end(self) -> None:
        """Wait for the thread, and close what is open."""
        if self._thread is not None:
            self._thread.join()
        self._entries.close()

    def _read(self) -> None:
        found = _Read()
        try:
            found.entry = next(self._entries, None)
            if found.entry is not None and self._needed(found.entry[0]):
                # Damaged data are the failure of who uses them.
                with suppress(OSError, MemoryError):
                    found.entry, found.apart = in_memory(found.entry), True
        except BaseException as error:
            found.error = error
        found.told, self._told[:] = list(self._told), []
        self._found = found


def in_memory(entry: Entry) -> Entry:
    """The entry with what lies in its file in memory."""
    import numpy as np

    record, of = entry
    lazy = [part.name for part in fields(record) if part.metadata.get("lazy")]
    here: dict[str, Any] = {name: np.asarray(getattr(record, name)) for name in lazy}
    return replace(record, **here), of
