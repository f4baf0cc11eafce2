"""Where the beam goes, how wide it is and what a pixel is: lengths that follow from an experiment's settings."""

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import UsageError

from . import optics, spectra
from .presets import Experiment

Floats = NDArray[np.float64]

# Scale of the Fermat spiral that puts neighbours about one step apart, and its golden angle:
# X. Huang et al., Opt. Express 22, 12634 (2014), doi 10.1364/OE.22.012634.
FERMAT_SCALE, GOLDEN_ANGLE = 0.57, np.deg2rad(137.508)

# Pixels left free around the outermost frames on the object's grid, and how many it may have in a row.
OBJECT_MARGIN, LARGEST_OBJECT = 2, 16384


def fermat_spiral(n: int, step: float) -> tuple[Floats, Floats]:
    """Points y, x (n,) of a Fermat spiral, r = 0.57 step sqrt(i), i golden angles round, i = 1..n; as `step`."""
    index = np.arange(1, n + 1)
    radius, turn = FERMAT_SCALE * step * np.sqrt(index), GOLDEN_ANGLE * index
    return radius * np.sin(turn), radius * np.cos(turn)


def area_per_position(step: float) -> float:
    """Area that each point of the spiral stands for, m^2: that of its circle over its points, pi (0.57 step)^2."""
    return float(np.pi * (FERMAT_SCALE * step) ** 2)


def object_pixel_size(experiment: Experiment, energy_ev: float) -> float:
    """Pixel of probe and object in m, dx = lambda z / (N p): it shrinks with the wavelength."""
    return optics.sample_pixel_size(
        spectra.wavelength(energy_ev), experiment.distance, experiment.frame_size, experiment.detector_pixel_size
    )


def object_size(experiment: Experiment, energy_ev: float) -> int:
    """Side in pixels, even, of the square object that all frames of the experiment fit on, whichever the energy.

    Raises
    ------
    UsageError
        It is larger than any memory.
    """
    finest = object_pixel_size(experiment, max(*experiment.energies_ev, energy_ev))
    y, x = fermat_spiral(experiment.n_positions, experiment.step)
    # Six sigma of jitter and drift: a frame beyond the object would be our fault, not bad luck.
    wander = experiment.position_jitter + experiment.scan_drift + experiment.scan_creep
    reach = max(np.abs(y).max(), np.abs(x).max()) + 6 * wander
    if reach / finest > LARGEST_OBJECT / 2:
        raise UsageError(
            f"the scan reaches {reach * 1e6:.3g} um, {reach / finest:.3g} pixels of {finest * 1e9:.3g} nm; wanted at "
            f"most {LARGEST_OBJECT // 2}: less step or n_positions, or larger pixels"
        )
    return 2 * (int(np.ceil(reach / finest)) + experiment.frame_size // 2 + OBJECT_MARGIN)


def defocus(experiment: Experiment, energy_ev: float) -> float:
    """Distance of the sample behind the focus, m.

    With `refocus` the sample follows the focus, so that the beam keeps its diameter. Without, it stays where the beam
    has its diameter at the first energy, and the focus f = D dr / lambda moves towards it as the energy rises.
    """
    wavelength = spectra.wavelength(energy_ev)
    if experiment.refocus:
        return optics.defocus_for_beam(experiment.zone_plate, experiment.beam_diameter, wavelength)
    first = spectra.wavelength(experiment.energies_ev[0])
    start = optics.defocus_for_beam(experiment.zone_plate, experiment.beam_diameter, first)
    focal = [optics.focal_length(experiment.zone_plate, each) for each in (wavelength, first)]
    return start - (focal[0] - focal[1])


def count_time(experiment: Experiment, energy_ev: float) -> float:
    """Exposure of a frame in s: `count_time` times the exposure of that energy, where exposures differ."""
    if not experiment.exposures:
        return experiment.count_time
    nearest = int(np.argmin(np.abs(np.array(experiment.energies_ev) - energy_ev)))
    return experiment.count_time * experiment.exposures[nearest]


def beam_width(experiment: Experiment, energy_ev: float) -> float:
    """Diameter of the cone of light on the sample, |defocus| lambda / dr, m."""
    ratio = spectra.wavelength(energy_ev) / experiment.zone_plate.outermost_zone_width
    return abs(defocus(experiment, energy_ev)) * ratio


def sensor_centre(experiment: Experiment) -> tuple[int, int]:
    """Pixel (row, column) of the sensor on which the beam falls."""
    return experiment.sensor_row, experiment.sensor_column
