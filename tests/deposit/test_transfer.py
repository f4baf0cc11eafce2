"""Bytes of large files: hashed right, copied whole, taken up where a run stopped, in little memory."""

import hashlib
import os
import tracemalloc
import zlib
from pathlib import Path

import pytest

from picpxct_nx.deposit import transfer as bytes_of
from picpxct_nx.deposit.transfer import BLOCK_BYTES, JOURNAL, Job, Sum, transfer, workshop
from picpxct_nx.errors import InputError, OutputError


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    """Three files: an empty one, a small one, one of more than a block."""
    made = []
    for name, content in (("a", b""), ("b", b"hello"), ("c", os.urandom(BLOCK_BYTES + 17))):
        path = tmp_path / f"{name}.nxs"
        path.write_bytes(content)
        made.append(Job(path, f"raw/{name}.nxs"))
    return made


def summed(path: Path, *, crc: bool = False) -> Sum:
    data = path.read_bytes()
    return Sum(len(data), hashlib.sha256(data).hexdigest(), zlib.crc32(data) if crc else 0)


@pytest.mark.parametrize("link", [False, True])
def test_copies_are_whole_and_their_sums_right(jobs: list[Job], tmp_path: Path, *, link: bool) -> None:
    with workshop(tmp_path / "crate") as shop:
        sums = transfer(jobs, shop, into=shop / "data", link=link, workers=3)
        for job in jobs:
            copy = shop / "data" / job.name
            assert sums[job.name] == summed(job.source) == summed(copy)
            assert copy.samefile(job.source) == link


def test_a_symbolic_link_is_followed(jobs: list[Job], tmp_path: Path) -> None:
    link = tmp_path / "l.nxs"
    link.symlink_to(jobs[1].source)
    with workshop(tmp_path / "crate") as shop:
        transfer([Job(link, "raw/l.nxs")], shop, into=shop / "data", link=True, workers=1)
        assert not (shop / "data/raw/l.nxs").is_symlink()
        assert (shop / "data/raw/l.nxs").samefile(jobs[1].source)


def test_an_archive_gets_checksums_of_its_own(jobs: list[Job], tmp_path: Path) -> None:
    with workshop(tmp_path / "crate.zip") as shop:
        sums = transfer(jobs, shop, into=None, link=False, workers=1)
    assert sums == {job.name: summed(job.source, crc=True) for job in jobs}


def test_progress_ends_at_all_bytes(jobs: list[Job], tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with workshop(tmp_path / "crate") as shop:
        transfer(jobs, shop, into=None, link=False, workers=1, report=lambda *row: told.append(row))
    assert told[-1] == (BLOCK_BYTES + 22, BLOCK_BYTES + 22)
    assert told == sorted(told)


def test_a_second_run_reads_nothing_that_the_first_one_finished(
    jobs: list[Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with workshop(tmp_path / "crate") as shop:
        first = transfer(jobs[:2], shop, into=shop / "data", link=False, workers=1)
        # The line in which a run was stopped is half written.
        with (shop / JOURNAL).open("a") as handle:
            handle.write('{"name": "raw/c.nxs", "sou')
    read: list[str] = []
    copy = bytes_of._copy

    def noted(source: Path, target: Path, counter: bytes_of.Counter) -> Sum:
        read.append(source.name)
        return copy(source, target, counter)

    monkeypatch.setattr(bytes_of, "_copy", noted)
    with workshop(tmp_path / "crate") as shop:
        second = transfer(jobs, shop, into=shop / "data", link=False, workers=1)
    assert read == ["c.nxs"]
    assert {name: second[name] for name in first} == first
    assert second["raw/c.nxs"] == summed(jobs[2].source)


def test_what_changed_between_two_runs_is_read_again(jobs: list[Job], tmp_path: Path) -> None:
    with workshop(tmp_path / "crate") as shop:
        transfer(jobs, shop, into=shop / "data", link=False, workers=1)
        jobs[1].source.write_bytes(b"HELLO")
        again = transfer(jobs, shop, into=shop / "data", link=False, workers=1)
        assert again["raw/b.nxs"] == summed(jobs[1].source)
        assert (shop / "data/raw/b.nxs").read_bytes() == b"HELLO"


def test_a_copy_that_went_missing_is_made_again(jobs: list[Job], tmp_path: Path) -> None:
    with workshop(tmp_path / "crate") as shop:
        transfer(jobs, shop, into=shop / "data", link=False, workers=1)
        (shop / "data/raw/c.nxs").write_bytes(b"cut short")
        transfer(jobs, shop, into=shop / "data", link=False, workers=1)
        assert summed(shop / "data/raw/c.nxs") == summed(jobs[2].source)


def test_a_file_that_somebody_writes_to_is_refused(
    jobs: list[Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_file = bytes_of._hash

    def meddle(source: Path, counter: bytes_of.Counter, *, crc: bool = False) -> Sum:
        found = hash_file(source, counter, crc=crc)
        with source.open("ab") as handle:
            handle.write(b"more")
        return found

    monkeypatch.setattr(bytes_of, "_hash", meddle)
    with workshop(tmp_path / "crate") as shop, pytest.raises(InputError, match="changed while it was read"):
        transfer(jobs[1:2], shop, into=None, link=False, workers=1)


def test_who_is_asked_to_end_does_not_wait_for_the_other_files(tmp_path: Path) -> None:
    jobs = []
    for name in "abc":
        with (tmp_path / f"{name}.nxs").open("wb") as handle:
            handle.truncate(40 * BLOCK_BYTES)
        jobs.append(Job(tmp_path / f"{name}.nxs", f"raw/{name}.nxs"))
    told: list[int] = []

    def interrupt(done: int, _: int) -> None:
        told.append(done)
        if len(told) == 4:
            raise KeyboardInterrupt

    with workshop(tmp_path / "crate") as shop, pytest.raises(KeyboardInterrupt):
        transfer(jobs, shop, into=None, link=False, workers=3, report=interrupt)
    assert len(told) < 40


def test_two_runs_do_not_work_on_one_deposit(tmp_path: Path) -> None:
    with workshop(tmp_path / "crate"), pytest.raises(OutputError, match="another run"):  # noqa: SIM117
        with workshop(tmp_path / "crate"):
            pass


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for size in (2**20, 2**26):
        path = tmp_path / f"{size}.nxs"
        with path.open("wb") as handle:
            handle.truncate(size)
        tracemalloc.start()
        with workshop(tmp_path / f"crate{size}") as shop:
            transfer([Job(path, "raw/x.nxs")], shop, into=None, link=False, workers=1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2**20
