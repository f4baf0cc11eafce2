"""A process that reconstructs on a device of its own: the end of its line that a crew holds, and the other one."""

import os
import socket
import subprocess
import sys
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from picpxct_nx import errors, warm
from picpxct_nx.choice import Choice
from picpxct_nx.errors import PicpxctError, RetryError
from picpxct_nx.joint_reconstruction import reconstruct_group
from picpxct_nx.reconstruction import Listener, Store, reconstruct_scan
from picpxct_nx.records import Reconstruction, Record, Scan
from picpxct_nx.sharing import Group

# Seconds that a process has to go when it is told to.
_GO = 5.0


class Worker:
    """A process seen from here; it is started with its first scan."""

    def __init__(self, choice: Choice, folder: Path | None) -> None:
        self._choice, self._folder = choice, folder
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: deque[Record | Group] = deque()
        self._kept: dict[tuple[str, float], tuple[Scan, Reconstruction]] = {}
        self._stopped = False
        self.said: deque[tuple[Any, ...]] = deque()
        self.load = 0
        self.line: Connection

    def give(self, work: Record | Group) -> None:
        """Work on a scan, or scans, after those that were given before."""
        if self._process is None:
            self._start()
        self._waiting.append(work)
        self.load += 1
        if self.load == 1:
            self._next()

    def remember(self, scan: Scan, product: Reconstruction) -> None:
        """Hand a product over before the next scan of its chain; the frames, which nobody wants, stay in their file."""
        self._kept[warm.chain(scan)] = (replace(scan, frames=scan.frames[:0]), product)

    def _next(self) -> None:
        work = self._waiting.popleft()
        if isinstance(work, Scan) and (kept := self._kept.pop(warm.chain(work), None)):
            self._send(("recall", *kept))
        self._send(("scan", work))

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
                [sys.executable, "-m", "picpxct_nx.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                start_new_session=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )  # fmt: skip
        self.line = Connection(ours.detach())
        self._send(("how", self._choice, self._folder))

    def _send(self, message: tuple[Any, ...]) -> None:
        # A process that is gone is noticed where it is listened to.
        with suppress(OSError):
            self.line.send(message)


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

    listener = Listener(tell("report"), tell("note"), tell("diverged"), asked, tell("warn"))
    while True:
        what, *words = line.recv()
        if what == "recall":
            store.recall(*words)
        stopping = stopping or what == "stop"
        if what != "scan":
            continue
        try:
            make = reconstruct_group if isinstance(words[0], Group) else reconstruct_scan
            line.send(("made", make(words[0], choice, listener, store)))
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
