"""The simulated experiment: determinism, counting statistics, and the signs of stage, rotation and detector."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.simulate import experiment as sim
from picpxct_nx.simulate import optics, phantom, stage
from picpxct_nx.simulate.experiment import SimulatedScan, simulate_experiment, simulate_scan
from picpxct_nx.simulate.presets import TUTORIAL

from .geometry import quarter_turn

STILL = replace(TUTORIAL, scan_drift=0.0, rotation_error=0.0)
SMALL = replace(STILL, energies_ev=(5460.0, 5471.0), n_positions=12, supersampling=1)


@pytest.fixture(scope="module")
def scan() -> SimulatedScan:
    return simulate_scan(STILL, 5471.0, 0.0, seed=0)


def _pixel_size(scan: SimulatedScan) -> float:
    return float(scan.wavelength * scan.distance / (scan.frames.shape[2] * scan.x_pixel_size))


def _light_through(scan: SimulatedScan, y: float, x: float) -> float:
    """Share of the beam's photons that pass when it meets the sample at (y, x): no Fourier transform involved."""
    rows, columns = np.indices(scan.truth.probe.shape) - scan.frames.shape[1] // 2
    size, dx = len(scan.truth.y), _pixel_size(scan)
    at = np.array([rows + y / dx + size // 2, columns + x / dx + size // 2])
    transmitted = map_coordinates(np.abs(scan.truth.object) ** 2, at, order=1, mode="nearest")
    beam = np.abs(scan.truth.probe) ** 2
    return float((beam * transmitted).sum() / beam.sum())


def test_same_seed_gives_the_same_counts_and_another_seed_another_particle() -> None:
    first, again = (list(simulate_experiment(SMALL, seed=5)) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.frames, b.frames)
    other = next(simulate_experiment(SMALL, seed=6))
    assert np.abs(other.truth.projection.thickness - first[0].truth.projection.thickness).max() > 5e-7


def test_scan_alone_is_the_same_as_within_its_experiment() -> None:
    scans = list(simulate_experiment(SMALL, seed=1))
    assert [(s.incident_energy_ev, s.rotation) for s in scans] == [
        (energy, rotation) for rotation in SMALL.rotations for energy in SMALL.energies_ev
    ]
    alone = simulate_scan(SMALL, 5471.0, np.pi / 2, seed=1)
    np.testing.assert_array_equal(alone.frames, scans[3].frames)


def test_repeat_has_its_own_noise_on_the_same_truth() -> None:
    a, b = (simulate_scan(SMALL, 5471.0, 0.0, repeat=n) for n in (0, 1))
    np.testing.assert_array_equal(a.truth.object, b.truth.object)
    assert np.mean(a.frames != b.frames) > 0.2


def test_counts_scatter_about_their_mean_as_photons_do(scan: SimulatedScan) -> None:
    mean = np.array([sim.expected_frame(scan.truth, n) for n in range(len(scan.frames))])
    bright = (mean > 5) & (scan.pixel_mask == 0)
    pull = (scan.frames[bright] - mean[bright]) / np.sqrt(mean[bright])
    assert pull.mean() == pytest.approx(0, abs=5 / np.sqrt(pull.size))
    assert pull.std() == pytest.approx(1, rel=0.01)


def test_vacuum_would_pass_all_photons_of_an_exposure(scan: SimulatedScan) -> None:
    photons = TUTORIAL.photon_rate * TUTORIAL.count_time
    assert 1e5 <= photons <= 1e6
    assert np.sum(np.abs(scan.truth.probe.astype(complex)) ** 2) == pytest.approx(photons, rel=1e-4)
    assert scan.flux * np.pi * TUTORIAL.beam_diameter**2 / 4 * scan.count_time == pytest.approx(photons)


def test_frame_is_the_brute_force_sum_over_beam_and_object(scan: SimulatedScan) -> None:
    # One frame by its definition: probe of the zone plate moved in Fourier space, sums over all pixels, no FFT.
    n, dx, index = 64, _pixel_size(scan), 17
    grid = np.arange(n) - n // 2
    kernel = np.exp(-2j * np.pi * np.outer(grid, grid) / n)
    row, column = (len(scan.truth.y) // 2 - stage[index] / dx for stage in (scan.stage_y, scan.stage_x))
    whole_row, whole_column = round(row), round(column)
    move = np.outer(
        np.exp(-2j * np.pi * grid * (row - whole_row) / n), np.exp(-2j * np.pi * grid * (column - whole_column) / n)
    )
    probe = kernel.conj() @ ((kernel @ scan.truth.probe @ kernel) * move) @ kernel.conj() / n**2
    window = scan.truth.object[whole_row - 32 : whole_row + 32, whole_column - 32 : whole_column + 32]
    expected = np.abs(kernel @ (probe * window) @ kernel / n) ** 2
    found = sim.expected_frame(scan.truth, index)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * expected.max())


def test_stage_moves_the_sample_so_that_the_beam_meets_it_at_minus_stage() -> None:
    scan = simulate_scan(STILL, 5515.0, 0.0, seed=0)
    alive = np.array([f[scan.pixel_mask == 0].sum() for f in scan.frames.astype(float)])
    met = np.array([_light_through(scan, -y, -x) for y, x in zip(scan.stage_y, scan.stage_x, strict=True)])
    mirrored = np.array([_light_through(scan, y, x) for y, x in zip(scan.stage_y, scan.stage_x, strict=True)])
    share = alive / (TUTORIAL.photon_rate * TUTORIAL.count_time)
    # Dead pixels and shot noise leave a per mille; the particle's asymmetry makes the mirrored reading far worse.
    assert np.std(share / met) < 2e-3
    assert np.std(share / mirrored) > 5 * np.std(share / met)


def test_sample_rotation_turns_the_picture_and_with_it_the_light() -> None:
    upright, turned = (simulate_scan(SMALL, 5471.0, rotation).truth for rotation in (0.0, np.pi / 2))
    across = phantom.transmission(upright.projection, energy_ev=5471.0, polarisation=-np.pi / 2)
    np.testing.assert_allclose(turned.object, quarter_turn(across, 1), atol=1e-6)
    azimuth = quarter_turn(upright.projection.azimuth, 1)
    matter = turned.projection.label > 0
    np.testing.assert_allclose((azimuth[matter] + np.pi / 2) % np.pi, turned.projection.azimuth[matter])


def test_dead_pixels_are_marked_and_count_nothing(scan: SimulatedScan) -> None:
    dead = scan.pixel_mask != 0
    assert np.all(scan.pixel_mask[dead] == 2)
    assert dead.sum() == TUTORIAL.n_dead_pixels
    assert not scan.frames[:, dead].any()
    assert scan.frames[:, ~dead].any(axis=0).mean() > 0.9


def test_pixel_grows_with_the_wavelength_and_the_beam_stays_in_metres() -> None:
    low, high = (simulate_scan(SMALL, energy, 0.0) for energy in (5460.0, 5515.0))
    steps = [s.truth.y[1] - s.truth.y[0] for s in (low, high)]
    assert steps == pytest.approx([_pixel_size(low), _pixel_size(high)])
    assert steps[0] / steps[1] == pytest.approx(5515 / 5460)
    assert low.defocus * low.wavelength == pytest.approx(high.defocus * high.wavelength)

    def width(s: SimulatedScan, step: float) -> float:
        rows = np.indices(s.truth.probe.shape)[0] - 32
        beam = np.abs(s.truth.probe) ** 2
        return float(np.sqrt((beam * rows**2).sum() / beam.sum()) * step)

    assert width(low, steps[0]) == pytest.approx(width(high, steps[1]), rel=0.01)


def test_truth_axes_are_zero_where_the_resting_stage_puts_the_beam(scan: SimulatedScan) -> None:
    assert scan.truth.object.shape == (len(scan.truth.y), len(scan.truth.x))
    assert scan.truth.y[len(scan.truth.y) // 2] == scan.truth.x[len(scan.truth.x) // 2] == 0
    np.testing.assert_array_equal(scan.truth.position_x, -scan.stage_x)
    np.testing.assert_array_equal(scan.truth.position_y, -scan.stage_y)
    assert (scan.beam_center_y, scan.beam_center_x) == (32 * 75e-6, 32 * 75e-6)


def test_object_holds_every_window_and_has_vacuum_around_the_particle(scan: SimulatedScan) -> None:
    size, dx = len(scan.truth.y), _pixel_size(scan)
    assert 120 <= size <= 150
    for stages in (scan.stage_y, scan.stage_x):
        corner = np.rint(size // 2 - stages / dx) - 32
        assert corner.min() >= 0
        assert corner.max() + 64 <= size
    reach = np.hypot(scan.stage_y, scan.stage_x).max() + TUTORIAL.beam_diameter / 2
    y, x = np.meshgrid(scan.truth.y, scan.truth.x, indexing="ij")
    air_in_beam = (np.hypot(y, x) < reach) & (scan.truth.projection.label == 0)
    assert air_in_beam.sum() > 0.3 * (np.hypot(y, x) < reach).sum()
    assert np.all(scan.truth.object[np.hypot(y, x) > reach - 0.1e-6] == 1)


def test_neighbouring_beams_overlap_by_more_than_sixty_per_cent(scan: SimulatedScan) -> None:
    points = np.stack([scan.stage_y, scan.stage_x], axis=1)
    gap = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(gap, np.inf)
    nearest: NDArray[np.float64] = gap.min(axis=1)
    assert np.all(1 - nearest / TUTORIAL.beam_diameter > 0.6)
    assert np.median(nearest) == pytest.approx(TUTORIAL.step, rel=0.1)


def test_truth_differs_from_the_ideal_probe_that_a_reconstruction_starts_from(scan: SimulatedScan) -> None:
    start = optics.ideal_probe(
        scan.zone_plate,
        wavelength=scan.wavelength,
        pixel_size=_pixel_size(scan),
        shape=(64, 64),
        defocus=scan.defocus,
    ).ravel()
    true = scan.truth.probe.ravel()
    likeness = np.abs(np.vdot(start, true)) / np.linalg.norm(true) / np.linalg.norm(start)
    assert 0.5 < likeness < 0.98


def test_saturated_pixels_stop_counting() -> None:
    found = simulate_scan(replace(SMALL, saturation_value=100), 5471.0, 0.0)
    assert found.frames.max() == 100
    assert found.frames.dtype == np.uint16
    assert simulate_scan(replace(SMALL, saturation_value=2**32 - 1), 5471.0, 0.0).frames.dtype == np.uint32


def test_monitor_records_how_the_beam_varies() -> None:
    found = simulate_scan(replace(SMALL, monitor_noise=0.1), 5471.0, 0.0)
    expected = np.array([sim.expected_frame(found.truth, n)[found.pixel_mask == 0].sum() for n in range(12)])
    alive = found.frames[:, found.pixel_mask == 0].sum(axis=1)
    assert found.monitor.std() > 0.05
    np.testing.assert_allclose(alive / expected, found.monitor, rtol=5e-3)


def test_jitter_stays_out_of_the_recorded_positions() -> None:
    found = simulate_scan(replace(SMALL, position_jitter=20e-9), 5471.0, 0.0)
    np.testing.assert_array_equal(found.stage_x, simulate_scan(SMALL, 5471.0, 0.0).stage_x)
    missed = np.concatenate([found.truth.position_x + found.stage_x, found.truth.position_y + found.stage_y])
    assert missed.std() == pytest.approx(20e-9, rel=0.4)


def test_light_is_polarised_along_x_and_the_sample_turns(scan: SimulatedScan) -> None:
    np.testing.assert_array_equal(scan.stokes, [[1, 1, 0, 0]])
    assert simulate_scan(SMALL, 5471.0, np.pi / 2).rotation == np.pi / 2


def test_every_scan_drifts_by_its_own_and_its_counts_say_so() -> None:
    drifting = replace(SMALL, scan_drift=60e-9)
    scans = list(simulate_experiment(drifting, seed=2))
    drifts = np.array([s.truth.drift for s in scans])
    assert len(np.unique(drifts.round(12), axis=0)) == 4
    for scan in scans:
        # A sample that moved by +d meets the beam at -s - d.
        np.testing.assert_allclose(scan.truth.position_y, -scan.stage_y - scan.truth.drift[0], atol=1e-18)
        np.testing.assert_allclose(scan.truth.position_x, -scan.stage_x - scan.truth.drift[1], atol=1e-18)
    still = simulate_scan(SMALL, 5471.0, 0.0, seed=2)
    np.testing.assert_array_equal(still.stage_x, scans[1].stage_x)
    assert np.mean(still.frames != scans[1].frames) > 0.3


def test_drifts_scatter_as_asked() -> None:
    drifts = [stage.drift(TUTORIAL, 5460 + 0.1 * n, 0.0, seed=1) for n in range(1000)]
    assert np.std(drifts, axis=0) == pytest.approx([60e-9, 60e-9], rel=0.1)
    assert np.mean(drifts, axis=0) == pytest.approx([0, 0], abs=6e-9)


def test_rotation_is_wrong_by_the_same_for_all_scans_of_one_rotation_and_right_at_zero() -> None:
    loose = replace(SMALL, rotation_error=np.deg2rad(0.3))
    scans = list(simulate_experiment(loose, seed=1))
    assert [s.truth.rotation for s in scans[:2]] == [0.0, 0.0]
    assert scans[2].truth.rotation == scans[3].truth.rotation != scans[3].rotation
    errors = [stage.true_rotation(loose, 0.01 * n, seed=1) - 0.01 * n for n in range(1, 500)]
    assert np.std(errors) == pytest.approx(np.deg2rad(0.3), rel=0.1)
    turned = phantom.project(
        phantom.rotate(sim.specimen(loose, 1), scans[2].truth.rotation),
        shape=scans[2].truth.object.shape, pixel_size=scans[2].truth.y[1] - scans[2].truth.y[0],
    )  # fmt: skip
    np.testing.assert_array_equal(turned.label, scans[2].truth.projection.label)


def test_impure_light_adds_the_frames_of_both_polarisations() -> None:
    impure = simulate_scan(replace(SMALL, polarisation_purity=0.6), 5471.0, 0.0)
    np.testing.assert_allclose(impure.stokes, [[1, 0.6, 0, 0]])
    across = impure.truth.object_across
    assert across is not None
    assert np.abs(across - impure.truth.object).max() > 0.05
    along = sim.expected_frame(replace(impure.truth, object_across=None), 7)
    other = sim.expected_frame(replace(impure.truth, object=across, object_across=None), 7)
    np.testing.assert_allclose(sim.expected_frame(impure.truth, 7), 0.8 * along + 0.2 * other, rtol=1e-12)
    pure = simulate_scan(SMALL, 5471.0, 0.0)
    assert pure.truth.object_across is None
    np.testing.assert_array_equal(pure.truth.object, impure.truth.object)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"step": 1.0}, "the scan reaches .* um, .* pixels of .* nm; wanted at most 8192: less step"),
        ({"photon_rate": 1e25}, r"a frame has 1e\+24 photons; wanted fewer than 1e\+18"),
        ({"beamstop_diameter": 1.0}, "no pixel of the detector sees light: less beamstop_diameter"),
    ],
)
def test_what_cannot_be_simulated_is_refused(changes: dict[str, float], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        simulate_scan(replace(SMALL, **changes), 5471.0, 0.0)  # type: ignore[arg-type]


def test_zone_plate_that_passes_no_light_is_refused() -> None:
    covered = replace(SMALL, zone_plate=replace(SMALL.zone_plate, central_stop_diameter=1e-3))
    with pytest.raises(InputError, match=r"no light of the zone plate \(100 um, stop 1e\+03 um\) falls on a frame"):
        simulate_scan(covered, 5471.0, 0.0)
