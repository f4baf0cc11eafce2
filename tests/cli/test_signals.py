"""Signals: whatever ends a command, no half-written file is left, and the input stays as it was."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from .conftest import TINY, command, environment

# Minutes of work, so that the signal comes in the middle.
LONG = ("simulate", *TINY, "--set", "n_positions=300000", "-q")


def _start(words: list[str], folder: Path, **how: object) -> "subprocess.Popen[bytes]":
    (folder / "tmp").mkdir()
    env = environment(TMPDIR=str(folder / "tmp"))
    return subprocess.Popen(words, env=env, stderr=subprocess.PIPE, cwd=folder, **how)  # type: ignore[call-overload, no-any-return]


def _wait_for_part(folder: Path) -> None:
    for _ in range(1200):
        if list(folder.glob(".*.part")):
            return
        time.sleep(0.05)
    raise AssertionError("the command did not begin to write")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)], ids=["TERM", "INT", "HUP"]
)
def test_a_signal_while_writing_leaves_nothing(tmp_path: Path, number: signal.Signals, code: int) -> None:
    process = _start(command(*LONG, "-o", "out.nxs"), tmp_path)
    _wait_for_part(tmp_path)
    time.sleep(0.2)
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == code
    assert b"Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["tmp"]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_signal_to_a_pipe_leaves_nothing(tmp_path: Path) -> None:
    process = _start(command(*LONG), tmp_path, stdout=subprocess.PIPE)
    time.sleep(1.5)
    process.send_signal(signal.SIGTERM)
    data, said = process.communicate(timeout=60)
    assert (process.returncode, data) == (143, b"")
    assert b"Traceback" not in said
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_killed_command_leaves_no_file_under_the_final_name(tmp_path: Path, made: Path) -> None:
    target = tmp_path / "scan.nxs"
    target.write_bytes((made / "scan.nxs").read_bytes())
    words = command("reconstruct", target, "--recipe", "dm:1000000", "-q", "--overwrite", "-o", target)
    process = _start(words, tmp_path)
    _wait_for_part(tmp_path)
    process.kill()
    process.communicate(timeout=60)
    assert target.read_bytes() == (made / "scan.nxs").read_bytes()


def test_signals_at_any_moment_of_writing_end_the_command(tmp_path: Path, made: Path) -> None:
    # HDF5 calls back into Python while it writes to a stream; a signal must not get lost there.
    code = (
        "import signal, sys, os, threading, time\n"
        "from picpxct_nx.cli import main\n"
        "threading.Timer(float(sys.argv.pop(1)), os.kill, (os.getpid(), signal.SIGTERM)).start()\n"
        "main.main()\n"
    )
    for delay in ("0.9", "1.1", "1.3"):
        words = [
            command()[0],
            "-c",
            code,
            delay,
            *command(*LONG)[3:],
            "--set",
            "frame_size=64",
            "--set",
            "n_positions=100000",
        ]
        with Path(os.devnull).open("wb") as sink:
            ended = subprocess.run(
                words, stdout=sink, stderr=subprocess.PIPE, env=environment(), timeout=60, check=False
            )
        assert ended.returncode == 143
        assert b"Exception ignored" not in ended.stderr
