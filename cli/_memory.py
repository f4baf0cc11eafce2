"""Memory: freed arrays go back to the system, and with --memory SIZE what does not fit into SIZE lies in a file."""

import ctypes
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from picpxct_nx.errors import UsageError

from . import _input

if TYPE_CHECKING:
    from picpxct_nx.images.projection import Projection
    from picpxct_nx.records import Record
    from picpxct_nx.room import Task
    from picpxct_nx.values import Room

# mallopt's number of the size from which an allocation is pages of its own (malloc.h).
_MMAP_THRESHOLD, _BYTES = -3, 128 * 1024

_SIZE = re.compile(r"\s*([0-9]+\.?[0-9]*|\.[0-9]+)\s*([kKMGT]?)(i?)B\s*\Z")
# What comes through a pipe or goes into one is kept in memory up to this size where memory is short.
_SPOOL_BYTES = 2**20


def give_back() -> None:
    """Keep glibc from raising that size: it does when a large array is freed, and later ones then stay in its heap."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other libraries have none, and no need of it
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _BYTES)


def _trim() -> None:
    """Give back what is free in glibc's heap: reading and checking a file leaves much behind."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def limited(text: str | None, stage: str) -> "Callable[..., Room]":
    """Where a stage keeps what is as large as a cube: asked for with the record that is worked on, or projections.

    Who asks with nothing gets what is laid aside until then.

    Parameters
    ----------
    text : str, optional
        What --memory says; without it all is in memory.
    stage : str
        Name of the command.

    Raises
    ------
    UsageError
        The text is no size; and when a record is worked on, that it is too little.
    """
    from picpxct_nx.values import in_memory

    if text is None:
        return lambda *_: in_memory
    from picpxct_nx.room import Room, working

    room = Room(size(text))
    _input.SPOOL_BYTES = _SPOOL_BYTES

    def begin(*items: "Record | Projection") -> "Room":
        if items:
            _trim()
            task = _task(items)
            room.begin(working(stage, task), getattr(items[0], "entry", stage))
        return room

    return begin


def _task(items: "Sequence[Record | Projection]") -> "Task":
    import numpy as np

    from picpxct_nx.images.projection import Projection
    from picpxct_nx.records import Reconstruction, SpectralCube
    from picpxct_nx.room import Task

    if isinstance(items[0], Reconstruction | SpectralCube):
        record = items[0]
        return Task(np.size(record.rotation), len(record.y), len(record.x), len(record.history))
    projections = [item for item in items if isinstance(item, Projection)]
    # The cube reaches as far from the axis of rotation as any of them.
    height, width = (
        max(2 * round(max(-axis.start, axis.start + axis.length * axis.step) / axis.step) for axis in axes)
        for axes in zip(*(item.axes for item in projections), strict=True)
    )
    return Task(1, height, width, sum(len(item.record.history) for item in projections))


def size(text: str) -> int:
    """Bytes that a text such as "500 MB" or "2 GiB" means.

    Raises
    ------
    UsageError
        It is no number with a unit of bytes.
    """
    found = _SIZE.match(text)
    if found is None:
        raise UsageError(f"--memory '{text}': wanted a number and kB, MB, GB, TB or KiB, MiB, GiB: \"500 MB\"")
    number, prefix, binary = found.groups()
    power = " kMGT".index(prefix.replace("K", "k") or " ")
    return round(float(number) * (1024.0 if binary else 1000.0) ** power)
