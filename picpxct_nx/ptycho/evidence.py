"""What a best fit does not say of positions: the farther apart they are, the more pixels of the object fit the noise.

The probability of the counts for given positions is an integral over all objects, not that of the best one. By Laplace
it is that of the best one over the root of the determinant of the second derivatives, in units of the prior's. Without
that factor a scan of 1e6 photons a frame came out larger by 0.15 %, one of 1e5 by 0.6 %, whatever the start.
"""

import torch
from torch import Tensor

from . import moves, ops
from .beam import beam_of, probes_of
from .overlap import illumination
from .state import Data, State

# Of the negative Laplacian in the prior, by nearest neighbours, the diagonal.
NEIGHBOURS = 4


def learn(data: Data, state: State, smoothness: Tensor) -> Tensor:
    """Derivative of sum_r log(1 + D(r) / (4 l)) by a linear map A of all positions, x -> x + A (x - mean x).

    D are the counts that fall on a pixel, so that D and 4 l are the diagonals of the object's second derivatives by
    data and prior. The sum is the logarithm of the determinant's root for two real unknowns a pixel.

    Parameters
    ----------
    data : Data
        The scan.
    state : State
        Object, probe and positions.
    smoothness : () float32
        l, `Soft.smoothness`; without a prior nothing is said.

    Returns
    -------
    (2, 2) float64
        By A^T.

    References
    ----------
    MacKay, Neural Computation 4, 415 (1992), section 4.
    """
    assert state.positions is not None  # noqa: S101  # frames move
    place = state.positions.to(data.weight.device)
    around = place - place.mean(0)
    total = torch.zeros(2, 2, dtype=torch.float64, device=place.device)
    fields = moves.derivatives(1 / (illumination(data, state) + NEIGHBOURS * smoothness))
    beam = beam_of(data, state)
    for block in data.pieces():
        probes = probes_of(beam, block)
        light = ops.intensity(probes)
        by = torch.stack([(data.passes.patches(field, probes, block)[:, 0] * light).sum((1, 2)) for field in fields], 1)
        total += around[block.frames].mT @ by.double()
    return torch.where(smoothness > 0, total, 0.0)
