"""What the engines work on: the measured data on the device, and the object and probe they improve."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from picpxct_nx.errors import InputError

from . import fit, ops
from .problem import Problem, read_counts, split_positions

# Waves of one block, in bytes: a few such buffers stay in a core's share of the cache; a GPU wants long launches.
BLOCK_BYTES = {"cpu": 1 << 20, "cuda": 256 << 20}


@dataclass(frozen=True)
class Block:
    """One run of frames that is worked on at a time.

    Parameters
    ----------
    frames : slice
        Which frames.
    corners : b pairs of int
        Whole-pixel corners, on the host.
    phases : pair of tensors, or None
        Factors of the sub-pixel shift (`ops.shift_phases`); None where every position of the scan is whole.
    """

    frames: slice
    corners: list[tuple[int, int]]
    phases: tuple[Tensor, Tensor] | None


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
class Data:
    """The measured scan on the device.

    Parameters
    ----------
    amplitude : (n, h, w) float32
        sqrt(h w counts), zero frequency at the corner, zero where nothing is measured.
    weight : (h, w) float32
        1 where measured, 0 elsewhere, zero frequency at the corner.
    blocks : tuple of Block
        All frames in order.
    power : float
        Sum of amplitude^2, the denominator of the Fourier error.
    room : Room
        Buffers of the largest block's size.
    """

    amplitude: Tensor
    weight: Tensor
    blocks: tuple[Block, ...]
    power: float
    room: Room

    def corners(self) -> Tensor:
        """Whole-pixel corners of all frames, (n, 2) float64 on the host."""
        return torch.tensor([corner for block in self.blocks for corner in block.corners], dtype=torch.float64)

    def place(self, frame: int) -> tuple[tuple[int, int], tuple[Tensor, Tensor] | None]:
        """Corner of one frame, and the factors of its sub-pixel shift."""
        number, inside = divmod(frame, len(self.blocks[0].corners))
        block = self.blocks[number]
        if block.phases is None:
            return block.corners[inside], None
        rows, columns = block.phases
        return block.corners[inside], (rows[inside, None], columns[inside, None])


@dataclass(frozen=True)
class State:
    """Object (H, W), dimensionless, and probe (modes, h, w), sqrt(counts), as complex64 tensors on the device."""

    object: Tensor
    probe: Tensor


def load(problem: Problem, device: torch.device) -> Data:
    """Read the frames once, block by block, into amplitudes on a device.

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
    n, h, w = problem.frames.shape
    modes = problem.probe.shape[0]
    size = max(1, BLOCK_BYTES[device.type] // (8 * modes * h * w))
    amplitude = torch.empty((n, h, w), dtype=torch.float32, device=device)
    power = 0.0
    for frames, counts in read_counts(problem, size):
        power += h * w * float(counts.sum(dtype=np.float64))
        root = np.sqrt(np.float32(h * w) * np.fft.ifftshift(counts, axes=(1, 2)))
        amplitude[frames] = torch.from_numpy(root)
    weight = torch.from_numpy(np.fft.ifftshift(problem.good).astype(np.float32)).to(device)
    size = min(size, n)
    room = Room(
        torch.empty((4, size, modes, h, w), dtype=torch.complex64, device=device),
        torch.empty((3, size, h, w), dtype=torch.float32, device=device),
    )
    return Data(amplitude, weight, _blocks(problem, size, device), power, room)


def room_of(data: Data, block: Block) -> tuple[Tensor, Tensor]:
    """Buffers for a block: waves (4, b, modes, h, w) complex64 and maps (3, b, h, w) float32."""
    count = len(block.corners)
    return data.room.waves[:, :count], data.room.maps[:, :count]


def _blocks(problem: Problem, size: int, device: torch.device) -> tuple[Block, ...]:
    corner, fraction = split_positions(problem.positions_px)
    h, w = problem.probe.shape[1:]
    blocks = []
    for start in range(0, len(corner), size):
        frames = slice(start, min(start + size, len(corner)))
        phases = None
        if fraction.any():
            rows, columns = ops.shift_phases(torch.from_numpy(fraction[frames]), (h, w))
            phases = (rows.to(device, torch.complex64), columns.to(device, torch.complex64))
        corners = [(int(row), int(column)) for row, column in corner[frames]]
        blocks.append(Block(frames, corners, phases))
    return tuple(blocks)


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
        The start guesses put no light, or no finite amount of it, on the measured pixels.
    """
    device = data.weight.device
    probe = torch.from_numpy(np.array(problem.probe, np.complex64)).to(device)
    # To unit power first: the squares of a probe of arbitrary scale may leave the range of float32.
    probe = probe / torch.linalg.vector_norm(probe.to(torch.complex128)).to(torch.float32)
    if problem.object is None:
        image = torch.ones(problem.object_shape, dtype=torch.complex64, device=device)
    else:
        image = torch.from_numpy(np.array(problem.object, np.complex64)).to(device)
    expected = float(_model_power(data, State(image, probe)))
    if not 0 < expected < float("inf"):
        raise InputError(
            f"probe: the start model puts {expected:g} counts on the measured pixels; wanted a finite number above 0; "
            "check the start object's magnitude and that the probe's far field falls on measured pixels"
        )
    return State(image, probe * (data.power / expected) ** 0.5)


def _model_power(data: Data, state: State) -> Tensor:
    """Sum of |Psi|^2 over all frames' measured pixels."""
    total = torch.zeros((), dtype=torch.float64, device=data.weight.device)
    spectrum = spectrum_of(data, state.probe)
    shape = (state.probe.shape[-2], state.probe.shape[-1])
    for block in data.blocks:
        (patches, exit_waves, spare, probes), maps = room_of(data, block)
        probes = probes_of(block, state.probe, spectrum, out=probes, spare=spare)
        patches = ops.gather(state.object, block.corners, shape, out=patches[:, 0])[:, None]
        wave = ops.far_field(torch.mul(probes, patches, out=exit_waves), out=spare)
        total += fit.weighted_sum(ops.intensity(wave, out=maps[0], spare=exit_waves), data.weight)
    return total


def probes_of(
    block: Block, probe: Tensor, spectrum: Tensor | None, *, out: Tensor | None = None, spare: Tensor | None = None
) -> Tensor:
    """Probe as each frame of a block sees it.

    Parameters
    ----------
    block : Block
        Which frames.
    probe : (modes, h, w) complex64
        The probe.
    spectrum : (modes, h, w) complex64, or None
        `spectrum_of` the probe.
    out, spare : (b, modes, h, w) complex64, optional
        Where to write and room for spectra; untouched where every position is whole.

    Returns
    -------
    (b, modes, h, w), or (1, modes, h, w) where every position is whole; not to be changed.
    """
    if block.phases is None or spectrum is None:
        return probe[None]
    return ops.shift(spectrum, block.phases, out=out, spare=spare)


def spectrum_of(data: Data, probe: Tensor) -> Tensor | None:
    """Spectrum of a probe where the positions have fractions, None where no frame needs a shift."""
    return None if data.blocks[0].phases is None else ops.far_field(probe)


def sum_on_probe(block: Block, waves: Tensor, *, spare: Tensor | None = None) -> Tensor:
    """Sum over a block's frames of waves brought back to the probe's grid, the adjoint of `probes_of`.

    Parameters
    ----------
    block : Block
        Which frames.
    waves : (b, modes, h, w) complex64
        On each frame's grid.
    spare : (b, modes, h, w) complex64, optional
        Room for spectra.

    Returns
    -------
    (modes, h, w): the sum itself where every position is whole, else its spectrum (`from_sum` ends it).
    """
    return waves.sum(0) if block.phases is None else ops.shift_adjoint(waves, block.phases, spare=spare)


def from_sum(data: Data, total: Tensor) -> Tensor:
    """Wave on the probe's grid from a total of `sum_on_probe`."""
    return total if data.blocks[0].phases is None else ops.inverse_far_field(total)


def illumination(data: Data, probe: Tensor, object_shape: tuple[int, int]) -> Tensor:
    """Counts that fall on each object pixel over the scan, sum_j sum_m |P_m(x - x_j)|^2.

    Parameters
    ----------
    data : Data
        The scan.
    probe : (modes, h, w) complex64
        The probe.
    object_shape : (int, int)
        Rows and columns of the object.

    Returns
    -------
    (H, W) float32
    """
    total = torch.zeros(object_shape, dtype=torch.float32, device=probe.device)
    spectrum = spectrum_of(data, probe)
    for block in data.blocks:
        dose = ops.intensity(probes_of(block, probe, spectrum))
        ops.scatter_add(total, block.corners, dose.expand(len(block.corners), -1, -1))
    return total
