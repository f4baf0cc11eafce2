"""The loop and both engines against simulated truth, and the promises of the public entry."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from picpxct_nx.errors import ConvergenceError, InputError, RetryError, UnavailableError, UsageError
from picpxct_nx.images.score import lit_region, object_error
from picpxct_nx.ptycho import Control, DivergedError, Problem, Result, centre_probe, loop, parse, reconstruct
from picpxct_nx.ptycho.beam import start
from picpxct_nx.ptycho.engines import ENGINES, dm, ml
from picpxct_nx.ptycho.result import centre_of_mass
from picpxct_nx.ptycho.state import State, load
from picpxct_nx.simulate.reference import ReferenceScan, reference_scan


def problem_of(scan: ReferenceScan) -> Problem:
    good = np.ones(scan.frames.shape[1:], bool)
    return Problem(scan.frames, good, scan.positions_px, (scan.object.shape[0], scan.object.shape[1]), scan.probe_start)


def error_of(result: Result, scan: ReferenceScan) -> float:
    region = lit_region(scan.probe, scan.positions_px, (scan.object.shape[0], scan.object.shape[1]))
    return object_error(result.object, scan.object, region).error


def model_frames(
    image: NDArray[np.complex64], probe: NDArray[np.complex64], positions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Whole-pixel far-field intensities, modes summed, zero frequency in the middle: written apart from the solver."""
    h, w = probe.shape[1:]
    frames = []
    for row, column in positions.astype(int):
        wave = np.fft.fft2(probe.astype(complex) * image[row : row + h, column : column + w], norm="ortho")
        frames.append(np.fft.fftshift((np.abs(wave) ** 2).sum(axis=0)))
    return np.array(frames)


def fourier_error(frames: NDArray[np.float32], model: NDArray[np.float64]) -> float:
    return float(np.sqrt(((np.sqrt(model) - np.sqrt(frames)) ** 2).sum() / frames.sum()))


def test_object_is_recovered(scan: ReferenceScan, problem: Problem) -> None:
    result = reconstruct(problem, "dm:60,ml:40", device="cpu")
    assert error_of(result, scan) < 0.025
    assert result.status == "done"
    assert result.object.dtype == result.probe.dtype == np.complex64
    assert result.probe.shape == (1, 64, 64)
    assert result.engines == ("dm",) * 60 + ("ml",) * 40


def test_object_is_recovered_at_fractions_of_a_pixel(subpixel_scan: ReferenceScan) -> None:
    problem = problem_of(subpixel_scan)
    error = error_of(reconstruct(problem, "dm:60,ml:40", device="cpu"), subpixel_scan)
    assert error < 0.025
    rounded = replace(problem, positions_px=np.rint(problem.positions_px))
    assert error_of(reconstruct(rounded, "dm:60,ml:40", device="cpu"), subpixel_scan) > 1.15 * error


@pytest.mark.parametrize("recipe", ["dm:80", "ml:60", "raar:80", "pie:20", "lsqml:40"])
def test_each_engine_recovers_the_object_alone(scan: ReferenceScan, problem: Problem, recipe: str) -> None:
    assert error_of(reconstruct(problem, recipe, device="cpu"), scan) < 0.05


def test_unmeasured_pixels_do_no_harm(scan: ReferenceScan, problem: Problem) -> None:
    good = problem.good.copy()
    good[:, 20:23] = False
    good[30:34, 30:34] = False
    frames = np.where(good, scan.frames, 4.0e9).astype(np.float32)
    result = reconstruct(replace(problem, frames=frames, good=good), "dm:60,ml:40", device="cpu")
    assert error_of(result, scan) < 0.03


def test_poisson_likelihood_beats_gaussian_at_few_counts() -> None:
    scan = reference_scan(50, 64, photons=1e5)
    errors = {}
    for kind in ("gaussian", "poisson"):
        stages = parse("dm:40,ml:60", {"ml.likelihood": kind})
        errors[kind] = error_of(reconstruct(problem_of(scan), stages, device="cpu"), scan)
    assert errors["poisson"] < 0.9 * errors["gaussian"]


