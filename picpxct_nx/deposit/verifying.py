"""A deposit years later: every byte accounted for, every file valid, every chain closed."""

import hashlib
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from picpxct_nx import nxdl
from picpxct_nx.deposit import bag, crate, lineage, zipped
from picpxct_nx.deposit.fault import Fault
from picpxct_nx.deposit.opened import Opened, opened
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


def verify(path: Path, *, workers: int = 1, report: Report = lambda *_: None) -> Verdict:
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
    found += _check_crate(state.held, sums, good)
    holdings = tuple(_examined(state.held, sorted(good), found))
    found += _check_chains(state.held, holdings, {name: sums[name].sha256 for name in good})
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
        self.sums = _sums(held, sorted(payload & set(listed)), workers, report)
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


def _sums(held: Opened, names: list[str], workers: int, report: Report) -> dict[str, Sum]:
    counter = Counter(sum(held.sizes[name] for name in names), report)

    def work(name: str) -> tuple[str, Sum]:
        with held.open(name) as handle:
            return name, stream(handle, None, counter.add, crc=bool(held.starts))

    with ThreadPoolExecutor(max(1, workers)) as pool:
        return dict(pool.map(work, names))


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


def _check_crate(held: Opened, sums: Mapping[str, Sum], good: Iterable[str]) -> Iterator[Fault]:
    """What the crate's document says of its files, and whether the definitions are those that this program knows."""
    name = f"{bag.PAYLOAD}{crate.DESCRIPTOR}"
    if name not in set(good):
        yield Fault(name, "NO_CRATE", "is missing or damaged; the deposit cannot be understood without it")
        return
    with held.open(name) as handle:
        document = json.loads(handle.read())
    described = dict[str, tuple[str, str]]()
    for file, size, digest in crate.names_of(document):
        described[f"{bag.PAYLOAD}{file}"] = (size, digest)
    for file, one in sums.items():
        if file != name and file in set(good) and described.get(file) != (str(one.size), one.sha256):
            yield Fault(file, "CRATE", f"{crate.DESCRIPTOR} does not describe it, or another length or hash")
    for file in described.keys() - sums.keys():
        yield Fault(file, "CRATE", f"{crate.DESCRIPTOR} describes it, and it is not there")
    for file in sorted(set(good)):
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


def _examined(held: Opened, good: Iterable[str], found: list[Fault]) -> Iterator[Holding]:
    """The files that hold data, as surveyed; what stands against them goes to the faults."""
    for name in good:
        if name.startswith(_AUXILIARY):
            yield Holding(held.path / name, name.removeprefix(_AUXILIARY), "auxiliary", held.sizes[name])
        if not name.startswith((_RAW, _DERIVED)):
            continue
        path = held.source(name)
        if path is not None:
            holding = examine(path, name, held.sizes[name], path=path)
        else:
            with held.open(name) as handle:
                holding = examine(io.BufferedReader(handle), name, held.sizes[name], path=held.path / name)  # type: ignore[type-var]
        found += [fault for fault in holding.faults if fault.level == "error"]
        yield holding


def _check_chains(held: Opened, holdings: tuple[Holding, ...], digests: Mapping[str, str]) -> Iterable[Fault]:
    """Whether the chains still close: at raw data that are held, or at what the crate says is kept elsewhere."""
    name = f"{bag.PAYLOAD}{crate.DESCRIPTOR}"
    if name not in digests:
        return ()
    with held.open(name) as handle:
        document = json.loads(handle.read())
    hashes = {h.name: digests[f"{_AUXILIARY}{h.name}"] for h in holdings if h.kind == "auxiliary"}
    _, faults = lineage.trace(holdings, crate.elsewhere(document), hashes)
    return faults
