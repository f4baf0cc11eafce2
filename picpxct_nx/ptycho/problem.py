"""What a ptychographic reconstruction is given: host arrays only, checked once at this door."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import InputError

# A position nearer than this to a whole pixel counts as whole: it is rounding noise of the metre-to-pixel
# conversion, far below what any stage measures, and whole positions cost half the transforms.
WHOLE_PIXEL_TOLERANCE = 1e-6


class Frames(Protocol):
    """A stack of frames (n, h, w) that is read slice by slice: a numpy array, an HDF5 dataset, a memory map."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of frames, rows, columns."""
        ...

    def __getitem__(self, key: slice, /) -> Any:
        """Frames of a slice."""
        ...


@dataclass(frozen=True)
class Problem:
    """A far-field ptychographic scan in pixels and counts.

    The model is `I_j(q) = sum_m |F[P_m(r - f_j) O(c_j + r)](q)|^2` with F the orthonormal two-dimensional discrete
    Fourier transform of kernel exp(-2 pi i q r), c_j the whole and f_j the fractional part of position j. A probe
    P is therefore in sqrt(counts): sum |P|^2 is the count of a frame through an empty object.

    Parameters
    ----------
    frames : (n, h, w) real
        Counts, zero frequency at [h // 2, w // 2]; read in blocks.
    good : (h, w) bool
        Measured pixels. Elsewhere (gaps, bad pixels, beam stop) the wave is left free and nothing is compared.
    positions_px : (n, 2) float64
        Row and column of the window's top-left corner in the object, in object pixels, with fractions.
    object_shape : (int, int)
        Rows and columns of the object.
    probe : (modes, h, w) complex64
        Start probe modes of any scale; they are scaled to the measured counts at the start.
    object : (H, W) complex64, optional
        Start object; ones where none is given.
    intensity : (n,) float64, optional
        Intensity of the beam in each frame, on any scale, as a monitor measured it; equal where none is given.
    background : (h, w) float, optional
        Counts a pixel that every frame has without the beam, zero frequency at [h // 2, w // 2].
    pupil : (h, w) bool, optional
        Where the probe's far field can have light, zero frequency at [h // 2, w // 2], as the optics say.

    Raises
    ------
    InputError
        A shape, the mask, a position or the probe cannot be right.
    """

    frames: Frames
    good: NDArray[np.bool_]
    positions_px: NDArray[np.float64]
    object_shape: tuple[int, int]
    probe: NDArray[np.complex64]
    object: NDArray[np.complex64] | None = None
    intensity: NDArray[np.float64] | None = None
    background: NDArray[np.floating] | None = None
    pupil: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        _check_shapes(self)
        _check_values(self)
        _check_known(self)


def _check_shapes(problem: Problem) -> None:
    shape = tuple(problem.frames.shape)
    if len(shape) != 3 or 0 in shape:
        raise InputError(f"frames: shape {shape}; wanted (n, h, w) with at least one frame; check the frame selection")
    n, h, w = shape
    wanted: list[tuple[str, Any, tuple[int, ...], str]] = [
        ("good", problem.good, (h, w), "give one mask value a detector pixel"),
        ("positions_px", problem.positions_px, (n, 2), "give one (row, column) a frame"),
    ]
    if problem.object is not None:
        wanted.append(("object", problem.object, problem.object_shape, "crop or pad the start object"))
    if problem.intensity is not None:
        wanted.append(("intensity", problem.intensity, (n,), "give one monitor reading a frame"))
    if problem.background is not None:
        wanted.append(("background", problem.background, (h, w), "give one number a detector pixel"))
    if problem.pupil is not None:
        wanted.append(("pupil", problem.pupil, (h, w), "give one value a detector pixel"))
    for name, array, expected, remedy in wanted:
        if array.shape != expected:
            raise InputError(f"{name}: shape {array.shape}; wanted {expected}; {remedy}")
    modes = problem.probe.shape
    if len(modes) != 3 or modes[0] < 1 or modes[1:] != (h, w):
        raise InputError(f"probe: shape {modes}; wanted (modes, {h}, {w}); crop or pad the probe to the frames")
    if problem.good.dtype != np.bool_:
        raise InputError(f"good: dtype {problem.good.dtype}; wanted bool, True where measured; compare the mask with 0")


