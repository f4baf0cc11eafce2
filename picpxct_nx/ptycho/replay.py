"""Steps of an engine as a recorded graph of a GPU: hundreds of launches for the price of one.

A step may be recorded where its work depends on nothing but the tensors of state and memory, and on its `phase`. The
graph reads inputs of its own, into which each step's are copied; what an engine changes in place stays where it is.
Engines that go through a scan in batches have the work on a batch recorded (`Batchwise`).
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, fields, is_dataclass, replace
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from .blocks import Block, part_of
from .state import Data, State


@dataclass(frozen=True)
class _Graph:
    """A recorded step: what it reads, what it leaves, and the graph between them."""

    graph: Any
    given: tuple[State, Any]
    left: tuple[State, Any, Tensor]


class Steps:
    """The steps of one engine on one scan, replayed on a GPU where they can be."""

    def __init__(self, engine: ModuleType, params: Any, *, record: bool) -> None:
        self._engine, self._params, self._record = engine, params, record
        self._graphs: dict[Hashable, _Graph | None] = {}
        self._known: tuple[Any, Any] = (None, None)
        self._pool: Any = None

    def __call__(self, data: Data, state: State, memory: Any) -> tuple[State, Any, Tensor]:
        """One step, as the engine's `step`."""
        # Frames that the engine moves are at other places each time.
        phase = self._engine.phase(memory, self._params) if self._record and not data.reach else None
        if phase is None:
            return self._plain(data, state, memory)
        if data.blocks is not self._known[0] or data.dark is not self._known[1]:
            # A graph knows the frames by the places where they were, and what they tell of the background.
            self._graphs.clear()
            self._pool = None
            self._known = (data.blocks, data.dark)
        # What was not there yet when a graph was recorded has no place in it.
        kind = (phase, _form((state, memory)))
        if kind not in self._graphs:
            # The first step of a kind compiles kernels and plans transforms, which cannot be recorded.
            self._graphs[kind] = None
            return self._plain(data, state, memory)
        graph = self._graphs[kind]
        if graph is None:
            graph = self._graphs[kind] = self._recorded(data, state, memory)
        _copy(graph.given, (state, memory))
        graph.graph.replay()
        # The next replay writes over what this one left.
        state, after, misfit = _own(graph.left)
        return state, replace(after, iteration=memory.iteration + 1), misfit

    def _plain(self, data: Data, state: State, memory: Any) -> tuple[State, Any, Tensor]:
        found: tuple[State, Any, Tensor] = self._engine.step(data, state, memory, self._params)
        return found

    def _recorded(self, data: Data, state: State, memory: Any) -> _Graph:
        given = _own((state, memory))
        graph = torch.cuda.CUDAGraph()
        # What one graph needs on its way the next one may use again, for they never run together.
        with torch.cuda.graph(graph, pool=self._pool):
            left = self._engine.step(data, *given, self._params)
        self._pool = graph.pool()
        return _Graph(graph, given, left)


class Batchwise:
    """Work on one batch of frames after the other that changes object and probe in place.

    On a GPU it is done on tensors of its own, so that it can be recorded: once for each size of batch and each `kind`
    of work, when it is done for the second time.

    Parameters
    ----------
    work : callable
        Given data, the state to change, a block of frames, a () float64 tensor to which the misfit is added, and kind.
    """

    def __init__(self, work: Callable[[Data, State, Block, Tensor, Any], None]) -> None:
        self._work = work
        self._graphs: dict[Hashable, tuple[Tensor, Any]] = {}
        self._held: Any = None
        self._pool: Any = None
        self.misfit = torch.zeros((), dtype=torch.float64)

    def begin(self, data: Data, state: State, order: list[int]) -> State:
        """Take a state; what is returned is what the work changes. `order` is that of the frames in all batches."""
        self._data, self._record = data, data.recordable
        if not self._record:
            self._state = replace(state, object=state.object.clone(), probe=state.probe.clone())
            self._block = data.block(order)
            self.misfit = torch.zeros((), dtype=torch.float64, device=data.weight.device)
            return self._state
        tables = _tables(data)
        if self._held is None or _form((state, tables)) != _form(self._held):
            self._held = _own((state, tables))
            self.misfit = torch.zeros((), dtype=torch.float64, device=data.weight.device)
            self._graphs.clear()
            self._pool = None
        _copy(self._held, (state, tables))
        self.misfit.zero_()
        self._state = self._held[0]
        self._order = torch.tensor(order).to(data.weight.device)
        return self._state

    def visit(self, inside: slice, kind: Hashable = None) -> None:
        """Work on one part of the order."""
        if not self._record:
            self._work(self._data, self._state, part_of(self._block, inside), self.misfit, kind)
            return
        chosen = self._order[inside]
        key = (len(chosen), kind)
        if key not in self._graphs:
            self._graphs[key] = (chosen.clone(), None)
            self._once(self._graphs[key][0], kind)
            return
        frames, graph = self._graphs[key]
        frames.copy_(chosen)
        if graph is None:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self._pool):
                self._once(frames, kind)
            self._pool = graph.pool()
            self._graphs[key] = (frames, graph)
        graph.replay()

    def end(self) -> State:
        """The state as the work has left it."""
        state: State = _own(self._state) if self._record else self._state
        return state

    def _once(self, frames: Tensor, kind: Hashable) -> None:
        places, *phases = self._held[1]
        shifts = (phases[0][frames], phases[1][frames]) if phases else None
        self._work(self._data, self._state, Block(frames, [], places[frames], shifts), self.misfit, kind)


def _tables(data: Data) -> tuple[Tensor, ...]:
    """Places of all frames, and the phases of their fractions where they have any."""
    tables = [torch.cat([block.places for block in data.blocks])]
    phases = [block.phases for block in data.blocks if block.phases is not None]
    if phases:
        tables += [torch.cat([pair[axis] for pair in phases]) for axis in (0, 1)]
    return tuple(tables)


def _form(value: Any) -> Any:
    """Shapes of all tensors in a value: what tells whether one can be copied into another."""
    if isinstance(value, Tensor):
        return tuple(value.shape)
    if isinstance(value, tuple):
        return tuple(_form(part) for part in value)
    return tuple(_form(getattr(value, item.name)) for item in fields(value)) if is_dataclass(value) else None


def _own(value: Any) -> Any:
    """The same values on tensors of their own, but for those that an engine changes in place and those on the host."""
    if isinstance(value, Tensor):
        return value.clone() if value.is_cuda else value
    if isinstance(value, tuple):
        return tuple(_own(part) for part in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    parts = {item.name: getattr(value, item.name) for item in fields(value) if not item.metadata.get("in_place")}
    return replace(value, **{name: _own(part) for name, part in parts.items()})


def _copy(into: Any, value: Any) -> None:
    """Copy tensors between two of the same structure."""
    if isinstance(into, Tensor):
        if into is not value and into.is_cuda:
            into.copy_(value)
    elif isinstance(into, tuple):
        for part, other in zip(into, value, strict=True):
            _copy(part, other)
    elif is_dataclass(into):
        for item in fields(into):
            if not item.metadata.get("in_place"):
                _copy(getattr(into, item.name), getattr(value, item.name))
