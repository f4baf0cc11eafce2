"""Signal of a known orientation: the background a and the amplitude b of I = a + b cos^2(tilt) cos^2(theta - p)."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.grains.orientation import Light, find, is_ambiguous, parts
from picpxct_nx.records import GrainMap, Record

Floats = NDArray[np.float64]

# Regions whose mean signal is known worse than this part of the range say nothing about its ends.
_LEAST_KNOWN = 0.05
# Part of the map, counted by what it says, that may lie beyond an end.
_TAIL = 0.025


@dataclass(frozen=True)
class Calibration:
    """Background a and amplitude b with standard deviations, where from, and what was assumed for them."""

    source: str
    background: float
    background_errors: float
    amplitude: float
    amplitude_errors: float
    assumption: str


def region_means(signal: Floats, errors: Floats, labels: NDArray[np.int32]) -> tuple[Floats, Floats]:
    """Weighted mean signal and its standard deviation of every label from 1, each (P, n)."""
    n, flat = int(labels.max()), labels.ravel()
    inside = flat > 0
    least = max(float(np.nanmedian(errors)) * 1e-3, np.finfo(float).tiny)

    def sums(values: Floats) -> Floats:
        return np.asarray(np.bincount(flat[inside], values.ravel()[inside], n + 1)[1:], np.float64)

    weights = [1 / np.maximum(image, least) ** 2 for image in errors]
    total = np.stack([sums(weight) for weight in weights])
    mean = np.stack([sums(weight * image) for weight, image in zip(weights, signal, strict=True)]) / total
    return mean, 1 / np.sqrt(total)


def automatic(means: Floats, errors: Floats, beam: Light) -> Calibration:
    """A and b from the mean signals (P, n) of the regions of a map, and their standard deviations.

    Three and more directions measure a in every region, as the mean signal less half of what turns with the
    polarisation. With two, the lowest signal of all is that of an axis across a polarisation, but for what n random
    axes miss it by on average, the spread of which is the uncertainty. The highest signal, or what turns most, is that
    of an axis in the plane (and along a polarisation, with two).

    Raises
    ------
    InputError
        The signals do not differ between regions or polarisations.
    """
    spread = float(np.ptp(means))
    known = np.flatnonzero((errors < _LEAST_KNOWN * spread).all(axis=0))
    if not known.size:
        text = "no region shows dichroism above the noise, from which --calibration auto could tell a and b"
        raise InputError(f"{text}; give --calibration A,B or a file")
    means, errors = means[:, known], errors[:, known]
    if is_ambiguous(beam):
        return _from_ends(means, errors, beam)
    (middle, *_), covariance = parts(means, errors, beam)
    found = find(means, errors, beam)
    weight = 1 / (covariance[0, 0] + found.strength_errors**2 / 4)
    background = float(np.sum(weight * (middle - found.strength / 2)) / np.sum(weight))
    strength, sigma = _end(found.strength, found.strength_errors, -1)
    text = f"a measured in {len(known)} regions; b is that of the region with most dichroism, taken to lie in the plane"
    return Calibration("auto", background, float(1 / np.sqrt(np.sum(weight))), strength, sigma, text)


def _from_ends(means: Floats, errors: Floats, beam: Light) -> Calibration:
    low, sigma_low = _end(means, errors, 1)
    high, sigma_high = _end(means, errors, -1)
    purity = float(np.mean(beam.purity))
    expected, chance = _nearest_to_square(means.shape[1])
    amplitude = (high - low) / purity
    background = low - amplitude * ((1 - purity) / 2 + purity * expected)
    sigma_low, sigma_high = (float(np.hypot(sigma, chance * amplitude)) for sigma in (sigma_low, sigma_high))
    text = f"the lowest of {means.size} mean signals is taken for an axis across a polarisation, the highest along one"
    return Calibration("auto", background, sigma_low, amplitude, float(np.hypot(sigma_low, sigma_high)) / purity, text)


def _end(means: Floats, errors: Floats, sign: int) -> tuple[float, float]:
    """Lowest (1) or highest (-1) mean signal and its standard deviation, but for a small part of the map.

    The watershed groups noise of one sign, so that a small region can lie beyond the true end.
    """
    order = np.argsort(sign * means.ravel())
    share = np.cumsum(1 / errors.ravel()[order] ** 2)
    first = order[int(np.searchsorted(share, _TAIL * share[-1]))]
    return float(means.ravel()[first]), float(errors.ravel()[first])


def _nearest_to_square(n: int) -> tuple[float, float]:
    """Mean and standard deviation of the least sin^2 between n random axes and the nearer of two square directions."""
    angle = np.linspace(0, np.pi / 4, 2001)
    density = n * 4 / np.pi * (1 - 4 * angle / np.pi) ** (n - 1)
    mean, square = (float(np.trapezoid(density * np.sin(angle) ** power, angle)) for power in (2, 4))
    return mean, float(np.sqrt(max(square - mean**2, 0.0)))


def given(text: str) -> Calibration:
    """Calibration of the text "A,B".

    Raises
    ------
    UsageError
        It is not two numbers, or B is not above zero.
    """
    try:
        background, amplitude = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--calibration '{text}': wanted auto, two numbers A,B, or a file that is there") from None
    if not (np.isfinite(background) and np.isfinite(amplitude) and amplitude > 0):
        raise UsageError(f"--calibration '{text}': wanted finite numbers with B above zero")
    return Calibration("given", background, 0.0, amplitude, 0.0, "numbers as given")


def of_map(record: Record, signal_name: str) -> Calibration:
    """The calibration that another grain map holds.

    Raises
    ------
    InputError
        The record is no grain map, holds none, or is of another signal.
    """
    if not isinstance(record, GrainMap) or record.background is None or record.amplitude is None:
        raise InputError(f"{record.entry}: holds no calibration; wanted a grain map with background and amplitude")
    if record.signal_name != signal_name:
        text = f"{record.entry}: is calibrated for {record.signal_name}, this map is of {signal_name}"
        raise InputError(f"{text}; run both with the same --signal")
    errors = (float(e) if e is not None else 0.0 for e in (record.background_errors, record.amplitude_errors))
    background_errors, amplitude_errors = errors
    return Calibration(
        "file", float(record.background), background_errors, float(record.amplitude), amplitude_errors,
        f"of {record.entry} ({record.uuid})",
    )  # fmt: skip


def of_crystal(means: Floats, errors: Floats, beam: Light) -> Calibration:
    """The calibration that one crystal gives, its axis in the plane (along a polarisation, for two), from (P, 1)."""
    text = "of a single crystal, whose axis is taken to lie in the plane"
    if not is_ambiguous(beam):
        return replace(automatic(means, errors, beam), source="file", assumption=text)
    purity = float(np.mean(beam.purity))
    low, high = int(np.argmin(means[:, 0])), int(np.argmax(means[:, 0]))
    amplitude = float(means[high, 0] - means[low, 0]) / purity
    background, sigma = float(means[low, 0]) - amplitude * (1 - purity) / 2, float(errors[low, 0])
    sigma_b = float(np.hypot(sigma, errors[high, 0])) / purity
    if not amplitude > 0:
        raise InputError("the single crystal shows no dichroism; wanted its axis along one of the polarisations")
    return Calibration("file", background, sigma, amplitude, sigma_b, f"{text} and along one of the two polarisations")
