"""The background as an unknown: against finite differences in float64, and on scans whose background is known."""

from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from picpxct_nx.ptycho import Background, Control, Model, Snapshot, background, blur, dark, fit, reconstruct, replay
from picpxct_nx.ptycho.beam import start
from picpxct_nx.ptycho.engines import ml
from picpxct_nx.ptycho.gradient import curvature, pulled, room_for
from picpxct_nx.ptycho.state import Dark, Data, State, load, screen_of
from picpxct_nx.simulate.reference import ReferenceScan, reference_scan

from .flawed import error_of, expected, measured, problem_of, smooth

CPU = torch.device("cpu")
POISSON = [pytest.param(False, id="gaussian"), pytest.param(True, id="poisson")]


def _shown(state: State, data: Data) -> torch.Tensor:
    """x = |Psi|^2 + B of all frames in float64; whole-pixel positions, one mode."""
    assert state.background is not None
    h, w = data.weight.shape
    image, probe = state.object.to(torch.complex128), state.probe[0].to(torch.complex128)
    waves = [
        torch.fft.fft2(probe * image[row : row + h, column : column + w])
        for block in data.blocks
        for row, column in block.corners
    ]
    return torch.stack(waves).abs().square() + state.background.double()


def _misfit(state: State, data: Data, *, poisson: bool) -> float:
    """Half of sum (sqrt x - a)^2, or of sum x - a^2 log x, in counts."""
    shown, amplitude = _shown(state, data), data.measured[:].double()
    cost = shown - amplitude.square() * shown.log() if poisson else (shown.sqrt() - amplitude).square()
    return float((cost * data.weight).sum()) / 2 / data.weight.numel()


def _along(state: State, by: State, length: float) -> State:
    assert state.background is not None
    assert by.background is not None
    return State(
        state.object - length * by.object,
        state.probe - length * by.probe,
        background=state.background - length * by.background,
    )


@pytest.fixture
def near(scan: ReferenceScan) -> tuple[Data, State]:
    """A scan and a model near the truth, on a background of two counts."""
    good = np.ones((64, 64), bool)
    good[3:5, 7] = False
    problem = replace(problem_of(scan, measured(2 + expected(scan, scan.probe[None]))), good=good)
    problem = replace(problem, object=smooth(scan.object), probe=scan.probe, background=np.full((64, 64), 1.8))
    data = load(problem, CPU)
    return replace(data, dark=dark.told(data, 0.0)), start(problem, data)


def test_the_gradient_is_that_of_the_misfit_where_all_light_is_light(near: tuple[Data, State]) -> None:
    data, state = near
    assert data.dark is not None
    assert state.background is not None
    # Frames that vary by whatever the model does.
    data = replace(data, dark=replace(data.dark, excess=torch.full_like(data.weight, 1e20)))
    likelihood = fit.Likelihood(torch.tensor(True), 0.0)
    slope = pulled(data, state, room_for(data, state), None, likelihood).gradient.background
    assert slope is not None
    assert slope[data.weight == 0].count_nonzero() == 0
    size = data.weight.numel()
    for pixel in slope.abs().flatten().topk(3).indices.tolist():
        step = torch.zeros_like(state.background)
        step.view(-1)[pixel] = 0.02 * size
        up, down = (
            _misfit(replace(state, background=state.background + sign * step), data, poisson=True) for sign in (1, -1)
        )
        assert (up - down) / (0.04 * size) == pytest.approx(float(slope.view(-1)[pixel]), rel=1e-3)


@pytest.mark.parametrize("poisson", POISSON)
def test_the_curvature_is_that_of_the_misfit(near: tuple[Data, State], poisson: bool) -> None:
    data, state = near
    # Where the model fits, nothing of the curvature is cut or expected only.
    data = replace(data, measured=_shown(state, data).sqrt().float(), least=0.0)
    noise = torch.Generator().manual_seed(1)
    by = State(
        0.01 * torch.randn(state.object.shape, dtype=torch.complex64, generator=noise),
        state.probe * 0.01 * torch.randn(state.probe.shape, generator=noise),
        background=data.weight * data.weight.numel() * torch.randn(data.weight.shape, generator=noise),
    )
    likelihood = fit.Likelihood(torch.tensor(poisson), 0.0)
    for direction in (
        by,
        replace(by, background=torch.zeros_like(data.weight)),
        replace(by, object=0 * by.object, probe=0 * by.probe),
    ):
        asked = pulled(data, state, room_for(data, state), None, likelihood)
        bend = float(curvature(data, state, direction, asked, likelihood))
        at = [_misfit(_along(state, direction, length), data, poisson=poisson) for length in (-0.02, 0.0, 0.02)]
        assert (at[0] - 2 * at[1] + at[2]) / 0.02**2 == pytest.approx(bend, rel=0.02)


