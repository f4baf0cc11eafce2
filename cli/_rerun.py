"""One product run again: its chain, its device, its verdict."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from picpxct_nx.errors import InputError, UnavailableError

from ._replay import execute, lines, locate
from ._talk import complain

if TYPE_CHECKING:
    from picpxct_nx.records import Record
    from picpxct_nx.replay.plan import Chain

# On another kind of device sums are taken in another order; thousands of them in single precision leave less than this.
OTHER_DEVICE = 1e-3


@dataclass(frozen=True)
class Terms:
    """How to replay: where the raw files are, what is accepted, on which device (None: the recorded one)."""

    inputs: Path
    tolerance: float | None
    device: str | None
    dry_run: bool
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


def replay(record: "Record", name: str, folder: Path, terms: Terms) -> tuple[dict[str, Any], str] | None:
    """Verdict and sentence on one product; None where the commands are only shown."""
    from picpxct_nx.replay.compare import compare
    from picpxct_nx.replay.plan import chain

    try:
        found = chain(record.uuid, record.history)
    except InputError as error:
        raise InputError(f"{name}: {record.entry}: {error}") from None
    places, files = locate(found, terms.inputs)
    used = _usable(found, terms.device)
    if terms.dry_run:
        for words, _ in lines(found, places, files, Path("rerun"), used):
            if words:
                typer.echo(f"picpxct {shlex.join(words)}")
        return None
    folder.mkdir(parents=True)
    where = ""
    for words, _ in lines(found, places, files, folder.absolute(), used):
        if words:
            where = words[-1]
            execute(words, folder, quiet=terms.quiet)
    product = f"{where}{record.entry}.nxs" if where.endswith("/") else where
    same = _same_kind(found, used)
    limit = terms.tolerance if terms.tolerance is not None else (0.0 if same else OTHER_DEVICE)
    made = compare(record, _read(product, record.entry), limit)
    accepted = made.agreement != "different" if limit else made.agreement == "equal"
    verdict = made.as_json() | {
        "accepted": accepted, "tolerance": limit, "same_device": same, "commands": len(found.runs),
        "raw_entries": len(found.raw),
    }  # fmt: skip
    return verdict, _sentence(made, verdict, found)


def _read(product: str, entry: str) -> "Record":
    from dataclasses import replace

    from picpxct_nx import nexus
    from picpxct_nx.values import ArraySource

    with nexus.open_valid(Path(product), product) as file:
        names = nexus.entries(file)
        record = nexus.read(file, entry if entry in names else names[0])
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
