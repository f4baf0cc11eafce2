"""A deposit years later: every byte accounted for, every file valid, every chain closed."""

import hashlib
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from picpxct_nx import nxdl
from picpxct_nx.deposit import bag, crate, lineage, zipped
from picpxct_nx.deposit.fault import Fault
from picpxct_nx.deposit.opened import Opened, opened
from picpxct_nx.deposit.pool import each
from picpxct_nx.deposit.survey import Holding, examine
from picpxct_nx.deposit.transfer import Counter, Report, Sum, stream

_RAW, _DERIVED, _AUXILIARY = "data/raw/", "data/derived/", "data/auxiliary/"
_TAGS = (bag.DECLARATION, bag.INFO, bag.MANIFEST)


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
    found: list[Fault] = []
    state = _Bytes(opened(path, found), found)
    state.check(workers, report)
    good, sums = state.good, state.sums
    document = _document(state.held, good, found)
    found += _check_crate(state.held, document, sums, good)
    holdings = _examined(state.held, sorted(good), workers, checked)
    found += [fault for holding in holdings for fault in holding.faults if fault.level == "error"]
    hashes = {h.name: sums[f"{_AUXILIARY}{h.name}"].sha256 for h in holdings if h.kind == "auxiliary"}
    if document:
        # At raw data that are held, or at what the crate says is kept elsewhere.
        found += lineage.trace(holdings, crate.elsewhere(document), hashes)[1]
    size = sum(one.size for one in sums.values())
    return Verdict(str(path), len(sums), size, sum(len(h.entries) for h in holdings), tuple(sorted(set(found))))


def altered(path: Path, *, workers: int = 1, report: Report = lambda *_: None) -> tuple[Fault, ...]:
    """What is wrong with the bytes of a deposit; what its files hold is not looked at.

    Raises
    ------
    MissingInputError, InputError
        As for `verify`.
    """
    found: list[Fault] = []
    _Bytes(opened(path, found), found).check(workers, report)
    return tuple(sorted(set(found)))


@dataclass
class _Bytes:
    """The bytes of a deposit: what was found of them, and which files are as they were packed."""

    held: Opened
    found: list[Fault]
    sums: dict[str, Sum] = field(default_factory=dict)
    good: set[str] = field(default_factory=set)

    def check(self, workers: int, report: Report) -> None:
        """Account for every byte."""
        held, found = self.held, self.found
        tags = {name: _bytes(held, name, found) for name in (*_TAGS, bag.TAGS)}
        listed = _check_tags(tags, found)
        payload = {name for name in held.sizes if name.startswith(bag.PAYLOAD)}
        told = "is in the manifest and not there; copy it again"
        found += [Fault(name, "MISSING_FILE", told) for name in listed if name not in payload]
        found += [
            Fault(name, "STRAY_FILE", "is there and not in the manifest; take it out") for name in payload - set(listed)
        ]
        found += [
            Fault(name, "STRAY_FILE", "is no part of the bag; take it out")
            for name in held.sizes
            if name not in payload and name not in tags
        ]
        self.sums = _sums(held, sorted(payload & set(listed)), found, (workers, report))
        for name, one in self.sums.items():
            if one.sha256 == listed[name]:
                self.good.add(name)
            else:
                text = f"has sha256 {one.sha256[:12]}..., was packed with {listed[name][:12]}...: its bytes changed"
                found.append(Fault(name, "HASH", text))
        found += _check_oxum(tags[bag.INFO], self.sums)
        if held.starts:
            found += _check_archive(held, self.sums, tags)


def _bytes(held: Opened, name: str, found: list[Fault]) -> bytes:
    if name not in held.sizes:
        found.append(Fault(name, "NOT_A_BAG", "is missing; wanted a deposit that picpxct deposit made"))
        return b""
    with held.open(name) as handle:
        return handle.read()


def _check_tags(tags: Mapping[str, bytes], found: list[Fault]) -> dict[str, str]:
    """Digests of the payload by name; every byte of the tag files is accounted for, those of the last one as well."""
    wanted = bag.manifest({name: hashlib.sha256(tags[name]).hexdigest() for name in _TAGS})
    if tags[bag.TAGS] and tags[bag.TAGS] != wanted:
        stated = bag.parse(tags[bag.TAGS]) or {}
        actual = bag.parse(wanted) or {}
        wrong = [name for name in _TAGS if name in stated and stated[name] != actual[name]]
        for name in wrong:
            found.append(Fault(name, "HASH", "is not what the tag manifest says: its bytes changed, or the manifest's"))
        if not wrong:
            found.append(Fault(bag.TAGS, "HASH", "is not as it was written: its bytes changed"))
    listed = bag.parse(tags[bag.MANIFEST])
    if listed is None:
        found.append(Fault(bag.MANIFEST, "HASH", "is not as it was written: its bytes changed"))
        return {}
    return listed


def _sums(held: Opened, names: list[str], found: list[Fault], how: tuple[int, Report]) -> dict[str, Sum]:
    """Sums of the files that can be read."""
    workers, report = how
    counter = Counter(sum(held.sizes[name] for name in names), report)

    def work(name: str) -> tuple[str, Sum | OSError]:
        try:
            with held.open(name) as handle:
                return name, stream(handle, None, counter.add, crc=bool(held.starts))
        except OSError as error:
            return name, error

    with ThreadPoolExecutor(max(1, workers)) as pool:
        try:
            results = list(pool.map(work, names))
        except BaseException:
            counter.stop()
            raise
    found += [
        Fault(name, "UNREADABLE", f"cannot be read ({one.strerror}); check its rights and its disk")
        for name, one in results
        if isinstance(one, OSError)
    ]
    return {name: one for name, one in results if isinstance(one, Sum)}


def _check_oxum(info: bytes, sums: Mapping[str, Sum]) -> Iterator[Fault]:
    wanted = bag.oxum({name: (one.size, one.sha256) for name, one in sums.items()})
    stated = [
        line.partition(": ")[2]
        for line in info.decode("utf-8", "replace").splitlines()
        if line.startswith("Payload-Oxum")
    ]
    if info and stated != [wanted]:
        yield Fault(bag.INFO, "OXUM", f"says Payload-Oxum {', '.join(stated) or 'nothing'}; there are {wanted}")


def _check_archive(held: Opened, sums: Mapping[str, Sum], tags: Mapping[str, bytes]) -> Iterator[Fault]:
    """Bytes of an archive that belong to no file."""
    rows = [(name, len(content), zlib.crc32(content)) for name, content in tags.items()]
    rows += [(name, one.size, one.crc32) for name, one in sums.items()]
    if {name for name, _, _ in rows} != set(held.sizes):
        return
    members = zipped.layout(sorted(rows))
    with held.path.open("rb") as handle:
        for text in zipped.differences(handle, members, held.path.stat().st_size):
            yield Fault(held.path.name, "ARCHIVE", text)


def _document(held: Opened, good: set[str], found: list[Fault]) -> dict[str, Any]:
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


def _check_crate(held: Opened, document: Mapping[str, Any], sums: Mapping[str, Sum], good: set[str]) -> Iterator[Fault]:
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
