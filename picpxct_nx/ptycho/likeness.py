"""How one reconstructed object differs from another once what no frame can tell is removed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Whole pixels by which two objects of one scan may be apart: a start may settle on another common shift.
REACH = 12
ROUNDS = 6


def difference(
    found: NDArray[np.complex64],
    image: NDArray[np.complex64],
    weight: NDArray[np.float64],
    *,
    modulus_ramp: bool = False,
) -> tuple[NDArray[np.complex128], float]:
    """Difference of two objects less complex scale, phase ramp and common shift, which no frame can tell.

    found(r) = (1 + a + i b + i (c y + d x)) image(r + e) + difference(r): a whole-pixel shift from the peak of a
    correlation, then least squares for a to e, undone exactly and sought again.

    Parameters
    ----------
    found, image : (H, W) complex64
        Objects.
    weight : (H, W) float64
        Weight of each pixel, 0 or more; some above 0.
    modulus_ramp : bool
        An object exp(g r), which frames with intensities of their own cannot tell from them, is removed too.

    Returns
    -------
    difference : (H, W) complex128
        On the scale of `image`.
    scale : float
        Factor by which the found object had to be multiplied to be on that scale.
    """
    wide = image.astype(np.complex128)
    moved = _roughly(found.astype(np.complex128), wide, weight)
    rows, columns = (np.linspace(-0.5, 0.5, size) for size in wide.shape)
    tangents = [*np.gradient(wide), wide, 1j * wide, 1j * rows[:, None] * wide, 1j * columns * wide]
    tangents += [rows[:, None] * wide, columns * wide] if modulus_ramp else []
    root = np.sqrt(weight)
    lit = weight > 0
    basis = np.stack([_real((tangent * root)[lit]) for tangent in tangents], axis=1)
    inverse = np.linalg.pinv(basis.T @ basis)
    total = 1.0
    for _ in range(ROUNDS):
        y, x, a, b, c, d, *ramp = inverse @ (basis.T @ _real(((moved - wide) * root)[lit]))
        exponent = 1j * (b + c * rows[:, None] + d * columns)
        if ramp:
            exponent += ramp[0] * rows[:, None] + ramp[1] * columns
        moved = _shifted(moved * np.exp(-exponent) / (1 + a), (y, x))
        total /= 1 + a
    return moved - wide, float(total)


def _roughly(
    found: NDArray[np.complex128], image: NDArray[np.complex128], weight: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """The found object with the phase, modulus and whole-pixel shift of the other."""
    spectra = [np.fft.fft2(weight * (part - np.average(part, weights=weight))) for part in (image, found)]
    peaks = np.abs(np.fft.ifft2(spectra[0] * spectra[1].conj()))
    for axis, size in enumerate(peaks.shape):
        far = np.abs(np.fft.fftfreq(size, 1 / size)) > REACH
        peaks[(slice(None),) * axis + (far,)] = 0
    place = np.unravel_index(int(peaks.argmax()), peaks.shape)
    by = [int(np.fft.fftfreq(size, 1 / size)[at]) for size, at in zip(peaks.shape, place, strict=True)]
    shifted = [np.roll(found, by, axis=(0, 1)), found]
    fits = [_scaled(part, image, weight) for part in shifted]
    return min(fits, key=lambda fit: float((weight * np.abs(fit - image) ** 2).sum()))


def _scaled(found: NDArray[Any], image: NDArray[Any], weight: NDArray[np.float64]) -> NDArray[np.complex128]:
    """The phase alone: a scale from a poor fit would be too small."""
    turn = np.vdot(found * weight, image)
    return np.asarray(found * np.exp(1j * np.angle(turn)))


def _shifted(image: NDArray[np.complex128], by: tuple[float, float]) -> NDArray[np.complex128]:
    turns = [np.exp(-2j * np.pi * np.fft.fftfreq(size) * step) for size, step in zip(image.shape, by, strict=True)]
    return np.asarray(np.fft.ifft2(np.fft.fft2(image) * turns[0][:, None] * turns[1]))


def _real(field: NDArray[np.complex128]) -> NDArray[np.float64]:
    return np.concatenate([field.real.ravel(), field.imag.ravel()])
