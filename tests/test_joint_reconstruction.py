"""Scans that share object or probe against the same scans alone, by the truth of a simulation."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picpxct_nx.checkpoints import Checkpoints
from picpxct_nx.choice import Choice, choose
from picpxct_nx.errors import ConvergenceError, InputError
from picpxct_nx.joint_reconstruction import reconstruct_group
from picpxct_nx.reconstruction import Listener, Store, reconstruct_scan
from picpxct_nx.records import Reconstruction, Scan
from picpxct_nx.score.reconstruction import judge
from picpxct_nx.score.truth import read
from picpxct_nx.sharing import Group
from picpxct_nx.simulate.configure import configure
from picpxct_nx.simulate.experiment import simulate_scan
from picpxct_nx.simulate.record import common_truth, make_scan, parameters_of
from picpxct_nx.values import Array

SMALL = ("frame_size=48", "n_positions=30", "supersampling=1", "scan_drift=150 nm", "photon_rate=1e6 Hz")


def _scan(repeat: int, *more: str, rotation: float = 0.0, of: Callable[[Scan], Array] | None = None) -> Scan:
    """A repeat of a scan, with its own noise and drift, or some frames of it."""
    experiment = configure("tutorial", (*SMALL, *more))
    simulated = simulate_scan(experiment, 5460.0, np.deg2rad(rotation), seed=0, repeat=repeat)
    scan = make_scan(simulated, parameters_of(experiment, "tutorial", 0), common_truth(experiment, 0))
    if of is not None:
        rows = of(scan)
        where = {path: np.asarray(scan.extra[path])[rows] for path in ("truth/position_y", "truth/position_x")}
        scan = dataclasses.replace(
            scan, frames=np.asarray(scan.frames)[rows], stage_x=scan.stage_x[rows], stage_y=scan.stage_y[rows],
            frame=np.arange(rows.sum()), extra=dict(scan.extra) | where,
            monitor=None if scan.monitor is None else np.asarray(scan.monitor)[rows],
        )  # fmt: skip
    name = f"scan_{repeat}_{rotation:.0f}"
    return dataclasses.replace(scan, entry=name, uuid=name)


def _choice(share: str | None, recipe: str = "pie:3,ml:30", also: str = "none", **how: Any) -> Choice:
    settings = () if share is None else (f"scans.share={share}", *how.pop("settings", ()))
    return choose(recipe, settings, device="cpu:1", also=also, **how)


def _listener(said: list[str] | None = None, *, asked: bool = False) -> Listener:
    tell = (said if said is not None else []).append
    return Listener(lambda *_: None, tell, tell, lambda: asked, tell)


def _alone(scan: Scan) -> Reconstruction:
    return reconstruct_scan(scan, _choice(None), _listener())


def _error(record: Reconstruction, scan: Scan, name: str = "object_error") -> float:
    found = {figure.name: figure.value for figure in judge(record, read([scan]))}[name]
    assert found is not None
    return float(found)


@pytest.fixture(scope="module")
def repeats() -> tuple[Scan, Scan]:
    return _scan(0), _scan(2)


@pytest.fixture(scope="module")
def alone(repeats: tuple[Scan, Scan]) -> Reconstruction:
    """The first repeat, and its sigmas."""
    return reconstruct_scan(repeats[0], _choice(None, also="errors"), _listener())


@pytest.fixture(scope="module")
def one_object(repeats: tuple[Scan, Scan]) -> tuple[Reconstruction, ...]:
    return reconstruct_group(Group(repeats, "object"), _choice("object", also="errors"), _listener())


def test_two_scans_of_one_object_reach_what_neither_reaches_alone(
    repeats: tuple[Scan, Scan], alone: Reconstruction, one_object: tuple[Reconstruction, ...]
) -> None:
    least = min(_error(alone, repeats[0]), _error(_alone(repeats[1]), repeats[1]))
    assert all(_error(record, repeats[0]) < 0.85 * least for record in one_object)
    np.testing.assert_array_equal(one_object[0].transmission, one_object[1].transmission)
    np.testing.assert_array_equal(one_object[0].x, one_object[1].x)


def test_the_drift_between_two_scans_is_found_and_recorded(
    repeats: tuple[Scan, Scan], one_object: tuple[Reconstruction, ...]
) -> None:
    first, second = (np.asarray(scan.extra["truth/drift"]) for scan in repeats)
    how = one_object[1].history[-1].parameters
    assert np.abs(second - first).max() > 100e-9
    # A tenth of a pixel of 67 nm.
    np.testing.assert_allclose(np.asarray(how["scans.shift"]), second - first, atol=7e-9)
    assert how["scans.shift@units"] == "m"
    assert (np.asarray(how["scans.shift_errors"]) > 0).all()
    assert not np.asarray(one_object[0].history[-1].parameters["scans.shift"]).any()
    # The first scan stays where it is, and the beam of the second met the object there.
    true = np.asarray(repeats[1].extra["truth/position_y"]) + first[0]
    assert one_object[1].position_y is not None
    assert np.ptp(one_object[1].position_y - true) < 1e-12


def test_a_record_names_all_scans_of_its_problem_its_own_first(
    repeats: tuple[Scan, Scan], one_object: tuple[Reconstruction, ...]
) -> None:
    for record, own, other in zip(one_object, repeats, repeats[::-1], strict=True):
        assert [one.uuid for one in record.history[-1].inputs] == [own.uuid, other.uuid]
        assert [one.checksum for one in record.history[-1].inputs] == [own.digest(), other.digest()]
        assert record.entry == own.entry
        assert record.history[-1].parameters["scans.count"] == 2
    assert one_object[0].uuid != one_object[1].uuid


def test_sigmas_of_a_shared_object_know_the_light_of_all_frames(
    alone: Reconstruction, one_object: tuple[Reconstruction, ...]
) -> None:
    medians = [float(np.nanmedian(np.asarray(one.phase_sigma))) for one in (alone, one_object[0])]
    # Twice the light; what the unknown probe costs thirty weak frames one redrawn scan tells to a sixth only.
    assert 0.4 < medians[1] / medians[0] < 0.9
    assert one_object[0].coverage is not None
    assert alone.coverage is not None
    assert one_object[0].coverage.max() == pytest.approx(2 * alone.coverage.max(), rel=0.1)


def test_fields_that_overlap_by_a_strip_become_one_object() -> None:
    left = _scan(0, of=lambda scan: np.asarray(scan.stage_x < 0.25e-6))
    right = _scan(2, of=lambda scan: np.asarray(scan.stage_x > -0.25e-6))
    made = reconstruct_group(Group((left, right), "object"), _choice("object"), _listener())
    assert made[0].transmission.shape[1] > _alone(left).transmission.shape[1]
    assert _error(made[0], left) < 0.8 * min(_error(_alone(scan), scan) for scan in (left, right))


def test_many_short_scans_help_each_other_to_a_probe() -> None:
    scans = tuple(_scan(0, "n_positions=14", rotation=angle) for angle in (0.0, 30.0, 60.0))
    made = reconstruct_group(Group(scans, "probe"), _choice("probe", also="errors"), _listener())
    for scan, record in zip(scans[:2], made, strict=False):
        alone = _alone(scan)
        assert record.transmission.shape == alone.transmission.shape
        np.testing.assert_allclose(record.y, alone.y)
        assert _error(record, scan) < 0.8 * _error(alone, scan)
        assert _error(record, scan, "probe_error") < 0.8 * _error(alone, scan, "probe_error")
        assert np.isfinite(np.asarray(record.phase_sigma)).any()
    power = [np.linalg.norm(record.probe) for record in made]
    np.testing.assert_allclose(made[0].probe / power[0], made[1].probe / power[1], atol=1e-6)


def test_a_scan_twice_as_bright_is_joined_with_its_own_light(repeats: tuple[Scan, Scan], alone: Reconstruction) -> None:
    bright = _scan(2, "photon_rate=2e6 Hz")
    said: list[str] = []
    made = reconstruct_group(Group((repeats[0], bright), "object"), _choice("object"), _listener(said))
    assert float(np.asarray(made[1].history[-1].parameters["scans.brightness"])) == pytest.approx(2, rel=0.02)
    power = [float((np.abs(record.probe) ** 2).sum()) for record in made]
    assert power[1] / power[0] == pytest.approx(2, rel=0.02)
    assert made[0].intensity is None
    assert _error(made[0], repeats[0]) < 0.8 * _error(alone, repeats[0])
    assert any("times as bright as scan_0_0" in line for line in said)


def test_stages_that_are_believed_are_not_searched(repeats: tuple[Scan, Scan]) -> None:
    said: list[str] = []
    choice = _choice("object", "pie:2", settings=("scans.drift=none",))
    made = reconstruct_group(Group(repeats, "object"), choice, _listener(said))
    assert made[1].history[-1].parameters["scans.drift"] == "none"
    assert "scans.shift" not in made[1].history[-1].parameters
    assert not any("alone" in line for line in said)


def test_scans_that_show_nothing_in_common_are_named(repeats: tuple[Scan, Scan]) -> None:
    far = dataclasses.replace(repeats[1], stage_x=repeats[1].stage_x + 4e-6)
    with pytest.raises(InputError, match=r"scan_2_0: (lies on none|does not lie on scan_0_0: only).*leave it out"):
        reconstruct_group(Group((repeats[0], far), "object"), _choice("object", "pie:3"), _listener())
    astray = dataclasses.replace(repeats[1], stage_x=repeats[1].stage_x + 1.4e-6)
    with pytest.raises(InputError, match=r"scan_2_0: does not lie on scan_0_0: .* show something else"):
        reconstruct_group(Group((repeats[0], astray), "object"), _choice("object", "pie:8"), _listener())


def test_halves_of_scans_together_tell_the_resolution(repeats: tuple[Scan, Scan]) -> None:
    small = reconstruct_group(Group(repeats, "probe"), _choice("probe", "pie:1", also="halves"), _listener())
    assert "wanted two sides of 32 px" in str(small[1].history[-1].parameters["halves.unresolved"])
    large = tuple(_scan(repeat, "n_positions=50") for repeat in (0, 2))
    for share in ("object", "probe"):
        settings = ("scans.drift=none",) if share == "object" else ()
        choice = _choice(share, "pie:3", also="halves", settings=settings)
        made = reconstruct_group(Group(large, choice.share or "probe"), choice, _listener())
        for record in made:
            assert np.asarray(record.extra["halves/correlation"])[1:3].min() > 0.7


def test_a_wish_to_stop_before_scans_lie_on_one_another_leaves_nothing(repeats: tuple[Scan, Scan]) -> None:
    with pytest.raises(ConvergenceError, match=r"scan_0_0\+1: stopped on request .* nothing to deliver yet"):
        reconstruct_group(Group(repeats, "object"), _choice("object"), _listener(asked=True))
    said: list[str] = []
    made = reconstruct_group(Group(repeats, "probe"), _choice("probe"), _listener(said, asked=True))
    assert {record.history[-1].parameters["status"] for record in made} == {"stopped"}
    assert sum("stopped on request after 1 of 33" in line for line in said) == 2


def test_a_run_that_was_stopped_before_goes_on_to_the_same_numbers(repeats: tuple[Scan, Scan], tmp_path: Path) -> None:
    group, choice, kept = Group(repeats, "object"), _choice("object", "pie:6"), Checkpoints(tmp_path)
    whole = reconstruct_group(group, choice, _listener())
    asks = iter([False, False, True])
    listener = dataclasses.replace(_listener(), asked=lambda: next(asks))
    with pytest.raises(ConvergenceError, match="stopped on request after 3 of 6"):
        reconstruct_group(group, choice, listener, Store(kept))
    assert [path.name for path in tmp_path.iterdir()] == ["scan_0_0.alone.checkpoint.npz"]
    said: list[str] = []
    again = reconstruct_group(group, choice, _listener(said), Store(kept))
    assert any("goes on after iteration 3" in line for line in said)
    for one, other in zip(whole, again, strict=True):
        np.testing.assert_array_equal(one.transmission, other.transmission)
        np.testing.assert_array_equal(one.probe, other.probe)
    assert not list(tmp_path.iterdir())
