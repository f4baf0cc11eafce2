"""Difference map: exit waves that agree with the frames and with one object and one probe."""

from collections.abc import Hashable
from dataclasses import dataclass

from torch import Tensor

from picpxct_nx.ptycho import reflections
from picpxct_nx.ptycho.state import Data, State

POSITIONS = "held"


@dataclass(frozen=True)
class Params(reflections.Reflecting):
    """How the difference map runs, `reflections.Reflecting`."""


@dataclass(frozen=True)
class Memory(reflections.ExitWaves):
    """What one iteration leaves to the next."""


def init(data: Data, state: State, params: Params, iterations: int) -> Memory:
    """Exit waves of the start object and probe, `reflections.start_waves`."""
    return Memory(**vars(reflections.start_waves(data, state, params, iterations)))


def phase(memory: Memory, params: Params) -> Hashable:
    """What the next iteration does besides the work on its tensors, `reflections.phase`."""
    return reflections.phase(memory, params)


def step(data: Data, state: State, memory: Memory, params: Params) -> tuple[State, Memory, Tensor]:
    """One iteration, psi_j <- psi_j + Pi_F(2 P O_j - psi_j) - P O_j, then object and probe.

    Parameters and results are those of `reflections.reflect`.

    References
    ----------
    Thibault et al., Ultramicroscopy 109, 338 (2009), equations 5 to 9.
    """
    state, after, misfit = reflections.reflect(data, state, memory, params)
    return state, Memory(**vars(after)), misfit
