"""How modelled waves compare with the frames: modulus projection, misfit and likelihood.

Shapes, `out` and `spare` as in `ops`; amplitudes are sqrt(h w counts), on the scale of the unnormalised transform.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Likelihood:
    """Which likelihood pulls the modelled waves.

    Parameters
    ----------
    poisson : () bool
        Poisson counts; else Gaussian amplitudes. On the waves' device, so that asking a GPU does not stop it.
    background : float
        b of the Poisson likelihood in the units of a^2 (`poisson_slope`).
    undecided : bool
        It is still to be told from the misfit of the bright pixels.
    """

    poisson: Tensor
    background: float
    undecided: bool = False

    def floor(self) -> float | None:
        """Background of the Poisson likelihood, None for the Gaussian; waits for a GPU."""
        return self.background if bool(self.poisson) else None


@dataclass(frozen=True)
class Screen:
    """What is known of the detector on which the waves are seen.

    Parameters
    ----------
    weight : (h, w) float32
        1 where measured, 0 elsewhere, zero frequency at the corner.
    background : (h, w) float32, or None
        h w B, what it shows without the beam.
    least : float
        |Psi|^2 below which a wave has no phase of its own (`inverse_modulus`).
    """

    weight: Tensor
    background: Tensor | None = None
    least: float = torch.finfo(torch.float32).tiny

    @property
    def divisor(self) -> float:
        """Smallest |Psi|^2 that anything is divided by."""
        return max(self.least, torch.finfo(torch.float32).tiny)


@dataclass(frozen=True)
class Nudge:
    """How far one frame moves object and probe: part s of the least-squares step, and damping a (`floored`)."""

    object_step: float
    object_damping: float
    probe_step: float
    probe_damping: float


def floored(squares: Tensor, damping: float) -> Tensor:
    """Denominator (1 - a) x + a max x, never zero.

    Parameters
    ----------
    squares : (h, w) real
        x.
    damping : float
        a, 0 to 1.

    Returns
    -------
    (h, w) real
    """
    top = squares.amax().clamp_(min=torch.finfo(squares.dtype).tiny)
    return squares.lerp(top.expand_as(squares), damping)


def inverse_modulus(squares: Tensor, least: float = 0.0, *, out: Tensor | None = None) -> Tensor:
    """Reciprocal 1 / |Psi| of a wave's modulus, finite also where the wave vanishes.

    Where the model shows nothing its phase is rounding noise, and a projection would blow that up to the measured
    modulus: results would depend on the last bits of a device. Below the least |Psi|^2 a wave keeps its smallness.

    Parameters
    ----------
    squares : (n, h, w) real
        |Psi|^2.
    least : float
        Smaller squares count as this; never less than the smallest normal number, so that a wave of zero stays zero.
    out : (n, h, w) real, optional
        Where to write.

    Returns
    -------
    (n, h, w) real
    """
    return torch.clamp(squares, min=max(least, torch.finfo(squares.dtype).tiny), out=out).rsqrt_()


def excess(squares: Tensor, amplitude: Tensor, *, out: Tensor | None = None) -> Tensor:
    """How much more a wave shows than was measured, |Psi| - a.

    Parameters
    ----------
    squares : (n, h, w) real
        |Psi|^2.
    amplitude : (n, h, w) real
        Measured amplitude a, sqrt(h w counts).
    out : (n, h, w) real, optional
        Where to write; may be `squares`.

    Returns
    -------
    (n, h, w) real
    """
    return torch.sqrt(squares, out=out).sub_(amplitude)


def modulus_factor(
    over: Tensor, inverse: Tensor, weight: Tensor, *, relaxation: float, out: Tensor | None = None
) -> Tensor:
    """Real factor of the relaxed modulus projection, r + (1 - r) a / |Psi| where measured and 1 elsewhere.

    The relaxation r leaves a part of the noise in the data alone; without it the difference map never comes to rest
    on Poisson counts and walks along the common shift of probe and object. Where a wave is too weak to have a phase,
    it moves by as much as is missing and not to where that is.

    Parameters
    ----------
    over : (n, h, w) real
        |Psi| - a, `excess`.
    inverse : (n, h, w) real
        1 / |Psi|, `inverse_modulus`.
    weight : (h, w) real
        1 where measured, 0 elsewhere.
    relaxation : float
        r, from 0 (the projection) to 1 (nothing changes).
    out : (n, h, w) real, optional
        Where to write; may be `over`.

    Returns
    -------
    (n, h, w) real; the projected wave is the wave times it.

    References
    ----------
    Thibault et al., Ultramicroscopy 109, 338 (2009), equation 8, for r = 0.
    """
    return torch.mul(over, inverse, out=out).mul_((relaxation - 1) * weight).add_(1)


def modulus_misfit(over: Tensor, weight: Tensor, *, spare: Tensor | None = None) -> Tensor:
    """Misfit sum (|Psi| - a)^2 over the measured pixels: h w times that of the counts' roots.

    It is also the negative log-likelihood, but for constants, of counts whose roots have the Gaussian noise that
    Poisson statistics give them, a variance of 1/4 at every count.

    Parameters
    ----------
    over : (n, h, w) real
        |Psi| - a, `excess`.
    weight : (h, w) real
        1 where measured, 0 elsewhere.
    spare : (n, h, w) real, optional
        Room for the squares.

    Returns
    -------
    () float64
    """
    return weighted_sum(torch.square(over, out=spare), weight)


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


def gaussian_slope(over: Tensor, inverse: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Factor 1 - rho = (|Psi| - a) / |Psi| of the gradient of Gaussian amplitudes, (1 - rho) Psi for conj(Psi).

    Parameters
    ----------
    over : (n, h, w) real
        |Psi| - a, `excess`.
    inverse : (n, h, w) real
        1 / |Psi|, `inverse_modulus`.
    out : (n, h, w) real, optional
        Where to write; may be `over`.

    Returns
    -------
    (n, h, w) real

    References
    ----------
    Thibault & Guizar-Sicairos, New J. Phys. 14, 063004 (2012), section 2.
    """
    return torch.mul(over, inverse, out=out)


def poisson_slope(
    squares: Tensor,
    amplitude: Tensor,
    background: float,
    *,
    out: Tensor | None = None,
    spare: Tensor | None = None,
) -> Tensor:
    """Factor 1 - rho = (|Psi|^2 - a^2) / (|Psi|^2 + b) of the gradient of Poisson counts, (1 - rho) Psi for conj(Psi).

    Parameters
    ----------
    squares : (n, h, w) real
        |Psi|^2; kept.
    amplitude : (n, h, w) real
        Measured amplitude a.
    background : float
        b in the units of a^2.
    out, spare : (n, h, w) real, optional
        Where to write, and room; neither of them an input.

    Returns
    -------
    (n, h, w) real

    References
    ----------
    As for `gaussian_slope`.
    """
    apart = torch.sub(squares, torch.square(amplitude, out=spare), out=out)
    return apart.div_(torch.add(squares, background, out=spare))
