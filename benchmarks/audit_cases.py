"""Scans for the benchmark of the audit: the tutorial's with planted errors, and random specimens, noise and optics."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from picpxct_nx.amend import amend_scan
from picpxct_nx.audit.orientation import ALL, Orientation
from picpxct_nx.audit.patch import Patch
from picpxct_nx.provenance import Input
from picpxct_nx.records import Scan
from picpxct_nx.simulate import optics
from picpxct_nx.simulate.configure import configure
from picpxct_nx.simulate.experiment import simulate_scan
from picpxct_nx.simulate.layout import fermat_spiral
from picpxct_nx.simulate.optics import ZonePlate
from picpxct_nx.simulate.record import make_scan
from picpxct_nx.simulate.spectra import wavelength

ZONE_PLATE = ZonePlate(100e-6, 100e-9, 30e-6)
KINDS = ("particle", "texture", "binary", "lines", "empty")


def tutorial(energy_ev: float, seed: int, *settings: str) -> Scan:
    """A scan of the tutorial, with some of its numbers changed."""
    experiment = configure("tutorial", settings)
    return make_scan(simulate_scan(experiment, energy_ev, 0.0, seed=seed), {})


def planted(scan: Scan, frames: Orientation, stage: Orientation) -> tuple[Scan, Orientation]:
    """The scan with frames and stage recorded along other axes, and the orientation of the stage that corrects it."""
    wrong = amend_scan(scan, Patch(stage=stage, frames=frames), Input(checksum="0" * 64))
    return wrong, frames @ stage.inverse


def errors() -> Iterator[tuple[Orientation, Orientation]]:
    """Eight orientations of the frames with four signs of the stage."""
    signs = [each for each in ALL if not each.swaps]
    for frames in ALL:
        for stage in signs:
            yield frames, stage


@dataclass(frozen=True)
class Case:
    """A random scan: the specimen's kind, deepest phase (rad) and beta / delta, photons a frame, and faults."""

    kind: str
    depth: float
    ratio: float
    photons: float
    frames: int
    size: int
    jitter: float
    defocus_right: bool
    truth: Orientation
    seed: int


def draw(rng: np.random.Generator) -> Case:
    """A case: 3 % of the recorded defoci have the wrong sign, a third of the positions are 10 or 30 nm off."""
    return Case(
        kind=str(rng.choice(KINDS, p=[0.4, 0.25, 0.25, 0.06, 0.04])),
        depth=float(10 ** rng.uniform(-1.5, 0.7)),
        ratio=float(rng.choice([0.0, 0.01, 0.02, 0.05, 0.1, 0.2])),
        photons=float(10 ** rng.uniform(3, 6.5)),
        frames=int(rng.choice([6, 12, 25, 60], p=[0.1, 0.2, 0.35, 0.35])),
        size=int(rng.choice([48, 64])),
        jitter=float(rng.choice([0.0, 0.0, 0.0, 0.0, 10e-9, 30e-9])),
        defocus_right=bool(rng.random() > 0.03),
        truth=ALL[int(rng.integers(len(ALL)))],
        seed=int(rng.integers(2**31)),
    )


