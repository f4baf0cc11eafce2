"""Ptychographic iterative engine: object and probe improved frame by frame, with momentum.

One frame at a time is the quickest way from a poor start to a fair object; near the end the order of the frames leaves
a noise that an engine over all frames at once takes away.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from picpxct_nx.ptycho import fit
from picpxct_nx.ptycho.beam import beam_of, from_sum, probes_of, scale_of, sum_on_probe
from picpxct_nx.ptycho.blocks import Block, one_of
from picpxct_nx.ptycho.state import Data, State


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
    iteration : int
        Iterations done.
    """

    object_velocity: Tensor
    probe_velocity: Tensor
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
    return Memory(torch.zeros_like(state.object), torch.zeros_like(state.probe))


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
    moving = _Moving(state, memory, fixed_probe=iteration < params.probe_start)
    misfit = torch.zeros((), dtype=torch.float64, device=state.object.device)
    order = torch.randperm(len(data.measured)).tolist()
    visit = _Visit(data, data.block(order), fit.Nudge(
        params.object_step, params.object_damping, 0.0 if moving.fixed_probe else params.probe_step,
        params.probe_damping,
    ))  # fmt: skip
    for count in range(1, len(order) + 1):
        misfit += visit(moving.state, count - 1)
        if params.friction and count % params.kick == 0:
            moving.kick(params.friction)
    after = moving.state
    return after, Memory(memory.object_velocity, memory.probe_velocity, iteration), misfit


class _Moving:
    """Object and probe while the frames are gone through, with what they were at the last kick."""

    def __init__(self, state: State, memory: Memory, *, fixed_probe: bool) -> None:
        self.state = replace(state, object=state.object.clone(), probe=state.probe.clone())
        self.fixed_probe = fixed_probe
        self._memory = memory
        self._before = (state.object.clone(), state.probe.clone())

    def kick(self, friction: float) -> None:
        """Add what moved since the last kick to the velocity, and move on by it."""
        pairs = [(self.state.object, self._memory.object_velocity, self._before[0])]
        if not self.fixed_probe:
            pairs.append((self.state.probe, self._memory.probe_velocity, self._before[1]))
        for value, velocity, before in pairs:
            velocity.mul_(friction).add_(value).sub_(before)
            value.add_(velocity, alpha=friction)
            before.copy_(value)


class _Visit:
    """One frame after the other, in the order of a block of all."""

    def __init__(self, data: Data, order: Block, how: fit.Nudge) -> None:
        self._data, self._order, self._how = data, order, how
        self._gaussian = fit.Likelihood(torch.zeros((), dtype=torch.bool, device=data.weight.device), 0.0)

    def __call__(self, state: State, number: int) -> Tensor:
        """Update object and probe, in place, by one frame; its misfit before."""
        data, block, k = self._data, one_of(self._order, number), self._data.passes
        beam = beam_of(data, state)
        probes = probes_of(beam, block)
        wave = k.transform(k.exit_waves(state.object, probes, block))
        chi, sums = k.pull(
            wave, data.measured[block.frames], data.weight, self._gaussian, background=state.background
        )  # fmt: skip
        on_probe = k.nudge(state.object, probes, block, k.back(chi), self._how)
        if on_probe is not None:
            # The frame's factor is in both the wave and the square by which it is divided.
            if beam.scale is not None:
                on_probe = on_probe / scale_of(beam, block) ** 2
            state.probe.add_(from_sum(data, sum_on_probe(beam, block, on_probe)))
        misfit: Tensor = sums[0]
        return misfit
