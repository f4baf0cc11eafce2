"""Maximum likelihood: object and probe that make the counted frames most probable, by conjugate gradients."""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from picpxct_nx.ptycho import fit, ops
from picpxct_nx.ptycho.beam import beam_of, from_sum, probes_of, shown, sum_on_probe
from picpxct_nx.ptycho.noise import POISSON_BELOW, chi_square
from picpxct_nx.ptycho.soft import Soft, bend, conditioned, due, learn, pull
from picpxct_nx.ptycho.state import Data, State, room_of


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
        Room for the detector waves between gradient and line search; one stack.
    gradient, direction : State or None
        Gradient and search direction of the last iteration, in the shape of object and probe.
    product : float
        <gradient, preconditioned gradient> of the last iteration.
    iteration : int
        Iterations done.
    likelihood : str
        "gaussian" or "poisson": that of the next step.
    soft : Soft or None
        What was learned of the common shift and the object's roughness.
    """

    waves: Tensor = field(metadata={"scratch": True})
    gradient: State | None = None
    direction: State | None = None
    product: float = 0.0
    iteration: int = 0
    likelihood: str = "gaussian"
    soft: Soft | None = None


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
    n, h, w = data.amplitude.shape
    shape = (n, state.probe.shape[0], h, w)
    waves = torch.empty(shape, dtype=torch.complex64, device=data.amplitude.device)
    return Memory(waves, likelihood="poisson" if params.likelihood == "poisson" else "gaussian")


def step(data: Data, state: State, memory: Memory, params: Params) -> tuple[State, Memory, float]:
    """One conjugate-gradient iteration on object and probe together, with an analytic line search.

    Parameters
    ----------
    data : Data
        The measured scan.
    state : State
        Object and probe before.
    memory : Memory
        Last gradient and direction.
    params : Params
        How to run.

    Returns
    -------
    state : State
        Object and probe after.
    memory : Memory
        For the next step.
    error : float
        Fourier error of object and probe before the step.

    References
    ----------
    Thibault & Guizar-Sicairos, New J. Phys. 14, 063004 (2012), sections 2 and 3; the conjugacy is Polak and
    Ribiere's with the restart of Powell.
    """
    iteration = memory.iteration + 1
    decide = params.likelihood == "auto" and memory.likelihood == "gaussian"
    params = replace(params, likelihood=memory.likelihood)
    if due(iteration):
        memory = _learned(data, state, memory, params)
    gradient, misfit = _gradient(data, state, memory.waves, params)
    if memory.soft is not None:
        gradient.object.add_(pull(memory.soft, state.object))
    if iteration < params.probe_start:
        gradient.probe.zero_()
    scaled = _precondition(data, state, gradient, params.damping)
    if memory.soft is not None and iteration >= params.probe_start:
        scaled = conditioned(memory.soft, state, gradient, scaled)
    product = _dot(gradient, scaled)
    direction = scaled
    if memory.gradient is not None and memory.direction is not None and memory.product > 0:
        beta = max(0.0, (product - _dot(memory.gradient, scaled)) / memory.product)
        direction = State(scaled.object + beta * memory.direction.object, scaled.probe + beta * memory.direction.probe)
    curvature = _curvature(data, state, direction, memory.waves, params)
    if memory.soft is not None:
        curvature += float(bend(memory.soft, direction.object))
    # The misfit's parabola has its minimum at slope over curvature; a direction of no curvature is zero.
    length = _dot(gradient, direction) / curvature if curvature > 0 else 0.0
    moved = [value - length * by for value, by in zip(_both(state), _both(direction), strict=True)]
    error = (float(misfit) / data.power) ** 0.5
    after = Memory(memory.waves, gradient, direction, product, iteration, params.likelihood, memory.soft)
    if decide and chi_square(data, state, memory.waves) < POISSON_BELOW:
        # Another misfit has other conjugate directions.
        after = Memory(memory.waves, iteration=iteration, likelihood="poisson", soft=memory.soft)
    return replace(state, object=moved[0], probe=moved[1]), after, error


def _learned(data: Data, state: State, memory: Memory, params: Params) -> Memory:
    """The memory with what was learned anew, and without directions that are conjugate in another sense."""

    def gradient(at: State) -> State:
        return _gradient(data, at, memory.waves, params)[0]

    soft = learn(data, state, gradient, params.smoothness)
    return Memory(memory.waves, iteration=memory.iteration, likelihood=memory.likelihood, soft=soft)


def _gradient(data: Data, state: State, waves: Tensor, params: Params) -> tuple[State, Tensor]:
    """Gradient of the misfit for object and probe (half of it, as is usual); the detector waves stay in `waves`."""
    on_object = torch.zeros_like(state.object)
    on_probe = torch.zeros_like(state.probe)
    misfit = torch.zeros((), dtype=torch.float64, device=on_object.device)
    beam = beam_of(data, state)
    shape = (state.probe.shape[-2], state.probe.shape[-1])
    for block in data.blocks:
        (patches, exit_waves, spare, probes), (squares, inverse, excess) = room_of(data, block)
        probes = probes_of(beam, block, out=probes, spare=spare)
        patches = ops.gather(state.object, block.corners, shape, out=patches[:, 0])[:, None]
        wave = ops.far_field(torch.mul(probes, patches, out=exit_waves), out=waves[block.frames])
        amplitude = data.amplitude[block.frames]
        fit.inverse_modulus(shown(state, wave, out=squares, spare=spare), out=inverse)
        misfit += fit.modulus_misfit(squares, inverse, amplitude, data.weight, spare=excess)
        fit.ratio(squares, inverse, amplitude, _background(data, params), out=excess)
        residual = ops.scale(wave, excess.neg_().add_(1).mul_(data.weight), out=spare)
        back = ops.inverse_far_field(residual, out=exit_waves)
        ops.scatter_add(on_object, block.corners, ops.sum_modes(torch.mul(back, probes.conj(), out=spare)))
        on_probe += sum_on_probe(beam, block, torch.mul(patches.conj_physical_(), back, out=spare), spare=exit_waves)
    return State(on_object, from_sum(data, on_probe)), misfit


def _background(data: Data, params: Params) -> float | None:
    """Background of the Poisson likelihood in the units of the scaled amplitudes' squares; None for Gaussian."""
    return params.background * data.weight.numel() if params.likelihood == "poisson" else None


