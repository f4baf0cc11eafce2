"""What is set before a simulated experiment begins, and the presets of it."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from .optics import ZonePlate

Model = Literal["scalar", "jones"]
MODELS: tuple[Model, ...] = get_args(Model)


@dataclass(frozen=True)
class Experiment:
    """What is set before an experiment begins; SI units, lengths in m and angles in rad.

    Frames are square, `frame_size` pixels a side, cut out of a `sensor` on whose pixel `sensor_row`, `sensor_column`
    the beam falls; a `beamstop_diameter` of zero is none. `photon_rate` is photons a second in the whole beam, which is
    `beam_diameter` wide on the sample at every energy, or without `refocus` at the first only. `exposures` multiply
    `count_time` at each energy, where they are given. `zone_displacement` is the rms in zone periods, correlated over
    `zone_correlation` on the zone plate. `monitor_noise` is the relative rms by which the beam's intensity varies
    between frames, `position_jitter` the rms by which the beam misses the recorded position. `scan_drift` is the rms by
    which the sample is displaced along each axis in a scan, `scan_creep` that by which it moves during one,
    `rotation_error` the rms by which it is turned too far at each rotation but zero. The beam is polarised along x with
    a purity, Q of the Stokes vector, of `polarisation_purity`; in the scalar `model` light keeps its polarisation, in
    the Jones model it does not. Images of the truth average `supersampling` squared rays a pixel.
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
    exposures: tuple[float, ...] = ()
    refocus: int = 1
    sensor: str = "none"
    sensor_row: int = 0
    sensor_column: int = 0
    beamstop_diameter: float = 0.0
    scan_creep: float = 0.0
    specimen: str = "columns"
    model: str = "scalar"


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

# The experiment of Gao et al., Chem. Commun. 2020 (supporting information): 120 scans of 624 frames, pixels of 48.82 nm
# at 5460 eV (which z = 7.0948 m gives), 1e6 Gy at that energy in 0.1 s a frame, sixty energies of which those in the
# pre-edge are 0.5 eV apart. What is not published and so assumed: the zone plate (120 um, 60 nm, 40 um stop), where the
# beam falls on the detector, how badly zones and stages do, and the particle, an aggregate of 24 grains. The brightest
# pixel counts about 2000, so that sixteen bits do: 240 MB a scan, 29 GB in all.
PAPER = Experiment(
    energies_ev=(
        *np.arange(5460.0, 5466.0, 1.0).tolist(), *np.arange(5466.0, 5486.0, 0.5).tolist(),
        *np.arange(5486.0, 5494.0, 2.0).tolist(), *np.linspace(5494.0, 5520.0, 10).round(1).tolist(),
    ),
    rotations=(0.0, np.pi / 2),
    frame_size=440,
    detector_pixel_size=75e-6,
    distance=7.0948,
    n_dead_pixels=39,
    saturation_value=65534,
    count_time=0.1,
    photon_rate=6.78e8,
    monitor_noise=0.01,
    n_positions=624,
    step=0.6e-6,
    position_jitter=8e-9,
    scan_drift=40e-9,
    rotation_error=np.deg2rad(0.3),
    polarisation_purity=1.0,
    zone_plate=ZonePlate(diameter=120e-6, outermost_zone_width=60e-9, central_stop_diameter=40e-6),
    beam_diameter=5e-6,
    zone_displacement=0.15,
    zone_correlation=8e-6,
    particle_size=(11e-6, 9e-6, 3.6e-6),
    n_grains=24,
    max_tilt=np.deg2rad(60.0),
    supersampling=3,
    sensor="eiger-1.5m",
    sensor_row=720,
    sensor_column=640,
    scan_creep=40e-9,
    specimen="aggregate",
)  # fmt: skip

PRESETS = {"tutorial": TUTORIAL, "paper": PAPER}
