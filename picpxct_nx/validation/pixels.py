"""Questions to every pixel of large images, asked in pieces that stay in the cache.

Each has a quick answer in float32 that is never too kind: what it does not pass is judged again, slowly and exactly.
"""

import math
import sys
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from picpxct_nx.validation.view import Array

# Angles of complex64 numbers, kept as float32.
ANGLE = 1e-3
# Where the transmission is smaller, its angle is rounding.
SMALL = 1e-4
# Pixels in a piece: with the working space of a comparison they fill half a MiB.
_PIECE = 2**15
_COMPLEX64, _HALF = np.dtype(np.complex64), np.uint64(32)


class Workspace:
    """Room for the comparison of one piece, to be used again for the next."""

    def __init__(self) -> None:
        self.words = np.empty(_PIECE, np.uint64)
        self.numbers = np.empty((6, _PIECE), np.float32)


@np.errstate(all="ignore")
def wrong_angles(transmission: Array, phase: Array, space: Workspace) -> tuple[int, int]:
    """Numbers of pixels that are not finite, and of those whose phase is not the angle of the transmission.

    Turned back by the phase p, t exp(-i p) must be positive and real, |Im| <= `ANGLE` Re: sines cost less than angles,
    and turns of 2 pi drop out. Where |t| <= `SMALL` there is no angle to compare with.

    Parameters
    ----------
    transmission : (...) complex
        Transmission t.
    phase : (...) real
        Phase p of as many pixels, rad.
    space : Workspace
        Room to work in.
    """
    t, p = transmission.ravel(), phase.ravel()
    unknown = wrong = 0
    for start in range(0, t.size, _PIECE):
        piece = slice(start, start + _PIECE)
        if not _is_right(t[piece], p[piece], space):
            finite = np.isfinite(t[piece])
            unknown += int(np.sum(~finite))
            wrong += _exactly_wrong(t[piece][finite], p[piece][finite])
    return unknown, wrong


def _is_right(t: Array, p: Array, space: Workspace) -> bool:
    """Whether all pixels are surely right; what is not finite, or too large for float32, never is."""
    real, imaginary, cosine, sine, along, across = space.numbers[:, : t.size]
    _split(t, real, imaginary, space.words[: t.size])
    np.cos(p, out=cosine, casting="same_kind")
    np.sin(p, out=sine, casting="same_kind")
    np.multiply(real, cosine, out=along)
    np.multiply(imaginary, cosine, out=across)
    along += np.multiply(imaginary, sine, out=imaginary)
    across -= np.multiply(real, sine, out=real)
    # The norm is at least the largest |Im|; it is enough where no pixel is nearly black.
    if math.sqrt(np.dot(across, across)) <= ANGLE * along.min() < math.inf:
        return True
    along *= np.float32(ANGLE)
    along -= np.abs(across, out=across)
    return bool(along.min() >= 0)


def _split(t: Array, real: Array, imaginary: Array, words: Array) -> None:
    """Real and imaginary parts side by side; halves of a word are faster than every other number."""
    if t.dtype == _COMPLEX64 and sys.byteorder == "little":
        pairs = t.view(np.uint64)
        np.copyto(real.view(np.uint32), pairs, casting="unsafe")
        np.copyto(imaginary.view(np.uint32), np.right_shift(pairs, _HALF, out=words), casting="unsafe")
    else:
        np.copyto(real, t.real, casting="same_kind")
        np.copyto(imaginary, t.imag, casting="same_kind")


def _exactly_wrong(t: Array, p: Array) -> int:
    turned = t.astype(np.complex128) * np.exp(-1j * p.astype(np.float64))
    wrong = ~(np.abs(turned.imag) <= ANGLE * turned.real)
    return int(np.sum(np.abs(t[wrong]) > SMALL))


def add_up(total: Array, images: Iterable[Array]) -> None:
    """Add images (h, w) to a total of their shape and type, in place; complex ones as pairs of numbers."""
    _fold(np.add, total, images)


def _fold(fold: Callable[..., Array], total: Array, images: Iterable[Array]) -> None:
    flat, rows = _numbers(total), [_numbers(image) for image in images]
    for start in range(0, flat.size, 2 * _PIECE):
        piece = flat[start : start + 2 * _PIECE]
        for row in rows:
            fold(piece, row[start : start + 2 * _PIECE], out=piece, casting="same_kind")


def _numbers(image: Array) -> Array:
    """The numbers of an image in a row, real and imaginary parts of complex ones in turn."""
    flat = image.reshape(-1)
    return flat.view(flat.real.dtype) if flat.dtype.kind == "c" else flat


def extremes(blocks: Iterator[Array], *, least: bool) -> tuple[Array | None, Array | None]:
    """Least (if asked for) and largest value of every pixel of frames that come in blocks (n, h, w); NaN stays NaN."""
    low: Array | None = None
    high: Array | None = None
    for block in blocks:
        if high is None:
            low, high = block[0].copy() if least else None, block[0].copy()
        _fold(np.maximum, high, block)
        if low is not None:
            _fold(np.minimum, low, block)
    return low, high


def negative(values: Array) -> int:
    """Number of values that are negative or NaN."""
    return 0 if not values.size or values.min() >= 0 else int(np.sum(~(values >= 0)))
