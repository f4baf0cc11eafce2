"""The illumination as each frame sees it, and what a detector then shows: the model that all engines share."""

from dataclasses import dataclass
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from picpxct_nx.errors import InputError

from . import fit, ops, passes
from .blocks import Block
from .problem import Problem
from .state import Data, State, room_of


@dataclass(frozen=True)
class Beam:
    """A state's probe, made ready for all blocks.

    Parameters
    ----------
    probe : (modes, h, w) complex64
        The probe; its spectrum where the positions have fractions.
    scale : (n,) float32, or None
        Factor of each frame.
    variation : (k, modes, h, w) complex64, or None
        Changes of the probe; their spectra where the positions have fractions.
    weights : (n, k) complex64, or None
        How much of each a frame has.
    passes : module
        `Data.passes`.
    """

    probe: Tensor
    scale: Tensor | None = None
    variation: Tensor | None = None
    weights: Tensor | None = None
    passes: ModuleType = passes


def beam_of(data: Data, state: State) -> Beam:
    """The probe of a state, transformed once where any frame needs a shift.

    Parameters
    ----------
    data : Data
        The measured scan.
    state : State
        The model.

    Returns
    -------
    Beam
    """
    if data.blocks[0].phases is None:
        return Beam(state.probe, state.scale, state.variation, state.weights, data.passes)
    variation = None if state.variation is None else ops.far_field(state.variation)
    return Beam(ops.far_field(state.probe), state.scale, variation, state.weights, data.passes)


def probes_of(beam: Beam, block: Block, *, out: Tensor | None = None, spare: Tensor | None = None) -> Tensor:
    """Probe as each frame of a block sees it, P_j = s_j (P + sum_k c_jk V_k)(r - f_j).

    Parameters
    ----------
    beam : Beam
        The probe.
    block : Block
        Which frames.
    out, spare : (b, modes, h, w) complex64, optional
        Where to write and room for spectra; untouched where all frames see the probe itself.

    Returns
    -------
    (b, modes, h, w), or (1, modes, h, w) where all frames see the probe itself; not to be changed.
    """
    probe = beam.probe[None]
    if beam.variation is not None and beam.weights is not None:
        probe = probe + torch.tensordot(beam.weights[block.frames], beam.variation, dims=1)
    if block.phases is not None:
        probe = beam.passes.shifted(probe, block.phases, out=out, spare=spare)
    if beam.scale is not None:
        probe = torch.mul(probe, scale_of(beam, block), out=out)
    return probe


def scale_of(beam: Beam, block: Block) -> Tensor | float:
    """Factor s_j of a block's frames, (b, 1, 1, 1); 1 where none is known."""
    return 1.0 if beam.scale is None else beam.scale[block.frames][:, None, None, None]


def shown(state: State, wave: Tensor, *, out: Tensor | None = None, spare: Tensor | None = None) -> Tensor:
    """What the detector shows of a wave, sum_m |Psi_m|^2 + B.

    With sqrt of it in place of |Psi|, projection, misfit and likelihood of `fit` hold with a background too.

    Parameters
    ----------
    state : State
        Whose background is added.
    wave : (n, modes, h, w) complex64
        Detector waves.
    out, spare
        As for `ops.intensity`.

    Returns
    -------
    (n, h, w) float32
    """
    squares = ops.intensity(wave, out=out, spare=spare)
    return squares if state.background is None else squares.add_(state.background)


def start(problem: Problem, data: Data) -> State:
    """Start object and probe, the probe scaled so that the model has the measured counts on the measured pixels.

    Parameters
    ----------
    problem : Problem
        The scan with its start guesses; an object of ones where it has none.
    data : Data
        The measured scan.

    Returns
    -------
    State

    Raises
    ------
    InputError
        The start guesses put no light, or no finite amount of it, on the measured pixels, or the background leaves
        none for them.
    """
    device = data.weight.device
    probe = torch.from_numpy(np.array(problem.probe, np.complex64)).to(device)
    # To unit power first: the squares of a probe of arbitrary scale may leave the range of float32.
    probe = probe / torch.linalg.vector_norm(probe.to(torch.complex128)).to(torch.float32)
    if problem.object is None:
        image = torch.ones(problem.object_shape, dtype=torch.complex64, device=device)
    else:
        image = torch.from_numpy(np.array(problem.object, np.complex64)).to(device)
    scale = None
    if problem.intensity is not None:
        relative = np.sqrt(problem.intensity / np.mean(problem.intensity))
        scale = torch.from_numpy(relative.astype(np.float32)).to(device)
    background, light = None, data.power
    if problem.background is not None:
        counts = np.fft.ifftshift(np.where(problem.good, problem.background, 0)).astype(np.float32)
        background = torch.from_numpy(counts).to(device) * counts.size
        light -= len(data.measured) * float(background.sum(dtype=torch.float64))
        if not light > 0:
            raise InputError("background: has all the counts of the frames; wanted less; check its exposure time")
    expected = float(_model_power(data, State(image, probe, scale=scale)))
    if not 0 < expected < float("inf"):
        raise InputError(
            f"probe: the start model puts {expected:g} counts on the measured pixels; wanted a finite number above 0; "
            "check the start object's magnitude and that the probe's far field falls on measured pixels"
        )
    return State(image, probe * (light / expected) ** 0.5, scale=scale, background=background)


def _model_power(data: Data, state: State) -> Tensor:
    """Sum of |Psi|^2 over all frames' measured pixels."""
    total = torch.zeros((), dtype=torch.float64, device=data.weight.device)
    beam, k = beam_of(data, state), data.passes
    for block in data.blocks:
        (patches, exit_waves, spare, probes), maps = room_of(data, block)
        probes = probes_of(beam, block, out=probes, spare=spare)
        wave = k.transform(k.exit_waves(state.object, probes, block, out=exit_waves, spare=patches), out=spare)
        squares = ops.intensity(wave, out=None if maps is None else maps[0], spare=exit_waves)
        total += fit.weighted_sum(squares, data.weight)
    return total
