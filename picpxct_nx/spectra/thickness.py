"""Thickness of every pixel: what it is taken from, and how it becomes metres."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.constants import c, e, h

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.units import quantity

Floats = NDArray[np.float64]

# The phase drop depends on the polarisation as well, in V2O5 by a tenth and more to either side: the pre-edge peak
# stands beside it. The step does so by half a percent, the phase after the edge by a tenth of one.
By = Literal["edge-jump", "phase-drop", "off-edge-phase", "none"]

# Tabulated scattering factors are those of lone atoms: within this distance of a tabulated edge they do not hold.
CLEAR_OF_EDGE_EV = 30.0
# To which tables agree with the dispersion of a measured spectrum that far above an edge: 0.4 % for V2O5 on
# average over 5503-5520 eV, 1.3 % at its beginning.
TABLE_ACCURACY = 0.02
_HC_EV_M = h * c / e


def parse_by(text: str) -> By:
    """What the thickness is taken from.

    Raises
    ------
    UsageError
        It is none of the four.
    """
    names: tuple[By, ...] = get_args(By)
    for name in names:
        if text == name:
            return name
    raise UsageError(f"--by '{text}' is not known; wanted one of {', '.join(names)}")


def parse_scale(text: str, by: By) -> float:
    """Metres per unit of what the thickness is taken from: "10.2 um" of an edge step of 1, "1.84 um/rad" of a phase.

    Raises
    ------
    UsageError
        It has another unit, or is not above zero.
    """
    if by == "none":
        raise UsageError("--thickness-scale needs a thickness; choose another one than --by none")
    try:
        scale = quantity(text, "m" if by == "edge-jump" else "m/rad")
    except UsageError as error:
        raise UsageError(f"--thickness-scale: {error} (thickness is by {by})") from None
    if scale <= 0:
        raise UsageError(f"--thickness-scale '{text}': wanted a number above zero")
    return scale


@dataclass(frozen=True)
class Quantity:
    """A map (P, H, W) and its standard deviation."""

    value: Floats
    sigma: Floats


def mean(values: Floats, weight: Floats) -> float:
    """Mean over the pixels whose weight is above zero."""
    return float(np.sum(np.where(weight > 0, values, 0) * weight) / np.sum(weight))


def proportional(top: Quantity, bottom: Quantity, weight: Floats) -> Quantity:
    """What `bottom` says of `top`, where the two are proportional: bottom R with R = sum w top / sum w bottom.

    With weights that do not share their noise, R has no bias from the noise of either map. Its own uncertainty, common
    to all pixels, is part of the standard deviation.
    """
    factor = mean(top.value, weight) / mean(bottom.value, weight)
    if top is bottom:
        return top
    spread = np.where(weight > 0, weight**2 * (top.sigma**2 + (factor * bottom.sigma) ** 2), 0)
    common = float(np.sqrt(np.sum(spread)) / np.sum(weight)) / mean(bottom.value, weight)
    return Quantity(bottom.value * factor, np.hypot(bottom.sigma * factor, bottom.value * common))


def tabulated_phase(formula: str, density: float, energy_ev: Floats) -> float:
    """Phase in rad that a metre of a material takes away, 2 pi delta / lambda, averaged over energies off its edges.

    Parameters
    ----------
    formula : str
        Chemical formula, in Hill order or not.
    density : float
        kg/m^3
    energy_ev : (n,) all further than 30 eV from a tabulated edge

    Raises
    ------
    InputError
        The formula is not one, or an energy is too near to an edge.

    References
    ----------
    C. T. Chantler, J. Phys. Chem. Ref. Data 24, 71 (1995), as xraydb tabulates it.
    """
    import xraydb

    try:
        elements = xraydb.chemparse(formula.replace(" ", ""))
        if not elements:
            raise ValueError(formula)
    except ValueError:
        raise InputError(f"sample/chemical_formula '{formula}' is not a formula; wanted one such as 'O5 V2'") from None
    for element in elements:
        for name, edge in xraydb.xray_edges(element).items():
            gap = float(np.min(np.abs(energy_ev - edge.energy)))
            if gap < CLEAR_OF_EDGE_EV:
                raise InputError(
                    f"the post-edge window comes within {gap:.3g} eV of the tabulated {element} {name} edge at "
                    f"{edge.energy:.6g} eV, where tables fail; begin it later, or give --thickness-scale"
                )
    delta = [xraydb.xray_delta_beta(formula.replace(" ", ""), density / 1000, float(energy))[0] for energy in energy_ev]
    return float(np.mean(2 * np.pi * np.array(delta) * energy_ev / _HC_EV_M))
