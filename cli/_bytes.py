"""Progress in bytes: a bar on a terminal, plain lines in a log, JSON lines for a program."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ._talk import PLAIN_INTERVAL, ProgressMode, _print, reporting, say

# What is done, bytes done, bytes in all.
Report = Callable[[str, int, int], None]


@contextmanager
def byte_progress(mode: ProgressMode, *, quiet: bool) -> Iterator[Report]:
    """Report bytes in the way that is asked for."""
    with reporting(mode, _bar, lambda: _spaced(_plain), lambda: _spaced(_json), quiet=quiet) as report:
        yield report


def _spaced(tell: Report) -> Report:
    """Told at the beginning of a task only after a while, then now and then."""
    last = time.monotonic()

    def report(what: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > PLAIN_INTERVAL:
            last = time.monotonic()
            tell(what, done, total)

    return report


def _json(what: str, done: int, total: int) -> None:
    _print(json.dumps({"what": what, "done": done, "total": total}))


def _plain(what: str, done: int, total: int) -> None:
    say(f"{what}: {done / 1e9:.3g} of {total / 1e9:.3g} GB")


@contextmanager
def _bar() -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, int] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)  # type: ignore[arg-type]

        yield report
