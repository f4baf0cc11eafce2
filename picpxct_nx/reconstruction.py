"""One raw scan to its reconstruction: geometry, solver, record."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from picpxct_nx.errors import UsageError
from picpxct_nx.geometry import make_problem, make_reconstruction
from picpxct_nx.illumination import probe_of
from picpxct_nx.provenance import step
from picpxct_nx.ptycho import Model, Result, Stage, describe, parse, reconstruct
from picpxct_nx.ptycho.device import choose as choose_device
from picpxct_nx.ptycho.loop import DivergedError
from picpxct_nx.ptycho.model import LIMITS, REFINABLE
from picpxct_nx.ptycho.modes import powers
from picpxct_nx.ptycho.positions import affine
from picpxct_nx.ptycho.recipe import of_model
from picpxct_nx.records import Reconstruction, Record, Scan
from picpxct_nx.values import Array, Value


@dataclass(frozen=True)
class Choice:
    """How to reconstruct: what stays the same for all scans of one run."""

    stages: tuple[Stage, ...]
    model: Model = field(default_factory=Model)
    frames: str = "::"
    probe: Reconstruction | None = None
    device: str = "cpu"
    seed: int = 0
    threads: int = 0


@dataclass(frozen=True)
class Words:
    """How to reconstruct, in the words of the command line.

    Parameters
    ----------
    recipe : str
        "default", "paper", or for example "dm:100,ml:100".
    settings : tuple of str
        ENGINE.NAME=VALUE or PART.NAME=VALUE.
    modes : int
        Probe modes; 0 takes those of the start probe.
    refine : tuple of str
        What is refined beside object and probe; names, or names separated by commas.
    """

    recipe: str
    settings: tuple[str, ...] = ()
    modes: int = 0
    refine: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listener:
    """Who is told what while a scan is reconstructed.

    `report` gets what is worked on, iteration, iterations in all, and Fourier error. `note` gets what was chosen.
    `diverged` gets the name of a scan that diverged and is kept at its last finite state; None keeps none.
    """

    report: Callable[[str, int, int, float], None]
    note: Callable[[str], None]
    diverged: Callable[[str], None] | None = None


def choose(words: Words, *, frames: str = "::", device: str = "auto", seed: int = 0, threads: int) -> Choice:
    """What the command line asks for, checked before anything is read.

    Parameters
    ----------
    words : Words
        Engines, their parameters and what they refine.
    frames, device, seed, threads
        As the options say; the device that "auto" means is chosen here.

    Raises
    ------
    UsageError
        The recipe, a setting or the device is not understood.
    UnavailableError
        A GPU is asked for and not there.
    """
    overrides: dict[str, str] = {}
    for text in words.settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set '{text}': wanted PART.NAME=VALUE, for example dm.relaxation=0.1")
        overrides[name.strip()] = value.strip()
    stages = parse(words.recipe, {key: value for key, value in overrides.items() if not of_model(key)})
    parts = {key: value for key, value in overrides.items() if of_model(key)}
    model = describe(words.refine, modes=words.modes, overrides=parts)
    return Choice(stages, model, frames, None, str(choose_device(device)), seed, threads)


def starting_with(choice: Choice, records: Sequence[Record]) -> Choice:
    """The choice with the probe of an earlier reconstruction to start with.

    Raises
    ------
    UsageError
        There is more than one reconstruction to take it from.
    """
    if len(records) != 1 or not isinstance(records[0], Reconstruction):
        raise UsageError(f"--probe: found {len(records)} reconstructions; wanted one: select it with FILE::ENTRY")
    return replace(choice, probe=records[0])


def reconstruct_scan(record: Record, choice: Choice, listener: Listener) -> Reconstruction:
    """The reconstruction of one scan.

    Where the solver diverges and the listener wants to be told, that is the last finite state.

    Raises
    ------
    DivergedError
        The numbers became non-finite or ran away.
    """
    assert isinstance(record, Scan)  # noqa: S101  # the command asked for scans only
    start = probe_of(choice.probe, record) if choice.probe is not None else None
    # A monitor has noise of its own, so that it is a start for intensities that are refined, and nothing else.
    monitored = choice.model.intensity is not None and record.monitor is not None
    problem, grid = make_problem(record, frames=choice.frames, probe=start, use_monitor=monitored)
    rows, columns = problem.object_shape
    modes = choice.model.modes or len(problem.probe)
    listener.note(
        f"{record.entry}: {len(grid.frame)} of {len(record.stage_x)} frames, object {rows} x {columns} px of "
        f"{grid.pixel[0] * 1e9:.4g} x {grid.pixel[1] * 1e9:.4g} nm, {modes} probe modes, {choice.device}"
    )

    if monitored:
        listener.note(f"{record.entry}: intensities start with the monitor's")

    def progress(engine: str, iteration: int, total: int, error: float) -> bool:
        listener.report(f"{record.entry} {engine}", iteration, total, error)
        return True

    try:
        result = reconstruct(
            problem, choice.stages, model=choice.model, device=choice.device, seed=choice.seed, progress=progress
        )
    except DivergedError as error:
        if listener.diverged is None or not len(error.last.error):
            raise
        listener.diverged(f"{record.entry} ({error})")
        result = error.last
    for line in _found(problem.positions_px, result):
        listener.note(f"{record.entry}: {line}")
    others = () if choice.probe is None else (choice.probe,)
    ended: dict[str, Value] = {"status": result.status, "message": result.message}
    made = step("reconstruct", _parameters(choice) | ended, [parent.as_input() for parent in (record, *others)])
    return make_reconstruction(record, result, grid, made, others)


def _found(given: Array, result: Result) -> Iterator[str]:
    """What was found beside object and probe, a line each."""
    if len(result.probe) > 1:
        yield "power of the probe modes " + ", ".join(f"{100 * part:.3g} %" for part in powers(result.probe))
    away = result.positions_px - given
    if away.any():
        by = affine(given, result.positions_px)
        yield (
            f"positions moved by {np.sqrt((away**2).sum(1).mean()):.2g} px (rms), of it scale {100 * by.scale:+.2g} %, "
            f"asymmetry {100 * by.asymmetry:+.2g} %, rotation {1e3 * by.rotation:+.2g} mrad, "
            f"shear {1e3 * by.shear:+.2g} mrad"
        )
    if result.intensity is not None:
        yield f"intensity of the frames varies by {100 * result.intensity.std():.2g} % (rms)"
    if result.background is not None:
        yield f"background {result.background.sum():.3g} counts a frame"


def _parameters(choice: Choice) -> dict[str, Value]:
    values: dict[str, Value] = {
        "recipe": ",".join(f"{s.engine}:{s.iterations}" for s in choice.stages),
        "modes": choice.model.modes,
        "refine": ",".join(name for name in REFINABLE if getattr(choice.model, name) is not None) or "none",
        "frames": choice.frames,
        "device": choice.device,
        "seed": choice.seed,
        "threads": choice.threads,
    }
    parts = {stage.engine: stage.params for stage in choice.stages}
    parts |= {name: getattr(choice.model, name) for name in (*REFINABLE, *LIMITS)}
    for part, params in parts.items():
        for name, value in ({} if params is None else vars(params)).items():
            values[f"{part}.{name}"] = "none" if value is None else value
    return values


def summary(record: Record) -> dict[str, Any]:
    """What `--json` prints of a reconstruction."""
    assert isinstance(record, Reconstruction)  # noqa: S101  # the command made it
    errors = np.empty(0) if record.error is None else record.error
    return {
        "entry": record.entry,
        "uuid": record.uuid,
        "energy_ev": record.energy_ev,
        "shape": list(record.transmission.shape),
        "pixel_m": [float(record.y[1] - record.y[0]), float(record.x[1] - record.x[0])],
        "iterations": len(errors),
        "fourier_error": float(errors[-1]) if len(errors) else None,
    }
