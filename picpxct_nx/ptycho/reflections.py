"""Reflections about the overlap constraint and the frames: what difference map and RAAR have in common."""

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from picpxct_nx.ptycho import ops
from picpxct_nx.ptycho.beam import beam_of, probes_of
from picpxct_nx.ptycho.blocks import rows_of
from picpxct_nx.ptycho.overlap import from_sum, seen_by_probe
from picpxct_nx.ptycho.state import Data, State, room_of, screen_of, stack_of
from picpxct_nx.ptycho.stream import Stack, put


@dataclass(frozen=True)
class Reflecting:
    """How reflections run.

    Parameters
    ----------
    relaxation : float
        r of the relaxed modulus projection, 0 to 1; above 0, or Poisson noise drives the map away.
    probe_inertia : float
        Weight of the old probe in the new one, as a part of the largest overlap denominator.
    object_inertia : float
        The same of the object; it also keeps the object where no probe falls.
    probe_start : int
        Iteration, counted from 1, at which the probe begins to be updated.
    average : int
        The result is the mean over that many last iterations; 0 takes the last one.
    object_max : float
        Larger object magnitudes are cut to this; infinite cuts none.
    centre_probe : bool
        Centre the probe's intensity in its window when the engine ends (`centre_probe`).
    """

    relaxation: float = 0.2
    probe_inertia: float = 0.01
    object_inertia: float = 1e-3
    probe_start: int = 3
    average: int = 0
    object_max: float = float("inf")
    centre_probe: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.relaxation < 1:
            raise ValueError(f"relaxation {self.relaxation:g}; wanted 0 or more and below 1")
        for name in ("probe_inertia", "object_inertia", "average"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} {getattr(self, name):g}; wanted a finite number, 0 or more")
        if not self.object_max > 0:
            raise ValueError(f"object_max {self.object_max:g}; wanted a magnitude above 0")


@dataclass(frozen=True)
class ExitWaves:
    """What one iteration leaves to the next; the tensors are changed in place.

    Parameters
    ----------
    exit_waves : (n, modes, h, w) complex64
        The iterate; on the host where it does not fit.
    iteration : int
        Iterations done.
    iterations : int
        Iterations asked for.
    sums : tuple of tensors
        Running sums of object and probe over the last iterations; empty where none are averaged.
    """

    exit_waves: Stack = field(metadata={"in_place": True})
    iteration: int
    iterations: int
    sums: tuple[Tensor, ...] = field(default=(), metadata={"in_place": True})


def start_waves(data: Data, state: State, params: Reflecting, iterations: int) -> ExitWaves:
    """Exit waves of the start object and probe.

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
    ExitWaves
    """
    n, h, w = data.measured.shape
    waves = stack_of(data, (n, state.probe.shape[0], h, w))
    beam = beam_of(data, state)
    for block in data.blocks:
        (_, _, spare, _), _ = room_of(data, block)
        rows = rows_of(block)
        out = waves[rows]
        put(waves, rows, data.passes.exit_waves(state.object, probes_of(beam, block), block, out=out, spare=spare))
    sums = (torch.zeros_like(state.object), torch.zeros_like(state.probe)) if params.average else ()
    return ExitWaves(waves, 0, iterations, sums)


def phase(memory: ExitWaves, params: Reflecting) -> Hashable:
    """What the next iteration does besides the work on its tensors; None where it sums for an average."""
    iteration = memory.iteration + 1
    return None if iteration > memory.iterations - params.average else iteration >= params.probe_start


