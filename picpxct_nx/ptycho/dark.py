"""What the frames tell of the detector's background by their variance, which faint light of an object raises.

Light of an object differs from frame to frame, and background does not: how much the counts of a pixel vary beyond
Poisson statistics tells how much of the modelled light there is.
"""

from dataclasses import replace

import torch
from torch import Tensor

from .blur import spread
from .state import Dark, Data

# Width in pixels over which the frames' variance is compared with the model's: one pixel of 50 frames tells it to a
# fifth, and a bright one shall not speak for a dark one far from it. Of 2, 3, 5 and 8 it left the smallest errors.
VARIANCE_WIDTH = 2.0
# Which part of the detector tells the unit of the counts, from how many frames on, and below which it is believed: ten
# frames tell a variance over some pixels to a tenth.
LOW = 0.1
FEWEST_FRAMES = 10
PLAINLY_LESS = 0.75


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
    variance = (sums[1] - n * mean.square()) / max(1, n - 1)
    poisson = Dark(width, mean.to(torch.float32), (variance - mean * (h * w)).to(torch.float32))
    return replace(poisson, excess=poisson.excess + (1 - unit(data, poisson)) * poisson.mean * (h * w))


def unit(data: Data, dark: Dark) -> Tensor:
    """By how much the counts of dark pixels vary, in units of their mean: 1 but for frames that are plainly no counts.

    Frames that were averaged or divided vary less than their mean, the darkest parts of the detector by what a count
    became. Taken for Poisson counts their faint light would be background.

    Parameters
    ----------
    data, dark
        The scan, and what its frames tell, their excess by Poisson statistics.

    Returns
    -------
    () float32
    """
    size, weight = data.weight.numel(), steadiness(data, dark)
    top, bottom = (spread(part * weight, VARIANCE_WIDTH) for part in (dark.excess, dark.mean * size))
    lit = (data.weight > 0) & (bottom > 0)
    if len(data.measured) < FEWEST_FRAMES or not bool(lit.any()):
        return torch.ones((), device=lit.device)
    found = 1 + torch.quantile((top / bottom)[lit], LOW)
    return torch.where(found < PLAINLY_LESS, found, 1.0)


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
