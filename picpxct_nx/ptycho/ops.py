"""The operations of ptychography, each written once for every device, readable before fast.

Shapes: n frames of (h, w) pixels, a probe of (modes, h, w), waves of (n, modes, h, w), an object of (H, W).
Detector waves have their zero frequency at the array corner and are not normalised: they are sqrt(h w) times the
orthonormal transform, because a separate pass of scaling costs a quarter of a transform. The measured amplitudes
are scaled by the same sqrt(h w) once, so every comparison holds.

`out` is where a result goes, `spare` room for an intermediate one. Without them an operation allocates; the engines
give both, because asking the system for fresh pages costs more than the arithmetic on them.
"""

import torch
from torch import Tensor


def gather(
    image: Tensor, corners: list[tuple[int, int]], shape: tuple[int, int], *, out: Tensor | None = None
) -> Tensor:
    """Patches O(c_j + r) of an image at whole-pixel corners.

    Parameters
    ----------
    image : (H, W)
        Object, or any map on its grid.
    corners : n pairs of int
        Top-left corners.
    shape : (int, int)
        Rows and columns (h, w) of a patch.
    out : (n, h, w), optional
        Where to write.

    Returns
    -------
    (n, h, w); a copy.
    """
    h, w = shape
    return torch.stack([image[row : row + h, column : column + w] for row, column in corners], out=out)


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
    rows : (n, 1, h, 1) complex128
    columns : (n, 1, 1, w) complex128
    """
    phases = []
    for axis, size in enumerate(shape):
        k = torch.fft.fftfreq(size, dtype=torch.float64, device=fraction.device)
        angle = -2 * torch.pi * fraction[:, axis, None] * k
        phases.append(torch.polar(torch.ones_like(angle), angle))
    return phases[0][:, None, :, None], phases[1][:, None, None, :]


def shift(
    spectrum: Tensor, phases: tuple[Tensor, Tensor], *, out: Tensor | None = None, spare: Tensor | None = None
) -> Tensor:
    """Probe shifted by each frame's fraction of a pixel, from the probe's spectrum.

    P(r - s_j) = F^-1[exp(-2 pi i k s_j) F[P](k)].

    Parameters
    ----------
    spectrum : (modes, h, w) complex
        `far_field` of the probe; one transform serves all frames.
    phases : ((n, 1, h, 1), (n, 1, 1, w)) complex
        From `shift_phases`.
    out, spare : (n, modes, h, w) complex, optional
        Where to write, and room for the shifted spectra; not the same.

    Returns
    -------
    (n, modes, h, w) complex.
    """
    rows, columns = phases
    return inverse_far_field(torch.mul(spectrum, rows, out=spare).mul_(columns), out=out)


def shift_adjoint(waves: Tensor, phases: tuple[Tensor, Tensor], *, spare: Tensor | None = None) -> Tensor:
    """Spectrum of the sum over frames of waves shifted back, the adjoint of `shift` but for the factor h w.

    sum_j exp(+2 pi i k s_j) F[wave_j](k); `inverse_far_field` of it is the sum of the waves moved by -s_j.

    Parameters
    ----------
    waves : (n, modes, h, w) complex
        One wave a frame on the frame's own grid.
    phases : ((n, 1, h, 1), (n, 1, 1, w)) complex
        From `shift_phases`.
    spare : (n, modes, h, w) complex, optional
        Room for the spectra; not the input.

    Returns
    -------
    (modes, h, w) complex.
    """
    rows, columns = phases
    return far_field(waves, out=spare).mul_(rows.conj()).mul_(columns.conj()).sum(0)


def real_product(a: Tensor, b: Tensor, *, out: Tensor | None = None, spare: Tensor | None = None) -> Tensor:
    """Real product sum_m Re(conj(a_m) b_m), modes added.

    Parameters
    ----------
    a, b : (n, modes, h, w) complex
        Waves.
    out : (n, h, w) real, optional
        Where to write.
    spare : (n, modes, h, w) complex, optional
        Room for the products.

    Returns
    -------
    (n, h, w) real.
    """
    # Re and Im multiplied where they lie and then paired: a third of the time of the complex product on a CPU.
    room = None if spare is None else torch.view_as_real(spare)
    product = torch.mul(torch.view_as_real(a), torch.view_as_real(b), out=room)
    if a.shape[1] == 1:
        return torch.add(product[:, 0, ..., 0], product[:, 0, ..., 1], out=out)
    return torch.sum(product, dim=(1, -1), out=out)


def intensity(wave: Tensor, *, out: Tensor | None = None, spare: Tensor | None = None) -> Tensor:
    """Intensity sum_m |Psi_m|^2, modes added incoherently.

    Parameters
    ----------
    wave : (n, modes, h, w) complex
        Detector or exit waves.
    out, spare
        As for `real_product`.

    Returns
    -------
    (n, h, w) real.
    """
    return real_product(wave, wave, out=out, spare=spare)


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


def scale(wave: Tensor, factor: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Wave times a real factor that all modes share.

    Parameters
    ----------
    wave : (n, modes, h, w) complex
        Waves.
    factor : (n, h, w) real
        Factor of each pixel.
    out : (n, modes, h, w) complex, optional
        Where to write; not the input.

    Returns
    -------
    (n, modes, h, w) complex.
    """
    if out is None:
        out = torch.empty_like(wave)
    # Mixed types would be promoted into fresh memory; so the factor is made complex where the result goes.
    return out.copy_(factor[:, None]).mul_(wave)