def reflect(
    data: Data, state: State, memory: ExitWaves, params: Reflecting, *, beta: float = 1.0
) -> tuple[State, ExitWaves, Tensor]:
    """One iteration: psi_j <- beta (psi_j + Pi_F(2 P O_j - psi_j) - P O_j) + (1 - beta) P O_j, then O and P.

    O = sum conj(P) psi / sum |P|^2 and P likewise; beta = 1 is the difference map.

    Parameters
    ----------
    data : Data
        The measured scan.
    state : State
        Object and probe before.
    memory : ExitWaves
        Exit waves before; changed in place.
    params : Reflecting
        How to run.
    beta : float
        Weight of the difference map's iterate.

    Returns
    -------
    state : State
        Object and probe after.
    memory : ExitWaves
        For the next step.
    misfit : () float64
        Sum (|Psi| - a)^2 of the reflected waves 2 P O_j - psi_j, which the projection has at hand.

    References
    ----------
    Thibault et al., Ultramicroscopy 109, 338 (2009), equations 5 to 9; Luke, Inverse Problems 21, 37 (2005), equation
    18, with the reflections in this order.
    """
    iteration = memory.iteration + 1
    numerator, dose, misfit = _move(data, state, memory.exit_waves, params.relaxation, beta)
    image = _blend(numerator, dose, state.object, params.object_inertia)
    if params.object_max < float("inf"):
        image = image * (params.object_max / image.abs().clamp(min=params.object_max))
    probe = state.probe
    if iteration >= params.probe_start:
        held = replace(state, object=image)
        probe = _blend(*_probe_overlap(data, held, memory.exit_waves), probe, params.probe_inertia)
    state = replace(state, object=image, probe=probe)
    if memory.sums and iteration > memory.iterations - params.average:
        state = _average(state, memory, iteration, params)
    return state, ExitWaves(memory.exit_waves, iteration, memory.iterations, memory.sums), misfit


def _move(data: Data, state: State, exit_waves: Stack, relaxation: float, beta: float) -> tuple[Tensor, Tensor, Tensor]:
    """Move all exit waves; return sum conj(P) psi and sum |P|^2 on the object, and the reflected waves' misfit."""
    numerator = torch.zeros_like(state.object)
    dose = torch.zeros(numerator.shape, device=numerator.device)
    misfit = torch.zeros((), dtype=torch.float64, device=numerator.device)
    beam, k, screen = beam_of(data, state), data.passes, screen_of(data, state)
    for block in data.blocks:
        (view, wave, spare, probes), maps = room_of(data, block)
        probes = probes_of(beam, block, out=probes, spare=spare)
        rows = rows_of(block)
        waves = exit_waves[rows]
        wave = k.transform(k.reflect(state.object, probes, block, waves, out=view, spare=spare), out=wave)
        projected, part = k.project(wave, data.measured[rows], screen, relaxation=relaxation, spare=spare, maps=maps)
        misfit += part
        projected = k.back(projected, out=view)
        k.settle(state.object, probes, block, waves, projected, beta=beta, totals=(numerator, dose), spare=spare)
        put(exit_waves, rows, waves)
    return numerator, dose, misfit


def _probe_overlap(data: Data, state: State, exit_waves: Stack) -> tuple[Tensor, Tensor]:
    """Numerator sum conj(O_j) psi_j and denominator sum |O_j|^2 of the probe's least-squares update."""
    numerator = torch.zeros_like(state.probe)
    denominator = torch.zeros(numerator.shape[1:], device=numerator.device)
    beam, seen = beam_of(data, state), (state.object, ops.intensity(state.object[None, None])[0])
    for block in data.blocks:
        parts = seen_by_probe(data, beam, block, seen, exit_waves[rows_of(block)])
        numerator += parts[0]
        denominator += parts[1]
    return from_sum(data, numerator), denominator


def _blend(numerator: Tensor, denominator: Tensor, old: Tensor, inertia: float) -> Tensor:
    """Least-squares update that holds on to the old value, (num + a old) / (den + a), a = inertia max(den)."""
    hold = inertia * denominator.max()
    return (numerator + hold * old) / (denominator + hold)


def _average(state: State, memory: ExitWaves, iteration: int, params: Reflecting) -> State:
    """Add to the running sums; the last iteration returns the mean instead of the last iterate."""
    for total, value in zip(memory.sums, (state.object, state.probe), strict=True):
        total += value
    if iteration < memory.iterations:
        return state
    count = min(params.average, memory.iterations)
    return replace(state, object=memory.sums[0] / count, probe=memory.sums[1] / count)
