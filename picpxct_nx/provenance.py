"""Provenance: the chain of steps that made an entry, from the raw data on, as it stands in every file.

A product carries one NXprocess for each step of all its ancestors. A step names its inputs by the UUID of the entry
and a digest of its content, so that the chain survives renaming, merging, splitting and recompressing.
"""

import os
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

from picpxct_nx import __version__
from picpxct_nx.values import Value, Values

PROGRAM = "picpxct_nx"
_GROUP = re.compile(r"process_\d{3,}/")
# Namespace of the UUIDs that are made from content: uuid5(NAMESPACE_URL, the project's name).
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:picpxct_nx")


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input of a step: an entry by UUID and content digest, or a foreign file by the SHA-256 of its bytes."""

    checksum: str
    uuid: str | None = None
    file_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command that was run. `parameters` holds values by name, units under `name@units`."""

    command: str
    program: str = PROGRAM
    version: str = __version__
    date: str = ""
    parameters: Values = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    output_uuid: str | None = None
    transient: bool = False


def now() -> str:
    """The time in ISO 8601 with zone: that of SOURCE_DATE_EPOCH where it is set, so that a run can be repeated."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    when = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    return when.isoformat(timespec="seconds")


def new_uuid(digest: Callable[[], str]) -> str:
    """A random UUID, or under SOURCE_DATE_EPOCH the one that follows from the digest of the content.

    The digest costs a pass over the data, so it is only asked for where it is needed.
    """
    return str(uuid.uuid5(_NAMESPACE, digest()) if os.environ.get("SOURCE_DATE_EPOCH") else uuid.uuid4())


def step(command: str, parameters: Mapping[str, Value], inputs: Iterable[Input] = ()) -> Step:
    """The step that is run now by this version of the program."""
    return Step(command=command, date=now(), parameters=dict(parameters), inputs=tuple(inputs))


def extend(ancestors: Iterable[tuple[str, Sequence[Step]]], newest: Step) -> tuple[Step, ...]:
    """History of a product: every step of its inputs once, then the newest.

    Parameters
    ----------
    ancestors : pairs of UUID and history
        The entries that the newest step read.
    newest : Step
        The step that made the product.
    """
    seen: dict[str | None, Step] = {}
    for entry_uuid, history in ancestors:
        if history:
            closed = [*history[:-1], replace(history[-1], output_uuid=entry_uuid)]
            seen.update((old.output_uuid, old) for old in closed if old.output_uuid not in seen)
    return (*seen.values(), newest)


def to_values(history: Sequence[Step]) -> dict[str, Value]:
    """The history as values of an entry: groups process_001, process_002 and so on."""
    values: dict[str, Value] = {}
    for index, past in enumerate(history, 1):
        group = f"process_{index:03d}"
        values |= {
            f"{group}@NX_class": "NXprocess",
            f"{group}/program": past.program,
            f"{group}/version": past.version,
            f"{group}/date": past.date,
            f"{group}/sequence_index": index,
            f"{group}/command": past.command,
            f"{group}/parameters@NX_class": "NXparameters",
        }
        if past.output_uuid is not None:
            values[f"{group}/output_uuid"] = past.output_uuid
        if past.transient:
            values[f"{group}/transient"] = True
        values |= {f"{group}/parameters/{name}": value for name, value in past.parameters.items()}
        for number, source in enumerate(past.inputs, 1):
            values |= _note(f"{group}/input_{number:03d}", source)
    return values


def _note(group: str, source: Input) -> dict[str, Value]:
    values: dict[str, Value] = {f"{group}@NX_class": "NXnote", f"{group}/algorithm": "sha256"}
    values[f"{group}/checksum"] = source.checksum
    if source.uuid is not None:
        values[f"{group}/identifier_entry"] = f"urn:uuid:{source.uuid}"
    if source.file_name is not None:
        values[f"{group}/file_name"] = source.file_name
    return values


def is_process(path: str) -> bool:
    """Whether a path belongs to the history."""
    return _GROUP.match(path) is not None or re.fullmatch(r"process_\d{3,}@NX_class", path) is not None


def from_values(values: Values) -> tuple[Step, ...]:
    """The history that the values of an entry hold, in the order of their sequence index."""
    groups = sorted({path.partition("/")[0] for path in values if _GROUP.match(path)})
    steps = [(int(_number(values[f"{group}/sequence_index"])), _step(values, f"{group}/")) for group in groups]
    return tuple(past for _, past in sorted(steps, key=lambda pair: pair[0]))


def _number(value: Value) -> float:
    return float(np.asarray(value))


def _text(values: Values, path: str) -> str | None:
    return str(values[path]) if path in values else None


def _step(values: Values, group: str) -> Step:
    mine = {path.removeprefix(group): value for path, value in values.items() if path.startswith(group)}
    notes = sorted(path.removesuffix("@NX_class") for path in mine if re.fullmatch(r"input_\d+@NX_class", path))
    return Step(
        program=str(mine["program"]),
        version=str(mine["version"]),
        date=str(mine["date"]),
        command=str(mine["command"]),
        parameters={p.removeprefix("parameters/"): v for p, v in mine.items() if p.startswith("parameters/")},
        inputs=tuple(_input(mine, f"{note}/") for note in notes),
        output_uuid=_text(mine, "output_uuid"),
        transient=bool(mine.get("transient", False)),
    )


def _input(values: Values, note: str) -> Input:
    name = _text(values, f"{note}identifier_entry")
    return Input(
        checksum=str(values[f"{note}checksum"]),
        uuid=name.removeprefix("urn:uuid:") if name is not None else None,
        file_name=_text(values, f"{note}file_name"),
    )
