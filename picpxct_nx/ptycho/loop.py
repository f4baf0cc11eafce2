"""The one loop around all engines: device, blocks, seed, error, progress, stop, divergence."""

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from picpxct_nx.errors import ConvergenceError, RetryError, UsageError

from . import device as devices
from . import refine, replay
from .beam import start
from .coarse import doubled, halved
from .control import Clock, Control, Plateau, Stop
from .engines import ENGINES
from .model import Model
from .modes import orthogonal, with_modes
from .overlap import illumination
from .problem import Problem
from .recipe import Stage, parse
from .result import Result, centre_probe
from .run import Run, result_of, snapshot
from .snapshot import Snapshot, identify, refuse_another, unpack
from .state import State, load, placed

# Iterations between two looks at what a run has reached: to look at a GPU is to wait for it.
LOOK_EVERY = {"cpu": 1, "cuda": 10}
# Wrong phases on a probe of the right power give an error near 1; this far above it, power is being created.
RUNAWAY_ERROR = 5.0


class DivergedError(ConvergenceError):
    """The reconstruction became non-finite or ran away; `last` is the last finite `Result`."""

    def __init__(self, message: str, last: Result) -> None:
        super().__init__(message)
        self.last = last


class _Stop(Exception):  # noqa: N818 - a request, not an error
    """The progress callback asked to stop."""


class _TimeUp(Exception):  # noqa: N818 - a rule, not an error
    """The time limit is reached."""


