"""The one loop around all engines: device, blocks, seed, error, progress, stop, divergence."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from picpxct_nx.errors import ConvergenceError, RetryError, UsageError

from . import device as devices
from . import refine
from .beam import illumination, start
from .coarse import doubled, halved
from .engines import ENGINES
from .model import Model
from .modes import orthogonal, with_modes
from .problem import Problem
from .recipe import Stage, parse
from .reflections import ExitWaves
from .result import Result, centre_probe
from .state import Data, State, load

# engine, iteration (from 1), iterations in all, Fourier error; False asks to stop after this iteration.
Progress = Callable[[str, int, int, float], bool | None]

# Wrong phases on a probe of the right power give an error near 1; this far above it, power is being created.
RUNAWAY_ERROR = 5.0


class DivergedError(ConvergenceError):
    """The reconstruction became non-finite or ran away; `last` is the last finite `Result`."""

    def __init__(self, message: str, last: Result) -> None:
        super().__init__(message)
        self.last = last


@dataclass
class _Run:
    """What the loop has reached: the last finite state and the record of the iterations that led to it."""

    problem: Problem
    data: Data
    state: State
    plan: refine.Plan
    error: list[float] = field(default_factory=list)
    engines: list[str] = field(default_factory=list)


class _Stop(Exception):  # noqa: N818 - a request, not an error
    """The progress callback asked to stop."""


def reconstruct(
    problem: Problem,
    recipe: str | tuple[Stage, ...] = "default",
    *,
    model: Model | None = None,
    device: str = "auto",
    seed: int = 0,
    progress: Progress | None = None,
) -> Result:
    """Object and probe of a scan by the engines of a recipe, one after the other.

    Parameters
    ----------
    problem : Problem
        Frames, mask, positions and start guesses.
    recipe : str or tuple of Stage
        "default", "paper", or for example "dm:100,ml:100"; or stages from `parse`.
    model : Model, optional
        What is refined beside object and probe; by default nothing is.
    device : str
        "auto", "cpu", "cuda" or "cuda:N".
    seed : int
        Seed of every random choice an engine makes. The same input, seed, device and number of threads give the same
        bits.
    progress : callable, optional
        Called after every iteration with (engine, iteration, iterations in all, error); returning False stops.

    Returns
    -------
    Result
        With status "done" or "stopped".

    Raises
    ------
    InputError
        The frames hold what cannot be counts.
    UsageError
        The recipe or the device has no such name, or positions are to be refined and no engine moves them.
    UnavailableError
        A GPU is asked for and not there.
    ConvergenceError
        Numbers became non-finite or ran away; its `last` is the last finite Result.
    RetryError
        The GPU's memory is too small or in use.
    """
    stages = parse(recipe) if isinstance(recipe, str) else recipe
    if not stages:
        raise UsageError("recipe: no stages; wanted at least one engine; use the default recipe, dm:100,ml:100")
    if model is not None and model.positions is not None and not any(_movable(stage) for stage in stages):
        raise UsageError(
            "positions: no engine of the recipe moves them; wanted one without exit waves of its own (pie, lsqml, ml); "
            "add for example ml:20, or leave the positions as they are"
        )
    where = devices.choose(device)
    devices_to_seed = [where] if where.type == "cuda" else []
    try:
        with torch.inference_mode(), torch.random.fork_rng(devices_to_seed):
            torch.manual_seed(seed)
            return _reconstruct(problem, stages, model or Model(), where, progress)
    except torch.OutOfMemoryError as error:
        need = 4 * math.prod(problem.frames.shape) * (1 + 2 * problem.probe.shape[0]) / 2**30
        raise RetryError(
            f"device '{where}': out of memory, the scan needs about {need:.1f} GiB and work space; wait for the GPU to "
            "be free, use another one, or use device cpu"
        ) from error


def _reconstruct(
    problem: Problem, stages: tuple[Stage, ...], model: Model, where: torch.device, progress: Progress | None
) -> Result:
    problem = with_modes(problem, model.modes)
    if model.start.coarse:
        first = (replace(stages[0], iterations=model.start.coarse),)
        problem = doubled(problem, _reconstruct(halved(problem), first, Model(), where, None))
    data = load(problem, where)
    state = start(problem, data)
    run = _Run(problem, data, state, refine.plan(problem, model, data, state))
    total = sum(stage.iterations for stage in stages)
    try:
        for stage in stages:
            _run_stage(run, stage, total, progress)
    except _Stop:
        return _result(run, "stopped", f"stopped on request after {len(run.error)} of {total} iterations")
    return _result(run, "done", f"{total} iterations, Fourier error {run.error[-1]:.4f}")


def _run_stage(run: _Run, stage: Stage, total: int, progress: Progress | None) -> None:
    """All iterations of one engine; the engine's memory is freed on return, before the next one's is made."""
    engine = ENGINES[stage.engine]
    memory = engine.init(run.data, run.state, stage.params, stage.iterations)
    for _ in range(stage.iterations):
        state, memory, error = engine.step(run.data, run.state, memory, stage.params)
        data, state = refine.improve(run.data, state, run.plan, len(run.error) + 1, movable=_movable(stage))
        _check(run, stage, state, error)
        run.data, run.state = data, state
        run.error.append(error)
        run.engines.append(stage.engine)
        if progress is not None and progress(stage.engine, len(run.error), total, error) is False:
            raise _Stop
    run.state = orthogonal(run.state)
    if stage.params.centre_probe:
        centred = centre_probe(_result(run, "done", ""))
        place = run.data.weight.device
        image, probe = (torch.from_numpy(array).to(place) for array in (centred.object, centred.probe))
        varied = None if centred.variation is None else torch.from_numpy(centred.variation).to(place)
        run.state = replace(run.state, object=image, probe=probe, variation=varied)


def _movable(stage: Stage) -> bool:
    """Whether positions may move under an engine; exit waves that it keeps belong to the windows of their positions."""
    return not issubclass(ENGINES[stage.engine].Memory, ExitWaves)


def _check(run: _Run, stage: Stage, state: State, error: float) -> None:
    """Refuse a step that left the finite numbers or created power; the state before it is still in `run`."""
    finite = bool(torch.isfinite(state.object).all() & torch.isfinite(state.probe).all()) and math.isfinite(error)
    if finite and error < RUNAWAY_ERROR:
        return
    what = f"Fourier error {error:.3g}" if finite else "object or probe is not finite"
    message = (
        f"{stage.engine}: diverged at iteration {len(run.error) + 1}, {what}; wanted a finite error below "
        f"{RUNAWAY_ERROR:g}; check the positions' scale and signs and the start probe, or run fewer iterations"
    )
    raise DivergedError(message, _result(run, "diverged", message))


def _result(run: _Run, status: Literal["done", "stopped", "diverged"], message: str) -> Result:
    """Host copy of what the run has reached, its modes orthogonal."""
    state = orthogonal(run.state)
    return Result(
        object=state.object.cpu().numpy().copy(),
        probe=state.probe.cpu().numpy().copy(),
        positions_px=(run.plan.given if state.positions is None else state.positions).numpy().copy(),
        error=np.array(run.error, np.float64),
        engines=tuple(run.engines),
        illumination=illumination(run.data, state).cpu().numpy().copy(),
        status=status,
        message=message,
        **_refined(state),
    )


def _refined(state: State) -> dict[str, NDArray[Any]]:
    """Host copies of what was refined beside object, probe and positions, by the names of `Result`."""
    found = {}
    if state.scale is not None:
        found["intensity"] = state.scale.square().cpu().numpy().copy()
    if state.background is not None:
        counts = torch.fft.fftshift(state.background) / state.background.numel()
        found["background"] = counts.cpu().numpy().copy()
    if state.variation is not None and state.weights is not None:
        found["variation"] = state.variation.cpu().numpy().copy()
        found["weights"] = state.weights.cpu().numpy().copy()
    return found
