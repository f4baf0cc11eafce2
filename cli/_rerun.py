"""Products made again: their chain, its device, the verdict on each."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from picpxct_nx.errors import InputError, UnavailableError

from ._input import read_entries
from ._rerun_runs import execute, lines, locate
from ._talk import complain

if TYPE_CHECKING:
    from picpxct_nx.records import Record
    from picpxct_nx.rerun.plan import Chain, Place

# On another kind of device sums are taken in another order; thousands of them in single precision leave less than this.
OTHER_DEVICE = 1e-3


@dataclass(frozen=True)
class Terms:
    """How to run again: where the raw files are, what is accepted, on which device (None: the recorded one)."""

    inputs: Path
    tolerance: float | None
    device: str | None
    quiet: bool


def device_for(name: str) -> str | None:
    """The device that replaces the recorded one, None for the recorded one itself.

    Raises
    ------
    UsageError, UnavailableError
        There is no device of that name.
    """
    if name == "recorded":
        return None
    from picpxct_nx.ptycho.device import named

    return named(name)


def show(results: Sequence[str], terms: Terms) -> None:
    """Print the commands that make the products again."""
    found = _chain(results)
    places, files = locate(found, terms.inputs)
    for words in lines(found, places, files, Path("rerun"), _usable(found, terms.device)):
        typer.echo(f"picpxct {shlex.join(words)}")


def rerun_each(results: Sequence[str], folder: Path, terms: Terms) -> Iterator[tuple[dict[str, Any], str]]:
    """Verdict and sentence on every product, after all of them are made again in a folder."""
    from picpxct_nx.rerun.compare import compare

    found = _chain(results)
    places, files = locate(found, terms.inputs)
    used = _usable(found, terms.device)
    folder.mkdir(parents=True, exist_ok=True)
    for words in lines(found, places, files, folder.absolute(), used):
        execute(words, folder, quiet=terms.quiet)
    same = _same_kind(found, used)
    limit = terms.tolerance if terms.tolerance is not None else (0.0 if same else OTHER_DEVICE)
    for record, name in read_entries(results):
        made = compare(record, _read(places[record.uuid]), limit)
        verdict = {"file": name, "entry": record.entry} | made.as_json() | {
            "accepted": made.agreement != "different" if limit else made.agreement == "equal", "tolerance": limit,
            "same_device": same, "commands": len(found.runs), "raw_entries": len(found.raw),
        }  # fmt: skip
        yield verdict, f"{name}: {record.entry}: {_sentence(made, verdict, found)}"


def _chain(results: Sequence[str]) -> "Chain":
    """The chain of all products together; one that has none is named."""
    from picpxct_nx.rerun.plan import chain

    products = {}
    for record, name in read_entries(results):
        try:
            chain({record.uuid: record.history})
        except InputError as error:
            raise InputError(f"{name}: {record.entry}: {error}") from None
        products[record.uuid] = record.history
    return chain(products)


def _read(place: "Place") -> "Record":
    """A product that was made again, all of it in memory."""
    from dataclasses import replace

    from picpxct_nx import nexus
    from picpxct_nx.values import ArraySource

    with nexus.open_valid(Path(place.file), place.file) as file:
        record = nexus.read(file, place.entry)
        lazy: dict[str, Any] = {
            field: value[...]
            for field, value in vars(record).items()
            if isinstance(value, ArraySource) and not hasattr(value, "tobytes")
        }
        return replace(record, **lazy)


def _usable(found: "Chain", asked: str | None) -> str | None:
    """The device to ask for: the one asked for, or another one where the recorded one is not here."""
    if asked is not None:
        return asked
    from picpxct_nx.ptycho.device import named

    for run in found.runs:
        if run.device is not None:
            try:
                named(run.device)
            except UnavailableError:
                complain(f"warning: {run.device} is not here; reconstructions run on {named('auto')} instead")
                return named("auto")
    return None


def _same_kind(found: "Chain", used: str | None) -> bool:
    kinds = {run.device.partition(":")[0] for run in found.runs if run.device is not None}
    return used is None or kinds <= {used.partition(":")[0]}


def _sentence(made: Any, verdict: dict[str, Any], found: "Chain") -> str:
    count = (
        f"{made.values} values ({made.arrays} arrays) from {len(found.raw)} raw entries by {len(found.runs)} commands"
    )
    if made.agreement == "equal":
        return f"reproduced: all of {count} are equal"
    worst = sorted(made.differences, key=lambda one: -one.relative)[:3]
    told = "; ".join(f"{one.path} {one.told or f'{one.relative:.2g} rms'}" for one in worst)
    word = "reproduced" if verdict["accepted"] else "NOT reproduced"
    kind = "the same kind of device" if verdict["same_device"] else "another kind of device"
    equal = made.values - len(made.differences)
    return f"{word} within {verdict['tolerance']:g} on {kind}: {equal} of {count} are equal; {told}"
