"""Packing: a plan becomes a folder or a .zip, under a hidden name until it is whole; a run that stopped goes on."""

import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from picpxct_nx.atomic import naming_disk_errors
from picpxct_nx.deposit import bag, zipped
from picpxct_nx.deposit.composing import Documents, compose
from picpxct_nx.deposit.planning import Plan
from picpxct_nx.deposit.survey import stamp
from picpxct_nx.deposit.transfer import Counter, Job, Report, Sum, stream, transfer, workshop
from picpxct_nx.errors import InputError, OutputError

# What of an archive is written already.
_WRITTEN = "written.jsonl"


def is_zip(target: Path) -> bool:
    """Whether a deposit under that name is a .zip archive."""
    return target.suffix.lower() == ".zip"


def refuse_existing(target: Path, *, overwrite: bool) -> None:
    """Stop for an output that may not be written.

    Raises
    ------
    OutputError
        It is there and may not be replaced, or is no deposit, or its folder is not there.
    """
    if not target.absolute().parent.is_dir():
        raise OutputError(f"{target}: its folder {target.parent} is not there; make it first")
    if not target.exists():
        return
    if not overwrite:
        raise OutputError(f"{target}: exists already; add --overwrite to replace it, or choose another name")
    ours = target.is_file() if is_zip(target) else (target / bag.DECLARATION).is_file() or _is_empty(target)
    if not ours:
        raise OutputError(f"{target}: is no deposit, so it is not replaced; choose another name")


def _is_empty(target: Path) -> bool:
    return target.is_dir() and not any(target.iterdir())


def pack(
    plan: Plan, target: Path, commands: Mapping[str, str], *, link: bool, workers: int, report: Report
) -> dict[str, tuple[int, str]]:
    """Write a deposit; length and SHA-256 of every file below `data/` by its path.

    Raises
    ------
    InputError
        A file changed since it was looked at.
    OutputError, RetryError
        The deposit cannot be written, or the disk is full.
    """
    jobs = [Job(holding.path, holding.archived) for holding in plan.holdings]
    with workshop(target) as shop:
        folder = shop / "bag"
        into = None if is_zip(target) else folder / "data"
        sums = transfer(jobs, shop, into=into, link=link, workers=workers, report=report)
        for holding in plan.holdings:
            if stamp(holding.path.stat()) != holding.stamp:
                raise InputError(f"{holding.path}: changed since it was looked at; run again when nobody writes to it")
        documents = compose(plan, sums, commands)
        payload = {name: (one.size, one.sha256) for name, one in sums.items()}
        payload |= {name: (len(content), _sha256(content)) for name, content in documents.items()}
        tags = {tag.name: tag.content for tag in bag.tags(payload, plan.metadata, target.name)}
        with naming_disk_errors(str(target)):
            if into is None:
                _write_zip(target, shop, jobs, (sums, documents, tags), report)
            else:
                _write_folder(folder, set(sums), documents, tags)
                _publish(folder, target)
            shutil.rmtree(shop)
    return payload


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write_folder(folder: Path, given: set[str], documents: Documents, tags: Documents) -> None:
    wanted = {f"data/{name}" for name in given | set(documents)} | set(tags)
    for path in list(folder.rglob("*")):
        # What an earlier run of other inputs left.
        if path.is_file() and path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
    for name, content in {**{f"data/{name}": text for name, text in documents.items()}, **tags}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            with suppress(OSError):  # it stays where something is in it
                path.rmdir()


def _publish(folder: Path, target: Path) -> None:
    """Give the finished folder its name; an older one goes only once the new one can take its place."""
    old = target.with_name(f".{target.name}.old")
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
    folder.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    handle = os.open(target.absolute().parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_zip(
    target: Path, shop: Path, jobs: list[Job], parts: tuple[Mapping[str, Sum], Documents, Documents], report: Report
) -> None:
    """Write the archive in the workshop and give it its name; files are read once more, and must be the same.

    What an earlier run wrote to the same place is left as it is.
    """
    sums, documents, tags = parts
    contents = {**tags, **{f"data/{name}": content for name, content in documents.items()}}
    files = [(name, len(content), zlib.crc32(content)) for name, content in contents.items()]
    sources = {f"data/{job.name}": job for job in jobs}
    files += [(name, sums[job.name].size, sums[job.name].crc32) for name, job in sources.items()]
    # Members lie at the top, where validators of crates look for them: RFC 8493 would have one folder around them.
    members = zipped.layout(sorted(files))
    counter = Counter(sum(one.size for one in sums.values()), report)

    def pour(member: zipped.Member, sink: BinaryIO) -> None:
        if member.name in contents:
            sink.write(contents[member.name])
            return
        job = sources[member.name]
        with job.source.open("rb", buffering=0) as handle:
            if stream(handle, sink, counter.add, crc=True) != sums[job.name]:
                raise InputError(f"{job.source}: changed while it was packed; run again when nobody writes to it")

    hidden, notes = shop / target.name, shop / _WRITTEN
    there = _written(hidden, notes, members)
    for member in there:
        counter.add(member.size if member.name in sources else 0)
    with hidden.open("r+b" if hidden.exists() else "wb") as sink, notes.open("a", encoding="utf-8") as log:

        def poured(member: zipped.Member, sink: BinaryIO) -> None:
            pour(member, sink)
            if member.name in sources:
                sink.flush()
                os.fsync(sink.fileno())
                log.write(json.dumps([member.name, member.size, member.crc32, member.offset]) + "\n")
                log.flush()

        zipped.write(sink, members, poured, there)
        sink.flush()
        os.fsync(sink.fileno())
    hidden.replace(target)


def _written(hidden: Path, notes: Path, members: Sequence[zipped.Member]) -> list[zipped.Member]:
    """Members that an earlier run wrote where this one would write them."""
    if not (hidden.exists() and notes.exists()):
        return []
    rows = set()
    for line in notes.read_text("utf-8", errors="replace").splitlines():
        try:
            rows.add(tuple(json.loads(line)))
        except (ValueError, TypeError):
            continue  # the line in which the earlier run was stopped
    length = hidden.stat().st_size
    return [
        one for one in members
        if (one.name, one.size, one.crc32, one.offset) in rows and one.start + one.size <= length
    ]  # fmt: skip
