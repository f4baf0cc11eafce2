"""One raw scan to its reconstruction: geometry, solver, sigmas, halves, record."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from picpxct_nx import warm
from picpxct_nx.checkpoints import Checkpoints
from picpxct_nx.choice import Choice
from picpxct_nx.errors import ConvergenceError, PicpxctError
from picpxct_nx.geometry import Grid, frame_range, make_problem, make_reconstruction, probe_of
from picpxct_nx.images.frc import FrcOptions, RingCorrelation, sentence
from picpxct_nx.images.frc_record import correlate
from picpxct_nx.provenance import step
from picpxct_nx.ptycho import Control, Problem, Result, Stage, parse, reconstruct
from picpxct_nx.ptycho.device import threads_of
from picpxct_nx.ptycho.loop import DivergedError
from picpxct_nx.ptycho.uncertainty import Errors, errors_of
from picpxct_nx.records import Reconstruction, Record, Scan
from picpxct_nx.values import Value

# Of the ring correlation of the halves.
_HALVES = FrcOptions("phase", "half-bit")


@dataclass(frozen=True)
class Listener:
    """Who is told what while a scan is reconstructed.

    `report` gets what is worked on, iteration, iterations in all, and Fourier error. `note` gets what was chosen.
    `diverged` gets the name of a scan that diverged and is kept at its last finite state. `asked` says whether to end
    after the running iteration; `stopped` gets how far a scan came that was ended so.
    """

    report: Callable[[str, int, int, float], None]
    note: Callable[[str], None]
    diverged: Callable[[str], None]
    asked: Callable[[], bool] = lambda: False
    stopped: Callable[[str], None] = lambda _: None


@dataclass(frozen=True)
class Store:
    """What reconstructions of one run leave to the next: checkpoints, and neighbours to start from."""

    checkpoints: Checkpoints | None = None
    neighbours: warm.Neighbours | None = None

    @classmethod
    def of(cls, choice: Choice, folder: Path | None) -> "Store":
        """The store of a run with checkpoints in a folder, or without."""
        return cls(None if folder is None else Checkpoints(folder), warm.Neighbours() if choice.warm else None)

    @property
    def order(self) -> Callable[[Record], Any] | None:
        """Key by which scans are to be taken, where one starts from the other."""
        return None if self.neighbours is None else warm.order


@dataclass(frozen=True)
class _Task:
    """One scan, the problem it poses, and how to solve it; `others` are reconstructions that are read as well."""

    scan: Scan
    problem: Problem
    grid: Grid
    stages: tuple[Stage, ...]
    others: tuple[Reconstruction, ...]


def reconstruct_scan(record: Record, choice: Choice, listener: Listener, store: Store | None = None) -> Reconstruction:
    """The reconstruction of one scan.

    Where the solver diverges and the choice wants it, that is the last finite state; where the listener asks to end
    early, what was reached.

    Raises
    ------
    DivergedError
        The numbers became non-finite or ran away.
    """
    assert isinstance(record, Scan)  # noqa: S101  # the command asked for scans only
    store = store or Store()
    task = _prepare(record, choice, listener, store)
    result = _solve(task, choice, listener, store.checkpoints)
    facts: dict[str, Value] = {"status": result.status, "message": result.message}
    sigmas = curve = None
    if result.status == "done" and "errors" in choice.also:
        stage = _fitting(task.stages, result)
        sigmas = errors_of(task.problem, result, stage, device=choice.device, seed=choice.seed)
    if result.status == "done" and "halves" in choice.also:
        curve = _halves(task, result, choice, listener)
    made = step("reconstruct", _parameters(task, choice, result) | facts | _facts(sigmas, curve),
                [parent.as_input() for parent in (record, *task.others)])  # fmt: skip
    product = make_reconstruction(record, result, task.grid, made, task.others, _extra(sigmas, curve))
    if result.status == "stopped":
        listener.stopped(f"{record.entry}: {result.message}")
    elif store.checkpoints is not None:
        store.checkpoints.forget(record.entry)
    if store.neighbours is not None:
        store.neighbours.add(record, product)
    return product


def _prepare(scan: Scan, choice: Choice, listener: Listener, store: Store) -> _Task:
    near = store.neighbours.of(scan) if store.neighbours is not None else None
    if near is not None:
        problem, grid = make_problem(scan, frames=choice.frames, probe=warm.probe_for(near, scan))
        task = _Task(scan, warm.with_object(problem, grid, near), grid, _likewise(choice.warm, near), (near.record,))
        origin = f"warm from {near.record.entry}"
    else:
        probe = probe_of(choice.probe, scan) if choice.probe is not None else None
        problem, grid = make_problem(scan, frames=choice.frames, probe=probe)
        task = _Task(scan, problem, grid, choice.stages, () if choice.probe is None else (choice.probe,))
        origin = "cold" if store.neighbours is not None else ""
    rows, columns = problem.object_shape
    listener.note(
        f"{scan.entry}: {len(grid.frame)} of {len(scan.stage_x)} frames, object {rows} x {columns} px of "
        f"{grid.pixel[0] * 1e9:.4g} x {grid.pixel[1] * 1e9:.4g} nm, {len(problem.probe)} probe modes, {choice.device}"
        f"{', ' if origin else ''}{origin}"
    )
    return task


def _likewise(stages: tuple[Stage, ...], near: warm.Neighbour) -> tuple[Stage, ...]:
    """The stages with the likelihood that the neighbour's data chose, so that it need not be found out again."""
    chosen = near.record.history[-1].parameters.get("ml.likelihood")
    if chosen not in ("gaussian", "poisson"):
        return stages
    return tuple(
        replace(stage, params=replace(stage.params, likelihood=chosen))
        if getattr(stage.params, "likelihood", "") == "auto" else stage
        for stage in stages
    )  # fmt: skip


