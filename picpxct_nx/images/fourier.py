"""Images and Fourier space: centred transforms, sub-pixel shifts, tapers, registration; phase ramps stand in ramp.py.

Conventions, everywhere in this package: F(q) = sum_r f(r) exp(-2 pi i q.r), q in cycles per pixel, axes in the
order (y, x), and the origin of a centred array at index n // 2.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft

from picpxct_nx.errors import InputError
from picpxct_nx.images import correlation
from picpxct_nx.images.ramp import Ramp as Ramp
from picpxct_nx.images.ramp import match_ramp as match_ramp
from picpxct_nx.images.ramp import ramp_factor as ramp_factor

Image = npt.NDArray[np.inexact[Any]]
Real = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]
Pair = tuple[float, float]

_PLANE = (-2, -1)


def centred_fft(image: Image) -> Complex:
    """Transform the last two axes, zero frequency at index n // 2.

    F(q) = (n_y n_x)^-1/2 sum_r f(r) exp(-2 pi i q.r) with r and q counted from index n // 2; the sum of |f|^2
    is kept.

    Parameters
    ----------
    image : (..., n_y, n_x) real or complex

    Returns
    -------
    (..., n_y, n_x) complex
    """
    spectrum = fft.fft2(fft.ifftshift(image, axes=_PLANE), axes=_PLANE, norm="ortho")
    return np.asarray(fft.fftshift(spectrum, axes=_PLANE))


def centred_ifft(spectrum: Image) -> Complex:
    """Transform back: the inverse of `centred_fft`, same shapes, same normalisation."""
    image = fft.ifft2(fft.ifftshift(spectrum, axes=_PLANE), axes=_PLANE, norm="ortho")
    return np.asarray(fft.fftshift(image, axes=_PLANE))


def shift_factors(shape: tuple[int, int], shift_px: Pair) -> tuple[Complex, Complex]:
    """Give the factors (along y, along x) by which a spectrum is multiplied to move its image.

    exp(-2 pi i q s) in the order of `numpy.fft.fftfreq`. An even axis has one Nyquist sample for the two
    frequencies +1/2 and -1/2; it takes their mean, cos(pi s), so that a real image stays real and the real
    and imaginary parts of a complex one do not mix.
    """
    factors = []
    for size, shift in zip(shape, shift_px, strict=True):
        factor = np.exp(-2j * np.pi * fft.fftfreq(size) * shift)
        if size % 2 == 0:
            factor[size // 2] = np.cos(np.pi * shift)
        factors.append(factor)
    return factors[0], factors[1]


def fourier_shift(image: Image, shift_px: Pair) -> Image:
    """Move the content of a periodic image by a sub-pixel shift: g(r) = f(r - s).

    Exact for band-limited periodic images, a roll for integer shifts. White noise keeps its power but for
    the Nyquist row and column. Images that are not periodic ring: taper or pad them first.

    Parameters
    ----------
    image : (..., n_y, n_x) real or complex
    shift_px : (y, x) in pixels, positive towards higher indices

    Returns
    -------
    (..., n_y, n_x), the precision of `image`, real where `image` is real
    """
    along_y, along_x = shift_factors((image.shape[-2], image.shape[-1]), shift_px)
    spectrum = fft.fft2(image, axes=_PLANE)
    spectrum *= along_y.astype(spectrum.dtype)[:, None]
    spectrum *= along_x.astype(spectrum.dtype)
    moved = fft.ifft2(spectrum, axes=_PLANE)
    return np.asarray(moved if np.iscomplexobj(image) else moved.real)


def cosine_taper(shape: tuple[int, int], taper_px: float, *, offset_px: Pair = (0.0, 0.0)) -> Real:
    """Make a window that is 1 inside and falls to 0 over `taper_px` at each edge.

    w(d) = sin^2(pi/2 min(d / taper, 1)), d the distance of the pixel centre from the nearest edge of the field,
    the product of the two axes. Half the smaller side is a Hann window in that axis.

    Parameters
    ----------
    shape : (n_y, n_x)
    taper_px : width of the fall in pixels; 0 is no window
    offset_px : (y, x), the window is evaluated at r + offset: that of an image still to be shifted by `offset`

    Returns
    -------
    (n_y, n_x) in 0..1

    Raises
    ------
    InputError
        The taper is negative or larger than half of the smaller side.
    """
    if not 0 <= taper_px <= min(shape) / 2:
        raise InputError(
            f"taper: found {taper_px:g} px for an image of {shape[0]} x {shape[1]} px, wanted 0 to "
            f"{min(shape) / 2:g} px (half of the smaller side); choose a smaller taper"
        )
    if taper_px == 0:
        return np.ones(shape)
    sides = []
    for size, offset in zip(shape, offset_px, strict=True):
        place = np.arange(size) + 0.5 + offset
        distance = np.clip(np.minimum(place, size - place), 0.0, taper_px)
        sides.append(np.sin(0.5 * np.pi * distance / taper_px) ** 2)
    return np.asarray(np.multiply.outer(sides[0], sides[1]))


def windowed(image: Image, window: Real) -> Image:
    """Subtract the window-weighted mean and multiply by the window: w (f - sum w f / sum w).

    The mean goes first because the spectrum of the window times a pedestal would be common to any two images.
    """
    return np.asarray(window * (image - np.sum(window * image) / np.sum(window)))


def register(a: Image, b: Image, *, upsample: int = 100) -> Pair:
    """Find the shift (y, x) in pixels that must be applied to `b` to match `a`.

    The peak of |sum_q A B* exp(2 pi i q.s)| over s, beyond any grid (`correlation.find`), rounded to 1/`upsample` px.
    `fourier_shift(b, register(a, b))` lies on `a`. The modulus makes contrast inversion and a constant phase
    harmless. Subtract pedestals and taper the images first (`windowed`): the window's own peak at zero shift
    biases the answer otherwise.

    Parameters
    ----------
    a, b : (n_y, n_x) real or complex
    upsample : steps per pixel; the answer is a multiple of 1 / upsample

    Returns
    -------
    (y, x) in pixels, within half of the field
    """
    where = correlation.band((a.shape[0], a.shape[1]), real=not (np.iscomplexobj(a) or np.iscomplexobj(b)))
    found = correlation.find(correlation.spectrum(a, where), correlation.spectrum(b, where), where)
    y, x = np.round(found * upsample) / upsample
    return float(y), float(x)
