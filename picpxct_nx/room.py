"""Room: what is as large as a cube lies in memory as far as a limit allows, and beyond it in a file without a name.

The file is in the folder for temporary files (TMPDIR). Nothing of it is left behind, however the program ends. Numbers
go into it and come back bit by bit, so that where an array lies changes nothing of what is computed.
"""

import itertools
import math
import os
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from picpxct_nx import atomic
from picpxct_nx.errors import UsageError
from picpxct_nx.values import Array, Pieces

_STATM = Path("/proc/self/statm")
# A program is not of the same size each time; the least that is named must do the next time. It is rounded up.
_SCATTER, _STEP = 3 * 10**6, 10**7


@dataclass(frozen=True)
class Task:
    """What a stage works on: how many polarisations of height x width pixels, and how many steps made them."""

    polarisations: int
    height: int
    width: int
    steps: int


def working(stage: str, task: Task) -> int:
    """Bytes that a stage works with beside the program and all that is as large as a cube.

    Images and maps while it computes, and then the history, which is written and checked. Measured on cubes of 256 x
    256 to 740 x 740 pixels with 1 to 4 polarisations and 1 to 240 steps, and a tenth more; `benchmarks/cube.py --memory
    least` tells whether it is enough.
    """
    image, frame = task.height * task.width, max(task.height, task.width) ** 2
    fixed, growing, each_step = {
        "flatten": (50, 180 * image, 150_000),
        "stack": (30, 100 * frame, 420_000),
        "align": (60, 130 * image, 150_000),
        "register": (20, 500 * frame, 150_000),
        "normalize": (80, (115 + 135 * task.polarisations) * image, 150_000),
    }[stage]
    return fixed * 10**6 + max(growing, each_step * task.steps)


class Room:
    """Makes arrays (`Room` of `values`) so that the program stays below a limit in bytes.

    What is asked for is in memory while it fits beside the program, what a stage works with (`begin`) and all that was
    made before and is still in use; else, and before the beginning, it is in a file.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._base: int | None = None
        self._working = 0
        self._given: dict[int, int] = {}
        self._numbers = itertools.count()
        self._file: _File | None = None

    def begin(self, working: int, name: str) -> None:
        """Begin to work on what is called `name` and takes `working` bytes, apart from the arrays that are made here.

        Raises
        ------
        UsageError
            The limit leaves no room for that beside the program.
        """
        if self._base is None:
            self._base = resident()
        self._working = max(self._working, working)
        least = self._base + self._working
        if least > self._limit:
            enough = math.ceil((least + _SCATTER) / _STEP) * _STEP
            raise UsageError(
                f"{name}: --memory {self._limit / 1e6:.0f} MB is too little; it takes {enough / 1e6:.0f} MB at least, "
                "whatever is left on the disk"
            )

    def __call__(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Pieces:
        """An array that is not filled yet.

        Raises
        ------
        RetryError
            The disk has no room for it.
        """
        kind = np.dtype(dtype)
        size = math.prod(shape) * kind.itemsize
        if self._base is not None and size <= self._limit - self._base - self._working - sum(self._given.values()):
            made, number = np.empty(shape, kind), next(self._numbers)
            self._given[number] = size
            weakref.finalize(made, self._given.pop, number)
            return made
        if self._file is None:
            self._file = _File()
        return _Filed(self._file, self._file.take(size), shape, kind)


def resident() -> int:
    """Bytes of memory that this process has in use now; its most so far where the system does not tell."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class _File:
    """A temporary file without a name, of which parts are taken and given back."""

    def __init__(self) -> None:
        with _naming_folder(), tempfile.TemporaryFile() as file:
            self.number = os.dup(file.fileno())
        weakref.finalize(self, os.close, self.number)
        self._end = 0
        self._free: list[tuple[int, int]] = []

    def take(self, size: int) -> int:
        """Where a part of a size begins; there is room for it on the disk."""
        for place, (start, length) in enumerate(self._free):
            if size <= length:
                self._free[place] = (start + size, length - size)
                return start
        if size:
            with _naming_folder():
                os.posix_fallocate(self.number, self._end, size)
        start, self._end = self._end, self._end + size
        return start

    def give(self, start: int, size: int) -> None:
        """Give a part back."""
        self._free.append((start, size))


