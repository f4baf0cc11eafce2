"""Checkpoint and resume: a run that is stopped anywhere goes on to the same numbers, or says why it cannot."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from picpxct_nx.errors import InputError
from picpxct_nx.ptycho import Control, Model, Problem, Result, Snapshot, Stop, describe, parse, reconstruct
from picpxct_nx.ptycho.engines import ENGINES
from picpxct_nx.ptycho.snapshot import pack, unpack
from picpxct_nx.ptycho.state import State
from picpxct_nx.simulate.reference import ReferenceScan

RECIPE = ",".join(f"{engine}:3" for engine in ENGINES)


EVERYTHING = describe(
    ["positions,intensity", "background,variation"],
    modes=2,
    overrides={"background.start": "4", "variation.start": "2", "start.coarse": "2", "object.max": "1.2"},
)


def _stopped(
    problem: Problem, recipe: str, after: int, seed: int = 3, model: Model | None = None
) -> tuple[Result, Snapshot]:
    kept: list[Snapshot] = []
    control = Control(progress=lambda _e, iteration, _n, _f: iteration < after, keep=kept.append)
    result = reconstruct(problem, recipe, model=model, device="cpu", seed=seed, control=control)
    return result, kept[-1]


def _same(a: Result, b: Result) -> None:
    assert a.object.tobytes() == b.object.tobytes()
    assert a.probe.tobytes() == b.probe.tobytes()
    assert a.error.tobytes() == b.error.tobytes()
    assert (a.engines, a.chosen) == (b.engines, b.chosen)
    assert a.positions_px.tobytes() == b.positions_px.tobytes()
    for name in ("intensity", "background", "variation", "weights"):
        one, other = getattr(a, name), getattr(b, name)
        assert (one is None) == (other is None), name
        assert one is None or one.tobytes() == other.tobytes(), name


@pytest.fixture(scope="module")
def subpixel(subpixel_scan: ReferenceScan) -> Problem:
    scan = subpixel_scan
    good = np.ones(scan.frames.shape[1:], bool)
    return Problem(scan.frames, good, scan.positions_px, (scan.object.shape[0], scan.object.shape[1]), scan.probe_start)


@pytest.fixture(scope="module")
def whole(subpixel: Problem) -> Result:
    return reconstruct(subpixel, RECIPE, device="cpu", seed=3)


@pytest.mark.parametrize("after", [2 + 3 * number for number in range(len(ENGINES))])
def test_a_run_stopped_in_the_middle_of_any_stage_goes_on_to_the_same_bits(
    subpixel: Problem, whole: Result, after: int
) -> None:
    _, snapshot = _stopped(subpixel, RECIPE, after)
    assert (snapshot.stage, snapshot.iteration) == divmod(after, 3)
    _same(reconstruct(subpixel, RECIPE, device="cpu", seed=3, control=Control(resume=snapshot)), whole)


@pytest.mark.parametrize("after", [3, 6])
def test_a_run_stopped_between_stages_goes_on_to_the_same_bits(subpixel: Problem, whole: Result, after: int) -> None:
    _, snapshot = _stopped(subpixel, RECIPE, after)
    _same(reconstruct(subpixel, RECIPE, device="cpu", seed=3, control=Control(resume=snapshot)), whole)


@pytest.mark.parametrize("after", [2, 5, 6, 8])
def test_a_run_that_refines_everything_goes_on_to_the_same_bits(subpixel: Problem, after: int) -> None:
    recipe = "pie:3,lsqml:3,ml:4"
    whole = reconstruct(subpixel, recipe, model=EVERYTHING, device="cpu", seed=3)
    assert whole.variation is not None
    assert not np.array_equal(whole.positions_px, subpixel.positions_px)
    _, snapshot = _stopped(subpixel, recipe, after, model=EVERYTHING)
    assert ("state.positions" in snapshot.arrays) == (after > 2)
    control = Control(resume=snapshot)
    _same(reconstruct(subpixel, recipe, model=EVERYTHING, device="cpu", seed=3, control=control), whole)


@pytest.mark.parametrize("after", [4, 6])
def test_a_run_that_finds_a_map_of_the_positions_goes_on_to_the_same_bits(subpixel: Problem, after: int) -> None:
    model = describe(["positions"], overrides={"positions.geometry": "affine"})
    whole = reconstruct(subpixel, "pie:2,ml:6", model=model, device="cpu", seed=3)
    assert not np.array_equal(whole.positions_px, subpixel.positions_px)
    _, snapshot = _stopped(subpixel, "pie:2,ml:6", after, model=model)
    control = Control(resume=snapshot)
    _same(reconstruct(subpixel, "pie:2,ml:6", model=model, device="cpu", seed=3, control=control), whole)


@pytest.mark.parametrize(
    "other", [None, Model(modes=2), describe(["positions"]), describe(["intensity"], overrides={"intensity.step": "1"})]
)
def test_a_snapshot_with_another_refinement_is_refused(problem: Problem, other: Model | None) -> None:
    _, snapshot = _stopped(problem, "pie:3", 2, model=describe(["intensity"]))
    with pytest.raises(InputError, match="made with another recipe or refinement"):
        reconstruct(problem, "pie:3", model=other, device="cpu", seed=3, control=Control(resume=snapshot))


def test_refined_positions_stay_on_the_host() -> None:
    ones = torch.ones(3, 2, dtype=torch.float64)
    state = State(torch.ones(4, 4), torch.ones(1, 2, 2), positions=ones, velocity=ones, scale=torch.ones(3))
    fresh = State(state.object.to("meta"), state.probe.to("meta"))
    found = unpack(fresh, pack(state, "state"), "state", torch.device("meta"))
    assert found.object.is_meta
    assert found.scale is not None
    assert found.scale.is_meta
    assert found.positions is not None
    assert found.velocity is not None
    assert torch.equal(found.positions, ones)
    assert torch.equal(found.velocity, ones)


def test_the_mean_of_late_iterates_survives_a_stop(problem: Problem) -> None:
    stages = parse("dm:6", {"dm.average": "4", "dm.centre_probe": "true"})
    kept: list[Snapshot] = []
    reconstruct(problem, stages, device="cpu", control=Control(keep=kept.append, every=0))
    assert [snapshot.iteration for snapshot in kept] == [1, 2, 3, 4, 5, 6]
    for snapshot in kept:
        _same(
            reconstruct(problem, stages, device="cpu", control=Control(resume=snapshot)),
            reconstruct(problem, stages, device="cpu"),
        )


def test_a_snapshot_holds_arrays_without_objects(problem: Problem) -> None:
    _, snapshot = _stopped(problem, "ml:4", 2)
    assert all(array.dtype.kind in "cfuiUb" for array in snapshot.arrays.values())
    assert {"state.object", "memory.gradient.probe", "memory.iteration"} <= set(snapshot.arrays)
    assert "memory.waves" not in snapshot.arrays, "room without content is not worth a stack of waves"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda p: (replace(p, frames=p.frames[::-1]), "pie:3", 3), "another scan or start"),
        (
            lambda p: (replace(p, positions_px=p.positions_px + 0.25), "pie:3", 3),
            "another scan or start",
        ),
        (lambda p: (replace(p, object=np.ones(p.object_shape, np.complex64)), "pie:3", 3), "another scan or start"),
        (lambda p: (replace(p, intensity=np.ones(50)), "pie:3", 3), "another scan or start"),
        (lambda p: (replace(p, background=np.zeros(p.good.shape)), "pie:3", 3), "another scan or start"),
        (lambda p: (replace(p, pupil=p.good), "pie:3", 3), "another scan or start"),
        (lambda p: (p, "pie:4", 3), "another recipe"),
        (lambda p: (p, parse("pie:3", {"pie.friction": "0.1"}), 3), "another recipe"),
        (lambda p: (p, "pie:3", 4), "another seed, 3; wanted 4"),
    ],
)
def test_a_snapshot_of_another_run_is_refused(
    problem: Problem, change: Callable[[Problem], tuple[Problem, str, int]], what: str
) -> None:
    _, snapshot = _stopped(problem, "pie:3", 2)
    other, recipe, seed = change(problem)
    with pytest.raises(InputError, match=f"^checkpoint: made with {what}") as caught:
        reconstruct(other, recipe, device="cpu", seed=seed, control=Control(resume=snapshot))
    assert "\n" not in str(caught.value)


def test_a_snapshot_of_another_version_is_refused(problem: Problem) -> None:
    _, snapshot = _stopped(problem, "pie:3", 2)
    old = replace(snapshot, identity=replace(snapshot.identity, version="0.0.1"))
    with pytest.raises(InputError, match=r"another program version, 0\.0\.1"):
        reconstruct(problem, "pie:3", device="cpu", seed=3, control=Control(resume=old))


@pytest.mark.parametrize("damage", ["state.object", "memory.iteration"])
def test_a_snapshot_without_all_its_arrays_is_refused(problem: Problem, damage: str) -> None:
    _, snapshot = _stopped(problem, "pie:3", 2)
    torn = replace(snapshot, arrays={name: array for name, array in snapshot.arrays.items() if name != damage})
    with pytest.raises(InputError, match=f"checkpoint: {damage} is missing"):
        reconstruct(problem, "pie:3", device="cpu", seed=3, control=Control(resume=torn))


def test_snapshots_wait_for_their_time(problem: Problem) -> None:
    kept: list[Snapshot] = []
    reconstruct(problem, "pie:3", device="cpu", control=Control(keep=kept.append, every=1000))
    assert kept == []


def test_a_plateau_ends_the_turn_of_its_engine_and_says_so(problem: Problem) -> None:
    result = reconstruct(problem, "pie:3,ml:200,raar:1", device="cpu", control=Control(stop=Stop(plateau=5e-3)))
    turns = [result.engines.count(engine) for engine in ("pie", "ml", "raar")]
    assert turns[0] == 3, "fewer iterations than the rule looks at"
    assert 5 <= turns[1] < 200
    assert turns[2] == 1
    assert result.status == "done"
    assert result.message.startswith(f"ml: plateau at iteration {turns[1]} of 200; ")


def test_a_plateau_is_found_at_the_same_iteration_after_a_stop(problem: Problem) -> None:
    stop, kept = Stop(plateau=8e-3), list[Snapshot]()
    whole = reconstruct(problem, "pie:3,ml:60", device="cpu", control=Control(stop=stop, keep=kept.append, every=0))
    assert len(whole.error) < 63
    _same(reconstruct(problem, "pie:3,ml:60", device="cpu", control=Control(stop=stop, resume=kept[-2])), whole)


def test_a_smaller_plateau_takes_longer_and_comes_nearer(problem: Problem) -> None:
    runs = [
        reconstruct(problem, "pie:3,ml:60", device="cpu", control=Control(stop=Stop(plateau=least)))
        for least in (1e-2, 3e-3)
    ]
    best = reconstruct(problem, "pie:3,ml:60", device="cpu").object
    far = [np.abs(run.object - best).mean() for run in runs]
    assert len(runs[0].error) < len(runs[1].error)
    assert far[1] < far[0]


def test_a_time_limit_ends_the_run_with_what_was_reached(problem: Problem) -> None:
    result = reconstruct(problem, "dm:1000000", device="cpu", control=Control(stop=Stop(seconds=0.5)))
    assert 0 < len(result.error) < 1000000
    assert result.status == "done"
    assert result.message == f"time limit of 0.5 s after {len(result.error)} of 1000000 iterations"


def test_a_time_limit_that_is_not_reached_changes_nothing(problem: Problem) -> None:
    _same(
        reconstruct(problem, "pie:2", device="cpu", control=Control(stop=Stop(seconds=1e9))),
        reconstruct(problem, "pie:2", device="cpu"),
    )


@pytest.mark.parametrize(("field", "value"), [("plateau", -1.0), ("plateau", 1.0), ("seconds", 0.0)])
def test_a_rule_out_of_range_is_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match="wanted"):
        Stop(**{field: value})


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_same_bits_again(subpixel: Problem, engine: str) -> None:
    first, again = (reconstruct(subpixel, f"{engine}:3", device="cpu", seed=5) for _ in range(2))
    _same(first, again)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_that_overflows_is_named_with_the_remedy(
    problem: Problem, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from picpxct_nx.ptycho import DivergedError, loop
    from picpxct_nx.ptycho.state import load

    data = load(problem, torch.device("cpu"))
    monkeypatch.setattr(loop, "load", lambda *_: data)

    def overflow(_engine: str, iteration: int, _total: int, _error: float) -> None:
        if iteration == 2:
            assert isinstance(data.measured, torch.Tensor)
            data.measured.fill_(float("inf"))

    says = f"^{engine}: diverged at iteration 3, .* check the positions' scale"
    with pytest.raises(DivergedError, match=says) as end:
        reconstruct(problem, f"{engine}:5", device="cpu", control=Control(progress=overflow))
    assert np.isfinite(end.value.last.object).all()
    assert len(end.value.last.error) == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_that_creates_power_is_named(
    problem: Problem, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from picpxct_nx.ptycho import DivergedError, loop

    monkeypatch.setattr(loop, "RUNAWAY_ERROR", 1e-3)
    with pytest.raises(DivergedError, match=f"^{engine}: diverged at iteration 1, Fourier error"):
        reconstruct(problem, f"{engine}:3", device="cpu")
