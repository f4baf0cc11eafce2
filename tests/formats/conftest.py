"""A small far-field scan of a chiral object with known truth, and writers that put it into foreign conventions."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.constants import c, e, h

from picpxct_nx.records import Scan

ENERGY_EV, DISTANCE, PIXEL_Y, PIXEL_X = 5483.4, 7.2, 75e-6, 60e-6
# Neither square nor of square pixels, so that x and y cannot be mixed up unnoticed.
SHAPE = (32, 24)

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Truth:
    """The scan in our own convention: indices along +y, +x; the beam meets the sample at `beam` (n, 2), y, x in m."""

    frames: Array
    beam: Array
    probe: Array
    object: Array
    pixel: tuple[float, float]

    def frames_at(self, beam: Array, pixel: tuple[float, float]) -> Array:
        """Intensities for beam positions (n, 2) y, x in m on an object of that pixel, by the definition."""
        rows, columns = self.probe.shape
        result = []
        for y, x in np.asarray(beam) / pixel:
            assert abs(y - round(y)) < 1e-6
            assert abs(x - round(x)) < 1e-6
            top = self.object.shape[0] // 2 + round(y) - rows // 2
            left = self.object.shape[1] // 2 + round(x) - columns // 2
            exit_wave = self.probe * self.object[top : top + rows, left : left + columns]
            wave = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(exit_wave), norm="ortho"))
            result.append(np.abs(wave) ** 2)
        return np.array(result)


def object_pixel(shape: tuple[int, int]) -> tuple[float, float]:
    """lambda z / (N p) along y and x, m."""
    reach = h * c / e / ENERGY_EV * DISTANCE
    return reach / (shape[0] * PIXEL_Y), reach / (shape[1] * PIXEL_X)


@pytest.fixture(scope="session")
def truth() -> Truth:
    """The chiral scan of eight frames."""
    steps = np.array([(0, 0), (5, 1), (-4, 6), (9, -3), (-7, -8), (2, 10), (12, 5), (-11, 3)], float)
    return chiral(SHAPE, steps)


def chiral(shape: tuple[int, int], steps: Array) -> Truth:
    """A chiral object under a chiral probe of `shape` pixels; `steps` (n, 2) are the beam's places in whole pixels."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[-40:40, -36:36]
    # A spiral arm has a handedness; the noise leaves no symmetry at all.
    angle = np.arctan2(y, x) - np.hypot(y, x) / 5
    phase = -0.8 * (np.cos(angle) > 0) - 0.2 * rng.random(y.shape)
    chiral = np.exp(1j * phase) * (1 - 0.3 * (np.cos(angle) > 0.5))
    v, u = np.mgrid[-(shape[0] // 2) : shape[0] - shape[0] // 2, -(shape[1] // 2) : shape[1] - shape[1] // 2]
    probe = 30 * np.exp(-((v - 1.0) ** 2) / 30 - (u + 2.0) ** 2 / 12 + 0.06j * v * u + 0.2j * v + 0.02j * u**2)
    pixel = object_pixel(shape)
    blank = Truth(np.empty(0), steps * pixel, probe, chiral, pixel)
    return Truth(blank.frames_at(blank.beam, pixel), blank.beam, probe, chiral, pixel)


def turn(image: Array, directions: tuple[str, str]) -> Array:
    """An image (..., y, x) of ours with rows and columns along other directions."""
    flipped = image
    signs = {direction[1]: direction[0] for direction in directions}
    if signs["y"] == "-":
        flipped = flipped[..., ::-1, :]
    if signs["x"] == "-":
        flipped = flipped[..., ::-1]
    return np.swapaxes(flipped, -1, -2) if directions[0][1] == "x" else flipped


def turn_about_middle(image: Array, directions: tuple[str, str]) -> Array:
    """As `turn`, circularly about [h // 2, w // 2]: index k stands for the frequency or place k - n // 2."""
    signs = {direction[1]: direction[0] for direction in directions}
    shift = tuple((1 - n % 2) * (signs[a] == "-") for n, a in zip(image.shape[-2:], "yx", strict=True))
    flipped = np.swapaxes(turn(image, directions), -1, -2) if directions[0][1] == "x" else turn(image, directions)
    rolled = np.roll(flipped, shift, (-2, -1))
    return np.swapaxes(rolled, -1, -2) if directions[0][1] == "x" else rolled


def turned_point(point: tuple[float, float], shape: tuple[int, int], directions: tuple[str, str]) -> list[float]:
    """Row and column of a point (y, x) of our image in the turned one."""
    signs = {direction[1]: direction[0] for direction in directions}
    y, x = (n - 1 - p if signs[a] == "-" else p for p, n, a in zip(point, shape, "yx", strict=True))
    return [x, y] if directions[0][1] == "x" else [y, x]


def columns(beam: Array, what: str, directions: tuple[str, str], unit: Any) -> Array:
    """Positions (n, 2) as a foreign program has them; `unit` in m, a number or one for y and one for x."""
    scale = dict(zip("yx", np.broadcast_to(unit, 2), strict=True))
    lab = {"y": beam[:, 0], "x": beam[:, 1]}
    signs = [(1 if d[0] == "+" else -1) * (1 if what == "probe" else -1) for d in directions]
    return np.stack([s * lab[d[1]] / scale[d[1]] for s, d in zip(signs, directions, strict=True)], axis=1)


GIVEN = {
    "title": "chiral", "start_time": "2026-05-01T08:00:00+02:00", "instrument": "beamline", "source": "ring",
    "sample": "spiral", "count_time": "0.1 s", "stokes": "1,1,0,0", "rotation": "0 deg",
}  # fmt: skip
BEAM = {
    "energy": f"{ENERGY_EV} eV", "distance": f"{DISTANCE} m", "instrument/detector/y_pixel_size": "75 um",
    "instrument/detector/x_pixel_size": "60 um",
}  # fmt: skip


@pytest.fixture
def given() -> dict[str, str]:
    """Everything that the user of a NumPy file must state."""
    return GIVEN | BEAM


@pytest.fixture
def write_cxi(truth: Truth, tmp_path: Path) -> Callable[..., Path]:
    """Write the chiral scan as a CXI file; each keyword adds or replaces a dataset, None removes it."""

    def write(directions: tuple[str, str] = ("-y", "-x"), **changes: Any) -> Path:
        detector, source = "entry_1/instrument_1/detector_1", "entry_1/instrument_1/source_1"
        stage = -truth.beam
        values: dict[str, Any] = {
            f"{detector}/data": turn(truth.frames, directions),
            f"{detector}/distance": DISTANCE,
            f"{detector}/x_pixel_size": PIXEL_X,
            f"{detector}/y_pixel_size": PIXEL_Y,
            f"{detector}/mask": np.zeros(turn(truth.frames, directions).shape[1:], np.uint32),
            f"{source}/energy": ENERGY_EV * e,
            "entry_1/sample_1/geometry_1/translation": np.stack([stage[:, 1], stage[:, 0], 0 * stage[:, 0]], axis=1),
            "cxi_version": 160,
        }
        short = {"detector": detector, "source": source, "sample": "entry_1/sample_1", "entry": "entry_1"}
        for name, value in changes.items():
            group, _, field = name.partition("__")
            values[f"{short[group]}/{field.replace('__', '/')}"] = value
        with h5py.File(tmp_path / "scan.cxi", "w") as file:
            for path, value in values.items():
                if value is not None:
                    file[path] = value
        return tmp_path / "scan.cxi"

    return write


@pytest.fixture
def same_physics(truth: Truth) -> Callable[[Scan], None]:
    """Check that true object and probe at the imported stage positions give the imported frames."""

    def check(scan: Scan) -> None:
        _, rows, cols = scan.frames.shape
        reach = h * c / e / scan.energy_ev * scan.distance
        pixel = (reach / (rows * scan.y_pixel_size), reach / (cols * scan.x_pixel_size))
        np.testing.assert_allclose(pixel, truth.pixel, rtol=1e-6)
        beam = -np.stack([scan.stage_y, scan.stage_x], axis=1)
        np.testing.assert_allclose(scan.frames[...], truth.frames_at(beam, truth.pixel), rtol=1e-4, atol=1e-3)

    return check
