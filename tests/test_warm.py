"""Warm start: neighbours in energy share object and beam in metres, and fewer iterations reach the same error."""

import dataclasses

import numpy as np
import pytest

from picpxct_nx import warm
from picpxct_nx.geometry import make_problem, make_reconstruction
from picpxct_nx.illumination import object_pixel
from picpxct_nx.images.score import Score, lit_region, object_error
from picpxct_nx.provenance import step
from picpxct_nx.ptycho import Problem, parse, reconstruct
from picpxct_nx.records import Reconstruction, Scan
from picpxct_nx.simulate.configure import configure
from picpxct_nx.simulate.experiment import Truth, simulate_scan
from picpxct_nx.simulate.record import make_scan
from picpxct_nx.values import Array

FIRST, SECOND = 5469.0, 5470.0
SETTINGS = ("supersampling=1",)


def _simulated(energy: float) -> tuple[Scan, Truth]:
    simulated = simulate_scan(configure("tutorial", SETTINGS), energy, 0.0, seed=0)
    return make_scan(simulated, {}), simulated.truth


@pytest.fixture(scope="module")
def first() -> tuple[Scan, Truth]:
    return _simulated(FIRST)


@pytest.fixture(scope="module")
def second() -> tuple[Scan, Truth]:
    return _simulated(SECOND)


def _record(scan: Scan, recipe: str, **facts: str) -> Reconstruction:
    problem, grid = make_problem(scan)
    result = reconstruct(problem, recipe, device="cpu")
    return make_reconstruction(scan, result, grid, step("reconstruct", {"status": result.status, **facts}))


@pytest.fixture(scope="module")
def neighbour(first: tuple[Scan, Truth]) -> warm.Neighbour:
    neighbours = warm.Neighbours()
    neighbours.add(first[0], _record(first[0], "pie:3,ml:40"))
    found = neighbours.of(first[0])
    assert found is not None
    return found


def _true(truth: Truth, y: Array, x: Array) -> Array:
    """The truth at other coordinates."""
    old = (truth.y, truth.x)
    image = warm._resampled(truth.object.astype(np.complex128), old, (y, x))
    inside = warm._within(y, old[0])[:, None] & warm._within(x, old[1])
    return np.where(inside, image, 1).astype(np.complex64)


def _score(scan: Scan, truth: Truth, image: Array) -> Score:
    problem, grid = make_problem(scan)
    rows, columns = problem.object_shape
    true = _true(truth, grid.axis(0, rows), grid.axis(1, columns))
    return object_error(image, true, lit_region(truth.probe[None], problem.positions_px, problem.object_shape))


def test_interpolation_is_exact_for_what_the_pixels_hold() -> None:
    for size in (32, 33):
        old = 3.0 + 0.5 * np.arange(size)
        new = np.linspace(old[0], old[-1], 57)
        phase = 2 * np.pi * 5 * (np.arange(size) / size)
        wanted = np.exp(2j * np.pi * 5 * (new - old[0]) / (0.5 * size))
        np.testing.assert_allclose(warm._interpolation(old, new) @ np.exp(1j * phase), wanted, atol=1e-12)
        np.testing.assert_allclose(warm._interpolation(old, old), np.eye(size), atol=1e-12)


def test_the_neighbours_object_lies_where_it_was_in_metres(
    first: tuple[Scan, Truth], second: tuple[Scan, Truth], neighbour: warm.Neighbour
) -> None:
    problem, grid = make_problem(second[0])
    start = warm.with_object(problem, grid, neighbour)
    assert start.object is not None
    before = _score(*first, np.asarray(neighbour.record.transmission))
    after = _score(*second, start.object)
    assert after.error < 0.03
    np.testing.assert_allclose(after.shift_px, before.shift_px, atol=0.05)


def test_a_beam_in_metres_keeps_its_shape_when_the_sample_follows_the_focus(
    first: tuple[Scan, Truth], second: tuple[Scan, Truth]
) -> None:
    probe = _probe_record(first)
    moved = warm.probe_for(warm.Neighbour(probe, warm._blur(first[0])), second[0])
    true = second[1].probe
    assert _likeness(moved[0], true) > 0.999


