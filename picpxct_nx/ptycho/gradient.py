"""What a likelihood asks of all unknowns at once, and how it bends along a direction in them."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from . import background, fit, moves, soft
from .beam import beam_of, probes_of
from .overlap import Light, asked_of_probe, from_sum
from .soft import Soft
from .state import Data, State, room_of, screen_of


@dataclass(frozen=True)
class Kept:
    """Room for what the gradient makes and the curvature wants again; empty where it does not fit or is made anew.

    Parameters
    ----------
    waves : (n, modes, h, w) complex64
        Detector waves; empty where transforms make room of their own.
    shown : (n, h, w) float32
        What they show, likewise: making it again costs more than half as much as a transform.
    probes : (n, modes, h, w) complex64
        The probe as each frame sees it; empty too where positions are whole.
    """

    waves: Tensor
    shown: Tensor
    probes: Tensor


def room_for(data: Data, state: State) -> Kept:
    """Room for one scan.

    Parameters
    ----------
    data : Data
        The measured scan.
    state : State
        Its model.

    Returns
    -------
    Kept
    """
    n, h, w = data.measured.shape
    count, device = n if data.passes.FILLS_ROOM and not data.waves_apart else 0, data.weight.device
    waves = torch.empty((count, state.probe.shape[0], h, w), dtype=torch.complex64, device=device)
    return widened(data, Kept(waves, torch.empty((count, h, w), device=device), waves[:0]))


def widened(data: Data, kept: Kept) -> Kept:
    """The room with one for the probes of all frames, once these have fractions of a pixel."""
    if data.blocks[0].phases is None or len(kept.probes) or not len(kept.waves):
        return kept
    return replace(kept, probes=torch.empty_like(kept.waves))


@dataclass(frozen=True)
class Pulled:
    """What a likelihood asks of the model.

    Parameters
    ----------
    gradient : State
        For all unknowns; half of it, as is usual.
    moves : (n, 2) float32, or None
        Best moves of the frames by themselves.
    lift : (h, w) float32, or None
        Best change of the background by itself.
    waves, probes : list of Tensor
        Detector waves and probes of each block; empty where they are not kept.
    shown : (n or 0, h, w) float32
        `Kept.shown`.
    sums : (3,) float64
        Of `passes.pull`.
    slopes : two of (H, W) complex64, or None
        `moves.derivatives` of the object, where frames move.
    """

    gradient: State
    moves: Tensor | None
    lift: Tensor | None
    waves: list[Tensor]
    probes: list[Tensor]
    shown: Tensor
    sums: Tensor
    slopes: tuple[Tensor, Tensor] | None


def pulled(data: Data, state: State, kept: Kept, known: Soft | None, likelihood: fit.Likelihood) -> Pulled:
    """Gradient of a likelihood, and of what is known beforehand.

    Parameters
    ----------
    data : Data
        The measured scan, the reach of its frames, and what they tell of the background.
    state : State
        The model.
    kept : Kept
        Room; written.
    known : Soft, optional
        Prior of the object and evidence for positions.
    likelihood : Likelihood
        Whose gradient.

    Returns
    -------
    Pulled
    """
    image, probe = torch.zeros_like(state.object), torch.zeros_like(state.probe)
    sums = torch.zeros(3, dtype=torch.float64, device=image.device)
    waves: list[Tensor] = []
    lit: list[Tensor] = []
    beam, k, screen = beam_of(data, state), data.passes, screen_of(data, state)
    slopes = moves.derivatives(state.object) if data.reach else None
    asked: list[tuple[Tensor, Tensor]] = []
    dark = None if data.dark is None else torch.zeros(4, *data.weight.shape, device=image.device)
    for block in data.blocks:
        (exit_waves, spare, last, probes), maps = room_of(data, block)
        probes = probes_of(beam, block, out=kept.probes[block.frames] if len(kept.probes) else probes, spare=spare)
        wave = k.exit_waves(state.object, probes, block, out=exit_waves, spare=spare)
        wave = k.transform(wave, out=kept.waves[block.frames] if len(kept.waves) else None)
        if not data.waves_apart:
            waves.append(wave)
            if len(kept.probes) or not k.FILLS_ROOM:
                lit.append(probes)
        counts = data.measured[block.frames]
        if dark is not None:
            dark += k.background_sums(wave, counts, screen, spare=spare, maps=maps)
        shown = kept.shown[block.frames] if len(kept.shown) else None
        change, part = k.pull(wave, counts, screen, likelihood, shown=shown, spare=spare, maps=maps)
        sums += part
        change = k.back(change, out=last)
        if slopes is not None:
            asked.append(k.asked_moves(slopes, probes, block, change, spare=(exit_waves, spare)))
        k.object_overlap(probes, change, block, totals=(image, None), spare=spare)
        probe += asked_of_probe(data, beam, block, state.object, change)
    # The change is what the likelihood asks for; the gradient points the other way.
    image.neg_()
    if known is not None:
        image.add_(soft.pull(known, state.object))
    slope, step = moves.gradient(asked, data.around, _spread(state, known, likelihood))
    shade, lift = background.gradient(data, state, dark, likelihood)
    gradient = State(image, from_sum(data, probe).neg_(), positions=slope, background=shade)
    return Pulled(gradient, step, lift, waves, lit, kept.shown, sums, slopes)


def _spread(state: State, known: Soft | None, likelihood: fit.Likelihood) -> tuple[Tensor, Tensor] | None:
    """What evidence adds to the gradient for positions, and these; half the misfit is minus log p by 2, or by 4."""
    if known is None or known.evidence is None or state.positions is None:
        return None
    part = torch.where(likelihood.poisson, 0.5, 0.25)
    return part * known.evidence, state.positions.to(known.evidence.device)


def scaled(asked: Pulled, light: Light, damping: float) -> State:
    """The gradient divided by the light: what each pixel would do if the other arrays stood still.

    The object's pixels are divided by the counts that fall on them, the probe's by sum_j |O_j|^2, each a diagonal
    Gauss-Newton step; this balances object against probe and bright against dim regions at once.

    Parameters
    ----------
    asked : Pulled
        The gradient.
    light : Light
        Of object and probe.
    damping : float
        Part of the strongest light that is added to it everywhere.

    Returns
    -------
    State
        A direction.
    """
    image, probe = (
        part / (by + damping * by.max())
        for part, by in ((asked.gradient.object, light.dose), (asked.gradient.probe, light.cover))
    )
    return State(image, probe, positions=asked.moves, background=asked.lift)


def curvature(data: Data, state: State, direction: State, asked: Pulled, likelihood: fit.Likelihood) -> Tensor:
    """Second derivative of the misfit along a direction (half of it, like the gradient), from above.

    Parameters
    ----------
    data, state, likelihood
        As for `pulled`.
    direction : State
        Changes of all unknowns.
    asked : Pulled
        Of the same state.

    Returns
    -------
    () float64
    """
    total = torch.zeros((), dtype=torch.float64, device=data.weight.device)
    # The frames' factors are held, and so are the changes of the probe, which the direction therefore lacks.
    beam, turn = beam_of(data, state), beam_of(data, replace(direction, scale=state.scale))
    k, screen = data.passes, screen_of(data, state)
    for number, block in enumerate(data.blocks):
        (first, change, spare, turned), maps = room_of(data, block)
        probes = asked.probes[number] if asked.probes else probes_of(beam, block, out=spare, spare=first)
        turned = probes_of(turn, block, out=turned, spare=first)
        places = None
        if asked.slopes is not None and direction.positions is not None:
            places = asked.slopes, direction.positions[block.frames]
        change = k.turned_waves(
            (state.object, direction.object), (probes, turned), block, moves=places, out=change, spare=first
        )
        change = k.transform(change, out=first)
        wave = asked.waves[number] if asked.waves else k.transform(k.exit_waves(state.object, probes, block))
        shown = asked.shown[block.frames] if len(asked.shown) else None
        counts, dark = data.measured[block.frames], direction.background
        total += k.bend(wave, change, counts, screen, likelihood, dark=dark, shown=shown, spare=spare, maps=maps)
    # The transform here is sqrt(h w) times the orthonormal one; the gradient is that of the orthonormal.
    return total / data.weight.numel()
