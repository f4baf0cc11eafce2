"""The Triton kernel behind `fused.asked_moves`; what `kernels` says of numbers and places holds here too."""

import triton
import triton.language as tl

from .kernels import _load, _object_at


@triton.jit
def ask(
    down, across, probes, places, chi, sums,
    width, h, w, stride, MODES: tl.constexpr, RUN: tl.constexpr,
):  # fmt: skip
    """<r, chi>, <c, chi>, <r, r>, <r, c>, <c, c> with r and c = P dO/dr along rows and columns."""
    frame = tl.program_id(0)
    pixel = tl.program_id(1) * RUN + tl.arange(0, RUN)
    inside = pixel < h * w
    at = _object_at(places, frame, pixel, width, w)
    r_re, r_im = _load(down, at, inside)
    c_re, c_im = _load(across, at, inside)
    # Modes share the object: light |P|^2 and conj(P) chi are all that they add.
    light = tl.zeros((RUN,), tl.float32)
    real, imaginary = tl.zeros((RUN,), tl.float32), tl.zeros((RUN,), tl.float32)
    for mode in tl.static_range(MODES):
        place = mode * h * w + pixel
        p_re, p_im = _load(probes, frame.to(tl.int64) * stride + place, inside)
        x_re, x_im = _load(chi, frame.to(tl.int64) * (MODES * h * w) + place, inside)
        light += p_re * p_re + p_im * p_im
        real += p_re * x_re + p_im * x_im
        imaginary += p_re * x_im - p_im * x_re
    part, parts = frame * tl.num_programs(1) + tl.program_id(1), tl.num_programs(0) * tl.num_programs(1)
    tl.store(sums + part, tl.sum(r_re * real + r_im * imaginary))
    tl.store(sums + parts + part, tl.sum(c_re * real + c_im * imaginary))
    tl.store(sums + 2 * parts + part, tl.sum(light * (r_re * r_re + r_im * r_im)))
    tl.store(sums + 3 * parts + part, tl.sum(light * (r_re * c_re + r_im * c_im)))
    tl.store(sums + 4 * parts + part, tl.sum(light * (c_re * c_re + c_im * c_im)))