def test_what_a_step_of_scoring_asks_is_the_mean_of_what_is_missing(near: tuple[Data, State]) -> None:
    data, _ = near
    size = data.weight.numel()
    certainty = data.weight * torch.rand(data.weight.shape, generator=torch.Generator().manual_seed(2))
    step = background.scored(-3 * size * certainty, certainty, data.weight, 3.0)
    torch.testing.assert_close(step, -3 * size * data.weight)


def test_the_ends_of_a_detector_are_no_neighbours() -> None:
    image = torch.zeros(10, 9)
    # Zero frequency at the corner: rows 4 and 5 are the last and the first of the detector.
    image[4, 2] = 1
    there = blur.smooth(image, 1.0)
    assert there[5, 2] < 1e-6 < there[3, 2]
    other = torch.randn(10, 9, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close((there * other).sum(), (image * blur.spread(other, 1.0)).sum())
    torch.testing.assert_close(blur.smooth(torch.ones(10, 9), 3.0), torch.ones(10, 9))
    assert blur.smooth(image, 0.0) is blur.spread(image, 0.0) is image


def test_light_that_does_not_vary_with_the_counts_is_none() -> None:
    rng = np.random.default_rng(4)
    n, m = 200, 32
    speckle = rng.exponential(2.0, (n, m, m))
    speckle[:, :, m // 2 :] = 0
    counts = rng.poisson(5 + speckle) * m * m
    data = cast(
        "Data",
        SimpleNamespace(
            measured=torch.from_numpy(counts), weight=torch.ones(m, m),
            pieces=lambda: [SimpleNamespace(frames=slice(None))],
            amplitude=lambda frames: torch.from_numpy(counts[frames]).double().sqrt(),
        ),
    )  # fmt: skip
    told = dark.told(data, 0.0)
    light = torch.from_numpy((speckle + rng.exponential(1.0, speckle.shape)) * m * m).float()
    sums = torch.stack([torch.zeros(m, m), torch.zeros(m, m), light.sum(0), light.square().sum(0)])
    part = dark.genuine(data, told, sums)
    # Two counts of light, of which the model makes three (their variance is four of five), or one of none.
    assert float(part[:, 5:11].mean()) == pytest.approx((4 / 5) ** 0.5, abs=0.05)
    assert float(part[:, 21:27].mean()) < 0.25
    assert (dark.genuine(data, told, torch.zeros(4, m, m)) == 1).all()


SHAPES = {"flat": lambda r: np.full_like(r, 4.0), "bump": lambda r: 1 + 7 * np.exp(-((r / 15) ** 2))}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_background_is_found_within_thirty_iterations(scan: ReferenceScan, shape: str) -> None:
    row, column = np.indices((64, 64)) - 32.0
    true = SHAPES[shape](np.hypot(row - 6, column + 4))
    light = expected(scan, scan.probe[None])
    problem = problem_of(scan, measured(true + light))
    result = reconstruct(problem, "pie:3,ml:27", model=Model(background=Background()), device="cpu")
    assert result.background is not None
    # Under the beam nothing tells it.
    dim = light.mean(0) < true
    assert dim.mean() > 0.6
    away = result.background[dim] / true[dim] - 1
    assert abs(away.mean()) < 0.1, "noise of the object is not taken for its light"
    assert np.sqrt((away**2).mean()) < 0.2
    known = reconstruct(replace(problem, background=true), "pie:3,ml:27", device="cpu")
    assert error_of(result, scan) < 1.1 * error_of(known, scan)


def test_few_counts_are_left_to_the_background_too() -> None:
    scan = reference_scan(50, 64, photons=1e5)
    light = expected(scan, scan.probe[None])
    problem = problem_of(scan, measured(0.4 + light))
    result = reconstruct(problem, "pie:3,ml:37", model=Model(background=Background()), device="cpu")
    assert result.background is not None
    # The most likely one, of an object that may be anything, is less than half of it.
    assert result.background[light.mean(0) < 0.4].mean() == pytest.approx(0.4, rel=0.35)


@pytest.mark.parametrize("after", [4, 7])
def test_a_run_that_is_resumed_finds_the_same_background(scan: ReferenceScan, after: int) -> None:
    problem, model = problem_of(scan, measured(2 + expected(scan, scan.probe[None]))), Model(background=Background(5))
    kept: list[Snapshot] = []
    stop = Control(progress=lambda _e, iteration, _n, _f: iteration < after, keep=kept.append)
    reconstruct(problem, "pie:2,ml:8", model=model, device="cpu", control=stop)
    whole = reconstruct(problem, "pie:2,ml:8", model=model, device="cpu")
    again = reconstruct(problem, "pie:2,ml:8", model=model, device="cpu", control=Control(resume=kept[-1]))
    assert whole.background is not None
    assert again.background is not None
    assert again.background.tobytes() == whole.background.tobytes()
    assert again.object.tobytes() == whole.object.tobytes()


def test_averaged_frames_keep_their_faint_light(scan: ReferenceScan) -> None:
    light = expected(scan, scan.probe[None])
    problem = problem_of(scan, (measured(4 * light) / 4).astype(np.float32))
    assert float(dark.unit(load(problem, CPU), dark.told(load(problem_of(scan), CPU), 3.0))) == 1
    held, found = (
        reconstruct(problem, "pie:3,ml:27", model=model, device="cpu")
        for model in (None, Model(background=Background()))
    )
    assert error_of(found, scan) < 1.1 * error_of(held, scan)
    few = Data(load(problem, CPU).measured[:5], torch.ones(64, 64), (), 1.0, None)
    assert dark.unit(few, Dark(0.0, few.weight, -few.weight)) == 1


def test_no_background_is_below_zero_or_where_nothing_is_measured(near: tuple[Data, State]) -> None:
    data, state = near
    assert state.background is not None
    state = replace(state, background=state.background.clone())
    assert state.background is not None
    state.background[10:20] = 0
    data = replace(data, dark=dark.told(data, 2.0))
    memory = ml.init(data, state, ml.Params(), 8)
    for _ in range(8):
        state, memory, _misfit_now = ml.step(data, state, memory, ml.Params())
        assert state.background is not None
        assert float(state.background.min()) >= 0
        assert state.background[data.weight == 0].count_nonzero() == 0
    assert state.background is not None
    assert float(state.background[12:18].mean()) > 0, "it may come back"


def test_a_held_background_costs_nothing(near: tuple[Data, State], monkeypatch: pytest.MonkeyPatch) -> None:
    data, state = near
    monkeypatch.delattr(data.passes, "background_sums")
    after, memory, _ = ml.step(replace(data, dark=None), state, ml.init(data, state, ml.Params(), 1), ml.Params())
    assert after.background is state.background
    assert memory.direction is not None
    assert memory.direction.background is None


def test_what_the_frames_say_of_it_is_summed_in_blocks(near: tuple[Data, State]) -> None:
    data, state = near
    wave = data.passes.transform(data.passes.exit_waves(state.object, state.probe, data.blocks[0]))
    screen, frames = screen_of(data, state), data.blocks[0].frames
    whole = data.passes.background_sums(wave, data.measured[frames], screen)
    shown = wave.abs().square().sum(1).double()
    total = (shown + state.background).clamp(min=data.least)
    wanted = [data.amplitude(frames).double().square() / total, 1 / total, shown, shown.square()]
    torch.testing.assert_close(whole, torch.stack([part.sum(0) for part in wanted]).float(), rtol=1e-4, atol=0)


def test_a_graph_that_was_recorded_without_a_background_is_not_used_with_one(near: tuple[Data, State]) -> None:
    data, state = near
    calls: list[Any] = []

    def step(_data: Data, given: State, memory: Any, _params: Any) -> Any:
        calls.append(given.background)
        return given, memory, torch.zeros(())

    engine = cast("ModuleType", SimpleNamespace(phase=lambda *_: "any", step=step))
    steps = replay.Steps(engine, None, record=True)
    bare = replace(state, background=None)
    memory = ml.init(data, state, ml.Params(), 1)
    steps(data, bare, memory)
    steps(data, state, memory)
    assert [part is None for part in calls] == [True, False], "each was the first of its kind"
    steps(replace(data, dark=Dark(0.0, data.weight, data.weight)), state, memory)
    assert len(calls) == 3, "what the frames tell is part of a graph"
