"""What a command says: to stderr, one line each; stdout is for data."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T", bound=Callable[..., None])


class ProgressMode(StrEnum):
    """How progress is shown."""

    auto = "auto"
    bar = "bar"
    plain = "plain"
    json = "json"
    none = "none"


# Between two plain lines of progress, seconds.
PLAIN_INTERVAL = 5.0

# what is worked on, step, steps in all, figure of merit
Report = Callable[[str, int, int, float], None]


def complain(text: str) -> None:
    """Say why the command stops, or what is doubtful: one line."""
    _print(f"picpxct: {' '.join(text.split())}")


def say(text: str, *, quiet: bool = False) -> None:
    """Say what was done or found, unless asked to be quiet."""
    if not quiet:
        _print(f"picpxct: {text}")


def _print(line: str) -> None:
    # A log on a full disk must not cost the result.
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)  # noqa: T201


@contextmanager
def progress(mode: ProgressMode, *, quiet: bool = False) -> Iterator[Report]:
    """Report steps: a bar on a terminal, plain lines in a log, JSON lines for a program, or nothing."""
    with reporting(mode, _bar, _plain_lines, lambda: _json_lines, quiet=quiet) as report:
        yield report


@contextmanager
def reporting(
    mode: ProgressMode,
    bar: Callable[[], AbstractContextManager[T]],
    plain: Callable[[], T],
    as_json: Callable[[], T],
    *,
    quiet: bool,
) -> Iterator[T | Callable[..., None]]:
    """What reports in the way that is asked for, made when it is."""
    if mode is ProgressMode.auto:
        mode = ProgressMode.bar if sys.stderr.isatty() else ProgressMode.plain
    if quiet or mode is ProgressMode.none:
        yield lambda *_: None
    elif mode is ProgressMode.bar:
        with bar() as report:
            yield report
    else:
        yield (as_json if mode is ProgressMode.json else plain)()


def _json_lines(what: str, step: int, total: int, error: float) -> None:
    _print(json.dumps({"what": what, "step": step, "total": total, "error": error}))


def _plain_lines() -> Report:
    last = time.monotonic()

    def report(what: str, step: int, total: int, error: float) -> None:
        nonlocal last
        if step == total or time.monotonic() - last > PLAIN_INTERVAL:
            last = time.monotonic()
            say(f"{what}: {step} of {total}, Fourier error {error:.4f}")

    return report


@contextmanager
def _bar() -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    merit = TextColumn("error {task.fields[error]:.4f}")
    with Progress(*columns, merit, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        # One bar for whatever is worked on: a run of 120 scans does not fill the screen.
        task = bar.add_task("", total=None, visible=False, error=0.0)
        shown = ""

        def report(what: str, step: int, total: int, error: float) -> None:
            nonlocal shown
            if what != shown:
                bar.reset(task, description=what, total=total, visible=True, error=error)
                shown = what
            bar.update(task, completed=step, error=error)

        yield report
