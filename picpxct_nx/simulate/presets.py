"""What is set before a simulated experiment begins, and the presets of it."""

from dataclasses import dataclass

import numpy as np

from .optics import ZonePlate


@dataclass(frozen=True)
class Experiment:
    """What is set before an experiment begins; SI units, lengths in m and angles in rad.

    Frames are square, `frame_size` pixels a side. `photon_rate` is photons a second in the whole beam, which is
    `beam_diameter` wide on the sample at every energy. `zone_displacement` is the rms in zone periods, correlated over
    `zone_correlation` on the zone plate. `monitor_noise` is the relative rms by which the beam's intensity varies
    between frames, `position_jitter` the rms by which the beam misses the recorded position. `scan_drift` is the rms by
    which the sample is displaced along each axis in a scan, `rotation_error` the rms by which it is turned too far at
    each rotation but zero. The beam is polarised along x with a purity, Q of the Stokes vector, of
    `polarisation_purity`. Images of the truth average `supersampling` squared rays a pixel.
    """

    energies_ev: tuple[float, ...]
    rotations: tuple[float, ...]
    frame_size: int
    detector_pixel_size: float
    distance: float
    n_dead_pixels: int
    saturation_value: int
    count_time: float
    photon_rate: float
    monitor_noise: float
    n_positions: int
    step: float
    position_jitter: float
    scan_drift: float
    rotation_error: float
    polarisation_purity: float
    zone_plate: ZonePlate
    beam_diameter: float
    zone_displacement: float
    zone_correlation: float
    particle_size: tuple[float, float, float]
    n_grains: int
    max_tilt: float
    supersampling: int


# Twenty scans that a laptop simulates in seconds: 50 nm pixels, a particle of about 3.4 x 2.7 um and at most 2.2 um
# thick (-1.2 rad), a beam of 1.6 um in a window of 3.2 um, 75 % linear overlap, 1e6 photons a frame, a drift of about
# a pixel between scans. Energies stand on the scale where the pre-edge absorption peak is at 5471.0 eV: two before
# it, the peak with the extrema of phase dichroism at 5470 and 5472 eV, the phase minimum at 5482 eV, the white line,
# and two beyond it where the absorption is flat again.
TUTORIAL = Experiment(
    energies_ev=(5460.0, 5465.0, 5469.0, 5470.0, 5471.0, 5472.0, 5482.0, 5495.0, 5515.0, 5520.0),
    rotations=(0.0, np.pi / 2),
    frame_size=64,
    detector_pixel_size=75e-6,
    distance=1.06,
    n_dead_pixels=5,
    saturation_value=65535,
    count_time=0.1,
    photon_rate=1e7,
    monitor_noise=0.0,
    n_positions=60,
    step=0.4e-6,
    position_jitter=0.0,
    scan_drift=60e-9,
    rotation_error=np.deg2rad(0.3),
    polarisation_purity=1.0,
    zone_plate=ZonePlate(diameter=100e-6, outermost_zone_width=100e-9, central_stop_diameter=30e-6),
    beam_diameter=1.6e-6,
    zone_displacement=0.08,
    zone_correlation=25e-6,
    particle_size=(3.5e-6, 2.9e-6, 2.4e-6),
    n_grains=7,
    max_tilt=np.deg2rad(35.0),
    supersampling=3,
)

PRESETS = {"tutorial": TUTORIAL}
