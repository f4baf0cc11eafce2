"""What a run of the loop has reached, as plain arrays: enough to go on to the same numbers.

Nothing here touches files: `Snapshot` is handed out and taken back, and whoever keeps it chooses the format.
"""

import hashlib
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from picpxct_nx import __version__
from picpxct_nx.errors import InputError

from .model import Model
from .problem import Problem
from .recipe import Stage
from .state import Data
from .stream import Stream

T = TypeVar("T")


@dataclass(frozen=True)
class Identity:
    """What the numbers of a run depend on, besides the device and its number of threads.

    Parameters
    ----------
    version : str
        Of this program.
    problem : str
        SHA-256 of positions, mask, start guesses, what else is known of the beam, and the counts of every frame.
    recipe : str
        SHA-256 of the stages with all their parameters and of what is refined.
    seed : str
        Seed of the random numbers.
    """

    version: str
    problem: str
    recipe: str
    seed: str


@dataclass(frozen=True)
class Snapshot:
    """State of a run after an iteration.

    Parameters
    ----------
    identity : Identity
        Whose state it is.
    stage : int
        Number of the recipe's stage that runs, from 0.
    iteration : int
        Iterations of that stage that are done.
    error : (iterations,) float64
        Fourier error of every iteration so far.
    engines : tuple of str
        Engine of each.
    random : (k,) uint8
        State of the host's random numbers; engines draw from no others.
    arrays : mapping of str to array
        The model, object and probe and what else is refined, as `state.NAME`; the engine's memory as `memory.NAME`.
    chosen : mapping of str to str
        ENGINE.PARAMETER to what engines chose so far.
    ends : tuple of str
        How turns of engines ended early.
    changes : tuple of float
        The last changes of the object, where a plateau is looked for.
    """

    identity: Identity
    stage: int
    iteration: int
    error: NDArray[np.float64]
    engines: tuple[str, ...]
    random: NDArray[np.uint8]
    arrays: Mapping[str, NDArray[Any]]
    chosen: Mapping[str, str]
    ends: tuple[str, ...]
    changes: tuple[float, ...] = ()


def identify(problem: Problem, data: Data, stages: tuple[Stage, ...], model: Model, seed: int) -> Identity:
    """Identity of a run.

    Parameters
    ----------
    problem : Problem
        The scan.
    data : Data
        The same, loaded; its frames are told apart by their counts, which needs no second reading.
    stages : tuple of Stage
        The recipe.
    model : Model
        What is refined, and how.
    seed : int
        The seed.

    Returns
    -------
    Identity
    """
    sums = [data.amplitude(block.frames).square().sum((1, 2), dtype=torch.float64) for block in data.blocks]
    counts = torch.cat(sums).cpu().numpy()
    # Rounded, for the last digits depend on the device.
    parts = [np.char.mod("%.9g", counts / data.weight.numel()), problem.positions_px, problem.good, problem.probe]
    parts += [np.array(problem.object_shape)] if problem.object is None else [problem.object]
    # Absent and present are told apart by the shape.
    known = (problem.intensity, problem.background, problem.pupil)
    parts += [np.empty(0) if part is None else part for part in known]
    found = hashlib.sha256()
    for part in parts:
        found.update(f"{part.dtype.str}{part.shape}".encode())
        found.update(np.ascontiguousarray(part).tobytes())
    recipe = hashlib.sha256(repr((stages, model)).encode()).hexdigest()
    return Identity(__version__, found.hexdigest(), recipe, str(seed))


def refuse_another(snapshot: Snapshot, wanted: Identity) -> None:
    """Stop where a snapshot is of another run.

    Raises
    ------
    InputError
        It is of another program version, scan, recipe or seed.
    """
    # What is refined also changes the start: a monitor's intensities come with it.
    words = {"version": "program version", "recipe": "recipe or refinement", "problem": "scan or start", "seed": "seed"}
    for name, what in words.items():
        found, right = getattr(snapshot.identity, name), getattr(wanted, name)
        if found != right:
            raise InputError(
                f"checkpoint: made with another {what}, {found[:12]}; wanted {right[:12]}; run with the same input and "
                "options, or remove the checkpoint to start afresh"
            )


