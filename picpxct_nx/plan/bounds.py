"""Least standard deviations of a crystal's direction: of any estimate, and of what `normalize` and `grainmap` do."""

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import InputError
from picpxct_nx.grains.orientation import (
    LEAST_PURITY,
    PARALLEL,
    Direction,
    Light,
    find,
    is_ambiguous,
    spread_of_unknown,
)

from .design import Crystals, Design, images, noise
from .signals import Reading

Floats = NDArray[np.float64]


def best_possible(design: Design, crystals: Crystals, area: float) -> Floats:
    """Cramer-Rao bound of the azimuth, (n,) rad, from all images together with known spectra.

    Thickness T, in-plane part s = T cos^2(tilt) and azimuth of each resolution element are unknown. With independent
    Gaussian noise of phase and loss the Fisher information is J = sum 1 / sigma^2 grad grad^T over polarisations,
    energies, phase and loss, and the bound is the last diagonal element of J^-1. Registration, air and the spectra
    along and across the axis are taken for known. Two polarisations leave mirror images apart.

    Parameters
    ----------
    area : of a resolution element or a grain, m^2

    Returns
    -------
    (n,) rad, at most the spread of an unknown direction

    References
    ----------
    S. M. Kay, Fundamentals of Statistical Signal Processing I, section 3.7.
    """
    found = images(design, crystals)
    precision = noise(design, found.loss, area) ** -2.0
    plane = np.cos(crystals.tilt) ** 2
    safe = np.where(plane > 0, plane, 1.0)
    shape = precision.shape
    share, turning = (np.broadcast_to(part[:, None] / safe, shape) for part in (found.weight, found.turning))
    information = np.zeros((shape[2], 3, 3))
    for across, more in (found.per_length[[0, 2]], found.per_length[[1, 3]]):
        # With T and s as unknowns the weight of the in-plane part is share, and only it turns with the azimuth.
        gradient = np.stack([
            np.broadcast_to(across[:, None], shape), more[:, None] * share,
            more[:, None] * turning * plane * crystals.thickness,
        ])  # fmt: skip
        information += np.einsum("ipen,jpen,pen->nij", gradient, gradient, precision)
    return _capped(_of_last(information), design)


def _of_last(information: Floats) -> Floats:
    """Standard deviation of the last unknown, (n,), infinite where nothing tells it."""
    others, mixed = information[:, :2, :2], information[:, :2, 2]
    # In units of their own, so that the inverse does not see metres and radians.
    scale = np.sqrt(np.einsum("nii->ni", others))
    scale = np.where(scale > 0, scale, 1.0)
    inverse = np.linalg.pinv(others / (scale[:, :, None] * scale[:, None, :]), hermitian=True)
    known = np.einsum("ni,nij,nj->n", mixed / scale, inverse, mixed / scale)
    left = np.maximum(information[:, 2, 2] - known, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(1 / np.sqrt(left))


def beam_of(design: Design) -> Light:
    """The polarisations of a design as `grainmap` takes them."""
    return Light(design.angle, np.full(len(design.angle), design.purity))


def _capped(sigma: Floats, design: Design) -> Floats:
    return np.minimum(sigma, spread_of_unknown(beam_of(design)))


def signal_of(design: Design, reading: Reading, crystals: Crystals, area: float) -> tuple[Floats, Floats, float]:
    """Expected signal and its standard deviation, each (P, n), and the signal of an axis across the polarisation.

    var I = (sum_j w_j^2 sigma_j^2 + I^2 sigma_u^2) / u^2 with the weights w of the reading; optical density has twice
    the noise of the loss.
    """
    found = images(design, crystals)
    sigma = noise(design, found.loss, area)
    weights = 2 * reading.density, reading.phase
    values = np.einsum("e,pen->pn", weights[0], found.loss) + np.einsum("e,pen->pn", weights[1], found.phase)
    # Light along the axis always has the larger signal, so that the direction is that of the axis.
    delta_0, beta_0, delta, beta = found.per_length
    across, more = (
        float(weights[0] @ each_beta - weights[1] @ each_delta)
        for each_delta, each_beta in ((delta_0, beta_0), (delta, beta))
    )
    thickness = -np.einsum("e,pen->pn", reading.thickness, found.phase)
    signal = np.sign(more) * values / thickness
    own = np.einsum("e,pen->pn", weights[0] ** 2 + weights[1] ** 2, sigma**2)
    shared = np.einsum("e,pen->pn", reading.thickness**2, sigma**2)
    errors = np.sqrt(own + signal**2 * shared) / thickness
    return signal, errors, float(np.sign(more) * across / (reading.thickness @ delta_0))


def of_chain(design: Design, reading: Reading, crystals: Crystals, area: float) -> Direction:
    """Directions and standard deviations, (n,), that `grainmap` finds in the expected signals of crystals.

    Least squares of Gaussian signals reach the Cramer-Rao bound of what the signals hold, so this is the bound of the
    chain; the background a, which two polarisations need, is taken for known.
    """
    signal, errors, background = signal_of(design, reading, crystals, area)
    return find(signal, errors, beam_of(design), background=background)


def typical(sigma: Floats) -> float:
    """Median over crystals in all directions, rad: two polarisations see some directions far worse than others."""
    return float(np.median(sigma))


def ambiguous(design: Design) -> bool:
    """Whether the polarisations cannot tell a direction from its mirror image."""
    return is_ambiguous(beam_of(design))


def require_dichroism(design: Design) -> None:
    """Refuse a design that sees no direction at all.

    Raises
    ------
    InputError
        It has one polarisation, or light that is hardly polarised.
    """
    turns = np.exp(2j * design.angle)
    if np.abs(turns - turns[0]).max() < 2 * np.sin(PARALLEL):
        wanted = "wanted two or more: --rotations '0 deg, 60 deg, 120 deg'"
        raise InputError(f"all rotations are parallel or there is one; {wanted}")
    if design.purity < LEAST_PURITY:
        text = f"the beam is linearly polarised to {design.purity:.0%}; wanted at least {LEAST_PURITY:.0%}"
        raise InputError(f"{text}: without linear polarisation there is no dichroism to see")
