"""The passes of `passes`, one Triton kernel each: every wave is read once and written once, nothing is atomic.

A complex number goes to a kernel as one of 64 bits, so that one instruction moves both of its parts. Overlaps are
gathered: a program owns a run of pixels of the result and sums over the frames that reach it, always in the order of
the frames, so that every run gives the same bits. The inverse transforms are not normalised, for that costs a pass of
its own on a GPU: whatever makes waves for `back` divides them by h w.
With TRITON_INTERPRET=1 the kernels run on a CPU, slowly, which is how they are tested without a GPU.
"""

import torch
import triton
from torch import Tensor

from picpxct_nx.ptycho import fit, kernels_moves, noise
from picpxct_nx.ptycho import kernels as k
from picpxct_nx.ptycho.blocks import Block

FILLS_ROOM = False
# Pixels of a wave that one program works on; pixels of a row and frames where it sums over frames.
RUN = 512
ROW_RUN = 128
HEIGHT = 2
WARPS = 2
# Programs among which the frames are shared where a program owns pixels of the probe: there are few of those.
SHARES = 4


def transform(waves: Tensor, *, out: Tensor | None = None) -> Tensor:  # noqa: ARG001 - a result elsewhere costs a pass
    """As `passes.transform`; the result is new."""
    result: Tensor = torch.fft.fft2(waves)
    return result


def back(waves: Tensor, *, out: Tensor | None = None) -> Tensor:  # noqa: ARG001 - a result elsewhere costs a pass
    """As `passes.back`, of waves that were divided by h w; the result is new."""
    result: Tensor = torch.fft.ifft2(waves, norm="forward")
    return result


def shifted(
    spectrum: Tensor,
    phases: tuple[Tensor, Tensor],
    *,
    out: Tensor | None = None,  # noqa: ARG001 - a result elsewhere costs a pass
    spare: Tensor | None = None,
) -> Tensor:
    """As `passes.shifted`; the result is new."""
    spectra = spectrum.reshape(-1, *spectrum.shape[-3:])
    n, (modes, h, w) = len(phases[0]), spectra.shape[1:]
    if spare is None:
        spare = torch.empty((n, modes, h, w), dtype=spectrum.dtype, device=spectrum.device)
    k.shift[_grid(n * modes, h * w)](
        _bits(spectra), _bits(phases[0]), _bits(phases[1]), _bits(spare), h, w, modes, _stride(spectra), 1 / (h * w),
        RUN=RUN,
    )  # fmt: skip
    return back(spare)


def moved_back(waves: Tensor, phases: tuple[Tensor, Tensor], *, spare: Tensor | None = None) -> Tensor:  # noqa: ARG001
    """As `passes.moved_back`."""
    n, modes, h, w = waves.shape
    out = torch.empty((SHARES, modes, h, w), dtype=waves.dtype, device=waves.device)
    k.move_back[(triton.cdiv(h * w, ROW_RUN), modes, SHARES)](
        _bits(transform(waves)), _bits(phases[0]), _bits(phases[1]), _bits(out), n, h, w, HEIGHT=HEIGHT, RUN=ROW_RUN
    )
    return out.sum(0)


def exit_waves(
    image: Tensor, probes: Tensor, block: Block, *, out: Tensor | None = None, spare: Tensor | None = None
) -> Tensor:
    """As `passes.exit_waves`."""
    return _illuminate(image, probes, block, None, out, spare)


def reflect(
    image: Tensor,
    probes: Tensor,
    block: Block,
    waves: Tensor,
    *,
    out: Tensor | None = None,
    spare: Tensor | None = None,
) -> Tensor:
    """As `passes.reflect`."""
    return _illuminate(image, probes, block, waves, out, spare)


def _illuminate(
    image: Tensor, probes: Tensor, block: Block, waves: Tensor | None, out: Tensor | None, spare: Tensor | None  # noqa: ARG001
) -> Tensor:  # fmt: skip
    n, (modes, h, w) = len(block.places), probes.shape[1:]
    if out is None:
        out = torch.empty((n, modes, h, w), dtype=image.dtype, device=image.device)
    k.illuminate[_grid(n * modes, h * w)](
        _bits(image), _bits(probes), block.places, _bits(out if waves is None else waves), _bits(out),
        image.shape[1], h, w, modes, _stride(probes), REFLECT=waves is not None, RUN=RUN,
    )  # fmt: skip
    return out


def patches(image: Tensor, probes: Tensor, block: Block, *, spare: Tensor | None = None) -> Tensor:  # noqa: ARG001
    """As `passes.patches`."""
    rows, columns = (torch.arange(size, device=image.device) for size in probes.shape[-2:])
    places = block.places.to(torch.int64)
    found: Tensor = image[(places[:, :1] + rows)[:, :, None], (places[:, 1:] + columns)[:, None]][:, None]
    return found


