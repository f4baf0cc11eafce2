"""What ends a run before its recipe does, and who keeps its snapshots."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .snapshot import Snapshot

# engine, iteration (from 1), iterations in all, Fourier error; False asks to stop after this iteration.
Progress = Callable[[str, int, int, float], bool | None]

# Iterations over which the change of the object is averaged: conjugate gradients take an odd long step now and then.
PLATEAU_WINDOW = 5
# Where less than this part of the largest dose falls, the object does not count: it wanders there without end.
LIT = 0.1
# Keeping snapshots may take this part of the time, whatever the disk.
KEEPING_SHARE = 0.05


@dataclass(frozen=True)
class Stop:
    """What ends a run before its recipe does.

    The Fourier error is no such rule: the best object has a larger one than an overfit.

    Parameters
    ----------
    plateau : float
        An engine's turn ends when its iterations change the object by less than this part of it, root mean square over
        the lit pixels and the mean over `PLATEAU_WINDOW` iterations; 0 never.
    seconds : float
        The run ends with the iteration after which the next would not end within this time; infinite never.
    """

    plateau: float = 0.0
    seconds: float = math.inf

    def __post_init__(self) -> None:
        if not 0 <= self.plateau < 1:
            raise ValueError(f"plateau {self.plateau:g}; wanted 0 (never) or a small part of 1, for example 0.001")
        if not self.seconds > 0:
            raise ValueError(f"time of {self.seconds:g} s; wanted more than 0")


@dataclass(frozen=True)
class Control:
    """Who is told of a run, who keeps its snapshots, and what ends it.

    Parameters
    ----------
    progress : callable, optional
        Called after every iteration with (engine, iteration, iterations in all, error); returning False stops.
    stop : Stop
        What ends the run before its recipe does.
    keep : callable, optional
        Given a snapshot now and then, and when the run is stopped.
    every : float
        Seconds between two snapshots, at least; 0 for one an iteration.
    resume : Snapshot, optional
        Where to go on.
    """

    progress: Progress | None = None
    stop: Stop = field(default_factory=Stop)
    keep: Callable[[Snapshot], None] | None = None
    every: float = 60.0
    resume: Snapshot | None = None


class Clock:
    """Time of a run: whether it is over, and whether a snapshot is due."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._began = self._last = self._kept = time.monotonic()
        self._cost = 0.0

    def over(self) -> bool:
        """Whether another iteration as long as the last would end too late; asked once an iteration."""
        now = time.monotonic()
        took, self._last = now - self._last, now
        return now + took - self._began > self._control.stop.seconds

    def due(self) -> bool:
        """Whether a snapshot is wanted now."""
        wait = max(self._control.every, self._cost / KEEPING_SHARE) if self._control.every else 0.0
        return self._control.keep is not None and time.monotonic() - self._kept >= wait

    def keep(self, snapshot: Snapshot) -> None:
        """Hand a snapshot out and see how long that takes."""
        if self._control.keep is not None:
            began = time.monotonic()
            self._control.keep(snapshot)
            self._kept = time.monotonic()
            self._cost = self._kept - began


class Plateau:
    """Whether an engine's iterations still change the object: fed with the object after each of its iterations."""

    def __init__(self, least: float, dose: Tensor, changes: Iterable[float] = ()) -> None:
        self._least = least
        self._lit = (dose > LIT * dose.max()).to(torch.float32)
        self.changes: deque[float] = deque(changes, maxlen=PLATEAU_WINDOW)

    def reached(self, before: Tensor, after: Tensor) -> bool:
        """Whether the mean of the last changes |O_k - O_(k-1)| / |O_k| is below the least one."""
        change, size = (
            float((image.abs().square() * self._lit).sum(dtype=torch.float64)) for image in (after - before, after)
        )
        self.changes.append(math.sqrt(change / size) if size else 0.0)
        return len(self.changes) == PLATEAU_WINDOW and sum(self.changes) < PLATEAU_WINDOW * self._least