def _solve(task: _Task, choice: Choice, listener: Listener, checkpoints: Checkpoints | None) -> Result:
    entry = task.scan.entry

    def progress(engine: str, iteration: int, total: int, error: float) -> bool:
        listener.report(f"{entry} {engine}", iteration, total, error)
        return not listener.asked()

    control = Control(progress, choice.stop)
    if checkpoints is not None:
        resume = checkpoints.load(entry)
        if resume is not None:
            listener.note(f"{entry}: goes on after iteration {len(resume.error)} from {checkpoints.path(entry)}")
        control = replace(control, resume=resume, keep=lambda snapshot: checkpoints.save(entry, snapshot))
    try:
        return reconstruct(task.problem, task.stages, device=choice.device, seed=choice.seed, control=control)
    except DivergedError as error:
        if "diverged" not in choice.also or not len(error.last.error):
            raise
        listener.diverged(f"{entry} ({error})")
        return error.last


def _fitting(stages: tuple[Stage, ...], result: Result) -> Stage:
    """Maximum likelihood as it ended the recipe, or as it would by default."""
    last = next((stage for stage in reversed(stages) if stage.engine == "ml"), parse("ml:1")[0])
    chosen = result.chosen.get("ml.likelihood", last.params.likelihood)
    return replace(last, params=replace(last.params, likelihood=chosen))


def _halves(task: _Task, result: Result, choice: Choice, listener: Listener) -> RingCorrelation | str:
    """Ring correlation of the images that the odd and the even frames give, or why there is none.

    Each begins with an empty object, for a warm start would give both the noise of all frames and a resolution that is
    too good; the probe is that of all frames, whose noise is far smaller, and is fitted further.
    """
    rows = frame_range(choice.frames, len(task.scan.stage_x))
    try:
        images = [_half(task, result, choice, listener, rows[first::2]) for first in (0, 1)]
        curve = correlate(images[0], images[1], _HALVES)
    except PicpxctError as error:
        listener.note(f"{task.scan.entry}: no resolution from halves: {error}")
        return str(error)
    listener.note(f"{task.scan.entry}: halves: {sentence(curve)}")
    return curve


