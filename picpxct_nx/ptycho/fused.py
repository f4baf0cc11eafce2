"""The passes of `passes`, one Triton kernel each: every wave is read once and written once, nothing is atomic.

A complex tensor goes to a kernel as pairs of floats. Overlaps are gathered: a program owns a run of pixels of the
result and sums over the frames that reach it, always in the order of the frames, so that every run gives the same bits.
With TRITON_INTERPRET=1 the kernels run on a CPU, slowly, which is how they are tested without a GPU.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

# Pixels that one program works on.
_RUN = 1024


@triton.jit
def _load(pointer: Any, index: Any, mask: Any) -> Any:
    """Real and imaginary parts at complex indices."""
    return tl.load(pointer + 2 * index, mask=mask, other=0.0), tl.load(pointer + 2 * index + 1, mask=mask, other=0.0)


@triton.jit
def _store(pointer: Any, index: Any, real: Any, imaginary: Any, mask: Any) -> None:
    tl.store(pointer + 2 * index, real, mask=mask)
    tl.store(pointer + 2 * index + 1, imaginary, mask=mask)


@triton.jit
def _reflect(
    image: Any, probes: Any, corners: Any, waves: Any, out: Any,
    width: Any, h: Any, w: Any, modes: Any, stride: Any, REFLECT: tl.constexpr, RUN: tl.constexpr,
) -> None:  # fmt: skip
    wave = tl.program_id(0)
    frame, mode = wave // modes, wave % modes
    pixel = tl.program_id(1) * RUN + tl.arange(0, RUN)
    inside = pixel < h * w
    row, column = pixel // w + tl.load(corners + 2 * frame), pixel % w + tl.load(corners + 2 * frame + 1)
    o_re, o_im = _load(image, row * width + column, inside)
    p_re, p_im = _load(probes, frame.to(tl.int64) * stride + mode * h * w + pixel, inside)
    re, im = p_re * o_re - p_im * o_im, p_re * o_im + p_im * o_re
    place = wave.to(tl.int64) * h * w + pixel
    if REFLECT:
        psi_re, psi_im = _load(waves, place, inside)
        psi_re -= re
        psi_im -= im
        _store(waves, place, psi_re, psi_im, inside)
        re, im = psi_re - re, psi_im - im
    _store(out, place, re, im, inside)


@triton.jit
def _project(
    wave: Any, amplitude: Any, weight: Any, out: Any, misfit: Any,
    size: Any, modes: Any, relaxation: Any, TINY: tl.constexpr, RUN: tl.constexpr,
) -> None:  # fmt: skip
    frame = tl.program_id(0).to(tl.int64)
    pixel = tl.program_id(1) * RUN + tl.arange(0, RUN)
    inside = pixel < size
    squares = tl.zeros((RUN,), tl.float32)
    for mode in range(modes):
        re, im = _load(wave, (frame * modes + mode) * size + pixel, inside)
        squares += re * re + im * im
    inverse = 1.0 / tl.sqrt(tl.maximum(squares, TINY))
    measured = tl.load(amplitude + frame * size + pixel, mask=inside, other=0.0)
    counted = tl.load(weight + pixel, mask=inside, other=0.0)
    apart = squares * inverse - measured
    tl.store(misfit + frame * tl.num_programs(1) + tl.program_id(1), tl.sum(apart * apart * counted))
    part = (1 - relaxation) * counted
    factor = inverse * measured * part + 1 - part
    for mode in range(modes):
        place = (frame * modes + mode) * size + pixel
        re, im = _load(wave, place, inside)
        _store(out, place, re * factor, im * factor, inside)


@triton.jit
def _object_overlap(
    probes: Any, waves: Any, corners: Any, numerator: Any, dose: Any,
    frames: Any, width: Any, h: Any, w: Any, modes: Any, stride: Any, RUN: tl.constexpr,
) -> None:  # fmt: skip
    # A run lies within one row of the object, so that most frames are passed over by one comparison.
    row = tl.program_id(0)
    column = tl.program_id(1) * RUN + tl.arange(0, RUN)
    real, imaginary = tl.zeros((RUN,), tl.float32), tl.zeros((RUN,), tl.float32)
    light = tl.zeros((RUN,), tl.float32)
    for frame in range(frames):
        r = row - tl.load(corners + 2 * frame)
        c = column - tl.load(corners + 2 * frame + 1)
        if (r >= 0) & (r < h):
            inside = (c >= 0) & (c < w)
            for mode in range(modes):
                pixel = mode * h * w + r * w + c
                p_re, p_im = _load(probes, tl.cast(frame, tl.int64) * stride + pixel, inside)
                re, im = _load(waves, tl.cast(frame, tl.int64) * modes * h * w + pixel, inside)
                real += p_re * re + p_im * im
                imaginary += p_re * im - p_im * re
                light += p_re * p_re + p_im * p_im
    on = column < width
    _store(numerator, row * width + column, real, imaginary, on)
    tl.store(dose + row * width + column, light, mask=on)


@triton.jit
def _probe_overlap(
    image: Any, waves: Any, corners: Any, numerator: Any, cover: Any,
    frames: Any, width: Any, h: Any, w: Any, modes: Any, RUN: tl.constexpr,
) -> None:  # fmt: skip
    mode = tl.program_id(0)
    pixel = tl.program_id(1) * RUN + tl.arange(0, RUN)
    inside = pixel < h * w
    real, imaginary = tl.zeros((RUN,), tl.float32), tl.zeros((RUN,), tl.float32)
    view = tl.zeros((RUN,), tl.float32)
    for frame in range(frames):
        row, column = pixel // w + tl.load(corners + 2 * frame), pixel % w + tl.load(corners + 2 * frame + 1)
        o_re, o_im = _load(image, row * width + column, inside)
        re, im = _load(waves, (tl.cast(frame, tl.int64) * modes + mode) * h * w + pixel, inside)
        real += o_re * re + o_im * im
        imaginary += o_re * im - o_im * re
        view += o_re * o_re + o_im * o_im
    _store(numerator, mode * h * w + pixel, real, imaginary, inside)
    if mode == 0:
        tl.store(cover + pixel, view, mask=inside)


def _floats(tensor: Tensor) -> Tensor:
    """The tensor as pairs of floats, in the memory where it lies."""
    return torch.view_as_real(tensor)


def _stride(probes: Tensor) -> int:
    """Elements from one frame's probe to the next; 0 where all frames share one."""
    return 0 if len(probes) == 1 else probes[0].numel()


