"""picpxct report and reconstruct --watch as a user runs them."""

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from picpxct_nx import nexus
from picpxct_nx.records import Reconstruction
from picpxct_nx.report.gather import Gathered, done
from picpxct_nx.values import Array

from .conftest import FIRST, SECOND, TINY, Call, Run, command, environment, message


def test_a_page_is_made_of_files_of_any_kind(call: Call, made: Path, tmp_path: Path) -> None:
    result = call("report", made / "scans.nxs", made / "recs.nxs", "-o", "report.html")
    assert result.exit_code == 0, result.stderr
    text = (tmp_path / "report.html").read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert FIRST in text
    assert "scans 2/2 (good)" in result.stderr


def test_the_figures_are_printed_for_programs(call: Call, made: Path, tmp_path: Path) -> None:
    result = call("report", made / "recs.nxs", "--json", "--set", "drift=1 nm")
    tiles = {tile["name"]: tile for tile in json.loads(result.stdout)["verdict"]}
    assert tiles["Scans"]["value"] == "2/2"
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_makes_a_page_as_well(shell: Run, made: Path, tmp_path: Path) -> None:
    result = shell(f"cat {made / 'recs.nxs'} | picpxct report -o r.html")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "r.html").stat().st_size > 20000


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 2, "wanted the name of a page"),
        (("-o", "report.pdf"), 2, "wanted the name of a page"),
        (("-o", "nowhere/report.html"), 73, "is not there"),
        (("-o", "r.html", "--set", "half_period=60"), 2, "has no unit"),
        (("-o", "r.html", "--set", "colour=1"), 2, "wanted NAME=VALUE"),
    ],
)
def test_a_mistake_is_told_in_one_line(call: Call, made: Path, words: tuple[str, ...], code: int, says: str) -> None:
    result = call("report", made / "recs.nxs", *words)
    assert result.exit_code == code
    assert says in message(result)


def test_an_existing_page_is_kept(call: Call, made: Path, tmp_path: Path) -> None:
    (tmp_path / "r.html").write_text("mine")
    result = call("report", made / "recs.nxs", "-o", "r.html")
    assert result.exit_code == 73
    assert (tmp_path / "r.html").read_text() == "mine"


def test_a_damaged_file_is_gone_past_and_named(call: Call, made: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.nxs").write_bytes(b"nothing")
    result = call("report", "bad.nxs", made / "recs.nxs", "--keep-going", "-o", "r.html")
    assert result.exit_code == 70
    assert (tmp_path / "r.html").exists()
    assert call("report", "bad.nxs", made / "recs.nxs", "-o", "s.html").exit_code == 65


@pytest.mark.slow
def test_the_command_of_a_scan_makes_the_same_image_again(made: Path, call: Call, shell: Run, tmp_path: Path) -> None:
    shutil.copy(made / "scan.nxs", tmp_path)
    how = ("--recipe", "pie:2,ml:2", "--refine", "positions", "--set", "ml.damping=0.03", "--set", "positions.limit=2")
    assert call("reconstruct", "scan.nxs", *how, "--seed", "3", "--device", "cpu:1", "-o", "rec.nxs").exit_code == 0
    gathered = Gathered()
    for name in ("scan.nxs", "rec.nxs"):
        with nexus.open_valid(tmp_path / name, name) as file:
            gathered.add(nexus.read(file, FIRST), name)
    first = _image(tmp_path / "rec.nxs")
    again = shell(done(gathered)[0].redo)
    assert again.returncode == 0, again.stderr
    np.testing.assert_array_equal(_image(tmp_path / "rec.nxs"), first)


def _image(path: Path) -> Array:
    with nexus.open_valid(path, str(path)) as file:
        record = nexus.read(file, FIRST)
        assert isinstance(record, Reconstruction)
        return np.array(record.transmission)


def _wait(condition: object, watcher: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if condition():  # type: ignore[operator]
            return
        assert watcher.poll() is None, watcher.stderr and watcher.stderr.read()
        time.sleep(0.1)
    raise AssertionError("nothing came")


@pytest.mark.slow
def test_scans_are_taken_as_they_land_and_the_page_follows(made: Path, call: Call, tmp_path: Path) -> None:
    assert (
        call("simulate", *TINY, "--energies", "5460 eV, 5471 eV", "--rotations", "0 deg", "-o", "out/").exit_code == 0
    )
    (tmp_path / "in").mkdir()
    words = command("reconstruct", "--watch", "in", "-o", "recs/", "--recipe", "dm:2", "--also", "none", "-q")
    watcher = subprocess.Popen(words, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE)
    page, whole = tmp_path / "recs" / "report.html", tmp_path / "out" / f"{FIRST}.nxs"
    try:
        _wait(page.exists, watcher)
        # Half a file, which must not be touched, then the rest of it in place.
        raw = whole.read_bytes()
        target = tmp_path / "in" / whole.name
        target.write_bytes(raw[: len(raw) // 2])
        shutil.copy(tmp_path / "out" / f"{SECOND}.nxs", tmp_path / "in" / f"{SECOND}.nxs")
        _wait((tmp_path / "recs" / f"{SECOND}.nxs").exists, watcher)
        assert not (tmp_path / "recs" / f"{FIRST}.nxs").exists()
        target.write_bytes(raw)
        _wait((tmp_path / "recs" / f"{FIRST}.nxs").exists, watcher)
        _wait(lambda: f"<option>{FIRST}</option>" in page.read_text("utf-8"), watcher)
        assert 'id="live"' in page.read_text("utf-8")
    finally:
        watcher.send_signal(signal.SIGINT)
        _, said = watcher.communicate(timeout=60)
    assert watcher.returncode == 130, said
    assert b"Traceback" not in said
    assert 'id="live"' not in page.read_text("utf-8")
    with h5py.File(tmp_path / "recs" / f"{FIRST}.nxs") as file:
        assert FIRST in file


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--watch", "in"), "add -o DIR/"),
        (("--watch", "in", "-o", "in/"), "give -o another one"),
        (("--watch", "in", "a.nxs", "-o", "recs/"), "leave INPUT out"),
        (("--watch", "nowhere", "-o", "recs/"), "is no folder"),
    ],
)
def test_a_watch_that_cannot_work_is_refused(call: Call, tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    (tmp_path / "in").mkdir()
    result = call("reconstruct", *words)
    assert result.exit_code != 0
    assert says in message(result)