def _half(task: _Task, result: Result, choice: Choice, listener: Listener, rows: range) -> Reconstruction:
    text = f"{rows.start}:{rows.stop}:{rows.step}"
    problem, grid = make_problem(task.scan, frames=text, probe=result.probe)

    def progress(engine: str, iteration: int, total: int, error: float) -> bool:
        listener.report(f"{task.scan.entry} {text} {engine}", iteration, total, error)
        return not listener.asked()

    control = Control(progress, choice.stop)
    half = reconstruct(problem, choice.stages, device=choice.device, seed=choice.seed, control=control)
    if half.status != "done":
        raise ConvergenceError(f"a half was {half.message}")
    return make_reconstruction(task.scan, half, grid, step("reconstruct", {}))


def _extra(sigmas: Errors | None, curve: RingCorrelation | str | None) -> dict[str, Value]:
    """Values of the record that come with what else was asked for."""
    values: dict[str, Value] = {}
    if sigmas is not None:
        values |= {"object/transmission_errors": sigmas.modulus, "phase/phase_errors": sigmas.phase}
    if isinstance(curve, RingCorrelation):
        values |= {
            "halves/image": curve.image,
            "halves/threshold_name": curve.threshold_name,
            "halves/correlation": curve.correlation,
            "halves/spatial_frequency": curve.spatial_frequency,
        }
        if curve.half_period is not None:
            values["halves/half_period"] = curve.half_period
    return values


def _facts(sigmas: Errors | None, curve: RingCorrelation | str | None) -> dict[str, Value]:
    """What was found on the way, for the history."""
    facts: dict[str, Value] = {}
    if sigmas is not None:
        facts |= {
            "errors.modulus_factor": sigmas.modulus_factor,
            "errors.phase_factor": sigmas.phase_factor,
            "errors.chi_square": sigmas.chi_square,
        }
    unresolved = curve.unresolved if isinstance(curve, RingCorrelation) else curve
    if unresolved:
        facts["halves.unresolved"] = unresolved
    return facts


def _parameters(task: _Task, choice: Choice, result: Result) -> dict[str, Value]:
    values: dict[str, Value] = {
        "recipe": ",".join(f"{s.engine}:{s.iterations}" for s in task.stages),
        "frames": choice.frames,
        "device": choice.device,
        "seed": choice.seed,
        "threads": threads_of(choice.device),
        "also": ",".join(sorted(choice.also)) or "none",
        "stop.plateau": choice.stop.plateau,
    }
    if np.isfinite(choice.stop.seconds):
        values |= {"stop.time": choice.stop.seconds, "stop.time@units": "s"}
    for stage in task.stages:
        for name, value in vars(stage.params).items():
            values[f"{stage.engine}.{name}"] = "none" if value is None else value
    # What was left to an engine is stored as it chose.
    return values | dict(result.chosen)


def summary(record: Record) -> dict[str, Any]:
    """What `--json` prints of a reconstruction."""
    assert isinstance(record, Reconstruction)  # noqa: S101  # the command made it
    errors = np.empty(0) if record.error is None else record.error
    parameters = record.history[-1].parameters
    found = {
        "entry": record.entry,
        "uuid": record.uuid,
        "energy_ev": record.energy_ev,
        "shape": list(record.transmission.shape),
        "pixel_m": [float(record.y[1] - record.y[0]), float(record.x[1] - record.x[0])],
        "status": str(parameters.get("status")),
        "message": str(parameters.get("message")),
        "iterations": len(errors),
        "fourier_error": float(errors[-1]) if len(errors) else None,
    }
    if record.phase_sigma is not None:
        found["phase_sigma_rad"] = float(np.nanmedian(record.phase_sigma))
    if "halves/image" in record.extra:
        half = record.extra.get("halves/half_period")
        found["half_period_m"] = None if half is None else float(np.asarray(half))
    return found
