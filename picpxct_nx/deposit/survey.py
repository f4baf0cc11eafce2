"""What one file of a deposit is and holds: verdict, entries, histories, digests, people, and what must not go out."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

from picpxct_nx import nexus
from picpxct_nx.deposit import identifiers, privacy, terms
from picpxct_nx.deposit.fault import Fault
from picpxct_nx.deposit.form import Said
from picpxct_nx.deposit.metadata import Institution, Person
from picpxct_nx.errors import MissingInputError, PicpxctError
from picpxct_nx.overview import overview
from picpxct_nx.provenance import Step
from picpxct_nx.records import Record, Scan
from picpxct_nx.validation import Report
from picpxct_nx.verdict import judge

Kind = Literal["raw", "derived", "auxiliary"]
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_FIELDS = (
    "user/name", "user/affiliation", "user/ORCID", "experiment_identifier", "start_time", "end_time", "sample/name",
)  # fmt: skip


@dataclass(frozen=True)
class Held:
    """One entry of a file. `facts` is its overview, `said` what its head says of people and places."""

    entry: str
    definition: str
    version: str
    uuid: str
    digest: str
    title: str
    history: tuple[Step, ...]
    facts: dict[str, Any]
    said: dict[str, str]

    @property
    def raw(self) -> bool:
        """Whether it is a raw scan."""
        return self.definition == Scan.DEFINITION


@dataclass(frozen=True)
class Holding:
    """One file: where it lies, its name in the deposit, and what was found in it.

    `stamp` is its length, time and place on the disk before it was looked at.
    """

    path: Path
    name: str
    kind: Kind
    size: int
    entries: tuple[Held, ...] = ()
    report: Report | None = None
    faults: tuple[Fault, ...] = field(default=(), compare=False)
    stamp: tuple[int, ...] = ()

    @property
    def archived(self) -> str:
        """Path of the file below `data/`."""
        return f"{self.kind}/{self.name}"


def survey(path: Path, *, personal: tuple[str, ...] = ()) -> Holding:
    """Look at a file: judge it strictly, read its entries and their digests, look for personal data.

    Memory is that of one record without its large arrays, which are read in blocks.

    Parameters
    ----------
    path : Path
        The file.
    personal : tuple of str
        Words that must not stand in it: the names of this account and machine.

    Raises
    ------
    MissingInputError
        The file is not there, or is a folder.
    """
    if path.is_dir():
        raise MissingInputError(f"{path}: is a folder; name files, for example {path}/*.nxs")
    try:
        before = path.stat()
        with path.open("rb") as handle:
            ours = handle.read(8) == _SIGNATURE
    except FileNotFoundError:
        raise MissingInputError(f"{path}: is not there; check the name") from None
    except OSError as error:
        raise MissingInputError(f"{path}: cannot be read ({error.strerror}); check its rights") from None
    if not ours:
        return Holding(path, path.name, "auxiliary", before.st_size, stamp=stamp(before))
    found = examine(path, path.name, before.st_size, path=path, personal=personal)
    return replace(found, stamp=stamp(before))


def stamp(stat: os.stat_result) -> tuple[int, ...]:
    """What changes when somebody writes to a file: length, time, place on the disk."""
    return stat.st_size, stat.st_mtime_ns, stat.st_ino


def examine(source: Path | BinaryIO, name: str, size: int, *, path: Path, personal: tuple[str, ...] = ()) -> Holding:
    """The same of an HDF5 file that may lie inside an archive."""
    report = judge(source, name)
    faults = [Fault(name, v.code, f"{v.path}: {v.message}", v.level) for v in report.violations]
    if not report.valid:
        return Holding(path, name, "derived", size, (), report, tuple(faults))
    try:
        with nexus.open_valid(source, name) as file:
            held = tuple(
                _held(nexus.read(file, entry), nexus.definition_version(file, entry)) for entry in nexus.entries(file)
            )
            found = privacy.check_texts(name, nexus.texts(file), lambda path: nexus.holds(file, path), personal)
            faults += found
    except PicpxctError as error:
        faults.append(Fault(name, "NOT_READABLE", str(error).removeprefix(f"{name}: ")))
        return Holding(path, name, "derived", size, (), report, tuple(faults))
    except OSError as error:
        faults.append(Fault(name, "DAMAGED", f"its data are damaged ({' '.join(str(error).split())[:120]})"))
        return Holding(path, name, "derived", size, (), report, tuple(faults))
    kinds = {one.raw for one in held}
    if len(kinds) > 1:
        faults.append(Fault(name, "MIXED", "holds raw scans and products; keep them in different files"))
    return Holding(path, name, "raw" if kinds == {True} else "derived", size, held, report, tuple(faults))


def glance(path: Path) -> Holding:
    """What a file says of people, places and things; its data are not read.

    Raises
    ------
    MissingInputError, InputError
        The file cannot be read, or is against its definition.
    """
    with nexus.open_valid(path, str(path)) as file:
        held = tuple(_headed(nexus.read(file, entry)) for entry in nexus.entries(file))
    return Holding(path, path.name, "raw" if all(one.raw for one in held) else "derived", path.stat().st_size, held)


def _headed(record: Record) -> Held:
    return Held(record.entry, record.DEFINITION, "", record.uuid, "", record.title, (), {}, _said_by(record))


def _said_by(record: Record) -> dict[str, str]:
    values = record.to_values()
    said = {path: str(values[path]) for path in _FIELDS if path in values}
    if isinstance(record, Scan):
        said |= {"instrument/name": record.instrument, "instrument/source/name": record.source}
    return said


def _held(record: Record, version: str) -> Held:
    facts = {name: value for name, value in overview(record).items() if name != "history"}
    return Held(
        entry=record.entry,
        definition=record.DEFINITION,
        version=version,
        uuid=record.uuid,
        digest=record.digest(),
        title=record.title,
        history=record.history,
        facts=facts,
        said=_said_by(record),
    )


def sha256(path: Path) -> str:
    """SHA-256 of the bytes of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def said(holdings: Iterable[Holding]) -> Said:
    """What all files together say of people, places, things and techniques."""
    entries = [held for holding in holdings for held in holding.entries]

    def every(path: str) -> tuple[str, ...]:
        return tuple(sorted({held.said[path] for held in entries if held.said.get(path)}))

    return Said(
        people=tuple(_people(entries)),
        samples=every("sample/name"),
        instruments=every("instrument/name"),
        facilities=every("instrument/source/name"),
        proposals=every("experiment_identifier"),
        techniques=tuple(
            dict.fromkeys(term for held in entries for term in terms.TECHNIQUES_OF.get(held.definition, ()))
        ),
    )


def _people(entries: Iterable[Held]) -> Iterator[Person]:
    """The users that files name; the last word of a name is taken for the family's."""
    seen = set()
    for held in entries:
        name = held.said.get("user/name")
        if name is None or name in seen:
            continue
        seen.add(name)
        *given, family = name.split()
        place = held.said.get("user/affiliation")
        yield Person(
            given=" ".join(given),
            family=family,
            orcid=identifiers.orcid(held.said.get("user/ORCID", "")),
            affiliations=(Institution(place),) if place else (),
        )


def times(entries: Iterable[Held]) -> tuple[str, str] | None:
    """First start and last end of what was measured, as written; None where nothing says."""
    raw = [held.said for held in entries if held.raw and "start_time" in held.said]
    starts = sorted(said["start_time"] for said in raw)
    ends = sorted(said.get("end_time", said["start_time"]) for said in raw)
    return (starts[0], ends[-1]) if starts else None