def _grid(waves: int, pixels: int) -> tuple[int, int]:
    return waves, triton.cdiv(pixels, _RUN)


def exit_waves(image: Tensor, probes: Tensor, corners: Tensor, *, out: Tensor | None = None) -> Tensor:
    """As `passes.exit_waves`."""
    return _illuminate(image, probes, corners, None, out)


def reflect(image: Tensor, probes: Tensor, corners: Tensor, waves: Tensor, *, out: Tensor | None = None) -> Tensor:
    """As `passes.reflect`."""
    return _illuminate(image, probes, corners, waves, out)


def _illuminate(image: Tensor, probes: Tensor, corners: Tensor, waves: Tensor | None, out: Tensor | None) -> Tensor:
    modes, h, w = probes.shape[1:]
    if out is None:
        out = torch.empty((len(corners), modes, h, w), dtype=image.dtype, device=image.device)
    _reflect[_grid(len(corners) * modes, h * w)](
        _floats(image), _floats(probes.contiguous()), corners, _floats(out if waves is None else waves), _floats(out),
        image.shape[1], h, w, modes, _stride(probes), REFLECT=waves is not None, RUN=_RUN,
    )  # fmt: skip
    return out


def project(
    wave: Tensor, amplitude: Tensor, weight: Tensor, relaxation: float, *, out: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """As `passes.project`."""
    n, modes, h, w = wave.shape
    if out is None:
        out = torch.empty_like(wave)
    grid = _grid(n, h * w)
    misfit = torch.empty(grid, device=wave.device)
    _project[grid](
        _floats(wave), amplitude, weight, _floats(out), misfit,
        h * w, modes, relaxation, TINY=torch.finfo(torch.float32).tiny, RUN=_RUN,
    )  # fmt: skip
    return out, misfit.sum(dtype=torch.float64)


def object_overlap(probes: Tensor, waves: Tensor, corners: Tensor, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """As `passes.object_overlap`."""
    n, modes, h, w = waves.shape
    numerator = torch.empty(shape, dtype=waves.dtype, device=waves.device)
    dose = torch.empty(shape, device=waves.device)
    run = min(_RUN, triton.next_power_of_2(shape[1]))
    _object_overlap[(shape[0], triton.cdiv(shape[1], run))](
        _floats(probes.contiguous()), _floats(waves), corners, _floats(numerator), dose,
        n, shape[1], h, w, modes, _stride(probes), RUN=run,
    )  # fmt: skip
    return numerator, dose


def probe_overlap(image: Tensor, waves: Tensor, corners: Tensor) -> tuple[Tensor, Tensor]:
    """As `passes.probe_overlap`."""
    n, modes, h, w = waves.shape
    numerator = torch.empty((modes, h, w), dtype=waves.dtype, device=waves.device)
    cover = torch.empty((h, w), device=waves.device)
    _probe_overlap[_grid(modes, h * w)](
        _floats(image), _floats(waves), corners, _floats(numerator), cover, n, image.shape[1], h, w, modes, RUN=_RUN
    )
    return numerator, cover
