"""Maximum likelihood: object, probe and positions that make the counts most probable, by conjugate gradients."""

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from picpxct_nx.ptycho import evidence, fit, moves, noise, ops, soft, strains
from picpxct_nx.ptycho.beam import beam_of, from_sum, probes_of, seen_by_probe
from picpxct_nx.ptycho.conjugate import conjugate, product, share
from picpxct_nx.ptycho.soft import Soft
from picpxct_nx.ptycho.state import Data, State, room_of, screen_of

# It finds positions with object and probe where `Data.reach` lets frames move.
MOVES = True


@dataclass(frozen=True)
class Params:
    """How the refinement runs.

    Parameters
    ----------
    likelihood : str
        "gaussian": the counts' square roots have equal Gaussian noise, sum (|Psi| - sqrt I)^2;
        "poisson": the counts are Poisson distributed, sum |Psi|^2 - I log |Psi|^2;
        "auto": gaussian, and poisson from where the model fits the bright pixels as Poisson counts allow (`noise`).
    damping : float
        Part of the largest illumination that is added to the preconditioner's, so that dim pixels stay bounded.
    probe_start : int
        Iteration, counted from 1, at which the probe begins to be refined.
    background : float
        Counts a pixel that are added to data and model in the Poisson likelihood, which a dark pixel makes infinite.
    smoothness : float
        Weight of the prior that neighbouring pixels of the object are alike, as a part of the most likely weight for
        the object (`soft.learn`); 0 is none.
    centre_probe : bool
        Centre the probe's intensity in its window when the engine ends (`centre_probe`).
    """

    likelihood: str = "auto"
    damping: float = 0.01
    probe_start: int = 1
    background: float = 0.001
    smoothness: float = 1.0
    centre_probe: bool = False

    def __post_init__(self) -> None:
        if self.likelihood not in ("auto", "gaussian", "poisson"):
            raise ValueError(f"likelihood '{self.likelihood}'; wanted auto, gaussian or poisson")
        for name in ("damping", "background"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} {getattr(self, name):g}; wanted a finite number above 0")
        if not 0 <= self.smoothness < float("inf"):
            raise ValueError(f"smoothness {self.smoothness:g}; wanted a finite number, 0 or more")


@dataclass(frozen=True)
class Memory:
    """What one iteration leaves to the next.

    Parameters
    ----------
    waves : (n, modes, h, w) complex64
        Room for the detector waves between gradient and line search; empty where transforms make their own.
    gradient, direction : State or None
        Gradient and search direction of the last iteration, in the shape of object and probe.
    product : () float64, or None
        <gradient, preconditioned gradient> of the last iteration; zero where its direction is of no use.
    iteration : int
        Iterations done.
    poisson : () bool
        The likelihood of the next step is the Poisson one.
    soft : Soft or None
        What was learned of the common shift and the object's roughness.
    """

    waves: Tensor = field(metadata={"scratch": True, "in_place": True})
    poisson: Tensor
    gradient: State | None = None
    direction: State | None = None
    product: Tensor | None = None
    iteration: int = 0
    soft: Soft | None = None

    @property
    def likelihood(self) -> str:
        """Name of the likelihood, "gaussian" or "poisson", of the next step."""
        return "poisson" if bool(self.poisson) else "gaussian"


