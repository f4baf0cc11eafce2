"""A deposit years later: every byte accounted for, every file valid, every chain closed."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from picpxct_nx import nxdl
from picpxct_nx.deposit import bag, crate, lineage
from picpxct_nx.deposit.accounting import account
from picpxct_nx.deposit.fault import Fault
from picpxct_nx.deposit.opened import Opened
from picpxct_nx.deposit.pool import each
from picpxct_nx.deposit.survey import Holding, examine
from picpxct_nx.deposit.transfer import Report, Sum

_RAW, _DERIVED, _AUXILIARY = "data/raw/", "data/derived/", "data/auxiliary/"


@dataclass(frozen=True)
class Verdict:
    """What was found of a deposit."""

    place: str
    files: int
    size: int
    entries: int
    faults: tuple[Fault, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether there is no error."""
        return not any(fault.level == "error" for fault in self.faults)

    def as_json(self) -> dict[str, Any]:
        """The verdict as plain values."""
        return {
            "deposit": self.place, "sound": self.sound, "files": self.files, "bytes": self.size,
            "entries": self.entries, "faults": [vars(fault) for fault in self.faults],
        }  # fmt: skip


def verify(
    path: Path, *, workers: int = 1, report: Report = lambda *_: None, checked: Report = lambda *_: None
) -> Verdict:
    """Check a deposit: bag, hashes, crate, definitions, files, chains.

    Files whose bytes are not those that were packed are not opened.

    Parameters
    ----------
    path : Path
        The folder or the .zip.
    workers : int
        Files at a time.
    report : callable, optional
        Told of the bytes hashed and of those in all.
    checked : callable, optional
        Told of the bytes of the files that were judged, and of those in all.

    Raises
    ------
    MissingInputError
        There is nothing under that name.
    InputError
        It is no deposit: no folder, and no .zip that can be read.
    """
    kept = account(path, workers=workers, report=report)
    found, good, sums = list(kept.faults), kept.good, kept.sums
    document = _document(kept.held, good, found)
    found += _check_crate(kept.held, document, sums, good)
    holdings = _examined(kept.held, sorted(good), workers, checked)
    found += [fault for holding in holdings for fault in holding.faults if fault.level == "error"]
    hashes = {h.name: sums[f"{_AUXILIARY}{h.name}"].sha256 for h in holdings if h.kind == "auxiliary"}
    if document:
        # At raw data that are held, or at what the crate says is kept elsewhere.
        found += lineage.trace(holdings, crate.elsewhere(document), hashes)[1]
    size = sum(one.size for one in sums.values())
    return Verdict(str(path), len(sums), size, sum(len(h.entries) for h in holdings), tuple(sorted(set(found))))


def _document(held: Opened, good: Set[str], found: list[Fault]) -> dict[str, Any]:
    """The crate's document; empty where it is missing, damaged, or nothing that a crate could be."""
    name = f"{bag.PAYLOAD}{crate.DESCRIPTOR}"
    if name not in good:
        found.append(Fault(name, "NO_CRATE", "is missing or damaged; the deposit cannot be understood without it"))
        return {}
    try:
        with held.open(name) as handle:
            document = json.loads(handle.read())
        entities = document["@graph"]
    except (ValueError, KeyError, TypeError, RecursionError):
        entities = None
    if not isinstance(entities, list) or not all(isinstance(one, dict) and "@id" in one for one in entities):
        found.append(Fault(name, "NO_CRATE", "is no list of entities in JSON-LD"))
        return {}
    return dict(document)


def _check_crate(held: Opened, document: Mapping[str, Any], sums: Mapping[str, Sum], good: Set[str]) -> Iterator[Fault]:
    """What the crate's document says of its files, and whether the definitions are those that this program knows."""
    if not document:
        return
    name = f"{bag.PAYLOAD}{crate.DESCRIPTOR}"
    described = dict[str, tuple[str, str]]()
    for file, size, digest in crate.names_of(document):
        described[f"{bag.PAYLOAD}{file}"] = (size, digest)
    for file, one in sums.items():
        if file != name and file in good and described.get(file) != (str(one.size), one.sha256):
            yield Fault(file, "CRATE", f"{crate.DESCRIPTOR} does not describe it, or another length or hash")
    for file in described.keys() - sums.keys():
        yield Fault(file, "CRATE", f"{crate.DESCRIPTOR} describes it, and it is not there")
    for file in sorted(good):
        if file.startswith("data/schemas/"):
            with held.open(file) as handle:
                yield from _check_definition(file, handle.read())


def _check_definition(file: str, data: bytes) -> Iterator[Fault]:
    name = file.rpartition("/")[2].removesuffix(".nxdl.xml")
    if name not in nxdl.names():
        yield Fault(file, "SCHEMA", "is a definition that this program does not know; use a newer one")
        return
    if files("picpxct_nx.schemas").joinpath(f"{name}.nxdl.xml").read_bytes() != data:
        text = (
            f"differs from {name} {nxdl.definition(name).version} of this program; software/versions.json names the one"
        )
        yield Fault(file, "SCHEMA", f"{text} that made the deposit", "warning")


def _examined(held: Opened, good: Iterable[str], workers: int, report: Report) -> list[Holding]:
    """The files that hold data, as surveyed."""
    names = [name for name in good if name.startswith((_RAW, _DERIVED))]
    # A member of an archive is read through the archive, in this process.
    task = _from_folder if not held.starts else _from_archive
    found = each(
        [partial(task, held, name) for name in names], [held.sizes[name] for name in names],
        1 if held.starts else workers, report,
    )  # fmt: skip
    others = [name for name in good if name.startswith(_AUXILIARY)]
    return found + [
        Holding(held.path / name, name.removeprefix(_AUXILIARY), "auxiliary", held.sizes[name]) for name in others
    ]


def _from_folder(held: Opened, name: str) -> Holding:
    path = held.path / name
    return examine(path, name, held.sizes[name], path=path)


def _from_archive(held: Opened, name: str) -> Holding:
    with held.open(name) as handle:
        buffered = io.BufferedReader(handle)  # type: ignore[type-var]
        return examine(buffered, name, held.sizes[name], path=held.path / name)
