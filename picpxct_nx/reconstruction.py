"""One raw scan to its reconstruction: geometry, solver, sigmas, halves, record."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from picpxct_nx import account, refocus, warm
from picpxct_nx.checkpoints import Checkpoints
from picpxct_nx.choice import Choice
from picpxct_nx.errors import ConvergenceError, PicpxctError
from picpxct_nx.geometry import Grid, make_problem, make_reconstruction
from picpxct_nx.illumination import probe_of
from picpxct_nx.images.frc import FrcOptions, RingCorrelation, sentence
from picpxct_nx.images.frc_record import correlate
from picpxct_nx.provenance import step
from picpxct_nx.ptycho import Control, Model, Problem, Result, Stage, reconstruct
from picpxct_nx.ptycho.joint import half
from picpxct_nx.ptycho.loop import DivergedError
from picpxct_nx.ptycho.model import begun
from picpxct_nx.ptycho.uncertainty import Errors, errors_of
from picpxct_nx.records import Reconstruction, Record, Scan
from picpxct_nx.values import Value

# Of the ring correlation of the halves.
HALVES = FrcOptions("phase", "half-bit")


@dataclass(frozen=True)
class Listener:
    """Who is told what while a scan is reconstructed.

    `report` gets what is worked on, iteration, iterations in all, and Fourier error. `note` gets what was chosen.
    `diverged` gets the name of a scan that diverged and is kept at its last finite state. `asked` says whether to end
    after the running iteration; `warn` gets what nobody should miss: how far a scan came that was ended so, and that a
    model does not fit.
    """

    report: Callable[[str, int, int, float], None]
    note: Callable[[str], None]
    diverged: Callable[[str], None]
    asked: Callable[[], bool] = lambda: False
    warn: Callable[[str], None] = lambda _: None


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

    def recall(self, scan: Record, product: Record) -> None:
        """Take what an earlier run made of a scan for a neighbour, so that a chain goes on as if it had not stopped."""
        if self.neighbours is not None and isinstance(scan, Scan) and isinstance(product, Reconstruction):
            self.neighbours.add(scan, product)


@dataclass(frozen=True)
class Posed:
    """A problem, what it is called, the entries whose scans pose it, and how to solve it."""

    name: str
    entries: tuple[str, ...]
    problem: Problem
    stages: tuple[Stage, ...]
    model: Model


@dataclass(frozen=True)
class _Task:
    """One scan and the problem it poses.

    `others` are reconstructions that are read as well; `facts` are what was found on the way, for the history.
    """

    scan: Scan
    posed: Posed
    grid: Grid
    others: tuple[Reconstruction, ...]
    facts: dict[str, Value] = field(default_factory=dict)


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
    result = solve(task.posed, choice, listener, store.checkpoints)
    for line in account.found(task.posed.problem.positions_px, result):
        listener.note(f"{record.entry}: {line}")
    sigmas = noise_of(task.posed, result, choice, listener)
    curve = None
    if result.status == "done" and "halves" in choice.also:
        curve = _halves(task, result, choice, listener)
    facts: dict[str, Value] = {"status": result.status, "message": result.message}
    how = account.parameters(choice, task.posed.stages, task.posed.model, result)
    facts = how | task.facts | facts | account.facts(sigmas, curve)
    made = step("reconstruct", facts, [parent.as_input() for parent in (record, *task.others)])
    product = make_reconstruction(record, result, task.grid, made, task.others, account.more_values(sigmas, curve))
    if result.status == "stopped":
        listener.warn(f"{record.entry}: {result.message}")
    elif store.checkpoints is not None:
        store.checkpoints.forget(record.entry)
    if store.neighbours is not None:
        store.neighbours.add(record, product)
    return product


def _prepare(scan: Scan, choice: Choice, listener: Listener, store: Store) -> _Task:
    near = store.neighbours.of(scan) if store.neighbours is not None else None
    # A monitor has noise of its own, so that it is a start for intensities that are refined, and nothing else.
    monitored = choice.model.intensity is not None and scan.monitor is not None
    probe = probe_of(choice.probe, scan) if choice.probe is not None else None
    probe = warm.probe_for(near, scan) if near is not None else probe
    problem, grid = make_problem(scan, frames=choice.frames, probe=probe, use_monitor=monitored)
    if near is not None:
        problem, shift = warm.registered(problem, grid, near, choice.device)
        posed = Posed(scan.entry, (scan.entry,), problem, _likewise(choice.warm, near), begun(choice.model))
        task = _Task(scan, posed, grid, (near.record,), warm.facts(shift, grid))
        origin = f"warm from {near.record.entry}, moved by ({shift.px[0]:+.2f}, {shift.px[1]:+.2f}) px"
    else:
        found: dict[str, Value] = {}
        if choice.refocus:
            problem, better = refocus.of_scan(
                problem, scan, choice.device, choice.seed, _progress(f"{scan.entry} defocus", listener)
            )
            listener.note(f"{scan.entry}: {refocus.sentence(better)}")
            found = refocus.facts(better)
        posed = Posed(scan.entry, (scan.entry,), problem, choice.stages, choice.model)
        task = _Task(scan, posed, grid, () if choice.probe is None else (choice.probe,), found)
        origin = "cold" if store.neighbours is not None else ""
    rows, columns = problem.object_shape
    modes = choice.model.modes or len(problem.probe)
    listener.note(
        f"{scan.entry}: {len(grid.frame)} of {len(scan.stage_x)} frames, object {rows} x {columns} px of "
        f"{grid.pixel[0] * 1e9:.4g} x {grid.pixel[1] * 1e9:.4g} nm, {modes} probe modes, {choice.device}"
        f"{', ' if origin else ''}{origin}"
    )
    if monitored:
        listener.note(f"{scan.entry}: intensities start with the monitor's")
    return task


def _progress(what: str, listener: Listener) -> Callable[[int, int, float], bool]:
    """Reports what is worked on, and goes on unless somebody asks to end."""

    def go(number: int, total: int, error: float) -> bool:
        listener.report(what, number, total, error)
        return not listener.asked()

    return go


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


def solve(posed: Posed, choice: Choice, listener: Listener, checkpoints: Checkpoints | None) -> Result:
    """What the solver makes of a problem.

    Where it diverges and the choice wants it, that is the last finite state.

    Raises
    ------
    DivergedError
        The numbers became non-finite or ran away.
    """

    def progress(engine: str, iteration: int, total: int, error: float) -> bool:
        return _progress(f"{posed.name} {engine}", listener)(iteration, total, error)

    control = Control(progress, choice.stop)
    if checkpoints is not None:
        resume = checkpoints.load(posed.name)
        if resume is not None:
            after = f"goes on after iteration {len(resume.error)} from {checkpoints.path(posed.name)}"
            listener.note(f"{posed.name}: {after}")
        control = replace(control, resume=resume, keep=lambda snapshot: checkpoints.save(posed.name, snapshot))
    try:
        return reconstruct(
            posed.problem, posed.stages, model=posed.model, device=choice.device, seed=choice.seed, control=control
        )
    except DivergedError as error:
        if "diverged" not in choice.also or not len(error.last.error):
            raise
        for entry in posed.entries:
            listener.diverged(f"{entry} ({error})")
        return error.last


def noise_of(posed: Posed, result: Result, choice: Choice, listener: Listener) -> Errors | None:
    """Sigma maps of a result, where they are wanted and it came to its end."""
    if result.status != "done" or "errors" not in choice.also:
        return None
    sigmas = errors_of(posed.problem, result, posed.stages, model=posed.model, device=choice.device, seed=choice.seed)
    listener.note(f"{posed.name}: {account.noise(sigmas)}")
    for line in account.doubts(sigmas, result):
        listener.warn(f"{posed.name}: {line}")
    return sigmas


def _halves(task: _Task, result: Result, choice: Choice, listener: Listener) -> RingCorrelation | str:
    """Ring correlation of the images that the odd and the even frames give, or why there is none.

    Each begins with an empty object, for a warm start would give both the noise of all frames and a resolution that is
    too good; the probe and all else that was refined are those of all frames, whose noise is far smaller, and are
    refined further.
    """
    try:
        images = []
        for first in (0, 1):
            done = solve_half(task.posed, half(task.posed.problem, result, first), choice, listener, first)
            grid = replace(task.grid, frame=task.grid.frame[first::2])
            images.append(make_reconstruction(task.scan, done, grid, step("reconstruct", {})))
        curve = correlate(images[0], images[1], HALVES)
    except PicpxctError as error:
        listener.note(f"{task.scan.entry}: no resolution from halves: {error}")
        return str(error)
    listener.note(f"{task.scan.entry}: halves: {sentence(curve)}")
    return curve


def solve_half(posed: Posed, problem: Problem, choice: Choice, listener: Listener, number: int) -> Result:
    """What the recipe, from its beginning, makes of half the frames of a problem.

    Raises
    ------
    ConvergenceError
        It did not come to its end.
    """

    def progress(engine: str, iteration: int, total: int, error: float) -> bool:
        listener.report(f"{posed.name} half {number + 1} {engine}", iteration, total, error)
        return not listener.asked()

    done = reconstruct(
        problem, choice.stages, model=choice.model, device=choice.device, seed=choice.seed,
        control=Control(progress, choice.stop),
    )  # fmt: skip
    if done.status != "done":
        raise ConvergenceError(f"a half was {done.message}")
    return done
