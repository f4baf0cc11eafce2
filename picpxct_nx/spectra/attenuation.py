"""How strongly a compound absorbs X-rays, from two tables of free atoms, and where these cannot be trusted."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.constants import Avogadro, c, e, h, physical_constants

from picpxct_nx.errors import InputError

Floats = NDArray[np.float64]

_HC_EV_M: float = h * c / e
_ELECTRON_RADIUS: float = physical_constants["classical electron radius"][0]

# Chemistry moves the edge of a compound up from that of the free atoms of the tables by as much as this, and gives it
# structure; below the edge of the tables hardly anything is wrong.
BELOW_EDGE_EV, ABOVE_EDGE_EV = 3.0, 20.0
# Levels that are weaker bound have no part in hard X-ray absorption.
_SOFTEST_EV = 100.0


@dataclass(frozen=True)
class Attenuation:
    """Mass attenuation coefficients by photoabsorption and their standard deviations, (n,) m^2/kg each."""

    mass_attenuation: Floats
    sigma: Floats


@dataclass(frozen=True)
class Edge:
    """An absorption edge of an element near an energy: by what factor the tables step there."""

    element: str
    level: str
    energy_ev: float
    step: float


def _elements(formula: str) -> dict[str, float]:
    import xraydb

    text = re.sub(r"\s+", "", formula)
    try:
        found: dict[str, float] = xraydb.chemparse(text)
    except ValueError:
        found = {}
    if not found:
        raise InputError(f"formula '{formula}' is not understood; write one such as V2O5 with --formula")
    return found


def mass_attenuation(formula: str, energy_ev: Floats) -> Attenuation:
    """Mass attenuation coefficient mu / rho of a compound by photoabsorption.

    The mean of two tabulations, sum_j w_j (mu / rho)_j of W. T. Elam et al. with mass fractions w_j, and
    2 r_e lambda N_A sum_j n_j f''_j / M with the f'' of C. T. Chantler; its standard deviation is half of what they
    differ by. Scattered photons leave no dose and are not counted.

    Parameters
    ----------
    formula : such as V2O5; spaces do not matter
    energy_ev : (n,)

    Raises
    ------
    InputError
        The formula is not understood.

    References
    ----------
    Elam, Ravel & Sieber, Radiat. Phys. Chem. 63, 121 (2002); Chantler, J. Phys. Chem. Ref. Data 29, 597 (2000); both
    as in XrayDB.
    """
    import xraydb

    energies, parts = np.atleast_1d(np.asarray(energy_ev, np.float64)), _elements(formula)
    mass = sum(count * xraydb.atomic_mass(element) for element, count in parts.items()) * 1e-3  # kg/mol
    elam, f2 = np.zeros(energies.size), np.zeros(energies.size)
    for element, count in parts.items():
        share = count * xraydb.atomic_mass(element) * 1e-3 / mass
        elam += share * 0.1 * np.asarray(xraydb.mu_elam(element, energies, kind="photo"))  # cm^2/g to m^2/kg
        f2 += count * np.asarray(xraydb.f2_chantler(element, energies))
    chantler = 2 * _ELECTRON_RADIUS * (_HC_EV_M / energies) * Avogadro * f2 / mass
    return Attenuation((elam + chantler) / 2, np.abs(elam - chantler) / 2)


def near_edge(formula: str, energy_ev: float) -> Edge | None:
    """The edge of a compound from 3 eV above to 20 eV below an energy, or None; there tables err by up to its step."""
    import xraydb

    for element in _elements(formula):
        for level, edge in xraydb.xray_edges(element).items():
            if edge.energy > _SOFTEST_EV and -BELOW_EDGE_EV < energy_ev - edge.energy < ABOVE_EDGE_EV:
                around = edge.energy + np.array([-BELOW_EDGE_EV, ABOVE_EDGE_EV])
                below, above = mass_attenuation(formula, around).mass_attenuation
                return Edge(element, level, float(edge.energy), float(above / below))
    return None
