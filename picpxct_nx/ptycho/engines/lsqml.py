"""Least-squares maximum likelihood: object and probe improved batch by batch, with the best step for both at once."""

from collections.abc import Hashable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from picpxct_nx.ptycho import batches, fit, ops, replay
from picpxct_nx.ptycho.beam import Beam, beam_of, probes_of
from picpxct_nx.ptycho.blocks import Block
from picpxct_nx.ptycho.overlap import from_sum, seen_by_probe
from picpxct_nx.ptycho.state import Data, State, screen_of

POSITIONS = "between"


@dataclass(frozen=True)
class Params:
    """How the batches are gone through.

    Parameters
    ----------
    batches : int
        Batches an iteration; never smaller than one frame.
    order : str
        "sparse", "random" or "compact" batches.
    likelihood : str
        "gaussian" or "poisson", as for maximum likelihood.
    damping : float
        Part of the largest illumination that is added to the preconditioner's.
    friction : float
        Part of the velocity that a batch leaves to the next, 0 to below 1; 0 is no momentum.
    step : float
        Part of the least-squares step that is taken.
    probe_start : int
        Iteration, counted from 1, at which the probe begins to be updated.
    background : float
        Counts a pixel that are added to data and model in the Poisson likelihood.
    centre_probe : bool
        Centre the probe's intensity in its window when the engine ends (`centre_probe`).
    """

    batches: int = 10
    order: str = "random"
    likelihood: str = "gaussian"
    damping: float = 0.05
    friction: float = 0.7
    step: float = 0.7
    probe_start: int = 1
    background: float = 0.001
    centre_probe: bool = False

    def __post_init__(self) -> None:
        if self.likelihood not in ("gaussian", "poisson"):
            raise ValueError(f"likelihood '{self.likelihood}'; wanted gaussian or poisson")
        if self.order not in batches.KINDS:
            raise ValueError(f"order '{self.order}'; wanted one of {', '.join(batches.KINDS)}")
        if self.batches < 1:
            raise ValueError(f"batches {self.batches}; wanted one or more")
        if not 0 <= self.friction < 1:
            raise ValueError(f"friction {self.friction:g}; wanted 0 or more and below 1")
        for name in ("damping", "background", "step"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} {getattr(self, name):g}; wanted a finite number above 0")


@dataclass(frozen=True)
class Memory:
    """What one iteration leaves to the next.

    Parameters
    ----------
    velocity : State
        Momentum of object and probe; changed in place.
    work : Batchwise
        The work on a batch.
    iteration : int
        Iterations done.
    """

    velocity: State = field(metadata={"in_place": True})
    work: replay.Batchwise = field(metadata={"scratch": True})
    iteration: int = 0


@dataclass(frozen=True)
class _Batch:
    """The frames of one batch as the object and the probe before its update show them.

    `probes` (b or 1, modes, h, w) and `chi` (b, modes, h, w), the exit waves that the likelihood asks for.
    """

    block: Block
    beam: Beam
    probes: Tensor
    chi: Tensor


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
    return Memory(State(torch.zeros_like(state.object), torch.zeros_like(state.probe)), replay.Batchwise(_visit))


def phase(memory: Memory, params: Params) -> Hashable:  # noqa: ARG001 - same for all engines
    """None: each iteration takes the frames in another order."""
    return None


def step(data: Data, state: State, memory: Memory, params: Params) -> tuple[State, Memory, Tensor]:
    """One pass over all batches.

    With chi_j the change of the exit wave that the likelihood asks for, the directions are dO = sum conj(P) chi_j /
    (sum |P|^2 + d max) and dP = sum conj(O_j) chi_j / (sum |O_j|^2 + d max); the steps a, b minimise
    sum_j |chi_j - a P dO_j - b dP O_j|^2. After each batch v <- f v + change, and object and probe move on by f v.

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
        Sum (|Psi| - a)^2, each batch's before its own update.

    References
    ----------
    Odstrcil, Menzel & Guizar-Sicairos, Opt. Express 26, 3108 (2018), sections 2 and 3.
    """
    iteration = memory.iteration + 1
    size = max(1, round(len(data.measured) / params.batches))
    parts = list(batches.batches(data.corners(), size, params.order))
    memory.work.begin(data, state, [frame for part in parts for frame in part])
    start = 0
    for part in parts:
        kind = _Kind(memory.velocity, params, fixed_probe=iteration < params.probe_start)
        memory.work.visit(slice(start, start + len(part)), kind)
        start += len(part)
    return memory.work.end(), Memory(memory.velocity, memory.work, iteration), memory.work.misfit


