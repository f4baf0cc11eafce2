"""Ptychographic iterative engine: object and probe improved frame by frame, with momentum.

One frame at a time is the quickest way from a poor start to a fair object; near the end the order of the frames leaves
a noise that an engine over all frames at once takes away.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from picpxct_nx.ptycho import fit, replay
from picpxct_nx.ptycho.beam import beam_of, probes_of, scale_of
from picpxct_nx.ptycho.blocks import Block
from picpxct_nx.ptycho.overlap import from_sum, sum_on_probe
from picpxct_nx.ptycho.state import Data, State, screen_of

POSITIONS = "between"


@dataclass(frozen=True)
class Params:
    """How the frames are gone through.

    Parameters
    ----------
    object_step, probe_step : float
        Part of the least-squares step that is taken.
    object_damping, probe_damping : float
        Part of the largest illumination (of the largest |O|^2) in the denominator, 0 to 1: rPIE's alpha.
    friction : float
        Part of the velocity that each kick of momentum keeps, 0 to below 1; 0 is no momentum (rPIE), above it is mPIE.
    kick : int
        Frames between two kicks of momentum.
    probe_start : int
        Iteration, counted from 1, at which the probe begins to be updated.
    centre_probe : bool
        Centre the probe's intensity in its window when the engine ends (`centre_probe`).
    """

    object_step: float = 0.5
    probe_step: float = 0.5
    object_damping: float = 0.1
    probe_damping: float = 1.0
    friction: float = 0.7
    kick: int = 20
    probe_start: int = 1
    centre_probe: bool = False

    def __post_init__(self) -> None:
        for name in ("object_step", "probe_step"):
            if not 0 < getattr(self, name) <= 2:
                raise ValueError(f"{name} {getattr(self, name):g}; wanted above 0 and at most 2")
        for name in ("object_damping", "probe_damping"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} {getattr(self, name):g}; wanted above 0 and at most 1")
        if not 0 <= self.friction < 1:
            raise ValueError(f"friction {self.friction:g}; wanted 0 or more and below 1")
        if self.kick < 1:
            raise ValueError(f"kick {self.kick}; wanted a frame or more")


@dataclass(frozen=True)
class Memory:
    """What one iteration leaves to the next.

    Parameters
    ----------
    object_velocity, probe_velocity : complex64 tensors in the shape of object and probe
        Momentum.
    work : Batchwise
        The work on a frame.
    iteration : int
        Iterations done.
    """

    object_velocity: Tensor = field(metadata={"in_place": True})
    probe_velocity: Tensor = field(metadata={"in_place": True})
    work: replay.Batchwise = field(metadata={"scratch": True})
    iteration: int = 0


def init(data: Data, state: State, params: Params, iterations: int) -> Memory:  # noqa: ARG001 - same for all engines
    """Object and probe at rest.

    Parameters
    ----------
    data : Data
        The measured scan.
    state : State
        Start object and probe.
    params : Params
        How to run.
    iterations : int
        How many steps will be asked for.

    Returns
    -------
    Memory
    """
    return Memory(torch.zeros_like(state.object), torch.zeros_like(state.probe), replay.Batchwise(_visit))


def phase(memory: Memory, params: Params) -> Hashable:  # noqa: ARG001 - same for all engines
    """None: each iteration takes the frames in another order."""
    return None


def step(data: Data, state: State, memory: Memory, params: Params) -> tuple[State, Memory, Tensor]:
    """One pass over all frames in random order.

    With chi the exit wave that the modulus projection of frame j adds, O_j += s conj(P) chi / ((1 - a) |P|^2 + a max
    |P|^2), and P likewise from conj(O_j); every `kick` frames v <- f v + (O - O_before), O += f v, and P likewise.

    Parameters
    ----------
    data : Data
        The measured scan.
    state : State
        Object and probe before.
    memory : Memory
        Momentum before; changed in place.
    params : Params
        How to run.

    Returns
    -------
    state : State
        Object and probe after.
    memory : Memory
        For the next step.
    misfit : () float64
        Sum (|Psi| - a)^2, each frame's before its own update.

    References
    ----------
    Maiden, Johnson & Li, Optica 4, 736 (2017), equations 6, 19 and 20.
    """
    iteration = memory.iteration + 1
    fixed_probe = iteration < params.probe_start
    how = fit.Nudge(
        params.object_step, params.object_damping, 0.0 if fixed_probe else params.probe_step, params.probe_damping
    )
    work = memory.work
    moving = work.begin(data, state, torch.randperm(len(data.measured)).tolist())
    kick = _Kick(moving, memory, fixed_probe=fixed_probe)
    for count in range(1, len(data.measured) + 1):
        work.visit(slice(count - 1, count), how)
        if params.friction and count % params.kick == 0:
            kick(params.friction)
    return work.end(), Memory(memory.object_velocity, memory.probe_velocity, work, iteration), work.misfit


class _Kick:
    """Momentum: what object and probe, changed in place, were at the last kick."""

    def __init__(self, state: State, memory: Memory, *, fixed_probe: bool) -> None:
        self._pairs = [(state.object, memory.object_velocity, state.object.clone())]
        if not fixed_probe:
            self._pairs.append((state.probe, memory.probe_velocity, state.probe.clone()))

    def __call__(self, friction: float) -> None:
        """Add what moved since the last kick to the velocity, and move on by it."""
        for value, velocity, before in self._pairs:
            velocity.mul_(friction).add_(value).sub_(before)
            value.add_(velocity, alpha=friction)
            before.copy_(value)


def _visit(data: Data, state: State, block: Block, misfit: Tensor, how: fit.Nudge) -> None:
    """Update object and probe, in place, by one frame."""
    beam, k = beam_of(data, state), data.passes
    probes = probes_of(beam, block)
    wave = k.transform(k.exit_waves(state.object, probes, block))
    gaussian = fit.Likelihood(torch.zeros((), dtype=torch.bool, device=wave.device), 0.0)
    chi, sums = k.pull(wave, data.measured[block.frames], screen_of(data, state), gaussian)
    on_probe = k.nudge(state.object, probes, block, k.back(chi), how)
    if on_probe is not None:
        # The frame's factor is in both the wave and the square by which it is divided.
        if beam.scale is not None:
            on_probe = on_probe / scale_of(beam, block) ** 2
        state.probe.add_(from_sum(data, sum_on_probe(beam, block, on_probe)))
    misfit += sums[0]
