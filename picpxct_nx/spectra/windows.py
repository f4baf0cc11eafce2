"""Windows before and after an edge: how they are written, and which energies they hold."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.units import quantity

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

# An energy that was rounded on its way through a file still lies in a window that ends there.
_ROUNDED_EV = 1e-3
# Windows are relative to the edge; a number as large as this was meant as an energy.
_ABSOLUTE_EV = 1000.0
# The extremum of the phase is looked for this near to the edge, and averaged over this half width.
EXTREMUM_EV, HALF_WIDTH_EV = 8.0, 2.0


@dataclass(frozen=True)
class Window:
    """A range of energies in eV relative to the edge energy; None is an open end, the last energy there is."""

    low_ev: float | None
    high_ev: float | None


@dataclass(frozen=True)
class Windows:
    """What was measured where: the edge energy, and windows in eV relative to it."""

    e0_ev: float
    pre: tuple[float, float]
    post: tuple[float, float]
    drop: tuple[float, float] = (np.nan, np.nan)


# The pre-edge peak of V2O5 begins at -16 eV, its fine structure is over at +20 eV: with constants through both
# windows the step of a 5460-5520 eV scan comes out within 2 %.
PRE_EDGE, POST_EDGE = Window(None, -16.0), Window(20.0, None)


def parse_window(text: str, option: str) -> Window:
    """A window such as "-21.5:-16 eV", ":-16 eV" (from the lowest energy) or "20: eV" (to the highest).

    Raises
    ------
    UsageError
        It is not of that form, has no unit of energy, is reversed, or does not lie on its side of the edge.
    """
    lower, colon, rest = text.partition(":")
    upper, _, unit = rest.strip().rpartition(" ") if " " in rest.strip() else ("", "", rest.strip())
    if not colon or not unit or not (lower.strip() or upper.strip()) or unit[0] in "+-.0123456789":
        raise UsageError(f"{option} '{text}': wanted two numbers relative to e0 and a unit, for example '-20:-16 eV'")
    low, high = (quantity(f"{end} {unit}", "eV") if end.strip() else None for end in (lower, upper))
    for end in (low, high):
        if end is not None and abs(end) >= _ABSOLUTE_EV:
            raise UsageError(f"{option} '{text}': wanted energies relative to e0, not {end:.6g} eV itself")
    if low is not None and high is not None and not low < high:
        raise UsageError(f"{option} '{text}': is reversed; wanted the lower end first")
    return Window(low, high)


def sides(pre: Window, post: Window) -> None:
    """Refuse windows that do not lie on their side of the edge.

    Raises
    ------
    UsageError
        One of them reaches over the edge energy.
    """
    if pre.high_ev is None or pre.high_ev >= 0:
        end = "the highest energy" if pre.high_ev is None else f"{pre.high_ev:.6g} eV"
        raise UsageError(f"--pre ends at {end}, relative to e0; wanted an end below 0 eV")
    if post.low_ev is None or post.low_ev <= 0:
        end = "the lowest energy" if post.low_ev is None else f"{post.low_ev:.6g} eV"
        raise UsageError(f"--post begins at {end}, relative to e0; wanted a beginning above 0 eV")


def closed(window: Window, energy_ev: Floats, e0_ev: float, name: str) -> tuple[float, float]:
    """Both ends of a window in eV relative to the edge, open ones at the last energy there is.

    Raises
    ------
    InputError
        It reaches beyond the energies, or holds none.
    """
    first, last = float(energy_ev[0]) - e0_ev, float(energy_ev[-1]) - e0_ev
    low = first if window.low_ev is None else window.low_ev
    high = last if window.high_ev is None else window.high_ev
    there = f"relative to e0 = {e0_ev:.6g} eV there are energies from {first:.4g} to {last:.4g} eV"
    if low < first - _ROUNDED_EV and window.low_ev is not None and high > first:
        raise InputError(f"the {name} window begins at {low:.4g} eV; {there}; leave the end open")
    if high > last + _ROUNDED_EV and window.high_ev is not None and low < last:
        raise InputError(f"the {name} window ends at {high:.4g} eV; {there}; leave the end open")
    if not inside(energy_ev, e0_ev, (low, high)).any():
        raise InputError(f"no energy lies in the {name} window, {low:.4g} to {high:.4g} eV; {there}")
    if low == high:  # the one energy at an end
        low, high = (low, high + _ROUNDED_EV) if name == "pre-edge" else (low - _ROUNDED_EV, high)
    # Six digits behind the point: what the subtraction of e0 leaves behind them means nothing.
    return round(low, 6), round(high, 6)


def inside(energy_ev: Floats, e0_ev: float, window: tuple[float, float]) -> Mask:
    """Which energies (n,) lie in a closed window, both ends included."""
    relative = energy_ev - e0_ev
    return np.asarray((relative >= window[0] - _ROUNDED_EV) & (relative <= window[1] + _ROUNDED_EV))


def drop_window(energy_ev: Floats, above_line: Floats, e0_ev: float) -> tuple[float, float]:
    """Where the phase is nearest to zero at the edge: the extremum of a mean spectrum, 2 eV to either side.

    Parameters
    ----------
    energy_ev : (n,)
    above_line : (n,) mean phase less the line through both windows, rad; NaN where unknown
    e0_ev : edge energy

    Returns
    -------
    Both ends in eV relative to the edge.

    Raises
    ------
    InputError
        There is no energy near the edge.
    """
    near = np.flatnonzero((np.abs(energy_ev - e0_ev) <= EXTREMUM_EV) & np.isfinite(above_line))
    if not len(near):
        raise InputError(
            f"no energy lies within {EXTREMUM_EV:g} eV of e0 = {e0_ev:.6g} eV; the phase drop is measured there: "
            "check e0, or measure energies at the edge"
        )
    extremum = round(float(energy_ev[near[np.argmax(above_line[near])]]) - e0_ev, 6)
    return extremum - HALF_WIDTH_EV, extremum + HALF_WIDTH_EV
