"""The operations of ptychography, each written once for every device, readable before fast.

Shapes: n frames of (h, w) pixels, a probe of (modes, h, w), waves of (n, modes, h, w), an object of (H, W).
Detector waves have their zero frequency at the array corner and are not normalised: they are sqrt(h w) times the
orthonormal transform, because a separate pass of scaling costs a fifth of a pair. The measured amplitudes
are scaled by the same sqrt(h w) once, so every comparison (`fit`) holds.

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
        Room for the result on a CPU, not the input; take the result from what is returned.

    Returns
    -------
    (..., h, w) complex; zero frequency at the corner.

    References
    ----------
    Goodman, Introduction to Fourier Optics, chapter 4.
    """
    # On a GPU a result in a given place is copied there, a pass of its own.
    result: Tensor = torch.fft.fft2(exit_wave, out=None if exit_wave.is_cuda else out)
    return result


def inverse_far_field(wave: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Exit wave of a detector wave, the inverse of `far_field`; h w times it is the adjoint.

    Parameters
    ----------
    wave : (..., h, w) complex
        Detector waves, zero frequency at the corner.
    out : (..., h, w) complex, optional
        Room for the result on a CPU, not the input; take the result from what is returned.

    Returns
    -------
    (..., h, w) complex.
    """
    result: Tensor = torch.fft.ifft2(wave, out=None if wave.is_cuda else out)
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
    # Re and Im multiplied where they lie and then added pair by pair: a third of the time of the complex product on a
    # CPU, and a tenth of a sum over both axes at once.
    room = None if spare is None else torch.view_as_real(spare)
    product = torch.mul(torch.view_as_real(a), torch.view_as_real(b), out=room)
    result = torch.add(product[:, 0, ..., 0], product[:, 0, ..., 1], out=out)
    for mode in range(1, product.shape[1]):
        result.add_(product[:, mode, ..., 0]).add_(product[:, mode, ..., 1])
    return result


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


def roughness(image: Tensor) -> Tensor:
    """Negative Laplacian of an image by nearest neighbours, D^T D with D the differences along rows and columns.

    <image, D^T D image> = sum |O(r) - O(r')|^2 over neighbouring pixels, each pair once.

    Parameters
    ----------
    image : (H, W)
        Object.

    Returns
    -------
    (H, W); nothing leaves at the edges.
    """
    result = torch.zeros_like(image)
    for axis, size in enumerate(image.shape):
        step = image.narrow(axis, 1, size - 1) - image.narrow(axis, 0, size - 1)
        result.narrow(axis, 0, size - 1).sub_(step)
        result.narrow(axis, 1, size - 1).add_(step)
    return result
