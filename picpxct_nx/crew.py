"""Reconstructions on several devices at once: a process for each device, results in the order of the scans."""

import os
import socket
import subprocess
import sys
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Protocol, Self

from picpxct_nx import errors, warm
from picpxct_nx.choice import Choice
from picpxct_nx.errors import PicpxctError, RetryError
from picpxct_nx.reconstruction import Listener, Store, reconstruct_scan
from picpxct_nx.records import Reconstruction, Record, Scan

# Seconds between two looks at whether to end; and those that a process has to go when it is told to.
_LOOK, _GO = 0.1, 5.0


class Hands(Protocol):
    """Who reconstructs: `count` scans at a time, taken by `order` where that is given."""

    count: int
    order: Callable[[Record], Any] | None

    def begin(self, record: Record) -> None:
        """Start on a scan that lies in memory, so that `make` has less to wait for."""

    def make(self, record: Record) -> Reconstruction:
        """The reconstruction of a scan."""

    def recall(self, scan: Record, product: Record) -> None:
        """Take what an earlier run made of a scan for a neighbour of others."""

    def __enter__(self) -> Self:
        """The hands themselves."""

    def __exit__(self, *_: object) -> None:
        """End what still runs."""


def hands(choice: Choice, listener: Listener, folder: Path | None) -> Hands:
    """One pair of hands in this process, or a process for each of several devices.

    Parameters
    ----------
    choice : Choice
        How to reconstruct.
    listener : Listener
        Who is told what.
    folder : Path, optional
        Where checkpoints are kept.
    """
    return Crew(choice, listener, folder) if len(choice.devices) > 1 else _Alone(choice, listener, folder)


class _Alone:
    """Reconstructs in this process, one scan after the other."""

    count = 1

    def __init__(self, choice: Choice, listener: Listener, folder: Path | None) -> None:
        self._choice, self._listener, self._store = choice, listener, Store.of(choice, folder)
        self.order = self._store.order

    def begin(self, record: Record) -> None:
        """Nothing is begun before it is asked for."""

    def make(self, record: Record) -> Reconstruction:
        """The reconstruction of a scan."""
        return reconstruct_scan(record, self._choice, self._listener, self._store)

    def recall(self, scan: Record, product: Record) -> None:
        """Take what an earlier run made of a scan for a neighbour of others."""
        self._store.recall(scan, product)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Crew:
    """Processes that reconstruct, one a device.

    Where scans start from their neighbours, all scans of a sample and polarisation go to the same process, and they are
    taken by energy, so that the polarisations go on side by side.
    """

    def __init__(self, choice: Choice, listener: Listener, folder: Path | None) -> None:
        self._listener = listener
        self._workers = [_Worker(replace(choice, device=name, devices=(name,)), folder) for name in choice.devices]
        self._begun: dict[int, _Worker] = {}
        self._chains: dict[tuple[str, float], _Worker] | None = {} if choice.warm else None
        self.count = len(self._workers)
        self.order: Callable[[Record], Any] | None = _by_energy if choice.warm else None

    def begin(self, record: Record) -> None:
        """Give a scan to the process that has least to do, or that has the scan's neighbour."""
        self._begun[id(record)] = worker = self._of(record)
        worker.give(record)

    def make(self, record: Record) -> Reconstruction:
        """The reconstruction of a scan, when the process that has it is done; what it says is said now.

        Raises
        ------
        PicpxctError
            As the process did.
        RetryError
            The process is gone.
        """
        if id(record) not in self._begun:
            self.begin(record)
        worker = self._begun.pop(id(record))
        while True:
            while worker.said:
                what, *words = worker.said.popleft()
                if what == "made":
                    return _product(words[0])
                if what == "failed":
                    raise _error(*words)
                getattr(self._listener, what)(*words)
            if self._listener.asked():
                for one in self._workers:
                    one.stop()
            busy = {one.line: one for one in self._workers if one.load}
            for line in wait(list(busy), _LOOK):
                busy[line].hear()  # type: ignore[index]  # one of those that were waited for

    def recall(self, scan: Record, product: Record) -> None:
        """Let the process that has the chain of a scan begin the next one from what an earlier run made of it."""
        if self._chains is not None and isinstance(scan, Scan) and isinstance(product, Reconstruction):
            judge = warm.Neighbours()
            judge.add(scan, product)
            if judge.of(scan) is not None:
                self._of(scan).remember(scan, product)

    def _of(self, record: Record) -> "_Worker":
        if self._chains is None:
            return min(self._workers, key=lambda one: one.load)
        assert isinstance(record, Scan)  # noqa: S101  # the command asked for scans only
        return self._chains.setdefault(warm.chain(record), self._workers[len(self._chains) % self.count])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()


