"""Arrays as what a page can carry: fewer pixels, eight or sixteen bits, a PNG or compressed text."""

import base64
import io
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from picpxct_nx.values import Array

# Colour tables: perceptually uniform, and in order for every kind of sight; `twilight` is cyclic. 255 steps, for the
# first code stands for what is not known.
TABLES = ("viridis", "gray", "magma", "twilight")
STEPS = 255
# Steps of values that are read, not only looked at.
WIDE_STEPS = 65535
_UNKNOWN = (0x22, 0x22, 0x22)


@dataclass(frozen=True)
class Coded:
    """An image in codes: 0 is unknown, 1 to `steps` are `low` to `high`; what lies outside is cut off there."""

    codes: Array
    low: float
    high: float
    steps: int = STEPS

    @property
    def step(self) -> float:
        """What one code is worth."""
        return (self.high - self.low) / (self.steps - 1)

    def values(self) -> Array:
        """The image as numbers, NaN where it is unknown."""
        return np.where(self.codes > 0, self.low + self.step * (self.codes.astype(np.float64) - 1), np.nan)


def coded(values: Array, low: float, high: float, steps: int = STEPS) -> Coded:
    """An image of any shape in codes between two values, of eight bits or, for more steps, sixteen; NaN is unknown."""
    known = np.isfinite(values)
    if not high > low:
        high = low + 1.0
    scaled = (np.where(known, values, low).astype(np.float64) - low) / (high - low) * (steps - 1)
    codes = np.where(known, 1 + np.rint(np.clip(scaled, 0, steps - 1)), 0)
    return Coded(codes.astype("<u2" if steps > STEPS else np.uint8), float(low), float(high), steps)


def span(values: Array, ends: tuple[float, float] = (0.002, 0.998)) -> tuple[float, float]:
    """Two values between which nearly all of an image lies; (0, 1) where nothing is known."""
    known = np.asarray(values)[np.isfinite(values)]
    if not known.size:
        return 0.0, 1.0
    low, high = (float(end) for end in np.quantile(known.astype(np.float64), ends))
    return (low, high) if high > low else (low, low + max(1e-6, abs(low) * 1e-6))


def binned(values: Array, factor: int) -> Array:
    """The mean of `factor` x `factor` pixels of the last two axes; unknown pixels (NaN) do not count.

    Rows and columns beyond the last whole block are left out.
    """
    if factor == 1:
        return values
    *front, height, width = values.shape
    rows, columns = height // factor, width // factor
    cut = values[..., : rows * factor, : columns * factor].reshape(*front, rows, factor, columns, factor)
    known = np.isfinite(cut)
    count = known.sum(axis=(-3, -1))
    total = np.where(known, cut, 0).sum(axis=(-3, -1))
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def factor_for(shape: tuple[int, ...], side: int) -> int:
    """By how much an image has to be binned so that no side is longer than `side` pixels."""
    return max(1, -(-max(shape[-2:]) // side))


def table(name: str) -> Array:
    """A colour table (256, 3) of eight bits; its first colour is the ground for what is unknown."""
    from matplotlib import colormaps

    colours = np.rint(255 * colormaps[name](np.linspace(0, 1, STEPS))[:, :3]).astype(np.uint8)
    return np.concatenate([np.array([_UNKNOWN], np.uint8), colours])


def png(image: Coded | Array, colours: str = "gray") -> str:
    """A PNG as a data URI: an image in eight bits with a colour table, or (h, w, 3) in 0 to 1.

    The first row of an array is the lowest: y grows upwards on the page.
    """
    from PIL import Image

    if isinstance(image, Coded):
        picture = Image.fromarray(np.ascontiguousarray(image.codes[::-1]), "P")
        picture.putpalette(table(colours).tobytes())
    else:
        picture = Image.fromarray(np.ascontiguousarray(np.rint(255 * image[::-1]).astype(np.uint8)), "RGB")
    with io.BytesIO() as file:
        picture.save(file, "PNG", optimize=True)
        return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def plain(values: Array, digits: int = 6) -> Any:
    """An array as nested lists of numbers with a few digits, None where there is none."""
    array = np.asarray(values, np.float64)
    if array.ndim:
        return [plain(item, digits) for item in array]
    return float(f"{float(array):.{digits}g}") if np.isfinite(array) else None


def packed(values: Array) -> str:
    """Bytes of an array, deflated, in base64: what `DecompressionStream("deflate")` unpacks."""
    return base64.b64encode(zlib.compress(np.ascontiguousarray(values).tobytes(), 6)).decode()