def turned_waves(
    images: tuple[Tensor, Tensor],
    probes: tuple[Tensor, Tensor],
    block: Block,
    *,
    moves: tuple[tuple[Tensor, Tensor], Tensor] | None = None,
    out: Tensor | None = None,
    spare: Tensor | None = None,  # noqa: ARG001 - the signature of the pass
) -> Tensor:
    """As `passes.turned_waves`."""
    # Pointers of the right kind where frames rest.
    slopes, by = (images, images[0].real) if moves is None else (moves[0], moves[1].contiguous())
    n, (modes, h, w) = len(block.places), probes[0].shape[1:]
    if out is None:
        out = torch.empty((n, modes, h, w), dtype=images[0].dtype, device=images[0].device)
    k.turn[_grid(n * modes, h * w)](
        _bits(images[0]), _bits(images[1]), _bits(slopes[0]), _bits(slopes[1]), by, _bits(probes[0]),
        _bits(probes[1]), block.places, _bits(out), images[0].shape[1], h, w, modes, _stride(probes[0]),
        _stride(probes[1]), MOVED=moves is not None, RUN=RUN,
    )  # fmt: skip
    return out


def settle(
    image: Tensor,
    probes: Tensor,
    block: Block,
    waves: Tensor,
    projected: Tensor,
    *,
    beta: float,
    totals: tuple[Tensor, Tensor],
    spare: Tensor | None = None,  # noqa: ARG001 - the signature of the pass
) -> None:
    """As `passes.settle`."""
    modes, h, w = waves.shape[1:]
    k.settle[_rows(image)](
        _bits(image), _bits(probes), block.places, *_reach(block, image, h), _bits(waves), _bits(projected),
        _bits(totals[0]), totals[1], image.shape[1], h, w, _stride(probes), beta,
        MODES=modes, HEIGHT=HEIGHT, RUN=ROW_RUN, num_warps=WARPS,
    )  # fmt: skip


def object_overlap(
    probes: Tensor,
    waves: Tensor,
    block: Block,
    *,
    totals: tuple[Tensor, Tensor | None],
    spare: Tensor | None = None,  # noqa: ARG001 - the signature of the pass
) -> None:
    """As `passes.object_overlap`."""
    modes, h, w = waves.shape[1:]
    numerator, dose = totals
    k.object_overlap[_rows(numerator)](
        _bits(probes), _bits(waves), block.places, *_reach(block, numerator, h), _bits(numerator),
        torch.view_as_real(numerator) if dose is None else dose, numerator.shape[1], h, w, _stride(probes),
        MODES=modes, DOSE=dose is not None, HEIGHT=HEIGHT, RUN=ROW_RUN,
    )  # fmt: skip


def light(probes: Tensor, block: Block, total: Tensor, *, spare: Tensor | None = None) -> None:  # noqa: ARG001
    """As `passes.light`."""
    modes, h, w = probes.shape[1:]
    k.light[_rows(total)](
        _bits(probes), block.places, *_reach(block, total, h), total, total.shape[1], h, w, _stride(probes),
        MODES=modes, HEIGHT=HEIGHT, RUN=ROW_RUN, num_warps=WARPS,
    )  # fmt: skip


def views(squares: Tensor, block: Block, shape: tuple[int, int], *, maps: Tensor | None = None) -> Tensor:  # noqa: ARG001
    """As `passes.views`."""
    h, w = shape
    out = torch.empty((SHARES, h, w), device=squares.device)
    k.views[(triton.cdiv(h * w, ROW_RUN), SHARES)](
        squares, block.places, out, len(block.places), squares.shape[1], h, w, HEIGHT=HEIGHT, RUN=ROW_RUN
    )
    return out.sum(0)


def probe_overlap(
    image: Tensor,
    squares: Tensor,  # noqa: ARG001 - the signature of the pass; made on the way
    waves: Tensor,
    block: Block,
    *,
    spare: Tensor | None = None,  # noqa: ARG001
    maps: Tensor | None = None,  # noqa: ARG001
) -> tuple[Tensor, Tensor]:
    """As `passes.probe_overlap`."""
    cover = torch.empty((SHARES, *waves.shape[2:]), device=waves.device)
    return _on_probe(image, waves, block, cover), cover.sum(0)


def probe_sum(image: Tensor, waves: Tensor, block: Block, *, spare: Tensor | None = None) -> Tensor:  # noqa: ARG001
    """As `passes.probe_sum`."""
    return _on_probe(image, waves, block, None)


