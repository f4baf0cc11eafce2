"""The start probe's defocus: found from frames where it is wrong, left alone where it is right or nothing tells."""

import numpy as np
import pytest

from picpxct_nx.illumination import propagated
from picpxct_nx.ptycho import Problem, reconstruct
from picpxct_nx.ptycho.likeness import difference
from picpxct_nx.refocus import _close, _is_clear, curvature, refocused, sentence
from picpxct_nx.simulate.optics import ZonePlate, ideal_probe
from picpxct_nx.simulate.reference import ReferenceScan, reference_scan

PIXEL, WAVELENGTH = (40e-9, 40e-9), 2.27e-10
ZONES = ZonePlate(diameter=150e-6, outermost_zone_width=100e-9, central_stop_diameter=40e-6)


@pytest.fixture(scope="module")
def scan() -> ReferenceScan:
    return reference_scan(50, 64, photons=1e6)


def _problem(scan: ReferenceScan, probe: np.ndarray) -> Problem:
    shape = (scan.object.shape[0], scan.object.shape[1])
    return Problem(scan.frames, np.ones(scan.frames.shape[1:], bool), scan.positions_px, shape, probe)


def _error(scan: ReferenceScan, problem: Problem) -> float:
    """Of the object, relative to what frames can tell."""
    result = reconstruct(problem, "pie:3,ml:20", device="cpu:1")
    weight = np.where(result.illumination > 0.1 * result.illumination.max(), result.illumination, 0).astype(np.float64)
    apart, _ = difference(scan.object, result.object, weight)
    return float(np.sqrt((weight * np.abs(apart) ** 2).sum() / (weight * np.abs(result.object) ** 2).sum()))


@pytest.mark.parametrize("defocus", [7e-4, -3e-4])
def test_a_probe_tells_how_far_from_its_focus_it_is(defocus: float) -> None:
    pixel, shape = (40e-9, 50e-9), (128, 100)
    probe = ideal_probe(ZONES, wavelength=WAVELENGTH, pixel_size=pixel, shape=shape, defocus=defocus)
    found, mean = curvature(probe[np.newaxis], pixel, WAVELENGTH)
    assert found == pytest.approx(defocus, rel=0.02)
    # A ring of light between the stop and the rim.
    rim, stop = 1 / 200e-9, 40 / 150 / 200e-9
    assert mean == pytest.approx(np.sqrt((rim**2 + stop**2) / 2), rel=0.05)


def test_a_propagated_probe_is_that_of_the_other_defocus() -> None:
    pixel, shape = (40e-9, 50e-9), (128, 100)
    near, far = (
        ideal_probe(ZONES, wavelength=WAVELENGTH, pixel_size=pixel, shape=shape, defocus=by) for by in (2e-4, 5e-4)
    )
    np.testing.assert_allclose(propagated(near[np.newaxis], 3e-4 * WAVELENGTH, pixel)[0], far, atol=1e-5)


@pytest.mark.parametrize("factor", [-1.0, 2.0])
def test_a_defocus_of_the_wrong_sign_or_half_the_right_one_is_found(scan: ReferenceScan, factor: float) -> None:
    true, _ = curvature(scan.probe_start, PIXEL, WAVELENGTH)
    away = (factor - 1) * true
    wrong = _problem(scan, propagated(scan.probe_start, WAVELENGTH * away, PIXEL))
    mended, found = refocused(wrong, PIXEL, WAVELENGTH, "cpu:1")
    assert found.added == pytest.approx(-away, abs=0.3 * abs(true))
    assert "taken" in sentence(found)
    assert _error(scan, wrong) > 0.1, "nothing finds the way from there"
    assert _error(scan, mended) < 0.012


def test_a_defocus_that_is_right_is_left(scan: ReferenceScan) -> None:
    given = _problem(scan, scan.probe_start)
    same, found = refocused(given, PIXEL, WAVELENGTH, "cpu:1")
    assert same is given
    assert found.added == 0
    assert "stays" in sentence(found)


@pytest.mark.parametrize(
    ("errors", "clear"),
    [
        ([0.2, 0.2, 0.2], False),
        ([np.inf, 0.2, 0.2], True),
        ([np.inf, np.inf, np.inf], False),
        ([0.1, np.inf, np.inf], False),
        ([0.11, 0.3, 0.1, 0.3], False),
        ([0.2, 0.3, 0.1, 0.3], True),
    ],
)
def test_only_a_clearly_better_defocus_is_taken(errors: list[float], clear: bool) -> None:
    assert _is_clear(np.array(errors)) is clear


def test_a_search_tells_how_far_it_is_and_ends_when_asked(scan: ReferenceScan) -> None:
    told: list[tuple[int, int]] = []

    def progress(number: int, total: int, error: float) -> bool:
        assert 0 < error < 1
        told.append((number, total))
        return number < 3

    given = _problem(scan, scan.probe_start)
    same, found = refocused(given, PIXEL, WAVELENGTH, "cpu:1", progress=progress)
    assert same is given
    assert [number for number, _ in told] == [1, 2, 3]
    assert told[0][1] > 10
    assert (found.added, len(found.errors), len(found.defocus)) == (0, 3, 3)


def test_a_plane_wave_has_no_defocus(scan: ReferenceScan) -> None:
    plane = _problem(scan, np.ones_like(scan.probe_start))
    same, found = refocused(plane, PIXEL, WAVELENGTH, "cpu:1")
    assert same is plane
    assert (found.added, len(found.errors)) == (0, 1)


def test_frames_are_taken_where_they_lie_closest(scan: ReferenceScan) -> None:
    # Two scans far from each other, and the monitor goes along.
    places = np.concatenate([scan.positions_px * 1.5, scan.positions_px + 200])
    problem = Problem(
        np.concatenate([scan.frames, scan.frames]), np.ones((64, 64), bool), places, (600, 600), scan.probe_start,
        intensity=np.arange(1, 101, dtype=np.float64),
    )  # fmt: skip
    some = _close(problem)
    assert len(some.positions_px) == 40
    assert (some.positions_px >= 200).all()
    assert some.intensity is not None
    assert (some.intensity > 50).all()
