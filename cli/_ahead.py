"""The next scan is read while one is worked on: one scan more in memory, and nothing else changes."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ._input import read_entries
from ._output import Delivery

if TYPE_CHECKING:
    from picpxct_nx.records import Record

Entry = tuple["Record", str]


def read_ahead(
    inputs: Sequence[str] | None,
    *wanted: "type[Record]",
    by: "Callable[[Record], Any] | None",
    delivery: Delivery,
) -> Iterator[Entry]:
    """Entries as `read_entries` gives them; a thread reads the next one into memory while one is used.

    What is told and raised on the way is told and raised when its turn comes. Standard input is read as it is asked
    for: who waits for it in a thread cannot be interrupted. A record that is not needed stays in its file, and nothing
    is read beyond it until it has been looked at.

    Parameters
    ----------
    inputs, wanted, by
        As for `read_entries`.
    delivery : Delivery
        Who is told of what is read and refused, and which products are there already.
    """
    failed = delivery.fail if delivery.keep_going else None
    if not inputs or any(text == "-" or text.startswith("-::") for text in inputs):
        yield from read_entries(inputs, *wanted, failed=failed, note=delivery.note, by=by)
        return
    told: list[Callable[[], None]] = []

    def later(tell: Callable[..., None]) -> Callable[..., None]:
        return lambda *words: told.append(lambda: tell(*words))

    entries = read_entries(
        inputs, *wanted, failed=None if failed is None else later(failed), note=later(delivery.note), by=by
    )
    reader = _Reader(entries, delivery.lacks)
    try:
        while True:
            entry, error = reader.take()
            while told:
                told.pop(0)()
            if error is not None:
                raise error
            if entry is None:
                return
            # Only now: what was told before belongs to the entry that was taken.
            reader.begin()
            yield entry
    finally:
        reader.end()


class _Reader:
    """Takes entries from an iterator, in a thread where it was begun before it is asked."""

    def __init__(self, entries: Iterator[Entry], needed: "Callable[[Record], bool]") -> None:
        self._entries, self._needed = entries, needed
        self._thread: threading.Thread | None = None
        self._entry: Entry | None = None
        self._error: BaseException | None = None
        self._apart = False

    def begin(self) -> None:
        """Read the next entry in a thread, unless the last one still needs its file to be open."""
        if not self._apart:
            return
        self._thread = threading.Thread(target=self._read, name="read ahead")
        self._thread.start()

    def take(self) -> tuple[Entry | None, BaseException | None]:
        """The next entry, None where there is none, or what stopped it."""
        if self._thread is None:
            self._read()
        else:
            self._thread.join()
            self._thread = None
        return self._entry, self._error

    def end(self) -> None:
        """Wait for the thread, and close what is open."""
        if self._thread is not None:
            self._thread.join()
        self._entries.close()  # type: ignore[attr-defined]  # a generator

    def _read(self) -> None:
        self._entry, self._error, self._apart = None, None, False
        try:
            self._entry = next(self._entries, None)
            if self._entry is not None and self._needed(self._entry[0]):
                # Damaged data are the failure of who uses them.
                with suppress(OSError, MemoryError):
                    self._entry, self._apart = _in_memory(self._entry), True
        except BaseException as error:
            self._error = error


def _in_memory(entry: Entry) -> Entry:
    """The entry with what lies in its file in memory."""
    import dataclasses

    import numpy as np

    record, name = entry
    lazy = [field.name for field in dataclasses.fields(record) if field.metadata.get("lazy")]
    here: dict[str, Any] = {field: np.asarray(getattr(record, field)) for field in lazy}
    return dataclasses.replace(record, **here), name
