"""Where a ring correlation ends: threshold curves, their names, and the first crossing of a curve.

The number of samples n counts every Fourier sample of a ring, both Friedel halves of a real image.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from picpxct_nx.errors import UsageError

Real = npt.NDArray[np.float64]
Counts = npt.NDArray[np.integer[Any]]

ONE_BIT_SNR = 0.5  # of one image; their mean has 1: log2(1 + 1) = 1 bit; van Heel & Schatz 2005
HALF_BIT_SNR = (np.sqrt(2.0) - 1.0) / 2.0  # log2(1 + 2 S) = 1/2 bit; van Heel & Schatz 2005

_FORMS = "one-bit, half-bit, sigma:K, fixed:V (0 < V < 1) or snr:S"


@dataclass(frozen=True)
class Threshold:
    """One threshold: its name as written, its kind and its number."""

    name: str
    kind: str  # snr, sigma or fixed
    value: float


def parse_threshold(name: str) -> Threshold:
    """Read the name of a threshold: one-bit, half-bit, sigma:K, fixed:V or snr:S.

    Raises
    ------
    UsageError
        The name is none of these or its number makes no sense.
    """
    if name == "one-bit":
        return Threshold(name, "snr", ONE_BIT_SNR)
    if name == "half-bit":
        return Threshold(name, "snr", HALF_BIT_SNR)
    kind, _, text = name.partition(":")
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    good = kind in ("sigma", "fixed", "snr") and 0 < value < (1 if kind == "fixed" else np.inf)
    if not good:
        raise UsageError(f"threshold: found {name!r}, wanted {_FORMS}; for example --threshold one-bit")
    return Threshold(name, kind, value)


def snr_threshold(samples: Counts | Real, snr: float) -> Real:
    """Give the correlation expected in a ring of n samples at the signal-to-noise ratio S of one image.

    T(n) = (S + (2 sqrt S + 1) / sqrt n) / (S + 1 + 2 sqrt S / sqrt n); T(1) = 1, T(inf) = S / (S + 1).

    Parameters
    ----------
    samples : (k,) n, at least 1
    snr : S, power ratio

    Returns
    -------
    (k,) in S / (S + 1) .. 1

    References
    ----------
    van Heel & Schatz, J. Struct. Biol. 151, 250 (2005).
    """
    root = np.sqrt(np.asarray(samples, dtype=np.float64))
    twice = 2.0 * np.sqrt(snr)
    return np.asarray((snr + (twice + 1.0) / root) / (snr + 1.0 + twice / root))


def correlation_sigma(correlation: Real | float, samples: Counts | Real, *, real_images: bool) -> Real:
    """Give the standard deviation of the real part of a ring correlation c from m independent samples.

    (1 - c^2) / sqrt(2 m), with m = n / 2 for real images, whose halves repeat each other, and m = n for complex:
    the error of a correlation coefficient of 2 m real numbers.

    Parameters
    ----------
    correlation : (k,) c, or 0 for noise alone
    samples : (k,) n
    real_images : the images, not their spectra, are real

    Returns
    -------
    (k,)

    References
    ----------
    Fisher, Biometrika 10, 507 (1915), for many samples.
    """
    independent = np.asarray(samples, dtype=np.float64) / (2.0 if real_images else 1.0)
    return np.asarray((1.0 - np.asarray(correlation) ** 2) / np.sqrt(2.0 * independent))


def threshold_curve(threshold: Threshold, samples: Counts | Real, *, real_images: bool) -> Real:
    """Give the threshold of every ring: T(n) of the wanted SNR, K standard deviations of noise, or a constant.

    Parameters
    ----------
    threshold : from `parse_threshold`
    samples : (k,) n
    real_images : sigma thresholds differ, see `correlation_sigma`

    Returns
    -------
    (k,)
    """
    if threshold.kind == "snr":
        return snr_threshold(samples, threshold.value)
    if threshold.kind == "sigma":
        return threshold.value * correlation_sigma(0.0, samples, real_images=real_images)
    return np.full(len(samples), threshold.value)


def moving_mean(values: Real, width: int) -> Real:
    """Average `width` neighbours (odd); near the ends the average narrows and stays centred."""
    half = np.minimum(width // 2, np.minimum(np.arange(len(values)), np.arange(len(values))[::-1]))
    total = np.concatenate(([0.0], np.cumsum(values)))
    place = np.arange(len(values))
    return np.asarray((total[place + half + 1] - total[place - half]) / (2 * half + 1))


def first_crossing(correlation: Real, threshold: Real, *, skip: int) -> tuple[float | None, str]:
    """Find where the correlation first falls below the threshold, linear between rings.

    Rings before `skip` hold a few samples each and are not asked. A curve that is already below at ring `skip`
    has no downward crossing: a later rise and fall is noise more often than resolution.

    Parameters
    ----------
    correlation, threshold : (k,)
    skip : index of the first ring that counts

    Returns
    -------
    (ring, reason)
        The ring index, fractional, with an empty reason; or None with the reason.
    """
    margin = correlation[skip:] - threshold[skip:]
    if margin[0] < 0:
        return None, (
            f"the correlation {correlation[skip]:.2f} is below the threshold {threshold[skip]:.2f} already at "
            f"ring {skip}, the first that counts"
        )
    below = np.flatnonzero(margin < 0)
    if below.size == 0:
        return None, "better than Nyquist, not reached: the correlation stays above the threshold in every ring"
    after = int(below[0])
    return skip + after - 1 + float(margin[after - 1] / (margin[after - 1] - margin[after])), ""


def length_text(metres: float) -> str:
    """Write a length with three digits and the unit that suits it."""
    for unit, scale in (("m", 1.0), ("mm", 1e-3), ("µm", 1e-6), ("nm", 1e-9)):
        if metres >= 0.9995 * scale:
            return f"{metres / scale:#.3g} {unit}".replace(". ", " ")
    return f"{metres / 1e-12:#.3g} pm".replace(". ", " ")
