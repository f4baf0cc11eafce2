"""The operations of ptychography, each written once for every device, readable before fast.

Shapes: n frames of (h, w) pixels, a probe of (modes, h, w), waves of (n, modes, h, w), an object of (H, W).
Detector waves have their zero frequency at the array corner and are not normalised: they are sqrt(h w) times the
orthonormal transform, because a separate pass of scaling costs a quarter of a transform. The measured amplitudes
are scaled by the same sqrt(h w) once, so every comparison holds.
"""

import torch
from torch import Tensor


def gather(image: Tensor, corners: list[tuple[int, int]], shape: tuple[int, int]) -> Tensor:
    """Patches O(c_j + r) of an image at whole-pixel corners.

    Parameters
    ----------
    image : (H, W)
        Object, or any map on its grid.
    corners : n pairs of int
        Top-left corners.
    shape : (int, int)
        Rows and columns (h, w) of a patch.

    Returns
    -------
    (n, h, w); a copy.
    """
    h, w = shape
    return torch.stack([image[row : row + h, column : column + w] for row, column in corners])


def scatter_add(image: Tensor, corners: list[tuple[int, int]], patches: Tensor) -> Tensor:
    """Add patches to an image in place, the adjoint of `gather`.

    One addition a patch in a fixed order: the same bits on every run, which atomic additions do not give.

    Parameters
    ----------
    image : (H, W)
        Changed in place.
    corners : n pairs of int
        Top-left corners.
    patches : (n, h, w)
        What is added.

    Returns
    -------
    (H, W); the image itself.
    """
    h, w = patches.shape[-2:]
    for (row, column), patch in zip(corners, patches, strict=True):
        image[row : row + h, column : column + w].add_(patch)
    return image


