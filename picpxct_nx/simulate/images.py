"""Images of the specimen as a faultless microscope of finite resolution shows them: truth for all that follows.

Solver, probe and scan are left out, so that what is done to images can be judged against what is known exactly. The
sample drifts, turns a little too far, and the images carry white noise, if asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from . import phantom
from .phantom import Phantom, Projection


@dataclass(frozen=True)
class View:
    """How images are taken: `shape` (h, w), `pixel_size` in m, and the blur of the microscope.

    The transfer function is a Gaussian, exp(-2 (pi q sigma)^2) with q in cycles a pixel and sigma = `blur_px`; what is
    beyond the Nyquist frequency of a pixel is cut off, so that images are band-limited and may be moved without error.
    Projections are exact rays on pixels `oversampling` times as fine.
    """

    shape: tuple[int, int]
    pixel_size: float
    blur_px: float = 0.5
    oversampling: int = 3


def image_stack(
    specimen: Phantom,
    view: View,
    energies_ev: Sequence[float],
    *,
    rotation: float = 0.0,
    polarisation: float = 0.0,
    shifts_px: NDArray[np.float64] | None = None,
) -> NDArray[np.complex128]:
    """Transmission of a turned and shifted specimen at several energies, band-limited, 1 in air.

    Parameters
    ----------
    specimen : Phantom
        In the frame of the sample; turned about the beam by `rotation` rad from x towards y before it is projected.
    view : View
        Grid and resolution; sample point zero lies on pixel [h // 2, w // 2].
    energies_ev : sequence of n energies, eV
    rotation, polarisation : rad
        Of the sample, and of the electric field in the laboratory, both from x towards y.
    shifts_px : (n, 2), optional
        By how much the image of each energy is moved along y and x, pixels.

    Returns
    -------
    (n, h, w) complex128
    """
    turned = phantom.rotate(specimen, rotation)
    fine_shape = (view.shape[0] * view.oversampling, view.shape[1] * view.oversampling)
    fine = phantom.project(turned, shape=fine_shape, pixel_size=view.pixel_size / view.oversampling)
    shifts = np.zeros((len(energies_ev), 2)) if shifts_px is None else np.asarray(shifts_px, np.float64)
    images = np.empty((len(energies_ev), *view.shape), np.complex128)
    for index, energy_ev in enumerate(energies_ev):
        exact = phantom.transmission(fine, energy_ev=float(energy_ev), polarisation=polarisation)
        images[index] = 1 + _seen(exact - 1, view, shifts[index])
    return images


def _seen(fine: NDArray[np.complex128], view: View, shift_px: NDArray[np.float64]) -> NDArray[np.complex128]:
    """A fine image through the microscope: blurred, moved, and sampled on its pixels."""
    spectrum = fft.fft2(fine) / view.oversampling**2
    for axis, (size, shift) in enumerate(zip(view.shape, shift_px, strict=True)):
        frequency = fft.fftfreq(size)
        kept = np.rint(frequency * size).astype(int) % fine.shape[axis]
        # Point zero lies on pixel n // 2 of either grid, which are not the same place where n is odd.
        shift += size // 2 - fine.shape[axis] // 2 / view.oversampling
        # The unpaired frequency of an even axis has no partner to make a movement with.
        factor = np.exp(-2 * (np.pi * frequency * view.blur_px) ** 2 - 2j * np.pi * frequency * shift)
        factor[np.isclose(np.abs(frequency), 0.5)] = 0
        spectrum = np.take(spectrum, kept, axis=axis) * (factor[:, None] if axis == 0 else factor)
    return np.asarray(fft.ifft2(spectrum))


def sample_projection(specimen: Phantom, view: View) -> Projection:
    """What there is to be found on each pixel of a view of the unturned specimen: grains, thickness, c axes."""
    return phantom.project(specimen, shape=view.shape, pixel_size=view.pixel_size, supersampling=view.oversampling)


def with_noise(images: NDArray[np.complex128], sigma: float, seed: int) -> NDArray[np.complex64]:
    """Images with white Gaussian noise of standard deviation `sigma` in real and imaginary part each."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((*images.shape, 2)) * sigma
    return (images + noise[..., 0] + 1j * noise[..., 1]).astype(np.complex64)
