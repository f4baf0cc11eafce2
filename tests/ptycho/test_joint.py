"""Several scans in one problem, against each alone."""

from dataclasses import replace

import numpy as np
import pytest

from picpxct_nx.errors import InputError
from picpxct_nx.ptycho import Result, parse, reconstruct
from picpxct_nx.ptycho.joint import brightness_of, given, half, halved, join, part
from picpxct_nx.simulate.reference import ReferenceScan, reference_scan

from .flawed import error_of, expected, measured, problem_of


def test_two_weak_scans_of_one_object_are_better_than_one(scan: ReferenceScan) -> None:
    counts = 0.02 * expected(scan, scan.probe[None])
    problems = [problem_of(scan, measured(counts, seed)) for seed in (1, 2)]
    joint = join(problems, "object")
    stages = parse("pie:5,ml:30", {"ml.likelihood": "poisson", "ml.background": "0.01"})
    both = reconstruct(joint.problem, stages, device="cpu")
    alone = reconstruct(problems[0], stages, device="cpu")
    assert error_of(both, scan) < 0.8 * error_of(alone, scan)
    second = part(joint, both, 1)
    assert second.object.shape == problems[1].object_shape
    assert np.array_equal(second.positions_px, problems[1].positions_px)


def test_a_short_scan_gains_from_the_probe_of_a_long_one(scan: ReferenceScan) -> None:
    other = reference_scan(12, 64, photons=1e6, seed=5)
    short, long = problem_of(other), problem_of(scan)
    joint = join([short, long], "probe")
    both = reconstruct(joint.problem, "pie:10,ml:30", device="cpu")
    found: Result = part(joint, both, 0)
    assert found.object.shape[0] == short.object_shape[0]
    assert np.array_equal(found.positions_px, short.positions_px)
    found = replace(found, object=found.object[:, : short.object_shape[1]])
    alone = reconstruct(short, "pie:10,ml:30", device="cpu")
    assert error_of(found, other) < 0.8 * error_of(alone, other)


def test_start_objects_and_monitors_are_taken_along(scan: ReferenceScan) -> None:
    first = replace(problem_of(scan), object=scan.object, intensity=np.full(50, 3.0))
    whole = join([first, problem_of(scan)], "probe").problem
    assert whole.object is not None
    assert whole.intensity is not None
    assert np.array_equal(whole.object[: scan.object.shape[0]], scan.object)
    assert (whole.object[scan.object.shape[0] :] == 1).all()
    assert (whole.intensity == 1).all()
    assert np.array_equal(whole.frames[40:60], np.concatenate([scan.frames[40:], scan.frames[:10]]))


def test_scans_share_one_background_or_none(scan: ReferenceScan) -> None:
    dark = np.full((64, 64), 2.0)
    one, same, other = (replace(problem_of(scan), background=values) for values in (dark, dark.copy(), dark + 1))
    assert join([one, same], "object").problem.background is dark
    assert join([problem_of(scan)] * 2, "object").problem.background is None
    for second in (other, problem_of(scan)):
        with pytest.raises(InputError, match="scan 1 has another background"):
            join([one, second], "object")


def test_scans_of_other_sizes_are_refused(scan: ReferenceScan) -> None:
    with pytest.raises(InputError, match="no scan"):
        join([], "object")
    other = problem_of(reference_scan(4, 32))
    with pytest.raises(InputError, match=r"scan 1 has frames of \(32, 32\); wanted \(64, 64\)"):
        join([problem_of(scan), other], "probe")


def test_each_scan_gets_the_probe_of_its_own_light_back(scan: ReferenceScan) -> None:
    counts = expected(scan, scan.probe[None])
    problems = [problem_of(scan, measured(power * counts, seed)) for power, seed in ((1.0, 1), (4.0, 2))]
    brightness = [brightness_of(problem) for problem in problems]
    assert brightness[1] / brightness[0] == pytest.approx(4, rel=1e-2)
    joint = join(problems, "object", brightness)
    result = reconstruct(joint.problem, "pie:5,ml:10", device="cpu")
    parts = [part(joint, result, number) for number in (0, 1)]
    for own, problem in zip(parts, problems, strict=True):
        # An object whose air is 1 leaves the counts of its frames to the probe; the common scale is free.
        assert own.intensity is None
        assert own.positions_px.shape == problem.positions_px.shape
    power = [float((np.abs(own.probe) ** 2).sum()) for own in parts]
    assert power[1] / power[0] == pytest.approx(4, rel=1e-2)
    assert join([problems[0]] * 2, "object", [1.0, 1.0 + 1e-5]).problem.intensity is None


def test_objects_below_each_other_keep_their_sizes_and_places(scan: ReferenceScan) -> None:
    small = reference_scan(12, 64, seed=5)
    joint = join([problem_of(small), problem_of(scan)], "probe")
    for number, one in enumerate((small, scan)):
        assert np.array_equal(given(joint, number), one.positions_px)
        rows, columns = joint.areas[number]
        assert (rows.stop - rows.start, columns.stop) == one.object.shape
    assert joint.areas[1][0].start > joint.areas[0][0].stop


def test_halves_take_every_second_frame_of_all(scan: ReferenceScan) -> None:
    joint = join([replace(problem_of(scan), frames=scan.frames[:7],
                  positions_px=scan.positions_px[:7]), problem_of(scan)], "object")  # fmt: skip
    result = reconstruct(joint.problem, "pie:1", device="cpu")
    whole = joint.problem.frames[0:57]
    for first in (0, 1):
        one = half(joint.problem, result, first)
        assert one.frames.shape[0] == len(one.positions_px) == len(whole[first::2])
        np.testing.assert_array_equal(one.frames[3:9], whole[first::2][3:9])
        assert one.object is None
        cut = halved(joint, result, first)
        assert [of.stop - of.start for of in cut.frames] == [[4, 25], [3, 25]][first]
        np.testing.assert_array_equal(cut.problem.positions_px[cut.frames[1]], result.positions_px[7:][1 - first :: 2])
