"""Which GPU a run takes: the one it is told, else the first that nobody holds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from picpxct_nx.cli import _gpu

HOLD = """
import sys
from pathlib import Path
from picpxct_nx.cli._gpu import first_free
print(first_free(2, lambda text: None, Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


def _hold(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_runs_side_by_side_take_different_gpus_and_leave_them_even_when_killed(tmp_path: Path) -> None:
    first = _hold(tmp_path)
    assert first.stdout is not None
    assert first.stdout.readline() == "0\n"
    second = _hold(tmp_path)
    assert second.stdout is not None
    assert second.stdout.readline() == "1\n"
    first.kill()
    first.communicate()
    third = _hold(tmp_path)
    assert third.stdout is not None
    assert third.stdout.readline() == "0\n"
    for process in (second, third):
        process.communicate("")


def test_a_run_waits_for_a_gpu_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, said = _hold(tmp_path), list[str]()
    assert first.stdout is not None
    assert first.stdout.readline() == "0\n"
    monkeypatch.setattr("time.sleep", lambda _: first.communicate(""))
    try:
        assert _gpu.first_free(1, said.append, tmp_path) == 0
    finally:
        while _gpu._held:
            os.close(_gpu._held.pop())
    assert "all 1 GPUs are taken" in said[0]
    assert said[1] == "took GPU 0 of 1"


@pytest.mark.parametrize(("device", "visible"), [("cuda:1", None), ("cpu", None), ("auto", "1"), ("auto", "")])
def test_what_is_told_is_taken(device: str, visible: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert _gpu.claim(device, pytest.fail) == device


def test_one_gpu_may_be_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert _gpu.claim("auto", pytest.fail) == "auto"