def _check_values(problem: Problem) -> None:
    if not problem.good.any():
        raise InputError("good: no pixel is measured; wanted at least one True; is the mask inverted?")
    if not np.isfinite(problem.probe).all():
        raise InputError("probe: holds NaN or infinity; wanted finite values; give another start probe")
    if not problem.probe.any():
        raise InputError("probe: all zero; wanted a start guess of the illumination; give another start probe")
    if problem.object is not None and not np.isfinite(problem.object).all():
        raise InputError("object: holds NaN or infinity; wanted finite values; give another start object")
    if not np.isfinite(problem.positions_px).all():
        index = int(np.argmin(np.isfinite(problem.positions_px).all(1)))
        raise InputError(f"positions_px: position {index} is not finite; wanted pixels; drop that frame")
    corner, _ = split_positions(problem.positions_px)
    room = np.array(problem.object_shape) - problem.probe.shape[1:]
    outside = ((corner < 0) | (corner > room)).any(1)
    if outside.any():
        index = int(np.argmax(outside))
        row, column = problem.positions_px[index]
        raise InputError(
            f"positions_px: position {index} at ({row:.2f}, {column:.2f}) leaves the object of {problem.object_shape}; "
            f"wanted corners within (0, 0) to ({room[0]}, {room[1]}); enlarge object_shape or shift the positions"
        )


def _check_known(problem: Problem) -> None:
    """What is known beside the frames."""
    if problem.intensity is not None and not (np.isfinite(problem.intensity) & (problem.intensity > 0)).all():
        index = int(np.argmin(np.isfinite(problem.intensity) & (problem.intensity > 0)))
        raise InputError(
            f"intensity: frame {index} has {problem.intensity[index]}; wanted a finite number above 0; drop that frame"
        )
    if problem.background is not None:
        wrong = ~(np.isfinite(problem.background) & (problem.background >= 0)) & problem.good
        if wrong.any():
            y, x = np.argwhere(wrong)[0]
            raise InputError(
                f"background: holds {problem.background[y, x]} at pixel ({y}, {x}); wanted counts of zero or more; "
                "mark the pixel False in `good`"
            )
    if problem.pupil is not None and not problem.pupil.any():
        raise InputError("pupil: lets no light through; wanted at least one True; check the optics' numbers")


def split_positions(positions_px: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Whole-pixel corner and remaining fraction of each position, position = corner + fraction.

    Parameters
    ----------
    positions_px : (n, 2) float64
        Top-left corners in object pixels.

    Returns
    -------
    corner : (n, 2) int64
        The nearest whole pixel.
    fraction : (n, 2) float64
        Within [-0.5, 0.5] pixel; exactly zero where it is rounding noise.
    """
    corner = np.rint(positions_px)
    fraction = positions_px - corner
    fraction[np.abs(fraction) < WHOLE_PIXEL_TOLERANCE] = 0.0
    return corner.astype(np.int64), fraction


def read_counts(problem: Problem, block: int) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Frames in blocks as float32 counts, zero where nothing is measured, each frame checked as it is read.

    Parameters
    ----------
    problem : Problem
        The scan; its frames are read once, in order.
    block : int
        Frames at a time.

    Yields
    ------
    rows : slice
        Which frames.
    counts : (block, h, w) float32
        Counts, zero frequency at [h // 2, w // 2].

    Raises
    ------
    InputError
        A measured pixel is NaN, infinite or negative, or all frames are empty.
    """
    total = 0.0
    n = problem.frames.shape[0]
    for start in range(0, n, block):
        rows = slice(start, min(start + block, n))
        raw = np.asarray(problem.frames[rows])
        counts = np.where(problem.good, raw, 0).astype(np.float32)
        bad = ~(np.isfinite(counts) & (counts >= 0)).all(axis=(1, 2))
        if bad.any():
            raise InputError(
                f"frames: frame {start + int(np.argmax(bad))} holds NaN, infinite or negative counts; wanted counts "
                ">= 0 on every measured pixel; mark those pixels False in `good` or drop the frame"
            )
        total += float(counts.sum(dtype=np.float64))
        yield rows, counts
    if total == 0.0:
        raise InputError("frames: no counts on any measured pixel; wanted photons; check the mask and the shutter")
