"""Moves of the frames as unknowns beside object and probe: what a likelihood asks of them, and what they change.

A frame that is moved by d sees O + d dO/dr through the same probe: its exit wave changes by P d dO/dr. So positions
are one more linear part of the model, and conjugate gradients can take all three at once; moved in turn with the
object, each step of the one waits for the other to give way.
"""

import torch
from torch import Tensor

from . import positions
from .state import Data


def derivatives(image: Tensor) -> tuple[Tensor, Tensor]:
    """Derivatives of an image along rows and columns, by five-point differences; it wraps at its dark edges.

    Parameters
    ----------
    image : (H, W) complex64
        Object.

    Returns
    -------
    two of (H, W) complex64, 1/px
    """
    found = []
    for axis in (0, 1):
        near, far = (image.roll(-by, axis) - image.roll(by, axis) for by in (1, 2))
        found.append((8 * near - far) / 12)
    return found[0], found[1]


def gradient(
    found: list[tuple[Tensor, Tensor]], around: Tensor | None, pull: tuple[Tensor, Tensor] | None = None
) -> tuple[Tensor, Tensor] | tuple[None, None]:
    """Half the misfit's gradient for all positions, and the same by damped Newton steps of each frame or of one map.

    Both are without their mean, for a common move is one of the object.

    Parameters
    ----------
    found : list of two of Tensor
        `passes.asked_moves` of all blocks in order; empty where frames rest.
    around : (n, 2) float64, or None
        `Data.around`; the step then is an affine map of it.
    pull : (2, 2) float64 and (n, 2) float64, optional
        `evidence.learn` on the scale of half the misfit, and the positions.

    Returns
    -------
    two of (n, 2) float32, counts a pixel and pixels; or twice None.
    """
    if not found:
        return None, None
    slope, curvature = (torch.cat(parts) for parts in zip(*found, strict=True))
    slope = slope.mean(0) - slope
    if pull is not None:
        slope = slope + positions.spread(*pull, curvature).to(slope)
    if around is not None:
        return slope, positions.affine_step(slope, curvature, around).to(torch.float32)
    step = positions.gauss_newton(slope, curvature).to(torch.float32)
    return slope, step - step.mean(0)


def limited(length: Tensor, direction: Tensor, data: Data) -> Tensor:
    """Moves of the frames by a length along a direction, none longer than `Data.reach` along an axis.

    Returns
    -------
    (n, 2) float64, on the host; all the shorter where they are an affine map, which they stay.
    """
    found = (-length * direction).cpu().to(torch.float64)
    return found.clamp(-data.reach, data.reach) if data.around is None else positions.shrunk(found, data.reach)
