"""Frames that are worked on at a time, and where they lie on the object."""

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import ops
from .problem import split_positions


@dataclass(frozen=True)
class Block:
    """Some frames that are worked on at a time.

    Parameters
    ----------
    frames : slice, list of int, or int64 tensor on the device
        Which frames.
    corners : b pairs of int
        Whole-pixel corners, on the host; none where the frames are known to the device alone.
    places : (b, 2) int32
        The same on the device.
    phases : pair of tensors, or None
        Factors of the sub-pixel shift (`ops.shift_phases`); None where every position of the scan is whole.
    reach : dict
        Where kernels keep which frames reach which rows of an object.
    """

    frames: slice | list[int] | Tensor
    corners: list[tuple[int, int]]
    places: Tensor
    phases: tuple[Tensor, Tensor] | None
    reach: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict, compare=False, repr=False)


def rows_of(block: Block) -> slice:
    """Frames of a block as the slice that blocks of a whole scan are."""
    if not isinstance(block.frames, slice):
        raise TypeError("a block of chosen frames is no slice of the scan")
    return block.frames


def part_of(block: Block, inside: slice) -> Block:
    """Some frames of a block as a block of their own; nothing is moved to a device for it."""
    if isinstance(block.frames, Tensor):
        raise TypeError("a block that the device alone knows cannot be taken apart")
    if isinstance(block.frames, list):
        numbers = block.frames[inside]
        frames: slice | list[int] = numbers if len(numbers) > 1 else slice(numbers[0], numbers[0] + 1)
    else:
        span = range(block.frames.start, block.frames.stop)[inside]
        frames = slice(span.start, span.stop)
    phases = None if block.phases is None else (block.phases[0][inside], block.phases[1][inside])
    return Block(frames, block.corners[inside], block.places[inside], phases)


def blocks_of(
    positions: NDArray[np.float64], shape: tuple[int, int], size: int, device: torch.device
) -> tuple[Block, ...]:
    """All frames of a scan in blocks.

    Parameters
    ----------
    positions : (n, 2) float64
        Top-left corners of the windows in the object, pixels.
    shape : (int, int)
        Rows and columns of a window.
    size : int
        Frames a block; the last may have fewer.
    device : torch.device
        Where the work is done.

    Returns
    -------
    tuple of Block
    """
    corner, fraction = split_positions(positions)
    blocks = []
    for start in range(0, len(corner), size):
        frames = slice(start, min(start + size, len(corner)))
        phases = None
        if fraction.any():
            rows, columns = ops.shift_phases(torch.from_numpy(fraction[frames]), shape)
            phases = (rows.to(device, torch.complex64), columns.to(device, torch.complex64))
        corners = [(int(row), int(column)) for row, column in corner[frames]]
        places = torch.from_numpy(corner[frames].astype(np.int32)).to(device, non_blocking=True)
        blocks.append(Block(frames, corners, places, phases))
    return tuple(blocks)
