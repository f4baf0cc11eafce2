"""What all records have: identity, history, and attributes that are bound to paths of a definition."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from picpxct_nx import provenance
from picpxct_nx.errors import InputError
from picpxct_nx.provenance import Input, Step
from picpxct_nx.values import Array, Value, Values, digest

CONVENTION = "exp(+ikz), n = 1 - delta + i beta"


def nx(path: str, default: Any = dataclasses.MISSING, *, lazy: bool = False) -> Any:
    """Bind a dataclass attribute to a path below the entry; `lazy` leaves the array in the file until it is sliced."""
    metadata = {"nx": path, "lazy": lazy}
    if default is dataclasses.MISSING:
        return field(metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """One entry of a file. `entry` is its name, for example scan_S00123."""

    DEFINITION: ClassVar[str]
    # Paths that are links to other paths: written as such, and not read a second time.
    LINKS: ClassVar[Mapping[str, str]] = {}

    entry: str
    title: str = nx("title")
    uuid: str = nx("entry_identifier_uuid", "")
    assumed: Array | None = nx("assumed", None)
    history: tuple[Step, ...] = ()
    extra: Values = field(default_factory=dict)

    def to_values(self) -> dict[str, Value]:
        """Every value of the entry by path, links left out."""
        values: dict[str, Value] = {}
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if "nx" in item.metadata and value is not None:
                values[item.metadata["nx"]] = value
        return values | dict(self.extra) | provenance.to_values(self.history)

    @classmethod
    def from_values(cls, entry: str, values: Values) -> Self:
        """The record that the values of an entry make.

        Raises
        ------
        InputError
            A bound path without default is missing.
        """
        rest = {p: v for p, v in values.items() if not provenance.is_process(p) and p not in cls.LINKS}
        bound: dict[str, Any] = {}
        for item in dataclasses.fields(cls):
            path = item.metadata.get("nx")
            if path in rest:
                bound[item.name] = rest.pop(path)
            elif path is not None and item.default is dataclasses.MISSING:
                raise InputError(f"{entry}/{path}: missing; {cls.DEFINITION} requires it")
        return cls(entry=entry, history=provenance.from_values(values), extra=rest, **bound)

    def digest(self) -> str:
        """SHA-256 over the content: names, shapes and values, without the UUID and the history."""
        own = {path: value for path, value in self.to_values().items() if not provenance.is_process(path)}
        return digest(own, leave_out=("entry_identifier_uuid",))

    def as_input(self, file_name: str | None = None) -> Input:
        """How a step that reads this record names it."""
        return Input(checksum=self.digest(), uuid=self.uuid, file_name=file_name)

    def assuming(self, assumed: Array | None) -> Self:
        """The record with those of another's assumed paths that it has itself."""
        mine = self.to_values()
        kept = [str(path) for path in (() if assumed is None else assumed) if str(path) in mine]
        return dataclasses.replace(self, assumed=np.array(kept, dtype=object)) if kept else self

    def made_by(self, newest: Step, parents: "tuple[Record, ...]" = ()) -> Self:
        """The record with its history and a UUID of its own: what `newest` made from `parents`."""
        history = provenance.extend([(parent.uuid, parent.history) for parent in parents], newest)
        named = dataclasses.replace(self, history=history)
        return dataclasses.replace(named, uuid=provenance.new_uuid(named.digest))


def paths(cls: type[Record]) -> dict[str, bool]:
    """Paths that a record class binds, and whether each stays lazy."""
    return {f.metadata["nx"]: f.metadata["lazy"] for f in dataclasses.fields(cls) if "nx" in f.metadata}
