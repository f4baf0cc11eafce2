"""Packing: what changed is refused, what was stopped goes on, and the same inputs make the same bytes."""

import json
import shutil
from pathlib import Path

import pytest

from picpxct_nx.deposit import packing, planning
from picpxct_nx.deposit.accounting import account
from picpxct_nx.deposit.planning import Plan
from picpxct_nx.deposit.transfer import Counter, stream
from picpxct_nx.errors import InputError

from .conftest import FORM, NAMES, SAMPLES, packed


@pytest.fixture
def mine(tmp_path: Path) -> Plan:
    """A plan of copies that may be changed."""
    files = [Path(shutil.copy(SAMPLES / name, tmp_path / name)) for name in NAMES]
    return planning.plan(planning.look(files), FORM, {}, "form")


def test_the_same_inputs_make_the_same_archive(plan: Plan, archive: Path, tmp_path: Path) -> None:
    # The bag knows itself by the name of its archive.
    assert packed(plan, tmp_path / archive.name).read_bytes() == archive.read_bytes()


def test_a_folder_and_an_archive_hold_the_same_files(crate: Path, archive: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(archive, tmp_path / "out")
    names = {path.relative_to(crate) for path in crate.rglob("*") if path.is_file()}
    assert names == {path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert account(tmp_path / "out").faults == ()


def test_a_file_that_changed_after_it_was_looked_at_is_refused(mine: Plan, tmp_path: Path) -> None:
    content = (tmp_path / "dose.nxs").read_bytes()
    (tmp_path / "dose.nxs").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(InputError, match="changed since it was looked at"):
        packed(mine, tmp_path / "crate")
    assert not (tmp_path / "crate").exists()


def test_an_archive_that_was_stopped_goes_on_behind_what_is_written(
    mine: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, read = tmp_path / "crate.zip", list[str]()

    def stopping(source, sink, count, *, crc):  # type: ignore[no-untyped-def]
        read.append(Path(source.name).name)
        if len(read) == 3 and sink is not None:
            raise KeyboardInterrupt
        return stream(source, sink, count, crc=crc)

    monkeypatch.setattr(packing, "stream", stopping)
    with pytest.raises(KeyboardInterrupt):
        packed(mine, target)
    assert not target.exists()
    rows = (tmp_path / ".crate.zip.part/written.jsonl").read_text().splitlines()
    done = {Path(json.loads(row)[0]).name for row in rows}
    assert len(done) == 2
    read.clear()

    def noted(source, sink, count, *, crc):  # type: ignore[no-untyped-def]
        read.append(Path(source.name).name)
        return stream(source, sink, count, crc=crc)

    monkeypatch.setattr(packing, "stream", noted)
    packed(mine, target)
    assert set(read) == set(NAMES) - done
    assert account(target).faults == ()
    assert not (tmp_path / ".crate.zip.part").exists()


def test_files_of_an_earlier_run_with_other_inputs_do_not_stay(mine: Plan, tmp_path: Path) -> None:
    shop = tmp_path / ".crate.part/bag/data/raw"
    shop.mkdir(parents=True)
    (shop / "old.nxs").write_bytes(b"old")
    packed(mine, tmp_path / "crate")
    assert not (tmp_path / "crate/data/raw/old.nxs").exists()
    assert account(tmp_path / "crate").faults == ()


def test_bytes_are_counted_from_every_worker() -> None:
    told: list[tuple[int, int]] = []
    counter = Counter(10, lambda done, total: told.append((done, total)))
    for part in (3, 7):
        counter.add(part)
    assert told == [(3, 10), (10, 10)]
