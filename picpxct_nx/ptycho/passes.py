"""The passes over all waves that an iteration makes between its transforms, as readable compositions of `ops`.

`fused` has the same functions with the same signatures as one kernel each, for a GPU; on anything else these serve.
Shapes: n waves (n, modes, h, w), probes (n or 1, modes, h, w), an object (H, W), corners (n, 2) whole pixels.
"""

import torch
from torch import Tensor

from picpxct_nx.ptycho import fit, ops


def _pairs(corners: Tensor) -> list[tuple[int, int]]:
    return [(row, column) for row, column in corners.tolist()]


def exit_waves(image: Tensor, probes: Tensor, corners: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Exit waves P(r - f_j) O(c_j + r).

    Parameters
    ----------
    image : (H, W) complex64
        Object.
    probes : (n or 1, modes, h, w) complex64
        Probe as each frame sees it, or one for all.
    corners : (n, 2) int32
        Top-left corners.
    out : (n, modes, h, w) complex64, optional
        Where to write.

    Returns
    -------
    (n, modes, h, w) complex64
    """
    h, w = probes.shape[-2:]
    return torch.mul(probes, ops.gather(image, _pairs(corners), (h, w))[:, None], out=out)


def reflect(image: Tensor, probes: Tensor, corners: Tensor, waves: Tensor, *, out: Tensor | None = None) -> Tensor:
    """psi_j <- psi_j - P O_j in place; returns psi_j - 2 P O_j, the negative of the reflected wave.

    Parameters
    ----------
    image, probes, corners
        As for `exit_waves`.
    waves : (n, modes, h, w) complex64
        psi; changed in place.
    out : (n, modes, h, w) complex64, optional
        Where to write; not `waves`.

    Returns
    -------
    (n, modes, h, w) complex64
    """
    view = exit_waves(image, probes, corners, out=out)
    waves -= view
    return torch.sub(waves, view, out=view)


def project(
    wave: Tensor, amplitude: Tensor, weight: Tensor, relaxation: float, *, out: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Relaxed modulus projection of detector waves, and their misfit sum (|Psi| - a)^2 over the measured pixels.

    Parameters
    ----------
    wave : (n, modes, h, w) complex64
        Detector waves.
    amplitude : (n, h, w) float32
        Measured amplitudes.
    weight : (h, w) float32
        1 where measured, 0 elsewhere.
    relaxation : float
        Part of the wave's own modulus that is kept.
    out : (n, modes, h, w) complex64, optional
        Where to write; may be `wave`.

    Returns
    -------
    projected : (n, modes, h, w) complex64
    misfit : () float64
    """
    squares = ops.intensity(wave)
    inverse = fit.inverse_modulus(squares)
    misfit = fit.modulus_misfit(squares, inverse, amplitude, weight)
    factor = fit.modulus_factor(inverse, amplitude, weight, relaxation=relaxation)
    return torch.mul(wave, factor[:, None], out=out), misfit


def object_overlap(probes: Tensor, waves: Tensor, corners: Tensor, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Numerator sum_j conj(P) psi_j and denominator sum_j |P|^2 of the object's least-squares update.

    Parameters
    ----------
    probes, corners
        As for `exit_waves`.
    waves : (n, modes, h, w) complex64
        psi.
    shape : (int, int)
        Rows and columns of the object.

    Returns
    -------
    numerator : (H, W) complex64
    dose : (H, W) float32
    """
    numerator = torch.zeros(shape, dtype=waves.dtype, device=waves.device)
    dose = torch.zeros(shape, device=waves.device)
    pairs = _pairs(corners)
    ops.scatter_add(numerator, pairs, ops.sum_modes(probes.conj() * waves))
    ops.scatter_add(dose, pairs, ops.intensity(probes).expand(len(pairs), -1, -1))
    return numerator, dose


def probe_overlap(image: Tensor, waves: Tensor, corners: Tensor) -> tuple[Tensor, Tensor]:
    """Numerator sum_j conj(O_j) psi_j and denominator sum_j |O_j|^2 of the probe's update at whole pixels.

    Parameters
    ----------
    image : (H, W) complex64
        Object.
    waves : (n, modes, h, w) complex64
        psi.
    corners : (n, 2) int32
        Top-left corners.

    Returns
    -------
    numerator : (modes, h, w) complex64
    cover : (h, w) float32
    """
    h, w = waves.shape[-2:]
    patches = ops.gather(image, _pairs(corners), (h, w))[:, None]
    return (patches.conj() * waves).sum(0), ops.intensity(patches).sum(0)
