"""Photons and dose of a scan of V2O5, each from the other."""

import numpy as np

from picpxct_nx.spectra.dose import fluence_of, surface_dose

from .layout import area_per_position, count_time
from .presets import Experiment
from .spectra import DENSITY, along, optical_constants, wavelength

# Axis weight of a powder: doses are those of V2O5 whose axes lie in all directions.
POWDER = 1 / 3


def mass_attenuation(energy_ev: float) -> float:
    """Mass attenuation coefficient of V2O5 powder, mu / rho = 4 pi beta / (lambda rho), m^2/kg."""
    beta = float(along(optical_constants(energy_ev), POWDER)[1][0])
    return 4 * np.pi * beta / wavelength(energy_ev) / DENSITY


def fluence(experiment: Experiment, energy_ev: float) -> float:
    """Photons per area that one scan sends through the middle of its field, 1/m^2."""
    photons = experiment.photon_rate * count_time(experiment, energy_ev)
    return photons / area_per_position(experiment.step)


def dose(experiment: Experiment, energy_ev: float) -> float:
    """Surface dose of one scan in the middle of its field, D = mu N E / rho, Gy (Howells et al. 2009)."""
    absorbed = surface_dose(np.array(fluence(experiment, energy_ev)), energy_ev, mass_attenuation(energy_ev))
    return float(absorbed)


def photon_rate_for(experiment: Experiment, wanted: float) -> float:
    """Photons a second that give a scan at the lowest energy a dose of `wanted` Gy; the others get what comes of it."""
    energy_ev = min(experiment.energies_ev)
    photons = fluence_of(wanted, energy_ev, mass_attenuation(energy_ev)) * area_per_position(experiment.step)
    return photons / count_time(experiment, energy_ev)


def doses(experiment: Experiment) -> tuple[float, float]:
    """Dose of a scan at the lowest energy, and of all scans together, Gy."""
    each = [dose(experiment, energy) for energy in experiment.energies_ev]
    return each[int(np.argmin(experiment.energies_ev))], sum(each) * len(experiment.rotations)


def in_words(experiment: Experiment) -> str:
    """How many scans and frames there are, and their dose."""
    first, total = doses(experiment)
    scans = len(experiment.energies_ev) * len(experiment.rotations)
    dose_of = f"{total:.3g} Gy in all, {first:.3g} Gy the one at the lowest energy"
    return f"{scans} scans of {experiment.n_positions} frames, {dose_of}"