def reconstruct(
    problem: Problem,
    recipe: str | tuple[Stage, ...] = "default",
    *,
    model: Model | None = None,
    device: str = "auto",
    seed: int = 0,
    control: Control | None = None,
) -> Result:
    """Object and probe of a scan by the engines of a recipe, one after the other.

    Parameters
    ----------
    problem : Problem
        Frames, mask, positions and start guesses.
    recipe : str or tuple of Stage
        "default", "paper", or for example "pie:3,ml:40"; or stages from `parse`.
    model : Model, optional
        What is refined beside object and probe; by default nothing is.
    device : str
        "auto", "cpu", "cpu:N" with N threads, "cuda" or "cuda:N".
    seed : int
        Seed of every random choice an engine makes. The same input, seed, device and number of threads give the same
        bits.
    control : Control, optional
        Who is told, who keeps snapshots, where to go on, and what ends the run early.

    Returns
    -------
    Result
        With status "done", by the recipe or by a rule that its message names, or "stopped", on request.

    Raises
    ------
    InputError
        The frames hold what cannot be counts, or the snapshot to go on from is of another run.
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
        raise UsageError("recipe: no stages; wanted at least one engine; use the default recipe, pie:3,ml:40")
    if model is not None and model.positions is not None and not any(_movable(stage) for stage in stages):
        raise UsageError(
            "positions: no engine of the recipe moves them; wanted one without exit waves of its own (pie, lsqml, ml); "
            "add for example ml:20, or leave the positions as they are"
        )
    where = devices.choose(device)
    devices_to_seed = [where] if where.type == "cuda" else []
    try:
        with torch.inference_mode(), torch.random.fork_rng(devices_to_seed), devices.threads(device):
            torch.manual_seed(seed)
            return _reconstruct(_begin(problem, stages, model or Model(), where, seed, control or Control()))
    except torch.OutOfMemoryError as error:
        need = 4 * math.prod(problem.frames.shape) * (1 + 2 * problem.probe.shape[0]) / 2**30
        raise RetryError(
            f"device '{where}': out of memory, the scan needs about {need:.1f} GiB and work space; wait for the GPU to "
            "be free, use another one, or use device cpu"
        ) from error


def _begin(
    problem: Problem, stages: tuple[Stage, ...], model: Model, where: torch.device, seed: int, control: Control
) -> Run:
    clock, resume = Clock(control), control.resume
    given, problem = problem, with_modes(problem, model.modes)
    if model.start.coarse and resume is None:
        first = (replace(stages[0], iterations=model.start.coarse),)
        limit = Control(stop=Stop(seconds=control.stop.seconds))
        problem = doubled(problem, _reconstruct(_begin(halved(problem), first, Model(), where, seed, limit)))
    data = load(problem, where)
    identity = None
    if control.keep is not None or resume is not None:
        identity = identify(given, data, stages, model, seed)
    state = start(problem, data)
    run = Run(problem, data, state, refine.plan(problem, model, data, state), stages, control, identity, clock)
    if resume is not None and identity is not None:
        refuse_another(resume, identity)
        run.state = unpack(run.state, resume.arrays, "state", where)
        if run.state.positions is not None:
            run.data = placed(data, run.state.positions)
        run.error, run.engines = resume.error.tolist(), list(resume.engines)
        run.chosen, run.ends = dict(resume.chosen), list(resume.ends)
    return run


def _reconstruct(run: Run) -> Result:
    first = 0 if run.control.resume is None else run.control.resume.stage
    try:
        for number in range(first, len(run.stages)):
            _run_stage(run, number, run.control.resume if number == first else None)
    except _Stop:
        return result_of(run, "stopped", f"stopped on request after {len(run.error)} of {run.total} iterations")
    except _TimeUp:
        limit = f"time limit of {run.control.stop.seconds:g} s"
        return result_of(run, "done", f"{limit} after {len(run.error)} of {run.total} iterations")
    ends = "".join(f"{end}; " for end in run.ends)
    return result_of(run, "done", f"{ends}{len(run.error)} iterations, Fourier error {run.error[-1]:.4f}")


def _run_stage(run: Run, place: int, resume: Snapshot | None) -> None:
    """All iterations of one engine; the engine's memory is freed on return, before the next one's is made."""
    stage = run.stages[place]
    engine = ENGINES[stage.engine]
    memory, done = _memory(run, stage, resume)
    plateau = _plateau(run, resume)
    every = 1 if plateau is not None else LOOK_EVERY[run.data.weight.device.type]
    step = replay.Steps(engine, stage.params, record=run.data.recordable)
    pending: list[Tensor] = []
    data, state = run.data, run.state
    for iteration in range(done + 1, stage.iterations + 1):
        count = len(run.error) + len(pending) + 1
        data, state = refine.begun(data, state, run.plan, count, joint=engine.POSITIONS == "joint")
        before = state
        state, memory, misfit = step(data, state, memory)
        data, state = refine.improve(data, state, run.plan, count, movable=_movable(stage))
        pending.append(torch.stack([misfit, _finite(state).to(torch.float64)]))
        if len(pending) < every and iteration < stage.iterations:
            continue
        errors = _look(run, stage, pending)
        pending.clear()
        run.data, run.state = data, state
        run.chosen |= _choices(stage, memory)
        if plateau is not None and plateau.reached(before.object, state.object):
            run.error += errors
            run.engines += [stage.engine] * len(errors)
            run.ends.append(f"{stage.engine}: plateau at iteration {iteration} of {stage.iterations}")
            break
        _after(run, stage, errors, (place, iteration), memory, () if plateau is None else tuple(plateau.changes))
    _end(run, stage)


def _memory(run: Run, stage: Stage, resume: Snapshot | None) -> tuple[Any, int]:
    """What the engine begins with, and how many of its iterations are done."""
    memory = ENGINES[stage.engine].init(run.data, run.state, stage.params, stage.iterations)
    if resume is None:
        return memory, 0
    torch.set_rng_state(torch.from_numpy(resume.random.copy()))
    return unpack(memory, resume.arrays, "memory", run.data.weight.device), resume.iteration


def _plateau(run: Run, resume: Snapshot | None) -> Plateau | None:
    least = run.control.stop.plateau
    if not least:
        return None
    return Plateau(least, illumination(run.data, run.state), () if resume is None else resume.changes)


def _end(run: Run, stage: Stage) -> None:
    """Modes made orthogonal when an engine ends, and the probe centred where it is asked to."""
    run.state = orthogonal(run.state)
    if stage.params.centre_probe:
        centred = centre_probe(result_of(run, "done", ""))
        where = run.data.weight.device
        image, probe = (torch.from_numpy(array).to(where) for array in (centred.object, centred.probe))
        varied = None if centred.variation is None else torch.from_numpy(centred.variation).to(where)
        run.state = replace(run.state, object=image, probe=probe, variation=varied)


def _movable(stage: Stage) -> bool:
    """Whether positions may move under an engine."""
    return bool(ENGINES[stage.engine].POSITIONS != "held")


def _finite(state: State) -> Tensor:
    """Whether object and probe hold finite numbers only, as a flag on their device."""
    return torch.isfinite(state.object).all() & torch.isfinite(state.probe).all()


def _look(run: Run, stage: Stage, pending: list[Tensor]) -> list[float]:
    """Fourier errors of iterations whose misfits are still on the device.

    A step that left the finite numbers or created power is refused; the last state that was looked at is in `run`.
    """
    errors: list[float] = []
    for misfit, finite in torch.stack(pending).tolist():
        error = math.sqrt(misfit / run.data.power) if misfit >= 0 else math.nan
        _check(run, stage, len(run.error) + len(errors) + 1, error, finite=bool(finite) and math.isfinite(error))
        errors.append(error)
    return errors


def _after(
    run: Run, stage: Stage, errors: list[float], place: tuple[int, int], memory: Any, changes: tuple[float, ...]
) -> None:
    """Tell, keep and stop after iterations; `place` is the stage and how many of its iterations are done."""
    asked = False
    for error in errors:
        run.error.append(error)
        run.engines.append(stage.engine)
        if run.control.progress is not None:
            asked |= run.control.progress(stage.engine, len(run.error), run.total, error) is False
    over = run.clock.over() and len(run.error) < run.total
    if run.identity is not None and (asked or over or run.clock.due()):
        run.clock.keep(snapshot(run, run.identity, place, memory, changes))
    if asked:
        raise _Stop
    if over:
        raise _TimeUp


def _choices(stage: Stage, memory: Any) -> dict[str, str]:
    """What an engine chose where a parameter left it to it ("auto"); its memory has it under the same name."""
    automatic = [name for name, value in vars(stage.params).items() if value == "auto"]
    return {f"{stage.engine}.{name}": str(getattr(memory, name)) for name in automatic}


def _check(run: Run, stage: Stage, iteration: int, error: float, *, finite: bool) -> None:
    """Refuse a step that left the finite numbers or created power."""
    if finite and error < RUNAWAY_ERROR:
        return
    what = f"Fourier error {error:.3g}" if finite else "object or probe is not finite"
    message = (
        f"{stage.engine}: diverged at iteration {iteration}, {what}; wanted a finite error below "
        f"{RUNAWAY_ERROR:g}; check the positions' scale and signs and the start probe, or run fewer iterations"
    )
    raise DivergedError(message, result_of(run, "diverged", message))