def pack(value: Any, name: str) -> dict[str, NDArray[Any]]:
    """Arrays by dotted name of a dataclass of tensors, numbers, texts, tuples of tensors and such dataclasses.

    What is None is left out, and so is what a field's metadata call scratch: room without content. What they call host
    stays on the host when it is unpacked.
    """
    return dict(_parts(value, name))


def _parts(value: Any, name: str) -> Iterator[tuple[str, NDArray[Any]]]:
    if is_dataclass(value):
        for item in fields(value):
            if not item.metadata.get("scratch"):
                yield from _parts(getattr(value, item.name), f"{name}.{item.name}")
    elif isinstance(value, tuple):
        for number, part in enumerate(value):
            yield from _parts(part, f"{name}.{number}")
    elif isinstance(value, Tensor):
        yield name, value.cpu().numpy().copy()
    elif isinstance(value, Stream):
        yield name, value.whole().numpy().copy()
    elif value is not None:
        yield name, np.array(value)


def unpack(fresh: T, arrays: Mapping[str, NDArray[Any]], name: str, device: torch.device) -> T:
    """The dataclass that `pack` took apart.

    Parameters
    ----------
    fresh : dataclass
        A newly made one of the same class: says where tensors live, and lends its scratch.
    arrays : mapping of str to array
        From `pack`.
    name : str
        The name that was given to `pack`.
    device : torch.device
        Where tensors go that the fresh one lacks.

    Raises
    ------
    InputError
        An array is missing or of another shape than the fresh one's.
    """
    return typing.cast("T", _whole(type(fresh), fresh, arrays, name, device))


def _part(hint: Any, fresh: Any, arrays: Mapping[str, NDArray[Any]], name: str, device: torch.device) -> Any:
    options = [kind for kind in typing.get_args(hint) if kind is not types.NoneType]
    optional = isinstance(hint, types.UnionType) and len(options) < len(typing.get_args(hint))
    # Where a stack may be a tensor or a stream, it is like the fresh one.
    kind = options[0] if isinstance(hint, types.UnionType) else hint
    inside = [key for key in arrays if key == name or key.startswith(f"{name}.")]
    if not inside and optional:
        return None
    if typing.get_origin(kind) is tuple:
        return tuple(_tensor(arrays[f"{name}.{number}"], device) for number in range(len(inside)))
    if is_dataclass(kind):
        return _whole(kind, fresh, arrays, name, device)
    if not inside:
        raise InputError(f"checkpoint: {name} is missing; remove the checkpoint to start afresh")
    array = arrays[name]
    if isinstance(fresh, Stream):
        fresh.fill(torch.from_numpy(array))
        return fresh
    if kind is not Tensor:
        return array.item()
    if isinstance(fresh, Tensor) and tuple(fresh.shape) != array.shape:
        raise InputError(f"checkpoint: {name} is {array.shape}; wanted {tuple(fresh.shape)}; remove the checkpoint")
    return _tensor(array, fresh.device if isinstance(fresh, Tensor) else device)


def _whole(kind: Any, fresh: Any, arrays: Mapping[str, NDArray[Any]], name: str, device: torch.device) -> Any:
    hints, host = typing.get_type_hints(kind), torch.device("cpu")
    values = {}
    for item in fields(kind):
        old = getattr(fresh, item.name, None)
        place = host if item.metadata.get("host") else device
        values[item.name] = (
            old if item.metadata.get("scratch") else _part(hints[item.name], old, arrays, f"{name}.{item.name}", place)
        )
    return kind(**values)


def _tensor(array: NDArray[Any], device: torch.device) -> Tensor:
    # In memory of PyTorch's own: products of matrices round as the matrix lies, and NumPy's lie anywhere.
    return torch.from_numpy(array).clone(memory_format=torch.contiguous_format).to(device)
