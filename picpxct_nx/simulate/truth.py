"""What a simulated scan is made of, and the frames that it makes on average."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from . import optics, phantom, spectra, stage
from .equipment import equip, specimen
from .jones import jones
from .layout import count_time, defocus, fermat_spiral, object_pixel_size, object_size
from .presets import Experiment

Floats = NDArray[np.float64]
Image = NDArray[np.complex64]


@dataclass(frozen=True)
class Truth:
    """What a simulated scan was made of.

    `object` (H, W) complex64 is the transmission of the rotated sample at the points `y` (H,), `x` (W,), in m, for
    light along the laboratory's x that stays so, and `object_across` for light along y where there is such light;
    `object_x_to_y` and `object_y_to_x` for light that changes its polarisation, in the Jones model. `probe` (h, w)
    complex64 is in sqrt(photons) on the same pixels; the beam met the sample at `position_y`, `position_x` (n,), in m.
    `projection` holds maps (H, W) in the laboratory frame, angles of c axes included. The sample was turned by
    `rotation` rad and displaced by `drift` (2,) m, (y, x); Q = `purity` of the Stokes vector.
    """

    object: Image
    object_across: Image | None
    y: Floats
    x: Floats
    probe: Image
    position_y: Floats
    position_x: Floats
    projection: phantom.Projection
    rotation: float
    drift: Floats
    purity: float
    object_x_to_y: Image | None = None
    object_y_to_x: Image | None = None


def make_probe(experiment: Experiment, energy_ev: float, seed: int) -> Image:
    """Wave (h, w) of the imperfect zone plate at the sample, in sqrt(photons) of one mean frame."""
    pixel_size = object_pixel_size(experiment, energy_ev)
    ideal = optics.ideal_probe(
        experiment.zone_plate,
        wavelength=spectra.wavelength(energy_ev),
        pixel_size=pixel_size,
        shape=(experiment.frame_size, experiment.frame_size),
        defocus=defocus(experiment, energy_ev),
        photons=experiment.photon_rate * count_time(experiment, energy_ev),
    )
    displacement = equip(experiment, seed).displacement
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
    projection, objects = _objects(experiment, energy_ev, phantom.rotate(specimen(experiment, seed), turned))
    y, x = phantom.axes((size, size), pixel_size)
    planned_y, planned_x = fermat_spiral(experiment.n_positions, experiment.step)
    drift = stage.drift(experiment, energy_ev, rotation, seed=seed, repeat=repeat)
    creep = stage.creep(experiment, energy_ev, rotation, seed=seed, repeat=repeat)
    return Truth(
        object=objects["object"],
        object_across=objects.get("object_across"),
        object_x_to_y=objects.get("object_x_to_y"),
        object_y_to_x=objects.get("object_y_to_x"),
        y=y,
        x=x,
        probe=make_probe(experiment, energy_ev, seed),
        position_y=planned_y - drift[0] - creep[:, 0] + jitter[0],
        position_x=planned_x - drift[1] - creep[:, 1] + jitter[1],
        projection=projection,
        rotation=turned,
        drift=drift,
        purity=experiment.polarisation_purity,
    )


def _objects(
    experiment: Experiment, energy_ev: float, sample: phantom.Phantom
) -> tuple[phantom.Projection, dict[str, Image]]:
    """Projection of the turned sample, and its transmissions by attribute of `Truth`; the beam is polarised along x."""
    size, pixel_size = object_size(experiment, energy_ev), object_pixel_size(experiment, energy_ev)
    shape, impure = (size, size), experiment.polarisation_purity < 1
    seen = list(phantom.layers(sample, shape=shape, pixel_size=pixel_size, supersampling=experiment.supersampling))
    projection = phantom.stacked(sample, seen, shape)
    if experiment.model == "jones":
        found = jones(sample, seen, shape=shape, energy_ev=energy_ev)
        waves = {"object": found.xx, "object_x_to_y": found.xy}
        waves |= {"object_across": found.yy, "object_y_to_x": found.yx} if impure else {}
    else:
        angles = {"object": 0.0} | ({"object_across": np.pi / 2} if impure else {})
        waves = {
            name: phantom.transmission(projection, energy_ev=energy_ev, polarisation=angle)
            for name, angle in angles.items()
        }
    return projection, {name: wave.astype(np.complex64) for name, wave in waves.items()}


def _centre(truth: Truth, index: int) -> tuple[float, float]:
    """Where the beam of a frame meets the object, in pixels (row, column) from its [0, 0]."""
    pixel_size = truth.y[1] - truth.y[0]
    return (
        len(truth.y) // 2 + truth.position_y[index] / pixel_size,
        len(truth.x) // 2 + truth.position_x[index] / pixel_size,
    )


def _channels(truth: Truth) -> list[tuple[float, Image]]:
    """Share of the light and transmission of every way from one polarisation to one, which do not interfere."""
    first, second = (1 + truth.purity) / 2, (1 - truth.purity) / 2
    ways = (
        (first, truth.object), (first, truth.object_x_to_y),
        (second, truth.object_across), (second, truth.object_y_to_x),
    )  # fmt: skip
    pure = truth.object_across is None
    return [(1.0 if pure else share, wave) for share, wave in ways if wave is not None]


def expected_frame(truth: Truth, index: int) -> Floats:
    """Mean counts (h, w) of frame `index` in a beam of mean intensity, zero frequency at [h // 2, w // 2].

    I = (1 + P) / 2 (I_xx + I_xy) + (1 - P) / 2 (I_yy + I_yx): the polarisations of a beam of purity P do not
    interfere, and neither do those behind the sample. In the scalar model I_xy = I_yx = 0.
    """
    frame = np.zeros(truth.probe.shape)
    for share, wave in _channels(truth):
        frame += share * np.abs(optics.far_field(optics.exit_wave(truth.probe, wave, _centre(truth, index)))) ** 2
    return frame


def expected_frames(truth: Truth) -> Iterator[NDArray[np.float32]]:
    """What `expected_frame` says of every frame, (h, w) float32, with as few Fourier transforms as there can be.

    One transform moves the probe by a part of a pixel and one carries each polarisation to the detector, in single
    precision.
    """
    shape = truth.probe.shape
    spectrum = fft.fft2(truth.probe)
    q_y, q_x = (fft.fftfreq(side) for side in shape)
    channels = _channels(truth)
    wave, exit_wave = np.empty(shape, np.complex64), np.empty(shape, np.complex64)
    total, part = np.empty(shape, np.float32), np.empty(shape, np.float32)
    for index in range(len(truth.position_y)):
        whole = np.rint(_centre(truth, index))
        down, along = _centre(truth, index) - whole
        np.multiply(spectrum, np.exp(-2j * np.pi * q_y * down).astype(np.complex64)[:, None], out=wave)
        wave *= np.exp(-2j * np.pi * q_x * along).astype(np.complex64)
        probe = fft.ifft2(wave, overwrite_x=True)
        top, left = whole.astype(int) - np.array(shape) // 2
        total[:] = 0
        for share, transmission in channels:
            np.multiply(probe, transmission[top : top + shape[0], left : left + shape[1]], out=exit_wave)
            far = fft.fft2(exit_wave, norm="ortho", overwrite_x=True)
            for half in (far.real, far.imag):
                np.multiply(half, half, out=part)
                total += part if share == 1 else np.float32(share) * part
        yield fft.fftshift(total)
