"""What the detector does not see: gaps between modules and chips, dead pixels, and the shadow of a beamstop.

The Eiger X 1.5M of cSAXS has 1030 x 1614 pixels of 75 um: three modules of 514 rows, 36 rows apart, each of 2 x 4
chips of 256 x 256 pixels. Pixels on both sides of a line between chips are larger than others; they are left out.
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import UsageError

Mask = NDArray[np.int32]
Sensor = Literal["none", "eiger-1.5m"]
SENSORS: tuple[Sensor, ...] = get_args(Sensor)

# NXdetector/pixel_mask: bits of a pixel that is a gap, dead, or masked by the user, "e.g. around beamstop".
GAP, DEAD, BEAMSTOP = 1 << 0, 1 << 1, 1 << 8

_MODULES, _MODULE_ROWS, _COLUMNS, _BETWEEN = 3, 514, 1030, 36
_CHIP = 256


def sensor_mask(sensor: str) -> Mask | None:
    """Pixel mask of a whole sensor, (rows, columns), 0 where it is good; None for one without gaps and edges.

    Raises
    ------
    UsageError
        The sensor is not known.
    """
    if sensor not in SENSORS:
        raise UsageError(f"sensor '{sensor}' is not known; wanted one of {', '.join(SENSORS)}")
    if sensor == "none":
        return None
    mask = np.full((_MODULES * _MODULE_ROWS + (_MODULES - 1) * _BETWEEN, _COLUMNS), GAP, dtype=np.int32)
    for module in range(_MODULES):
        top = module * (_MODULE_ROWS + _BETWEEN)
        mask[top : top + _MODULE_ROWS] = 0
        # Two pixels of a module are as wide as the seam between two chips.
        mask[top + _CHIP : top + _CHIP + 2] = GAP
    for left in range(_CHIP, _COLUMNS - _CHIP, _CHIP + 2):
        mask[:, left : left + 2] = GAP
    return mask


def window_of(sensor: str, size: int, centre: tuple[int, int]) -> Mask:
    """Mask (size, size) of the part of a sensor that has its pixel `centre` (row, column) at [size // 2, size // 2].

    Raises
    ------
    UsageError
        The sensor is not known, or the window reaches beyond it.
    """
    whole = sensor_mask(sensor)
    if whole is None:
        return np.zeros((size, size), dtype=np.int32)
    low = [middle - size // 2 for middle in centre]
    if min(low) < 0 or any(start + size > side for start, side in zip(low, whole.shape, strict=True)):
        raise UsageError(
            f"frames of {size} pixels about sensor_row = {centre[0]}, sensor_column = {centre[1]} reach beyond the "
            f"{whole.shape[0]} x {whole.shape[1]} pixels of {sensor}; move the beam or lower frame_size"
        )
    return whole[low[0] : low[0] + size, low[1] : low[1] + size].copy()


def dead_pixels(mask: Mask, count: int, rng: np.random.Generator) -> Mask:
    """The mask (h, w) with `count` more pixels that are dead, wherever they are.

    Raises
    ------
    UsageError
        There are not so many pixels.
    """
    if count > mask.size:
        raise UsageError(f"n_dead_pixels = {count} is more than the {mask.size} pixels of a frame")
    found = mask.ravel().copy()
    found[rng.choice(mask.size, count, replace=False)] |= DEAD
    return found.reshape(mask.shape)


def beamstop(mask: Mask, diameter_px: float) -> Mask:
    """The mask (h, w) with the round shadow of a beamstop about [h // 2, w // 2], where the beam goes."""
    y, x = (np.arange(side) - side // 2 for side in mask.shape)
    return np.where(np.hypot(y[:, None], x) < diameter_px / 2, mask | BEAMSTOP, mask)