def _precondition(data: Data, state: State, gradient: State, damping: float) -> State:
    """Gradient divided by the illumination: what each pixel would do if the other array stood still.

    The object's pixels are divided by the counts that fall on them, the probe's by sum_j |O_j|^2, each a diagonal
    Gauss-Newton step; this balances object against probe and bright against dim regions at once.
    """
    squares = ops.intensity(state.object[None, None])[0]
    shape = (state.probe.shape[-2], state.probe.shape[-1])
    dose, cover = torch.zeros_like(squares), torch.zeros(shape, device=squares.device)
    light = ops.intensity(state.probe[None])
    for block in data.blocks:
        # A scale needs no fraction of a pixel.
        ops.scatter_add(dose, block.corners, light.expand(len(block.corners), -1, -1))
        cover += ops.gather(squares, block.corners, shape, out=room_of(data, block)[1][0]).sum(0)
    return State(
        gradient.object / (dose + damping * dose.max()),
        gradient.probe / (cover + damping * cover.max()),
    )


def _curvature(data: Data, state: State, direction: State, waves: Tensor, params: Params) -> float:
    """Second derivative of the misfit along the direction (half of it, like the gradient), from above.

    With Psi(t) = A - t B and v = Re conj(A) B it is the sum of (1 - rho) |B|^2 + k rho v^2 / |A|^2, k = 1 (Gaussian)
    or 2 (Poisson). rho is cut at 1: where the modelled wave is too weak the exact curvature runs to minus infinity.
    """
    total = torch.zeros((), dtype=torch.float64, device=waves.device)
    # The frames' factors are held, and so are the changes of the probe, which the direction therefore lacks.
    beam, turn = beam_of(data, state), beam_of(data, replace(direction, scale=state.scale))
    shape = (state.probe.shape[-2], state.probe.shape[-1])
    background = _background(data, params)
    order = 1 if background is None else 2
    for block in data.blocks:
        (first, change, probes, spare), (squares, inverse, along) = room_of(data, block)
        patches = first[:, :1]
        turned = probes_of(turn, block, out=probes, spare=spare)
        torch.mul(turned, ops.gather(state.object, block.corners, shape, out=patches[:, 0])[:, None], out=change)
        probes = probes_of(beam, block, out=probes, spare=spare)
        change.addcmul_(probes, ops.gather(direction.object, block.corners, shape, out=patches[:, 0])[:, None])
        change, wave = ops.far_field(change, out=first), waves[block.frames]
        fit.inverse_modulus(shown(state, wave, out=squares, spare=spare), out=inverse)
        ops.real_product(wave, change, out=along, spare=spare).mul_(inverse).square_().mul_(order)
        ratio = fit.ratio(squares, inverse, data.amplitude[block.frames], background, out=squares).clamp_(max=1)
        length = ops.intensity(change, out=inverse, spare=spare)
        total += fit.weighted_sum(length.lerp_(along, ratio), data.weight)
    # The transform here is sqrt(h w) times the orthonormal one; the gradient is that of the orthonormal.
    return float(total) / data.weight.numel()


def _dot(a: State, b: State) -> float:
    """Real scalar product of two directions; in float64, for conjugacy is a difference of near equals."""
    total = torch.zeros((), dtype=torch.float64, device=a.object.device)
    for x, y in zip(_both(a), _both(b), strict=True):
        total += torch.mul(x, y.conj()).real.sum(dtype=torch.float64)
    return float(total)


def _both(state: State) -> tuple[Tensor, Tensor]:
    return state.object, state.probe
