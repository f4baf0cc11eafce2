"""Extension: an image continued beyond its known field, so that it can be moved by Fourier transforms without ringing.

A transform repeats the image for ever. Where matter leaves the frame, the jump to the other side, or to what was filled
in, would ring through the whole image.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

Image = npt.NDArray[np.inexact[Any]]
Mask = npt.NDArray[np.bool_]

FADE_PX = 24


@dataclass(frozen=True)
class Canvas:
    """A larger frame for images of one known field.

    `shape` of the frame, the image beginning at `corner`; `nearest` and `mirror` (2, Y, X) are the pixels of the image
    that each pixel of the frame is made of, and `fade` (Y, X) is by what it is multiplied.
    """

    shape: tuple[int, int]
    corner: tuple[int, int]
    image_shape: tuple[int, int]
    nearest: npt.NDArray[np.intp]
    mirror: npt.NDArray[np.intp]
    fade: npt.NDArray[np.float32]


def canvas(known: Mask, reach_px: int = 0) -> Canvas:
    """A frame wider by `FADE_PX` and a reach on each side, in which the image goes on smoothly and fades to zero.

    A pixel at p whose nearest known pixel is n becomes f(p) = (2 f(n) - f(2 n - p)) cos^2(pi/2 d / fade), d its
    distance from n: value and slope go on. Where 2 n - p is not known either, f(n) stands for it.

    Parameters
    ----------
    known : (H, W) bool, somewhere true
    reach_px : int
        By how much more the frame is wider, where images are moved far.
    """
    shape = tuple(fft.next_fast_len(n + 2 * (FADE_PX + reach_px)) for n in known.shape)
    corner = tuple((larger - n) // 2 for larger, n in zip(shape, known.shape, strict=True))
    framed = np.zeros(shape, bool)
    framed[tuple(slice(c, c + n) for c, n in zip(corner, known.shape, strict=True))] = known
    distance, nearest = ndimage.distance_transform_edt(~framed, return_indices=True)
    mirror = 2 * nearest - np.indices(shape)
    inside = np.all([(m >= 0) & (m < n) for m, n in zip(mirror, shape, strict=True)], axis=0)
    inside &= framed[tuple(np.where(inside, mirror, 0))]
    mirror = np.where(inside, mirror, nearest)
    origin = np.reshape(corner, (2, 1, 1))
    fade = np.cos(np.pi / 2 * np.clip(distance / FADE_PX, 0, 1)) ** 2
    rows, columns = shape
    return Canvas(
        (rows, columns),
        (corner[0], corner[1]),
        known.shape,
        nearest - origin,
        mirror - origin,
        fade.astype(np.float32),
    )


def extended(image: Image, onto: Canvas) -> Image:
    """An image (H, W) that is zero in air, on the canvas (Y, X)."""
    return np.asarray((2 * image[tuple(onto.nearest)] - image[tuple(onto.mirror)]) * onto.fade)


def cropped(image: Image, onto: Canvas) -> Image:
    """The part (H, W) of the canvas where the image lay."""
    rows, columns = (slice(c, c + n) for c, n in zip(onto.corner, onto.image_shape, strict=True))
    return image[rows, columns]


def moved_mask(mask: Mask, shift_px: tuple[float, float]) -> Mask:
    """Pixels whose content came from pixels of the mask when an image moved by a sub-pixel shift.

    The place that a pixel came from lies between two pixels of each axis; both must be in the mask. What comes from
    beyond the array is not.
    """
    return np.asarray(moved_share(mask, shift_px) > 1 - 1e-9)


def common_mask(mask: Mask, shift_px: npt.NDArray[np.float64]) -> Mask:
    """Pixels whose content came from pixels of the mask in each of n images, moved by (n, 2) px."""
    return np.asarray(np.all([moved_mask(mask, (y, x)) for y, x in shift_px], axis=0))


def moved_share(mask: Mask, shift_px: tuple[float, float]) -> npt.NDArray[np.float64]:
    """The part of each pixel (H, W), 0 to 1, that came from the mask when an image moved by a sub-pixel shift."""
    (low_y, part_y), (low_x, part_x) = ((int(np.floor(s)), s - np.floor(s)) for s in shift_px)
    result = np.zeros(mask.shape)
    for y, share_y in ((low_y, 1 - part_y), (low_y + 1, part_y)):
        for x, share_x in ((low_x, 1 - part_x), (low_x + 1, part_x)):
            if share_y * share_x > 0:
                result += share_y * share_x * _rolled(mask, y, x)
    return result


def _rolled(mask: Mask, y: int, x: int) -> Mask:
    result = np.zeros_like(mask)
    rows, columns = mask.shape
    if abs(y) < rows and abs(x) < columns:
        result[max(y, 0) : rows + min(y, 0), max(x, 0) : columns + min(x, 0)] = mask[
            max(-y, 0) : rows + min(-y, 0), max(-x, 0) : columns + min(-x, 0)
        ]
    return result
