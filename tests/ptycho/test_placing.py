"""Placing a scan on a known object: the frames that see it, its shift and its brightness, against known truth."""

from dataclasses import replace

import numpy as np
import pytest

from picpxct_nx.errors import InputError
from picpxct_nx.ptycho import Result
from picpxct_nx.ptycho.placing import light_on, place
from picpxct_nx.simulate.reference import ReferenceScan, reference_scan

from .flawed import expected, measured, problem_of


@pytest.fixture(scope="module")
def known(scan: ReferenceScan) -> Result:
    """The truth, as if it had been reconstructed."""
    light = np.zeros(scan.object.shape, np.float32)
    dose = (np.abs(scan.probe) ** 2).sum(0)
    for row, column in scan.positions_px.astype(int).tolist():
        light[row : row + 64, column : column + 64] += dose
    return Result(scan.object, scan.probe, scan.positions_px, np.zeros(1), ("ml",), light, "done", "")


def test_frames_beside_the_object_have_no_light_on_it(scan: ReferenceScan, known: Result) -> None:
    part = light_on(known, scan.positions_px)
    assert part.min() > 0.8
    assert part.max() <= 1 + 1e-9
    far = scan.positions_px + np.array([0, 200])
    assert light_on(known, far).max() == 0
    assert light_on(known, far - np.array([0, 1000])).max() == 0
    nearly = light_on(known, scan.positions_px + np.array([25.0, 0.0]))
    assert 0.2 < np.mean(nearly) < 0.95


@pytest.mark.parametrize("shift", [(0.0, 0.0), (2.3, -1.7), (-6.0, 7.5)])
def test_shift_and_brightness_are_those_of_the_scan(
    scan: ReferenceScan, known: Result, shift: tuple[float, float]
) -> None:
    counts = 3 * expected(scan, scan.probe[None])
    # The object moved by the shift since: stages say that the windows were where it had been.
    positions = scan.positions_px + shift
    shape = (scan.object.shape[0], scan.object.shape[1])
    room = np.array(shape) - 64
    kept = ((positions >= 0) & (positions <= room)).all(1)
    problem = replace(problem_of(scan), frames=measured(counts)[kept], positions_px=positions[kept])
    found = place(problem, known, device="cpu")
    assert found.shift.px == pytest.approx(shift, abs=5 * max(found.shift.sigma_px))
    assert max(found.shift.sigma_px) < 0.01
    assert found.brightness == pytest.approx(3, rel=2e-3)
    assert found.agreement > 0.9
    assert found.frames > 4


def test_other_fields_and_too_few_frames_are_refused(scan: ReferenceScan, known: Result) -> None:
    few = replace(problem_of(scan), frames=scan.frames[:3], positions_px=scan.positions_px[:3])
    with pytest.raises(InputError, match="only 3 of 3 frames show the same"):
        place(few, known, device="cpu")
    turned = np.ascontiguousarray(scan.frames[:, ::-1, ::-1])
    for frames in (turned, reference_scan(50, 64, photons=1e6, seed=7).frames):
        with pytest.raises(InputError, match=r"\d+ frames that should show the same show something else"):
            place(problem_of(scan, frames), known, device="cpu")


def test_a_refined_background_counts_for_neither_shift_nor_brightness(scan: ReferenceScan, known: Result) -> None:
    dark = np.full((64, 64), 4.0, np.float32)
    frames = measured(expected(scan, scan.probe[None]) + dark)
    found = place(problem_of(scan, frames), replace(known, background=dark), device="cpu")
    assert found.brightness == pytest.approx(1, rel=2e-3)
    assert found.shift.px == pytest.approx((0, 0), abs=0.02)