@dataclass(frozen=True, eq=False)
class _Kind:
    """How a batch is worked on; two are the same where they change the same velocity in the same way."""

    velocity: State
    params: Params
    fixed_probe: bool

    def __hash__(self) -> int:
        return hash((id(self.velocity), self.params, self.fixed_probe))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Kind) and hash(self) == hash(other) and self.velocity is other.velocity


def _visit(data: Data, state: State, block: Block, misfit: Tensor, kind: _Kind) -> None:
    """Update object and probe, in place, by one batch."""
    batch, part = _look(data, state, block, kind.params)
    misfit += part
    change = _change(data, batch, state, kind.params, fixed_probe=kind.fixed_probe)
    friction = kind.params.friction
    for value, by, velocity in zip(_both(state), _both(change), _both(kind.velocity), strict=True):
        velocity.mul_(friction).add_(by)
        value.add_(by).add_(velocity, alpha=friction)


def _both(state: State) -> tuple[Tensor, Tensor]:
    return state.object, state.probe


def _look(data: Data, state: State, block: Block, params: Params) -> tuple[_Batch, Tensor]:
    """The frames of a batch through the model, and their misfit sum (|Psi| - a)^2."""
    beam, k = beam_of(data, state), data.passes
    probes = probes_of(beam, block)
    wave = k.transform(k.exit_waves(state.object, probes, block))
    poisson = torch.full((), params.likelihood == "poisson", device=wave.device)
    likelihood = fit.Likelihood(poisson, params.background * data.weight.numel())
    chi, sums = k.pull(wave, data.measured[block.frames], screen_of(data, state), likelihood)
    return _Batch(block, beam, probes, k.back(chi)), sums[0]


def _change(data: Data, batch: _Batch, state: State, params: Params, *, fixed_probe: bool) -> State:
    """Directions of object and probe, each times its best step."""
    k, block = data.passes, batch.block
    image, light = torch.zeros_like(state.object), torch.zeros(state.object.shape, device=state.object.device)
    k.object_overlap(batch.probes, batch.chi, block, totals=(image, light))
    image /= light.add_(params.damping * light.max())
    if fixed_probe:
        products = k.matched((state.object, image), (batch.probes, torch.zeros_like(batch.probes)), block, batch.chi)
        best = _ratio(products[3], products[0])
        return State(image * (params.step * best), torch.zeros_like(state.probe))
    seen = (state.object, ops.intensity(state.object[None, None])[0])
    total, view = seen_by_probe(data, batch.beam, block, seen, batch.chi)
    probe = from_sum(data, total) / (view + params.damping * view.max())
    turned = probes_of(beam_of(data, State(image, probe, scale=state.scale)), block)
    for_image, for_probe = _best_steps(k.matched((state.object, image), (batch.probes, turned), block, batch.chi))
    return State(image * (params.step * for_image), probe * (params.step * for_probe))


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Quotient as float32; zero where a direction is zero."""
    return torch.where(denominator > 0, numerator / denominator, 0.0).to(torch.float32)


def _best_steps(products: Tensor) -> tuple[Tensor, Tensor]:
    """Steps a, b that minimise sum |chi - a along - b across|^2, kept away from the singular case."""
    aa, bb, ab, a, b = products
    # Where both directions change the waves alike, only their sum is known: a touch of damping shares it out.
    aa, bb = aa * (1 + 1e-4), bb * (1 + 1e-4)
    determinant = aa * bb - ab * ab
    return _ratio(a * bb - b * ab, determinant).clamp_(0, 2), _ratio(b * aa - a * ab, determinant).clamp_(0, 2)
