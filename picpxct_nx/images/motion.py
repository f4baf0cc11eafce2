"""Motion: turn, magnification and shift of an image in its plane, of places, images and masks.

Angles go from x towards y. A motion acts on content: out(r) = in(c + R(-angle) (r - c - shift) / scale), c the pixel
[n // 2, n // 2], about which the sample turns.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from picpxct_nx.images.extension import Canvas, cropped, extended

Real = npt.NDArray[np.float64]
Image = npt.NDArray[np.inexact[Any]]
Mask = npt.NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)

QUARTER = np.pi / 2


@dataclass(frozen=True)
class Motion:
    """Turn by `angle` rad and magnify by `scale` about the centre, then shift by (y, x) pixels."""

    angle: float = 0.0
    shift_px: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0

    @property
    def still(self) -> bool:
        """Whether nothing moves."""
        return self.angle == 0 and self.shift_px == (0.0, 0.0) and self.scale == 1


def frame_side(shape: tuple[int, ...]) -> int:
    """Side of the odd square frame in which an image can be turned by quarters without loss."""
    # Pixel n // 2 is its middle, so that turned pixels fall on pixels; on even sides one row would have no partner.
    return 2 * max(shape[-2] // 2, shape[-1] // 2) + 1


def framed(image: npt.NDArray[Scalar], side: int, fill: Any) -> npt.NDArray[Scalar]:
    """An image (h, w) in a frame (side, side), pixel [h // 2, w // 2] in the middle, `fill` around it."""
    frame = np.full((side, side), fill, image.dtype)
    top, left = (side // 2 - n // 2 for n in image.shape)
    frame[top : top + image.shape[0], left : left + image.shape[1]] = image
    return frame


def quarters(angle: float) -> tuple[int, float]:
    """Whole quarter turns in an angle, and the rest in rad, between -45 and 45 degrees; rounding counts as whole."""
    turns = round(angle / QUARTER)
    rest = angle - turns * QUARTER
    return turns % 4, 0.0 if abs(rest) < 1e-9 else rest


def turned(image: npt.NDArray[Scalar], turns: int) -> npt.NDArray[Scalar]:
    """An image in an odd square frame turned by quarters from x towards y, exactly."""
    # On [y, x] with y growing by row, x towards y is what rot90 calls clockwise.
    return np.rot90(image, -turns)


def places(y: Real, x: Real, motion: Motion) -> tuple[Real, Real]:
    """Where the content at (y, x) came from; both relative to the centre, in pixels."""
    cosine, sine = np.cos(motion.angle) / motion.scale, np.sin(motion.angle) / motion.scale
    y, x = y - motion.shift_px[0], x - motion.shift_px[1]
    return cosine * y - sine * x, cosine * x + sine * y


def move_mask(mask: Mask, motion: Motion) -> Mask:
    """Pixels whose content came from between four pixels of the mask (side, side)."""
    return np.asarray(mask_share(mask, motion) > 1 - 1e-9)


def mask_share(mask: Mask, motion: Motion) -> Real:
    """The part of each pixel (side, side), 0 to 1, whose content came from the mask, linear between its pixels."""
    if motion.still:
        return mask.astype(np.float64)
    middle = mask.shape[0] // 2
    axis = np.arange(mask.shape[0], dtype=np.float64) - middle
    where = places(axis[:, None], axis[None, :], motion)
    place = [one + middle for one in where]
    return np.asarray(ndimage.map_coordinates(mask.astype(np.float64), place, order=1, cval=0.0))


def reach(side: int, motion: Motion) -> int:
    """By how many pixels a frame must be wider so that nothing comes round from the other side."""
    most = max(abs(length) for length in motion.shift_px)
    return int(np.ceil(side / 2 * (np.tan(abs(motion.angle) / 2) + abs(motion.scale - 1)) + most))


def move(image: Image, motion: Motion, onto: Canvas) -> Image:
    """An image (side, side) that is zero in air, moved by one interpolation that is exact where it is band-limited.

    The turn is three shears, x by -tan(a/2), y by sin(a), x by -tan(a/2), each a shift of every row or column by the
    Fourier theorem; the shifts are part of them. White noise stays white. A magnification is one more product with
    the matrix of the trigonometric interpolation in each axis.

    Parameters
    ----------
    image : (side, side)
    motion : Motion
        By at most about 45 degrees; take out quarters first.
    onto : Canvas
        A frame that is wider by `reach`.

    References
    ----------
    Unser, Thevenaz & Yaroslavsky, IEEE Trans. Image Process. 4, 1371 (1995); Larkin, Oldfield & Klemm, Opt. Commun.
    139, 99 (1997).
    """
    if motion.still:
        return image
    wide = extended(image, onto)
    y, x = (
        np.arange(n) - (corner + side // 2)
        for n, corner, side in zip(onto.shape, onto.corner, image.shape, strict=True)
    )
    if motion.scale != 1:
        zoom_y, zoom_x = (_zoom(axis, motion.scale).astype(wide.dtype) for axis in (y, x))
        wide = zoom_y @ wide @ zoom_x.T
    down, across = motion.shift_px
    half, full = -np.tan(motion.angle / 2), np.sin(motion.angle)
    wide = _sheared(wide, half * y, axis=1)
    wide = _sheared(wide, full * x + down, axis=0)
    # The rows have been shifted already; a row belongs to where it came from.
    wide = _sheared(wide, half * (y - down) + across, axis=1)
    return cropped(wide, onto)


def _sheared(image: Image, by: Real, axis: int) -> Image:
    """Shift every row (axis 1) or column (axis 0) of an image by its own length in pixels."""
    size = image.shape[axis]
    frequency = fft.fftfreq(size)
    factor = np.exp(-2j * np.pi * np.multiply.outer(by, frequency))
    if size % 2 == 0:
        # The unpaired frequency takes the mean of its two factors.
        factor[:, size // 2] = np.cos(np.pi * by)
    factor = factor.astype(np.result_type(image.dtype, np.complex64))
    moved = fft.ifft(fft.fft(image, axis=axis) * (factor if axis == 1 else factor.T), axis=axis)
    return np.asarray(moved if np.iscomplexobj(image) else moved.real)


def _zoom(place: Real, scale: float) -> Real:
    """Matrix that interpolates at place / scale what is given at `place`, by trigonometric polynomials."""
    frequency = fft.fftfreq(len(place))
    # The unpaired frequency of an even axis is left out.
    frequency = frequency[np.abs(frequency) < 0.5 - 1e-9]
    forward = np.exp(-2j * np.pi * np.multiply.outer(frequency, place)) / len(place)
    back = np.exp(2j * np.pi * np.multiply.outer(place / scale, frequency))
    # With every frequency there is its negative.
    return np.asarray((back @ forward).real)
