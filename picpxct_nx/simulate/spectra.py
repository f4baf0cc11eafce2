"""Optical constants of V2O5 across the vanadium K edge, for light along and across the crystal's c axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.constants import Avogadro, c, e, h, physical_constants
from scipy.special import voigt_profile

from picpxct_nx.spectra.kramers_kronig import kramers_kronig

Floats = NDArray[np.float64]

HC_EV_M: float = h * c / e
CLASSICAL_ELECTRON_RADIUS: float = physical_constants["classical electron radius"][0]

DENSITY = 3357.0  # kg/m^3, V2O5 (CRC Handbook of Chemistry and Physics)
MOLAR_MASS = 0.18188  # kg/mol
FORMULA_UNITS_PER_M3 = DENSITY / MOLAR_MASS * Avogadro
VANADIUM_Z, OXYGEN_Z = 23, 8
VANADIUM_PER_FORMULA, OXYGEN_PER_FORMULA = 2, 5

# Vanadium f'' far from the K edge, (eV, electrons): thinned from C. T. Chantler, J. Phys. Chem. Ref. Data 24, 71
# (1995) and 29, 597 (2000); straight lines in log-log between nodes, last slopes continued. "Below" is the atom
# without its K shell, "above" the atom with it. Between 10 eV and 5.2 keV the nodes hold to 2.6 %, above to 0.9 %.
F2_BELOW_EDGE = (
    (10.0, 1.324), (15.0, 1.901), (20.0, 2.347), (30.0, 2.897), (40.0, 5.377), (60.0, 3.151), (100.0, 3.303),
    (150.0, 3.586), (200.0, 3.446), (300.0, 2.704), (400.0, 2.096), (512.9, 6.520), (513.0, 7.328), (540.0, 15.172),
    (600.0, 13.231), (629.0, 13.343), (700.0, 12.255), (800.0, 10.290), (1000.0, 7.561), (1300.0, 4.996),
    (1700.0, 3.263), (2200.0, 2.165), (3000.0, 1.296), (4000.0, 0.755), (5200.0, 0.470),
)  # fmt: skip
F2_ABOVE_EDGE = (
    (5700.0, 3.6659), (7000.0, 2.6432), (9000.0, 1.7459), (12000.0, 1.0480), (17000.0, 0.54874), (25000.0, 0.26730),
    (40000.0, 0.10313), (70000.0, 0.032956), (130000.0, 0.0089820), (250000.0, 0.0022510), (433000.0, 0.00070500),
)  # fmt: skip

# Oxygen has no edge near: f' = +0.0874 and f'' = 0.0701 electrons at 5460 eV (Chantler, as above).
OXYGEN_F1, OXYGEN_F2, OXYGEN_F2_SLOPE = 0.0874, 0.0701, -2.02
OXYGEN_REFERENCE_EV = 5460.0

# Relativistic correction of f' in the forward direction, E_total / (m c^2) with the atom's Hartree-Fock energy of
# -943 hartree: L. Kissel & R. H. Pratt, Acta Cryst. A46, 170 (1990).
VANADIUM_RELATIVISTIC_F1 = -0.050


class Peak(NamedTuple):
    """A Voigt peak of the reduced absorption: height, centre, Gauss sigma and Lorentz half width in eV.

    Its height is ``height * (1 + dichroism * (w - 1/3))``: a powder, w = 1/3, shows ``height`` itself.
    """

    height: float
    centre_ev: float
    sigma_ev: float
    gamma_ev: float
    dichroism: float


# Reduced absorption x = (f'' - below) / (above - below): an arctangent edge (height, centre, half width in eV) and
# Voigt peaks, fitted to the measured powder spectrum of V2O5 in the public XAS Data Library (V/V2O5.xdi, APS 13-BM-D,
# Si(111)) on the energy scale where the pre-edge peak stands at 5471.0 eV; the edge fit is good to 1 % in beta.
# Not measured but assumed: the pre-edge peak across c is 0.10 of the one along c (dichroism 2.25), and the white line
# has 15 % dichroism of the opposite sign (-0.45). A dipole transition in a uniaxial crystal is linear in w.
EDGE_HEIGHT, EDGE_EV, EDGE_HALF_WIDTH_EV = 0.995, 5481.774, 2.345
PRE_EDGE_DICHROISM, WHITE_LINE_DICHROISM = 2.25, -0.45
PEAKS = (
    Peak(0.016, 5469.062, 0.367, 0.0, PRE_EDGE_DICHROISM),
    Peak(0.577, 5470.874, 0.679, 0.237, PRE_EDGE_DICHROISM),
    Peak(0.130, 5472.793, 0.905, 0.104, PRE_EDGE_DICHROISM),
    Peak(0.109, 5487.229, 0.994, 0.230, WHITE_LINE_DICHROISM),
    Peak(0.186, 5495.300, 2.694, 1.616, WHITE_LINE_DICHROISM),
    Peak(0.145, 5508.363, 3.849, 0.852, 0.0),
)

# The near-edge model rules here; it fades in over the first and out over the last of these steps, because the
# arctangent's 1/E tail is no physics far from the edge.
FADE_IN_EV, FADE_OUT_EV = (5340.0, 5400.0), (5540.0, 5640.0)


@dataclass(frozen=True)
class OpticalConstants:
    """The uniaxial refractive index n = 1 - delta + i beta on a set of energies, each array (n,) and dimensionless."""

    energy_ev: Floats
    delta_parallel: Floats
    delta_perpendicular: Floats
    beta_parallel: Floats
    beta_perpendicular: Floats


def wavelength(energy_ev: float) -> float:
    """Wavelength in metres of a photon of `energy_ev` electronvolts, lambda = h c / E."""
    return HC_EV_M / energy_ev


def _log_log(energy_ev: Floats, nodes: Sequence[tuple[float, float]]) -> Floats:
    """Interpolate `nodes` by straight lines in log-log, continuing the first and last slopes."""
    x, y = np.log(np.array(nodes)).T
    at = np.log(energy_ev)
    inside = np.interp(at, x, y)
    left = y[0] + (y[1] - y[0]) / (x[1] - x[0]) * (at - x[0])
    right = y[-1] + (y[-1] - y[-2]) / (x[-1] - x[-2]) * (at - x[-1])
    return np.asarray(np.exp(np.where(at < x[0], left, np.where(at > x[-1], right, inside))))


def reduced_absorption(energy_ev: Floats, axis_weight: float) -> Floats:
    """Share x of the vanadium K shell's absorption that is switched on, near 0 below the edge and 1 above.

    x = arctangent edge + Voigt peaks, linear in the axis weight w = (e . c)^2 of the polarisation e on the c axis.

    Parameters
    ----------
    energy_ev : (n,)
    axis_weight : 1 along c, 0 across, 1/3 for a powder

    Returns
    -------
    (n,) dimensionless
    """
    share = EDGE_HEIGHT * (0.5 + np.arctan((energy_ev - EDGE_EV) / EDGE_HALF_WIDTH_EV) / np.pi)
    for peak in PEAKS:
        height = peak.height * (1 + peak.dichroism * (axis_weight - 1 / 3))
        shape = voigt_profile(energy_ev - peak.centre_ev, peak.sigma_ev, peak.gamma_ev)
        share = share + height * shape / voigt_profile(0.0, peak.sigma_ev, peak.gamma_ev)
    above = np.interp(energy_ev, FADE_OUT_EV, (0.0, 1.0))
    return np.asarray(share * np.interp(energy_ev, FADE_IN_EV, (0.0, 1.0)) * (1 - above) + above)


def vanadium_f2(energy_ev: Floats, axis_weight: float) -> Floats:
    """Absorptive scattering factor f'' of vanadium in V2O5, (n,) electrons: below + x (above - below)."""
    share = reduced_absorption(energy_ev, axis_weight)
    return (1 - share) * _log_log(energy_ev, F2_BELOW_EDGE) + share * _log_log(energy_ev, F2_ABOVE_EDGE)


@lru_cache(maxsize=1)
def _kramers_kronig_grid() -> tuple[Floats, Floats, Floats]:
    """Nodes from 10 eV to 433 keV, 0.1 eV apart where f'' bends, and f'' along and across the c axis on them."""
    atomic = [energy for energy, _ in F2_BELOW_EDGE + F2_ABOVE_EDGE]
    grid = np.unique(
        np.concatenate(
            [np.geomspace(10, 5340, 600), np.arange(5340, 5640, 0.1), np.geomspace(5640, 433000, 200), atomic]
        )
    )
    return grid, vanadium_f2(grid, 1.0), vanadium_f2(grid, 0.0)


def optical_constants(energy_ev: ArrayLike) -> OpticalConstants:
    """Refractive index of V2O5 along and across its c axis.

    delta + i beta = r_e lambda^2 / (2 pi) sum_j N_j (Z_j + f'_j + i f''_j), where vanadium's f' is the
    Kramers-Kronig transform of its f'' over 10 eV to 433 keV plus the relativistic correction.

    Parameters
    ----------
    energy_ev : (n,) or a scalar; meant for 5.40-5.54 keV

    Returns
    -------
    Each constant (n,), dimensionless; matter has delta > 0 and beta > 0.

    References
    ----------
    D. Attwood, Soft X-rays and Extreme Ultraviolet Radiation, chapter 3: delta and beta from scattering factors.
    """
    energies = np.atleast_1d(np.asarray(energy_ev, dtype=np.float64))
    grid, *f2_on_grid = _kramers_kronig_grid()
    per_electron = CLASSICAL_ELECTRON_RADIUS * (HC_EV_M / energies) ** 2 / (2 * np.pi) * FORMULA_UNITS_PER_M3
    oxygen_f2 = OXYGEN_F2 * (energies / OXYGEN_REFERENCE_EV) ** OXYGEN_F2_SLOPE
    delta, beta = [], []
    for weight, f2 in zip((1.0, 0.0), f2_on_grid, strict=True):
        vanadium_f1 = kramers_kronig(energies, grid, f2) + VANADIUM_RELATIVISTIC_F1
        electrons = VANADIUM_PER_FORMULA * (VANADIUM_Z + vanadium_f1) + OXYGEN_PER_FORMULA * (OXYGEN_Z + OXYGEN_F1)
        absorbing = VANADIUM_PER_FORMULA * vanadium_f2(energies, weight) + OXYGEN_PER_FORMULA * oxygen_f2
        delta.append(per_electron * electrons)
        beta.append(per_electron * absorbing)
    return OpticalConstants(energies, delta[0], delta[1], beta[0], beta[1])


def along(constants: OpticalConstants, axis_weight: float) -> tuple[Floats, Floats]:
    """Delta and beta, each (n,), for the axis weight w = (e . c)^2: perpendicular + w (parallel - perpendicular)."""
    delta = constants.delta_perpendicular + axis_weight * (constants.delta_parallel - constants.delta_perpendicular)
    beta = constants.beta_perpendicular + axis_weight * (constants.beta_parallel - constants.beta_perpendicular)
    return delta, beta
