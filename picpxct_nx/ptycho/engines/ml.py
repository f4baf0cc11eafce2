"""Maximum likelihood: what makes the counts most probable, by conjugate gradients on all unknowns at once."""

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from picpxct_nx.ptycho import background, evidence, fit, moves, noise, soft, strains
from picpxct_nx.ptycho.conjugate import conjugate, product, share
from picpxct_nx.ptycho.gradient import Kept, curvature, pulled, room_for, scaled, widened
from picpxct_nx.ptycho.overlap import Light, light_of
from picpxct_nx.ptycho.soft import Soft
from picpxct_nx.ptycho.state import Data, State

# It finds positions and background with object and probe where `Data.reach` and `Data.dark` let it.
POSITIONS = "joint"


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
    kept : Kept
        Room between gradient and line search.
    gradient, direction : State or None
        Gradient and search direction of the last iteration, in the shape of object and probe.
    product : () float64, or None
        <gradient, preconditioned gradient> of the last iteration; zero where its direction is of no use.
    light : Light or None
        That of the preconditioner, from when it was last learned: with that of every iteration it is no faster.
    iteration : int
        Iterations done.
    poisson : () bool
        The likelihood of the next step is the Poisson one.
    soft : Soft or None
        What was learned of the common shift and the object's roughness.
    """

    kept: Kept = field(metadata={"scratch": True, "in_place": True})
    poisson: Tensor
    gradient: State | None = None
    direction: State | None = None
    product: Tensor | None = None
    light: Light | None = None
    iteration: int = 0
    soft: Soft | None = None

    @property
    def likelihood(self) -> str:
        """Name of the likelihood, "gaussian" or "poisson", of the next step."""
        return "poisson" if bool(self.poisson) else "gaussian"


def init(data: Data, state: State, params: Params, iterations: int) -> Memory:  # noqa: ARG001 - same for all engines
    """Room for one stack of detector waves and of what they show.

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
    poisson = torch.full((), params.likelihood == "poisson", device=data.weight.device)
    return Memory(room_for(data, state), poisson)


def phase(memory: Memory, params: Params) -> Hashable:
    """What the next iteration does besides the work on its tensors.

    None where it has no direction to go on from, or learns anew.
    """
    iteration = memory.iteration + 1
    if memory.gradient is None or soft.due(iteration):
        return None
    return iteration >= params.probe_start, memory.soft is None


def step(data: Data, state: State, memory: Memory, params: Params) -> tuple[State, Memory, Tensor]:
    """One conjugate-gradient iteration on object, probe and what else is unknown; analytic line search.

    Parameters
    ----------
    data : Data
        The measured scan, the reach of its frames, and what they tell of the background.
    state : State
        Object, probe, positions and background before.
    memory : Memory
        Last gradient and direction.
    params : Params
        How to run.

    Returns
    -------
    state : State
        All of them after; the blocks of the data are still those of the positions before.
    memory : Memory
        For the next step.
    misfit : () float64
        Sum (|Psi| - a)^2 before the step.

    References
    ----------
    Thibault & Guizar-Sicairos, New J. Phys. 14, 063004 (2012), sections 2 and 3; the conjugacy is Polak and
    Ribiere's with the restart of Powell.
    """
    iteration, kept = memory.iteration + 1, widened(data, memory.kept)
    likelihood = _likelihood(data, memory, params)
    if soft.due(iteration):
        memory = _learned(data, state, memory, likelihood, params)
    asked = pulled(data, state, kept, memory.soft, likelihood)
    light = memory.light or light_of(data, state)
    gradient, better = asked.gradient, scaled(asked, light, params.damping)
    if iteration < params.probe_start:
        gradient.probe.zero_()
        better.probe.zero_()
    elif memory.soft is not None:
        better = soft.conditioned(data, memory.soft, state, gradient, better, asked.slopes)
    power = product(gradient, better)
    direction = conjugate(memory.gradient, memory.direction, memory.product, better, power)
    direction = background.allowed(state, direction)
    bend = curvature(data, state, direction, asked, likelihood)
    if memory.soft is not None:
        bend += soft.bend(memory.soft, direction.object)
    # The misfit's parabola has its minimum at slope over curvature; a direction of no curvature is zero.
    length = share(product(gradient, direction), bend)
    image, probe = state.object - length * direction.object, state.probe - length * direction.probe
    poisson = memory.poisson
    if likelihood.undecided:
        # Another misfit has other conjugate directions, so the next step makes no use of this one's.
        fits = noise.fits(asked.sums[1:]) & ~poisson
        poisson, power = poisson | fits, torch.where(fits, 0.0, power)
    after = replace(
        memory, kept=kept, poisson=poisson, gradient=gradient, direction=direction, product=power, light=light,
        iteration=iteration,
    )  # fmt: skip
    state = background.stepped(replace(state, object=image, probe=probe), direction, length)
    if direction.positions is not None and state.positions is not None:
        state = replace(state, positions=state.positions + moves.limited(length, direction.positions, data))
    return state, after, asked.sums[0]


def _likelihood(data: Data, memory: Memory, params: Params) -> fit.Likelihood:
    """The likelihood of a step; a GPU is not asked whether it was decided, for that is to wait for it."""
    undecided = params.likelihood == "auto" and (memory.poisson.is_cuda or not bool(memory.poisson))
    return fit.Likelihood(memory.poisson, params.background * data.weight.numel(), undecided)


def _learned(data: Data, state: State, memory: Memory, likelihood: fit.Likelihood, params: Params) -> Memory:
    """The memory with what was learned anew, and without directions that are conjugate in another sense."""

    def gradient(at: State) -> State:
        return pulled(replace(data, dark=None), at, memory.kept, None, likelihood).gradient

    light = light_of(data, state)
    learned = soft.learn(state, light.dose, gradient, params.smoothness)
    if data.reach:
        slopes = moves.derivatives(state.object)
        learned = replace(
            learned,
            strains=strains.learn(data, state, likelihood, slopes),
            evidence=evidence.learn(data, state, light.dose, learned.smoothness),
        )
    return replace(memory, gradient=None, direction=None, product=None, light=light, soft=learned)
