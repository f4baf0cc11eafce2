"""How the probe changes over the scan: a few orthonormal changes that all frames share, each in an amount of its own.

The best few changes are the leading singular vectors of the (frames, pixels) matrix of what each frame wants of the
probe. That matrix is never held: each pass is one step of subspace iteration on it.
"""

from dataclasses import replace

import torch
from torch import Tensor

from . import fit, ops
from .beam import Beam, beam_of, probes_of, scale_of, shown
from .blocks import Block
from .model import Variation
from .state import Data, State

# Part of the largest sum of |O|^2 (of the frames' mean curvature) in a change's (a weight's) denominator.
DAMPING = 0.05


def varied(data: Data, state: State, params: Variation) -> State:
    """State with its changes of the probe, and each frame's amounts of them, moved towards what the frames want.

    With chi_j the change of the exit wave that the modulus projection asks for: dV_k = sum_j c*_jk conj(O_j) chi_j /
    sum_j |c_jk|^2 |O_j|^2, and dc_j minimises |chi_j - sum_k dc_jk V_k O_j|^2. The mean change goes to the probe.

    Parameters
    ----------
    data : Data
        The measured scan, at the positions of the state.
    state : State
        The model.
    params : Variation
        How many changes, and how far.

    Returns
    -------
    State

    References
    ----------
    Odstrcil et al., Opt. Express 24, 8360 (2016), section 2; Opt. Express 26, 3108 (2018), section 3.3.
    """
    n = len(data.measured)
    if state.variation is None or state.weights is None:
        # A random mixture of what the frames want lies mostly along the leading changes.
        # Drawn on the host, whose random numbers a snapshot keeps.
        mixture = torch.randn(n, params.modes, dtype=torch.complex64).to(state.probe.device)
        changes, _ = _pass(data, replace(state, variation=None, weights=None), mixture, None)
        state = replace(state, variation=changes, weights=torch.zeros_like(mixture))
        state = _orthonormal(state)
    variation, weights = state.variation, state.weights
    if variation is None or weights is None:
        return state
    changes, amounts = _pass(data, state, weights, variation)
    state = replace(state, variation=variation + params.step * changes, weights=weights + params.step * amounts)
    return _orthonormal(state)


def _pass(data: Data, state: State, weights: Tensor, variation: Tensor | None) -> tuple[Tensor, Tensor]:
    """Steps of all changes (k, modes, h, w), given the weights (n, k), and of the weights, given the changes."""
    n, h, w = data.measured.shape
    shape = (weights.shape[1], *state.probe.shape)
    changes, amounts = torch.zeros(shape, dtype=torch.complex64, device=weights.device), torch.zeros_like(weights)
    cover = torch.zeros(weights.shape[1], h, w, device=weights.device)
    normal = torch.zeros(n, weights.shape[1], weights.shape[1], dtype=torch.complex64, device=weights.device)
    beam = beam_of(data, state)
    for block in data.pieces():
        patches, chi = _wanted(data, state, beam, block)
        own = weights[block.frames]
        back = _moved_back(block, patches.conj() * chi / scale_of(beam, block))
        changes += torch.tensordot(own.conj(), back, dims=([0], [0]))
        view = ops.intensity(patches)
        cover += torch.tensordot(own.abs().square(), view, dims=([0], [0]))
        if variation is not None and beam.variation is not None:
            along = _seen(beam, block) * patches[:, None]
            flat = along.flatten(2)
            normal[block.frames] = flat.conj() @ flat.mT
            amounts[block.frames] = torch.linalg.vecdot(flat, chi.flatten(1)[:, None])
    floor = (DAMPING * cover.amax((1, 2), keepdim=True)).clamp(min=torch.finfo(cover.dtype).tiny)
    changes /= (cover + floor)[:, None]
    if variation is None:
        return changes, amounts
    diagonal = normal.diagonal(dim1=1, dim2=2).real.mean()
    eye = torch.eye(normal.shape[1], dtype=normal.dtype, device=normal.device)
    return changes, torch.linalg.solve(normal + DAMPING * diagonal * eye, amounts)


def _wanted(data: Data, state: State, beam: Beam, block: Block) -> tuple[Tensor, Tensor]:
    """A block's patches (b, 1, h, w), and the change of its exit waves (b, modes, h, w) that the frames ask for."""
    patches = data.passes.patches(state.object, state.probe, block)
    wave = ops.far_field(probes_of(beam, block) * patches)
    squares = shown(state, wave)
    slope = fit.gaussian_slope(
        fit.excess(squares, data.amplitude(block.frames)), fit.inverse_modulus(squares, data.least)
    )
    wave *= slope.mul_(-data.weight)[:, None]
    return patches, ops.inverse_far_field(wave)


def _moved_back(block: Block, waves: Tensor) -> Tensor:
    """Waves on the probe's own grid, each frame's apart."""
    if block.phases is None:
        return waves
    rows, columns = block.phases
    return ops.inverse_far_field(ops.far_field(waves).mul_(rows.conj()).mul_(columns.conj()))


def _seen(beam: Beam, block: Block) -> Tensor:
    """All changes of the probe as each frame would see one unit of them, (b, k, modes, h, w)."""
    changes = beam.variation
    if changes is None:
        raise AssertionError("only asked for where there are changes")
    frames = len(block.corners)
    if block.phases is None:
        seen = changes.expand(frames, -1, -1, -1, -1)
    else:
        rows, columns = block.phases
        seen = ops.inverse_far_field(changes * rows[:, None] * columns[:, None])
    return seen if beam.scale is None else seen * beam.scale[block.frames][:, None, None, None, None]


def _orthonormal(state: State) -> State:
    """The same changes of the probe as orthonormal ones in order of their weight, their mean in the probe.

    Where frames have intensities of their own, a change along the probe is one of these and is taken out.
    """
    variation, weights = state.variation, state.weights
    if variation is None or weights is None:
        return state
    mean = weights.mean(0)
    probe = state.probe + torch.tensordot(mean, variation, dims=1)
    flat = variation.flatten(1)
    if state.scale is not None:
        along = probe.flatten() / torch.linalg.vector_norm(probe)
        flat = flat - torch.outer(flat @ along.conj(), along)
    basis, mixing = torch.linalg.qr(flat.mT)  # flat = mixing^T basis^T
    left, strength, right = torch.linalg.svd((weights - mean) @ mixing.mT, full_matrices=False)
    changes = (right @ basis.mT).reshape(variation.shape)
    # Contiguous as a snapshot brings them back: sums over other strides end in other bits.
    return replace(state, probe=probe, variation=changes.contiguous(), weights=(left * strength).contiguous())
