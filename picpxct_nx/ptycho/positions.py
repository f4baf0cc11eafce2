"""Positions from the misfit: a damped Gauss-Newton step a frame, and the affine map they may share."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .model import Positions

# Part of the mean curvature of all frames that damps each: a frame on an even region says nothing about its place.
DAMPING = 0.02
# The same for an affine map, which all frames together tell.
LEAST = 1e-6


@dataclass(frozen=True)
class Affine:
    """How found positions are mapped from given ones, all small: d = [[s + a, h - r], [h + r, s - a]] (x - mean x).

    Parameters
    ----------
    scale, asymmetry, shear : float
        s, a and h; relative.
    rotation : float
        r, radian; positive from rows towards columns.
    """

    scale: float
    asymmetry: float
    rotation: float
    shear: float


def moved(
    given: Tensor, positions: Tensor, velocity: Tensor, step: Tensor, params: Positions, room: Tensor
) -> tuple[Tensor, Tensor]:
    """Positions after one step, and their velocity.

    The mean of all is kept where it was given: a common move is one of the object.

    Parameters
    ----------
    given, positions, velocity, step : (n, 2) float64, on the host
        Where the frames were said to be, where they are, their last move, and the Gauss-Newton step.
    params : Positions
        How to move.
    room : (2,) float64
        Largest corner that leaves the window inside the object.

    Returns
    -------
    positions, velocity : (n, 2) float64
    """
    move = (params.friction * velocity + params.step * step).clamp(-params.max_step, params.max_step)
    away = positions + move - given
    away = away - away.mean(0)
    found = within(given, away, params, room)
    return found, found - positions


def within(given: Tensor, away: Tensor, params: Positions, room: Tensor) -> Tensor:
    """Positions some pixels away from given ones, as far as limit and room let them.

    Free frames are stopped each by itself. An affine map, which is made of what is nearly one, is shrunk along an axis
    until no frame is too far, so that it stays one.

    Parameters
    ----------
    given, away : (n, 2) float64, on the host
        Where the frames were said to be, and how far from there they are.
    params, room
        As for `moved`.

    Returns
    -------
    (n, 2) float64
    """
    if params.geometry == "affine":
        around = given - given.mean(0)
        away = _mapped(around, torch.linalg.pinv(_moment(around, around), hermitian=True) @ _moment(around, away))
        # How far each may go in the direction in which it goes.
        free = torch.where(away < 0, given, room - given).clamp(min=0, max=params.limit)
        return given + away * _part(free, away)
    # Rounding takes half a pixel to the neighbour, so the last corner is half a pixel out.
    return (given + away.clamp(-params.limit, params.limit)).clamp(min=torch.zeros(2), max=room)


def shrunk(moves: Tensor, longest: float) -> Tensor:
    """Moves (n, 2) of all frames, along each axis as much shorter as it takes that none is longer."""
    return moves * _part(torch.full_like(moves, longest), moves)


def _part(most: Tensor, wanted: Tensor) -> Tensor:
    """Part of what is wanted along each axis that keeps all frames below the most, (2,)."""
    over = wanted.abs() > most
    return torch.where(over, most / torch.where(over, wanted.abs(), 1.0), 1.0).amin(0)


def _moment(a: Tensor, b: Tensor) -> Tensor:
    """a^T b of two (n, 2), always to the same bits: a product of matrices rounds as they lie in memory."""
    return (a[:, :, None] * b[:, None]).sum(0)


def _mapped(around: Tensor, by: Tensor) -> Tensor:
    """Product x B of (n, 2) and (2, 2), likewise."""
    return (around[:, :, None] * by).sum(1)


def gauss_newton(slope: Tensor, curvature: Tensor) -> Tensor:
    """Steps (C + d I)^-1 s, damped by a part d of the mean curvature of all frames.

    Parameters
    ----------
    slope : (n, 2)
        s, `Sums.slope`.
    curvature : (n, 2, 2)
        C, `Sums.curvature`.

    Returns
    -------
    (n, 2) float64, pixels
    """
    slope, curvature = slope.to(torch.float64), curvature.to(torch.float64)
    mean = curvature.diagonal(dim1=1, dim2=2).mean()
    if not mean > 0:
        return torch.zeros_like(slope)
    damped = curvature + DAMPING * mean * torch.eye(2, dtype=torch.float64, device=slope.device)
    step: Tensor = torch.linalg.solve(damped, slope[..., None])[..., 0]
    return step


def affine_step(slope: Tensor, curvature: Tensor, around: Tensor) -> Tensor:
    """The Gauss-Newton step x B of an affine map of all frames, for the same misfit as `gauss_newton`.

    Parameters
    ----------
    slope : (n, 2)
        s.
    curvature : (n, 2, 2)
        C.
    around : (n, 2) float64
        x, given positions about their mean.

    Returns
    -------
    (n, 2) float64, pixels; zero along what no frame tells, as across a scan along a line.
    """
    slope, curvature = slope.to(torch.float64), curvature.to(torch.float64)
    # Unknowns are B_rc, moves x_r B_rc along c.
    outer = around[:, :, None] * around[:, None]
    matrix = (outer[:, :, None, :, None] * curvature[:, None, :, None]).sum(0).reshape(4, 4)
    mean = matrix.diagonal().mean()
    matrix = matrix + torch.where(mean > 0, LEAST * mean, 1.0) * torch.eye(4, dtype=matrix.dtype, device=matrix.device)
    return _mapped(around, torch.linalg.solve(matrix, _moment(around, slope).reshape(4)).reshape(2, 2))


def spread(pull: Tensor, place: Tensor, curvature: Tensor) -> Tensor:
    """Gradient for all positions that along any linear map of them is given, by frames that know their place.

    Parameters
    ----------
    pull : (2, 2) float64
        The gradient for the map, by the transpose of its matrix.
    place : (n, 2) float64
        Positions.
    curvature : (n, 2, 2)
        `passes.asked_moves`. A frame takes its share: one that sees nothing, and is held by nothing, would walk off.

    Returns
    -------
    (n, 2) float64, without a mean
    """
    weight = curvature.diagonal(dim1=1, dim2=2).sum(1, keepdim=True).double()
    weight = weight / weight.sum().clamp(min=torch.finfo(torch.float32).tiny)
    around = place - (weight * place).sum(0)
    # Where a scan lies on a line, nothing is asked across it.
    by = torch.linalg.pinv(_moment(around, weight * around), hermitian=True) @ pull
    return weight * _mapped(around, by)


def affine(given: NDArray[np.float64], found: NDArray[np.float64]) -> Affine:
    """Affine map that takes given positions nearest to found ones.

    Parameters
    ----------
    given, found : (n, 2) float64
        Positions.

    Returns
    -------
    Affine
    """
    around, away = given - given.mean(0), found - given
    by = np.linalg.lstsq(around, away - away.mean(0), rcond=None)[0].T
    return Affine(
        scale=float(by[0, 0] + by[1, 1]) / 2,
        asymmetry=float(by[0, 0] - by[1, 1]) / 2,
        rotation=float(by[1, 0] - by[0, 1]) / 2,
        shear=float(by[1, 0] + by[0, 1]) / 2,
    )
