"""A whole spectro-ptychography experiment with known truth: scans over energies and sample rotations.

The laboratory has the beam along +z and images [y, x] whose indices grow along +y and +x. Light is polarised along
x; the sample turns by +rotation from x towards y. A stage at +s carries the sample by +s, so that the beam meets the
sample point r = -s; sample points are counted from the point that the beam meets with the stage at zero. Between
scans the sample drifts by d, which nobody reads: the beam then meets r = -s - d, and images show it moved by +d.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import UsageError

from . import spectra, stage
from .equipment import equip, specimen
from .layout import beam_width, count_time, defocus, fermat_spiral
from .optics import ZonePlate
from .presets import Experiment
from .truth import Truth, expected_frame, expected_frames, make_truth

Floats = NDArray[np.float64]

# Poisson numbers are drawn as integers of 64 bits.
MOST_PHOTONS = 1e18

__all__ = ["SimulatedScan", "Truth", "expected_frame", "simulate_experiment", "simulate_scan", "specimen"]


@dataclass(frozen=True)
class SimulatedScan:
    """A scan as an instrument would record it; SI units, and the truth beside it.

    `frames` (n, h, w) unsigned counts; `stage_y`, `stage_x` (n,) m in the laboratory; `pixel_mask` (h, w) with
    NXdetector's bits, 0 good; beam centre in m from the centre of the first pixel; `rotation` rad of the sample;
    `flux` photons / s / m^2; `stokes` (1, 4); `monitor` (n,) incident intensity relative to the mean; `defocus` m,
    positive where the sample is downstream of the focus.
    """

    frames: NDArray[np.uint16] | NDArray[np.uint32]
    stage_y: Floats
    stage_x: Floats
    pixel_mask: NDArray[np.int32]
    monitor: Floats
    incident_energy_ev: float
    wavelength: float
    rotation: float
    stokes: Floats
    distance: float
    y_pixel_size: float
    x_pixel_size: float
    beam_center_y: float
    beam_center_x: float
    count_time: float
    saturation_value: int
    flux: float
    zone_plate: ZonePlate
    defocus: float
    truth: Truth


def _scan_seed(seed: int, energy_ev: float, rotation: float, repeat: int) -> np.random.SeedSequence:
    """Seed of one scan, the same whether it is simulated alone or among others."""
    return np.random.SeedSequence(seed, spawn_key=stage.scan_key(energy_ev, rotation, repeat))


def simulate_scan(
    experiment: Experiment, energy_ev: float, rotation: float, *, seed: int = 0, repeat: int = 0
) -> SimulatedScan:
    """Simulate one scan; the same arguments give the same counts, alone or within `simulate_experiment`.

    Parameters
    ----------
    rotation : of the sample about the beam as its stage says, rad from x towards y
    seed : of the experiment: specimen, zone plate and detector are the same for all its scans
    repeat : number of the repetition, which has its own noise
    """
    rng = np.random.default_rng(_scan_seed(seed, energy_ev, rotation, repeat))
    n, wavelength = experiment.n_positions, spectra.wavelength(energy_ev)
    # A beam has no less than no light.
    monitor = np.maximum(1 + experiment.monitor_noise * rng.standard_normal(n), 0.0)
    jitter_y, jitter_x = experiment.position_jitter * rng.standard_normal((2, n))
    truth = make_truth(experiment, energy_ev, rotation, seed=seed, repeat=repeat, jitter=(jitter_y, jitter_x))
    mask = equip(experiment, seed).pixel_mask
    frames = _count(experiment, truth, monitor, mask, rng)
    planned_y, planned_x = fermat_spiral(n, experiment.step)
    centre = experiment.frame_size // 2 * experiment.detector_pixel_size
    return SimulatedScan(
        frames=frames,
        stage_y=-planned_y,
        stage_x=-planned_x,
        pixel_mask=mask.copy(),
        monitor=monitor,
        incident_energy_ev=energy_ev,
        wavelength=wavelength,
        rotation=rotation,
        stokes=np.array([[1.0, experiment.polarisation_purity, 0.0, 0.0]]),
        distance=experiment.distance,
        y_pixel_size=experiment.detector_pixel_size,
        x_pixel_size=experiment.detector_pixel_size,
        beam_center_y=centre,
        beam_center_x=centre,
        count_time=count_time(experiment, energy_ev),
        saturation_value=experiment.saturation_value,
        flux=experiment.photon_rate / (np.pi * beam_width(experiment, energy_ev) ** 2 / 4),
        zone_plate=experiment.zone_plate,
        defocus=defocus(experiment, energy_ev),
        truth=truth,
    )


def _count(
    experiment: Experiment, truth: Truth, monitor: Floats, mask: NDArray[np.int32], rng: np.random.Generator
) -> NDArray[np.uint16] | NDArray[np.uint32]:
    """Frames (n, h, w) as the detector counts them: Poisson noise, saturation, nothing in blind pixels.

    Raises
    ------
    UsageError
        There are more photons than can be counted.
    """
    photons = float(np.sum(np.abs(truth.probe.astype(np.complex128)) ** 2) * np.abs(monitor).max())
    if not photons < MOST_PHOTONS:
        raise UsageError(f"a frame has {photons:.2g} photons; wanted fewer than {MOST_PHOTONS:.0e}: less photon_rate, "
                         "dose or count_time")  # fmt: skip
    dtype = np.uint16 if experiment.saturation_value <= np.iinfo(np.uint16).max else np.uint32
    frames = np.empty((len(monitor), *mask.shape), dtype=dtype)
    # A pixel that sees no light counts nothing, and costs no random number.
    seen, lit = np.where(mask == 0, 1.0, 0.0), np.empty(mask.shape)
    for frame, intensity, mean in zip(frames, monitor, expected_frames(truth), strict=True):
        np.multiply(mean, seen, out=lit)
        lit *= intensity
        counts = rng.poisson(lit)
        if counts.max() > experiment.saturation_value:
            np.minimum(counts, experiment.saturation_value, out=counts)
        frame[:] = counts
    return frames


def simulate_experiment(experiment: Experiment, seed: int = 0) -> Iterator[SimulatedScan]:
    """Simulate all scans one by one, all energies of the first sample rotation, then those of the next."""
    for rotation in experiment.rotations:
        for energy_ev in experiment.energies_ev:
            yield simulate_scan(experiment, energy_ev, rotation, seed=seed)
