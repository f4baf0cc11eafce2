"""The Triton kernels behind `fused`: what one program does with its run of pixels.

Complex numbers are 64 bits, the real part in the lower half. `places` are whole-pixel corners (row, column) a frame.
"""

import triton
import triton.language as tl


@triton.jit
def _load(pointer, index, mask):
    """Real and imaginary parts of complex numbers."""
    bits = tl.load(pointer + index, mask=mask, other=0)
    real = (bits & 0xFFFFFFFF).to(tl.int32).to(tl.float32, bitcast=True)
    return real, (bits >> 32).to(tl.int32).to(tl.float32, bitcast=True)


@triton.jit
def _store(pointer, index, real, imaginary, mask):
    low = real.to(tl.int32, bitcast=True).to(tl.int64) & 0xFFFFFFFF
    high = imaginary.to(tl.int32, bitcast=True).to(tl.int64) << 32
    tl.store(pointer + index, high | low, mask=mask)


@triton.jit
def _object_at(places, frame, pixel, width, w):
    """Index in the object of the pixels of a frame's window."""
    row, column = tl.load(places + 2 * frame), tl.load(places + 2 * frame + 1)
    return (pixel // w + row) * width + pixel % w + column


@triton.jit
def _amplitude(measured, index, mask, size, KIND: tl.constexpr):
    """Measured amplitude; counts of 16 bits are unsigned, whatever their type says."""
    value = tl.load(measured + index, mask=mask, other=0)
    if KIND == 0:
        return value
    if KIND == 2:
        value = value.to(tl.int32) & 0xFFFF
    return tl.sqrt_rn(value.to(tl.float32) * size)


@triton.jit
def _squares(wave, first, size, mask, MODES: tl.constexpr):
    """|Psi|^2 over the modes, and the parts of the last one."""
    re, im = _load(wave, first, mask)
    squares = re * re + im * im
    for mode in tl.static_range(1, MODES):
        re, im = _load(wave, first + mode * size, mask)
        squares += re * re + im * im
    return squares, re, im


@triton.jit
def shift(spectrum, rows, columns, out, h, w, modes, stride, norm, RUN: tl.constexpr):
    """A probe's spectrum times each frame's phases, times a norm."""
    wave = tl.program_id(0)
    frame, mode = wave // modes, wave % modes
    pixel = tl.program_id(1) * RUN + tl.arange(0, RUN)
    inside = pixel < h * w
    s_re, s_im = _load(spectrum, frame.to(tl.int64) * stride + mode * h * w + pixel, inside)
    r_re, r_im = _load(rows, frame * h + pixel // w, inside)
    c_re, c_im = _load(columns, frame * w + pixel % w, inside)
    t_re, t_im = norm * (r_re * c_re - r_im * c_im), norm * (r_re * c_im + r_im * c_re)
    re, im = s_re * t_re - s_im * t_im, s_re * t_im + s_im * t_re
    _store(out, wave.to(tl.int64) * h * w + pixel, re, im, inside)


@triton.jit
def move_back(spectra, rows, columns, out, frames, h, w, HEIGHT: tl.constexpr, RUN: tl.constexpr):
    """Spectra times the conjugate of each frame's phases, summed over a share of the frames."""
    mode, share = tl.program_id(1), tl.program_id(2)
    modes, each = tl.num_programs(1), tl.cdiv(frames, tl.num_programs(2))
    pixel = tl.program_id(0) * RUN + tl.arange(0, RUN)
    inside = pixel < h * w
    real, imaginary = tl.zeros((HEIGHT, RUN), tl.float32), tl.zeros((HEIGHT, RUN), tl.float32)
    for step in range(tl.cdiv(each, HEIGHT)):
        slot = step * HEIGHT + tl.arange(0, HEIGHT)
        frame = share * each + slot
        there = ((slot < each) & (frame < frames))[:, None] & inside[None, :]
        place = (frame[:, None].to(tl.int64) * modes + mode) * (h * w) + pixel[None, :]
        re, im = _load(spectra, place, there)
        r_re, r_im = _load(rows, frame[:, None] * h + (pixel // w)[None, :], there)
        c_re, c_im = _load(columns, frame[:, None] * w + (pixel % w)[None, :], there)
        t_re, t_im = r_re * c_re - r_im * c_im, r_re * c_im + r_im * c_re
        real += t_re * re + t_im * im
        imaginary += t_re * im - t_im * re
    _store(out, (share * modes + mode) * h * w + pixel, tl.sum(real, 0), tl.sum(imaginary, 0), inside)


@triton.jit
def illuminate(
    image, probes, places, waves, out,
    width, h, w, modes, stride, REFLECT: tl.constexpr, RUN: tl.constexpr,
):  # fmt: skip
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
    image, images, down, across, by, probes, turned, places, out,
    width, h, w, modes, stride, turned_stride, MOVED: tl.constexpr, RUN: tl.constexpr,
):  # fmt: skip
    """Change dP O_j + P (dO + d dO/dr)_j."""
    wave = tl.program_id(0)
    frame, mode = wave // modes, wave % modes
    pixel = tl.program_id(1) * RUN + tl.arange(0, RUN)
    inside = pixel < h * w
    at = _object_at(places, frame, pixel, width, w)
    o_re, o_im = _load(image, at, inside)
    d_re, d_im = _load(images, at, inside)
    if MOVED:
        row, column = tl.load(by + 2 * frame), tl.load(by + 2 * frame + 1)
        r_re, r_im = _load(down, at, inside)
        c_re, c_im = _load(across, at, inside)
        d_re, d_im = d_re + row * r_re + column * c_re, d_im + row * r_im + column * c_im
    p_re, p_im = _load(probes, frame.to(tl.int64) * stride + mode * h * w + pixel, inside)
    t_re, t_im = _load(turned, frame.to(tl.int64) * turned_stride + mode * h * w + pixel, inside)
    re = t_re * o_re - t_im * o_im + p_re * d_re - p_im * d_im
    im = t_re * o_im + t_im * o_re + p_re * d_im + p_im * d_re
    _store(out, wave.to(tl.int64) * h * w + pixel, re, im, inside)


@triton.jit
def see_back(image, waves, places, out, width, h, w, modes, RUN: tl.constexpr):
    """conj(O_j) psi_j."""
    wave = tl.program_id(0)
    pixel = tl.program_id(1) * RUN + tl.arange(0, RUN)
    inside = pixel < h * w
    o_re, o_im = _load(image, _object_at(places, wave // modes, pixel, width, w), inside)
    place = wave.to(tl.int64) * h * w + pixel
    re, im = _load(waves, place, inside)
    _store(out, place, o_re * re + o_im * im, o_re * im - o_im * re, inside)


@triton.jit
def _under(places, order, ends, row, start, step, w, column, HEIGHT: tl.constexpr):  # fmt: skip
    """The next frames whose windows reach a row of the object: their numbers, and where in them the columns lie.

    `order` has the frames by their first row; `ends` says for every row which part of it reaches the row.
    """
    slot = start + step * HEIGHT + tl.arange(0, HEIGHT)
    there = slot < tl.load(ends + 2 * row + 1)
    frame = tl.load(order + slot, mask=there, other=0)
    r = row - tl.load(places + 2 * frame, mask=there, other=0)
    c = column[None, :] - tl.load(places + 2 * frame + 1, mask=there, other=0)[:, None]
    inside = there[:, None] & (c >= 0) & (c < w)
    return frame[:, None].to(tl.int64), r[:, None] * w + c, inside


@triton.jit
def settle(
    image, probes, places, order, ends, waves, projected, numerator, dose,
    width, h, w, stride, beta, MODES: tl.constexpr, HEIGHT: tl.constexpr, RUN: tl.constexpr,
):  # fmt: skip
    """New waves where they are seen from a run of one row of the object, and their sums there.

    Every pixel of every frame lies under one pixel of the object, so each wave is read and written once. Several
    frames are worked on together: their reads are under way at the same time.
    """
    row = tl.program_id(0)
    column = tl.program_id(1) * RUN + tl.arange(0, RUN)
    on = column < width
    at = row * width + column
    o_re, o_im = _load(image, at, on)
    real, imaginary = tl.zeros((HEIGHT, RUN), tl.float32), tl.zeros((HEIGHT, RUN), tl.float32)
    light = tl.zeros((HEIGHT, RUN), tl.float32)
    start = tl.load(ends + 2 * row)
    for step in range(tl.cdiv(tl.load(ends + 2 * row + 1) - start, HEIGHT)):
        frame, pixel, inside = _under(places, order, ends, row, start, step, w, column, HEIGHT)
        for mode in tl.static_range(MODES):
            place = frame * (MODES * h * w) + mode * h * w + pixel
            psi_re, psi_im = _load(waves, place, inside)
            new_re, new_im = _load(projected, place, inside)
            p_re, p_im = _load(probes, frame * stride + mode * h * w + pixel, inside)
            po_re = p_re * o_re[None, :] - p_im * o_im[None, :]
            po_im = p_re * o_im[None, :] + p_im * o_re[None, :]
            re = beta * (psi_re + new_re - po_re) + (1 - beta) * po_re
            im = beta * (psi_im + new_im - po_im) + (1 - beta) * po_im
            _store(waves, place, re, im, inside)
            real += p_re * re + p_im * im
            imaginary += p_re * im - p_im * re
            light += p_re * p_re + p_im * p_im
    old_re, old_im = _load(numerator, at, on)
    _store(numerator, at, old_re + tl.sum(real, 0), old_im + tl.sum(imaginary, 0), on)
    tl.store(dose + at, tl.load(dose + at, mask=on, other=0.0) + tl.sum(light, 0), mask=on)


@triton.jit
def object_overlap(
    probes, waves, places, order, ends, numerator, dose,
    width, h, w, stride, MODES: tl.constexpr, DOSE: tl.constexpr, HEIGHT: tl.constexpr, RUN: tl.constexpr,
):  # fmt: skip
    """Sums conj(P) psi and |P|^2 on a run of one row of the object."""
    row = tl.program_id(0)
    column = tl.program_id(1) * RUN + tl.arange(0, RUN)
    on = column < width
    at = row * width + column
    real, imaginary = tl.zeros((HEIGHT, RUN), tl.float32), tl.zeros((HEIGHT, RUN), tl.float32)
    light = tl.zeros((HEIGHT, RUN), tl.float32)
    start = tl.load(ends + 2 * row)
    for step in range(tl.cdiv(tl.load(ends + 2 * row + 1) - start, HEIGHT)):
        frame, pixel, inside = _under(places, order, ends, row, start, step, w, column, HEIGHT)
        for mode in tl.static_range(MODES):
            re, im = _load(waves, frame * (MODES * h * w) + mode * h * w + pixel, inside)
            p_re, p_im = _load(probes, frame * stride + mode * h * w + pixel, inside)
            real += p_re * re + p_im * im
            imaginary += p_re * im - p_im * re
            if DOSE:
                light += p_re * p_re + p_im * p_im
    old_re, old_im = _load(numerator, at, on)
    _store(numerator, at, old_re + tl.sum(real, 0), old_im + tl.sum(imaginary, 0), on)
    if DOSE:
        tl.store(dose + at, tl.load(dose + at, mask=on, other=0.0) + tl.sum(light, 0), mask=on)


@triton.jit
def light(
    probes, places, order, ends, total,
    width, h, w, stride, MODES: tl.constexpr, HEIGHT: tl.constexpr, RUN: tl.constexpr,
):  # fmt: skip
    """Light |P|^2 on a run of one row of the object."""
    row = tl.program_id(0)
    column = tl.program_id(1) * RUN + tl.arange(0, RUN)
    on = column < width
    at = row * width + column
    sums = tl.zeros((HEIGHT, RUN), tl.float32)
    start = tl.load(ends + 2 * row)
    for step in range(tl.cdiv(tl.load(ends + 2 * row + 1) - start, HEIGHT)):
        frame, pixel, inside = _under(places, order, ends, row, start, step, w, column, HEIGHT)
        for mode in tl.static_range(MODES):
            p_re, p_im = _load(probes, frame * stride + mode * h * w + pixel, inside)
            sums += p_re * p_re + p_im * p_im
    tl.store(total + at, tl.load(total + at, mask=on, other=0.0) + tl.sum(sums, 0), mask=on)


@triton.jit
def _windows(places, frames, share, step, shares, pixel, inside, width, w, HEIGHT: tl.constexpr):  # fmt: skip
    """The next frames of a share, and where on the object their pixels lie."""
    each = tl.cdiv(frames, shares)
    frame = share * each + step * HEIGHT + tl.arange(0, HEIGHT)
    there = (frame < frames) & (frame < (share + 1) * each)
    row = tl.load(places + 2 * frame, mask=there, other=0)
    column = tl.load(places + 2 * frame + 1, mask=there, other=0)
    at = (pixel // w)[None, :] * width + (pixel % w)[None, :] + (row * width + column)[:, None]
    return frame[:, None].to(tl.int64), at, there[:, None] & inside[None, :]


@triton.jit
def views(squares, places, out, frames, width, h, w, HEIGHT: tl.constexpr, RUN: tl.constexpr):
    """Sum over a share of the frames of a map under their windows."""
    share, shares = tl.program_id(1), tl.num_programs(1)
    pixel = tl.program_id(0) * RUN + tl.arange(0, RUN)
    inside = pixel < h * w
    sums = tl.zeros((HEIGHT, RUN), tl.float32)
    for step in range(tl.cdiv(tl.cdiv(frames, shares), HEIGHT)):
        _frame, at, seen = _windows(places, frames, share, step, shares, pixel, inside, width, w, HEIGHT)
        sums += tl.load(squares + at, mask=seen, other=0.0)
    tl.store(out + share * h * w + pixel, tl.sum(sums, 0), mask=inside)


@triton.jit
def probe_overlap(
    image, waves, places, out, cover, frames, width, h, w,
    COVER: tl.constexpr, HEIGHT: tl.constexpr, RUN: tl.constexpr,
):  # fmt: skip
    """Products conj(O_j) psi_j over a share of the frames, for a run of one mode's pixels; |O_j|^2 with the first."""
    mode, share = tl.program_id(1), tl.program_id(2)
    modes, shares = tl.num_programs(1), tl.num_programs(2)
    pixel = tl.program_id(0) * RUN + tl.arange(0, RUN)
    inside = pixel < h * w
    real, imaginary = tl.zeros((HEIGHT, RUN), tl.float32), tl.zeros((HEIGHT, RUN), tl.float32)
    view = tl.zeros((HEIGHT, RUN), tl.float32)
    for step in range(tl.cdiv(tl.cdiv(frames, shares), HEIGHT)):
        frame, at, seen = _windows(places, frames, share, step, shares, pixel, inside, width, w, HEIGHT)
        re, im = _load(waves, (frame * modes + mode) * (h * w) + pixel[None, :], seen)
        o_re, o_im = _load(image, at, seen)
        real += o_re * re + o_im * im
        imaginary += o_re * im - o_im * re
        if COVER:
            view += o_re * o_re + o_im * o_im
    _store(out, (share * modes + mode) * h * w + pixel, tl.sum(real, 0), tl.sum(imaginary, 0), inside)
    if COVER and mode == 0:
        tl.store(cover + share * h * w + pixel, tl.sum(view, 0), mask=inside)


@triton.jit
def project(
    wave, measured, weight, background, misfit, size, relaxation, norm, least,
    MODES: tl.constexpr, KIND: tl.constexpr, DARK: tl.constexpr, RUN: tl.constexpr,
):  # fmt: skip
    """Relaxed modulus projection in place, times a norm."""
    frame = tl.program_id(0).to(tl.int64)
    pixel = tl.program_id(1) * RUN + tl.arange(0, RUN)
    inside = pixel < size
    first = frame * MODES * size + pixel
    squares, re, im = _squares(wave, first, size, inside, MODES)
    if DARK:
        squares += tl.load(background + pixel, mask=inside, other=0.0)
    inverse = 1.0 / tl.sqrt_rn(tl.maximum(squares, least))
    amplitude = _amplitude(measured, frame * size + pixel, inside, size, KIND)
    counted = tl.load(weight + pixel, mask=inside, other=0.0)
    over = tl.sqrt_rn(squares) - amplitude
    tl.store(misfit + frame * tl.num_programs(1) + tl.program_id(1), tl.sum(over * over * counted))
    part = (1 - relaxation) * counted
    factor = norm * (1 - part * over * inverse)
    if MODES == 1:
        _store(wave, first, re * factor, im * factor, inside)
    else:
        for mode in tl.static_range(MODES):
            re, im = _load(wave, first + mode * size, inside)
            _store(wave, first + mode * size, re * factor, im * factor, inside)


@triton.jit
def _pulling(squares, inverse, amplitude, poisson, floor):
    """Factor rho of the likelihood that a flag in memory chooses."""
    counts = (amplitude * amplitude + floor) / tl.where(poisson, squares + floor, 1.0)
    return tl.where(poisson, counts, 1 - (tl.sqrt_rn(squares) - amplitude) * inverse)


@triton.jit
def pull(
    wave, measured, weight, background, poisson, out, sums,
    size, floor, norm, least,
    MODES: tl.constexpr, KIND: tl.constexpr, DARK: tl.constexpr, UNDECIDED: tl.constexpr,
    BRIGHT: tl.constexpr, RUN: tl.constexpr,
):  # fmt: skip
    """(rho - 1) Psi times a norm, the misfit, and how the bright pixels fit."""
    frame = tl.program_id(0).to(tl.int64)
    pixel = tl.program_id(1) * RUN + tl.arange(0, RUN)
    inside = pixel < size
    first = frame * MODES * size + pixel
    squares, re, im = _squares(wave, first, size, inside, MODES)
    if DARK:
        squares += tl.load(background + pixel, mask=inside, other=0.0)
    inverse = 1.0 / tl.sqrt_rn(tl.maximum(squares, least))
    amplitude = _amplitude(measured, frame * size + pixel, inside, size, KIND)
    counted = tl.load(weight + pixel, mask=inside, other=0.0)
    apart = tl.sqrt_rn(squares) - amplitude
    apart = apart * apart * counted
    part, parts = frame * tl.num_programs(1) + tl.program_id(1), tl.num_programs(0).to(tl.int64) * tl.num_programs(1)
    tl.store(sums + part, tl.sum(apart))
    bright, apart_there = 0.0, 0.0
    if UNDECIDED:
        lit = tl.where(squares >= BRIGHT * size, counted, 0.0)
        bright, apart_there = tl.sum(lit), tl.sum(tl.where(squares >= BRIGHT * size, apart, 0.0)) * (4.0 / size)
    tl.store(sums + parts + part, apart_there)
    tl.store(sums + 2 * parts + part, bright)
    factor = norm * counted * (_pulling(squares, inverse, amplitude, tl.load(poisson) != 0, floor) - 1)
    if MODES == 1:
        _store(out, first, re * factor, im * factor, inside)
    else:
        for mode in tl.static_range(MODES):
            re, im = _load(wave, first + mode * size, inside)
            _store(out, first + mode * size, re * factor, im * factor, inside)


@triton.jit
def background_sums(
    wave, measured, background, out, frames, size, least,
    MODES: tl.constexpr, KIND: tl.constexpr, DARK: tl.constexpr, HEIGHT: tl.constexpr, RUN: tl.constexpr,
):  # fmt: skip
    """Sums of a^2 / x, 1 / x, y and y^2 over a share of the frames, for a run of the detector's pixels."""
    share, shares = tl.program_id(1), tl.num_programs(1)
    each = tl.cdiv(frames, shares)
    pixel = tl.program_id(0) * RUN + tl.arange(0, RUN)
    inside = pixel < size
    shade = tl.zeros((RUN,), tl.float32)
    if DARK:
        shade = tl.load(background + pixel, mask=inside, other=0.0)
    counts, certainty = tl.zeros((HEIGHT, RUN), tl.float32), tl.zeros((HEIGHT, RUN), tl.float32)
    light, squares = tl.zeros((HEIGHT, RUN), tl.float32), tl.zeros((HEIGHT, RUN), tl.float32)
    for step in range(tl.cdiv(each, HEIGHT)):
        slot = step * HEIGHT + tl.arange(0, HEIGHT)
        frame = (share * each + slot)[:, None].to(tl.int64)
        there = ((slot < each)[:, None] & (frame < frames)) & inside[None, :]
        shown, _re, _im = _squares(wave, frame * MODES * size + pixel[None, :], size, there, MODES)
        amplitude = _amplitude(measured, frame * size + pixel[None, :], there, size, KIND)
        # A frame that is none counts for nothing.
        inverse = tl.where(there, 1.0 / tl.maximum(shown + shade[None, :], least), 0.0)
        counts += amplitude * amplitude * inverse
        certainty += inverse
        light += shown
        squares += shown * shown
    place, part = share * size + pixel, shares * size
    tl.store(out + place, tl.sum(counts, 0), mask=inside)
    tl.store(out + part + place, tl.sum(certainty, 0), mask=inside)
    tl.store(out + 2 * part + place, tl.sum(light, 0), mask=inside)
    tl.store(out + 3 * part + place, tl.sum(squares, 0), mask=inside)


@triton.jit
def bend(
    wave, change, measured, weight, background, shade, poisson, sums,
    size, floor, least,
    MODES: tl.constexpr, KIND: tl.constexpr, DARK: tl.constexpr, MOVES: tl.constexpr, RUN: tl.constexpr,
):  # fmt: skip
    """Curvature of the misfit along a change of the waves, and of the background where that moves."""
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
    inverse = 1.0 / tl.sqrt_rn(tl.maximum(squares, least))
    amplitude = _amplitude(measured, frame * size + pixel, inside, size, KIND)
    is_poisson = tl.load(poisson) != 0
    if MOVES:
        half = 0.5 * tl.load(shade + pixel, mask=inside, other=0.0)
        product += half
        half = half * inverse
        length += half * half * tl.where(is_poisson, 2.0, 1.0)
    along = product * inverse
    along = along * along * tl.where(is_poisson, 2.0, 1.0)
    rho = tl.minimum(_pulling(squares, inverse, amplitude, is_poisson, floor), 1.0)
    counted = tl.load(weight + pixel, mask=inside, other=0.0)
    tl.store(sums + frame * tl.num_programs(1) + tl.program_id(1), tl.sum((length + rho * (along - length)) * counted))


@triton.jit
def match(
    image, images, probes, turned, places, chi, sums,
    width, h, w, stride, turned_stride, MODES: tl.constexpr, RUN: tl.constexpr,
):  # fmt: skip
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
def tops(image, probes, places, out, width, h, w, MODES: tl.constexpr, RUN: tl.constexpr):
    """Largest |P|^2 and |O|^2 of a run of one frame's window."""
    pixel = tl.program_id(0) * RUN + tl.arange(0, RUN)
    inside = pixel < h * w
    o_re, o_im = _load(image, _object_at(places, 0, pixel, width, w), inside)
    light, _re, _im = _squares(probes, pixel, h * w, inside, MODES)
    tl.store(out + tl.program_id(0), tl.max(light))
    tl.store(out + tl.num_programs(0) + tl.program_id(0), tl.max(o_re * o_re + o_im * o_im))


@triton.jit
def nudge(
    image, probes, places, chi, out, tops,
    width, h, w, parts, object_step, object_damping, probe_step, probe_damping,
    MODES: tl.constexpr, PROBE: tl.constexpr, TINY: tl.constexpr, PARTS: tl.constexpr, RUN: tl.constexpr,
):  # fmt: skip
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
