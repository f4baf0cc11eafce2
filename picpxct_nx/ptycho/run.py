"""What the loop has reached, and how it goes out: as a result, or as a snapshot to go on from."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from . import refine
from .control import Clock, Control
from .modes import orthogonal
from .overlap import illumination
from .problem import Problem
from .recipe import Stage
from .result import Result
from .snapshot import Identity, Snapshot, pack
from .state import Data, State


@dataclass
class Run:
    """What the loop has reached: the last finite state and the record of the iterations that led to it."""

    problem: Problem
    data: Data
    state: State
    plan: refine.Plan
    stages: tuple[Stage, ...]
    control: Control
    identity: Identity | None
    clock: Clock
    error: list[float] = field(default_factory=list)
    engines: list[str] = field(default_factory=list)
    chosen: dict[str, str] = field(default_factory=dict)
    ends: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Iterations of the recipe."""
        return sum(stage.iterations for stage in self.stages)


def snapshot(run: Run, identity: Identity, place: tuple[int, int], memory: Any, changes: tuple[float, ...]) -> Snapshot:
    """All that is needed to go on; `place` is the stage and how many of its iterations are done."""
    return Snapshot(
        identity=identity,
        stage=place[0],
        iteration=place[1],
        error=np.array(run.error, np.float64),
        engines=tuple(run.engines),
        random=torch.get_rng_state().numpy().copy(),
        arrays=pack(run.state, "state") | pack(memory, "memory"),
        chosen=dict(run.chosen),
        ends=tuple(run.ends),
        changes=changes,
    )


def result_of(run: Run, status: Literal["done", "stopped", "diverged"], message: str) -> Result:
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
        chosen=dict(run.chosen),
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
