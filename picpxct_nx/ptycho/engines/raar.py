"""Relaxed averaged alternating reflections: the difference map held back towards the overlap constraint."""

from collections.abc import Hashable
from dataclasses import dataclass

from torch import Tensor

from picpxct_nx.ptycho import reflections
from picpxct_nx.ptycho.state import Data, State

POSITIONS = "held"


@dataclass(frozen=True)
class Params(reflections.Reflecting):
    """How it runs: `reflections.Reflecting`, and `beta`.

    Parameters
    ----------
    beta : float
        Weight of the difference map's iterate, above 0 and at most 1; the rest is the product of probe and object.
    """

    beta: float = 0.9
    relaxation: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.beta <= 1:
            raise ValueError(f"beta {self.beta:g}; wanted above 0 and at most 1")


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
    """One iteration, psi_j <- beta (psi_j + Pi_F(2 P O_j - psi_j) - P O_j) + (1 - beta) P O_j.

    Parameters and results are those of `reflections.reflect`.

    References
    ----------
    Luke, Inverse Problems 21, 37 (2005), equation 18, with the reflections in the order of the difference map.
    """
    state, after, misfit = reflections.reflect(data, state, memory, params, beta=params.beta)
    return state, Memory(**vars(after)), misfit
