"""The beam of a scan: its profile on the sample, its area, and how many photons are in it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform

from picpxct_nx.dose.choice import Flux
from picpxct_nx.errors import InputError
from picpxct_nx.records import Scan
from picpxct_nx.simulate.optics import ZonePlate, ideal_probe
from picpxct_nx.simulate.spectra import wavelength

Floats = NDArray[np.float64]

# Pixels across a beam of which only the diameter is known.
_DISC_PX = 32
# Frames that are added up at a time.
_BLOCK = 64


@dataclass(frozen=True)
class Beam:
    """Profile of a beam: `intensity` (h, w) adds up to 1, centred at [h // 2, w // 2] on pixels (y, x) of m.

    `area` in m^2 is that over which a flux per area is meant; `source` is zone-plate, start-probe or given.
    """

    intensity: Floats
    pixel: tuple[float, float]
    area: float
    source: str


def beam_of(scan: Scan, diameter: float | None) -> Beam:
    """The beam of a scan: a disc of a given diameter, or its start probe, or what its zone plate makes at the sample.

    A cone of light lambda / dr wide is |defocus| lambda / dr across at the sample; that disc is the area of the beam.
    Of a start probe it is (sum I)^2 / sum I^2 times the pixel.

    Raises
    ------
    InputError
        There is none of the three.
    """
    if diameter is not None:
        return _disc(diameter)
    _, h, w = scan.frames.shape
    reach = wavelength(scan.energy_ev) * scan.distance
    pixel = (reach / (h * scan.y_pixel_size), reach / (w * scan.x_pixel_size))
    outer, width, defocus = scan.zone_plate_diameter, scan.outermost_zone_width, scan.defocus
    geometry = None if outer is None or width is None or not defocus else np.pi / 4 * _cone(scan, width, defocus) ** 2
    if scan.start_probe is not None and scan.start_probe_y is not None and scan.start_probe_x is not None:
        intensity = (np.abs(np.asarray(scan.start_probe, np.complex128)) ** 2).sum(axis=0)
        own = tuple(float(axis[1] - axis[0]) for axis in (scan.start_probe_y, scan.start_probe_x))
        spread = float(intensity.sum() ** 2 / (intensity**2).sum()) * own[0] * own[1]
        return Beam(intensity / intensity.sum(), (own[0], own[1]), geometry or spread, "start-probe")
    if geometry is None or outer is None or width is None or defocus is None:
        raise InputError(
            f"{scan.entry}: no beam: the scan has neither start_probe nor instrument/zone_plate with a defocus; give "
            'its diameter with --beam, for example --beam "5 um"'
        )
    probe = ideal_probe(
        ZonePlate(outer, width, scan.central_stop_diameter or 0.0),
        wavelength=wavelength(scan.energy_ev),
        pixel_size=pixel,
        shape=(h, w),
        defocus=defocus,
    )
    return Beam(np.abs(probe.astype(np.complex128)) ** 2, pixel, geometry, "zone-plate")


def _cone(scan: Scan, width: float, defocus: float) -> float:
    return abs(defocus) * wavelength(scan.energy_ev) / width


def _disc(diameter: float) -> Beam:
    pixel, side = diameter / _DISC_PX, _DISC_PX + 4
    # Each pixel is the mean of many points, so that the disc is round and its area is right.
    fine = 8
    place = (np.arange(side * fine) + 0.5) / fine - 0.5 - side // 2
    inside = np.hypot(place[:, None], place) < _DISC_PX / 2
    share = inside.reshape(side, fine, side, fine).mean(axis=(1, 3))
    return Beam(share / share.sum(), (pixel, pixel), np.pi / 4 * diameter**2, "given")


def photon_rate(scan: Scan, beam: Beam, flux: Flux | None) -> tuple[float, str]:
    """Photons a second in the whole beam, and where the number is from: scan, given or counts.

    Raises
    ------
    InputError
        The scan does not say its flux and none was given.
    """
    if flux is not None and flux.counted:
        return _counted(scan) / scan.count_time, "counts"
    if flux is not None and flux.rate is not None:
        return flux.rate, "given"
    own = scan.extra.get("instrument/beam/flux")
    per_area = flux.per_area if flux is not None else own
    if per_area is None:
        raise InputError(
            f"{scan.entry}/instrument/beam/flux: missing; give the photons a second with --flux, for example "
            '--flux "6.8e8 Hz", or --flux counts to take those of the brightest frame'
        )
    rate = float(np.asarray(per_area)) * beam.area
    if not (np.isfinite(rate) and rate > 0):
        raise InputError(f"{scan.entry}/instrument/beam/flux: is {own}; wanted a number above zero, or give --flux")
    return rate, "given" if flux is not None else "scan"


def _counted(scan: Scan) -> float:
    """Counts in good pixels of the frame that has most: that through air, where the scan reaches it."""
    good, most = np.asarray(scan.pixel_mask) == 0, 0.0
    for start in range(0, scan.frames.shape[0], _BLOCK):
        block = np.asarray(scan.frames[start : start + _BLOCK])
        most = max(most, float(block[:, good].sum(axis=1, dtype=np.float64).max()))
    if not most > 0:
        raise InputError(f"{scan.entry}: its frames hold no counts; give --flux as a number")
    return most


def turned(beam: Beam, pixel: float, rotation: float) -> Floats:
    """Profile on square pixels of `pixel` m in a frame turned by `rotation` rad, (n, n) with odd n; it adds up to 1.

    The frame of a sample that is turned by +a sees the laboratory's points at R(-a) r, so its point q is R(a) q there.
    """
    shape = np.array(beam.intensity.shape)
    half = int(np.ceil(np.hypot(*(shape * np.array(beam.pixel))) / 2 / pixel))
    cosine, sine = np.cos(rotation), np.sin(rotation)
    # (y, x) of the laboratory from (y, x) of the sample, in pixels of the profile.
    matrix = np.array([[cosine, sine], [-sine, cosine]]) * pixel / np.array(beam.pixel)[:, None]
    centre = np.full(2, half)
    found = affine_transform(
        beam.intensity, matrix, shape // 2 - matrix @ centre, output_shape=(2 * half + 1,) * 2, order=1
    )
    return np.asarray(found / found.sum())