def test_two_modes_explain_what_one_cannot(scan: ReferenceScan) -> None:
    axis = np.linspace(-1, 1, 64)
    second = 3 * scan.probe[0] * axis[:, None]
    probe = np.stack([scan.probe[0], second]).astype(np.complex64)
    frames = np.random.default_rng(3).poisson(model_frames(scan.object, probe, scan.positions_px)).astype(np.float32)
    one = replace(problem_of(scan), frames=frames)
    two = replace(one, probe=np.concatenate([one.probe, 0.3 * one.probe * axis[:, None]]).astype(np.complex64))
    single = reconstruct(one, "dm:25,ml:25", device="cpu")
    double = reconstruct(two, "dm:25,ml:25", device="cpu")
    assert double.error[-1] < 0.9 * single.error[-1]
    assert error_of(double, scan) < 0.85 * error_of(single, scan)


def test_modes_work_at_fractions_of_a_pixel(subpixel_scan: ReferenceScan) -> None:
    problem = problem_of(subpixel_scan)
    two = np.concatenate([problem.probe, 0.1 * problem.probe * np.linspace(-1, 1, 64)]).astype(np.complex64)
    result = reconstruct(replace(problem, probe=two), "dm:25,ml:25", device="cpu")
    assert error_of(result, subpixel_scan) < 0.04


def test_error_is_the_fourier_error_of_the_model(scan: ReferenceScan, problem: Problem) -> None:
    model = model_frames(scan.object, scan.probe, scan.positions_px)
    result = reconstruct(replace(problem, object=scan.object, probe=scan.probe), "ml:1", device="cpu")
    scaled = model * (scan.frames.sum() / model.sum())
    assert result.error[0] == pytest.approx(fourier_error(scan.frames, scaled), rel=1e-3)


def test_reconstruction_goes_on_where_another_ended(scan: ReferenceScan, problem: Problem) -> None:
    # Poisson likelihood lets the Fourier error rise a little, so it is no measure of it.
    gaussian = {"ml.likelihood": "gaussian"}
    first = reconstruct(problem, parse("dm:30,ml:20", gaussian), device="cpu")
    model = fourier_error(scan.frames, model_frames(first.object, first.probe, scan.positions_px))
    second = reconstruct(
        replace(problem, object=first.object, probe=first.probe), parse("ml:3", gaussian), device="cpu"
    )
    assert second.error[0] == pytest.approx(model, rel=1e-2)
    assert second.error[-1] < first.error[-1]


def test_truth_is_a_fixed_point_of_every_engine_without_noise(scan: ReferenceScan, problem: Problem) -> None:
    frames = model_frames(scan.object, scan.probe, scan.positions_px).astype(np.float32)
    exact = replace(problem, frames=frames, object=scan.object, probe=scan.probe)
    where = torch.device("cpu")
    data = load(exact, where)
    state = State(torch.from_numpy(scan.object), torch.from_numpy(scan.probe))
    for engine in ENGINES.values():
        memory = engine.init(data, state, engine.Params(), 1)
        after, _, misfit = engine.step(data, state, memory, engine.Params())
        assert float(misfit) / data.power < 1e-8
        torch.testing.assert_close(after.object, state.object, atol=2e-3, rtol=0)


def test_line_search_ends_near_the_minimum_on_the_line(problem: Problem) -> None:
    warm = reconstruct(problem, "dm:30", device="cpu")
    data = load(replace(problem, object=warm.object, probe=warm.probe), torch.device("cpu"))
    state = State(torch.from_numpy(warm.object), torch.from_numpy(warm.probe))
    after, _, _ = ml.step(data, state, ml.init(data, state, ml.Params(), 1), ml.Params())

    def cost(part: float) -> float:
        image = (state.object + part * (after.object - state.object)).numpy()
        probe = (state.probe + part * (after.probe - state.probe)).numpy()
        return fourier_error(np.asarray(problem.frames[:]), model_frames(image, probe, problem.positions_px)) ** 2

    below, at, above = cost(0.9), cost(1.0), cost(1.1)
    vertex = 1.0 + 0.05 * (below - above) / (above - 2 * at + below)
    assert 0.8 < vertex < 1.5
    assert at < cost(0.0)


