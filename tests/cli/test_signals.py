"""Signals: whatever ends a command, no half-written file is left, and the input stays as it was."""

import dataclasses
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from picpxct_nx.nexus import open_valid, read, write
from picpxct_nx.records import Scan

from .conftest import FIRST, TINY, command, environment

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


# Hands a scan on as every command does; most of the time is spent in HDF5, where exceptions of signals get lost.
PASS_ON = """
import os, sys, threading
from picpxct_nx.cli._input import read_entries
from picpxct_nx.cli._output import Delivery, deliver
from picpxct_nx.cli._run import command, run_program
@command
def work():
    threading.Timer(float(sys.argv[1]), os.kill, (os.getpid(), int(sys.argv[2]))).start()
    while True:
        records = (record for record, _ in read_entries([sys.argv[3]]))
        deliver(records, Delivery(output=sys.argv[4], overwrite=True, quiet=True))
run_program(work)
"""


@pytest.mark.parametrize("target", ["out.nxs", "/dev/null"])
def test_no_signal_gets_lost_while_data_are_written(tmp_path: Path, made: Path, target: str) -> None:
    with open_valid(made / "scan.nxs", "scan") as file:
        scan = read(file, FIRST)
        assert isinstance(scan, Scan)
        n = 4000
        noise = np.random.default_rng(0).integers(0, 60000, (n, 32, 32), np.uint16)
        zeros = np.zeros(n)
        write(
            tmp_path / "in.nxs",
            [dataclasses.replace(scan, frames=noise, frame=np.arange(n), stage_x=zeros, stage_y=zeros, monitor=zeros)],
        )
    for delay, number, code in (("0.1", 15, 143), ("0.25", 2, 130), ("0.4", 15, 143)):
        words = [sys.executable, "-c", PASS_ON, delay, str(number), "in.nxs", target]
        ended = subprocess.run(words, capture_output=True, env=environment(), cwd=tmp_path, timeout=60, check=False)
        assert ended.returncode == code, ended.stderr
        assert b"ignored" not in ended.stderr
        assert b"Traceback" not in ended.stderr
        assert not list(tmp_path.glob(".*.part"))


# A block that would be asked, and does not look.
DEAF = """
import os, sys, threading, time
from picpxct_nx.cli import _run
_run._PATIENCE = 0.5
@_run.command
def work():
    for delay in sys.argv[2:]:
        threading.Timer(float(delay), os.kill, (os.getpid(), int(sys.argv[1]))).start()
    with _run.patience():
        time.sleep(60)
_run.run_program(work)
"""


@pytest.mark.parametrize(
    ("number", "delays", "code"),
    [(signal.SIGTERM, ("0.1",), 143), (signal.SIGHUP, ("0.1",), 129), (signal.SIGINT, ("0.1", "0.3"), 130)],
    ids=["TERM alone", "HUP alone", "INT twice"],
)
def test_patience_has_an_end(number: signal.Signals, delays: tuple[str, ...], code: int) -> None:
    words = [sys.executable, "-c", DEAF, str(int(number)), *delays]
    ended = subprocess.run(words, capture_output=True, env=environment(), timeout=30, check=False)
    assert ended.returncode == code
    assert b"Traceback" not in ended.stderr
