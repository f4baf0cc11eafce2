"""What maximum likelihood learns of its own problem: directions that hardly matter to it, and the object's roughness.

A common shift of object and probe by a part of a pixel changes almost nothing that the frames show: only what the
object holds at the edge of its band tells the grid of pixels from a shifted one. So conjugate gradients take hundreds
of iterations to get anywhere along it, and the object keeps wrong fine rows and columns until then. A diagonal
preconditioner does not know such a direction; the inverse of the stiffness along it, added to the diagonal, does.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from . import ops, strains
from .conjugate import product, real
from .state import Data, State
from .strains import frequency

# Pixels of the shift over which the stiffness is measured.
STEP = 0.05
# Part of slope over stiffness that enters the direction. The object gives way along with a shift, which makes it softer
# than measured, but a long step costs more than several short ones: 0.1 and 0.3 reach the noise alike, 1 later.
PART = 0.3


@dataclass(frozen=True)
class Soft:
    """What was learned.

    Parameters
    ----------
    stiffness : (2,) float64
        Half the misfit's second derivative by a common shift of object and probe along rows and columns, 1/px^2.
    smoothness : () float32
        Counts l of the prior l sum |O(r) - O(r')|^2 over neighbouring pixels.
    strains : (10, 10) float64, or None
        `strains.learn`, where frames move.
    evidence : (2, 2) float64, or None
        `evidence.learn`, where frames move.
    """

    stiffness: Tensor
    smoothness: Tensor
    strains: Tensor | None = None
    evidence: Tensor | None = None


def due(iteration: int) -> bool:
    """Whether it is time to learn (again): at iterations 2, 8, 32, 128 and so on, as the object forms."""
    while iteration and iteration % 4 == 0:
        iteration //= 4
    return iteration == 2


def learn(state: State, dose: Tensor, gradient: Callable[[State], State], smoothness: float) -> Soft:
    """Stiffness along the common shift, from two gradients, and the weight of the prior, from the object.

    With D the counts that fall on a pixel, l = s sum D / (2 sum D |O(r) - O(r')|^2) is the most likely weight of a
    Gaussian prior on the differences of neighbours, for an object that its data determine.

    Parameters
    ----------
    state : State
        Object and probe.
    dose : (H, W) float32
        D, `overlap.illumination`.
    gradient : callable
        Half the misfit's gradient for object and probe.
    smoothness : float
        s, part of the most likely weight.

    Returns
    -------
    Soft

    References
    ----------
    MacKay, Neural Computation 4, 415 (1992), section 4, for the weight.
    """
    before, after = (_slopes(gradient(at), at) for at in (state, _shifted(state, STEP)))
    rough = torch.zeros((), dtype=torch.float64, device=dose.device)
    for axis, size in enumerate(dose.shape):
        apart = torch.diff(state.object, dim=axis).abs().square()
        rough += (apart * dose.narrow(axis, 0, size - 1)).sum(dtype=torch.float64)
    weight = smoothness * dose.sum(dtype=torch.float64) / (2 * rough)
    # An object without any structure says nothing about a prior.
    return Soft((after - before) / STEP, torch.where(rough > 0, weight, 0.0).to(torch.float32))


def conditioned(
    data: Data, soft: Soft, state: State, gradient: State, scaled: State, slopes: tuple[Tensor, Tensor] | None = None
) -> State:
    """A preconditioned gradient with the soft directions in it, + p sum_k t_k <t_k, g> / h_k.

    Parameters
    ----------
    data : Data
        The scan.
    soft : Soft
        Stiffnesses h; one that is not above zero adds nothing.
    state : State
        Object and probe, whose derivatives along rows and columns are t, and positions, if these move.
    gradient : State
        g.
    scaled : State
        The gradient by the diagonal preconditioner.
    slopes : two of (H, W) complex64, or None
        `moves.derivatives` of the object, where frames move.

    Returns
    -------
    State

    References
    ----------
    Nicolaides, SIAM J. Numer. Anal. 24, 355 (1987): conjugate gradients with a few known directions treated apart.
    """
    image, probe, place = scaled.object, scaled.probe, scaled.positions
    for shift, stiffness in zip(_shifts(state), soft.stiffness, strict=True):
        part = torch.where(stiffness > 0, PART * product(gradient, shift) / stiffness, 0.0).to(torch.float32)
        image, probe = image + part * shift.object, probe + part * shift.probe
    if place is not None and slopes is not None and soft.strains is not None:
        more = strains.step(data, state, gradient, soft.strains, slopes)
        image, probe = image + more.object, probe + more.probe
        place = place if more.positions is None else place + more.positions
    return replace(scaled, object=image, probe=probe, positions=place)


def pull(soft: Soft, image: Tensor) -> Tensor:
    """Gradient of the prior for the object; without what would only scale it, for object and probe share a scale."""
    rough = ops.roughness(image)
    scale = real(image, rough) / real(image, image)
    return (rough - scale.to(torch.float32) * image).mul_(soft.smoothness)


def bend(soft: Soft, direction: Tensor) -> Tensor:
    """Curvature of the prior along a direction of the object, () float64."""
    return soft.smoothness * real(direction, ops.roughness(direction))


def _shifts(state: State) -> tuple[State, State]:
    """Derivatives of object and probe by a common shift along rows and along columns."""
    fields = [(field, torch.fft.fft2(field)) for field in (state.object, state.probe)]
    pairs = []
    for axis in (0, 1):
        parts = [torch.fft.ifft2(spectrum * (-2j * torch.pi * frequency(field, axis))) for field, spectrum in fields]
        pairs.append(State(*parts))
    return pairs[0], pairs[1]


def _shifted(state: State, by: float) -> State:
    """Object and probe moved by some pixels along both axes."""
    image, probe = (
        torch.fft.ifft2(
            torch.fft.fft2(field) * torch.exp(-2j * torch.pi * by * (frequency(field, 0) + frequency(field, 1)))
        )
        for field in (state.object, state.probe)
    )
    return replace(state, object=image, probe=probe)


def _slopes(gradient: State, state: State) -> Tensor:
    return torch.stack([product(gradient, shift) for shift in _shifts(state)])