def far_field(exit_wave: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Detector wave of an exit wave in the Fraunhofer limit, sqrt(h w) times the orthonormal transform.

    Psi(q) = sum_r psi(r) exp(-2 pi i q r).

    Parameters
    ----------
    exit_wave : (..., h, w) complex
        Waves behind the object.
    out : (..., h, w) complex, optional
        Where to write; not the input.

    Returns
    -------
    (..., h, w) complex; zero frequency at the corner.

    References
    ----------
    Goodman, Introduction to Fourier Optics, chapter 4.
    """
    result: Tensor = torch.fft.fft2(exit_wave, out=out)
    return result


def inverse_far_field(wave: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Exit wave of a detector wave, the inverse of `far_field`; h w times it is the adjoint.

    Parameters
    ----------
    wave : (..., h, w) complex
        Detector waves, zero frequency at the corner.
    out : (..., h, w) complex, optional
        Where to write; not the input.

    Returns
    -------
    (..., h, w) complex.
    """
    result: Tensor = torch.fft.ifft2(wave, out=out)
    return result


def shift_phases(fraction: Tensor, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Phase factors exp(-2 pi i k s) of a Fourier shift by s pixels, rows and columns apart.

    Parameters
    ----------
    fraction : (n, 2) float64
        Shift (row, column) of each frame in pixels; content moves towards larger indices.
    shape : (int, int)
        Rows and columns (h, w) of the probe.

    Returns
    -------
    rows : (n, h, 1) complex64, or complex128 for a float64 default
    columns : (n, 1, w) of the same
    """
    phases = []
    for axis, size in enumerate(shape):
        k = torch.fft.fftfreq(size, dtype=torch.float64, device=fraction.device)
        angle = -2 * torch.pi * fraction[:, axis, None] * k
        phases.append(torch.polar(torch.ones_like(angle), angle))
    return phases[0][:, :, None], phases[1][:, None, :]


def shift(spectrum: Tensor, phases: tuple[Tensor, Tensor], *, out: Tensor | None = None) -> Tensor:
    """Probe shifted by each frame's fraction of a pixel, from the probe's spectrum.

    P(r - s_j) = F^-1[exp(-2 pi i k s_j) F[P](k)].

    Parameters
    ----------
    spectrum : (modes, h, w) complex
        `far_field` of the probe; one transform serves all frames.
    phases : ((n, h, 1), (n, 1, w)) complex
        From `shift_phases`.
    out : (n, modes, h, w) complex, optional
        Where to write.

    Returns
    -------
    (n, modes, h, w) complex.
    """
    rows, columns = phases
    shifted = (rows * columns)[:, None] * spectrum
    return inverse_far_field(shifted, out=out)


def shift_adjoint(waves: Tensor, phases: tuple[Tensor, Tensor]) -> Tensor:
    """Spectrum of the sum over frames of waves shifted back, the adjoint of `shift` but for the factor h w.

    sum_j exp(+2 pi i k s_j) F[wave_j](k); `inverse_far_field` of it is the sum of the waves moved by -s_j.

    Parameters
    ----------
    waves : (n, modes, h, w) complex
        One wave a frame on the frame's own grid.
    phases : ((n, h, 1), (n, 1, w)) complex
        From `shift_phases`.

    Returns
    -------
    (modes, h, w) complex.
    """
    rows, columns = phases
    return torch.mul(far_field(waves), (rows * columns).conj()[:, None]).sum(0)


def real_product(a: Tensor, b: Tensor) -> Tensor:
    """Real product sum_m Re(conj(a_m) b_m), modes added.

    Parameters
    ----------
    a, b : (n, modes, h, w) complex
        Waves.

    Returns
    -------
    (n, h, w) real.
    """
    # Re and Im multiplied where they lie and then paired: a third of the time of the complex product on a CPU.
    product = torch.view_as_real(a) * torch.view_as_real(b)
    return sum_modes(product[..., 0] + product[..., 1])


def intensity(wave: Tensor) -> Tensor:
    """Intensity sum_m |Psi_m|^2, modes added incoherently.

    Parameters
    ----------
    wave : (n, modes, h, w) complex
        Detector or exit waves.

    Returns
    -------
    (n, h, w) real.
    """
    return real_product(wave, wave)


def sum_modes(waves: Tensor) -> Tensor:
    """Sum over the modes, without a pass where there is one.

    Parameters
    ----------
    waves : (n, modes, h, w)
        Real or complex.

    Returns
    -------
    (n, h, w); a view where there is one mode.
    """
    return waves[:, 0] if waves.shape[1] == 1 else waves.sum(1)


def inverse_modulus(squares: Tensor) -> Tensor:
    """Reciprocal 1 / |Psi| of a wave's modulus, finite also where the wave vanishes.

    Parameters
    ----------
    squares : (n, h, w) real
        |Psi|^2.

    Returns
    -------
    (n, h, w) real; at most the reciprocal root of the smallest normal number, so that a wave of zero stays zero.
    """
    return squares.clamp(min=torch.finfo(squares.dtype).tiny).rsqrt_()


def modulus_factor(inverse: Tensor, amplitude: Tensor, weight: Tensor, *, relaxation: float) -> Tensor:
    """Real factor of the relaxed modulus projection, r + (1 - r) a / |Psi| where measured and 1 elsewhere.

    The relaxation r leaves a part of the noise in the data alone; without it the difference map never comes to rest
    on Poisson counts and walks along the common shift of probe and object.

    Parameters
    ----------
    inverse : (n, h, w) real
        1 / |Psi|, `inverse_modulus`.
    amplitude : (n, h, w) real
        Measured amplitude a, sqrt(h w counts).
    weight : (h, w) real
        1 where measured, 0 elsewhere.
    relaxation : float
        r, from 0 (the projection) to 1 (nothing changes).

    Returns
    -------
    (n, h, w) real; the projected wave is the wave times it.

    References
    ----------
    Thibault et al., Ultramicroscopy 109, 338 (2009), equation 8, for r = 0.
    """
    part = (1 - relaxation) * weight
    return torch.addcmul(1 - part, part, amplitude * inverse)


def modulus_misfit(squares: Tensor, inverse: Tensor, amplitude: Tensor, weight: Tensor) -> Tensor:
    """Misfit sum (|Psi| - a)^2 over the measured pixels: h w times that of the counts' roots.

    It is also the Gaussian negative log-likelihood of the amplitudes, whose variance is 1/4 a count whatever the
    count.

    Parameters
    ----------
    squares : (n, h, w) real
        |Psi|^2.
    inverse : (n, h, w) real
        1 / |Psi|.
    amplitude : (n, h, w) real
        Measured amplitude a.
    weight : (h, w) real
        1 where measured, 0 elsewhere.

    Returns
    -------
    () float64
    """
    return weighted_sum((squares * inverse).sub_(amplitude).square_(), weight)


def weighted_sum(values: Tensor, weight: Tensor) -> Tensor:
    """Sum of values over frames and measured pixels, in float64 between frames.

    Parameters
    ----------
    values : (n, h, w) real
        What is summed.
    weight : (h, w) real
        Weight of each pixel.

    Returns
    -------
    () float64
    """
    return torch.mv(values.flatten(1), weight.flatten()).sum(dtype=torch.float64)


def fit_ratio(squares: Tensor, inverse: Tensor, amplitude: Tensor, background: float | None) -> Tensor:
    """Factor rho that would make a modelled wave fit, minus one of which is the gradient of the likelihood.

    Gaussian amplitudes: rho = a / |Psi|. Poisson counts on a known background b: rho = (a^2 + b) / (|Psi|^2 + b).
    The gradient of the negative log-likelihood with respect to conj(Psi) is (1 - rho) Psi for both.

    Parameters
    ----------
    squares : (n, h, w) real
        |Psi|^2.
    inverse : (n, h, w) real
        1 / |Psi|.
    amplitude : (n, h, w) real
        Measured amplitude a.
    background : float or None
        b in the units of a^2; None for the Gaussian likelihood.

    Returns
    -------
    (n, h, w) real

    References
    ----------
    Thibault & Guizar-Sicairos, New J. Phys. 14, 063004 (2012), section 2.
    """
    if background is None:
        return amplitude * inverse
    return (amplitude.square() + background) / (squares + background)
