"""The zone plate and the beam that it makes at the sample.

Waves go as exp(i (k z - omega t)), spectra as FFT with exp(-2 pi i q r); arrays are [y, x] with r = 0 and q = 0 at
[h // 2, w // 2] and indices that grow along +y and +x.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import InputError

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

# Plane waves that add up to the smooth random zone displacement; more would not change its statistics visibly.
DISPLACEMENT_WAVES = 64


@dataclass(frozen=True)
class ZonePlate:
    """A Fresnel zone plate in its first order, with a central stop as wide as `central_stop_diameter`; metres."""

    diameter: float
    outermost_zone_width: float
    central_stop_diameter: float


@dataclass(frozen=True)
class ZoneDisplacement:
    """How far zones stand from their places, in local zone periods, as a sum of cosines over the zone plate.

    u(s) = rms sqrt(2 / n) sum_j cos(k_j . s + a_j): Gaussian correlation exp(-s^2 / (2 correlation^2)).
    `wavevectors` is (n, 2) rad/m as (y, x), `phases` (n,) rad.
    """

    rms: float
    wavevectors: Floats
    phases: Floats


def focal_length(zone_plate: ZonePlate, wavelength: float) -> float:
    """First-order focal length in metres, f = D dr / lambda: it shrinks as the wavelength grows."""
    return zone_plate.diameter * zone_plate.outermost_zone_width / wavelength


def defocus_for_beam(zone_plate: ZonePlate, beam_diameter: float, wavelength: float) -> float:
    """Distance downstream of the focus, in metres, where the cone of light is `beam_diameter` metres wide.

    The cone opens by lambda / dr, so that defocus = beam dr / lambda: the sample follows the focus through the
    energies and lambda * defocus, hence the ideal probe in metres, stays.
    """
    return beam_diameter * zone_plate.outermost_zone_width / wavelength


def sample_pixel_size(wavelength: float, distance: float, n_pixels: int, detector_pixel_size: float) -> float:
    """Pixel of the far-field sample plane in metres, dx = lambda z / (N p)."""
    return wavelength * distance / (n_pixels * detector_pixel_size)


def frequencies(shape: tuple[int, int], pixel_size: float | tuple[float, float]) -> tuple[Floats, Floats]:
    """Spatial frequencies q in 1/m of an image of `shape`, as a (h, 1) column and a (1, w) row, zero at [0, 0]."""
    size_y, size_x = np.broadcast_to(pixel_size, 2)
    return np.fft.fftfreq(shape[0], size_y)[:, None], np.fft.fftfreq(shape[1], size_x)[None, :]


def ideal_probe(
    zone_plate: ZonePlate,
    *,
    wavelength: float,
    pixel_size: float | tuple[float, float],
    shape: tuple[int, int],
    defocus: float,
    photons: float = 1.0,
) -> NDArray[np.complex64]:
    """Wave of a perfect zone plate in the sample plane, `defocus` metres downstream of the focus.

    P = F^-1[A(q) exp(-i pi lambda defocus q^2)], where A is the aperture seen in angle: 1 between the stop and the
    rim |q| = 1 / (2 dr), with both edges soft over one pixel of q. A beam wider than the window wraps around.

    Parameters
    ----------
    wavelength, defocus : m; a negative defocus is upstream of the focus
    pixel_size : m, one for both axes or (y, x)
    shape : (h, w)
    photons : wanted sum of |P|^2

    Returns
    -------
    (h, w) complex64, sqrt(photons) a pixel

    Raises
    ------
    InputError
        The stop covers the zone plate, or the cone lies beyond the frame or between its pixels.

    References
    ----------
    J. W. Goodman, Introduction to Fourier Optics, 3rd ed., sections 3.10 and 5.2.
    """
    q_y, q_x = frequencies(shape, pixel_size)
    q = np.hypot(q_y, q_x)
    step = max(q_y[1, 0], q_x[0, 1])
    rim = 1 / (2 * zone_plate.outermost_zone_width)
    stop = rim * zone_plate.central_stop_diameter / zone_plate.diameter
    inside_rim = np.clip((rim - q) / step + 0.5, 0, 1)
    behind_stop = np.clip((stop - q) / step + 0.5, 0, 1) if stop > 0 else np.zeros_like(q)
    pupil = inside_rim * (1 - behind_stop) * np.exp(-1j * np.pi * wavelength * defocus * q**2)
    if not np.any(pupil):
        raise InputError(
            f"no light of the zone plate ({zone_plate.diameter * 1e6:.3g} um, stop "
            f"{zone_plate.central_stop_diameter * 1e6:.3g} um) falls on a frame of {shape[0]} x {shape[1]} pixels of "
            f"{np.max(pixel_size) * 1e9:.3g} nm at {wavelength * 1e9:.3g} nm; are these numbers right?"
        )
    wave = np.fft.fftshift(np.fft.ifft2(pupil))
    return np.asarray(wave * np.sqrt(photons / np.sum(np.abs(wave) ** 2)), dtype=np.complex64)


def random_zone_displacement(*, rms: float, correlation: float, seed: np.random.SeedSequence) -> ZoneDisplacement:
    """Draw a zone displacement of `rms` zone periods that varies over `correlation` metres of the zone plate."""
    rng = np.random.default_rng(seed)
    wavevectors = rng.normal(scale=1 / correlation, size=(DISPLACEMENT_WAVES, 2))
    return ZoneDisplacement(rms, wavevectors, rng.uniform(0, 2 * np.pi, DISPLACEMENT_WAVES))


def evaluate_displacement(displacement: ZoneDisplacement, y: Floats, x: Floats) -> Floats:
    """Zone displacement in zone periods at the points (y, x) of the zone plate, metres, broadcast together.

    cos(k_y y + k_x x + a) is the real part of a product of a function of y and one of x: on a grid, with y a column and
    x a row, the sum over all waves is a product of two matrices.
    """
    k_y, k_x = displacement.wavevectors.T
    along_y = np.exp(1j * k_y * y[..., None])
    along_x = np.exp(1j * (k_x * x[..., None] + displacement.phases))
    scale = displacement.rms * np.sqrt(2 / len(displacement.phases))
    if y.ndim == x.ndim == 2 and y.shape[1] == x.shape[0] == 1:
        return np.asarray(scale * (along_y[:, 0] @ along_x[0].T).real)
    return np.asarray(scale * np.sum(along_y * along_x, axis=-1).real)


def aberrate(
    probe: NDArray[np.complex64],
    displacement: ZoneDisplacement,
    *,
    zone_plate: ZonePlate,
    pixel_size: float | tuple[float, float],
) -> NDArray[np.complex64]:
    """Give a probe the aberration of displaced zones: the phase 2 pi u over the zone plate.

    A zone one period off sends its light one wavelength late into the first order. Light that leaves the focus with
    frequency q came from the point s = -q lambda f = -q D dr of the zone plate, whatever the wavelength.

    Parameters
    ----------
    probe : (h, w), any defocus
    pixel_size : m, one for both axes or (y, x)

    Returns
    -------
    (h, w) complex64 of the same energy
    """
    q_y, q_x = frequencies((probe.shape[0], probe.shape[1]), pixel_size)
    scale = -zone_plate.diameter * zone_plate.outermost_zone_width
    phase = 2 * np.pi * evaluate_displacement(displacement, q_y * scale, q_x * scale)
    spectrum = np.fft.fft2(np.fft.ifftshift(probe.astype(np.complex128)))
    return np.fft.fftshift(np.fft.ifft2(spectrum * np.exp(1j * phase))).astype(np.complex64)


def shift_probe(probe: NDArray[np.complex64], shift_px: tuple[float, float]) -> Complexes:
    """Move a band-limited probe by (y, x) pixels without interpolation, P(r - s) = F^-1[exp(-2 pi i q s) F[P]].

    Exact for a probe that is well inside its (h, w) window; what leaves at one side comes back at the other.
    """
    q_y, q_x = frequencies((probe.shape[0], probe.shape[1]), 1.0)
    ramp = np.exp(-2j * np.pi * (q_y * shift_px[0] + q_x * shift_px[1]))
    return np.asarray(np.fft.ifft2(np.fft.fft2(probe.astype(np.complex128)) * ramp))


def far_field(exit_wave: Complexes) -> Complexes:
    """Detector wave of an exit wave (h, w): unitary FFT, centres at [h // 2, w // 2] on both sides."""
    return np.asarray(np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(exit_wave), norm="ortho")))


def exit_wave(
    probe: NDArray[np.complex64], transmission: NDArray[np.complex64], centre_px: tuple[float, float]
) -> Complexes:
    """Wave behind the object with the beam at `centre_px` (y, x), the object's [0, 0] pixel being the origin.

    psi(r) = P(r - f) O(c + r): the whole part c of the position picks pixels of the object, its fraction f within
    half a pixel moves the probe, exactly since the zone plate limits its band. So the object is sampled once.
    """
    whole = np.rint(centre_px).astype(int)
    fraction = (centre_px[0] - whole[0], centre_px[1] - whole[1])
    top, left = whole - np.array(probe.shape) // 2
    window = transmission[top : top + probe.shape[0], left : left + probe.shape[1]]
    return np.asarray(shift_probe(probe, fraction) * window)
