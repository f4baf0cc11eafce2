"""The measured frames on their way from the file to the device."""

import numpy as np
import torch
from torch import Tensor

from picpxct_nx.errors import InputError

from .problem import Problem, read_counts

# Bytes of raw frames that are read and moved to a GPU at a time.
READ_BYTES = 64 << 20


def amplitudes(problem: Problem, size: int) -> tuple[Tensor, float]:
    """Amplitudes on the host, and their power.

    Parameters
    ----------
    problem : Problem
        The scan.
    size : int
        Frames at a time.

    Returns
    -------
    measured : (n, h, w) float32
        sqrt(h w counts), zero frequency at the corner, zero where nothing is measured.
    power : float
        Sum of their squares.

    Raises
    ------
    InputError
        A frame holds what cannot be counts.
    """
    n, h, w = problem.frames.shape
    measured = torch.empty((n, h, w), dtype=torch.float32)
    power = 0.0
    for rows, counts in read_counts(problem, size):
        power += h * w * float(counts.sum(dtype=np.float64))
        root = np.sqrt(np.float32(h * w) * np.fft.ifftshift(counts, axes=(1, 2)))
        measured[rows] = torch.from_numpy(root)
    return measured, power


def packed(problem: Problem, device: torch.device) -> tuple[Tensor, float]:
    """Frames on a device in as few bytes as hold them, and the power of their amplitudes; all work is done there.

    Parameters
    ----------
    problem : Problem
        The scan.
    device : torch.device
        Where to.

    Returns
    -------
    measured : (n, h, w) uint8, int16 or float32
        Counts where all are whole and below 256 or 65536 (the bits of an unsigned number), else amplitudes; zero
        frequency at the corner, zero where nothing is measured.
    power : float
        Sum of the amplitudes' squares, h w times that of the counts.

    Raises
    ------
    InputError
        A frame holds what cannot be counts.
    """
    n, h, w = problem.frames.shape
    good = torch.from_numpy(np.fft.ifftshift(problem.good)).to(device)
    counts = torch.empty((n, h, w), dtype=torch.float32, device=device)
    bad, whole = torch.empty(n, dtype=torch.bool, device=device), torch.ones((), dtype=torch.bool, device=device)
    piece = max(1, READ_BYTES // (4 * h * w))
    for start in range(0, n, piece):
        rows = slice(start, min(start + piece, n))
        raw = _moved(np.asarray(problem.frames[rows]), device)
        # From the array's middle to its corner.
        raw = torch.roll(raw, (-(h // 2), -(w // 2)), dims=(1, 2))
        part = torch.where(good, raw, 0).to(torch.float32)
        bad[rows] = ~(torch.isfinite(part) & (part >= 0)).all(2).all(1)
        whole &= (part == part.round()).all()
        counts[rows] = part
    if bool(bad.any()):
        raise InputError(
            f"frames: frame {int(bad.to(torch.uint8).argmax())} holds NaN, infinite or negative counts; wanted counts "
            ">= 0 on every measured pixel; mark those pixels False in `good` or drop the frame"
        )
    power = h * w * float(counts.sum(dtype=torch.float64))
    if power == 0.0:
        raise InputError("frames: no counts on any measured pixel; wanted photons; check the mask and the shutter")
    most = float(counts.amax())
    if not bool(whole) or most >= 1 << 16:
        return counts.mul_(h * w).sqrt_(), power
    return counts.to(torch.uint8) if most < 1 << 8 else counts.to(torch.int32).to(torch.int16), power


def _moved(raw: np.ndarray, device: torch.device) -> Tensor:
    """An array of any real type on the device, in one that PyTorch calculates with."""
    if raw.dtype.kind == "u" and raw.dtype.itemsize > 1:
        # Counts of an unsigned type are moved as they are and widened there.
        signed = torch.from_numpy(np.ascontiguousarray(raw).view(f"i{raw.dtype.itemsize}")).to(device)
        wide = signed.to(torch.int64)
        return wide if raw.dtype.itemsize == 8 else wide & ((1 << (8 * raw.dtype.itemsize)) - 1)
    if raw.dtype == np.bool_ or raw.dtype.newbyteorder("=") != raw.dtype:
        raw = raw.astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(raw)).to(device)
