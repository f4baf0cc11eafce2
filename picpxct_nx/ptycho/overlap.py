"""What waves ask of the probe, and how much light object and probe have: the sums over all frames."""

from dataclasses import dataclass

import torch
from torch import Tensor

from . import ops
from .beam import Beam, beam_of, probes_of, scale_of
from .blocks import Block
from .state import Data, State, room_of


def sum_on_probe(beam: Beam, block: Block, waves: Tensor, *, spare: Tensor | None = None) -> Tensor:
    """Sum over a block's frames of waves brought back to the probe's grid, the adjoint of P in `probes_of`.

    Parameters
    ----------
    beam : Beam
        The probe.
    block : Block
        Which frames.
    waves : (b, modes, h, w) complex64
        On each frame's grid; changed in place where frames have factors, and lent to the result where it is one frame.
    spare : (b, modes, h, w) complex64, optional
        Room for spectra.

    Returns
    -------
    (modes, h, w): the sum itself where every position is whole, else its spectrum (`from_sum` ends it).
    """
    if beam.scale is not None:
        waves *= scale_of(beam, block)
    if block.phases is not None:
        total: Tensor = beam.passes.moved_back(waves, block.phases, spare=spare)
        return total
    return waves[0] if len(waves) == 1 else waves.sum(0)


def asked_of_probe(data: Data, beam: Beam, block: Block, image: Tensor, waves: Tensor) -> Tensor:
    """Sum over a block's frames of s_j conj(O_j) psi_j, as from `sum_on_probe`.

    Parameters
    ----------
    data : Data
        The measured scan; the first two buffers of its room are used, and the result may lie there.
    beam : Beam
        The probe.
    block : Block
        Which frames.
    image : (H, W) complex64
        Object.
    waves : (b, modes, h, w) complex64
        psi.

    Returns
    -------
    (modes, h, w) complex64
    """
    (product, spare, _, _), _ = room_of(data, block)
    if beam.scale is None and block.phases is None:
        total: Tensor = data.passes.probe_sum(image, waves, block, spare=product)
        return total
    return sum_on_probe(beam, block, data.passes.seen_back(image, waves, block, spare=product), spare=spare)


def seen_by_probe(
    data: Data, beam: Beam, block: Block, seen: tuple[Tensor, Tensor], waves: Tensor
) -> tuple[Tensor, Tensor]:
    """The sum of `asked_of_probe`, and that over a block's frames of s_j^2 |O_j|^2.

    Parameters
    ----------
    data, beam, block, waves
        As for `asked_of_probe`.
    seen : (H, W) complex64 and (H, W) float32
        Object, and its |O|^2.

    Returns
    -------
    numerator : (modes, h, w) complex64
    cover : (h, w) float32
        At the whole pixel: a fraction of a pixel is far below the width of this sum over all frames.
    """
    (product, _, _, _), maps = room_of(data, block)
    if beam.scale is None and block.phases is None:
        numerator, cover = data.passes.probe_overlap(*seen, waves, block, spare=product, maps=maps)
        return numerator, cover
    shape = (waves.shape[-2], waves.shape[-1])
    return asked_of_probe(data, beam, block, seen[0], waves), _cover(data, beam, block, seen[1], shape)


def _cover(data: Data, beam: Beam, block: Block, squares: Tensor, shape: tuple[int, int]) -> Tensor:
    if beam.scale is None:
        total: Tensor = data.passes.views(squares, block, shape, maps=room_of(data, block)[1])
        return total
    views: Tensor = data.passes.patches(squares, squares.new_empty(shape), block)[:, 0]
    return torch.sum(views * beam.scale[block.frames][:, None, None].square(), 0)


def from_sum(data: Data, total: Tensor) -> Tensor:
    """Wave on the probe's grid from a total of `sum_on_probe`."""
    return total if data.blocks[0].phases is None else ops.inverse_far_field(total)


@dataclass(frozen=True)
class Light:
    """How much the frames tell of each pixel: the diagonal of the least squares for object and probe.

    Parameters
    ----------
    dose : (H, W) float32
        `illumination`, counts.
    cover : (h, w) float32
        sum_j s_j^2 |O_j|^2.
    """

    dose: Tensor
    cover: Tensor


def light_of(data: Data, state: State) -> Light:
    """Light of all frames on object and probe.

    Parameters
    ----------
    data : Data
        The scan.
    state : State
        The model.

    Returns
    -------
    Light
    """
    squares, beam = ops.intensity(state.object[None, None])[0], beam_of(data, state)
    cover = torch.zeros(state.probe.shape[1:], device=squares.device)
    for block in data.blocks:
        cover += _cover(data, beam, block, squares, (cover.shape[0], cover.shape[1]))
    return Light(illumination(data, state), cover)


def illumination(data: Data, state: State) -> Tensor:
    """Counts that fall on each object pixel over the scan, sum_j sum_m |P_m(x - x_j)|^2.

    Parameters
    ----------
    data : Data
        The scan.
    state : State
        The model.

    Returns
    -------
    (H, W) float32
    """
    total = torch.zeros(state.object.shape, dtype=torch.float32, device=state.object.device)
    beam = beam_of(data, state)
    for block in data.blocks:
        data.passes.light(probes_of(beam, block), block, total)
    return total
