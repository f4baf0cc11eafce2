"""A whole spectro-ptychography experiment with known truth: scans over energies and sample rotations.

The laboratory has the beam along +z and images [y, x] whose indices grow along +y and +x. Light is polarised along
x; the sample turns by +rotation from x towards y. A stage at +s carries the sample by +s, so that the beam meets the
sample point r = -s; sample points are counted from the point that the beam meets with the stage at zero. Between
scans the sample drifts by d, which nobody reads: the beam then meets r = -s - d, and images show it moved by +d.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from . import optics, phantom, spectra, stage
from .optics import ZonePlate
from .presets import Experiment

Floats = NDArray[np.float64]

# Scale of the Fermat spiral that puts neighbours about one step apart, and its golden angle:
# X. Huang et al., Opt. Express 22, 12634 (2014), doi 10.1364/OE.22.012634.
FERMAT_SCALE, GOLDEN_ANGLE = 0.57, np.deg2rad(137.508)

# NXdetector/pixel_mask: bit 1 says that the pixel is dead.
MASK_DEAD = 1 << 1

# Pixels left free around the outermost frames on the object's grid.
OBJECT_MARGIN = 2


@dataclass(frozen=True)
class Truth:
    """What a simulated scan was made of.

    `object` (H, W) complex64 is the transmission of the rotated sample at the points `y` (H,), `x` (W,), in m, for
    light along the laboratory's x, and `object_across` for light along y where there is such light; `probe` (h, w)
    complex64 is in sqrt(photons) on the same pixels; the beam met the sample at `position_y`, `position_x` (n,), in m.
    `projection` holds maps (H, W) in the laboratory frame, angles of c axes included. The sample was turned by
    `rotation` rad and displaced by `drift` (2,) m, (y, x); Q = `purity` of the Stokes vector.
    """

    object: NDArray[np.complex64]
    object_across: NDArray[np.complex64] | None
    y: Floats
    x: Floats
    probe: NDArray[np.complex64]
    position_y: Floats
    position_x: Floats
    projection: phantom.Projection
    rotation: float
    drift: Floats
    purity: float


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


@dataclass(frozen=True)
class _Equipment:
    """What all scans of an experiment share: the specimen, the zone plate's faults, the detector's dead pixels."""

    specimen: phantom.Phantom
    displacement: optics.ZoneDisplacement
    pixel_mask: NDArray[np.int32]


@lru_cache(maxsize=4)
def _equip(experiment: Experiment, seed: int) -> _Equipment:
    """Draw the specimen, the zone plate and the detector, each from its own stream."""
    for_specimen, for_optics, for_detector = np.random.SeedSequence(seed).spawn(3)
    n = experiment.frame_size
    mask = np.zeros(n * n, dtype=np.int32)
    mask[np.random.default_rng(for_detector).choice(n * n, experiment.n_dead_pixels, replace=False)] = MASK_DEAD
    return _Equipment(
        phantom.polycrystal(
            size=experiment.particle_size,
            n_grains=experiment.n_grains,
            max_tilt=experiment.max_tilt,
            seed=for_specimen,
        ),
        optics.random_zone_displacement(
            rms=experiment.zone_displacement, correlation=experiment.zone_correlation, seed=for_optics
        ),
        mask.reshape(n, n),
    )


def specimen(experiment: Experiment, seed: int) -> phantom.Phantom:
    """The particle of an experiment, in the frame of the sample."""
    return _equip(experiment, seed).specimen


def _scan_seed(seed: int, energy_ev: float, rotation: float, repeat: int) -> np.random.SeedSequence:
    """Seed of one scan, the same whether it is simulated alone or among others."""
    return np.random.SeedSequence(seed, spawn_key=stage.scan_key(energy_ev, rotation, repeat))


def fermat_spiral(n: int, step: float) -> tuple[Floats, Floats]:
    """Points y, x (n,) of a Fermat spiral, r = 0.57 step sqrt(i), i golden angles round, i = 1..n; as `step`."""
    index = np.arange(1, n + 1)
    radius, turn = FERMAT_SCALE * step * np.sqrt(index), GOLDEN_ANGLE * index
    return radius * np.sin(turn), radius * np.cos(turn)


def object_pixel_size(experiment: Experiment, energy_ev: float) -> float:
    """Pixel of probe and object in m, dx = lambda z / (N p): it shrinks with the wavelength."""
    return optics.sample_pixel_size(
        spectra.wavelength(energy_ev), experiment.distance, experiment.frame_size, experiment.detector_pixel_size
    )


def object_size(experiment: Experiment, energy_ev: float) -> int:
    """Side in pixels, even, of the square object that all frames of the experiment fit on, whichever the energy."""
    finest = object_pixel_size(experiment, max(*experiment.energies_ev, energy_ev))
    y, x = fermat_spiral(experiment.n_positions, experiment.step)
    # Six sigma of jitter and drift: a frame beyond the object would be our fault, not bad luck.
    reach = max(np.abs(y).max(), np.abs(x).max()) + 6 * (experiment.position_jitter + experiment.scan_drift)
    return 2 * (int(np.ceil(reach / finest)) + experiment.frame_size // 2 + OBJECT_MARGIN)


def make_probe(experiment: Experiment, energy_ev: float, seed: int) -> NDArray[np.complex64]:
    """Wave (h, w) of the imperfect zone plate at the sample, in sqrt(photons) of one mean frame."""
    wavelength, pixel_size = spectra.wavelength(energy_ev), object_pixel_size(experiment, energy_ev)
    ideal = optics.ideal_probe(
        experiment.zone_plate,
        wavelength=wavelength,
        pixel_size=pixel_size,
        shape=(experiment.frame_size, experiment.frame_size),
        defocus=optics.defocus_for_beam(experiment.zone_plate, experiment.beam_diameter, wavelength),
        photons=experiment.photon_rate * experiment.count_time,
    )
    displacement = _equip(experiment, seed).displacement
    return optics.aberrate(ideal, displacement, zone_plate=experiment.zone_plate, pixel_size=pixel_size)


def make_truth(
    experiment: Experiment,
    energy_ev: float,
    rotation: float,
    *,
    seed: int,
    repeat: int = 0,
    jitter: tuple[Floats, Floats],
) -> Truth:
    """Specimen, probe and beam positions of one scan; `jitter` (n,) y, x in m is added to the planned positions."""
    size, pixel_size = object_size(experiment, energy_ev), object_pixel_size(experiment, energy_ev)
    turned = stage.true_rotation(experiment, rotation, seed=seed)
    projection = phantom.project(
        phantom.rotate(specimen(experiment, seed), turned),
        shape=(size, size),
        pixel_size=pixel_size,
        supersampling=experiment.supersampling,
    )
    # The beam is polarised along the laboratory's x, and the projection is that of the rotated sample.
    along, across = (
        phantom.transmission(projection, energy_ev=energy_ev, polarisation=angle).astype(np.complex64)
        for angle in (0.0, np.pi / 2)
    )
    y, x = phantom.axes((size, size), pixel_size)
    planned_y, planned_x = fermat_spiral(experiment.n_positions, experiment.step)
    drift = stage.drift(experiment, energy_ev, rotation, seed=seed, repeat=repeat)
    return Truth(
        object=along,
        object_across=across if experiment.polarisation_purity < 1 else None,
        y=y,
        x=x,
        probe=make_probe(experiment, energy_ev, seed),
        position_y=planned_y - drift[0] + jitter[0],
        position_x=planned_x - drift[1] + jitter[1],
        projection=projection,
        rotation=turned,
        drift=drift,
        purity=experiment.polarisation_purity,
    )


def expected_frame(truth: Truth, index: int) -> Floats:
    """Mean counts (h, w) of frame `index` in a beam of mean intensity, zero frequency at [h // 2, w // 2].

    I = (1 + P) / 2 I_x + (1 - P) / 2 I_y: the two polarisations of a beam of purity P do not interfere.
    """
    pixel_size = truth.y[1] - truth.y[0]
    centre = (
        len(truth.y) // 2 + truth.position_y[index] / pixel_size,
        len(truth.x) // 2 + truth.position_x[index] / pixel_size,
    )
    frame = np.abs(optics.far_field(optics.exit_wave(truth.probe, truth.object, centre))) ** 2
    if truth.object_across is not None:
        other = np.abs(optics.far_field(optics.exit_wave(truth.probe, truth.object_across, centre))) ** 2
        frame = (1 + truth.purity) / 2 * frame + (1 - truth.purity) / 2 * other
    return np.asarray(frame)


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
    monitor = 1 + experiment.monitor_noise * rng.standard_normal(n)
    jitter_y, jitter_x = experiment.position_jitter * rng.standard_normal((2, n))
    truth = make_truth(experiment, energy_ev, rotation, seed=seed, repeat=repeat, jitter=(jitter_y, jitter_x))
    mask = _equip(experiment, seed).pixel_mask
    dtype = np.uint16 if experiment.saturation_value <= np.iinfo(np.uint16).max else np.uint32
    frames = np.empty((n, *mask.shape), dtype=dtype)
    for index in range(n):
        counts = rng.poisson(monitor[index] * expected_frame(truth, index))
        frames[index] = np.where(mask == 0, np.minimum(counts, experiment.saturation_value), 0)
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
        count_time=experiment.count_time,
        saturation_value=experiment.saturation_value,
        flux=experiment.photon_rate / (np.pi * experiment.beam_diameter**2 / 4),
        zone_plate=experiment.zone_plate,
        defocus=optics.defocus_for_beam(experiment.zone_plate, experiment.beam_diameter, wavelength),
        truth=truth,
    )


def simulate_experiment(experiment: Experiment, seed: int = 0) -> Iterator[SimulatedScan]:
    """Simulate all scans one by one, all energies of the first sample rotation, then those of the next."""
    for rotation in experiment.rotations:
        for energy_ev in experiment.energies_ev:
            yield simulate_scan(experiment, energy_ev, rotation, seed=seed)
