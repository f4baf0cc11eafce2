"""What must not stop a watch: scans that do not fit together, pages that cannot be made, results that are there."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from picpxct_nx import nexus
from picpxct_nx.cli import _watch
from picpxct_nx.cli._output import Delivery
from picpxct_nx.errors import InputError
from picpxct_nx.records import Record

from .conftest import FIRST

MakeRecord = Callable[..., Record]


@pytest.fixture
def live(tmp_path: Path) -> _watch.Live:
    (tmp_path / "in").mkdir()
    return _watch.Live(tmp_path / "in", None, Delivery(output=f"{tmp_path}/recs/", keep_going=True, quiet=True))


def test_a_scan_with_other_targets_is_left_out_of_the_page(
    live: _watch.Live, make_record: MakeRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    first = make_record("NXspecptycho_scan", entry="scan_1")
    other = dataclasses.replace(first, entry="scan_2", uuid="b", extra={**first.extra, "targets/drift": 9.0})
    live.take(first, "a.nxs")
    live.take(other, "b.nxs")
    assert "without scan_2" in capsys.readouterr().err
    live.write()
    assert "scan_1" in live.page.read_text("utf-8")


def test_a_page_that_cannot_be_made_does_not_stop_the_scans(
    live: _watch.Live, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> str:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("picpxct_nx.report.page.page", broken)
    live.write()
    assert "not written (ZeroDivisionError: a bug)" in capsys.readouterr().err
    assert not live.page.exists()


def test_failures_are_on_the_page(live: _watch.Live) -> None:
    live.fail("bad.nxs", InputError("bad.nxs: is truncated at 12 bytes"))
    live.delivery.failed.append("scan_7")
    live.write()
    text = live.page.read_text("utf-8")
    assert "is truncated at 12 bytes" in text
    assert "scan_7" in text
    assert "0/2" in text


def test_a_page_is_written_only_when_something_is_new(live: _watch.Live) -> None:
    live.write()
    before = live.page.stat().st_mtime_ns
    live.write()
    assert live.page.stat().st_mtime_ns == before
    live.changed = True
    live.write()
    assert live.page.stat().st_mtime_ns != before


def test_a_watch_that_starts_again_shows_what_is_there(
    live: _watch.Live, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.page.parent.mkdir()
    with nexus.open_valid(made / "recs.nxs", "recs.nxs") as file:
        nexus.write(live.page.parent / f"{FIRST}.nxs", [nexus.read(file, FIRST)])
    monkeypatch.setattr(_watch, "asked", lambda: True)
    assert list(live.scans()) == []
    text = live.page.read_text("utf-8")
    assert FIRST in text
    assert 'id="live"' not in text
