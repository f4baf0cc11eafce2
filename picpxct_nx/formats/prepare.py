"""Frames as given become frames of ours: turned into the laboratory, shifted, and cut around the direct beam."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.formats.foreign import Directions
from picpxct_nx.formats.passthrough import is_bitshuffled, packed_images
from picpxct_nx.images.fourier import centred_fft, centred_ifft
from picpxct_nx.values import BLOCK_BYTES, Array, ArraySource, PackedImages

Pair = tuple[int, int]


@dataclass(frozen=True)
class Layout:
    """How an image as given becomes one of ours: a transposition, flips, a circular shift, a window, in this order.

    `given` is the shape as given, `flip` and all that follows speak of rows and columns after the transposition.
    `beam_px` is the row and column of the direct beam in the result.
    """

    given: Pair
    transpose: bool
    flip: tuple[bool, bool]
    shift: Pair
    window: tuple[slice, slice]
    beam_px: tuple[float, float]

    @property
    def turned(self) -> Pair:
        """Shape of a whole image after the transposition."""
        return (self.given[1], self.given[0]) if self.transpose else self.given

    @property
    def shape(self) -> Pair:
        """Shape of the result."""
        rows, columns = self.window
        return rows.stop - rows.start, columns.stop - columns.start


def plan(given: Pair, directions: Directions, *, beam_px: tuple[float, float] | None, crop: Pair | None) -> Layout:
    """Layout for images whose indices grow along `directions`, with the direct beam at `beam_px`.

    Without `beam_px` the zero frequency is at [0, 0] as a Fourier transform leaves it; the image is shifted circularly
    so that it lands at [h // 2, w // 2]. A crop puts the pixel nearest to the beam at [rows // 2, columns // 2].

    Parameters
    ----------
    given : (rows, columns)
        Shape of the images as given.
    directions : pair of directions
        Laboratory directions of rows and columns as given.
    beam_px : (row, column), optional
        Direct beam in the images as given.
    crop : (rows, columns), optional
        Shape to cut, along y and x.

    Raises
    ------
    UsageError
        The window leaves the image.
    """
    transpose = directions[0][1] == "x"
    along = {direction[1]: direction[0] for direction in directions}
    flip = (along["y"] == "-", along["x"] == "-")
    turned = (given[1], given[0]) if transpose else given
    start = (0.0, 0.0) if beam_px is None else beam_px
    start = (start[1], start[0]) if transpose else start
    y, x = (n - 1 - s if f else s for s, f, n in zip(start, flip, turned, strict=True))
    shift = (0, 0)
    if beam_px is None:
        shift = (turned[0] // 2 - round(y), turned[1] // 2 - round(x))
        y, x = y + shift[0], x + shift[1]
    # The nearest pixel is chosen in the image as given, halves upwards, so that it does not depend on flips.
    nearest = [_nearest(s, flipped=f) for s, f in zip((y, x), flip, strict=True)]
    rows, columns = slice(0, turned[0]), slice(0, turned[1])
    if crop is not None:
        rows = _cut(nearest[0], crop[0], turned[0], "y")
        columns = _cut(nearest[1], crop[1], turned[1], "x")
    return Layout(given, transpose, flip, shift, (rows, columns), (y - rows.start, x - columns.start))


def _nearest(index: float, *, flipped: bool) -> int:
    return int(np.ceil(index - 0.5) if flipped else np.floor(index + 0.5))


def _cut(centre: int, length: int, whole: int, axis: str) -> slice:
    start = centre - length // 2
    if start < 0 or start + length > whole:
        fits = min(2 * centre + 1, 2 * (whole - centre))
        raise UsageError(
            f"--crop {length}: around the beam at {axis} pixel {centre} the window leaves the frame of {whole} pixels; "
            f"at most {max(fits, 0)} fit there: crop less or check --center"
        )
    return slice(start, start + length)


def arrange(images: Array, layout: Layout) -> Array:
    """Images (..., rows, columns) as given, in the layout of ours."""
    if layout.transpose:
        images = np.swapaxes(images, -1, -2)
    for axis, flip in zip((-2, -1), layout.flip, strict=True):
        if flip:
            images = np.flip(images, axis)
    if any(layout.shift):
        images = np.roll(images, layout.shift, (-2, -1))
    return images[..., layout.window[0], layout.window[1]]


@dataclass(frozen=True)
class Arranged:
    """Frames (n, h, w) in the layout of ours, each read and turned when it is asked for."""

    source: ArraySource
    layout: Layout

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of frames, rows, columns."""
        return (self.source.shape[0], *self.layout.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the counts, in the byte order of the source."""
        return np.dtype(self.source.dtype)

    @property
    def packing(self) -> str | None:
        """`bitshuffle` where the frames are packed so where they come from."""
        return "bitshuffle" if is_bitshuffled(self.source) else None

    def packed(self) -> PackedImages | None:
        """The frames as they are stored, where nothing is turned, shifted or cut."""
        plain = not (self.layout.transpose or any(self.layout.flip) or any(self.layout.shift))
        return packed_images(self.source) if plain and self.layout.shape == self.layout.given else None

    def __getitem__(self, key: Any, /) -> Array:
        """Frames, or a part of them, in memory; only the first item of the key limits what is read."""
        items = key if isinstance(key, tuple) else (key,)
        first, rest = (items[0], items[1:]) if items else (slice(None), ())
        if isinstance(first, int | np.integer):
            return np.asarray(self._read(slice(int(first), int(first) + 1 or None))[0][rest])
        if isinstance(first, slice):
            return np.asarray(self._read(first)[(slice(None), *rest)])
        return np.asarray(self._read(slice(None))[key])

    def _read(self, rows: slice) -> Array:
        layout = self.layout
        if any(layout.shift):
            return self._read_shifted(range(*rows.indices(self.shape[0])))
        # Without a circular shift the window is one of the source, and no more of it is read.
        window = tuple(
            slice(n - s.stop, n - s.start) if flip else s
            for s, flip, n in zip(layout.window, layout.flip, layout.turned, strict=True)
        )
        part = np.asarray(self.source[(rows, *(reversed(window) if layout.transpose else window))])
        whole = (slice(0, layout.shape[0]), slice(0, layout.shape[1]))
        cut = Layout((0, 0), layout.transpose, layout.flip, (0, 0), whole, (0.0, 0.0))
        return np.ascontiguousarray(arrange(part, cut))

    def _read_shifted(self, rows: range) -> Array:
        """Whole frames are needed, a few at a time."""
        result = np.empty((len(rows), *self.layout.shape), self.dtype)
        step = max(1, BLOCK_BYTES // (self.layout.given[0] * self.layout.given[1] * self.dtype.itemsize))
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            block = np.asarray(self.source[some.start : some.stop : some.step])
            result[start : start + step] = arrange(block, self.layout)
        return result


def arrange_probe(probe: Array, layout: Layout, name: str) -> Array:
    """Probe modes in the orientation of the frames, for as many pixels as the frames have.

    A flip is about the pixel [h // 2, w // 2], which stands for r = 0. Cutting frames to N' of N pixels keeps the
    window lambda z / p in the sample plane and makes its pixels coarser; so the probe's Fourier transform is cut as
    well: P' = F^-1[cut(F[P])].

    Parameters
    ----------
    probe : (modes, rows, columns) complex
        As large as the frames as given, or already as large as the result.
    layout : Layout
        How the frames are arranged.
    name : str
        Name of the file, for the message.

    Returns
    -------
    (modes, h, w) complex

    Raises
    ------
    InputError
        The probe has another shape.
    """
    if layout.transpose:
        probe = np.swapaxes(probe, -1, -2)
    shape = probe.shape[-2:]
    for axis, flip, n in zip((-2, -1), layout.flip, shape, strict=True):
        if flip:
            probe = np.roll(np.flip(probe, axis), 1 - n % 2, axis)
    if shape == layout.shape:
        return probe
    if shape != layout.turned:
        raise InputError(
            f"{name}: the probe has {shape[0]} x {shape[1]} pixels; wanted those of the frames, {layout.turned} as "
            f"given or {layout.shape} as cut; leave the probe out or resample it"
        )
    rows, columns = (slice(n // 2 - m // 2, n // 2 - m // 2 + m) for n, m in zip(shape, layout.shape, strict=True))
    return centred_ifft(centred_fft(probe)[..., rows, columns]).astype(probe.dtype)


def parse_crop(text: str | None) -> Pair | None:
    """Rows and columns that `440` or `440x512` asks for.

    Raises
    ------
    UsageError
        The text is neither.
    """
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise UsageError(f"--crop '{text}' is no size; write N or ROWSxCOLUMNS, for example 440")
    return int(parts[0]), int(parts[-1])
