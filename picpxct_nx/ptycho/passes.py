"""The passes over all waves that an iteration makes between its transforms, as readable compositions of `ops`.

`fused` has the same functions with the same signatures as one kernel each, for a GPU; on anything else these serve.
Shapes: n waves (n, modes, h, w), probes (n or 1, modes, h, w), an object (H, W), a `Block` of n frames. `out` is where
a result goes, `spare` is room for what lies between: waves and maps (3, n, h, w) of a block, none of them an input.
"""

from importlib import import_module
from types import ModuleType

import torch
from torch import Tensor

from picpxct_nx.ptycho import fit, noise, ops
from picpxct_nx.ptycho.blocks import Block

# Whether transforms put their results where they are told.
FILLS_ROOM = True


def passes_for(device: torch.device) -> ModuleType:
    """These passes, or on a GPU with Triton the fused ones."""
    if device.type == "cuda":
        try:
            return import_module("picpxct_nx.ptycho.fused")
        except ImportError:
            pass  # slower, and the same numbers
    return import_module(__name__)


def amplitudes(measured: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Measured amplitudes sqrt(h w counts) of frames as they are stored.

    Parameters
    ----------
    measured : (n, h, w) float32, uint8 or int16
        Amplitudes themselves, or counts; int16 holds the bits of an unsigned number.
    out : (n, h, w) float32, optional
        Where to write.

    Returns
    -------
    (n, h, w) float32; the input where that is what it has.
    """
    if measured.dtype == torch.float32:
        return measured
    counts = measured.to(torch.int32)
    if measured.dtype == torch.int16:
        counts = counts.bitwise_and_(0xFFFF)
    size = measured.shape[-2] * measured.shape[-1]
    return torch.mul(counts.to(torch.float32), size, out=out).sqrt_()


def transform(waves: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Detector waves of exit waves, `ops.far_field`."""
    return ops.far_field(waves, out=out)


def back(waves: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Exit waves of what `project`, `pull` or `push` made of detector waves, `ops.inverse_far_field`."""
    return ops.inverse_far_field(waves, out=out)


def shifted(
    spectrum: Tensor, phases: tuple[Tensor, Tensor], *, out: Tensor | None = None, spare: Tensor | None = None
) -> Tensor:
    """Probe moved by each frame's fraction of a pixel, `ops.shift`.

    Parameters
    ----------
    spectrum : (modes, h, w), or (1 or n, modes, h, w) complex64
        Transform of the probe, or of each frame's.
    phases : (n, 1, h, 1) and (n, 1, 1, w) complex64
        `ops.shift_phases`.
    out, spare : (n, modes, h, w) complex64, optional
        Where to write, and room for the spectra.

    Returns
    -------
    (n, modes, h, w) complex64
    """
    return ops.shift(spectrum, phases, out=out, spare=spare)


def moved_back(waves: Tensor, phases: tuple[Tensor, Tensor], *, spare: Tensor | None = None) -> Tensor:
    """Spectrum of the sum of waves moved back by each frame's fraction of a pixel, `ops.shift_adjoint`.

    Parameters
    ----------
    waves : (n, modes, h, w) complex64
        On each frame's grid.
    phases
        As for `shifted`.
    spare : (n, modes, h, w) complex64, optional
        Room for the spectra.

    Returns
    -------
    (modes, h, w) complex64
    """
    return ops.shift_adjoint(waves, phases, spare=spare)


def exit_waves(
    image: Tensor, probes: Tensor, block: Block, *, out: Tensor | None = None, spare: Tensor | None = None
) -> Tensor:
    """Exit waves P(r - f_j) O(c_j + r).

    Parameters
    ----------
    image : (H, W) complex64
        Object.
    probes : (n or 1, modes, h, w) complex64
        Probe as each frame sees it, or one for all.
    block : Block
        Which frames.
    out, spare : (n, modes, h, w) complex64, optional
        Where to write, and room for the patches.

    Returns
    -------
    (n, modes, h, w) complex64
    """
    return torch.mul(probes, patches(image, probes, block, spare=spare), out=out)


def patches(image: Tensor, probes: Tensor, block: Block, *, spare: Tensor | None = None) -> Tensor:
    """The object under each frame, (n, 1, h, w)."""
    shape = (probes.shape[-2], probes.shape[-1])
    return ops.gather(image, block.corners, shape, out=None if spare is None else spare[:, 0])[:, None]


def turned_waves(
    images: tuple[Tensor, Tensor],
    probes: tuple[Tensor, Tensor],
    block: Block,
    *,
    moves: tuple[tuple[Tensor, Tensor], Tensor] | None = None,
    out: Tensor | None = None,
    spare: Tensor | None = None,
) -> Tensor:
    """Change P (dO + d dO/dr) + dP O of the exit waves along a direction.

    Parameters
    ----------
    images : two of (H, W) complex64
        Object O and its direction dO.
    probes : two of (n or 1, modes, h, w) complex64
        Probe P and its direction dP, as each frame sees them.
    block : Block
        Which frames.
    moves : two of (H, W) complex64, and (n, 2) float32, optional
        Derivatives dO/dr of the object along rows and columns, and moves d of the frames in pixels.
    out, spare
        As for `exit_waves`.

    Returns
    -------
    (n, modes, h, w) complex64
    """
    change = exit_waves(images[0], probes[1], block, out=out, spare=spare)
    view = patches(images[1], probes[0], block, spare=spare)
    if moves is not None:
        for slope, by in zip(moves[0], moves[1].unbind(1), strict=True):
            under = torch.view_as_real(patches(slope, probes[0], block))
            torch.view_as_real(view).addcmul_(under, by[:, None, None, None, None])
    return change.addcmul_(probes[0], view)


def reflect(
    image: Tensor,
    probes: Tensor,
    block: Block,
    waves: Tensor,
    *,
    out: Tensor | None = None,
    spare: Tensor | None = None,
) -> Tensor:
    """Reflected waves 2 P O_j - psi_j.

    Parameters
    ----------
    image, probes, block, out, spare
        As for `exit_waves`.
    waves : (n, modes, h, w) complex64
        psi.

    Returns
    -------
    (n, modes, h, w) complex64
    """
    return exit_waves(image, probes, block, out=out, spare=spare).mul_(2).sub_(waves)


def settle(
    image: Tensor,
    probes: Tensor,
    block: Block,
    waves: Tensor,
    projected: Tensor,
    *,
    beta: float,
    totals: tuple[Tensor, Tensor],
    spare: Tensor | None = None,
) -> None:
    """Move waves, psi <- beta (psi - P O + Pi) + (1 - beta) P O in place, and what the new waves ask of the object.

    Parameters
    ----------
    image, probes, block
        As for `exit_waves`.
    waves : (n, modes, h, w) complex64
        psi; changed in place.
    projected : (n, modes, h, w) complex64
        Pi, the reflected waves after their projection; lost.
    beta : float
        Weight of the difference map's iterate.
    totals : (H, W) complex64 and (H, W) float32
        To which sum conj(P) psi and sum |P|^2 are added.
    spare : (n, modes, h, w) complex64, optional
        Room for the patches.
    """
    waves.add_(projected)
    waves.sub_(exit_waves(image, probes, block, out=projected, spare=spare))
    if beta < 1:
        waves.mul_(beta).add_(projected, alpha=1 - beta)
    object_overlap(probes, waves, block, totals=totals, spare=projected)


def object_overlap(
    probes: Tensor,
    waves: Tensor,
    block: Block,
    *,
    totals: tuple[Tensor, Tensor | None],
    spare: Tensor | None = None,
) -> None:
    """Add sum_j conj(P) psi_j and sum_j |P|^2 of the object's least-squares update to totals.

    Parameters
    ----------
    probes, block
        As for `exit_waves`.
    waves : (n, modes, h, w) complex64
        psi.
    totals : (H, W) complex64 and (H, W) float32 or None
        Changed in place; no light is added where there is no second one.
    spare : (n, modes, h, w) complex64, optional
        Room for the products.
    """
    ops.scatter_add(totals[0], block.corners, ops.sum_modes(torch.mul(waves, probes.conj(), out=spare)))
    if totals[1] is not None:
        light(probes, block, totals[1], spare=spare)


def light(probes: Tensor, block: Block, total: Tensor, *, spare: Tensor | None = None) -> None:
    """Add the light sum_j sum_m |P_m(x - x_j)|^2 of a block's frames to a total.

    Parameters
    ----------
    probes, block
        As for `exit_waves`.
    total : (H, W) float32
        Changed in place.
    spare : (n, modes, h, w) complex64, optional
        Room for the squares.
    """
    squares = ops.intensity(probes, spare=None if spare is None else spare[: len(probes)])
    ops.scatter_add(total, block.corners, squares.expand(len(block.corners), -1, -1))


def views(squares: Tensor, block: Block, shape: tuple[int, int], *, maps: Tensor | None = None) -> Tensor:
    """Sum over a block's frames of a map under their windows, sum_j |O_j|^2 for |O|^2.

    Parameters
    ----------
    squares : (H, W) float32
        The map.
    block : Block
        Which frames.
    shape : (int, int)
        Rows and columns (h, w) of a window.
    maps : (3, n, h, w) float32, optional
        Room.

    Returns
    -------
    (h, w) float32
    """
    return ops.gather(squares, block.corners, shape, out=None if maps is None else maps[0]).sum(0)


def probe_overlap(
    image: Tensor,
    squares: Tensor,
    waves: Tensor,
    block: Block,
    *,
    spare: Tensor | None = None,
    maps: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Sums conj(O_j) psi_j and |O_j|^2 of the probe's update at whole pixels.

    Parameters
    ----------
    image : (H, W) complex64
        Object.
    squares : (H, W) float32
        |O|^2.
    waves : (n, modes, h, w) complex64
        psi.
    block : Block
        Which frames.
    spare, maps : (n, modes, h, w) complex64 and (3, n, h, w) float32, optional
        Room for the products and views.

    Returns
    -------
    numerator : (modes, h, w) complex64
        May lie in `spare`.
    cover : (h, w) float32
    """
    shape = (waves.shape[-2], waves.shape[-1])
    return probe_sum(image, waves, block, spare=spare), views(squares, block, shape, maps=maps)


def probe_sum(image: Tensor, waves: Tensor, block: Block, *, spare: Tensor | None = None) -> Tensor:
    """The first of the sums of `probe_overlap` alone, (modes, h, w) complex64; it may lie in `spare`.

    Parameters
    ----------
    image, waves, block, spare
        As for `probe_overlap`.

    Returns
    -------
    (modes, h, w) complex64
    """
    products = seen_back(image, waves, block, spare=spare)
    return products[0] if len(products) == 1 else products.sum(0)


def seen_back(image: Tensor, waves: Tensor, block: Block, *, spare: Tensor | None = None) -> Tensor:
    """Waves conj(O_j) psi_j on each frame's own grid, (n, modes, h, w).

    Parameters
    ----------
    image, waves, block, spare
        As for `probe_overlap`.

    Returns
    -------
    (n, modes, h, w) complex64
    """
    if spare is None:
        spare = torch.empty_like(waves)
    view = patches(image, waves, block, spare=spare if waves.shape[1] == 1 else None)
    return torch.mul(view.conj_physical_(), waves, out=spare)


def project(
    wave: Tensor,
    measured: Tensor,
    screen: fit.Screen,
    *,
    relaxation: float = 0.0,
    spare: Tensor | None = None,
    maps: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Relaxed modulus projection of detector waves, and their misfit sum (|Psi| - a)^2 over the measured pixels.

    Parameters
    ----------
    wave : (n, modes, h, w) complex64
        Detector waves; lost.
    measured : (n, h, w) float32, uint8 or int16
        Amplitudes or counts, `amplitudes`.
    screen : Screen
        The detector.
    relaxation : float
        Part of the wave's own modulus that is kept.
    spare, maps
        Room.

    Returns
    -------
    projected : (n, modes, h, w) complex64
        For `back`.
    misfit : () float64
    """
    first, second, third = (None, None, None) if maps is None else maps
    amplitude = amplitudes(measured)
    squares = _shown(wave, screen, out=first, spare=spare)
    inverse = fit.inverse_modulus(squares, screen.least, out=second)
    over = fit.excess(squares, amplitude, out=third)
    misfit = fit.modulus_misfit(over, screen.weight, spare=first)
    factor = fit.modulus_factor(over, inverse, screen.weight, relaxation=relaxation, out=third)
    return ops.scale(wave, factor, out=spare), misfit


def pull(
    wave: Tensor,
    measured: Tensor,
    screen: fit.Screen,
    likelihood: fit.Likelihood,
    *,
    shown: Tensor | None = None,
    spare: Tensor | None = None,
    maps: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Change (rho - 1) Psi that a likelihood asks of detector waves, and how they fit.

    Parameters
    ----------
    wave, measured, screen, spare, maps
        As for `project`; the wave is kept.
    likelihood : Likelihood
        What rho is, `fit.gaussian_slope` or `fit.poisson_slope`.
    shown : (n, h, w) float32, optional
        Where |Psi|^2 + B is left for `bend`, if it is of use there.

    Returns
    -------
    change : (n, modes, h, w) complex64
        For `back`.
    sums : (3,) float64
        Misfit sum (|Psi| - a)^2, and `noise.bright_misfit`; that is zero unless the likelihood is undecided.
    """
    first, second, third = (None, None, None) if maps is None else maps
    amplitude, floor = amplitudes(measured), likelihood.floor()
    squares = _shown(wave, screen, out=first if shown is None else shown, spare=spare)
    sums = torch.zeros(3, dtype=torch.float64, device=wave.device)
    over = fit.excess(squares, amplitude, out=third)
    if likelihood.undecided:
        sums[1:] = noise.bright_misfit(squares, over, screen.weight)
    sums[0] = fit.modulus_misfit(over, screen.weight, spare=second)
    if floor is None:
        slope = fit.gaussian_slope(over, fit.inverse_modulus(squares, screen.least, out=second), out=third)
    else:
        slope = fit.poisson_slope(squares, amplitude, floor, out=third, spare=second)
    return ops.scale(wave, slope.mul_(-screen.weight), out=spare), sums


def background_sums(
    wave: Tensor,
    measured: Tensor,
    screen: fit.Screen,
    *,
    spare: Tensor | None = None,
    maps: Tensor | None = None,
) -> Tensor:
    """What a block's frames together say of the background: sums of a^2 / x, 1 / x, y and y^2, y = |Psi|^2, x = y + B.

    Parameters
    ----------
    wave, measured, screen, spare, maps
        As for `project`; the wave is kept.

    Returns
    -------
    (4, h, w) float32; also where nothing is measured.
    """
    first, second, third = (None, None, None) if maps is None else maps
    light = ops.intensity(wave, out=first, spare=spare)
    dark = 0.0 if screen.background is None else screen.background
    certainty = fit.inverse_modulus(torch.add(light, dark, out=second), screen.least, out=second).square_()
    counts = torch.square(amplitudes(measured), out=third).mul_(certainty)
    return torch.stack([counts.sum(0), certainty.sum(0), light.sum(0), light.square_().sum(0)])


def bend(
    wave: Tensor,
    change: Tensor,
    measured: Tensor,
    screen: fit.Screen,
    likelihood: fit.Likelihood,
    *,
    dark: Tensor | None = None,
    shown: Tensor | None = None,
    spare: Tensor | None = None,
    maps: Tensor | None = None,
) -> Tensor:
    """Second derivative of the misfit along a change of the detector waves (half of it), from above.

    With Psi(t) = A - t B and v = Re conj(A) B it is the sum of (1 - rho) |B|^2 + k rho v^2 / |A|^2, k = 1 (Gaussian)
    or 2 (Poisson). rho is cut at 1: where the modelled wave is too weak the exact curvature runs to minus infinity.
    With B(t) = B - t D too, x = |A|^2 + B and u = v + D / 2 it is (1 - rho) (|B|^2 + k D^2 / 4 x) + k rho u^2 / x: the
    background, which all frames share, has the curvature that the model expects of them together.

    Parameters
    ----------
    wave, measured, screen, spare, maps
        As for `project`; A, which is kept.
    change : (n, modes, h, w) complex64
        B.
    likelihood : Likelihood
        What rho is.
    dark : (h, w) float32, optional
        D, on the scale of |Psi|^2.
    shown : (n, h, w) float32, optional
        What `pull` left of the same waves; else it is made again.

    Returns
    -------
    () float64, on the scale of the unnormalised transform.
    """
    first, second, third = (None, None, None) if maps is None else maps
    amplitude, floor = amplitudes(measured), likelihood.floor()
    squares = _shown(wave, screen, out=None, spare=spare) if shown is None else shown
    along = ops.real_product(wave, change, out=third, spare=spare)
    shade = None
    if dark is not None:
        along.add_(dark / 2)
        shade = squares.clamp(min=screen.divisor).reciprocal_().mul_((dark / 2).square())
    if floor is None:
        inverse = fit.inverse_modulus(squares, screen.least, out=second)
        along.mul_(inverse).square_()
        slope = fit.gaussian_slope(fit.excess(squares, amplitude, out=first), inverse, out=second)
    else:
        along.square_().mul_(2).div_(torch.clamp(squares, min=screen.divisor, out=second))
        slope = fit.poisson_slope(squares, amplitude, floor, out=second, spare=first)
    length = ops.intensity(change, out=first, spare=spare)
    if shade is not None:
        length.add_(shade, alpha=1 if floor is None else 2)
    return fit.weighted_sum(along.lerp_(length, slope.clamp_(min=0)), screen.weight)


def matched(
    images: tuple[Tensor, Tensor],
    probes: tuple[Tensor, Tensor],
    block: Block,
    chi: Tensor,
) -> Tensor:
    """Real products by which the best steps along P dO and dP O towards chi are found.

    Parameters
    ----------
    images, probes, block
        As for `turned_waves`.
    chi : (n, modes, h, w) complex64
        Change of the exit waves that is wanted.

    Returns
    -------
    (5,) float64
        <a, a>, <b, b>, <a, b>, <a, chi>, <b, chi> with a = P dO and b = dP O.
    """
    along, across = exit_waves(images[1], probes[0], block), exit_waves(images[0], probes[1], block)
    pairs = ((along, along), (across, across), (along, across), (along, chi), (across, chi))
    return torch.stack([ops.real_product(a, b).sum((1, 2)).sum(dtype=torch.float64) for a, b in pairs])


def asked_moves(
    slopes: tuple[Tensor, Tensor],
    probes: Tensor,
    block: Block,
    chi: Tensor,
    *,
    spare: tuple[Tensor | None, Tensor | None] = (None, None),
) -> tuple[Tensor, Tensor]:
    """What a change of the exit waves asks of the positions of a block's frames.

    Parameters
    ----------
    slopes : two of (H, W) complex64
        Derivatives dO/dr of the object along rows and columns.
    probes, block
        As for `exit_waves`.
    chi : (n, modes, h, w) complex64
        Change that is wanted.
    spare : two of (n, modes, h, w) complex64, optional
        Room.

    Returns
    -------
    slope : (n, 2) float32
        Re sum conj(P dO/dr) chi.
    curvature : (n, 2, 2) float32
        Re sum conj(P dO/dr) (P dO/dr)^T: that of the exit wave's least squares, as the illumination is for the object.
    """
    rows, columns = (
        # A view may lie where its product goes, but for modes, which share it.
        torch.mul(probes, patches(slope, probes, block, spare=room if probes.shape[1] == 1 else None), out=room)
        for slope, room in zip(slopes, spare, strict=True)
    )
    down, across, wanted = (torch.view_as_real(waves).flatten(1) for waves in (rows, columns, chi))
    pairs = ((down, wanted), (across, wanted), (down, down), (down, across), (across, across))
    first, second, rr, rc, cc = (torch.linalg.vecdot(a, b) for a, b in pairs)
    return torch.stack([first, second], 1), torch.stack([rr, rc, rc, cc], 1).reshape(-1, 2, 2)


def nudge(image: Tensor, probes: Tensor, block: Block, chi: Tensor, how: fit.Nudge) -> Tensor | None:
    """Move the object under one frame in place; return what the frame asks of the probe, on its own grid.

    O += s conj(P) chi / ((1 - a) |P|^2 + a max |P|^2), and of the probe likewise from conj(O) as it was before.

    Parameters
    ----------
    image : (H, W) complex64
        Object; changed in place.
    probes : (1, modes, h, w) complex64
        Probe as the frame sees it.
    block : Block
        The one frame.
    chi : (1, modes, h, w) complex64
        Change of the exit wave that is wanted.
    how : Nudge
        Steps and dampings.

    Returns
    -------
    (1, modes, h, w) complex64, or None where the probe is held.
    """
    (row, column), (h, w) = block.corners[0], probes.shape[-2:]
    patch = image[row : row + h, column : column + w]
    on_object = (probes.conj() * chi).sum((0, 1))
    on_object *= how.object_step / fit.floored(ops.intensity(probes)[0], how.object_damping)
    on_probe = None
    if how.probe_step:
        step = how.probe_step / fit.floored(ops.intensity(patch[None, None])[0], how.probe_damping)
        on_probe = (patch.conj() * chi).mul_(step)
    patch += on_object
    return on_probe


def _shown(wave: Tensor, screen: fit.Screen, *, out: Tensor | None, spare: Tensor | None) -> Tensor:
    squares = ops.intensity(wave, out=out, spare=spare)
    return squares if screen.background is None else squares.add_(screen.background)
