"""Features: what of a complex image is brought onto another one, and the window through which it is seen.

A feature is zero in air, up to noise, so that a window makes no edge of its own. A pedestal under a window would be
common to any two images, and would pull every shift towards zero.
"""

from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from picpxct_nx.errors import InputError, UsageError

Image = npt.NDArray[np.inexact[Any]]
Real = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Feature = Literal["gradient", "phase", "t-1"]

FEATURES: tuple[Feature, ...] = get_args(Feature)
REAL: tuple[Feature, ...] = ("gradient", "phase")
SMOOTHING_PX = 1.0  # of the gradient: it is a difference of neighbours, in which noise would win
# The window falls to zero over this part of the width of the known field, and ends before what lies beyond is seen.
TAPER, LEAST_TAPER_PX, MARGIN_PX = 0.1, 8.0, 3.0


def feature(name: str, among: tuple[Feature, ...] = FEATURES) -> Feature:
    """The feature of that name.

    Raises
    ------
    UsageError
        There is none.
    """
    for known in among:
        if known == name:
            return known
    raise UsageError(f"--on '{name}' is not known here; wanted one of {', '.join(among)}")


def other(name: Feature) -> Feature:
    """The feature that a result is compared with: another way of looking at the same images."""
    return "phase" if name == "gradient" else "gradient"


def extract(image: Image, name: Feature, level: Mask | None = None) -> Image:
    """What an image shows of a feature.

    gradient: |grad g * t|, g a Gaussian of 1 px, less its median over `level`, which is what noise makes of it;
    phase: arg t; t-1: t - 1.

    Parameters
    ----------
    image : (H, W) complex
        Transmission, 1 in air.
    name : Feature
    level : (H, W) bool, optional
        Pixels without structure, best air; all pixels where it is left out.

    Returns
    -------
    (H, W) float32, or complex64 for t-1
    """
    t = np.asarray(image, np.complex64)
    if name == "t-1":
        return t - np.complex64(1)
    if name == "phase":
        return np.angle(t)
    steepness = np.zeros(t.shape, np.float32)
    for part in (t.real, t.imag):
        smooth = ndimage.gaussian_filter(part, SMOOTHING_PX, mode="nearest")
        for axis in (0, 1):
            steepness += np.gradient(smooth, axis=axis) ** 2
    np.sqrt(steepness, out=steepness)
    return steepness - np.median(steepness if level is None else steepness[level])


def window(known: Mask) -> Real:
    """A window that is 1 well inside the known field and 0 outside, by the distance d from its edge.

    w = sin^2(pi/2 (d - margin) / taper) between margin and margin + taper, the taper a tenth of the width of the
    field, which is the root of its area.

    Parameters
    ----------
    known : (H, W) bool

    Returns
    -------
    (H, W) in 0..1

    Raises
    ------
    InputError
        The field is too narrow for any window.
    """
    # What lies beyond the array is not known either.
    distance = ndimage.distance_transform_edt(np.pad(known, 1))[1:-1, 1:-1]
    taper = max(LEAST_TAPER_PX, TAPER * np.sqrt(known.sum()))
    if distance.max() < MARGIN_PX + taper:
        raise InputError(
            f"the known field reaches only {distance.max():.0f} px from its edge inwards; a window wants "
            f"{MARGIN_PX + taper:.0f} px: scan a larger field"
        )
    return np.asarray(np.sin(np.pi / 2 * np.clip((distance - MARGIN_PX) / taper, 0, 1)) ** 2)
