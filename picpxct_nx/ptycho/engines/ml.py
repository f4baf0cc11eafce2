"""Maximum likelihood: object and probe that make the counted frames most probable, by conjugate gradients."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .. import ops
from ..state import Block, Data, State, from_sum, probes_of, spectrum_of, sum_on_probe


@dataclass(frozen=True)
class Params:
    """How the refinement runs.

    Parameters
    ----------
    likelihood : str
        "gaussian": the counts' square roots have equal Gaussian noise, sum (|Psi| - sqrt I)^2;
        "poisson": the counts are Poisson distributed, sum |Psi|^2 - I log |Psi|^2.
    damping : float
        Part of the largest illumination that is added to the preconditioner's, so that dim pixels stay bounded.
    probe_start : int
        Iteration, counted from 1, at which the probe begins to be refined.
    background : float
        Counts a pixel that are added to data and model in the Poisson likelihood, which a dark pixel makes infinite.
    centre_probe : bool
        Centre the probe's intensity in its window when the engine ends (`centre_probe`).
    """

    likelihood: str = "gaussian"
    damping: float = 0.01
    probe_start: int = 1
    background: float = 0.1
    centre_probe: bool = False

    def __post_init__(self) -> None:
        if self.likelihood not in ("gaussian", "poisson"):
            raise ValueError("ml.likelihood is gaussian or poisson")


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
    """

    waves: Tensor
    gradient: State | None = None
    direction: State | None = None
    product: float = 0.0
    iteration: int = 0


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
    return Memory(torch.empty(shape, dtype=torch.complex64, device=data.amplitude.device))


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
    gradient, misfit = _gradient(data, state, memory.waves, params)
    if iteration < params.probe_start:
        gradient.probe.zero_()
    scaled = _precondition(data, state, gradient, params.damping)
    product = _dot(gradient, scaled)
    direction = scaled
    if memory.gradient is not None and memory.direction is not None and memory.product > 0:
        beta = max(0.0, (product - _dot(memory.gradient, scaled)) / memory.product)
        direction = State(scaled.object + beta * memory.direction.object, scaled.probe + beta * memory.direction.probe)
    length = _step_length(data, state, direction, memory.waves, params)
    state = State(state.object - length * direction.object, state.probe - length * direction.probe)
    error = (float(misfit) / data.power) ** 0.5
    return state, Memory(memory.waves, gradient, direction, product, iteration), error


def _gradient(data: Data, state: State, waves: Tensor, params: Params) -> tuple[State, Tensor]:
    """Gradient of the misfit for object and probe (half of it, as is usual); the detector waves stay in `waves`."""
    on_object = torch.zeros_like(state.object)
    on_probe = torch.zeros_like(state.probe)
    misfit = torch.zeros((), dtype=torch.float64, device=on_object.device)
    spectrum = spectrum_of(data, state.probe)
    for block in data.blocks:
        probes = probes_of(block, state.probe, spectrum)
        patches = ops.gather(state.object, block.corners, (probes.shape[-2], probes.shape[-1]))[:, None]
        exit_waves = probes * patches
        wave = ops.far_field(exit_waves, out=waves[block.frames])
        squares = ops.intensity(wave)
        amplitude = data.amplitude[block.frames]
        ratio = _ratio(squares, amplitude, params)
        misfit += ops.positive_sqrt(squares).sub_(amplitude).square_().mul_(data.weight).sum(dtype=torch.float64)
        residual = wave * ratio.neg_().add_(1).mul_(data.weight)[:, None]
        back = ops.inverse_far_field(residual, out=exit_waves)
        on_probe += sum_on_probe(block, torch.mul(patches.conj(), back, out=residual))
        ops.scatter_add(on_object, block.corner_list, torch.mul(probes.conj(), back, out=residual).sum(1))
    return State(on_object, from_sum(data, on_probe)), misfit


def _ratio(squares: Tensor, amplitude: Tensor, params: Params) -> Tensor:
    """Factor rho by which the modelled wave would be multiplied to fit: sqrt(I) / |Psi|, or I / |Psi|^2 for Poisson."""
    if params.likelihood == "gaussian":
        return amplitude / ops.positive_sqrt(squares.clone())
    level = params.background * amplitude.shape[-2] * amplitude.shape[-1]
    return (amplitude.square() + level) / (squares + level)


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
        ops.scatter_add(dose, block.corner_list, light.expand(len(block.corner_list), -1, -1))
        cover += ops.gather(squares, block.corners, shape).sum(0)
    return State(
        gradient.object / (dose + damping * dose.max()),
        gradient.probe / (cover + damping * cover.max()),
    )


def _step_length(data: Data, state: State, direction: State, waves: Tensor, params: Params) -> float:
    """Minimum of the misfit's parabola along -direction, from its slope and curvature at the start.

    With Psi(t) = A - t B, v = Re conj(A) B and rho the fitting factor, the slope is -2 (1 - rho) v and the curvature
    2 (1 - rho) |B|^2 + k rho v^2 / |A|^2, k = 2 (Gaussian) or 4 (Poisson); rho is cut at 1, which bounds the
    curvature from above where the modelled wave is too weak and the exact one is near singular.
    """
    slope = torch.zeros((), dtype=torch.float64, device=waves.device)
    curvature = torch.zeros_like(slope)
    spectrum, turn = spectrum_of(data, state.probe), spectrum_of(data, direction.probe)
    shape = (state.probe.shape[-2], state.probe.shape[-1])
    for block in data.blocks:
        change = probes_of(block, direction.probe, turn) * ops.gather(state.object, block.corners, shape)[:, None]
        patches = ops.gather(direction.object, block.corners, shape)[:, None]
        change = change.addcmul_(probes_of(block, state.probe, spectrum), patches)
        bend, fall = _along(waves[block.frames], ops.far_field(change), data, block, params)
        slope += fall
        curvature += bend
    return float(slope / curvature) if float(curvature) > 0 else 0.0


def _along(wave: Tensor, change: Tensor, data: Data, block: Block, params: Params) -> tuple[Tensor, Tensor]:
    """Curvature and slope of one block's misfit along the direction, halved both."""
    squares = ops.intensity(wave)
    turn = torch.mul(wave.conj(), change).real.sum(1)
    rho = _ratio(squares, data.amplitude[block.frames], params)
    fall = ((1 - rho) * turn * data.weight).sum(dtype=torch.float64)
    kept = rho.clamp_(max=1)
    order = 1 if params.likelihood == "gaussian" else 2
    squares.clamp_(min=torch.finfo(squares.dtype).tiny)
    bend = (1 - kept) * ops.intensity(change) + order * kept * turn.square() / squares
    return (bend * data.weight).sum(dtype=torch.float64), fall


def _dot(a: State, b: State) -> float:
    """Real scalar product of two directions; in float64, for conjugacy is a difference of near equals."""
    total = torch.zeros((), dtype=torch.float64, device=a.object.device)
    for x, y in ((a.object, b.object), (a.probe, b.probe)):
        total += torch.mul(x, y.conj()).real.sum(dtype=torch.float64)
    return float(total)
