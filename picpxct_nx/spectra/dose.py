"""Radiation dose of a surface."""

import numpy as np
from numpy.typing import NDArray
from scipy.constants import e

Floats = NDArray[np.float64]


def surface_dose(fluence: Floats, energy_ev: float, mass_attenuation: float) -> Floats:
    """Dose at the surface of a sample, D = Phi h nu (mu / rho).

    Every absorbed photon leaves all of its energy where it is absorbed: what fluorescence carries away, up to a fifth
    above a K edge of a thin grain, is not subtracted, and deeper parts, which see fewer photons, get less.

    Parameters
    ----------
    fluence : any shape, photons per m^2
    energy_ev : of a photon
    mass_attenuation : m^2/kg, by photoabsorption

    Returns
    -------
    Of the shape of `fluence`, Gy

    References
    ----------
    Howells et al., J. Electron Spectrosc. Relat. Phenom. 170, 4 (2009), doi 10.1016/j.elspec.2008.10.008, section 2.
    """
    return np.asarray(np.asarray(fluence) * (energy_ev * e * mass_attenuation))


def fluence_of(dose: float, energy_ev: float, mass_attenuation: float) -> float:
    """Photons per m^2 that give a dose in Gy, the inverse of `surface_dose`."""
    return float(dose / (energy_ev * e * mass_attenuation))
