"""Bytes of large files: copied or linked and hashed in one pass, several at a time; a run that stopped goes on."""

import fcntl
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from picpxct_nx.atomic import naming_disk_errors
from picpxct_nx.errors import InputError, OutputError, RetryError

# Memory of one worker; larger blocks are no faster.
BLOCK_BYTES = 4 * 2**20
JOURNAL = "journal.jsonl"

# Bytes done, bytes in all.
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Sum:
    """Length and SHA-256 of the bytes of a file, and CRC-32 where an archive needs it."""

    size: int
    sha256: str
    crc32: int = 0


@dataclass(frozen=True)
class Job:
    """One file that goes into a deposit: where it lies, and its path below `data/`."""

    source: Path
    name: str


class StoppedError(Exception):
    """Another worker failed, or a signal came."""


class Counter:
    """Bytes done so far, told to a listener from any worker; whoever counts on after `stop` is ended."""

    def __init__(self, total: int, report: Report) -> None:
        self._total, self._report = total, report
        self._done, self._lock, self._stopped = 0, Lock(), False

    def stop(self) -> None:
        """End every worker at its next block: who is asked to end must not wait for 30 GB."""
        self._stopped = True

    def add(self, count: int) -> None:
        """Count bytes as done."""
        if self._stopped:
            raise StoppedError
        with self._lock:
            self._done += count
            self._report(self._done, self._total)


def stream(source: BinaryIO, sink: BinaryIO | None, count: Callable[[int], None], *, crc: bool) -> Sum:
    """Hash everything that a stream has left, and copy it if there is a sink; `crc` asks for the CRC-32 as well.

    Memory is one block, however long the stream is.
    """
    total, check, size = hashlib.sha256(), 0, 0
    block = bytearray(BLOCK_BYTES)
    view = memoryview(block)
    while length := source.readinto(block):  # type: ignore[attr-defined]
        part = view[:length]
        total.update(part)
        if crc:
            check = zlib.crc32(part, check)
        if sink is not None:
            sink.write(part)
        size += length
        count(length)
    return Sum(size, total.hexdigest(), check)


@contextmanager
def workshop(target: Path) -> Iterator[Path]:
    """The hidden folder `.NAME.part` beside a target in which it is made; it stays where a run is interrupted.

    Raises
    ------
    OutputError
        It cannot be made, or another run is at work in it.
    """
    folder = target.with_name(f".{target.name}.part")
    with naming_disk_errors(str(target)):
        folder.mkdir(exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(f"{target}: another run is making it; wait for its end") from None
        yield folder
    finally:
        os.close(handle)


def transfer(
    jobs: Sequence[Job], shop: Path, *, into: Path | None, link: bool, workers: int, report: Report = lambda *_: None
) -> dict[str, Sum]:
    """Hash every file, and copy or link it into a folder; what the journal of an earlier run vouches for is not read.

    Parameters
    ----------
    jobs : sequence of Job
    shop : Path
        Folder with the journal.
    into : Path or None
        Folder that gets the files, or None to hash them only.
    link : bool
        Whether to make hard links instead of copies.
    workers : int
        Files at a time.
    report : callable, optional
        Told of the bytes done and of those in all.

    Raises
    ------
    InputError
        A file cannot be read, or changed while it was read.
    OutputError, RetryError
        A copy cannot be written, a link cannot be made, or the disk is full.
    """
    known = _known(shop, jobs, into)
    counter = Counter(sum(job.source.stat().st_size for job in jobs), report)
    counter.add(sum(one.size for one in known.values()))
    lock = Lock()

    def work(job: Job) -> tuple[str, Sum]:
        found = known.get(job.name) or _one(job, into, counter, link=link)
        if job.name not in known:
            with lock:
                _note(shop, job, found)
        return job.name, found

    with ThreadPoolExecutor(max(1, workers)) as pool:
        futures = [pool.submit(work, job) for job in jobs]
        try:
            return dict(future.result() for future in as_completed(futures))
        except BaseException:
            counter.stop()
            pool.shutdown(cancel_futures=True)
            raise


def _one(job: Job, into: Path | None, counter: Counter, *, link: bool) -> Sum:
    before = job.source.stat()
    if into is None:
        # Without a folder the files go into an archive.
        found = _hash(job.source, counter, crc=True)
    else:
        target = into / job.name
        with naming_disk_errors(str(target)):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
        found = _link(job.source, target, counter) if link else _copy(job.source, target, counter)
    after = job.source.stat()
    if _stamp(before) != _stamp(after) or found.size != after.st_size:
        raise InputError(f"{job.source}: changed while it was read; wait until nobody writes to it, and run again")
    return found


def _hash(source: Path, counter: Counter, *, crc: bool = False) -> Sum:
    try:
        with source.open("rb", buffering=0) as handle:
            return stream(handle, None, counter.add, crc=crc)
    except OSError as error:
        raise InputError(f"{source}: cannot be read ({error.strerror}); check the disk it lies on") from None


def _link(source: Path, target: Path, counter: Counter) -> Sum:
    try:
        # Of a symbolic link it is the file that is meant.
        target.hardlink_to(source.resolve())
    except OSError as error:
        raise OutputError(
            f"{target}: no hard link to {source} can be made ({error.strerror}); put the deposit on the same disk, or "
            "leave --link out"
        ) from None
    return _hash(source, counter)


def _copy(source: Path, target: Path, counter: Counter) -> Sum:
    with naming_disk_errors(str(target)), source.open("rb", buffering=0) as handle, target.open("wb", 0) as sink:
        length = os.fstat(handle.fileno()).st_size
        # Room is asked for before anything is written, so that a full disk shows at once.
        if length:
            try:
                os.posix_fallocate(sink.fileno(), 0, length)
            except OSError as error:
                raise RetryError(f"{target}: no room for {length} bytes ({error.strerror}); free some") from None
        found = stream(handle, sink, counter.add, crc=False)
        os.fsync(sink.fileno())
    return found


def _stamp(stat: os.stat_result) -> list[int]:
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino]


def _note(shop: Path, job: Job, found: Sum) -> None:
    row = {"name": job.name, "source": str(job.source.absolute()), "stamp": _stamp(job.source.stat())} | asdict(found)
    with (shop / JOURNAL).open("a", encoding="utf-8") as handle:
        handle.write(json.dumps(row) + "\n")
        handle.flush()
        os.fsync(handle.fileno())


def _known(shop: Path, jobs: Iterable[Job], into: Path | None) -> dict[str, Sum]:
    """What an earlier run finished: files that have not changed since, and whose copy is there in full length."""
    rows: dict[str, dict[str, object]] = {}
    path = shop / JOURNAL
    if path.exists():
        for line in path.read_text("utf-8", errors="replace").splitlines():
            try:
                row = json.loads(line)
                rows[row["name"]] = row
            except (ValueError, KeyError, TypeError):
                continue  # the line in which the earlier run was stopped
    found = {}
    for job in jobs:
        row = rows.get(job.name, {})
        same = row.get("source") == str(job.source.absolute()) and row.get("stamp") == _stamp(job.source.stat())
        copy = None if into is None else into / job.name
        if same and (copy is None or (copy.is_file() and copy.stat().st_size == row["size"])):
            found[job.name] = Sum(int(str(row["size"])), str(row["sha256"]), int(str(row["crc32"])))
    return found
