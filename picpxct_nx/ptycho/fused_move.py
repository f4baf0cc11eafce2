"""The difference map's way through all exit waves by fused kernels: the same numbers as `reflections`, fewer passes."""

from types import ModuleType

import torch
from torch import Tensor

from picpxct_nx.errors import UnavailableError, UsageError

from . import ops
from .beam import beam_of, probes_of
from .state import Data, State, room_of


def kernels() -> ModuleType:
    """The fused passes.

    Raises
    ------
    UnavailableError
        Triton is not installed.
    """
    try:
        from . import fused
    except ImportError:
        raise UnavailableError("fused: Triton is not installed; pip install triton, or leave fused=true out") from None
    return fused


def move(data: Data, state: State, exit_waves: Tensor, relaxation: float, beta: float) -> tuple[Tensor, Tensor, Tensor]:
    """Move all exit waves; return sum conj(P) psi and sum |P|^2 on the object, and the reflected waves' misfit.

    Parameters
    ----------
    data : Data
        The measured scan.
    state : State
        Object and probe; a background is not taken.
    exit_waves : (n, modes, h, w) complex64
        The iterate; changed in place.
    relaxation, beta : float
        As for `reflections.reflect`.

    Returns
    -------
    numerator : (H, W) complex64
    dose : (H, W) float32
    misfit : () float64

    Raises
    ------
    UsageError
        The state has a background.
    UnavailableError
        Triton is not installed.
    """
    if state.background is not None:
        raise UsageError("fused=true: kernels know no background; leave fused or --refine background out")
    k = kernels()
    numerator, dose = torch.zeros_like(state.object), torch.zeros(state.object.shape, device=state.object.device)
    misfit = torch.zeros((), dtype=torch.float64, device=numerator.device)
    beam, shape = beam_of(data, state), (state.object.shape[0], state.object.shape[1])
    for block in data.blocks:
        (view, wave, spare, probes), _ = room_of(data, block)
        probes = probes_of(beam, block, out=probes, spare=spare)
        corners = torch.tensor(block.corners, dtype=torch.int32).to(numerator.device, non_blocking=True)
        waves = exit_waves[block.frames]
        ops.far_field(k.reflect(state.object, probes, corners, waves, out=view), out=wave)
        _, part = k.project(wave, data.amplitude[block.frames], data.weight, relaxation, out=wave)
        misfit += part
        waves -= ops.inverse_far_field(wave, out=view)
        if beta < 1:
            waves.mul_(beta).add_(k.exit_waves(state.object, probes, corners, out=view), alpha=1 - beta)
        for total, more in zip((numerator, dose), k.object_overlap(probes, waves, corners, shape), strict=True):
            total += more
    return numerator, dose, misfit