class _Worker:
    """A process seen from here; it is started with its first scan."""

    def __init__(self, choice: Choice, folder: Path | None) -> None:
        self._choice, self._folder = choice, folder
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: deque[Record] = deque()
        self._kept: dict[tuple[str, float], tuple[Scan, Reconstruction]] = {}
        self._stopped = False
        self.said: deque[tuple[Any, ...]] = deque()
        self.load = 0
        self.line: Connection

    def give(self, record: Record) -> None:
        """Work on a scan, after those that were given before."""
        if self._process is None:
            self._start()
        self._waiting.append(record)
        self.load += 1
        if self.load == 1:
            self._next()

    def remember(self, scan: Scan, product: Reconstruction) -> None:
        """Hand a product over before the next scan of its chain; the frames, which nobody wants, stay in their file."""
        self._kept[warm.chain(scan)] = (replace(scan, frames=scan.frames[:0]), product)

    def _next(self) -> None:
        record = self._waiting.popleft()
        if isinstance(record, Scan) and (kept := self._kept.pop(warm.chain(record), None)):
            self._send(("recall", *kept))
        self._send(("scan", record))

    def hear(self) -> None:
        """Take what the process says next."""
        try:
            what, *words = self.line.recv()
        except (EOFError, OSError):
            gone = f"device {self._choice.device}: its process is gone; was it killed for its memory? use fewer devices"
            what, words = "failed", [RetryError.__name__, gone]
            self.end()
        self.said.append((what, *words))
        if what in ("made", "failed"):
            self.load -= 1
            if self.load and self._process is None:
                self._start()
            if self.load:
                self._next()

    def stop(self) -> None:
        """End after the running iteration."""
        if self.load and not self._stopped:
            self._stopped = True
            self._send(("stop",))

    def end(self) -> None:
        """No more scans: an idle process goes by itself, a busy one is stopped."""
        if self._process is None:
            return
        self.line.close()
        if self.load:
            self._process.terminate()
        try:
            self._process.wait(_GO)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            # In a session of its own: a signal from the terminal is for the parent, which asks to stop.
            self._process = subprocess.Popen(  # noqa: S603 - this Python and this module
                [sys.executable, "-m", "picpxct_nx.crew", str(theirs.fileno())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                start_new_session=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )  # fmt: skip
        self.line = Connection(ours.detach())
        self._send(("how", self._choice, self._folder))

    def _send(self, message: tuple[Any, ...]) -> None:
        # A process that is gone is noticed where it is listened to.
        with suppress(OSError):
            self.line.send(message)


def _by_energy(record: Record) -> tuple[str, float, float]:
    sample, angle, energy = warm.order(record)
    return sample, energy, angle


def _product(found: Any) -> Reconstruction:
    assert isinstance(found, Reconstruction)  # noqa: S101  # what `serve` sends
    return found


def _error(name: str, text: str) -> Exception:
    """The error that a process met; one that is no user's keeps the traceback it had there."""
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, PicpxctError):
        return kind(text)
    return RuntimeError(text)


def serve(line: Connection) -> None:
    """The other side: reconstruct scans that come along a line, until it is closed."""
    _, choice, folder = line.recv()
    store, stopping = Store.of(choice, folder), False

    def asked() -> bool:
        nonlocal stopping
        # While a scan is worked on, the only thing that comes is the wish to stop.
        stopping = stopping or (line.poll() and line.recv() == ("stop",))
        return stopping

    def tell(what: str) -> Callable[..., None]:
        return lambda *words: line.send((what, *words))

    listener = Listener(tell("report"), tell("note"), tell("diverged"), asked, tell("stopped"))
    while True:
        what, *words = line.recv()
        if what == "recall":
            store.recall(*words)
        stopping = stopping or what == "stop"
        if what != "scan":
            continue
        try:
            line.send(("made", reconstruct_scan(words[0], choice, listener, store)))
        except PicpxctError as error:
            kind = next(kind for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
            line.send(("failed", kind.__name__, str(error)))
        except MemoryError:
            line.send(("failed", RetryError.__name__, f"device {choice.device}: out of memory; use fewer frames"))
        except Exception:
            # A bug of ours: the parent shows it with the traceback that it has here.
            line.send(("failed", "", traceback.format_exc()))


if __name__ == "__main__":
    with suppress(EOFError, OSError):  # the parent is done, or gone
        serve(Connection(int(sys.argv[1])))