def _on_probe(image: Tensor, waves: Tensor, block: Block, cover: Tensor | None) -> Tensor:
    n, modes, h, w = waves.shape
    out = torch.empty((SHARES, modes, h, w), dtype=waves.dtype, device=waves.device)
    k.probe_overlap[(triton.cdiv(h * w, ROW_RUN), modes, SHARES)](
        _bits(image), _bits(waves), block.places, _bits(out), torch.view_as_real(out) if cover is None else cover,
        n, image.shape[1], h, w, COVER=cover is not None, HEIGHT=HEIGHT, RUN=ROW_RUN,
    )  # fmt: skip
    return out.sum(0)


def seen_back(image: Tensor, waves: Tensor, block: Block, *, spare: Tensor | None = None) -> Tensor:
    """As `passes.seen_back`."""
    n, modes, h, w = waves.shape
    if spare is None:
        spare = torch.empty_like(waves)
    k.see_back[_grid(n * modes, h * w)](
        _bits(image), _bits(waves), block.places, _bits(spare), image.shape[1], h, w, modes, RUN=RUN
    )
    return spare


def project(
    wave: Tensor,
    measured: Tensor,
    screen: fit.Screen,
    *,
    relaxation: float = 0.0,
    spare: Tensor | None = None,  # noqa: ARG001 - the signature of the pass
    maps: Tensor | None = None,  # noqa: ARG001
) -> tuple[Tensor, Tensor]:
    """As `passes.project`, in place and divided by h w."""
    n, modes, h, w = wave.shape
    grid = _grid(n, h * w)
    misfit = torch.empty(grid, device=wave.device)
    k.project[grid](
        _bits(wave), measured, *_screen(screen), misfit,
        h * w, relaxation, 1 / (h * w), screen.divisor,
        MODES=modes, KIND=_kind(measured), DARK=screen.background is not None, RUN=RUN,
    )  # fmt: skip
    return wave, misfit.sum(dtype=torch.float64)


def pull(
    wave: Tensor,
    measured: Tensor,
    screen: fit.Screen,
    likelihood: fit.Likelihood,
    *,
    shown: Tensor | None = None,  # noqa: ARG001 - made again in passing
    spare: Tensor | None = None,
    maps: Tensor | None = None,  # noqa: ARG001 - the signature of the pass
) -> tuple[Tensor, Tensor]:
    """As `passes.pull`, divided by h w."""
    n, modes, h, w = wave.shape
    if spare is None:
        spare = torch.empty_like(wave)
    grid = _grid(n, h * w)
    sums = torch.empty((3, *grid), device=wave.device)
    k.pull[grid](
        _bits(wave), measured, *_screen(screen), likelihood.poisson,
        _bits(spare), sums, h * w, likelihood.background, 1 / (h * w), screen.divisor,
        MODES=modes, KIND=_kind(measured), DARK=screen.background is not None, UNDECIDED=likelihood.undecided,
        BRIGHT=noise.BRIGHT, RUN=RUN,
    )  # fmt: skip
    return spare, sums.sum((1, 2), dtype=torch.float64)


def background_sums(
    wave: Tensor,
    measured: Tensor,
    screen: fit.Screen,
    *,
    spare: Tensor | None = None,  # noqa: ARG001 - the signature of the pass
    maps: Tensor | None = None,  # noqa: ARG001
) -> Tensor:
    """As `passes.background_sums`."""
    n, modes, h, w = wave.shape
    out = torch.empty((4, SHARES, h, w), device=wave.device)
    k.background_sums[(triton.cdiv(h * w, ROW_RUN), SHARES)](
        _bits(wave), measured, _screen(screen)[1], out, n, h * w, screen.divisor,
        MODES=modes, KIND=_kind(measured), DARK=screen.background is not None, HEIGHT=HEIGHT, RUN=ROW_RUN,
    )  # fmt: skip
    return out.sum(1)


def bend(
    wave: Tensor,
    change: Tensor,
    measured: Tensor,
    screen: fit.Screen,
    likelihood: fit.Likelihood,
    *,
    dark: Tensor | None = None,
    shown: Tensor | None = None,  # noqa: ARG001 - made again in passing
    spare: Tensor | None = None,  # noqa: ARG001 - the signature of the pass
    maps: Tensor | None = None,  # noqa: ARG001
) -> Tensor:
    """As `passes.bend`."""
    n, modes, h, w = wave.shape
    grid = _grid(n, h * w)
    sums = torch.empty(grid, device=wave.device)
    k.bend[grid](
        _bits(wave), _bits(change), measured, *_screen(screen), screen.weight if dark is None else dark,
        likelihood.poisson, sums, h * w, likelihood.background, screen.divisor,
        MODES=modes, KIND=_kind(measured), DARK=screen.background is not None, MOVES=dark is not None, RUN=RUN,
    )  # fmt: skip
    return sums.sum(dtype=torch.float64)


