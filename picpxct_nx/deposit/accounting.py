"""The account of a deposit: every byte is one that was packed, or is named."""

import hashlib
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from picpxct_nx.deposit import bag, zipped
from picpxct_nx.deposit.fault import Fault
from picpxct_nx.deposit.opened import Opened, opened
from picpxct_nx.deposit.transfer import Counter, Report, Sum, stream

_TAGS = (bag.DECLARATION, bag.INFO, bag.MANIFEST)


@dataclass(frozen=True)
class Account:
    """The bytes of a deposit: sums of the files that are listed, which are as they were packed, and what is wrong."""

    held: Opened
    sums: Mapping[str, Sum]
    good: frozenset[str]
    faults: tuple[Fault, ...]


def account(path: Path, *, workers: int = 1, report: Report = lambda *_: None) -> Account:
    """Account for every byte of a deposit; what its files hold is not looked at.

    Parameters
    ----------
    path, workers, report
        As of `verifying.verify`.

    Raises
    ------
    MissingInputError, InputError
        As for `verifying.verify`.
    """
    found: list[Fault] = []
    held = opened(path, found)
    tags = {name: _bytes(held, name, found) for name in (*_TAGS, bag.TAGS)}
    listed = _check_tags(tags, found)
    payload = {name for name in held.sizes if name.startswith(bag.PAYLOAD)}
    found += _check_names(held, payload, listed, tags)
    sums = _sums(held, sorted(payload & set(listed)), found, (workers, report))
    good = frozenset(name for name, one in sums.items() if one.sha256 == listed[name])
    for name in sums.keys() - good:
        text = f"has sha256 {sums[name].sha256[:12]}..., was packed with {listed[name][:12]}...: its bytes changed"
        found.append(Fault(name, "HASH", text))
    found += _check_oxum(tags[bag.INFO], sums)
    if held.starts:
        found += _check_archive(held, sums, tags)
    return Account(held, sums, good, tuple(sorted(set(found))))


def _check_names(
    held: Opened, payload: set[str], listed: Mapping[str, str], tags: Mapping[str, bytes]
) -> Iterator[Fault]:
    """Files that are listed and not there, and those that are there and not listed."""
    for name in listed.keys() - payload:
        yield Fault(name, "MISSING_FILE", "is in the manifest and not there; copy it again")
    for name in payload - listed.keys():
        yield Fault(name, "STRAY_FILE", "is there and not in the manifest; take it out")
    for name in held.sizes.keys() - payload - tags.keys():
        yield Fault(name, "STRAY_FILE", "is no part of the bag; take it out")


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
