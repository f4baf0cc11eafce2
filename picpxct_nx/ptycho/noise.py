"""Whether the model fits the frames as well as Poisson counts allow: what decides between the likelihoods.

At bright pixels the two likelihoods agree. At dark ones Poisson is worth a third of the object error where the counts
are Poisson counts of the model, and harmful where they are not: readout noise, a background, light that the model
does not know. A model that explains the bright pixels to their Poisson noise is trusted with the dark ones.
"""

import torch
from torch import Tensor

from . import fit

# Expected counts from which on the root of a count has the variance 1/4.
BRIGHT = 4.0
# Chi-square below which the counts are taken for Poisson counts: simulated scans end at 0.9 to 1.05 and pass it within
# a few iterations; a real one with modes or positions amiss stays above 2.
POISSON_BELOW = 1.5


def bright_misfit(squares: Tensor, over: Tensor, weight: Tensor) -> Tensor:
    """Sum of 4 (sqrt m - sqrt n)^2 over the measured pixels with m of `BRIGHT` counts or more, and their number.

    Parameters
    ----------
    squares : (n, h, w) real
        |Psi|^2 = h w m.
    over : (n, h, w) real
        |Psi| - sqrt(h w n), `fit.excess`.
    weight : (h, w) real
        1 where measured, 0 elsewhere.

    Returns
    -------
    (2,) float64
    """
    size = weight.numel()
    bright = (squares >= BRIGHT * size).to(over.dtype)
    apart = fit.weighted_sum(over.square().mul_(bright), weight)
    return torch.stack([apart * (4 / size), fit.weighted_sum(bright, weight)])


def ratio(sums: Tensor) -> float:
    """Chi-square a pixel from sums of `bright_misfit`; 1 where no pixel is bright."""
    total, number = sums.tolist()
    return total / number if number else 1.0


def fits(sums: Tensor) -> Tensor:
    """Whether the bright pixels fit as Poisson counts allow, from sums of `bright_misfit`; () bool on their device."""
    # Where no pixel is bright, chi-square is 1.
    return (sums[0] < POISSON_BELOW * sums[1]) | (sums[1] == 0)
