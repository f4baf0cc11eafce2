"""Bring two images of one object to the state in which their spectra can be compared ring by ring.

Order: ramp and constant of one to the other -> coarse registration -> ramp on the overlap -> fine registration ->
crop to the overlap -> ramp and constant -> one image variant -> taper. Sub-pixel shifts are left to the tapered
spectrum, where an image that is not periodic cannot ring.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import fft, ndimage

from picpxct_nx.errors import InputError
from picpxct_nx.images.fourier import (
    Complex,
    Image,
    Pair,
    Real,
    cosine_taper,
    match_ramp,
    ramp_factor,
    register,
    shift_factors,
    windowed,
)

Variant = Literal["phase", "absorption", "complex", "phasor", "real"]

ROUNDING = 64 * np.finfo(np.float64).eps  # what is left of a constant, relative
SMALLEST_PX = 32  # below, fewer than ten rings are left after the first ones
_EDGE_BLUR_PX = 0.05  # what a difference of pixel size may displace at the edge of the field
_FEATURE_BLUR_PX = 1.0  # smoothing before the gradient


@dataclass(frozen=True)
class PreparedPair:
    """Two images on one integer grid, and the shift of `b` that is still to be applied."""

    a: Image
    b: Image
    residual_px: Pair  # (y, x), within half a pixel
    shift_px: Pair  # (y, x), whole shift of b found, integer part included


@dataclass(frozen=True)
class CommonField:
    """The overlap of two images with positions: crops of equal shape and how far their grids still differ."""

    a: Image
    b: Image
    origin: Pair  # m, (y, x) of pixel (0, 0) of the crop of a
    residual_px: Pair  # (y, x) shift that must be applied to b to match a, within half a pixel


def same_pixel(pixel_a: float, pixel_b: float, *, side_px: int) -> float:
    """Check that two pixel sizes in m are one: over half the field they may differ by 0.05 px at most.

    Raises
    ------
    InputError
        A pixel size is not a positive number, or the two differ.
    """
    for pixel in (pixel_a, pixel_b):
        if not (np.isfinite(pixel) and pixel > 0):
            raise InputError(f"pixel size: found {pixel!r} m, wanted a positive length")
    if abs(pixel_a - pixel_b) * side_px / 2 > _EDGE_BLUR_PX * max(pixel_a, pixel_b):
        raise InputError(
            f"pixel size: found {pixel_a * 1e9:.6g} nm and {pixel_b * 1e9:.6g} nm, wanted one size; "
            "resample one image to the pixel of the other"
        )
    return pixel_a


def common_field(a: Image, b: Image, *, pixel: float, origin_a: Pair, origin_b: Pair) -> CommonField:
    """Crop two images on equal-pixel grids to what both show.

    Parameters
    ----------
    a, b : (n_y, n_x), each its own shape
    pixel : m, of both
    origin_a, origin_b : (y, x) in m of pixel (0, 0) of each image in common coordinates

    Returns
    -------
    CommonField

    Raises
    ------
    InputError
        The two fields do not overlap.
    """
    exact = [(to - of) / pixel for of, to in zip(origin_a, origin_b, strict=True)]
    whole = (round(exact[0]), round(exact[1]))
    a_crop, b_crop, start = overlap(a, b, whole)
    return CommonField(
        a=a_crop,
        b=b_crop,
        origin=(origin_a[0] + start[0] * pixel, origin_a[1] + start[1] * pixel),
        residual_px=(exact[0] - whole[0], exact[1] - whole[1]),
    )


def overlap(a: Image, b: Image, shift: tuple[int, int]) -> tuple[Image, Image, tuple[int, int]]:
    """Crop `a`, and `b` moved by whole pixels (y, x), to what both cover; also where the crop starts in `a`."""
    crops_a, crops_b, starts = [], [], []
    for size_a, size_b, step in zip(a.shape, b.shape, shift, strict=True):
        start, stop = max(0, step), min(size_a, size_b + step)
        if stop <= start:
            raise InputError(
                f"images of {a.shape[0]} x {a.shape[1]} px and {b.shape[0]} x {b.shape[1]} px, displaced by "
                f"({shift[0]}, {shift[1]}) px: found no overlap, wanted two views of one field; check the positions"
            )
        crops_a.append(slice(start, stop))
        crops_b.append(slice(start - step, stop - step))
        starts.append(start)
    return a[tuple(crops_a)], b[tuple(crops_b)], (starts[0], starts[1])


def prepare_pair(
    a: Image, b: Image, *, taper_px: int | None, align: bool = True, ramp: bool = True, upsample: int = 100
) -> PreparedPair:
    """Match ramp and constant of two images, find their shift and crop them to the overlap.

    A ramp common to both displaces the rings and wraps the phase, so `b` first loses its own, then `a` takes the
    ramp and constant of `b`. Real images have no ramp. Registration compares the modulus of the gradient of the
    smoothed images: it is zero in air whatever the pedestal, and the same for inverted contrast.

    Parameters
    ----------
    a, b : (n_y, n_x) both real or both complex transmissions
    taper_px : taper of the window used here; None for `default_taper`
    align, ramp : leave a step out
    upsample : registration to 1 / upsample px

    Returns
    -------
    PreparedPair

    Raises
    ------
    InputError
        The overlap is smaller than 32 px, or a complex image is zero where the other is not.
    """
    ramp = ramp and np.iscomplexobj(a)
    if ramp:
        window = _window(a.shape, taper_px)
        b = _take_ramp(b, np.ones(b.shape), window)
        a = _take_ramp(a, b, window)
    whole, residual = (0, 0), (0.0, 0.0)
    if align:
        whole, residual = _find_shift(a, b, taper_px, upsample, ramp=ramp)
        a, b, _ = overlap(a, b, whole)
        check_size(a.shape, "overlap of the registered images")
    if ramp:
        window = _window(a.shape, taper_px)
        moved = fft.ifft2(tapered_spectrum(b, fitting_taper(a.shape, taper_px), shift_px=residual, keep_mean=True))
        a = _take_ramp(a, moved, window)
    return PreparedPair(a, b, residual, (whole[0] + residual[0], whole[1] + residual[1]))


def default_taper(shape: tuple[int, ...]) -> int:
    """Give the default taper in pixels: max(20 px, 8 % of the smaller side), half of that side at most."""
    side = min(shape)
    return min(max(20, round(0.08 * side)), side // 2)


def fitting_taper(shape: tuple[int, ...], taper_px: int | None) -> int:
    """Fill in the default taper, and shorten an asked one that a crop made too large."""
    return default_taper(shape) if taper_px is None else min(taper_px, min(shape) // 2)


def check_size(shape: tuple[int, ...], what: str) -> None:
    """Refuse an image that is not two-dimensional or has a side under 32 px."""
    if len(shape) != 2 or min(shape) < SMALLEST_PX:
        size = " x ".join(str(side) for side in shape)
        raise InputError(f"{what}: found {size} px, wanted two sides of {SMALLEST_PX} px or more; take a larger field")


def tapered_spectrum(image: Image, taper_px: int, *, shift_px: Pair = (0.0, 0.0), keep_mean: bool = False) -> Complex:
    """Transform an image under a cosine taper, zero frequency first, moved by a sub-pixel shift.

    The window is laid so that after the shift it is that of an image without one: what wraps around is zero.

    Parameters
    ----------
    image : (n_y, n_x) real or complex
    taper_px : pixels
    shift_px : (y, x) in pixels
    keep_mean : keep the window-weighted mean, which is subtracted otherwise

    Returns
    -------
    (n_y, n_x) complex, not normalised
    """
    shape = (image.shape[0], image.shape[1])
    window = cosine_taper(shape, taper_px, offset_px=shift_px)
    spectrum = fft.fft2(window * image if keep_mean else windowed(image, window))
    if not keep_mean:
        spectrum[0, 0] = 0.0  # the mean is gone; rounding would leave a random phase there
    if any(shift_px):
        along_y, along_x = shift_factors(shape, shift_px)
        spectrum *= along_y[:, None]
        spectrum *= along_x
    return np.asarray(spectrum)


def as_variant(transmission: Image, variant: Variant) -> Image:
    """Make the image to compare from a complex transmission t.

    phase arg t; absorption -ln |t|, which unlike |t| is linear in thickness and turns a scale of the probe into
    a constant that goes with the mean; complex t; phasor t / |t|, a phase that cannot wrap; real: as it is.

    Raises
    ------
    InputError
        t is zero somewhere and the variant divides by |t| or takes its logarithm.
    """
    if variant in ("complex", "real"):
        return transmission
    if variant == "phase":
        return np.asarray(np.angle(transmission))
    modulus = np.abs(transmission)
    if not modulus.all():
        raise InputError(
            f"{variant} image: found {np.count_nonzero(modulus == 0)} pixels of zero transmission, wanted none; "
            "crop to the scanned field, or compare the phase or complex image"
        )
    return np.asarray(transmission / modulus if variant == "phasor" else -np.log(modulus))


def compared_images(pair: PreparedPair, variant: Variant) -> PreparedPair:
    """Make the variant of both images; refuse constant ones, whose spectrum is rounding."""
    a, b = as_variant(pair.a, variant), as_variant(pair.b, variant)
    for name, image in (("first", a), ("second", b)):
        scale = max(float(np.abs(image).max()), 1.0 if variant in ("phase", "absorption") else 0.0)
        if float(np.abs(image - image.flat[0]).max()) <= ROUNDING * scale:
            raise InputError(f"{name} image: found a constant {variant} image, wanted contrast; check the input")
    return replace(pair, a=a, b=b)


def count_wraps(phase: Image, window: Real) -> int:
    """Count neighbours whose phases in rad differ by more than pi where the window passes more than half."""
    seen = window > 0.5
    down = (np.abs(np.diff(phase, axis=0)) > np.pi) & seen[1:] & seen[:-1]
    along = (np.abs(np.diff(phase, axis=1)) > np.pi) & seen[:, 1:] & seen[:, :-1]
    return int(np.count_nonzero(down) + np.count_nonzero(along))


def _window(shape: tuple[int, ...], taper_px: int | None) -> Real:
    """Make the window of an image of `shape`."""
    return cosine_taper((shape[0], shape[1]), fitting_taper(shape, taper_px))


def _take_ramp(a: Image, b: Image, weight: Real) -> Image:
    """Give `a` the ramp and constant of `b`."""
    factor = ramp_factor((a.shape[0], a.shape[1]), match_ramp(a, b, weight))
    return np.asarray(a * np.conj(factor))


def _feature(image: Image, window: Real) -> Image:
    """Make the image that is registered: |gradient| after smoothing, under a window."""
    smooth = ndimage.gaussian_filter(image, _FEATURE_BLUR_PX)
    return windowed(np.hypot(*(np.abs(slope) for slope in np.gradient(smooth))), window)


def _find_shift(a: Image, b: Image, taper_px: int | None, upsample: int, *, ramp: bool) -> tuple[tuple[int, int], Pair]:
    """Register on half pixels, crop to the overlap, register finely; the shift in whole and residual pixels."""
    # without a taper the images are periodic by promise, yet the gradient feature is not: taper it anyway
    window = _window(a.shape, taper_px or None)
    coarse = register(_feature(a, window), _feature(b, window), upsample=2)
    step = (round(coarse[0]), round(coarse[1]))
    a_crop, b_crop, _ = overlap(a, b, step)
    check_size(a_crop.shape, f"overlap at the coarse shift of ({step[0]}, {step[1]}) px")
    window = _window(a_crop.shape, taper_px or None)
    if ramp:  # the first match compared displaced images; what it left would bias the gradients
        a_crop = _take_ramp(a_crop, b_crop, window)
    fine = register(_feature(a_crop, window), _feature(b_crop, window), upsample=upsample)
    total = (step[0] + fine[0], step[1] + fine[1])
    whole = (round(total[0]), round(total[1]))
    return whole, (total[0] - whole[0], total[1] - whole[1])