@pytest.mark.parametrize("factor", [1e-25, 1e-3, 1e25])
def test_start_probe_has_the_measured_counts(scan: ReferenceScan, problem: Problem, factor: float) -> None:
    scaled = replace(problem, probe=(factor * problem.probe.astype(complex)).astype(np.complex64))
    state = start(scaled, load(scaled, torch.device("cpu")))
    assert float(state.probe.abs().square().sum()) == pytest.approx(float(scan.frames.sum()) / 50, rel=1e-4)


def test_same_seed_gives_the_same_bits(subpixel_scan: ReferenceScan) -> None:
    problem = problem_of(subpixel_scan)
    first, second = (reconstruct(problem, "dm:5,ml:5", device="cpu", seed=4) for _ in range(2))
    assert first.object.tobytes() == second.object.tobytes()
    assert first.probe.tobytes() == second.probe.tobytes()
    assert first.error.tobytes() == second.error.tobytes()


def test_callers_random_numbers_are_left_alone(problem: Problem) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    reconstruct(problem, "dm:1", device="cpu", seed=7)
    assert torch.equal(torch.rand(3), expected)


def test_progress_tells_engine_iteration_total_and_error(problem: Problem) -> None:
    said: list[tuple[str, int, int, float]] = []
    result = reconstruct(
        problem, "dm:2,ml:1", device="cpu", control=Control(progress=lambda *values: said.append(values))
    )
    assert [values[:3] for values in said] == [("dm", 1, 3), ("dm", 2, 3), ("ml", 3, 3)]
    assert [values[3] for values in said] == result.error.tolist()


def test_stop_request_returns_what_was_reached(problem: Problem) -> None:
    control = Control(progress=lambda _e, iteration, _n, _f: iteration < 7)
    result = reconstruct(problem, "dm:5,ml:5", device="cpu", control=control)
    assert result.status == "stopped"
    assert len(result.error) == len(result.engines) == 7
    assert "7 of 10" in result.message
    alone = reconstruct(problem, "dm:5,ml:2", device="cpu")
    assert np.array_equal(alone.object, result.object)


