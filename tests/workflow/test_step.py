"""One job: tried again where exit 75 says so and only there; what is finished outlives it; failures are told."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

STEP = Path(__file__).parents[2] / "workflow" / "step.py"
# Copies inputs to products one by one, skipping what is there, as our commands do with --keep-going -o DIR/.
COPY = """
import pathlib, sys, time
target, stop, *inputs = sys.argv[1:]
for path in map(pathlib.Path, inputs):
    made = pathlib.Path(target) / path.name
    if not made.exists():
        if path.name == stop:
            (pathlib.Path(target) / f".{path.name}.1.part").write_text("half")
            time.sleep(60)
        made.write_text(path.read_text())
        print("wrote", path.name, file=sys.stderr)
"""


def _line(*words: str | Path, command: list[str]) -> list[str]:
    start = [sys.executable, str(STEP), "--name", "job", "--failures", "failures.jsonl"]
    start += ["--wait", "0.01", "--patience", "0.1"]
    return [*start, *map(str, words), "--", *command]


def _run(folder: Path, *words: str | Path, command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        _line(*words, command=command), cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


def _told(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "failures.jsonl").read_text().splitlines()]


def _exits(*codes: int) -> list[str]:
    """A command that ends with one code after another, run after run."""
    text = (
        "import pathlib, sys; p = pathlib.Path('n'); n = int(p.read_text()) if p.exists() else 0; "
        f"p.write_text(str(n + 1)); codes = {codes}; print('said', n, file=sys.stderr); sys.exit(codes[n])"
    )
    return [sys.executable, "-c", text]


def test_exit_75_is_tried_again_and_told(tmp_path: Path) -> None:
    done = _run(tmp_path, "--tries", "3", command=_exits(75, 75, 0))
    assert done.returncode == 0
    assert [(one["exit"], one["again"], one["said"]) for one in _told(tmp_path)] == [
        (75, True, "said 0"), (75, True, "said 1")
    ]  # fmt: skip
    assert "exit 75, try 1 of 3; again in 0.01 s" in done.stderr


def test_a_job_that_waits_for_another_try_ends_when_told(tmp_path: Path) -> None:
    line = [word if word != "0.01" else "60" for word in _line(command=_exits(75, 0))]
    job = subprocess.Popen(line, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert job.stderr is not None
    assert any("again in 60 s" in said for said in iter(job.stderr.readline, ""))
    job.terminate()
    assert job.wait(20) == 75
    assert (tmp_path / "n").read_text() == "1"
    job.stderr.close()


def test_it_is_given_up_after_the_last_try(tmp_path: Path) -> None:
    assert _run(tmp_path, "--tries", "2", command=_exits(75, 75, 0)).returncode == 75
    assert [one["again"] for one in _told(tmp_path)] == [True, False]


def test_a_log_on_a_full_disk_loses_lines_but_not_the_command(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as log:
        line = _line("--tries", "2", command=_exits(75, 0))
        assert subprocess.run(line, cwd=tmp_path, stderr=log, check=False, timeout=60).returncode == 0
    assert [one["said"] for one in _told(tmp_path)] == ["said 0"]


@pytest.mark.parametrize("code", [1, 65, 70, 73, 78])
def test_other_failures_are_final(code: int, tmp_path: Path) -> None:
    assert _run(tmp_path, command=_exits(code, 0)).returncode == code
    (one,) = _told(tmp_path)
    assert (one["job"], one["exit"], one["again"], one["try"]) == ("job", code, False, 1)


def test_a_command_that_is_killed_is_told_as_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    assert _run(tmp_path, command=command).returncode == 137
    assert _told(tmp_path)[0]["meaning"] == "killed"


class _Scans:
    """Three inputs, and the job that copies them."""

    names = ("a.nxs", "b.nxs", "c.nxs")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in self.names:
            (folder / name).write_text(name)

    def line(self, *more: str, stop: str = "") -> list[str]:
        words = ("--parts", ".parts", "--into", "made", *more, "--inputs", *self.names, "--products", *self.names)
        # Where it stops is no part of the command, which is compared.
        text = COPY.replace("stop, *inputs = sys.argv[1:]", f"*inputs = sys.argv[1:]\nstop = {stop!r}")
        (self.folder / "copy.py").write_text(text)
        return _line(*words, command=[sys.executable, "copy.py", ".parts", *self.names])

    def run(self, *more: str) -> list[str]:
        """What a run writes."""
        line = self.line(*more)
        done = subprocess.run(line, cwd=self.folder, capture_output=True, text=True, check=True, timeout=60)
        assert {path.name for path in (self.folder / "made").iterdir()} == set(self.names)
        for name in self.names:
            assert (self.folder / "made" / name).read_text() == (self.folder / name).read_text()
        return [line.split()[1] for line in done.stderr.splitlines() if line.startswith("wrote")]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_is_finished_outlives_a_job_that_is_killed(number: signal.Signals, tmp_path: Path) -> None:
    scans = _Scans(tmp_path)
    line = scans.line(stop="c.nxs")
    job = subprocess.Popen(line, cwd=tmp_path, start_new_session=True, stderr=subprocess.DEVNULL)
    half = tmp_path / ".parts" / ".c.nxs.1.part"
    deadline = time.monotonic() + 30
    while not half.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    if number == signal.SIGKILL:
        os.killpg(job.pid, number)
    else:
        job.send_signal(number)
    assert job.wait(30) == (-9 if number == signal.SIGKILL else 143)
    assert not (tmp_path / "made").exists()
    assert scans.run() == ["c.nxs"]
    assert not half.exists()


def test_what_a_killed_command_left_half_written_is_gone_after_the_next(tmp_path: Path) -> None:
    stale = [tmp_path / f".{name}.4711.part" for name in ("cube.nxs", "grains.csv", "a.nxs")]
    others = [tmp_path / name for name in (".other.nxs.4711.part", ".cube.nxs.part", "cube.nxs.4711.part")]
    for path in (*stale, *others):
        path.write_text("half")
    words = ["-o", "cube.nxs", "--table", "grains.csv", "a.nxs"]
    assert _run(tmp_path, command=[*_exits(0), *words]).returncode == 0
    assert [path.exists() for path in (*stale, *others)] == [False, False, True, True, True, True]
    # A job that was killed while it gave names to its products.
    scans = _Scans(tmp_path)
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / ".b.nxs.4711.part").write_text("half")
    scans.run()


def test_products_are_linked_and_not_copied(tmp_path: Path) -> None:
    scans = _Scans(tmp_path)
    assert scans.run() == ["a.nxs", "b.nxs", "c.nxs"]
    assert (tmp_path / ".parts" / "a.nxs").stat().st_ino == (tmp_path / "made" / "a.nxs").stat().st_ino


@pytest.mark.parametrize(("chain", "again"), [((), ["b.nxs"]), (("--chain",), ["b.nxs", "c.nxs"])])
def test_a_changed_input_is_done_again_and_in_a_chain_what_starts_from_it(
    chain: tuple[str, ...], again: list[str], tmp_path: Path
) -> None:
    scans = _Scans(tmp_path)
    scans.run(*chain)
    (tmp_path / "b.nxs").write_text("another b")
    assert scans.run(*chain) == again
    for name in scans.names:
        (tmp_path / name).touch()
    assert scans.run(*chain) == []