def init(data: Data, state: State, params: Params, iterations: int) -> Memory:  # noqa: ARG001 - same for all engines
    """Room for one stack of detector waves.

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
    n, h, w = data.measured.shape
    # Where they do not fit they are made again when they are wanted.
    shape = (n if data.passes.FILLS_ROOM and not data.waves_apart else 0, state.probe.shape[0], h, w)
    waves = torch.empty(shape, dtype=torch.complex64, device=data.weight.device)
    return Memory(waves, torch.full((), params.likelihood == "poisson", device=waves.device))


def phase(memory: Memory, params: Params) -> Hashable:
    """What the next iteration does besides the work on its tensors.

    None where it has no direction to go on from, or learns anew.
    """
    iteration = memory.iteration + 1
    if memory.gradient is None or soft.due(iteration):
        return None
    return iteration >= params.probe_start, memory.soft is None


def step(data: Data, state: State, memory: Memory, params: Params) -> tuple[State, Memory, Tensor]:
    """One conjugate-gradient iteration on object, probe and, where frames move, positions; analytic line search.

    Parameters
    ----------
    data : Data
        The measured scan, and the reach of its frames.
    state : State
        Object, probe and positions before.
    memory : Memory
        Last gradient and direction.
    params : Params
        How to run.

    Returns
    -------
    state : State
        All three after; the blocks of the data are still those of the positions before.
    memory : Memory
        For the next step.
    misfit : () float64
        Sum (|Psi| - a)^2 before the step.

    References
    ----------
    Thibault & Guizar-Sicairos, New J. Phys. 14, 063004 (2012), sections 2 and 3; the conjugacy is Polak and
    Ribiere's with the restart of Powell.
    """
    iteration = memory.iteration + 1
    likelihood = _likelihood(data, memory, params)
    if soft.due(iteration):
        memory = _learned(data, state, memory, likelihood, params)
    pulled = _pulled(data, state, memory, likelihood, params)
    gradient, scaled = pulled.gradient, pulled.scaled
    if iteration < params.probe_start:
        gradient.probe.zero_()
        scaled.probe.zero_()
    elif memory.soft is not None:
        scaled = soft.conditioned(data, memory.soft, state, gradient, scaled, pulled.slopes)
    power = product(gradient, scaled)
    direction = conjugate(memory.gradient, memory.direction, memory.product, scaled, power)
    curvature = _curvature(data, state, direction, pulled, likelihood)
    if memory.soft is not None:
        curvature += soft.bend(memory.soft, direction.object)
    # The misfit's parabola has its minimum at slope over curvature; a direction of no curvature is zero.
    length = share(product(gradient, direction), curvature)
    moved = [value - length * by for value, by in zip(_both(state), _both(direction), strict=True)]
    poisson = memory.poisson
    if likelihood.undecided:
        # Another misfit has other conjugate directions, so the next step makes no use of this one's.
        fits = noise.fits(pulled.sums[1:]) & ~poisson
        poisson, power = poisson | fits, torch.where(fits, 0.0, power)
    after = Memory(memory.waves, poisson, gradient, direction, power, iteration, memory.soft)
    state = replace(state, object=moved[0], probe=moved[1])
    if direction.positions is not None and state.positions is not None:
        state = replace(state, positions=state.positions + moves.limited(length, direction.positions, data))
    return state, after, pulled.sums[0]


def _likelihood(data: Data, memory: Memory, params: Params) -> fit.Likelihood:
    """The likelihood of a step; a GPU is not asked whether it was decided, for that is to wait for it."""
    undecided = params.likelihood == "auto" and (memory.poisson.is_cuda or not bool(memory.poisson))
    return fit.Likelihood(memory.poisson, params.background * data.weight.numel(), undecided)


def _learned(data: Data, state: State, memory: Memory, likelihood: fit.Likelihood, params: Params) -> Memory:
    """The memory with what was learned anew, and without directions that are conjugate in another sense."""
    bare = Memory(memory.waves, memory.poisson, iteration=memory.iteration)

    def gradient(at: State) -> State:
        return _pulled(data, at, bare, likelihood, params).gradient

    learned = soft.learn(data, state, gradient, params.smoothness)
    if data.reach:
        slopes = moves.derivatives(state.object)
        learned = replace(
            learned,
            strains=strains.learn(data, state, likelihood, slopes),
            evidence=evidence.learn(data, state, learned.smoothness),
        )
    return replace(bare, soft=learned)


@dataclass(frozen=True)
class _Pulled:
    """What the likelihood asks of the model.

    `gradient` for object and probe (half of it, as is usual), the same `scaled` by the preconditioner, each block's
    detector `waves` and `probes`, where there is room for them, `sums` of `passes.pull`, and where frames move the
    object's `slopes`, `moves.derivatives`.
    """

    gradient: State
    scaled: State
    waves: list[Tensor]
    probes: list[Tensor]
    sums: Tensor
    slopes: tuple[Tensor, Tensor] | None


def _pulled(data: Data, state: State, memory: Memory, likelihood: fit.Likelihood, params: Params) -> _Pulled:
    """Gradient, and the gradient divided by the illumination: what each pixel would do if the other array stood still.

    The object's pixels are divided by the counts that fall on them, the probe's by sum_j |O_j|^2, each a diagonal
    Gauss-Newton step; this balances object against probe and bright against dim regions at once.
    """
    image, probe = torch.zeros_like(state.object), torch.zeros_like(state.probe)
    dose, cover = torch.zeros(image.shape, device=image.device), torch.zeros(probe.shape[1:], device=image.device)
    sums = torch.zeros(3, dtype=torch.float64, device=image.device)
    kept: list[Tensor] = []
    lit: list[Tensor] = []
    beam, k, screen = beam_of(data, state), data.passes, screen_of(data, state)
    seen = (state.object, ops.intensity(state.object[None, None])[0])
    slopes = moves.derivatives(state.object) if data.reach else None
    asked: list[tuple[Tensor, Tensor]] = []
    for block in data.blocks:
        (exit_waves, spare, last, probes), maps = room_of(data, block)
        probes = probes_of(beam, block, out=probes, spare=spare)
        wave = k.exit_waves(state.object, probes, block, out=exit_waves, spare=spare)
        wave = k.transform(wave, out=memory.waves[block.frames] if len(memory.waves) else None)
        if not data.waves_apart:
            kept.append(wave)
            if not k.FILLS_ROOM:
                lit.append(probes)
        change, part = k.pull(wave, data.measured[block.frames], screen, likelihood, spare=spare, maps=maps)
        sums += part
        change = k.back(change, out=last)
        if slopes is not None:
            asked.append(k.asked_moves(slopes, probes, block, change, spare=(exit_waves, spare)))
        # A scale needs no fraction of a pixel.
        shared = len(probes) == 1
        k.object_overlap(probes, change, block, totals=(image, dose if shared else None), spare=spare)
        if not shared:
            k.light(state.probe[None], block, dose, spare=spare)
        parts = seen_by_probe(data, beam, block, seen, change)
        probe += parts[0]
        cover += parts[1]
    # The change is what the likelihood asks for; the gradient points the other way.
    image.neg_()
    probe = from_sum(data, probe).neg_()
    if memory.soft is not None:
        image.add_(soft.pull(memory.soft, state.object))
    slope, step = moves.gradient(asked, data.around, _pull(state, memory, likelihood))
    gradient = State(image, probe, positions=slope)
    scaled = State(
        image / (dose + params.damping * dose.max()), probe / (cover + params.damping * cover.max()), positions=step
    )
    return _Pulled(gradient, scaled, kept, lit, sums, slopes)


def _pull(state: State, memory: Memory, likelihood: fit.Likelihood) -> tuple[Tensor, Tensor] | None:
    """What evidence adds to the gradient for positions, and these; half the misfit is minus log p by 2, or by 4."""
    if memory.soft is None or memory.soft.evidence is None or state.positions is None:
        return None
    part = torch.where(likelihood.poisson, 0.5, 0.25)
    return part * memory.soft.evidence, state.positions.to(memory.soft.evidence.device)


def _curvature(data: Data, state: State, direction: State, pulled: _Pulled, likelihood: fit.Likelihood) -> Tensor:
    """Second derivative of the misfit along the direction (half of it, like the gradient), from above."""
    total = torch.zeros((), dtype=torch.float64, device=data.weight.device)
    # The frames' factors are held, and so are the changes of the probe, which the direction therefore lacks.
    beam, turn = beam_of(data, state), beam_of(data, replace(direction, scale=state.scale))
    k, screen = data.passes, screen_of(data, state)
    for number, block in enumerate(data.blocks):
        (first, change, spare, turned), maps = room_of(data, block)
        probes = pulled.probes[number] if pulled.probes else probes_of(beam, block, out=spare, spare=first)
        turned = probes_of(turn, block, out=turned, spare=first)
        places = None
        if pulled.slopes is not None and direction.positions is not None:
            places = pulled.slopes, direction.positions[block.frames]
        change = k.turned_waves(
            (state.object, direction.object), (probes, turned), block, moves=places, out=change, spare=first
        )
        change = k.transform(change, out=first)
        wave = pulled.waves[number] if pulled.waves else k.transform(k.exit_waves(state.object, probes, block))
        total += k.bend(wave, change, data.measured[block.frames], screen, likelihood, spare=spare, maps=maps)
    # The transform here is sqrt(h w) times the orthonormal one; the gradient is that of the orthonormal.
    return total / data.weight.numel()


def _both(state: State) -> tuple[Tensor, Tensor]:
    return state.object, state.probe
