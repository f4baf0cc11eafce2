"""A spectro-ptychography experiment as its images are affected by it: energies, polarisations, photons, noise."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.simulate.exposure import fluence, mass_attenuation
from picpxct_nx.simulate.presets import Experiment
from picpxct_nx.simulate.spectra import optical_constants, wavelength
from picpxct_nx.spectra.dose import surface_dose

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """Scans at all pairs of energies and polarisations.

    `energy_ev` (E,); `angle` (P,) rad of the electric field in the frame of the sample, from x towards y, and its
    `purity`; `fluence` (E,) photons/m^2 of one scan. `excess` is the noise of an image over that of its photons: 1 is
    the limit, reached with a known probe and a converged solver.
    """

    energy_ev: Floats
    angle: Floats
    purity: float
    fluence: Floats
    excess: float = 1.0

    @property
    def scans(self) -> int:
        """Number of scans."""
        return len(self.energy_ev) * len(self.angle)

    @property
    def dose(self) -> float:
        """Dose of all scans together, Gy."""
        return float(np.sum(self.fluence * dose_per_fluence(self.energy_ev)) * len(self.angle))

    def times(self, factor: float) -> "Design":
        """The same with `factor` times as many photons."""
        return replace(self, fluence=self.fluence * factor)


@dataclass(frozen=True)
class Crystals:
    """Crystals on which light falls, each array (n,): `thickness` in m, `azimuth` and `tilt` of the c axis in rad."""

    thickness: Floats
    azimuth: Floats
    tilt: Floats


def dose_per_fluence(energy_ev: Floats) -> Floats:
    """Dose in Gy m^2 that a photon per m^2 leaves in V2O5 powder, mu / rho times the photon's energy, (E,)."""
    return np.array([_dose_per_fluence(float(energy)) for energy in energy_ev])


@lru_cache(maxsize=4096)
def _dose_per_fluence(energy_ev: float) -> float:
    return float(surface_dose(np.array(1.0), energy_ev, mass_attenuation(energy_ev)))


def design_of(experiment: Experiment, excess: float = 1.0) -> Design:
    """The design of an experiment whose beam is polarised along x while the sample turns."""
    energies = np.array(sorted(experiment.energies_ev))
    return Design(
        energy_ev=energies,
        angle=-np.array(experiment.rotations) % np.pi,
        purity=experiment.polarisation_purity,
        fluence=np.array([fluence(experiment, float(energy)) for energy in energies]),
        excess=excess,
    )


def all_directions(thickness: float, tilt: float, count: int = 36) -> Crystals:
    """Equal crystals whose axes point in `count` directions, spread evenly over half a turn."""
    azimuth = (np.arange(count) + 0.5) * np.pi / count
    return Crystals(np.full(count, thickness), azimuth, np.full(count, tilt))


@dataclass(frozen=True)
class Images:
    """What images of crystals show: `phase` -k T delta and `loss` k T beta, rad and nepers, (P, E, n).

    -ln t = k T [(i d_0 + b_0) + (i d + b) g] with the index across the axis, d_0 and b_0, what one along it has more,
    d and b, and g = ((1 + Q) / 2 cos^2(theta - p) + (1 - Q) / 2 sin^2(theta - p)) cos^2(tilt) for a beam of purity Q:
    the scalar model of thin crystals. `weight` is g and `turning` dg / d theta, (P, n). `per_length` is k times
    (d_0, b_0, d, b), 1/m, (4, E).
    """

    phase: Floats
    loss: Floats
    weight: Floats
    turning: Floats
    per_length: Floats


def images(design: Design, crystals: Crystals) -> Images:
    """Phase and loss of crystals at every polarisation and energy of a design."""
    per_length = np.array([_per_length(float(energy)) for energy in design.energy_ev]).T
    apart = 2 * (crystals.azimuth - design.angle[:, None])
    plane = np.cos(crystals.tilt) ** 2
    weight = (1 + design.purity * np.cos(apart)) / 2 * plane
    turning = -design.purity * np.sin(apart) * plane
    delta_0, beta_0, delta, beta = per_length[:, :, None]
    phase = -crystals.thickness * (delta_0 + delta * weight[:, None])
    loss = crystals.thickness * (beta_0 + beta * weight[:, None])
    return Images(phase, loss, weight, turning, per_length)


@lru_cache(maxsize=4096)
def _per_length(energy_ev: float) -> tuple[float, float, float, float]:
    """Wavenumber times (d_0, b_0, d, b) of `Images`, 1/m."""
    found, k = optical_constants(energy_ev), 2 * np.pi / wavelength(energy_ev)
    delta, beta = float(found.delta_perpendicular[0]), float(found.beta_perpendicular[0])
    more = float(found.delta_parallel[0]) - delta, float(found.beta_parallel[0]) - beta
    return k * delta, k * beta, k * more[0], k * more[1]


def noise(design: Design, loss: Floats, area: float) -> Floats:
    """Standard deviation of phase (rad) and loss (nepers) of a resolution element, (P, E, n).

    sigma = excess / (2 |t| sqrt(N A)) for N photons per m^2 on an area A in m^2: no estimate of the transmission t of
    a known wave from counted photons can have less, by Cramer and Rao.

    References
    ----------
    X. Wei et al., arXiv 2003.05475: the Cramer-Rao bound of ptychography.
    """
    return np.asarray(design.excess * np.exp(loss) / (2 * np.sqrt(design.fluence * area))[:, None])
