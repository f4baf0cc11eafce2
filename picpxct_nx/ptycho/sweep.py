"""One look at all frames through the model: what its misfit says about positions, intensities and background."""

from dataclasses import dataclass

import torch
from torch import Tensor

from . import fit, ops
from .beam import beam_of, probes_of
from .blocks import Block
from .moves import derivatives
from .state import Data, State, screen_of


@dataclass
class Sums:
    """Sums over the detector or over the frames; those that nobody asked for are None.

    Parameters
    ----------
    slope : (n, 2) float32
        sum (a - |Psi|) d|Psi| / dc, counts a pixel: minus half the derivative of the misfit for a position.
    curvature : (n, 2, 2) float32
        sum (d|Psi| / dc) (d|Psi| / dc)^T, counts a pixel squared.
    measured, expected : (n,) float32
        Counts of a frame on measured pixels without the background, and those of the model.
    dark : (4, h, w) float32
        `passes.background_sums`.
    """

    slope: Tensor | None = None
    curvature: Tensor | None = None
    measured: Tensor | None = None
    expected: Tensor | None = None
    dark: Tensor | None = None


def sweep(data: Data, state: State, *, positions: bool, intensity: bool, background: bool) -> Sums:
    """Sums of one pass over all frames, one far field a frame and two more for positions.

    A frame that is moved by d sees O + d dO/dr through the same probe: d|Psi| / dc = Re(conj(Psi) F[P dO/dc]) / |Psi|.
    It is compared in the detector; in the exit wave the phase, which nobody measured, would halve every step.

    Parameters
    ----------
    data : Data
        The measured scan, at the positions of the state.
    state : State
        The model.
    positions, intensity, background : bool
        Which sums.

    Returns
    -------
    Sums
    """
    n, h, w = data.measured.shape
    sums, where = Sums(), data.weight.device
    slopes = derivatives(state.object) if positions else ()
    if positions:
        sums.slope, sums.curvature = torch.zeros(n, 2, device=where), torch.zeros(n, 2, 2, device=where)
    if intensity:
        sums.measured, sums.expected = torch.zeros(n, device=where), torch.zeros(n, device=where)
    if background:
        sums.dark = torch.zeros(4, h, w, device=where)
    beam = beam_of(data, state)
    for block in data.pieces():
        probes = probes_of(beam, block)
        wave = ops.far_field(data.passes.exit_waves(state.object, probes, block))
        light = ops.intensity(wave)
        total = light if state.background is None else light + state.background
        amplitude = data.amplitude(block.frames)
        if sums.slope is not None and sums.curvature is not None:
            inverse = fit.inverse_modulus(total, data.least) * data.weight
            moves = torch.stack([_change(data, block, probes, wave, slope) * inverse for slope in slopes], 1).flatten(2)
            missing = (amplitude - total.sqrt()).flatten(1)
            sums.slope[block.frames] = torch.einsum("bip,bp->bi", moves, missing) / (h * w)
            sums.curvature[block.frames] = moves @ moves.mT / (h * w)
        if sums.measured is not None and sums.expected is not None:
            counts = amplitude.square() if state.background is None else amplitude.square() - state.background
            sums.measured[block.frames] = torch.mv(counts.flatten(1), data.weight.flatten())
            sums.expected[block.frames] = torch.mv(light.flatten(1), data.weight.flatten())
        if sums.dark is not None:
            sums.dark += data.passes.background_sums(wave, data.measured[block.frames], screen_of(data, state))
    return sums


def _change(data: Data, block: Block, probes: Tensor, wave: Tensor, slope: Tensor) -> Tensor:
    """Half the derivative of the intensity for a move along one axis, (b, h, w)."""
    return ops.real_product(wave, ops.far_field(data.passes.exit_waves(slope, probes, block)))
