"""Reconstructions on several devices at once: a process for each device, results in the order of the scans."""

from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Protocol, Self

from picpxct_nx import errors, warm
from picpxct_nx.choice import Choice
from picpxct_nx.errors import PicpxctError
from picpxct_nx.joint_reconstruction import reconstruct_group
from picpxct_nx.reconstruction import Listener, Store, reconstruct_scan
from picpxct_nx.records import Reconstruction, Record, Scan
from picpxct_nx.sharing import Group, order
from picpxct_nx.worker import Worker

# Seconds between two looks at whether to end.
_LOOK = 0.1


class Hands(Protocol):
    """Who reconstructs: `count` scans at a time, taken by `order` where that is given."""

    count: int
    order: Callable[[Record], Any] | None

    def begin(self, work: Record | Group) -> None:
        """Start on a scan, or scans that are one problem, that lie in memory, so that there is less to wait for."""

    def make(self, record: Record) -> Reconstruction:
        """The reconstruction of a scan."""

    def make_all(self, group: Group) -> tuple[Reconstruction, ...]:
        """The reconstructions of scans that are one problem."""

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
        self.order = self._store.order if choice.share is None else order(choice.share)

    def begin(self, work: Record | Group) -> None:
        """Nothing is begun before it is asked for."""

    def make(self, record: Record) -> Reconstruction:
        """The reconstruction of a scan."""
        return reconstruct_scan(record, self._choice, self._listener, self._store)

    def make_all(self, group: Group) -> tuple[Reconstruction, ...]:
        """The reconstructions of scans that are one problem."""
        return reconstruct_group(group, self._choice, self._listener, self._store)

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
        self._workers = [Worker(replace(choice, device=name, devices=(name,)), folder) for name in choice.devices]
        self._begun: dict[int, Worker] = {}
        self._chains: dict[tuple[str, float], Worker] | None = {} if choice.warm else None
        self.count = len(self._workers)
        self.order: Callable[[Record], Any] | None = _by_energy if choice.warm else None
        if choice.share is not None:
            self.order = order(choice.share)

    def begin(self, work: Record | Group) -> None:
        """Give a scan to the process that has least to do, or that has the scan's neighbour."""
        self._begun[id(work)] = worker = self._of(work)
        worker.give(work)

    def make(self, record: Record) -> Reconstruction:
        """The reconstruction of a scan, when the process that has it is done; what it says is said now.

        Raises
        ------
        PicpxctError
            As the process did.
        RetryError
            The process is gone.
        """
        return _product(self._made(record))

    def make_all(self, group: Group) -> tuple[Reconstruction, ...]:
        """The reconstructions of scans that are one problem, which one process has; else as `make`."""
        return tuple(map(_product, self._made(group)))

    def _made(self, work: Record | Group) -> Any:
        if id(work) not in self._begun:
            self.begin(work)
        worker = self._begun.pop(id(work))
        while True:
            while worker.said:
                what, *words = worker.said.popleft()
                if what == "made":
                    return words[0]
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

    def _of(self, work: Record | Group) -> Worker:
        if self._chains is None:
            return min(self._workers, key=lambda one: one.load)
        assert isinstance(work, Scan)  # noqa: S101  # the command asked for scans only
        return self._chains.setdefault(warm.chain(work), self._workers[len(self._chains) % self.count])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()


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
