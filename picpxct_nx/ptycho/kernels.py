"""The Triton kernels behind `fused`: what one program does with its run of pixels.

Complex numbers are 64 bits, the real part in the lower half. `places` are whole-pixel corners (row, column) a frame.
"""

from typing import Any

import triton
import triton.language as tl


@triton.jit
def _load(pointer: Any, index: Any, mask: Any) -> Any:
    """Real and imaginary parts of complex numbers."""
    bits = tl.load(pointer + index, mask=mask, other=0)
    real = (bits & 0xFFFFFFFF).to(tl.int32).to(tl.float32, bitcast=True)
    return real, (bits >> 32).to(tl.int32).to(tl.float32, bitcast=True)


@triton.jit
def _store(pointer: Any, index: Any, real: Any, imaginary: Any, mask: Any) -> None:
    low = real.to(tl.int32, bitcast=True).to(tl.int64) & 0xFFFFFFFF
    high = imaginary.to(tl.int32, bitcast=True).to(tl.int64) << 32
    tl.store(pointer + index, high | low, mask=mask)


@triton.jit
def _object_at(places: Any, frame: Any, pixel: Any, width: Any, w: Any) -> Any:
    """Index in the object of the pixels of a frame's window."""
    row, column = tl.load(places + 2 * frame), tl.load(places + 2 * frame + 1)
    return (pixel // w + row) * width + pixel % w + column


@triton.jit
def _amplitude(measured: Any, index: Any, mask: Any, size: Any, KIND: tl.constexpr) -> Any:
    """Measured amplitude; counts of 16 bits are unsigned, whatever their type says."""
    value = tl.load(measured + index, mask=mask, other=0)
    if KIND == 0:
        return value
    if KIND == 2:
        value = value.to(tl.int32) & 0xFFFF
    return tl.sqrt_rn(value.to(tl.float32) * size)


@triton.jit
def _squares(wave: Any, first: Any, size: Any, mask: Any, MODES: tl.constexpr) -> Any:
    """|Psi|^2 over the modes, and the parts of the last one."""
    re, im = _load(wave, first, mask)
    squares = re * re + im * im
    for mode in tl.static_range(1, MODES):
        re, im = _load(wave, first + mode * size, mask)
        squares += re * re + im * im
    return squares, re, im


@triton.jit
def illuminate(
    image: Any, probes: Any, places: Any, waves: Any, out: Any,
    width: Any, h: Any, w: Any, modes: Any, stride: Any, REFLECT: tl.constexpr, RUN: tl.constexpr,
) -> None:  # fmt: skip
    """P O_j, or its reflection 2 P O_j - psi_j."""
    wave = tl.program_id(0)
    frame, mode = wave // modes, wave % modes
    pixel = tl.program_id(1) * RUN + tl.arange(0, RUN)
    inside = pixel < h * w
    o_re, o_im = _load(image, _object_at(places, frame, pixel, width, w), inside)
    p_re, p_im = _load(probes, frame.to(tl.int64) * stride + mode * h * w + pixel, inside)
    re, im = p_re * o_re - p_im * o_im, p_re * o_im + p_im * o_re
    place = wave.to(tl.int64) * h * w + pixel
    if REFLECT:
        psi_re, psi_im = _load(waves, place, inside)
        re, im = 2 * re - psi_re, 2 * im - psi_im
    _store(out, place, re, im, inside)


@triton.jit
def turn(
    image: Any, images: Any, probes: Any, turned: Any, places: Any, out: Any,
    width: Any, h: Any, w: Any, modes: Any, stride: Any, turned_stride: Any, RUN: tl.constexpr,
) -> None:  # fmt: skip
    """Change dP O_j + P dO_j."""
    wave = tl.program_id(0)
    frame, mode = wave // modes, wave % modes
    pixel = tl.program_id(1) * RUN + tl.arange(0, RUN)
    inside = pixel < h * w
    at = _object_at(places, frame, pixel, width, w)
    o_re, o_im = _load(image, at, inside)
    d_re, d_im = _load(images, at, inside)
    p_re, p_im = _load(probes, frame.to(tl.int64) * stride + mode * h * w + pixel, inside)
    t_re, t_im = _load(turned, frame.to(tl.int64) * turned_stride + mode * h * w + pixel, inside)
    re = t_re * o_re - t_im * o_im + p_re * d_re - p_im * d_im
    im = t_re * o_im + t_im * o_re + p_re * d_im + p_im * d_re
    _store(out, wave.to(tl.int64) * h * w + pixel, re, im, inside)


@triton.jit
def see_back(
    image: Any, waves: Any, places: Any, out: Any, width: Any, h: Any, w: Any, modes: Any, RUN: tl.constexpr
) -> None:
    """conj(O_j) psi_j."""
    wave = tl.program_id(0)
    pixel = tl.program_id(1) * RUN + tl.arange(0, RUN)
    inside = pixel < h * w
    o_re, o_im = _load(image, _object_at(places, wave // modes, pixel, width, w), inside)
    place = wave.to(tl.int64) * h * w + pixel
    re, im = _load(waves, place, inside)
    _store(out, place, o_re * re + o_im * im, o_re * im - o_im * re, inside)


@triton.jit
def settle(
    image: Any, probes: Any, places: Any, waves: Any, projected: Any, numerator: Any, dose: Any,
    frames: Any, width: Any, h: Any, w: Any, stride: Any, beta: Any, MODES: tl.constexpr, RUN: tl.constexpr,
) -> None:  # fmt: skip
    """New waves where they are seen from a run of one row of the object, and their sums there.

    Every pixel of every frame lies under one pixel of the object, so each wave is read and written once.
    """
    row, start = tl.program_id(0), tl.program_id(1) * RUN
    column = start + tl.arange(0, RUN)
    on = column < width
    at = row * width + column
    o_re, o_im = _load(image, at, on)
    real, imaginary = _load(numerator, at, on)
    light = tl.load(dose + at, mask=on, other=0.0)
    for frame in range(frames):
        r = row - tl.load(places + 2 * frame)
        left = tl.load(places + 2 * frame + 1)
        if (r >= 0) & (r < h) & (left < start + RUN) & (left + w > start):
            c = column - left
            inside = (c >= 0) & (c < w)
            for mode in tl.static_range(MODES):
                pixel = (mode * h + r) * w + c
                place = tl.cast(frame, tl.int64) * (MODES * h * w) + pixel
                p_re, p_im = _load(probes, tl.cast(frame, tl.int64) * stride + pixel, inside)
                psi_re, psi_im = _load(waves, place, inside)
                new_re, new_im = _load(projected, place, inside)
                po_re, po_im = p_re * o_re - p_im * o_im, p_re * o_im + p_im * o_re
                re = beta * (psi_re + new_re - po_re) + (1 - beta) * po_re
                im = beta * (psi_im + new_im - po_im) + (1 - beta) * po_im
                _store(waves, place, re, im, inside)
                real += p_re * re + p_im * im
                imaginary += p_re * im - p_im * re
                light += p_re * p_re + p_im * p_im
    _store(numerator, at, real, imaginary, on)
    tl.store(dose + at, light, mask=on)


@triton.jit
def object_overlap(
    probes: Any, waves: Any, places: Any, numerator: Any, dose: Any,
    frames: Any, width: Any, h: Any, w: Any, stride: Any,
    MODES: tl.constexpr, DOSE: tl.constexpr, RUN: tl.constexpr,
) -> None:  # fmt: skip
    """Sums conj(P) psi and sum |P|^2 on a run of one row of the object."""
    row, start = tl.program_id(0), tl.program_id(1) * RUN
    column = start + tl.arange(0, RUN)
    on = column < width
    at = row * width + column
    real, imaginary = _load(numerator, at, on)
    light = tl.zeros((RUN,), tl.float32)
    if DOSE:
        light = tl.load(dose + at, mask=on, other=0.0)
    for frame in range(frames):
        r = row - tl.load(places + 2 * frame)
        left = tl.load(places + 2 * frame + 1)
        if (r >= 0) & (r < h) & (left < start + RUN) & (left + w > start):
            c = column - left
            inside = (c >= 0) & (c < w)
            for mode in tl.static_range(MODES):
                pixel = (mode * h + r) * w + c
                p_re, p_im = _load(probes, tl.cast(frame, tl.int64) * stride + pixel, inside)
                re, im = _load(waves, tl.cast(frame, tl.int64) * (MODES * h * w) + pixel, inside)
                real += p_re * re + p_im * im
                imaginary += p_re * im - p_im * re
                if DOSE:
                    light += p_re * p_re + p_im * p_im
    _store(numerator, at, real, imaginary, on)
    if DOSE:
        tl.store(dose + at, light, mask=on)


@triton.jit
def light(
    probes: Any, places: Any, total: Any,
    frames: Any, width: Any, h: Any, w: Any, stride: Any, MODES: tl.constexpr, RUN: tl.constexpr,
) -> None:  # fmt: skip
    """Light |P|^2 on a run of one row of the object."""
    row, start = tl.program_id(0), tl.program_id(1) * RUN
    column = start + tl.arange(0, RUN)
    on = column < width
    at = row * width + column
    sums = tl.load(total + at, mask=on, other=0.0)
    for frame in range(frames):
        r = row - tl.load(places + 2 * frame)
        left = tl.load(places + 2 * frame + 1)
        if (r >= 0) & (r < h) & (left < start + RUN) & (left + w > start):
            c = column - left
            inside = (c >= 0) & (c < w)
            for mode in tl.static_range(MODES):
                p_re, p_im = _load(probes, tl.cast(frame, tl.int64) * stride + (mode * h + r) * w + c, inside)
                sums += p_re * p_re + p_im * p_im
    tl.store(total + at, sums, mask=on)


@triton.jit
def views(squares: Any, places: Any, out: Any, frames: Any, width: Any, h: Any, w: Any, RUN: tl.constexpr) -> None:
    """Sum over every so many frames of a map under their windows."""
    share = tl.program_id(1)
    pixel = tl.program_id(0) * RUN + tl.arange(0, RUN)
    inside = pixel < h * w
    sums = tl.zeros((RUN,), tl.float32)
    for frame in range(share, frames, tl.num_programs(1)):
        sums += tl.load(squares + _object_at(places, frame, pixel, width, w), mask=inside, other=0.0)
    tl.store(out + share * h * w + pixel, sums, mask=inside)


@triton.jit
def probe_overlap(
    image: Any, waves: Any, places: Any, out: Any, frames: Any, width: Any, h: Any, w: Any, RUN: tl.constexpr
) -> None:
    """Products conj(O_j) psi_j over every so many frames, for a run of one mode's pixels."""
    mode, share = tl.program_id(1), tl.program_id(2)
    modes = tl.num_programs(1)
    pixel = tl.program_id(0) * RUN + tl.arange(0, RUN)
    inside = pixel < h * w
    real, imaginary = tl.zeros((RUN,), tl.float32), tl.zeros((RUN,), tl.float32)
    for frame in range(share, frames, tl.num_programs(2)):
        o_re, o_im = _load(image, _object_at(places, frame, pixel, width, w), inside)
        re, im = _load(waves, (tl.cast(frame, tl.int64) * modes + mode) * h * w + pixel, inside)
        real += o_re * re + o_im * im
        imaginary += o_re * im - o_im * re
    _store(out, (share * modes + mode) * h * w + pixel, real, imaginary, inside)


@triton.jit
def project(
    wave: Any, measured: Any, weight: Any, background: Any, misfit: Any, size: Any, relaxation: Any, norm: Any,
    MODES: tl.constexpr, KIND: tl.constexpr, DARK: tl.constexpr, TINY: tl.constexpr, RUN: tl.constexpr,
) -> None:  # fmt: skip
    """Relaxed modulus projection in place, times a norm."""
    frame = tl.program_id(0).to(tl.int64)
    pixel = tl.program_id(1) * RUN + tl.arange(0, RUN)
    inside = pixel < size
    first = frame * MODES * size + pixel
    squares, re, im = _squares(wave, first, size, inside, MODES)
    if DARK:
        squares += tl.load(background + pixel, mask=inside, other=0.0)
    inverse = 1.0 / tl.sqrt_rn(tl.maximum(squares, TINY))
    amplitude = _amplitude(measured, frame * size + pixel, inside, size, KIND)
    counted = tl.load(weight + pixel, mask=inside, other=0.0)
    apart = squares * inverse - amplitude
    tl.store(misfit + frame * tl.num_programs(1) + tl.program_id(1), tl.sum(apart * apart * counted))
    part = (1 - relaxation) * counted
    factor = norm * (inverse * amplitude * part + 1 - part)
    if MODES == 1:
        _store(wave, first, re * factor, im * factor, inside)
    else:
        for mode in tl.static_range(MODES):
            re, im = _load(wave, first + mode * size, inside)
            _store(wave, first + mode * size, re * factor, im * factor, inside)


@triton.jit
def _pulling(squares: Any, inverse: Any, amplitude: Any, poisson: Any, floor: Any, TINY: tl.constexpr) -> Any:
    """Factor rho of the likelihood that a flag in memory chooses."""
    counts = (amplitude * amplitude + floor) / tl.maximum(squares + floor, TINY)
    return tl.where(poisson, counts, amplitude * inverse)


@triton.jit
def pull(
    wave: Any, measured: Any, weight: Any, background: Any, poisson: Any, out: Any, sums: Any,
    size: Any, floor: Any, norm: Any,
    MODES: tl.constexpr, KIND: tl.constexpr, DARK: tl.constexpr, UNDECIDED: tl.constexpr,
    BRIGHT: tl.constexpr, TINY: tl.constexpr, RUN: tl.constexpr,
) -> None:  # fmt: skip
    """(rho - 1) Psi times a norm, the misfit, and how the bright pixels fit."""
    frame = tl.program_id(0).to(tl.int64)
    pixel = tl.program_id(1) * RUN + tl.arange(0, RUN)
    inside = pixel < size
    first = frame * MODES * size + pixel
    squares, re, im = _squares(wave, first, size, inside, MODES)
    if DARK:
        squares += tl.load(background + pixel, mask=inside, other=0.0)
    inverse = 1.0 / tl.sqrt_rn(tl.maximum(squares, TINY))
    amplitude = _amplitude(measured, frame * size + pixel, inside, size, KIND)
    counted = tl.load(weight + pixel, mask=inside, other=0.0)
    apart = squares * inverse - amplitude
    apart = apart * apart * counted
    part, parts = frame * tl.num_programs(1) + tl.program_id(1), tl.num_programs(0).to(tl.int64) * tl.num_programs(1)
    tl.store(sums + part, tl.sum(apart))
    bright, apart_there = 0.0, 0.0
    if UNDECIDED:
        lit = tl.where(squares >= BRIGHT * size, counted, 0.0)
        bright, apart_there = tl.sum(lit), tl.sum(tl.where(squares >= BRIGHT * size, apart, 0.0)) * (4.0 / size)
    tl.store(sums + parts + part, apart_there)
    tl.store(sums + 2 * parts + part, bright)
    factor = norm * counted * (_pulling(squares, inverse, amplitude, tl.load(poisson) != 0, floor, TINY) - 1)
    if MODES == 1:
        _store(out, first, re * factor, im * factor, inside)
    else:
        for mode in tl.static_range(MODES):
            re, im = _load(wave, first + mode * size, inside)
            _store(out, first + mode * size, re * factor, im * factor, inside)


@triton.jit
def bend(
    wave: Any, change: Any, measured: Any, weight: Any, background: Any, poisson: Any, sums: Any,
    size: Any, floor: Any,
    MODES: tl.constexpr, KIND: tl.constexpr, DARK: tl.constexpr, TINY: tl.constexpr, RUN: tl.constexpr,
) -> None:  # fmt: skip
    """Curvature of the misfit along a change of the waves."""
    frame = tl.program_id(0).to(tl.int64)
    pixel = tl.program_id(1) * RUN + tl.arange(0, RUN)
    inside = pixel < size
    first = frame * MODES * size + pixel
    squares, product, length = (
        tl.zeros((RUN,), tl.float32), tl.zeros((RUN,), tl.float32), tl.zeros((RUN,), tl.float32)
    )  # fmt: skip
    for mode in tl.static_range(MODES):
        re, im = _load(wave, first + mode * size, inside)
        b_re, b_im = _load(change, first + mode * size, inside)
        squares += re * re + im * im
        product += re * b_re + im * b_im
        length += b_re * b_re + b_im * b_im
    if DARK:
        squares += tl.load(background + pixel, mask=inside, other=0.0)
    inverse = 1.0 / tl.sqrt_rn(tl.maximum(squares, TINY))
    amplitude = _amplitude(measured, frame * size + pixel, inside, size, KIND)
    is_poisson = tl.load(poisson) != 0
    along = product * inverse
    along = along * along * tl.where(is_poisson, 2.0, 1.0)
    rho = tl.minimum(_pulling(squares, inverse, amplitude, is_poisson, floor, TINY), 1.0)
    counted = tl.load(weight + pixel, mask=inside, other=0.0)
    tl.store(sums + frame * tl.num_programs(1) + tl.program_id(1), tl.sum((length + rho * (along - length)) * counted))


@triton.jit
def match(
    image: Any, images: Any, probes: Any, turned: Any, places: Any, chi: Any, sums: Any,
    width: Any, h: Any, w: Any, stride: Any, turned_stride: Any, MODES: tl.constexpr, RUN: tl.constexpr,
) -> None:  # fmt: skip
    """<a, a>, <b, b>, <a, b>, <a, chi>, <b, chi> with a = P dO and b = dP O."""
    frame = tl.program_id(0)
    pixel = tl.program_id(1) * RUN + tl.arange(0, RUN)
    inside = pixel < h * w
    at = _object_at(places, frame, pixel, width, w)
    o_re, o_im = _load(image, at, inside)
    d_re, d_im = _load(images, at, inside)
    aa, bb, ab = tl.zeros((RUN,), tl.float32), tl.zeros((RUN,), tl.float32), tl.zeros((RUN,), tl.float32)
    ac, bc = tl.zeros((RUN,), tl.float32), tl.zeros((RUN,), tl.float32)
    for mode in tl.static_range(MODES):
        place = mode * h * w + pixel
        p_re, p_im = _load(probes, frame.to(tl.int64) * stride + place, inside)
        t_re, t_im = _load(turned, frame.to(tl.int64) * turned_stride + place, inside)
        c_re, c_im = _load(chi, frame.to(tl.int64) * (MODES * h * w) + place, inside)
        a_re, a_im = p_re * d_re - p_im * d_im, p_re * d_im + p_im * d_re
        b_re, b_im = t_re * o_re - t_im * o_im, t_re * o_im + t_im * o_re
        aa += a_re * a_re + a_im * a_im
        bb += b_re * b_re + b_im * b_im
        ab += a_re * b_re + a_im * b_im
        ac += a_re * c_re + a_im * c_im
        bc += b_re * c_re + b_im * c_im
    part, parts = frame * tl.num_programs(1) + tl.program_id(1), tl.num_programs(0) * tl.num_programs(1)
    tl.store(sums + part, tl.sum(aa))
    tl.store(sums + parts + part, tl.sum(bb))
    tl.store(sums + 2 * parts + part, tl.sum(ab))
    tl.store(sums + 3 * parts + part, tl.sum(ac))
    tl.store(sums + 4 * parts + part, tl.sum(bc))


@triton.jit
def tops(
    image: Any, probes: Any, places: Any, out: Any, width: Any, h: Any, w: Any, MODES: tl.constexpr, RUN: tl.constexpr
) -> None:
    """Largest |P|^2 and |O|^2 of a run of one frame's window."""
    pixel = tl.program_id(0) * RUN + tl.arange(0, RUN)
    inside = pixel < h * w
    o_re, o_im = _load(image, _object_at(places, 0, pixel, width, w), inside)
    light, _re, _im = _squares(probes, pixel, h * w, inside, MODES)
    tl.store(out + tl.program_id(0), tl.max(light))
    tl.store(out + tl.num_programs(0) + tl.program_id(0), tl.max(o_re * o_re + o_im * o_im))


@triton.jit
def nudge(
    image: Any, probes: Any, places: Any, chi: Any, out: Any, tops: Any,
    width: Any, h: Any, w: Any, parts: Any, object_step: Any, object_damping: Any, probe_step: Any, probe_damping: Any,
    MODES: tl.constexpr, PROBE: tl.constexpr, TINY: tl.constexpr, PARTS: tl.constexpr, RUN: tl.constexpr,
) -> None:  # fmt: skip
    """Move the object under one frame, and write what the frame asks of the probe."""
    pixel = tl.program_id(0) * RUN + tl.arange(0, RUN)
    inside = pixel < h * w
    part = tl.arange(0, PARTS)
    most = tl.maximum(tl.max(tl.load(tops + part, mask=part < parts, other=0.0)), TINY)
    view = tl.maximum(tl.max(tl.load(tops + parts + part, mask=part < parts, other=0.0)), TINY)
    at = _object_at(places, 0, pixel, width, w)
    o_re, o_im = _load(image, at, inside)
    squares = o_re * o_re + o_im * o_im
    by = probe_step / (squares + probe_damping * (view - squares))
    light = tl.zeros((RUN,), tl.float32)
    real, imaginary = tl.zeros((RUN,), tl.float32), tl.zeros((RUN,), tl.float32)
    for mode in tl.static_range(MODES):
        place = mode * h * w + pixel
        p_re, p_im = _load(probes, place, inside)
        c_re, c_im = _load(chi, place, inside)
        light += p_re * p_re + p_im * p_im
        real += p_re * c_re + p_im * c_im
        imaginary += p_re * c_im - p_im * c_re
        if PROBE:
            _store(out, place, by * (o_re * c_re + o_im * c_im), by * (o_re * c_im - o_im * c_re), inside)
    step = object_step / (light + object_damping * (most - light))
    _store(image, at, o_re + step * real, o_im + step * imaginary, inside)
