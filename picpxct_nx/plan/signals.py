"""What `normalize` and `grainmap` make of spectra at given energies: the dichroic signal as weights on the spectra."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import InputError
from picpxct_nx.grains.windows import PEAK_EV, PHASE_BASE_EV, Name
from picpxct_nx.spectra.regression import line_fit, mean_of
from picpxct_nx.spectra.windows import EXTREMUM_EV, POST_EDGE, PRE_EDGE

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Edge and pre-edge peak of V2O5 on the scale of its optical constants.
EDGE_EV, PRE_EDGE_PEAK_EV = 5483.4, 5471.0
# What `normalize` needs besides the signal: an energy before the edge, at the phase minimum, and after the edge.
BESIDES_EV = (5460.0, 5482.0, 5515.0)
_ROUNDED_EV = 1e-3


@dataclass(frozen=True)
class Reading:
    """A signal as sums over energies, each (E,).

    I = (`density` . y + `phase` . phi) / u of the optical densities y = -ln |t|^2 and phases phi of a polarisation,
    with the thickness u = -`thickness` . phi: what `grainmap` cuts out of spectra that `normalize` divided by the
    phase off the edge, but for a factor common to all pixels. `peak` and `base` are windows in eV.
    """

    name: Name
    density: Floats
    phase: Floats
    thickness: Floats
    peak: tuple[float, float]
    base: tuple[float, float]


def windows_of(name: Name) -> tuple[tuple[float, float], tuple[float, float]]:
    """Peak and base window of a signal in eV, as `grainmap` sets them about the pre-edge peak of V2O5."""
    low, high = PEAK_EV[name]
    peak = (PRE_EDGE_PEAK_EV + low, PRE_EDGE_PEAK_EV + high)
    if name == "od-peak":
        return peak, (EDGE_EV - 100.0, EDGE_EV + float(PRE_EDGE.high_ev or 0.0))
    return peak, (PRE_EDGE_PEAK_EV + PHASE_BASE_EV[0], PRE_EDGE_PEAK_EV + PHASE_BASE_EV[1])


def _inside(energy_ev: Floats, window: tuple[float, float]) -> Mask:
    return np.asarray((energy_ev >= window[0] - _ROUNDED_EV) & (energy_ev <= window[1] + _ROUNDED_EV))


def reading(name: Name, energy_ev: Floats) -> Reading:
    """The signal that the chain makes of these energies, (E,) in rising order.

    Raises
    ------
    InputError
        `normalize` or `grainmap` would refuse them: a window has no energy.
    """
    peak, base = windows_of(name)
    pre = _inside(energy_ev, (-np.inf, EDGE_EV + float(PRE_EDGE.high_ev or 0.0)))
    post = _inside(energy_ev, (EDGE_EV + float(POST_EDGE.low_ev or 0.0), np.inf))
    edge = _inside(energy_ev, (EDGE_EV - EXTREMUM_EV, EDGE_EV + EXTREMUM_EV))
    at_peak, at_base = _inside(energy_ev, peak), _inside(energy_ev, base)
    for what, found, window in (
        ("normalize", pre, f"up to {EDGE_EV + float(PRE_EDGE.high_ev or 0):.1f} eV, before the edge"),
        ("normalize", edge, f"from {EDGE_EV - EXTREMUM_EV:.1f} to {EDGE_EV + EXTREMUM_EV:.1f} eV, at the edge"),
        ("normalize", post, f"from {EDGE_EV + float(POST_EDGE.low_ev or 0):.1f} eV, after the edge"),
        ("grainmap", at_peak, f"from {peak[0]:.1f} to {peak[1]:.1f} eV, the peak window of {name}"),
        ("grainmap", at_base, f"from {base[0]:.1f} to {base[1]:.1f} eV, the base window of {name}"),
    ):
        if not found.any():
            raise InputError(f"{what} takes an energy {window}, and there is none")
    difference = mean_of(at_peak) - mean_of(at_base)
    none = np.zeros(len(energy_ev))
    if name == "od-peak":
        return Reading(name, difference, none, mean_of(post), peak, base)
    # XPNES is the phase less the line through both windows; the part that lies along c runs ahead below the peak.
    lifted = difference @ (np.eye(len(energy_ev)) - line_fit(energy_ev, pre | post).matrix())
    return Reading(name, none, -lifted, mean_of(post), peak, base)


def lacking(energy_ev: Floats) -> tuple[Name, tuple[float, ...]]:
    """The signal that lacks the fewest energies among these, (E,), and those that the chain needs besides them."""
    names: tuple[Name, ...] = ("phase-lobe", "od-peak")  # where both lack as many, that with the smaller error
    return min(((name, _lacking(name, energy_ev)) for name in names), key=lambda each: len(each[1]))


def _lacking(name: Name, energy_ev: Floats) -> tuple[float, ...]:
    """Energies that `reading` needs besides those that there are, each in the window that holds none."""
    before, edge, after = BESIDES_EV
    peak, base = windows_of(name)
    windows = {
        before: (-np.inf, EDGE_EV + float(PRE_EDGE.high_ev or 0.0)),
        edge: (EDGE_EV - EXTREMUM_EV, EDGE_EV + EXTREMUM_EV),
        after: (EDGE_EV + float(POST_EDGE.low_ev or 0.0), np.inf),
        _middle(peak): peak,
    }
    if name == "phase-lobe":  # that of the other is before the edge
        windows[_middle(base)] = base
    return tuple(sorted(ev for ev, window in windows.items() if not _inside(energy_ev, window).any()))


def _middle(window: tuple[float, float]) -> float:
    return round(sum(window)) / 2
