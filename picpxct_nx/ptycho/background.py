"""The detector's background as an unknown: what the frames together ask of it, smoothed, and never below zero.

An object that may be anything takes background for faint light of its own: noise in what it sends to a dark pixel is
light too, B counts there grow sqrt(2 B / R) of it where R measurements come on one unknown, and the most likely
background is too small by as much. But light of an object differs from frame to frame, and background does not: how
much the counts of a pixel vary beyond Poisson statistics tells how much of the modelled light there is. What a pixel
tells is shared with the pixels around, for under the beam nobody can tell the two apart.
"""

from dataclasses import replace

import torch
from torch import Tensor

from .fit import Likelihood
from .state import Dark, Data, State

# Width in pixels over which the frames' variance is compared with the model's: one pixel of 50 frames tells it to a
# fifth, and a bright one shall not speak for a dark one far from it. Of 2, 3, 5 and 8 it left the smallest errors.
VARIANCE_WIDTH = 2.0
# Part of the largest certainty that stays in a pixel's denominator, so that nothing runs away under the beam.
LEAST_CERTAINTY = 1e-3


def told(data: Data, width: float) -> Dark:
    """What the frames tell of the background without a model: their mean, and how much more they vary than counts.

    Parameters
    ----------
    data : Data
        The measured scan.
    width : float
        Standard deviation in pixels of the Gaussian that smooths the background.

    Returns
    -------
    Dark
    """
    n, h, w = data.measured.shape
    sums = torch.zeros(2, h, w, dtype=torch.float64, device=data.weight.device)
    for block in data.pieces():
        counts = data.amplitude(block.frames).double().square_()
        sums[0] += counts.sum(0)
        sums[1] += counts.square_().sum(0)
    mean = sums[0] / n
    excess = (sums[1] - n * mean.square()) / max(1, n - 1) - mean * (h * w)
    return Dark(width, mean.to(torch.float32), excess.to(torch.float32))


def genuine(data: Data, dark: Dark, sums: Tensor) -> Tensor:
    """Part of the modelled light that is light: as that of all frames varies, so must their counts.

    g^2 = (var n - mean n) / var y, both smoothed. The standard deviation of speckle is in proportion to its mean, so
    that g times the modelled light is the light. Where the model has no light that varies g is 1.

    Parameters
    ----------
    data, dark
        The scan, and what its frames tell.
    sums : (4, h, w) float32
        Sums over all frames, `passes.background_sums`.

    Returns
    -------
    (h, w) float32
        g, 0 to 1.

    References
    ----------
    Goodman, Speckle Phenomena in Optics (2007), section 3.2, for the contrast of speckle.
    """
    n, weight = len(data.measured), steadiness(data, dark)
    light, squares = sums[2], sums[3]
    varies = (squares - light.square() / n).clamp_(min=0) / max(1, n - 1)
    top, bottom = (spread(part * weight, VARIANCE_WIDTH) for part in (dark.excess, varies))
    found: Tensor = torch.where(bottom > 0, top / bottom, 1.0).clamp_(0, 1).sqrt_()
    return found


def steadiness(data: Data, dark: Dark) -> Tensor:
    """One over the variance that a variance of Poisson counts has, (h, w) float32; zero where nothing is measured."""
    # One count more than all frames had: a pixel without any would speak for all around.
    mean = dark.mean / data.weight.numel() + 1 / len(data.measured)
    return data.weight / (2 * mean.square() + mean)


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
    return torch.where((background <= 0) & (slope > 0), 0.0, slope), certainty


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
    step = torch.where((state.background <= 0) & (step > 0), 0.0, step)
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
    inside = (state.background > 0) | (direction.background < 0)
    return replace(direction, background=torch.where(inside, direction.background, 0.0))


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


def kernel(size: int, width: float, like: Tensor) -> Tensor:
    """Gaussian means along one axis of the detector, weights that would lie beside it shared among the others.

    Parameters
    ----------
    size : int
        Pixels, zero frequency first.
    width : float
        Standard deviation, pixels.
    like : Tensor
        On whose device.

    Returns
    -------
    (size, size) float32, each row with the sum 1
    """
    # The detector ends in the middle of the array, and its other end is no neighbour.
    place = torch.fft.fftfreq(size, 1 / size, device=like.device)
    found = torch.exp(-((place[:, None] - place) / width).square() / 2)
    return found / found.sum(1, keepdim=True)


def smooth(image: Tensor, width: float) -> Tensor:
    """S times a detector image: Gaussian means of it.

    Parameters
    ----------
    image : (h, w) float32
        Zero frequency at the corner.
    width : float
        Standard deviation, pixels; 0 changes nothing.

    Returns
    -------
    (h, w) float32
    """
    if not width:
        return image
    rows, columns = (kernel(size, width, image) for size in image.shape)
    return rows @ image @ columns.mT


def spread(image: Tensor, width: float) -> Tensor:
    """S^T times a detector image, the adjoint of `smooth`: what falls on a pixel is shared among those around."""
    if not width:
        return image
    rows, columns = (kernel(size, width, image) for size in image.shape)
    return rows.mT @ image @ columns


def floored(certainty: Tensor) -> Tensor:
    """Certainties not below a part of the largest, and never zero."""
    least = (LEAST_CERTAINTY * certainty.amax()).clamp(min=torch.finfo(certainty.dtype).tiny)
    return certainty.clamp(min=least)