def matched(
    images: tuple[Tensor, Tensor],
    probes: tuple[Tensor, Tensor],
    block: Block,
    chi: Tensor,
) -> Tensor:
    """As `passes.matched`."""
    n, modes, h, w = chi.shape
    grid = _grid(n, h * w)
    sums = torch.empty((5, *grid), device=chi.device)
    k.match[grid](
        _bits(images[0]), _bits(images[1]), _bits(probes[0]), _bits(probes[1]), block.places, _bits(chi), sums,
        images[0].shape[1], h, w, _stride(probes[0]), _stride(probes[1]), MODES=modes, RUN=RUN,
    )  # fmt: skip
    return sums.sum((1, 2), dtype=torch.float64)


def asked_moves(
    slopes: tuple[Tensor, Tensor],
    probes: Tensor,
    block: Block,
    chi: Tensor,
    *,
    spare: tuple[Tensor | None, Tensor | None] = (None, None),  # noqa: ARG001 - the signature of the pass
) -> tuple[Tensor, Tensor]:
    """As `passes.asked_moves`."""
    n, modes, h, w = chi.shape
    grid = _grid(n, h * w)
    sums = torch.empty((5, *grid), device=chi.device)
    kernels_moves.ask[grid](
        _bits(slopes[0]), _bits(slopes[1]), _bits(probes), block.places, _bits(chi), sums,
        slopes[0].shape[1], h, w, _stride(probes), MODES=modes, RUN=RUN,
    )  # fmt: skip
    first, second, rr, rc, cc = sums.sum(2)
    return torch.stack([first, second], 1), torch.stack([rr, rc, rc, cc], 1).reshape(-1, 2, 2)


def nudge(image: Tensor, probes: Tensor, block: Block, chi: Tensor, how: fit.Nudge) -> Tensor | None:
    """As `passes.nudge`."""
    modes, h, w = probes.shape[1:]
    parts = triton.cdiv(h * w, RUN)
    tops = torch.empty((2, parts), device=image.device)
    k.tops[(parts,)](_bits(image), _bits(probes), block.places, tops, image.shape[1], h, w, MODES=modes, RUN=RUN)
    out = torch.empty_like(chi) if how.probe_step else None
    k.nudge[(parts,)](
        _bits(image), _bits(probes), block.places, _bits(chi), _bits(chi if out is None else out), tops,
        image.shape[1], h, w, parts, how.object_step, how.object_damping, how.probe_step, how.probe_damping,
        MODES=modes, PROBE=out is not None, TINY=_TINY, PARTS=triton.next_power_of_2(parts), RUN=RUN,
    )  # fmt: skip
    return out


_TINY = torch.finfo(torch.float32).tiny


def _bits(tensor: Tensor) -> Tensor:
    """Complex numbers as such of 64 bits, in the memory where they lie."""
    return tensor.contiguous().view(torch.int64)


def _screen(screen: fit.Screen) -> tuple[Tensor, Tensor]:
    """Weight and background; a pointer of the right kind where there is none."""
    return screen.weight, screen.weight if screen.background is None else screen.background


def _reach(block: Block, image: Tensor, h: int) -> tuple[Tensor, Tensor]:
    """Frames by their first row, and for every row of an object the part of them that reaches it, (H, 2)."""
    height = image.shape[0]
    if height not in block.reach:
        first, order = torch.sort(block.places[:, 0].contiguous(), stable=True)
        rows = torch.arange(height, dtype=first.dtype, device=first.device)
        # Windows that begin after row - h and not after the row itself.
        ends = [torch.searchsorted(first, rows - below, right=True) for below in (h, 0)]
        block.reach[height] = (order.to(torch.int32), torch.stack(ends, dim=1).to(torch.int32).contiguous())
    return block.reach[height]


def _kind(measured: Tensor) -> int:
    """How frames are stored: 0 amplitudes, else the bytes of their counts."""
    return 0 if measured.dtype == torch.float32 else measured.element_size()


def _stride(probes: Tensor) -> int:
    """Elements from one frame's probe to the next; 0 where all frames share one."""
    return 0 if len(probes) == 1 else probes[0].numel()


def _grid(waves: int, pixels: int) -> tuple[int, int]:
    return waves, triton.cdiv(pixels, RUN)


def _rows(image: Tensor) -> tuple[int, int]:
    return image.shape[0], triton.cdiv(image.shape[1], ROW_RUN)
