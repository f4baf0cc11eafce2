"""What a scan and its optics say of the illumination: start probe, pupil and monitor."""

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import InputError
from picpxct_nx.records import Reconstruction, Scan
from picpxct_nx.simulate.optics import ZonePlate, frequencies, ideal_probe
from picpxct_nx.simulate.spectra import wavelength
from picpxct_nx.values import Array

# Part of the pupil's radii by which it is taken wider than the optics' numbers say.
PUPIL_MARGIN = 0.05
# Neighbouring energies of an edge differ by a percent; more is another geometry.
MOST_PIXEL_CHANGE = 0.02


def object_pixel(scan: Scan) -> tuple[float, float]:
    """Size of an object pixel along y and x, m: lambda z / (N p)."""
    _, h, w = scan.frames.shape
    reach = wavelength(scan.energy_ev) * scan.distance
    return reach / (h * scan.y_pixel_size), reach / (w * scan.x_pixel_size)


def start_probe(scan: Scan) -> Array:
    """Start probe of a scan: the one it carries, or that of its zone plate; (modes, h, w) complex.

    Raises
    ------
    InputError
        The scan carries neither.
    """
    if scan.start_probe is not None:
        return np.asarray(scan.start_probe)
    diameter, width, defocus = scan.zone_plate_diameter, scan.outermost_zone_width, scan.defocus
    if diameter is None or width is None or defocus is None:
        raise InputError(
            f"{scan.entry}: no start probe: the scan has neither start_probe nor instrument/zone_plate with defocus; "
            "give --start FILE with an earlier reconstruction, or import with --map probe=KEY"
        )
    _, h, w = scan.frames.shape
    probe = ideal_probe(
        ZonePlate(diameter, width, scan.central_stop_diameter or 0.0),
        wavelength=wavelength(scan.energy_ev),
        pixel_size=object_pixel(scan),
        shape=(h, w),
        defocus=defocus,
    )
    return probe[np.newaxis]


def pupil(scan: Scan) -> NDArray[np.bool_] | None:
    """Where the light of a scan's zone plate can fall on the frames, (h, w): the ring between its rim and its stop.

    A zone plate of diameter D and outermost zones w sends its light up to the frequency 1 / (2 w), and its central stop
    of diameter S takes what is below S / (2 w D); `PUPIL_MARGIN` is added on both sides. None without a zone plate.
    """
    diameter, width = scan.zone_plate_diameter, scan.outermost_zone_width
    if diameter is None or width is None:
        return None
    _, h, w = scan.frames.shape
    pixel = object_pixel(scan)
    q_y, q_x = (np.arange(size) - size // 2 for size in (h, w))
    q = np.hypot(q_y[:, None] / (h * pixel[0]), q_x / (w * pixel[1]))
    rim = 1 / (2 * width)
    stop = rim * (scan.central_stop_diameter or 0.0) / diameter
    # Two pixels for what a window cuts off the beam, on top of the part that alignment and numbers may be wrong by.
    blur = 2 * max(1 / (h * pixel[0]), 1 / (w * pixel[1]))
    inside: NDArray[np.bool_] = (q <= rim * (1 + PUPIL_MARGIN) + blur) & (q >= stop * (1 - PUPIL_MARGIN) - blur)
    return inside


def monitor(scan: Scan, rows: range) -> NDArray[np.float64] | None:
    """Intensity of the beam in some frames by the scan's monitor, (n,); None where there is none.

    Raises
    ------
    InputError
        A reading is not a positive number.
    """
    if scan.monitor is None:
        return None
    reading = np.asarray(scan.monitor, np.float64)
    wrong = ~(np.isfinite(reading) & (reading > 0))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InputError(
            f"{scan.entry}/control/data: frame {first} has {reading[first]}; wanted a finite number above 0; leave the "
            "frame out on import, or import the scan without its monitor"
        )
    return reading[rows.start : rows.stop : rows.step]


def propagated(probe: Array, blur: float, pixel: tuple[float, float]) -> Array:
    """A probe farther along the beam, by the paraxial phase -pi lambda d q^2 of its spectrum.

    Parameters
    ----------
    probe : (modes, h, w) complex
        Probe modes.
    blur : float
        Wavelength times distance, lambda d, m^2.
    pixel : (float, float)
        Object pixel along y and x, m.

    Returns
    -------
    (modes, h, w) complex64

    References
    ----------
    Goodman, Introduction to Fourier Optics, 3rd ed., section 3.10.
    """
    q_y, q_x = frequencies((probe.shape[1], probe.shape[2]), pixel)
    turn = np.exp(-1j * np.pi * blur * (q_y**2 + q_x**2))
    return np.asarray(np.fft.ifft2(np.fft.fft2(probe) * turn), np.complex64)


def probe_of(other: Reconstruction, scan: Scan) -> Array:
    """Probe of an earlier reconstruction as the start for a scan; (modes, h, w) complex.

    Raises
    ------
    InputError
        Its window has another shape, or its pixels are of another size.
    """
    shape, wanted = other.probe.shape[1:], scan.frames.shape[1:]
    if tuple(shape) != tuple(wanted):
        raise InputError(
            f"{other.entry}: its probe is {tuple(shape)}; wanted {tuple(wanted)}, as the frames of {scan.entry}"
        )
    pixel = object_pixel(scan)
    found = (float(other.probe_y[1] - other.probe_y[0]), float(other.probe_x[1] - other.probe_x[0]))
    if max(abs(f / p - 1) for f, p in zip(found, pixel, strict=True)) > MOST_PIXEL_CHANGE:
        raise InputError(
            f"{other.entry}: its probe has pixels of {found[0] * 1e9:.4g} nm; {scan.entry} has {pixel[0] * 1e9:.4g} "
            "nm; give a probe of the same geometry"
        )
    return np.asarray(other.probe)
