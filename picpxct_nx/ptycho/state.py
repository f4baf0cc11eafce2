"""What the engines work on: the measured data on the device, and the model of them that is improved."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from . import fit, frames, passes
from .blocks import Block, blocks_of, part_of
from .passes import passes_for
from .problem import Problem, split_positions
from .stream import Stack, Stream

# Waves of one block, in bytes: a few such buffers stay in a core's share of the cache; a GPU wants long launches.
# Smaller pieces of a scan in a GPU's cache were tried: their launches cost more than the cache saves.
BLOCK_BYTES = {"cpu": 1 << 20, "cuda": 1 << 30}
# The same where many arrays of a block's size are made.
PIECE_BYTES = {"cpu": 1 << 20, "cuda": 128 << 20}
# And where a scan does not fit and is brought to a GPU block by block.
SPILL_BYTES = 256 << 20
# Part of the mean |Psi|^2 of all frames below which a modelled wave is given no phase. With 1e-8 two runs whose start
# differs in the last bit are 1.5e-3 apart after the default recipe, with 1e-4 they are 2e-5; the objects are as good.
PHASELESS = 1e-4


@dataclass(frozen=True)
class Room:
    """Buffers for the work on one block, used again for every block.

    Parameters
    ----------
    waves : (4, b, modes, h, w) complex64
        Room for four sets of waves.
    maps : (3, b, h, w) float32
        Room for three sets of real maps.
    """

    waves: Tensor
    maps: Tensor


@dataclass(frozen=True)
class Dark:
    """What the frames tell of the detector's background without a model, zero frequency at the corner.

    Parameters
    ----------
    width : float
        Standard deviation in pixels of the Gaussian that smooths the background.
    mean, excess : (h, w) float32
        Mean over the frames of a^2, a the measured amplitude, and their variance less that of Poisson counts.
    """

    width: float
    mean: Tensor
    excess: Tensor


@dataclass(frozen=True)
class Data:
    """The measured scan on the device.

    Parameters
    ----------
    measured : (n, h, w) float32, uint8 or int16
        Amplitudes sqrt(h w counts), or counts (`passes.amplitudes`); zero frequency at the corner, zero where nothing
        is measured.
    weight : (h, w) float32
        1 where measured, 0 elsewhere, zero frequency at the corner.
    blocks : tuple of Block
        All frames in order.
    power : float
        Sum of amplitude^2, the denominator of the Fourier error.
    room : Room
        Buffers of the largest block's size; None where passes make their own.
    passes : module
        The passes over the waves that suit the device, `passes.passes_for`.
    least : float
        |Psi|^2 below which a wave has no phase of its own, `fit.inverse_modulus`.
    waves_apart : bool
        Stacks of waves do not fit on the device and stay on the host.
    reach : float
        How far, in pixels, an engine that finds positions with the object may move a frame in an iteration; 0 holds
        them.
    around : (n, 2) float64, or None
        Given positions about their mean, where the frames move only by an affine map of them.
    dark : Dark, or None
        What is told of the background where an engine finds it with the object; None holds it.
    """

    measured: Stack
    weight: Tensor
    blocks: tuple[Block, ...]
    power: float
    room: Room | None
    passes: ModuleType = passes
    least: float = 0.0
    waves_apart: bool = False
    reach: float = 0.0
    around: Tensor | None = None
    dark: Dark | None = None

    @property
    def recordable(self) -> bool:
        """Whether work on it can be recorded as a graph: it is on a GPU, all of it."""
        return self.weight.is_cuda and not self.waves_apart and isinstance(self.measured, Tensor)

    def amplitude(self, chosen: slice | list[int] | Tensor) -> Tensor:
        """Amplitudes sqrt(h w counts) of some frames, (b, h, w) float32."""
        return passes.amplitudes(self.measured[chosen])

    def pieces(self) -> Iterator[Block]:
        """All frames in order, in blocks no larger than suits work that makes many arrays of a block's size."""
        _, h, w = self.measured.shape
        size = max(1, PIECE_BYTES[self.weight.device.type] // (8 * h * w))
        for block in self.blocks:
            for start in range(0, len(block.corners), size):
                yield part_of(block, slice(start, start + size))

    def corners(self) -> Tensor:
        """Whole-pixel corners of all frames, (n, 2) float64 on the host."""
        return torch.tensor([corner for block in self.blocks for corner in block.corners], dtype=torch.float64)

    def block(self, chosen: Sequence[int]) -> Block:
        """Any frames as a block of their own."""
        size = len(self.blocks[0].corners)
        places = [(self.blocks[frame // size], frame % size) for frame in chosen]
        corners = [block.corners[inside] for block, inside in places]
        spots = torch.tensor(corners, dtype=torch.int32).to(self.weight.device, non_blocking=True)
        pairs = [(block.phases, inside) for block, inside in places if block.phases is not None]
        if not pairs:
            return Block(list(chosen), corners, spots, None)
        rows, columns = ([phases[axis][inside] for phases, inside in pairs] for axis in (0, 1))
        return Block(list(chosen), corners, spots, (torch.stack(rows), torch.stack(columns)))


@dataclass(frozen=True)
class State:
    """The model of the measured scan; what is None is not part of it.

    Frame j shows I_j = s_j^2 sum_m |F[(P_m + sum_k c_jk V_km)(r - f_j) O(c_j + r)]|^2 + B.

    Parameters
    ----------
    object : (H, W) complex64
        O, dimensionless.
    probe : (modes, h, w) complex64
        P, sqrt(counts).
    positions : (n, 2) float64, on the host
        Refined positions c_j + f_j in object pixels; the data's blocks are those of them.
    velocity : (n, 2) float64, on the host
        Momentum of the positions.
    scale : (n,) float32
        s_j, root of the frame's intensity relative to the mean of all.
    background : (h, w) float32
        h w B, zero frequency at the corner: what the detector shows without the beam, on the scale of |Psi|^2.
    variation : (k, modes, h, w) complex64
        V, changes of the probe over the scan, orthonormal.
    weights : (n, k) complex64
        c, how much of each a frame has.
    """

    object: Tensor
    probe: Tensor
    positions: Tensor | None = field(default=None, metadata={"host": True})
    velocity: Tensor | None = field(default=None, metadata={"host": True})
    scale: Tensor | None = None
    background: Tensor | None = None
    variation: Tensor | None = None
    weights: Tensor | None = None


def load(problem: Problem, device: torch.device) -> Data:
    """Read the frames once, block by block, onto a device: as amplitudes, or on a GPU as counts of few bytes.

    Parameters
    ----------
    problem : Problem
        The scan.
    device : torch.device
        Where to work.

    Returns
    -------
    Data

    Raises
    ------
    InputError
        A frame holds what cannot be counts.
    """
    modes, h, w = problem.probe.shape
    layout = layout_of(problem, device)
    if layout.frames_apart:
        host, power = frames.amplitudes(problem, layout.size)
        measured: Stack = Stream(host, device)
    elif device.type == "cuda":
        measured, power = frames.packed(problem, device)
    else:
        measured, power = frames.amplitudes(problem, layout.size)
    weight = torch.from_numpy(np.fft.ifftshift(problem.good).astype(np.float32)).to(device)
    suited = passes_for(device)
    room = None
    if suited.FILLS_ROOM:
        room = Room(
            torch.empty((4, layout.size, modes, h, w), dtype=torch.complex64, device=device),
            torch.empty((3, layout.size, h, w), dtype=torch.float32, device=device),
        )
    blocks = blocks_of(problem.positions_px, (h, w), layout.size, device)
    least = PHASELESS * power / measured.numel()
    return Data(measured, weight, blocks, power, room, suited, least, layout.waves_apart)


@dataclass(frozen=True)
class Layout:
    """How a scan is laid out on a device.

    Parameters
    ----------
    size : int
        Frames a block.
    waves_apart, frames_apart : bool
        Whether stacks of waves, and the frames, stay in the host's memory.
    """

    size: int
    waves_apart: bool = False
    frames_apart: bool = False


def layout_of(problem: Problem, device: torch.device) -> Layout:
    """Layout of a scan by the memory that is free; a CPU has all in its own.

    Parameters
    ----------
    problem : Problem
        The scan.
    device : torch.device
        Where to work.

    Returns
    -------
    Layout
    """
    n, h, w = problem.frames.shape
    wave = 8 * problem.probe.shape[0] * h * w
    # Where positions have fractions every frame has a probe of its own, a set of waves more.
    apart = split_positions(problem.positions_px)[1].any() and device.type == "cuda"
    size = min(n, max(1, BLOCK_BYTES[device.type] // (2 * wave if apart else wave)))
    if device.type != "cuda":
        return Layout(size)
    free = 0.9 * torch.cuda.mem_get_info(device)[0]
    # Counts are widened to 4 bytes on their way in; a block has up to five sets of waves at a time.
    counts, stack = 4 * n * h * w, n * wave
    if counts + stack + 5 * size * wave <= free:
        return Layout(size)
    size = min(n, max(1, SPILL_BYTES // wave))
    return Layout(
        size, waves_apart=counts + stack + 5 * size * wave > free, frames_apart=counts + 7 * size * wave > free
    )


def stack_of(data: Data, shape: tuple[int, ...]) -> Stack:
    """Room for a stack of waves of all frames, where the scan's layout has them."""
    device = data.weight.device
    if data.waves_apart:
        return Stream(torch.empty(shape, dtype=torch.complex64), device)
    return torch.empty(shape, dtype=torch.complex64, device=device)


def room_of(data: Data, block: Block) -> tuple[Sequence[Tensor | None], Tensor | None]:
    """Buffers for a block: four of waves (b, modes, h, w) complex64, and maps (3, b, h, w) float32; or none."""
    count = len(block.corners)
    if data.room is None or count > data.room.maps.shape[1]:
        return (None,) * 4, None
    return tuple(data.room.waves[:, :count]), data.room.maps[:, :count]


def screen_of(data: Data, state: State) -> fit.Screen:
    """The detector, with the background that a state has found."""
    return fit.Screen(data.weight, state.background, data.least)


def placed(data: Data, positions: Tensor) -> Data:
    """The data with their frames at other positions.

    Parameters
    ----------
    data : Data
        The measured scan.
    positions : (n, 2) float64, on the host
        Top-left corners of the windows in the object, pixels.

    Returns
    -------
    Data
        The same tensors, other blocks.
    """
    shape = (data.weight.shape[0], data.weight.shape[1])
    return replace(data, blocks=blocks_of(positions.numpy(), shape, len(data.blocks[0].corners), data.weight.device))
