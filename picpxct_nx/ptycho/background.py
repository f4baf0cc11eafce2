"""The detector's background as an unknown: what the frames together ask of it, smoothed, and never below zero.

An object that may be anything takes background for faint light of its own: noise in what it sends to a dark pixel is
light too, B counts there grow sqrt(2 B / R) of it where R measurements come on one unknown, and the most likely
background is too small by as much. How much of the modelled light is light the variance of the frames tells (`dark`).
What a pixel tells is shared with the pixels around, for under the beam nobody can tell background from light.
"""

from dataclasses import replace

import torch
from torch import Tensor

from .blur import smooth, spread
from .dark import genuine, steadiness
from .fit import Likelihood
from .state import Dark, Data, State

# Part of the largest certainty that stays in a pixel's denominator, so that nothing runs away under the beam.
LEAST_CERTAINTY = 1e-3


def asked(data: Data, dark: Dark, background: Tensor, sums: Tensor) -> tuple[Tensor, Tensor]:
    """What the frames together ask of every pixel, whatever the likelihood of the object.

    With y = |Psi|^2, x = y + B and K frames it is sum_j (x - n) / x less the light that is none, (1 - g) sum_j y / x.
    In the beam, where a per cent of the light is more than all background, g is not known so well: there the latter
    counts by as little as is not light of x, 1 - g y / x.

    Parameters
    ----------
    data, dark, sums
        As for `genuine`.
    background : (h, w) float32
        h w B.

    Returns
    -------
    slope : (h, w) float32
        Zero where nothing is measured, and where a pixel without background is asked for less.
    certainty : (h, w) float32
        sum_j 1 / x, its derivative as the model expects it.

    References
    ----------
    Wedderburn, Biometrika 61, 439 (1974): an estimate that knows mean and variance of the counts alone. The roots of
    sparse counts, which the Gaussian likelihood of the object compares, have another mean than the root of the mean.
    """
    n, part = len(data.measured), genuine(data, dark, sums)
    counts, certainty = sums[0], sums[1] * data.weight
    light = 1 - (background * sums[1] / n).clamp(max=1)
    slope = (n - counts - (1 - part) * (1 - part * light) * light * n) * data.weight
    return _kept_above(background, slope), certainty


def gradient(
    data: Data, state: State, sums: Tensor | None, likelihood: Likelihood
) -> tuple[Tensor, Tensor] | tuple[None, None]:
    """Half the misfit's gradient for the background, and the same by Fisher's scoring of a smooth map.

    The gradient is k / (4 h w) of what is `asked`, half the second derivative k sum_j 1 / x_j / (4 h w), with k = 1
    (Gaussian) or 2 (Poisson); but for light that is none these are the derivatives of the Poisson likelihood.

    Parameters
    ----------
    data : Data
        The scan, with what is told of the background.
    state : State
        With the background.
    sums : (4, h, w) float32, or None
        Sums over all frames, `passes.background_sums`; None where the background is held.
    likelihood : Likelihood
        That of the object.

    Returns
    -------
    two of (h, w) float32, 1 / (h w counts) and h w counts; or twice None.
    """
    if sums is None or data.dark is None or state.background is None:
        return None, None
    slope, certainty = asked(data, data.dark, state.background, sums)
    step = scored(slope, certainty, data.weight, data.dark.width)
    step = _kept_above(state.background, step)
    return slope * (torch.where(likelihood.poisson, 2.0, 1.0) / (4 * data.weight.numel())), step


def scored(slope: Tensor, certainty: Tensor, weight: Tensor, width: float) -> Tensor:
    """Step of Fisher's scoring of a smooth map B = S b, for every b by itself: S (S^T slope / S^T certainty).

    No step goes too far: as no weight of S is below zero and each row has the sum 1, S^T H is the curvature by b_p and
    all that couples it to the others together.

    Parameters
    ----------
    slope, certainty : (h, w) float32
        Derivative and second derivative H by every pixel.
    weight : (h, w) float32
        1 where measured, 0 elsewhere.
    width : float
        Standard deviation in pixels of the Gaussian S; 0 for none.

    Returns
    -------
    (h, w) float32

    References
    ----------
    De Pierro, IEEE Trans. Med. Imaging 14, 132 (1995), for the bound that takes unknowns apart.
    """
    return smooth(spread(slope, width) / floored(spread(certainty, width)), width) * weight


def allowed(state: State, direction: State) -> State:
    """A direction that asks for no less of a pixel that has no background."""
    if direction.background is None or state.background is None:
        return direction
    return replace(direction, background=_kept_above(state.background, direction.background))


def _kept_above(background: Tensor, asked: Tensor) -> Tensor:
    """What is asked for against its sign, zero where that is less of a background that is zero."""
    return torch.where((background <= 0) & (asked > 0), 0.0, asked)


def stepped(state: State, direction: State, length: Tensor) -> State:
    """State whose background has gone a length against a direction, as far as zero."""
    if direction.background is None or state.background is None:
        return state
    return replace(state, background=(state.background - length * direction.background).clamp_(min=0))


def begun(data: Data, state: State, dark: Dark, sums: Tensor) -> State:
    """State with a background to begin with: what the frames show on average beyond the modelled light that is light.

    Parameters
    ----------
    data, dark, sums
        As for `genuine`.
    state : State
        Without a background.

    Returns
    -------
    State
    """
    beyond = dark.mean - genuine(data, dark, sums) * sums[2] / len(data.measured)
    certainty = steadiness(data, dark)
    mean = spread(beyond * certainty, dark.width) / floored(spread(certainty, dark.width))
    return replace(state, background=mean.clamp_(min=0) * data.weight)


def improved(data: Data, state: State, dark: Dark, sums: Tensor, part: float) -> State:
    """State after a part of a step of the background alone, the object held; the first one begins it."""
    if state.background is None:
        return begun(data, state, dark, sums)
    step = scored(*asked(data, dark, state.background, sums), data.weight, dark.width)
    return replace(state, background=(state.background - part * step).clamp_(min=0))


def floored(certainty: Tensor) -> Tensor:
    """Certainties not below a part of the largest, and never zero."""
    least = (LEAST_CERTAINTY * certainty.amax()).clamp(min=torch.finfo(certainty.dtype).tiny)
    return certainty.clamp(min=least)
