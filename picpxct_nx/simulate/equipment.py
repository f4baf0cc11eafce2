"""What all scans of an experiment share: the specimen, the zone plate's faults, the detector's blind pixels."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import UsageError

from . import detector, optics, phantom
from .layout import sensor_centre
from .particles import particle
from .presets import Experiment


@dataclass(frozen=True)
class Equipment:
    """Specimen in its own frame, displaced zones, and the pixel mask (h, w) with NXdetector's bits."""

    specimen: phantom.Phantom
    displacement: optics.ZoneDisplacement
    pixel_mask: NDArray[np.int32]


@lru_cache(maxsize=4)
def equip(experiment: Experiment, seed: int) -> Equipment:
    """Draw the specimen, the zone plate and the detector, each from its own stream.

    Raises
    ------
    UsageError
        The experiment asks for a sensor or a specimen that there cannot be, or nothing would be seen.
    """
    for_specimen, for_optics, for_detector = np.random.SeedSequence(seed).spawn(3)
    window = detector.window_of(experiment.sensor, experiment.frame_size, sensor_centre(experiment))
    mask = detector.dead_pixels(window, experiment.n_dead_pixels, np.random.default_rng(for_detector))
    mask = detector.beamstop(mask, experiment.beamstop_diameter / experiment.detector_pixel_size)
    if mask.all():
        raise UsageError("no pixel of the detector sees light: less beamstop_diameter or n_dead_pixels")
    return Equipment(
        particle(
            experiment.specimen,
            size=experiment.particle_size,
            n_grains=experiment.n_grains,
            max_tilt=experiment.max_tilt,
            seed=for_specimen,
        ),
        optics.random_zone_displacement(
            rms=experiment.zone_displacement, correlation=experiment.zone_correlation, seed=for_optics
        ),
        mask,
    )


def specimen(experiment: Experiment, seed: int) -> phantom.Phantom:
    """The particle of an experiment, in the frame of the sample."""
    return equip(experiment, seed).specimen
