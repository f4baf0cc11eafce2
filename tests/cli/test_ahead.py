"""Reading ahead changes nothing but the waiting: order, failures, files and bytes are as without it."""

import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np
import pytest

from picpxct_nx.cli import _ahead
from picpxct_nx.cli._ahead import read_ahead
from picpxct_nx.cli._output import Delivery
from picpxct_nx.crew import Hands
from picpxct_nx.errors import MissingInputError
from picpxct_nx.records import Record, Scan
from picpxct_nx.sharing import Group

from .conftest import FIRST, SECOND, Call


class _Hands:
    """Takes records, some at a time, and reconstructs nothing."""

    def __init__(self, count: int = 1) -> None:
        self.count, self.begun = count, list[str]()
        self.order: Callable[[Record], Any] | None = None

    def begin(self, work: Record | Group) -> None:
        assert isinstance(work, Record)
        self.begun.append(work.entry)

    def make(self, record: Record) -> Any:
        raise NotImplementedError

    def make_all(self, group: Group) -> Any:
        raise NotImplementedError

    def recall(self, scan: Record, product: Record) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def _read(inputs: list[str], hands: Hands | None = None, **how: Any) -> Generator[tuple[Record, str]]:
    return read_ahead(inputs, Scan, delivery=Delivery(quiet=True, **how), hands=hands or _Hands())


def _frames(record: Record) -> Any:
    assert isinstance(record, Scan)
    return record.frames


def test_the_next_entry_is_in_memory_while_one_is_used(made: Path) -> None:
    entries = _read([str(made / "scans.nxs")])
    first, name = next(entries)
    assert isinstance(_frames(first), np.ndarray)
    assert first.entry == FIRST
    assert name == str(made / "scans.nxs")
    second, _ = next(entries)
    assert second.entry == SECOND
    assert _frames(second).any()
    assert next(entries, None) is None


def test_several_hands_begin_on_several_entries(made: Path) -> None:
    hands = _Hands(2)
    entries = _read([str(made / "scans.nxs")], hands)
    assert next(entries)[0].entry == FIRST
    assert hands.begun == [FIRST, SECOND]
    assert [record.entry for record, _ in entries] == [SECOND]


def test_nothing_is_left_running_when_one_stops_early(made: Path) -> None:
    entries = _read([str(made / "scans.nxs")])
    next(entries)
    entries.close()
    assert "read ahead" not in {thread.name for thread in threading.enumerate()}


def test_a_failing_command_leaves_no_thread_to_the_garbage_collector(
    made: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Collected by the thread itself, the reader would have to wait for its own end.
    reading = threading.Event()

    def slow(entry: _ahead.Entry) -> _ahead.Entry:
        if reading.is_set():
            time.sleep(0.3)
        reading.set()
        return in_memory(entry)

    in_memory = _ahead.in_memory
    monkeypatch.setattr(_ahead, "in_memory", slow)
    (tmp_path / "dark.nxs").write_bytes((made / "scans.nxs").read_bytes())
    with h5py.File(tmp_path / "dark.nxs", "r+") as file:
        file[FIRST]["instrument/detector/data"][...] = 0
    result = call("reconstruct", "dark.nxs", "--recipe", "dm:1", "-o", "rec.nxs")
    assert result.exit_code == 65
    assert "read ahead" not in {thread.name for thread in threading.enumerate()}


def test_a_failure_comes_when_its_turn_comes(made: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.nxs"
    bad.write_bytes(b"not HDF5")
    entries = _read([f"{made / 'scans.nxs'}::{FIRST}", str(bad), f"{made / 'scans.nxs'}::{SECOND}"])
    assert next(entries)[0].entry == FIRST
    with pytest.raises(Exception, match=r"bad\.nxs"):
        next(entries)


def test_with_keep_going_a_failure_is_named_after_what_came_before(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.nxs"
    bad.write_bytes(b"not HDF5")
    delivery = Delivery(keep_going=True)
    scans = [f"{made / 'scans.nxs'}::{FIRST}", str(bad), f"{made / 'scans.nxs'}::{SECOND}"]
    entries = read_ahead(scans, Scan, delivery=delivery, hands=_Hands())
    assert next(entries)[0].entry == FIRST
    assert not capsys.readouterr().err
    assert [record.entry for record, _ in entries] == [SECOND]
    assert "bad.nxs" in capsys.readouterr().err
    assert delivery.failed == [str(bad)]


def test_a_missing_file_is_known_before_anything_is_read(made: Path) -> None:
    with pytest.raises(MissingInputError):
        next(_read([str(made / "scans.nxs"), "nowhere.nxs"]))


def test_what_is_done_already_is_not_read(made: Path, tmp_path: Path) -> None:
    (tmp_path / f"{FIRST}.nxs").touch()
    entries = _read([str(made / "scans.nxs")], output=f"{tmp_path}/", keep_going=True)
    done, left = [(record.entry, isinstance(_frames(record), np.ndarray)) for record, _ in entries]
    assert done == (FIRST, False)
    assert left == (SECOND, True)


def test_damaged_frames_stay_the_failure_of_who_uses_them(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(_: object) -> Any:
        raise OSError("wrong checksum")

    monkeypatch.setattr(_ahead, "in_memory", damaged)
    records = [record for record, _ in _read([str(made / "scans.nxs")])]
    assert [record.entry for record in records] == [FIRST, SECOND]


def test_many_scans_in_one_run_are_those_of_single_runs(made: Path, tmp_path: Path, call: Call) -> None:
    from picpxct_nx import nexus

    how = ("--recipe", "ml:2", "--device", "cpu:1", "--also", "none")
    call("reconstruct", made / "scans.nxs", *how, "-o", tmp_path / "both.nxs")
    with nexus.open_valid(tmp_path / "both.nxs", "both") as file:
        both = {entry: nexus.read(file, entry) for entry in nexus.entries(file)}
    assert list(both) == [FIRST, SECOND]
    for entry in (FIRST, SECOND):
        call("reconstruct", f"{made / 'scans.nxs'}::{entry}", *how, "-o", tmp_path / f"{entry}.nxs")
        with nexus.open_valid(tmp_path / f"{entry}.nxs", entry) as file:
            alone = nexus.read(file, entry)
        np.testing.assert_array_equal(alone.transmission, both[entry].transmission)  # type: ignore[attr-defined]
        assert alone.history[-1].inputs == both[entry].history[-1].inputs
