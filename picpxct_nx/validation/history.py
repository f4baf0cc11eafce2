"""Rules on the history of an entry: the steps are numbered without gap, and the chain of their inputs closes."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from picpxct_nx.validation.tree import MAX_READ, Item, UnreadableError, content, kind_of, nx_class
from picpxct_nx.validation.violation import Violation

_GROUP = re.compile(r"process_([0-9]{3,9})\Z")
_URN = "urn:uuid:"
# What is made straight from raw scans: other scans, and reconstructions as the solver left them.
_FROM_RAW = frozenset({"NXspecptycho_scan", "NXspecptycho_reconstruction"})


def check_history(entry: Item, definition: str) -> Iterator[Violation]:
    """Faults of the NXprocess groups of one entry that keeps `definition`."""
    steps = {name: item for name, item in entry.members.items() if item.is_group and nx_class(item) == "NXprocess"}
    numbered: dict[int, str] = {}
    for name in sorted(steps):
        match = _GROUP.match(name)
        if match is None:
            text = "is not called process_001, process_002 and so on; readers would pass it over"
            yield Violation(f"{entry.path}/{name}", "SEQUENCE", text)
        else:
            numbered[int(match[1])] = name
            yield from sequence(f"{entry.path}/{name}", steps[name], int(match[1]))
    yield from gapless(entry.path, numbered)
    ordered = [(f"{entry.path}/{numbered[number]}", steps[numbered[number]]) for number in sorted(numbered)]
    reads_raw = definition in _FROM_RAW and _read(entry, "stage") in (None, "reconstructed")
    yield from chain(ordered, reads_raw=reads_raw)
    yield from newest(ordered, _read(entry, "entry_identifier_uuid"))


def sequence(path: str, step: Item, number: int) -> Iterator[Violation]:
    """The index of a step is the number in its name."""
    found = _read(step, "sequence_index")
    if found is not None and found != number:
        yield Violation(f"{path}/sequence_index", "SEQUENCE", f"is {found}; its group says {number}")


def gapless(path: str, numbered: dict[int, str]) -> Iterator[Violation]:
    """The numbers of the steps run from 1 on, each once."""
    for wanted, number in enumerate(sorted(numbered), 1):
        if number != wanted:
            text = f"follows a gap: step {wanted} is not there; the history is told whole or not at all"
            yield Violation(f"{path}/{numbered[number]}", "SEQUENCE", text)
            return


def chain(steps: list[tuple[str, Item]], *, reads_raw: bool) -> Iterator[Violation]:
    """Every input that is an entry was made by an earlier step, or the step reads raw entries alone.

    A raw scan may come without any history, so a step none of whose inputs is known is taken to read raw scans. The
    newest step may do so only where `reads_raw`: all other products are made from products.
    """
    made: set[Any] = set()
    for index, (path, step) in enumerate(steps):
        sources = {name: text for name, text in _inputs(step) if text.removeprefix(_URN) not in made}
        raw = len(sources) == len(list(_inputs(step))) and (reads_raw or index < len(steps) - 1)
        for name, text in {} if raw else sources.items():
            told = f"names {text}, which no earlier step made; the history must reach back to raw data"
            yield Violation(f"{path}/{name}/identifier_entry", "CHAIN", told)
        output = _read(step, "output_uuid")
        if output in made:
            yield Violation(f"{path}/output_uuid", "CHAIN", f"is {output}, which an earlier step made already")
        made |= {output} - {None}


def newest(steps: list[tuple[str, Item]], own: Any) -> Iterator[Violation]:
    """Only the newest step may leave its product unnamed: it is this entry, by no other name, and made from others."""
    for path, step in steps:
        for name, text in _inputs(step):
            if own is not None and text.removeprefix(_URN) == own:
                yield Violation(f"{path}/{name}/identifier_entry", "CHAIN", f"names {text}, which is this very entry")
    for path, step in steps[:-1]:
        if "output_uuid" not in step.members:
            yield Violation(f"{path}/output_uuid", "CHAIN", "is missing; only the newest step makes this entry")
    for path, step in steps[-1:]:
        output = _read(step, "output_uuid")
        if output is not None and own is not None and output != own:
            yield Violation(f"{path}/output_uuid", "CHAIN", f"is {output}; the newest step made this entry, {own}")


def _inputs(step: Item) -> Iterator[tuple[str, str]]:
    """Inputs of a step that are entries: name of the note and URN."""
    for name, note in step.members.items():
        text = _read(note, "identifier_entry") if note.is_group and nx_class(note) == "NXnote" else None
        if isinstance(text, str):
            yield name, text


def _read(group: Item, name: str) -> Any:
    """Text or number of a field of one value, or None; that it is missing or damaged is reported elsewhere."""
    item = group.members.get(name)
    if item is None or item.dtype is None or item.shape or item.size > MAX_READ or kind_of(item.dtype) not in "Siu":
        return None
    try:
        value = content(item)
    except UnreadableError:
        return None
    return value.item() if isinstance(value, np.generic) else value
