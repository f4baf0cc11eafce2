"""The edge energy from a spectrum, where it is safe to take it from there."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks

from picpxct_nx.errors import InputError

Floats = NDArray[np.float64]

# A peak before the edge that is as high as this part of the step makes the edge ambiguous.
LARGEST_PEAK = 0.3
LEAST_ENERGIES = 8


def edge_energy(energy_ev: Floats, density: Floats) -> float:
    """Energy of the last inflection of an absorption spectrum, eV: of the rise that crosses half the step for good.

    Parameters
    ----------
    energy_ev : (n,) increasing
    density : (n,) optical density

    Raises
    ------
    InputError
        There are too few energies, or the absorption does not rise, or it rises at an end, or a peak stands before the
        edge: in V2O5 the flank of the pre-edge peak is steeper than the edge.
    """
    if len(energy_ev) < LEAST_ENERGIES:
        raise InputError(f"--e0 auto: {len(energy_ev)} energies are too few for a slope; give the energy of the edge")
    ends = max(1, len(energy_ev) // 10)
    low, step = float(np.mean(density[:ends])), float(np.mean(density[-ends:]) - np.mean(density[:ends]))
    if step <= 0:
        raise InputError("--e0 auto: the absorption does not rise from the first to the last energies; give e0")
    height = (density - low) / step
    middle, slope = (energy_ev[1:] + energy_ev[:-1]) / 2, np.diff(height) / np.diff(energy_ev)
    edge = _steepest(slope, int(np.flatnonzero(height < 0.5)[-1]))
    if edge in (0, len(slope) - 1):
        raise InputError(f"--e0 auto: the absorption rises at an end, {middle[edge]:.1f} eV; give e0")
    before = [int(peak) for peak in find_peaks(height)[0] if energy_ev[peak] < middle[edge]]
    tall = max(before, key=lambda peak: float(height[peak]), default=None)
    if tall is not None and height[tall] > LARGEST_PEAK:
        raise InputError(
            f"--e0 auto: a peak of {height[tall]:.2f} of the step stands at {energy_ev[tall]:.1f} eV, before the last "
            f"inflection at {middle[edge]:.1f} eV; which of them is the edge must be said: give --e0"
        )
    return _vertex(middle[edge - 1 : edge + 2], slope[edge - 1 : edge + 2])


def _steepest(slope: Floats, start: int) -> int:
    """Index of the largest slope of the rise that `start` is part of."""
    first = last = min(start, len(slope) - 1)
    while first > 0 and slope[first - 1] > 0:
        first -= 1
    while last < len(slope) - 1 and slope[last + 1] > 0:
        last += 1
    return first + int(np.argmax(slope[first : last + 1]))


def _vertex(x: Floats, y: Floats) -> float:
    """Where the parabola through three points has its extremum."""
    bend, tilt, _ = np.polyfit(x - x[1], y, 2)
    return float(x[1] - tilt / (2 * bend)) if bend < 0 else float(x[1])