def test_numbers_that_overflow_raise_with_the_last_finite_result(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overflow(_engine: str, iteration: int, _total: int, _error: float) -> None:
        if iteration == 2:
            assert isinstance(data.measured, torch.Tensor)
            data.measured.fill_(float("inf"))

    data = load(problem, torch.device("cpu"))
    monkeypatch.setattr(loop, "load", lambda *_: data)
    with pytest.raises(ConvergenceError) as caught:
        reconstruct(problem, "dm:5", device="cpu", control=Control(progress=overflow))
    monkeypatch.undo()
    assert isinstance(caught.value, DivergedError)
    assert str(caught.value).startswith("dm: diverged at iteration 3, object or probe is not finite; wanted")
    assert "\n" not in str(caught.value)
    last, two = caught.value.last, reconstruct(problem, "dm:2", device="cpu")
    assert last.status == "diverged"
    assert np.array_equal(last.object, two.object)
    assert np.array_equal(last.error, two.error)


def test_error_that_runs_away_raises(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "RUNAWAY_ERROR", 0.01)
    with pytest.raises(ConvergenceError, match=r"ml: diverged at iteration 1, Fourier error 0\.\d+; wanted"):
        reconstruct(problem, "ml:3", device="cpu")


@pytest.mark.parametrize("value", [0.0, 1e25])
def test_start_object_without_a_finite_model_is_refused(problem: Problem, value: float) -> None:
    image = np.full(problem.object_shape, value, np.complex64)
    with pytest.raises(InputError, match="the start model puts"):
        reconstruct(replace(problem, object=image), "dm:1", device="cpu")


def test_recipe_without_stages_is_refused(problem: Problem) -> None:
    with pytest.raises(UsageError, match="recipe: no stages"):
        reconstruct(problem, (), device="cpu")


def test_unknown_device_is_refused(problem: Problem) -> None:
    with pytest.raises(UsageError, match="device 'gpu': unknown"):
        reconstruct(problem, "dm:1", device="gpu")


def test_missing_gpu_is_unavailable_with_a_remedy(problem: Problem) -> None:
    with pytest.raises(UnavailableError, match="use device cpu or auto"):
        reconstruct(problem, "dm:1", device="cuda:99")


def test_exhausted_gpu_memory_asks_for_another_try(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(dm, "step", exhausted)
    with pytest.raises(RetryError, match="out of memory"):
        reconstruct(problem, "dm:1", device="cpu")


def test_average_of_late_iterates_is_their_mean(problem: Problem) -> None:
    stages = parse("dm:8", {"dm.average": "3"})
    last = [reconstruct(problem, f"dm:{count}", device="cpu").object for count in (6, 7, 8)]
    mean = reconstruct(problem, stages, device="cpu").object
    np.testing.assert_allclose(mean, np.mean(last, axis=0), atol=1e-4)


def test_object_magnitude_can_be_bounded(problem: Problem) -> None:
    free = reconstruct(problem, "dm:8", device="cpu")
    bound = reconstruct(problem, parse("dm:8", {"dm.object_max": "1.0"}), device="cpu")
    assert np.abs(free.object).max() > 1.05
    assert np.abs(bound.object).max() <= 1 + 1e-6


def test_probe_waits_for_its_start(problem: Problem) -> None:
    for recipe, key in (("dm:3", "dm.probe_start"), ("ml:3", "ml.probe_start")):
        stages = parse(recipe, {key: "4"})
        held = reconstruct(problem, stages, device="cpu")
        begin = start(problem, load(problem, torch.device("cpu"))).probe.numpy()
        assert np.array_equal(held.probe, begin)


def test_probe_is_centred_only_on_request(scan: ReferenceScan, problem: Problem) -> None:
    aside = replace(problem, probe=np.roll(problem.probe, 3, axis=1))
    free = reconstruct(aside, "dm:20", device="cpu")
    centred = reconstruct(aside, parse("dm:20", {"dm.centre_probe": "true"}), device="cpu")
    row = centre_of_mass(free.probe)[0]
    assert row - 32 > 1
    assert abs(centre_of_mass(centred.probe)[0] - 32) < 1
    assert np.array_equal(centred.probe, centre_probe(free).probe)


def test_illumination_is_the_dose_on_the_object(problem: Problem) -> None:
    result = reconstruct(problem, "dm:2", device="cpu")
    expected = np.zeros(problem.object_shape)
    for row, column in problem.positions_px.astype(int):
        expected[row : row + 64, column : column + 64] += np.abs(result.probe[0]) ** 2
    np.testing.assert_allclose(result.illumination, expected, rtol=1e-4, atol=1e-4 * expected.max())


def test_solver_imports_with_torch_and_numpy_alone() -> None:
    program = (
        "import sys\n"
        "for name in ('scipy', 'h5py', 'pint', 'typer', 'nexusformat', 'rich', 'hdf5plugin'):\n"
        "    sys.modules[name] = None\n"
        "import numpy as np\n"
        "from picpxct_nx.ptycho import Problem, reconstruct\n"
        "frames = np.random.default_rng(0).poisson(9, (4, 8, 8))\n"
        "positions = np.array([[0, 0], [0, 2], [2, 0], [2, 2.5]])\n"
        "probe = np.ones((1, 8, 8), np.complex64)\n"
        "problem = Problem(frames, np.ones((8, 8), bool), positions, (10, 11), probe)\n"
        "print(reconstruct(problem, 'dm:1,ml:1', device='cpu').status)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "done\n", done.stderr


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_gives_what_the_cpu_gives(subpixel_scan: ReferenceScan) -> None:
    problem = problem_of(subpixel_scan)
    gpu = [reconstruct(problem, "dm:10,ml:5", device="cuda") for _ in range(2)]
    cpu = reconstruct(problem, "dm:10,ml:5", device="cpu")
    np.testing.assert_allclose(gpu[0].error, cpu.error, rtol=1e-2)
    assert gpu[0].object.tobytes() == gpu[1].object.tobytes()


@pytest.mark.slow
def test_the_default_recipe_recovers_the_full_reference_scan() -> None:
    scan = reference_scan()
    result = reconstruct(problem_of(scan), device="cpu")
    assert error_of(result, scan) < 0.01
    assert result.chosen == {"ml.likelihood": "poisson"}
