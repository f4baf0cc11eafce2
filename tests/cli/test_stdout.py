"""Standard output: bytes for pipes and files, never for a terminal, and a code for every way it can fail."""

import io
import json
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from .conftest import FIRST, TINY, Call, Run, command, environment, message

QUICK = " ".join(f'"{word}"' for word in TINY) + ' --energies "5460 eV" --rotations "0 deg" -q'


def _on_terminal(words: list[str], **env: str) -> tuple[int, bytes]:
    """Exit code and output of a program whose stdout and stderr are a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=environment(**env))
    os.close(theirs)
    shown = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the last writer closed it
            break
        shown += part
    os.close(ours)
    return process.wait(60), shown


def test_a_terminal_is_refused_with_the_remedy(made: Path) -> None:
    code, shown = _on_terminal(command("reconstruct", made / "scan.nxs"))
    assert code == 73
    assert b"will not write HDF5 to a terminal; add -o FILE, or pipe it on" in shown
    assert b"\x89HDF" not in shown


def test_a_redirection_makes_a_compressed_file_that_lives_on(shell: Run, tmp_path: Path) -> None:
    assert shell(f"picpxct simulate {QUICK} > out.nxs").returncode == 0
    with h5py.File(tmp_path / "out.nxs") as file:
        assert file[f"{FIRST}/instrument/detector/data"].compression == "gzip"
        assert "transient" not in file[f"{FIRST}/process_001"]


def test_a_pipe_is_not_compressed_and_marks_its_product_transient(shell: Run, tmp_path: Path) -> None:
    assert shell(f"picpxct simulate {QUICK} | cat > out.nxs").returncode == 0
    with h5py.File(tmp_path / "out.nxs") as file:
        assert file[f"{FIRST}/instrument/detector/data"].compression is None
        assert file[f"{FIRST}/process_001/transient"][()]


def test_a_reader_that_goes_away_is_no_error_worth_a_word(shell: Run) -> None:
    # More than a pipe holds, so that the writer notices.
    large = QUICK.replace("n_positions=16", "n_positions=600")
    result = shell(f"picpxct simulate {large} | head -c 10 | wc -c; echo ${{PIPESTATUS[0]}}")
    assert result.stdout.split() == [b"10", b"141"]
    # So wide a scan is warned of; of the reader nothing is said.
    assert all(b"warning" in line for line in result.stderr.splitlines())


@pytest.mark.parametrize("words", ["info", "--help"])
def test_text_to_a_reader_that_went_away_ends_silently(shell: Run, made: Path, words: str) -> None:
    files = "" if words.startswith("-") else f"{made}/scan.nxs"
    # The reader is gone before anything is written.
    result = shell(f"{{ sleep 0.3; picpxct {words} {files}; echo $? >&2; }} | true")
    assert result.stderr.split() == [b"141"]


@pytest.mark.parametrize("words", [f"simulate {QUICK}", "info {}", "simulate --help"])
def test_a_full_disk_behind_stdout_is_worth_another_try(shell: Run, made: Path, words: str) -> None:
    result = shell(f"picpxct {words.format(made / 'scan.nxs')} > /dev/full")
    assert result.returncode == 75
    assert "no room left" in message(result)


@pytest.mark.parametrize("words", [f"simulate {QUICK}", "info {}"])
def test_a_closed_stdout_cannot_be_written(shell: Run, made: Path, words: str) -> None:
    result = shell(f"picpxct {words.format(made / 'scan.nxs')} >&-")
    assert result.returncode == 73
    message(result)


def test_talk_never_gets_into_the_data(shell: Run, call: Call, tmp_path: Path) -> None:
    # With stderr closed, the next file that is opened would take its place.
    assert shell(f"picpxct simulate {QUICK.removesuffix('-q')} -v > out.nxs 2>&-").returncode == 0
    assert (tmp_path / "out.nxs").read_bytes().startswith(b"\x89HDF")
    assert call("validate", "out.nxs").exit_code == 0


def test_a_full_log_does_not_cost_the_result(shell: Run, tmp_path: Path) -> None:
    assert shell(f"picpxct simulate {QUICK.removesuffix('-q')} -o out.nxs 2> /dev/full").returncode == 0
    assert (tmp_path / "out.nxs").exists()


def test_a_named_pipe_or_device_gets_the_bytes(shell: Run, call: Call) -> None:
    result = shell(f"picpxct simulate {QUICK} -o >(cat > out.nxs); sleep 0.3")
    assert result.returncode == 0, result.stderr
    assert call("validate", "out.nxs").exit_code == 0
    words = (*TINY, "--energies", "5460 eV", "--rotations", "0 deg", "--overwrite", "-o", "/dev/null")
    assert call("simulate", *words).exit_code == 0
    assert Path("/dev/null").is_char_device()


def test_nothing_but_text_where_there_is_no_terminal(run: Run) -> None:
    result = run("reconstruct", "--help")
    assert b"\x1b" not in result.stdout + result.stderr


def test_no_color_is_kept_on_a_terminal() -> None:
    code, shown = _on_terminal(command("simulate", "--help"), NO_COLOR="1")
    assert code == 0
    assert not re.search(rb"\x1b\[[0-9;]*3[0-9]", shown)


# What reconstruct does with its progress, without the wait for torch.
BAR = """
from picpxct_nx.cli._talk import ProgressMode, progress
with progress(ProgressMode.auto) as report:
    for scan in ("first", "second"):
        for step in range(1, 4):
            report(scan, step, 3, 0.25)
"""


def test_one_bar_is_shown_on_a_terminal_and_taken_away() -> None:
    code, shown = _on_terminal([sys.executable, "-c", BAR])
    assert code == 0
    assert b"second" in shown
    assert b"3/3" in shown
    # The line is erased in the end.
    assert shown.rstrip().endswith(b"\x1b[2K")


def test_one_pipe_keeps_the_whole_chain(shell: Run, tmp_path: Path) -> None:
    line = f"picpxct simulate {QUICK} | picpxct reconstruct --recipe dm:1 -q | tee rec.nxs | picpxct info --json"
    result = shell(line)
    assert result.returncode == 0, result.stderr
    (entry,) = json.loads(result.stdout)["entries"]
    assert [(step["command"], step["transient"]) for step in entry["history"]] == [
        ("simulate", True),
        ("reconstruct", True),
    ]
    with h5py.File(io.BytesIO((tmp_path / "rec.nxs").read_bytes())) as file:
        chain = file[FIRST]
        source = chain["process_002/input_001/identifier_entry"].asstr()[()]
        assert source == f"urn:uuid:{chain['process_001/output_uuid'].asstr()[()]}"