def inverse_modulus(squares: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Reciprocal 1 / |Psi| of a wave's modulus, finite also where the wave vanishes.

    Parameters
    ----------
    squares : (n, h, w) real
        |Psi|^2.
    out : (n, h, w) real, optional
        Where to write.

    Returns
    -------
    (n, h, w) real; at most the reciprocal root of the smallest normal number, so that a wave of zero stays zero.
    """
    return torch.clamp(squares, min=torch.finfo(squares.dtype).tiny, out=out).rsqrt_()


def modulus_factor(
    inverse: Tensor, amplitude: Tensor, weight: Tensor, *, relaxation: float, out: Tensor | None = None
) -> Tensor:
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
    out : (n, h, w) real, optional
        Where to write.

    Returns
    -------
    (n, h, w) real; the projected wave is the wave times it.

    References
    ----------
    Thibault et al., Ultramicroscopy 109, 338 (2009), equation 8, for r = 0.
    """
    part = (1 - relaxation) * weight
    return torch.mul(inverse, amplitude, out=out).mul_(part).add_(1 - part)


def modulus_misfit(
    squares: Tensor, inverse: Tensor, amplitude: Tensor, weight: Tensor, *, spare: Tensor | None = None
) -> Tensor:
    """Misfit sum (|Psi| - a)^2 over the measured pixels: h w times that of the counts' roots.

    It is also the negative log-likelihood, but for constants, of counts whose roots have the Gaussian noise that
    Poisson statistics give them, a variance of 1/4 at every count.

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
    spare : (n, h, w) real, optional
        Room for the differences.

    Returns
    -------
    () float64
    """
    return weighted_sum(torch.mul(squares, inverse, out=spare).sub_(amplitude).square_(), weight)


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


def fit_ratio(
    squares: Tensor, inverse: Tensor, amplitude: Tensor, background: float | None, *, out: Tensor | None = None
) -> Tensor:
    """Factor rho by which the likelihood pulls a modelled wave: its gradient for conj(Psi) is (1 - rho) Psi.

    Gaussian amplitudes: rho = a / |Psi|. Poisson counts on a background b: rho = (a^2 + b) / (|Psi|^2 + b).

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
    out : (n, h, w) real, optional
        Where to write; may be `squares`.

    Returns
    -------
    (n, h, w) real

    References
    ----------
    Thibault & Guizar-Sicairos, New J. Phys. 14, 063004 (2012), section 2.
    """
    if background is None:
        return torch.mul(amplitude, inverse, out=out)
    return torch.div(amplitude.square().add_(background), squares + background, out=out)
