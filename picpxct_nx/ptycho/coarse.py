"""A start at half the resolution: the middle of every frame, pixels of twice the size, a quarter of the work."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import InputError

from .problem import Frames, Problem
from .result import Result


@dataclass(frozen=True)
class _Middle:
    """The middle of frames that stay where they are."""

    source: Frames
    window: tuple[slice, slice]

    @property
    def shape(self) -> tuple[int, ...]:
        rows, columns = self.window
        return (self.source.shape[0], rows.stop - rows.start, columns.stop - columns.start)

    def __getitem__(self, key: slice, /) -> Any:
        return np.asarray(self.source[key])[:, *self.window]


def halved(problem: Problem) -> Problem:
    """The problem that the middle half of every frame poses.

    The object's pixels are twice as large. Positions are rounded to them: a fraction of a pixel costs half the
    transforms again, and this is only a start.

    Parameters
    ----------
    problem : Problem
        A scan with frames of even sizes.

    Returns
    -------
    Problem
        Its start object is one of ones.

    Raises
    ------
    InputError
        A size of the frames is odd.
    """
    h, w = problem.probe.shape[1:]
    if h % 2 or w % 2:
        raise InputError(f"start.coarse: frames of {h} x {w}; wanted even sizes; crop the frames, or leave this out")
    window = (_middle(h), _middle(w))
    spectrum = np.fft.fftshift(np.fft.fft2(problem.probe, norm="ortho"), axes=(1, 2))[:, *window]
    probe = np.fft.ifft2(np.fft.ifftshift(spectrum, axes=(1, 2)), norm="ortho")
    return replace(
        problem,
        frames=_Middle(problem.frames, window),
        good=problem.good[window],
        positions_px=np.rint(problem.positions_px / 2),
        object_shape=(-(-problem.object_shape[0] // 2), -(-problem.object_shape[1] // 2)),
        probe=probe.astype(np.complex64),
        object=None,
        background=None if problem.background is None else problem.background[window],
        pupil=None if problem.pupil is None else problem.pupil[window],
    )


def doubled(problem: Problem, result: Result) -> Problem:
    """The problem with what its half gave as start object and probe, both interpolated by their transforms.

    Parameters
    ----------
    problem : Problem
        The whole problem.
    result : Result
        Of `halved` of it.

    Returns
    -------
    Problem
    """
    rows, columns = problem.object_shape
    image = _fine(result.object, (2 * result.object.shape[0], 2 * result.object.shape[1]))[:rows, :columns]
    probe = np.stack([_fine(mode, (problem.probe.shape[1], problem.probe.shape[2])) for mode in result.probe])
    return replace(problem, object=np.ascontiguousarray(image), probe=probe)


def _middle(size: int) -> slice:
    start = size // 2 - size // 4
    return slice(start, start + size // 2)


def _fine(image: NDArray[np.complex64], shape: tuple[int, int]) -> NDArray[np.complex64]:
    """Image on twice as many pixels along each axis, the same values on every second one."""
    spectrum = np.zeros(shape, np.complex128)
    window = tuple(
        slice(size // 2 - of // 2, size // 2 - of // 2 + of) for size, of in zip(shape, image.shape, strict=True)
    )
    spectrum[window] = np.fft.fftshift(np.fft.fft2(image))
    fine = np.fft.ifft2(np.fft.ifftshift(spectrum)) * (spectrum.size / image.size)
    return fine.astype(np.complex64)
