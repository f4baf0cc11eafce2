"""Incoherent modes of the probe: where they start, and in which of their equivalent bases they are given."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .problem import Problem
from .state import State

# Power of a further mode at the start, relative to the strongest: enough to grow from, little enough to do no harm.
START_POWER = 0.2


def with_modes(problem: Problem, count: int) -> Problem:
    """The problem with another number of start modes.

    Further modes start as Hermite polynomials of rising order, in the widths of the first mode about its middle, times
    the first mode, made orthogonal: a beam that wavers has just such modes.

    Parameters
    ----------
    problem : Problem
        The scan.
    count : int
        Modes wanted; 0 leaves those that are given. Of more modes that are given the first ones are taken.

    Returns
    -------
    Problem
    """
    given = problem.probe
    if count in (0, len(given)):
        return problem
    if count < len(given):
        return replace(problem, probe=given[:count])
    modes = [mode.astype(np.complex128) for mode in given]
    power = START_POWER * float(np.linalg.norm(modes[0])) ** 2
    orders = ((row, total - row) for total in range(1, 2 * count) for row in range(total, -1, -1))
    for order in orders:
        further = _hermite(modes[0], order)
        # Twice: once leaves what rounding made of a near copy.
        for mode in modes * 2:
            further -= mode * (np.vdot(mode, further) / np.vdot(mode, mode))
        norm = float(np.linalg.norm(further))
        if norm > 1e-3 * float(np.linalg.norm(modes[0])):
            modes.append(further * (power**0.5 / norm))
        if len(modes) == count:
            break
    return replace(problem, probe=np.stack(modes).astype(np.complex64))


def _hermite(mode: NDArray[np.complex128], order: tuple[int, int]) -> NDArray[np.complex128]:
    """Mode times a Hermite polynomial along rows and columns, in standard deviations of its intensity."""
    dose = np.abs(mode) ** 2 / np.sum(np.abs(mode) ** 2)
    result = mode.copy()
    for axis, degree in enumerate(order):
        profile, place = dose.sum(1 - axis), np.arange(dose.shape[axis])
        middle = float(profile @ place)
        width = max(1.0, float(profile @ (place - middle) ** 2) ** 0.5)
        polynomial = np.polynomial.hermite_e.hermeval((place - middle) / width, [0] * degree + [1])
        result *= polynomial[:, None] if axis == 0 else polynomial
    return result


def orthogonal(state: State) -> State:
    """The same model in orthogonal modes, the strongest first.

    With the modes as rows of P and P P^H = U diag(p) U^H, U^H P has orthogonal modes of the powers p and shows the same
    intensities; changes of the probe turn with it.

    Parameters
    ----------
    state : State
        Any modes.

    Returns
    -------
    State
        The input itself where there is one mode.

    References
    ----------
    Thibault & Menzel, Nature 494, 68 (2013), methods; Odstrcil et al., Opt. Express 24, 8360 (2016), section 2.
    """
    if state.probe.shape[0] == 1:
        return state
    flat = state.probe.flatten(1).to(torch.complex128)
    _, turn = torch.linalg.eigh(flat @ flat.mH)
    turn = turn.flip(1)
    # A mode's phase is free; its largest part keeps the one it had.
    largest = turn.gather(0, turn.abs().argmax(0, keepdim=True))
    turn = (turn * (largest.abs() / largest)).mH.to(torch.complex64)
    return replace(
        state,
        probe=_turned(turn, state.probe),
        variation=None if state.variation is None else _turned(turn, state.variation),
    )


def _turned(turn: Tensor, modes: Tensor) -> Tensor:
    """Modes (..., m, h, w) mixed by a unitary matrix (m, m)."""
    return (turn @ modes.flatten(-2)).reshape(modes.shape)


def powers(probe: NDArray[np.complex64]) -> NDArray[np.float64]:
    """Part of the power in each mode, (modes,)."""
    power: NDArray[np.float64] = (np.abs(probe.astype(np.complex128)) ** 2).sum((1, 2))
    return np.asarray(power / power.sum())
