"""The reference scan: a simulated far-field measurement with known truth, for tests and benchmarks of solvers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

# Empty object pixels around the outermost windows, so that a small error of scale does not leave the object.
MARGIN = 8
STOP = 0.3  # radius of its central stop, as a part of the pupil's
EDGE = 0.03  # width of the pupil's soft edges, as a part of its radius


@dataclass(frozen=True)
class Layout:
    """How beam and scan of a reference scan relate to its window.

    Parameters
    ----------
    spot : float
        Diameter of the geometric spot, as a part of the window.
    step : float
        Spacing of the spiral's points, as a part of the spot's diameter.
    pupil : float
        Radius of the zone plate's pupil, as a part of the window's bandwidth.
    """

    spot: float = 0.35
    step: float = 0.15
    pupil: float = 0.22


COMPACT = Layout()
# 5 um of light in windows of 440 pixels of 49.3 nm, 0.6 um from one point to the next; the pupil is a guess.
CSAXS = Layout(spot=5e-6 / 49.28e-9 / 440, step=0.6 / 5.0, pupil=0.30)


@dataclass(frozen=True)
class ReferenceScan:
    """A simulated scan and its truth.

    The model is I_j = Poisson(|F[P(r - f_j) O(c_j + r)]|^2), F orthonormal, kernel exp(-2 pi i q r).

    Parameters
    ----------
    frames : (n, m, m) float32
        Counts, zero frequency at [m // 2, m // 2].
    positions_px : (n, 2) float64
        Row and column of the window's top-left corner in the object, c_j + f_j.
    object : (H, W) complex64
        True transmission.
    probe : (1, m, m) complex64
        True probe, sqrt(counts).
    probe_start : (1, m, m) complex64
        What a beamline knows before: another defocus, no aberrations, scaled to the measured counts.
    """

    frames: NDArray[np.float32]
    positions_px: NDArray[np.float64]
    object: NDArray[np.complex64]
    probe: NDArray[np.complex64]
    probe_start: NDArray[np.complex64]


def reference_scan(
    n: int = 120,
    m: int = 128,
    *,
    photons: float = 1.6e6,
    seed: int = 1,
    subpixel: bool = False,
    layout: Layout = COMPACT,
) -> ReferenceScan:
    """Scan of crystal grains by a defocused zone-plate beam on a Fermat spiral, with Poisson noise.

    Parameters
    ----------
    n : int
        Frames.
    m : int
        Rows and columns of a frame.
    photons : float
        Counts of a frame through an empty object.
    seed : int
        Seed of specimen and noise.
    subpixel : bool
        Keep the positions' fractions; otherwise they are rounded to whole pixels.
    layout : Layout
        Spot, spacing and pupil.

    Returns
    -------
    ReferenceScan
    """
    rng = np.random.default_rng(seed)
    spiral = fermat_spiral(n, layout.step * layout.spot * m)
    positions = spiral - spiral.min(axis=0) + MARGIN
    if not subpixel:
        positions = np.rint(positions)
    rows, columns = np.ceil(positions.max(axis=0)).astype(int) + m + MARGIN
    truth = crystal_grains((rows, columns), max(6.0, m / 14), rng)
    probe = zone_plate_probe(m, aberration=0.6, layout=layout)
    probe *= np.sqrt(photons / np.sum(np.abs(probe) ** 2))
    frames = _measure(truth, probe, positions, rng)
    guess = zone_plate_probe(m, defocus=0.9, layout=layout)
    guess *= np.sqrt(frames.sum(dtype=np.float64) / n / np.sum(np.abs(guess) ** 2))
    return ReferenceScan(frames, positions, truth, probe[None].astype(np.complex64), guess[None].astype(np.complex64))


def fermat_spiral(n: int, spacing: float) -> NDArray[np.float64]:
    """Points of a Fermat spiral, radius spacing sqrt(k / pi), turned by the golden angle each.

    Parameters
    ----------
    n : int
        Points.
    spacing : float
        Square root of the area a point has to itself.

    Returns
    -------
    (n, 2) float64
        Row and column about the centre, in the unit of `spacing`.

    References
    ----------
    Huang et al., Opt. Express 22, 12634 (2014).
    """
    k = np.arange(n) + 0.5
    radius = spacing * np.sqrt(k / np.pi)
    angle = k * np.pi * (3 - np.sqrt(5))
    return np.column_stack((radius * np.sin(angle), radius * np.cos(angle)))


def zone_plate_probe(
    m: int, *, defocus: float = 1.0, aberration: float = 0.0, layout: Layout = COMPACT
) -> NDArray[np.complex128]:
    """Beam of a zone plate with a central stop, out of focus.

    The pupil is a soft ring; its phase pi a f^2 moves the ray of frequency f by a f pixels, so that the geometric
    spot has the diameter of the layout. Aberrations add astigmatism, coma and a three-fold unevenness of the pupil.

    Parameters
    ----------
    m : int
        Rows and columns of the window.
    defocus : float
        Distance from focus relative to the reference.
    aberration : float
        Astigmatism in radian at the pupil's edge; coma is 0.6 of it.
    layout : Layout
        Spot and pupil.

    Returns
    -------
    (m, m) complex128
        Centred at [m // 2, m // 2], of arbitrary scale.
    """
    row, column = np.meshgrid(np.fft.fftfreq(m), np.fft.fftfreq(m), indexing="ij")
    radius = np.hypot(row, column) / layout.pupil
    angle = np.arctan2(row, column)
    pupil = _soft_disc(radius, 1.0) * (1 - _soft_disc(radius, STOP))
    phase = np.pi * defocus * (0.5 * layout.spot * m / layout.pupil) * (row**2 + column**2)
    if aberration:
        phase += aberration * (radius**2 * np.cos(2 * (angle - 0.4)) + 0.6 * radius**3 * np.cos(angle - 1.1))
        pupil *= 1 + 0.15 * radius * np.cos(3 * angle + 0.3)
    beam: NDArray[np.complex128] = np.fft.fftshift(np.fft.ifft2(pupil * np.exp(1j * phase)))
    return beam


def _soft_disc(radius: NDArray[np.float64], edge: float) -> NDArray[np.float64]:
    return 0.5 - 0.5 * np.tanh((radius - edge) / EDGE)


def crystal_grains(shape: tuple[int, int], cell_px: float, rng: np.random.Generator) -> NDArray[np.complex64]:
    """Transmission of a powder: Voronoi grains of random phase and absorption under a smooth thickness.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns.
    cell_px : float
        Size of a grain in pixels.
    rng : numpy Generator
        Source of randomness.

    Returns
    -------
    (H, W) complex64
        Matter retards: phases from -0.9 rad to 0 a grain, absorption exponents from 0 to 0.25.
    """
    count = max(8, int(shape[0] * shape[1] / cell_px**2))
    seeds = rng.uniform((0, 0), shape, (count, 2))
    pixels = np.moveaxis(np.indices(shape), 0, -1)
    grain = cKDTree(seeds).query(pixels)[1]
    phase = rng.uniform(-0.9, 0.0, count)[grain]
    absorption = rng.uniform(0.0, 0.25, count)[grain]
    thickness = gaussian_filter(rng.standard_normal(shape), cell_px / 2)
    thickness /= np.abs(thickness).max()
    phase = gaussian_filter(phase + 0.25 * thickness, 0.7)
    absorption = gaussian_filter(absorption + 0.05 * np.maximum(thickness, 0), 0.7)
    transmission: NDArray[np.complex64] = np.exp(-absorption + 1j * phase).astype(np.complex64)
    return transmission


def _measure(
    truth: NDArray[np.complex64],
    probe: NDArray[np.complex128],
    positions: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Poisson counts of every frame; the fraction of a position moves the probe on the object's grid."""
    m = probe.shape[0]
    frequency = np.fft.fftfreq(m)
    spectrum = np.fft.fft2(probe)
    frames = np.empty((len(positions), m, m), np.float32)
    for frame, position in zip(frames, positions, strict=True):
        corner = np.floor(position).astype(int)
        row, column = position - corner
        phases = np.exp(-2j * np.pi * (frequency[:, None] * row + frequency * column))
        shifted = np.fft.ifft2(spectrum * phases) if row or column else probe
        patch = truth[corner[0] : corner[0] + m, corner[1] : corner[1] + m]
        wave = np.fft.fftshift(np.fft.fft2(shifted * patch, norm="ortho"))
        frame[:] = rng.poisson(np.abs(wave) ** 2)
    return frames
