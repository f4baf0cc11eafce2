"""One raw scan to its reconstruction: geometry, solver, record."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from picpxct_nx.errors import UsageError
from picpxct_nx.geometry import make_problem, make_reconstruction, probe_of
from picpxct_nx.provenance import step
from picpxct_nx.ptycho import Stage, parse, reconstruct
from picpxct_nx.ptycho.loop import DivergedError
from picpxct_nx.records import Reconstruction, Record, Scan
from picpxct_nx.values import Value

# what is worked on, iteration, iterations in all, Fourier error
Report = Callable[[str, int, int, float], None]


@dataclass(frozen=True)
class Choice:
    """How to reconstruct: what stays the same for all scans of one run."""

    stages: tuple[Stage, ...]
    frames: str = "::"
    probe: Reconstruction | None = None
    device: str = "auto"
    seed: int = 0
    threads: int = 0
    keep_last: bool = False


def stages(recipe: str, settings: Iterable[str]) -> tuple[Stage, ...]:
    """Stages of a recipe with the parameters that `--set ENGINE.NAME=VALUE` gives.

    Raises
    ------
    UsageError
        The recipe or a setting is not understood.
    """
    overrides: dict[str, str] = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set '{text}': wanted ENGINE.NAME=VALUE, for example dm.relaxation=0.1")
        overrides[name.strip()] = value.strip()
    return parse(recipe, overrides)


def first(records: Iterable[Record]) -> Reconstruction | None:
    """The first reconstruction among the records."""
    return next((record for record in records if isinstance(record, Reconstruction)), None)


def reconstruct_scan(record: Record, choice: Choice, report: Report, failed: Callable[[str], None]) -> Reconstruction:
    """The reconstruction of one scan.

    Where the solver diverges and the choice keeps the last finite state, that is returned, and `failed` is told.

    Raises
    ------
    DivergedError
        The numbers became non-finite or ran away.
    """
    assert isinstance(record, Scan)  # noqa: S101  # the command asked for scans only
    start = probe_of(choice.probe, record) if choice.probe is not None else None
    problem, grid = make_problem(record, frames=choice.frames, probe=start)

    def progress(engine: str, iteration: int, total: int, error: float) -> bool:
        report(f"{record.entry} {engine}", iteration, total, error)
        return True

    try:
        result = reconstruct(problem, choice.stages, device=choice.device, seed=choice.seed, progress=progress)
    except DivergedError as error:
        if not choice.keep_last:
            raise
        failed(f"{record.entry} ({error})")
        result = error.last
    inputs = [record.as_input()]
    if choice.probe is not None:
        inputs.append(choice.probe.as_input())
    made = step("reconstruct", _parameters(choice) | {"status": result.status, "message": result.message}, inputs)
    return make_reconstruction(record, result, grid, made)


def _parameters(choice: Choice) -> dict[str, Value]:
    values: dict[str, Value] = {
        "recipe": ",".join(f"{s.engine}:{s.iterations}" for s in choice.stages),
        "frames": choice.frames,
        "device": choice.device,
        "seed": choice.seed,
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