def measure(case: Case, energy_ev: float = 6000.0) -> Scan:
    """The scan of a case as it would be recorded."""
    rng = np.random.default_rng(case.seed)
    length, step, beam = wavelength(energy_ev), 0.4e-6, 1.6e-6
    distance = 1.06 * energy_ev / 5460.0
    pixel = optics.sample_pixel_size(length, distance, case.size, 75e-6)
    defocus = optics.defocus_for_beam(ZONE_PLATE, beam, length)
    shape = (case.size, case.size)
    ideal = optics.ideal_probe(
        ZONE_PLATE, wavelength=length, pixel_size=pixel, shape=shape, defocus=defocus, photons=case.photons
    )
    displaced = optics.random_zone_displacement(rms=0.08, correlation=25e-6, seed=np.random.SeedSequence(case.seed))
    probe = optics.aberrate(ideal, displaced, zone_plate=ZONE_PLATE, pixel_size=pixel)
    y, x = fermat_spiral(case.frames, step)
    side = 2 * (int(max(np.abs(y).max(), np.abs(x).max()) / pixel) + case.size // 2 + 6)
    image = specimen(case, side, rng)
    frames = np.empty((case.frames, *shape), np.uint32)
    for index, (off_y, off_x) in enumerate(case.jitter * rng.normal(size=(case.frames, 2))):
        centre = (side // 2 + (y[index] + off_y) / pixel, side // 2 + (x[index] + off_x) / pixel)
        frames[index] = rng.poisson(np.abs(optics.far_field(optics.exit_wave(probe, image, centre))) ** 2)
    stage_y, stage_x = case.truth.inverse.of(-y, -x)
    return Scan(
        entry="scan_case", title=case.kind, frames=frames, pixel_mask=np.zeros(shape, np.int32),
        frame=np.arange(case.frames), start_time="2026-01-01T00:00:00+00:00", instrument="simulated",
        source="simulated", encoder_energy_ev=energy_ev, energy_ev=energy_ev, stokes=np.array([[1.0, 1.0, 0.0, 0.0]]),
        x_pixel_size=75e-6, y_pixel_size=75e-6, distance=distance, beam_center_x=case.size // 2 * 75e-6,
        beam_center_y=case.size // 2 * 75e-6, count_time=0.1, sample=case.kind, rotation=0.0, stage_x=stage_x,
        stage_y=stage_y, zone_plate_diameter=ZONE_PLATE.diameter,
        outermost_zone_width=ZONE_PLATE.outermost_zone_width,
        central_stop_diameter=ZONE_PLATE.central_stop_diameter, defocus=defocus if case.defocus_right else -defocus,
    )  # fmt: skip


def specimen(case: Case, side: int, rng: np.random.Generator) -> NDArray[np.complex64]:
    """Transmission exp((i + beta / delta) phase) of a specimen whose phase is zero to minus the depth."""
    phase = -case.depth * _thickness(case.kind, side, rng)
    wave: NDArray[np.complex64] = np.exp((1j + case.ratio) * phase).astype(np.complex64)
    return wave


def _thickness(kind: str, side: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Relative thickness, 0 to about 1: a lobed particle in air, grey texture, two-level texture, stripes, nothing."""
    if kind == "particle":
        y, x = np.indices((side, side)) - side / 2
        angle = np.arctan2(y, x)
        lobes = sum(a * np.cos(m * angle + rng.uniform(0, 6.3)) for m, a in ((1, 0.25), (2, 0.15), (3, 0.1)))
        edge = np.clip((0.22 * side * (1 + lobes) - np.hypot(y, x)) / 3, 0, 1)
        return np.asarray(edge * (0.6 + 0.4 * np.clip(_smooth(side, 5, rng), -1, 1.5)))
    if kind == "texture":
        rough = _smooth(side, rng.uniform(1.5, 4), rng)
        return np.asarray((rough - rough.min()) / np.ptp(rough))
    if kind == "binary":
        return np.asarray(ndimage.gaussian_filter((_smooth(side, 3, rng) > rng.uniform(-0.8, 0.8)) * 1.0, 0.7))
    if kind == "lines":
        stripes = (_smooth(side, 4, rng)[0] > 0) * 1.0
        return np.asarray(np.tile(ndimage.gaussian_filter1d(stripes, 0.7), (side, 1)))
    return np.zeros((side, side))


def _smooth(side: int, width: float, rng: np.random.Generator) -> NDArray[np.float64]:
    rough = ndimage.gaussian_filter(rng.normal(size=(side, side)), width, mode="wrap")
    return np.asarray(rough / rough.std())


def scaled(scan: Scan, *, distance: float = 1.0, stage: float = 1.0) -> Scan:
    """The scan with its distance or its stage's positions recorded too large by a factor."""
    return replace(scan, distance=scan.distance * distance, stage_y=scan.stage_y * stage, stage_x=scan.stage_x * stage)
