"""Directions in all unknowns at once: their products, and which one is conjugate to the last."""

from dataclasses import replace

import torch
from torch import Tensor

from .state import State


def product(a: State, b: State) -> Tensor:
    """Real scalar product of two directions; in float64, for conjugacy is a difference of near equals."""
    total = real(a.object, b.object) + real(a.probe, b.probe)
    if a.background is not None and b.background is not None:
        total = total + (a.background * b.background).sum(dtype=torch.float64)
    if a.positions is None or b.positions is None:
        return total
    # What a checkpoint kept lies on the host.
    return total + (a.positions.to(b.positions.device) * b.positions).sum(dtype=torch.float64)


def real(a: Tensor, b: Tensor) -> Tensor:
    """Real scalar product of two fields, () float64."""
    total: Tensor = torch.mul(a, b.conj()).real.sum(dtype=torch.float64)
    return total


def share(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Quotient as float32; zero where the denominator is not above zero."""
    return torch.where(denominator > 0, numerator / denominator, 0.0).to(torch.float32)


def conjugate(gradient: State | None, last: State | None, square: Tensor | None, scaled: State, power: Tensor) -> State:
    """The search direction: the preconditioned gradient, with as much of the last direction as Polak and Ribiere say.

    Parameters
    ----------
    gradient, last : State, optional
        Gradient and direction of the last iteration; none at the first.
    square : () float64, optional
        Product of the last gradient with itself preconditioned; zero where its direction is of no use.
    scaled : State
        The preconditioned gradient.
    power : () float64
        Its product with the gradient.

    Returns
    -------
    State
        The preconditioned gradient alone where the last direction knew other unknowns.

    References
    ----------
    Polak & Ribiere, Rev. Fr. Inform. Rech. Oper. 16, 35 (1969), with the restart of Powell.
    """
    if gradient is None or last is None or square is None or _unknowns(last) != _unknowns(scaled):
        return scaled
    beta = share(power - product(gradient, scaled), square).clamp_(min=0)
    direction = State(scaled.object + beta * last.object, scaled.probe + beta * last.probe)
    if scaled.background is not None and last.background is not None:
        direction = replace(direction, background=scaled.background + beta * last.background)
    if scaled.positions is None or last.positions is None:
        return direction
    return replace(direction, positions=scaled.positions + beta * last.positions.to(beta.device))


def _unknowns(direction: State) -> tuple[bool, bool]:
    return direction.positions is not None, direction.background is not None
