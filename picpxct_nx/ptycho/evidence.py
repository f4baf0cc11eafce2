"""What a best fit hides of positions: the farther apart they are, the more pixels of the object fit the noise.

The misfit of the best object is expected below that of the true one by the number of its parameters that the data
determine. That number grows with the area of the scan, so the best fit alone likes positions too far apart: their
scale came out 0.05 % too large with 1e6 photons a frame and 0.3 % with 1e5, and by more than twice that after forty
iterations. With the number added to the misfit its minimum is expected where the positions are true. The determinant
in the evidence of an object drawn from the prior would be three times as strong, and wrong for a given object.
"""

import torch
from torch import Tensor

from . import moves, ops
from .beam import beam_of, probes_of
from .state import Data, State

# Diagonal of the prior's negative Laplacian, the nearest neighbours of a pixel.
NEIGHBOURS = 4


def learn(data: Data, state: State, dose: Tensor, smoothness: Tensor) -> Tensor:
    """Derivative of g = sum_r D(r) / (D(r) + 4 l) by a linear map A of all positions, x -> x + A (x - mean x).

    D are the counts that fall on a pixel, so that D and 4 l are the diagonals of the object's second derivatives by
    data and prior, and 2 g is the number of real parameters that the data determine.

    Parameters
    ----------
    data : Data
        The scan.
    state : State
        Object, probe and positions.
    dose : (H, W) float32
        D, `overlap.illumination`.
    smoothness : () float32
        l, `Soft.smoothness`; without a prior nothing is said.

    Returns
    -------
    (2, 2) float64
        By A^T.

    References
    ----------
    MacKay, Neural Computation 4, 415 (1992), section 4, for the number.
    """
    assert state.positions is not None  # noqa: S101  # frames move
    place = state.positions.to(data.weight.device)
    around = place - place.mean(0)
    total = torch.zeros(2, 2, dtype=torch.float64, device=place.device)
    prior = NEIGHBOURS * smoothness
    fields = moves.derivatives(prior / (dose + prior).square())
    beam = beam_of(data, state)
    for block in data.pieces():
        probes = probes_of(beam, block)
        light = ops.intensity(probes)
        by = torch.stack([(data.passes.patches(field, probes, block)[:, 0] * light).sum((1, 2)) for field in fields], 1)
        total += around[block.frames].mT @ by.double()
    return torch.where(smoothness > 0, total, 0.0)
