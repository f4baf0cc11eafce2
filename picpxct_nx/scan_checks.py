"""What a raw scan must be for a problem in pixels to be made of it; each refusal names the field and the remedy."""

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import InputError
from picpxct_nx.illumination import object_pixel
from picpxct_nx.records import Scan
from picpxct_nx.values import Array

# How far the direct beam may be from the middle of the frame: more would be a visible phase ramp on every image.
CENTRE_TOLERANCE_PX = 1.0
# In windows. Frames sample a probe well that is at most half a window wide: neighbours farther apart share no light.
_FARTHEST_NEIGHBOUR = 0.5
# Positions whose nearest neighbour is looked for: enough for a median, and cheap however long the scan is.
_SAMPLED = 500
# A gap of more windows than this splits a scan in two; the object would be mostly emptiness, without limit.
_WIDEST_GAP = 10


def check_numbers(scan: Scan) -> None:
    """Refuse lengths and an energy that nothing can be computed with.

    Raises
    ------
    InputError
        There is no frame, or a number is not positive or not finite.
    """
    if 0 in scan.frames.shape:
        raise InputError(f"{scan.entry}/instrument/detector/data: is {scan.frames.shape}; wanted a frame or more")
    numbers = {
        "instrument/beam/incident_energy": scan.energy_ev,
        "instrument/detector/distance": scan.distance,
        "instrument/detector/x_pixel_size": scan.x_pixel_size,
        "instrument/detector/y_pixel_size": scan.y_pixel_size,
    }
    for path, value in numbers.items():
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"{scan.entry}/{path}: is {value}; wanted a positive number; import the scan again")


def check_centre(scan: Scan) -> None:
    """Refuse frames whose direct beam is not in the middle.

    Raises
    ------
    InputError
        It is farther than `CENTRE_TOLERANCE_PX` from [h // 2, w // 2].
    """
    _, h, w = scan.frames.shape
    found = (scan.beam_center_y / scan.y_pixel_size, scan.beam_center_x / scan.x_pixel_size)
    if max(abs(found[0] - h // 2), abs(found[1] - w // 2)) > CENTRE_TOLERANCE_PX:
        raise InputError(
            f"{scan.entry}/instrument/detector: the beam is at pixel ({found[0]:.1f}, {found[1]:.1f}); wanted the "
            f"middle ({h // 2}, {w // 2}); cut the frames around the beam with picpxct import --crop"
        )


def good_pixels(scan: Scan) -> NDArray[np.bool_]:
    """Pixels (h, w) that the mask does not mark.

    Raises
    ------
    InputError
        It marks all of them.
    """
    good: NDArray[np.bool_] = np.asarray(scan.pixel_mask) == 0
    if not good.any():
        raise InputError(
            f"{scan.entry}/instrument/detector/pixel_mask: marks every pixel as bad; wanted zeros where one is "
            "good; is the mask inverted?"
        )
    return good


def check_overlap(scan: Scan) -> None:
    """Refuse a scan whose frames do not overlap as those of far-field ptychography do.

    Raises
    ------
    InputError
        A position is not finite or astray, or neighbours are too far apart, as in near-field scans.
    """
    _, h, w = scan.frames.shape
    pixel = object_pixel(scan)
    position = -np.stack([scan.stage_y, scan.stage_x], axis=1).astype(np.float64)
    _check_positions(position, (h * pixel[0], w * pixel[1]))


def _check_positions(position: Array, window: tuple[float, float]) -> None:
    if not np.isfinite(position).all():
        first = int(np.argmin(np.isfinite(position).all(1)))
        raise InputError(f"sample/transformations: position {first} is not finite; drop the frame on import")
    if len(position) < 2:
        return
    scaled = position / window
    sample = np.arange(0, len(position), -(-len(position) // _SAMPLED))
    apart = np.hypot(*np.moveaxis(scaled[sample, None] - scaled[None], 2, 0))
    apart[np.arange(len(sample)), sample] = np.inf
    nearest = float(np.median(apart.min(1)))
    if nearest >= _FARTHEST_NEIGHBOUR:
        raise InputError(
            f"sample/transformations: neighbours are {nearest:.2f} windows of {window[0] * 1e6:.3g} um apart and do "
            "not overlap; check units, distance and pixel size; a near-field scan cannot be reconstructed here"
        )
    for axis, name in enumerate("yx"):
        order = np.argsort(scaled[:, axis])
        gaps = np.diff(scaled[order, axis])
        if gaps.max() > _WIDEST_GAP:
            after = int(np.argmax(gaps))
            stray = order[after] if after < len(order) // 2 else order[after + 1]
            raise InputError(
                f"sample/transformations/{name}: position {stray} is {gaps.max():.0f} windows from the next; is it "
                "astray? leave its frame out on import, or reconstruct the two parts apart with --frames"
            )