def test_a_beam_is_propagated_where_the_focus_moved(first: tuple[Scan, Truth], second: tuple[Scan, Truth]) -> None:
    # The same optics a third closer to the sample: only propagation turns one beam into the other.
    far = dataclasses.replace(second[0], defocus=1.3 * second[0].defocus)  # type: ignore[operator]
    near = _zone_plate_probe(first[0]), _zone_plate_probe(far)
    record = dataclasses.replace(_probe_record(first), probe=near[0][None])
    blur = warm._blur(first[0])
    propagated = warm.probe_for(warm.Neighbour(record, blur), far)
    left = warm.probe_for(warm.Neighbour(record, None), far)
    assert _likeness(propagated[0], near[1]) > 0.995
    assert _likeness(left[0], near[1]) < 0.9


def _zone_plate_probe(scan: Scan) -> Array:
    from picpxct_nx.illumination import start_probe

    return np.asarray(start_probe(dataclasses.replace(scan, start_probe=None))[0])


def _probe_record(of: tuple[Scan, Truth]) -> Reconstruction:
    record = _record(of[0], "ml:1")
    return dataclasses.replace(record, probe=of[1].probe[None].astype(np.complex64))


def _likeness(a: Array, b: Array) -> float:
    return float(abs(np.vdot(a, b)) / np.linalg.norm(a) / np.linalg.norm(b))


def test_a_warm_start_needs_a_fifth_of_the_iterations(second: tuple[Scan, Truth], neighbour: warm.Neighbour) -> None:
    scan, truth = second
    cold, grid = make_problem(scan)
    beam = warm.probe_for(neighbour, scan)
    hot, _ = warm.registered(dataclasses.replace(cold, probe=beam), grid, neighbour, "cpu")

    def error(problem: Problem, recipe: str) -> float:
        result = reconstruct(problem, parse(recipe, {"ml.likelihood": "poisson"}), device="cpu")
        return _score(scan, truth, result.object).error

    assert error(hot, "ml:4") < error(cold, "pie:3,ml:20")


def test_the_start_is_moved_by_the_drift_between_the_scans(
    first: tuple[Scan, Truth], second: tuple[Scan, Truth], neighbour: warm.Neighbour
) -> None:
    cold, grid = make_problem(second[0])
    cold = dataclasses.replace(cold, probe=warm.probe_for(neighbour, second[0]))
    start, shift = warm.registered(cold, grid, neighbour, "cpu")
    drift = second[1].drift - first[1].drift
    assert np.abs(drift / grid.pixel).max() > 1
    assert start.object is not None
    np.testing.assert_allclose(shift.px, drift / grid.pixel, atol=0.1)
    # The score says by how much an image is to be moved back.
    before = _score(*first, np.asarray(neighbour.record.transmission)).shift_px
    np.testing.assert_allclose(_score(*second, start.object).shift_px, before - drift / grid.pixel, atol=0.1)
    facts = warm.facts(shift, grid)
    np.testing.assert_allclose(np.asarray(facts["warm_shift"]), np.array(grid.pixel) * shift.px)
    assert facts["warm_shift@units"] == "m"


def test_scans_follow_by_sample_polarisation_and_energy(first: tuple[Scan, Truth], second: tuple[Scan, Truth]) -> None:
    turned = dataclasses.replace(first[0], rotation=np.pi / 2)
    other = dataclasses.replace(first[0], sample="another")
    scans = [other, turned, second[0], first[0]]
    assert sorted(scans, key=warm.order) == sorted(scans, key=lambda s: (s.sample, s.rotation, s.energy_ev))


def test_only_a_near_neighbour_of_sample_and_polarisation_counts(
    first: tuple[Scan, Truth], neighbour: warm.Neighbour
) -> None:
    scan = first[0]
    neighbours = warm.Neighbours()
    neighbours.add(scan, neighbour.record)
    assert neighbours.of(scan) is not None
    assert neighbours.of(dataclasses.replace(scan, rotation=1.0)) is None
    assert neighbours.of(dataclasses.replace(scan, sample="another")) is None
    assert neighbours.of(dataclasses.replace(scan, energy_ev=1.03 * scan.energy_ev)) is None
    assert neighbours.of(dataclasses.replace(scan, frames=np.zeros((4, 32, 32), np.uint16))) is None


@pytest.mark.parametrize("status", ["stopped", "diverged"])
def test_what_did_not_end_well_is_no_start(first: tuple[Scan, Truth], status: str) -> None:
    neighbours = warm.Neighbours()
    neighbours.add(first[0], _record(first[0], "ml:1", status=status))
    assert neighbours.of(first[0]) is None


def test_pixels_scale_with_the_wavelength(first: tuple[Scan, Truth], second: tuple[Scan, Truth]) -> None:
    assert object_pixel(second[0])[0] / object_pixel(first[0])[0] == pytest.approx(FIRST / SECOND)
