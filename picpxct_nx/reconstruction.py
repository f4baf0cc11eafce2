"""One raw scan to its reconstruction: geometry, solver, record."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from picpxct_nx.errors import UsageError
from picpxct_nx.geometry import make_problem, make_reconstruction, probe_of
from picpxct_nx.provenance import step
from picpxct_nx.ptycho import Stage, parse, reconstruct
from picpxct_nx.ptycho.device import choose as choose_device
from picpxct_nx.ptycho.loop import DivergedError
from picpxct_nx.records import Reconstruction, Record, Scan
from picpxct_nx.values import Value


@dataclass(frozen=True)
class Choice:
    """How to reconstruct: what stays the same for all scans of one run."""

    stages: tuple[Stage, ...]
    frames: str = "::"
    probe: Reconstruction | None = None
    device: str = "cpu"
    seed: int = 0
    threads: int = 0


@dataclass(frozen=True)
class Listener:
    """Who is told what while a scan is reconstructed.

    `report` gets what is worked on, iteration, iterations in all, and Fourier error. `note` gets what was chosen.
    `diverged` gets the name of a scan that diverged and is kept at its last finite state; None keeps none.
    """

    report: Callable[[str, int, int, float], None]
    note: Callable[[str], None]
    diverged: Callable[[str], None] | None = None


def choose(
    recipe: str, settings: Iterable[str] = (), *, frames: str = "::", device: str = "auto", seed: int = 0, threads: int
) -> Choice:
    """What the command line asks for, checked before anything is read.

    Parameters
    ----------
    recipe : str
        "default", "paper", or for example "dm:100,ml:100".
    settings : iterable of str
        ENGINE.NAME=VALUE.
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
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set '{text}': wanted ENGINE.NAME=VALUE, for example dm.relaxation=0.1")
        overrides[name.strip()] = value.strip()
    return Choice(parse(recipe, overrides), frames, None, str(choose_device(device)), seed, threads)


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
    problem, grid = make_problem(record, frames=choice.frames, probe=start)
    rows, columns = problem.object_shape
    listener.note(
        f"{record.entry}: {len(grid.frame)} of {len(record.stage_x)} frames, object {rows} x {columns} px of "
        f"{grid.pixel[0] * 1e9:.4g} x {grid.pixel[1] * 1e9:.4g} nm, {len(problem.probe)} probe modes, {choice.device}"
    )

    def progress(engine: str, iteration: int, total: int, error: float) -> bool:
        listener.report(f"{record.entry} {engine}", iteration, total, error)
        return True

    try:
        result = reconstruct(problem, choice.stages, device=choice.device, seed=choice.seed, progress=progress)
    except DivergedError as error:
        if listener.diverged is None or not len(error.last.error):
            raise
        listener.diverged(f"{record.entry} ({error})")
        result = error.last
    others = () if choice.probe is None else (choice.probe,)
    ended: dict[str, Value] = {"status": result.status, "message": result.message}
    made = step("reconstruct", _parameters(choice) | ended, [parent.as_input() for parent in (record, *others)])
    return make_reconstruction(record, result, grid, made, others)


def _parameters(choice: Choice) -> dict[str, Value]:
    values: dict[str, Value] = {
        "recipe": ",".join(f"{s.engine}:{s.iterations}" for s in choice.stages),
        "frames": choice.frames,
        "device": choice.device,
        "seed": choice.seed,
        "threads": choice.threads,
    }
    for stage in choice.stages:
        for name, value in vars(stage.params).items():
            values[f"{stage.engine}.{name}"] = "none" if value is None else value
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
