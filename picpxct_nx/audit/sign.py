"""The sign of the phase, which no misfit tells: an orientation and its twin show conjugate objects.

With exp(+ikz) and n = 1 - delta + i beta a thickness T transmits t = exp(-k T (beta + i delta)): matter retards (its
phase is negative) and absorbs (|t| < 1). The twin shows t*: the same moduli, phases of the other sign. Three
witnesses are heard; each gives odds for the orientation against its twin.

matter    ln|t| = (beta / delta) arg t: phase and modulus fall together into matter, so the slope of one on the other
          is positive. This is physics and needs nothing but absorption.
air       flat, at the border of the image, and with all the rest below it in phase, or darker: matter stands in air.
defocus   started from the recorded probe, or the zone plate's at the recorded defocus, the orientation fits better
          than its twin, which would want the probe P*(-r) of the other defocus. This is only as good as the record.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.stats
from scipy import ndimage

from picpxct_nx.audit.race import Runner, odds
from picpxct_nx.images.air import Air, find_air
from picpxct_nx.images.ramp import ramp_factor
from picpxct_nx.values import Array

# Where less than this part of the largest dose fell, the object is not looked at.
_LIT = 0.1
# Averages over this many pixels keep noise out of the phase steps.
_SMOOTH_PX = 1.0
# Blocks along a side whose scatter gives the standard error of the slope.
_BLOCKS = 8
# Slow errors of a short reconstruction are no white noise: the standard error is taken this much larger.
_INFLATION = 2.2
# How often a witness that speaks clearly is right. Found by simulation for the air; for the record it is a guess at how
# often a defocus is recorded with its right sign.
AIR_RIGHT, RECORD_RIGHT = 0.75, 0.97
# Of matter: an object that moves in phase and modulus for another reason than thickness, once in a thousand.
MATTER_RIGHT = 0.999
# The air speaks where it is at least this part of the field, the twin has less by this part, and half of all else lies
# deeper, rad: below that slow errors of a short reconstruction look like air.
_AIR, _LESS, _DEEP = 0.1, 0.3, 0.15
# A probe that correlates with its twin by more says nothing, nor do correlations that differ by less.
_OWN_TWIN, _CLEARLY = 0.95, 0.02


@dataclass(frozen=True)
class Witness:
    """What one witness says: `log_odds` for the orientation against its twin, and why."""

    name: str
    log_odds: float
    says: str


def hear(best: Runner, other: Runner, start: Array) -> tuple[Witness, ...]:
    """What matter, air and defocus say of the winner of a race.

    Parameters
    ----------
    best : Runner
        Winner; its result is looked at.
    other : Runner
        Its twin, from the same start probe.
    start : (modes, h, w) complex
        Probe that the record gives.
    """
    assert best.result is not None  # noqa: S101  # the winner has not diverged
    image, dose = best.result.object, best.result.illumination.astype(np.float64)
    return matter(image, dose), air(image, dose), defocus(best.result.probe, start, odds(other, best))


def log_odds(witnesses: tuple[Witness, ...]) -> float:
    """Sum over the witnesses, which are independent: one is absorption, one the shape of the phase, one optics."""
    return sum(witness.log_odds for witness in witnesses)


def matter(image: Array, dose: Array) -> Witness:
    """Whether modulus and phase fall together, from the regression of ln|t| on arg t by differences of neighbours.

    The slope kappa = sum w a (p - <p>) / sum w (p - <p>)^2 of differences a of ln|t| and p of arg t estimates
    beta / delta; a constant and a ramp of phase or modulus do not matter to it. Its standard error comes from blocks.
    """
    phase, modulus, weight = _differences(image, dose)
    if weight.sum() < _BLOCKS**2:
        return Witness("matter", 0.0, "too little of the object is lit")
    for steps in (phase, modulus):
        steps -= (steps * weight).sum((1, 2), keepdims=True) / weight.sum()
    over, under = (weight * phase * modulus).sum(0), (weight * phase**2).sum(0)
    # Blocks of equally many differences along a side, so that empty rims do not count.
    rows, columns = (_edges(weight.sum(axis)) for axis in (1, 0))
    tops, bases = (np.add.reduceat(np.add.reduceat(part, rows, 0), columns, 1) for part in (over, under))
    if not bases.sum() > 0:
        return Witness("matter", 0.0, "the phase is the same everywhere")
    slope = float(tops.sum() / bases.sum())
    sigma = float(np.sqrt(np.sum((tops - slope * bases) ** 2)) / bases.sum())
    freedom = max(1.0, float(bases.sum() ** 2 / np.sum(bases**2)) - 1)
    p = float(scipy.stats.t.sf(slope / max(_INFLATION * sigma, 1e-12), freedom))
    # Odds of a doubtful slope are those of chance; those of a clear one, that the object is no matter of one kind.
    right = (1 - p) * MATTER_RIGHT + p * (1 - MATTER_RIGHT)
    says = f"ln|t| = ({slope:+.4f} +- {sigma:.4f}) arg t; matter has beta / delta > 0"
    return Witness("matter", float(np.log(right / (1 - right))), says)


def _differences(image: Array, dose: Array) -> tuple[Array, Array, Array]:
    """Differences (2, H - 1, W - 1) of phase and ln modulus along y and x, and which of them are lit (H - 1, W - 1)."""
    known = dose > _LIT * dose.max()
    wave = np.where(known, image, 0).astype(np.complex128)
    # Before it is averaged over pixels a ramp has to go.
    slopes = [np.angle(np.vdot(a, b)) for a, b in ((wave[:-1], wave[1:]), (wave[:, :-1], wave[:, 1:]))]
    rows, columns = (np.arange(size) for size in wave.shape)
    wave *= np.exp(-1j * (slopes[0] * rows[:, None] + slopes[1] * columns))
    wave = ndimage.gaussian_filter(wave.real, _SMOOTH_PX) + 1j * ndimage.gaussian_filter(wave.imag, _SMOOTH_PX)
    inner = ndimage.binary_erosion(known, iterations=3) & (np.abs(wave) > 0)
    wave = np.where(inner, wave, 1)
    lit = inner[:-1, :-1] & inner[1:, :-1] & inner[:-1, 1:]
    ratio = np.stack([wave[1:, :-1] / wave[:-1, :-1], wave[:-1, 1:] / wave[:-1, :-1]])
    return np.angle(ratio), np.log(np.abs(ratio)), lit.astype(np.float64)


def _edges(profile: Array) -> Array:
    """Starts of `_BLOCKS` parts of an axis with about equal sums."""
    total = np.concatenate([[0.0], np.cumsum(profile)])
    wanted = total[-1] * np.arange(_BLOCKS) / _BLOCKS
    return np.unique(np.minimum(np.searchsorted(total, wanted, side="right") - 1, len(profile) - 1))


def air(image: Array, dose: Array) -> Witness:
    """Whether a flat region at the border has the rest below it in phase; in the twin the rest is above it."""
    weight = np.where(dose > _LIT * dose.max(), dose, 0.0)
    if np.ptp(np.angle(image[weight > 0] / image[weight > 0].mean())) < _DEEP:
        return Witness("air", 0.0, "the phase is the same everywhere")
    found = find_air(image, weight), find_air(image.conj(), weight)
    here, there = (each.fraction for each in found)
    clear = float(np.log(AIR_RIGHT / (1 - AIR_RIGHT)))
    if weight.max() == 0 or max(here, there) < _AIR:
        return Witness("air", 0.0, "no air was found")
    says = f"air is {here:.0%} of the field with all else below it in phase; of the twin's {there:.0%}"
    if min(here, there) > _LESS * max(here, there):
        # Found by its brightness in both: then all else is matter, whatever its phase.
        depth = _depth(image, weight, found[0])
        says = f"air is the brightest {here:.0%} of the field, all else lies {depth:+.2f} rad below it"
        return Witness("air", float(np.sign(depth)) * clear if abs(depth) > _DEEP else 0.0, says)
    depth = _depth(image, weight, found[0]) if here > there else _depth(image.conj(), weight, found[1])
    if depth < _DEEP:
        return Witness("air", 0.0, f"{says}, but that only by {depth:.2f} rad")
    return Witness("air", clear if here > there else -clear, says)


def _depth(image: Array, weight: Array, found: Air) -> float:
    """Median phase by which all that is no air lies below it, rad; the phases are not unwrapped."""
    rest = (weight > 0) & ~found.mask
    if not rest.any():
        return 0.0
    flat = image * ramp_factor((image.shape[0], image.shape[1]), found.ramp).conj()
    return -float(np.median(np.angle(flat[rest])))


def twin(probe: Array) -> Array:
    """P*(-r) of a probe (modes, h, w) with r = 0 at [h // 2, w // 2]: its far field is the conjugate one."""
    shape = probe.shape[-2:]
    turned = np.flip(probe, (-2, -1)).conj()
    return np.roll(turned, [1 - n % 2 for n in shape], (-2, -1))


def defocus(probe: Array, start: Array, odds_of_twin: float) -> Witness:
    """Whether the frames want the recorded probe or its twin.

    Where a run is short the refined probe is like the one that it began with, whatever the frames say. So what speaks
    is that the orientation fits better than its twin; the probe has only to show that it did not change sides.

    Parameters
    ----------
    probe : (modes, h, w) complex
        As refined by the winner; it may have moved.
    start : (modes, h, w) complex
        The recorded one, with which winner and twin began.
    odds_of_twin : float
        By misfit, 0 to 1.
    """
    first = start[:1]
    if likeness(first, twin(first)) > _OWN_TWIN:
        return Witness("defocus", 0.0, "the recorded probe is its own twin: in focus, or without a curvature")
    here, there = likeness(probe[:1], first), likeness(probe[:1], twin(first))
    says = f"the probe is like the recorded one by {here:.2f}, like its twin by {there:.2f}"
    if abs(here - there) < _CLEARLY:
        return Witness("defocus", 0.0, f"{says}: no difference")
    fits = 1 / (1 + odds_of_twin)
    right = fits * RECORD_RIGHT + (1 - fits) * (1 - RECORD_RIGHT)
    clear = float(np.log(right / (1 - right)))
    return Witness("defocus", clear if here > there else -clear, says)


def likeness(one: Array, other: Array) -> float:
    """Largest modulus of the normalised correlation of two probes (1, h, w) over their shifts, 0 to 1."""
    spectra = scipy.fft.fft2(one[0].astype(np.complex128)), scipy.fft.fft2(other[0].astype(np.complex128))
    size = np.sqrt(np.prod([np.sum(np.abs(s) ** 2) for s in spectra])) / spectra[0].size
    return float(np.abs(scipy.fft.ifft2(spectra[0] * spectra[1].conj())).max() / max(size, 1e-300))
