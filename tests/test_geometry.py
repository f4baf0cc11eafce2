"""Geometry: pixel sizes, signs and axes against the simulated truth, and scans that no geometry fits."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.geometry import MARGIN_PX, frame_range, make_problem, make_reconstruction, on_one_grid
from picpxct_nx.illumination import PUPIL_MARGIN, monitor, object_pixel, probe_of, pupil, start_probe
from picpxct_nx.provenance import step
from picpxct_nx.ptycho import parse, reconstruct
from picpxct_nx.records import Reconstruction, Scan
from picpxct_nx.simulate.configure import configure
from picpxct_nx.simulate.experiment import SimulatedScan, Truth, simulate_scan
from picpxct_nx.simulate.record import make_scan

Complexes = NDArray[np.complexfloating]

STILL = ("scan_drift=0 nm", "rotation_error=0 deg")
SETTINGS = ("frame_size=32", "n_positions=40", "step=0.25 um", "supersampling=1", *STILL)


@pytest.fixture(scope="module")
def simulated() -> SimulatedScan:
    return simulate_scan(configure("tutorial", SETTINGS), 5471.0, 0.3, seed=3)


@pytest.fixture(scope="module")
def truth(simulated: SimulatedScan) -> Truth:
    return simulated.truth


@pytest.fixture(scope="module")
def scan(simulated: SimulatedScan) -> Scan:
    return make_scan(simulated, {})


@pytest.fixture(scope="module")
def image(scan: Scan) -> Reconstruction:
    """The scan as it comes out of a short reconstruction."""
    problem, grid = make_problem(scan)
    result = reconstruct(problem, "dm:30,ml:20", device="cpu")
    return make_reconstruction(scan, result, grid, step("reconstruct", {}, [scan.as_input()]))


def test_an_object_pixel_is_wavelength_times_distance_over_the_detector(scan: Scan, truth: Truth) -> None:
    # h c = 1.239841984e-6 eV m; 1.06 m away, 32 pixels of 75 um.
    expected = 1.239841984e-6 / 5471.0 * 1.06 / (32 * 75e-6)
    assert object_pixel(scan) == pytest.approx((expected, expected), rel=1e-9)
    assert truth.x[1] - truth.x[0] == pytest.approx(expected, rel=1e-9)


def test_pixels_of_a_detector_need_not_be_square(scan: Scan) -> None:
    y, x = object_pixel(dataclasses.replace(scan, y_pixel_size=2 * scan.y_pixel_size))
    assert y == pytest.approx(x / 2)


def test_the_beam_meets_the_sample_opposite_to_the_stage(scan: Scan) -> None:
    problem, grid = make_problem(scan)
    h, w = problem.probe.shape[1:]
    centre = problem.positions_px + np.array([h // 2, w // 2])
    assert np.allclose(grid.origin[0] + grid.pixel[0] * centre[:, 0], -scan.stage_y, atol=1e-15)
    assert np.allclose(grid.origin[1] + grid.pixel[1] * centre[:, 1], -scan.stage_x, atol=1e-15)


def test_recorded_positions_are_those_of_the_truth(image: Reconstruction, truth: Truth) -> None:
    assert image.position_y is not None
    assert image.position_x is not None
    assert np.allclose(image.position_y, truth.position_y, atol=1e-15)
    assert np.allclose(image.position_x, truth.position_x, atol=1e-15)


def _displacement(found: Complexes, true: Complexes) -> tuple[float, float]:
    """Least squares of found = c (true - d . grad true): d (y, x) in pixels to first order, c a free complex scale."""
    basis = np.stack([true, *(-gradient for gradient in np.gradient(true))], -1).reshape(-1, 3)
    scale, dy, dx = np.linalg.lstsq(basis, found.ravel(), rcond=None)[0]
    return float((dy / scale).real), float((dx / scale).real)


@pytest.mark.parametrize("settings", [STILL, ("scan_drift=60 nm",)], ids=["still", "drifting"])
def test_axes_of_the_image_are_those_of_the_truth(settings: tuple[str, ...]) -> None:
    # With the true probe held fixed nothing may shift but the drift: the image at its coordinates is the truth there.
    fine = configure("tutorial", ("n_positions=40", "supersampling=2", *settings))
    simulated = simulate_scan(fine, 5471.0, 0.3, seed=3)
    scan, truth = make_scan(simulated, {}), simulated.truth
    problem, grid = make_problem(scan, probe=truth.probe[np.newaxis])
    held = parse("dm:30,ml:30", {"dm.probe_start": "1000", "ml.probe_start": "1000"})
    image = make_reconstruction(scan, reconstruct(problem, held, device="cpu"), grid, step("reconstruct", {}))
    rows, columns = (slice(len(axis) // 2 - 25, len(axis) // 2 + 25) for axis in (image.y, image.x))
    pixel, (y, x) = truth.y[1] - truth.y[0], (axis - d for axis, d in zip((image.y, image.x), truth.drift, strict=True))
    places = np.meshgrid((y[rows] - truth.y[0]) / pixel, (x[columns] - truth.x[0]) / pixel, indexing="ij")
    true = map_coordinates(truth.object.astype(np.complex128), places, order=3)
    assert np.abs(_displacement(np.asarray(image.transmission)[rows, columns], true)).max() < 0.05
    # The test sees a shift where there is one.
    wrong = [places[0], places[1] - 0.3]
    shifted = map_coordinates(truth.object.astype(np.complex128), wrong, order=3)
    assert _displacement(shifted, true)[1] == pytest.approx(0.3, abs=0.1)


@pytest.mark.parametrize(("flip", "name"), [((-1, 1), "y"), ((1, -1), "x"), ((-1, -1), "both")])
def test_a_stage_of_the_wrong_sign_does_not_fit_the_frames(
    scan: Scan, image: Reconstruction, flip: tuple[int, int], name: str
) -> None:
    turned = dataclasses.replace(scan, stage_y=flip[0] * scan.stage_y, stage_x=flip[1] * scan.stage_x)
    result = reconstruct(make_problem(turned)[0], "dm:30,ml:20", device="cpu")
    assert image.error is not None
    assert result.error[-1] > 1.5 * image.error[-1], name


def test_halves_of_a_scan_lie_on_the_grid_of_the_whole(scan: Scan) -> None:
    whole, grid = make_problem(scan)
    for frames, start in (("0::2", 0), ("1::2", 1)):
        half, its_grid = make_problem(scan, frames=frames)
        assert half.object_shape == whole.object_shape
        assert (its_grid.origin, its_grid.pixel) == (grid.origin, grid.pixel)
        assert np.array_equal(half.positions_px, whole.positions_px[start::2])
        assert np.array_equal(half.frames[:], whole.frames[:][start::2])
        assert list(its_grid.frame) == list(range(start, 40, 2))


def test_frames_are_read_in_blocks_of_the_range(scan: Scan) -> None:
    problem, _ = make_problem(scan, frames="3:31:4")
    assert problem.frames.shape == (7, 32, 32)
    assert np.array_equal(problem.frames[2:5], np.asarray(scan.frames[:])[11:23:4])


def test_dead_pixels_are_not_good(scan: Scan) -> None:
    good = make_problem(scan)[0].good
    assert np.array_equal(good, scan.pixel_mask == 0)
    assert not good.all()


@pytest.mark.parametrize(
    ("text", "rows"),
    [("::", range(10)), (":", range(10)), ("1::2", range(1, 10, 2)), (":3", range(3)), ("-2:", range(8, 10))],
)
def test_frame_ranges_are_slices(text: str, rows: range) -> None:
    assert frame_range(text, 10) == rows


@pytest.mark.parametrize("text", ["5", "", "a:b", "::0", "::-1", "1:2:3:4", "12:", "5:5"])
def test_other_frame_ranges_are_usage_errors(text: str) -> None:
    with pytest.raises(UsageError, match="--frames"):
        frame_range(text, 10)


def test_the_start_probe_is_that_of_the_zone_plate_out_of_focus(scan: Scan, truth: Truth) -> None:
    found = start_probe(scan)
    assert found.shape == (1, 32, 32)
    # The true probe is the same but for the faults of the zones.
    overlap = np.abs(np.vdot(found, truth.probe)) / np.linalg.norm(found) / np.linalg.norm(truth.probe)
    assert overlap > 0.9


def test_a_probe_that_came_with_the_scan_is_taken(scan: Scan) -> None:
    probe = np.ones((2, 32, 32), np.complex64)
    assert np.array_equal(make_problem(dataclasses.replace(scan, start_probe=probe))[0].probe, probe)


def test_a_probe_of_another_geometry_is_refused(scan: Scan, image: Reconstruction) -> None:
    assert probe_of(image, scan).shape == (1, 32, 32)
    with pytest.raises(InputError, match="its probe has pixels of"):
        probe_of(image, dataclasses.replace(scan, distance=1.2))
    with pytest.raises(InputError, match=r"its probe is \(16, 32\); wanted \(32, 32\)"):
        probe_of(dataclasses.replace(image, probe=image.probe[:, :16]), scan)


def test_long_scans_are_checked_without_long_memory(scan: Scan) -> None:
    # 20 000 positions: all pairs would be 6 GB.
    rng = np.random.default_rng(0)
    n = 20_000
    y, x = rng.uniform(-5e-6, 5e-6, (2, n))
    frames = np.broadcast_to(np.asarray(scan.frames[:1]), (n, 32, 32))
    problem, _ = make_problem(dataclasses.replace(scan, frames=frames, stage_y=y, stage_x=x))
    assert len(problem.positions_px) == n


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"energy_ev": 0.0}, "incident_energy: is 0.0; wanted a positive number"),
        ({"distance": float("nan")}, "distance: is nan"),
        ({"x_pixel_size": -75e-6}, "x_pixel_size"),
        ({"beam_center_y": 18e-6 * 75}, "wanted the middle"),
        ({"stage_y": np.full(40, np.inf)}, "position 0 is not finite"),
        ({"stage_x": np.arange(40) * 1e-4}, "do not overlap"),
        ({"zone_plate_diameter": None}, "no start probe"),
        ({"pixel_mask": np.ones((32, 32), np.int32)}, "is the mask inverted"),
    ],
)
def test_a_scan_that_no_geometry_fits_is_refused(scan: Scan, changes: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        make_problem(dataclasses.replace(scan, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("place", [0, 17, 39])
def test_a_position_that_is_astray_is_named(scan: Scan, place: int) -> None:
    stage = scan.stage_x.copy()
    stage[place] = 0.5
    with pytest.raises(InputError, match=f"transformations/x: position {place} is"):
        make_problem(dataclasses.replace(scan, stage_x=stage))


def test_the_light_of_the_true_probe_comes_through_the_pupil(scan: Scan, truth: Truth) -> None:
    ring = pupil(scan)
    assert ring is not None
    far = np.abs(np.fft.fftshift(np.fft.fft2(truth.probe))) ** 2
    assert far[ring].sum() > 0.99 * far.sum()
    assert ring.mean() < 0.95  # the cone nearly fills these small frames
    assert 0 < PUPIL_MARGIN < 0.1
    assert pupil(dataclasses.replace(scan, zone_plate_diameter=None)) is None


def test_the_monitor_is_only_used_on_request(scan: Scan) -> None:
    assert scan.monitor is not None
    assert make_problem(scan)[0].intensity is None
    used = make_problem(scan, frames="1::2", use_monitor=True)[0].intensity
    assert used is not None
    assert np.array_equal(used, np.asarray(scan.monitor)[1::2])
    assert monitor(dataclasses.replace(scan, monitor=None), range(4)) is None
    with pytest.raises(InputError, match="control/data: frame 2 has 0"):
        monitor(dataclasses.replace(scan, monitor=np.where(np.arange(40) == 2, 0, scan.monitor)), range(40))


def test_scans_on_one_grid_lie_where_their_stages_and_their_drift_say(scan: Scan) -> None:
    pixel = object_pixel(scan)
    aside = dataclasses.replace(scan, stage_y=scan.stage_y + 2.5 * pixel[0], stage_x=scan.stage_x - 7 * pixel[1])
    parts = [make_problem(one, pixel=pixel) for one in (scan, aside)]
    (first, grid), (second, same) = on_one_grid(parts, [(0.0, 0.0), (0.5, 3.0)])
    assert grid.origin == same.origin
    assert first.object_shape == second.object_shape
    # The stage carries the sample: the beam met it 2.5 px lower, and the object had moved by 0.5 px more.
    moved = second.positions_px - first.positions_px
    np.testing.assert_allclose(moved, np.broadcast_to([-3.0, 4.0], moved.shape), atol=1e-9)
    lowest, highest = (np.array([one.positions_px.min(0) for one in (first, second)]).min(0),
                       np.array([one.positions_px.max(0) for one in (first, second)]).max(0))  # fmt: skip
    assert (lowest >= MARGIN_PX - 1e-6).all()
    assert (highest + 32 + MARGIN_PX <= first.object_shape).all()
    # The first stays in the laboratory where it was, with the fractions of its positions.
    alone, own = make_problem(scan)
    for axis in (0, 1):
        here = grid.origin[axis] + pixel[axis] * first.positions_px[:, axis]
        np.testing.assert_allclose(here, own.origin[axis] + pixel[axis] * alone.positions_px[:, axis], atol=1e-15)
    np.testing.assert_allclose(first.positions_px % 1, alone.positions_px % 1, atol=1e-9)