class _Filed:
    """An array in a part of a file; `[...]` with numbers and slices of step one reads and writes pieces of it."""

    def __init__(self, file: _File, start: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._file, self._start = file, start
        self.shape, self.dtype = shape, dtype
        self._of: _Filed | None = None
        weakref.finalize(self, file.give, start, math.prod(shape) * dtype.itemsize)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Array]:
        return (self[index] for index in range(len(self)))

    def __array__(self, dtype: npt.DTypeLike | None = None, *, copy: bool | None = None) -> Array:
        return np.asarray(self[...], dtype)

    def __getitem__(self, key: Any) -> Array:
        spans, kept = _spans(key, self.shape)
        found = np.empty([stop - start for start, stop in spans], self.dtype)
        bare = memoryview(found.reshape(-1).view(np.uint8))  # type: ignore[arg-type]  # an array is a buffer
        with _naming_folder():
            for place, part in self._runs(spans):
                _fully(os.preadv, self._file.number, bare[part], place)
        return found.reshape(kept)

    def __setitem__(self, key: Any, value: Any) -> None:
        spans, kept = _spans(key, self.shape)
        given = np.ascontiguousarray(np.broadcast_to(np.asarray(value).astype(self.dtype, copy=False), kept))
        bare = memoryview(given.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
        with _naming_folder():
            for place, part in self._runs(spans):
                _fully(os.pwritev, self._file.number, bare[part], place)

    def reshape(self, shape: tuple[int, ...], /) -> "_Filed":
        """The same bytes under another shape."""
        if math.prod(shape) != math.prod(self.shape):
            raise ValueError(f"an array of shape {self.shape} has no shape {shape}")
        other = object.__new__(_Filed)
        other._file, other._start, other.shape, other.dtype = self._file, self._start, shape, self.dtype
        other._of = self  # which gives the part back
        return other

    def _runs(self, spans: list[tuple[int, int]]) -> Iterator[tuple[int, slice]]:
        """Places in the file of the consecutive bytes of a piece, and which bytes of the piece these are."""
        steps = [math.prod(self.shape[axis + 1 :]) * self.dtype.itemsize for axis in range(len(self.shape))]
        whole = [span == (0, length) for span, length in zip(spans, self.shape, strict=True)]
        # All axes behind this one are whole, so that what it spans is in one piece.
        last = next((axis for axis in reversed(range(len(whole))) if not whole[axis]), 0)
        if not spans:
            yield self._start, slice(0, self.dtype.itemsize)
            return
        length, done = (spans[last][1] - spans[last][0]) * steps[last], 0
        for index in itertools.product(*(range(*span) for span in spans[:last])):
            place = self._start + sum(map(int.__mul__, index, steps)) + spans[last][0] * steps[last]
            yield place, slice(done, done + length)
            done += length


def _spans(key: Any, shape: tuple[int, ...]) -> tuple[list[tuple[int, int]], list[int]]:
    """Begin and end along every axis of what a key means, and the shape of that."""
    keys = key if isinstance(key, tuple) else (key,)
    if Ellipsis in keys:
        place = keys.index(Ellipsis)
        keys = (*keys[:place], *(slice(None),) * (len(shape) - len(keys) + 1), *keys[place + 1 :])
    keys = (*keys, *(slice(None),) * (len(shape) - len(keys)))
    spans, kept = [], []
    for one, length in zip(keys, shape, strict=True):
        if isinstance(one, slice):
            start, stop, step = one.indices(length)
            if step != 1:
                raise TypeError(f"a piece has no step, found {one}")
            spans.append((start, max(start, stop)))
            kept.append(spans[-1][1] - start)
        else:
            index = range(length)[one]
            spans.append((index, index + 1))
    return spans, kept


def _fully(move: Any, number: int, bare: memoryview, place: int) -> None:
    """Read or write all bytes of a buffer; a system may move less than it is asked for."""
    while bare:
        moved = move(number, [bare], place)
        if not moved:
            raise OSError("the temporary file is shorter than it was made")
        bare, place = bare[moved:], place + moved


def _naming_folder() -> Any:
    return atomic.naming_disk_errors(f"the folder for temporary files, {tempfile.gettempdir()}")
