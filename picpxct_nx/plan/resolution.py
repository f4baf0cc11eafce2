"""Resolution that images of the specimen can reach: their Fourier ring correlation from photons alone."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import UsageError
from picpxct_nx.images.frc_rings import Rings, make_rings
from picpxct_nx.images.frc_threshold import first_crossing, snr_threshold
from picpxct_nx.simulate import phantom
from picpxct_nx.simulate.equipment import specimen
from picpxct_nx.simulate.layout import LARGEST_OBJECT, object_pixel_size
from picpxct_nx.simulate.presets import Experiment

Floats = NDArray[np.float64]

# Signal-to-noise ratio of one image at the one-bit threshold, and the rings that hold too few samples to be asked.
ONE_BIT, SKIP = 0.5, 5
# The field is so many times as wide as the particle, and at least so many pixels, so that there are rings to see.
_FIELD, _LEAST_PX = 1.5, 64


@dataclass(frozen=True)
class Spectrum:
    """Power of a phase image by rings, and that of noise for one photon per m^2; `rings` of (n, n), `pixel` in m."""

    signal: Floats
    noise: float
    rings: Rings
    samples: NDArray[np.int64]
    pixel: float


@lru_cache(maxsize=64)
def phase_spectrum(experiment: Experiment, energy_ev: float, seed: int) -> Spectrum:
    """Ring power of the phase image of an experiment's specimen without noise, and of the noise that photons make.

    Raises
    ------
    UsageError
        The specimen has more pixels than any memory.
    """
    pixel = object_pixel_size(experiment, energy_ev)
    across = max(experiment.particle_size[:2]) / pixel
    if across > LARGEST_OBJECT / 2:
        text = f"the particle is {across:.3g} pixels of {pixel * 1e9:.3g} nm wide; wanted at most {LARGEST_OBJECT // 2}"
        raise UsageError(f"{text}: less particle_size, or larger pixels")
    side = max(_LEAST_PX, 2 * int(np.ceil(_FIELD * max(experiment.particle_size[:2]) / pixel / 2)))
    seen = phantom.project(specimen(experiment, seed), shape=(side, side), pixel_size=pixel)
    wave = phantom.log_transmission(seen, energy_ev=energy_ev, polarisation=0.0)
    rings = make_rings((side, side))
    power = np.abs(np.fft.fft2(wave.imag)) ** 2
    index = rings.index.ravel()
    samples = np.bincount(index, minlength=rings.count)[: rings.count]
    signal = np.bincount(index, power.ravel(), minlength=rings.count)[: rings.count] / samples
    # White noise of variance exp(2 loss) / (4 N A) a pixel has that times the number of pixels in every sample.
    noise = float(np.sum(np.exp(-2 * wave.real))) / (4 * pixel**2)
    return Spectrum(signal, noise, rings, samples, pixel)


def half_period(found: Spectrum, fluence: float, excess: float) -> float:
    """Half-period resolution in m of two phase images, where their expected correlation falls below one bit.

    FRC = S / (S + N) for power S of the object and N of the noise of one image. A curve that never falls below is
    resolved to the pixel; one that lies below from the start is not resolved at all: infinity.

    Parameters
    ----------
    fluence : photons/m^2 of each image
    excess : noise over that of photons
    """
    noise = found.noise * excess**2 / fluence
    correlation = found.signal / (found.signal + noise)
    crossing, _ = first_crossing(correlation, snr_threshold(found.samples, ONE_BIT), skip=SKIP)
    if crossing is not None:
        return found.pixel / (2 * crossing * found.rings.width)
    resolved = correlation[SKIP] >= snr_threshold(found.samples, ONE_BIT)[SKIP]
    return found.pixel if resolved else float("inf")


def fluence_for(found: Spectrum, wanted: float, excess: float) -> float:
    """Least photons/m^2 with which `half_period` is at most `wanted` m, to 1 %; wanted is no less than the pixel."""
    low, high = 1e12, 1e12
    while half_period(found, high, excess) > wanted * (1 + 1e-9):
        low, high = high, high * 10
    while high / low > 1.01:
        middle = float(np.sqrt(low * high))
        if half_period(found, middle, excess) > wanted * (1 + 1e-9):
            low = middle
        else:
            high = middle
    return high
