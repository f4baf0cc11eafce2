"""Products made again: their chain, its device, the verdict on each."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from picpxct_nx.errors import InputError, UnavailableError

from ._input import read_entries
from ._rerun_origins import origins, read, repeat
from ._rerun_runs import execute, lines, locate, require
from ._talk import complain, say

if TYPE_CHECKING:
    from picpxct_nx.rerun.compare import Comparison
    from picpxct_nx.rerun.origins import Origin
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
    found, own = _chain(results)
    places, files = locate(found, terms.inputs)
    coming: set[str] = set()
    for number, run in enumerate(_origins(found, own | places, terms), 1):
        coming |= set(run.uuids)
        typer.echo(f"picpxct {shlex.join((*run.line, '-o', f'rerun/raw_{number:03d}_{run.command}/'))}")
    if not found.raw.keys() <= places.keys() and found.raw.keys() <= places.keys() | coming:
        say("what follows works on raw entries that are not there yet", quiet=terms.quiet)
        return
    require(found, places, terms.inputs)
    for words in lines(found, places, files, Path("rerun"), _usable(found, terms.device)):
        typer.echo(f"picpxct {shlex.join(words)}")


def rerun_each(results: Sequence[str], folder: Path, terms: Terms) -> Iterator[tuple[dict[str, Any], str]]:
    """Verdict and sentence on every raw entry that could be made again and every product, all made in a folder."""
    from picpxct_nx.rerun.compare import compare

    found, own = _chain(results)
    places, files = locate(found, terms.inputs)
    used = _usable(found, terms.device)
    folder.mkdir(parents=True, exist_ok=True)
    at_hand = own | places
    told: set[str] = set()
    for number, run in enumerate(_origins(found, at_hand, terms), 1):
        for uuid, again in repeat(run, number, at_hand, folder.absolute(), found.raw, quiet=terms.quiet).items():
            if uuid in at_hand:
                told.add(uuid)
                yield _raw_verdict(at_hand[uuid], again, run, terms.tolerance or 0.0)
            else:
                say(f"{again.entry}: is not there; made again by {run.command}, as it was read", quiet=terms.quiet)
                places[uuid] = again
    for uuid in own.keys() - told:
        raise InputError(f"{own[uuid].file}: {own[uuid].entry}: is raw data that could not be made again")
    require(found, places, terms.inputs)
    for words in lines(found, places, files, folder.absolute(), used):
        execute(words, folder, quiet=terms.quiet)
    same = _same_kind(found, used)
    limit = terms.tolerance if terms.tolerance is not None else (0.0 if same else OTHER_DEVICE)
    for record, name in read_entries(results):
        if record.uuid in own:
            continue
        made = compare(record, read(places[record.uuid]), limit)
        verdict = {"file": name, "entry": record.entry} | made.as_json() | {
            "accepted": _accepted(made, limit), "tolerance": limit,
            "same_device": same, "commands": len(found.runs), "raw_entries": len(found.raw),
        }  # fmt: skip
        source = f"from {len(found.raw)} raw entries by {len(found.runs)} commands"
        yield verdict, f"{name}: {record.entry}: {_sentence(made, verdict, source)}"


def _origins(found: "Chain", at_hand: "Mapping[str, Place]", terms: Terms) -> "Iterator[Origin]":
    names = {uuid: place.entry for uuid, place in at_hand.items()}
    return origins(found, names, terms.inputs, quiet=terms.quiet)


def _accepted(made: "Comparison", limit: float) -> bool:
    return made.agreement != "different" if limit else made.agreement == "equal"


def _raw_verdict(stored: "Place", again: "Place", run: "Origin", limit: float) -> tuple[dict[str, Any], str]:
    """Verdict and sentence on a raw entry."""
    from picpxct_nx.rerun.compare import compare

    made = compare(read(stored), read(again), limit, run.times)
    verdict = {"file": stored.file, "entry": stored.entry} | made.as_json() | {
        "accepted": _accepted(made, limit), "tolerance": limit, "same_device": True, "commands": 1, "raw_entries": 0,
    }  # fmt: skip
    return verdict, f"{stored.file}: {stored.entry}: {_sentence(made, verdict, f'by {run.command}')}"


def _chain(results: Sequence[str]) -> "tuple[Chain, dict[str, Place]]":
    """The chain of all products together, one that has none is named; and where those that are raw lie, by UUID."""
    from picpxct_nx.rerun.plan import Place, chain

    products = {}
    places = {}
    for record, name in read_entries(results):
        try:
            chain({record.uuid: record.history})
        except InputError as error:
            raise InputError(f"{name}: {record.entry}: {error}") from None
        products[record.uuid] = record.history
        places[record.uuid] = Place(name, record.entry)
    found = chain(products)
    return found, {uuid: place for uuid, place in places.items() if uuid in found.origins}


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


def _sentence(made: "Comparison", verdict: dict[str, Any], source: str) -> str:
    count = f"{made.values} values ({made.arrays} arrays) {source}"
    if made.agreement == "equal":
        return f"reproduced: all of {count} are equal"
    worst = sorted(made.differences, key=lambda one: -one.relative)[:3]
    told = "; ".join(f"{one.path} {one.told or f'{one.relative:.2g} rms'}" for one in worst)
    word = "reproduced" if verdict["accepted"] else "NOT reproduced"
    kind = "the same kind of device" if verdict["same_device"] else "another kind of device"
    equal = made.values - len(made.differences)
    return f"{word} within {verdict['tolerance']:g} on {kind}: {equal} of {count} are equal; {told}"
