"""Standard input: a file through a pipe, a file in place, a list of paths, or one clear refusal."""

import os
import pty
import subprocess
from pathlib import Path

from .conftest import FIRST, Call, Run, command, environment, message


def test_a_file_comes_through_a_pipe(run: Run, made: Path) -> None:
    result = run("info", "-", stdin=(made / "scan.nxs").read_bytes())
    assert result.returncode == 0
    assert FIRST in result.stdout.decode()


def test_no_argument_is_standard_input(call: Call, made: Path) -> None:
    assert call("info", stdin=(made / "scan.nxs").read_bytes()).exit_code == 0


def test_a_redirected_file_is_opened_in_place(run: Run, made: Path, tmp_path: Path) -> None:
    # With no room for a copy anywhere, reading in place still works.
    with (made / "scan.nxs").open("rb") as handle:
        result = run("validate", "--json", stdin=handle, TMPDIR=str(tmp_path / "none"))
    assert result.returncode == 0, result.stderr


def test_a_list_of_paths_names_files(shell: Run, made: Path) -> None:
    result = shell(f"ls {made}/scan*.nxs | picpxct validate")
    assert result.returncode == 0
    assert result.stdout.decode().count(": valid") == 2


def test_a_list_may_select_entries(call: Call, made: Path) -> None:
    result = call("info", stdin=f"{made}/scans.nxs::energy=5471eV\n\n".encode())
    assert result.exit_code == 0
    assert FIRST not in result.stdout


def test_an_entry_is_selected_from_standard_input(call: Call, made: Path) -> None:
    result = call("info", "--json", "--", f"-::{FIRST}", stdin=(made / "scans.nxs").read_bytes())
    assert result.stdout.count('"definition"') == 1


def test_an_empty_pipe_asks_for_the_command_before(run: Run) -> None:
    result = run("info", stdin=b"")
    assert result.returncode == 66
    assert "did the command before this one fail?" in message(result)


def test_a_failing_command_before_is_heard_of(shell: Run) -> None:
    result = shell("picpxct frc nowhere.nxs | picpxct info; echo ${PIPESTATUS[@]}")
    assert result.stdout.split() == [b"66", b"66"]
    assert "did the command before this one fail?" in message(result)


def test_blank_lines_are_an_empty_list(call: Call) -> None:
    assert call("info", stdin=b"\n  \n").exit_code == 66


def test_text_is_taken_for_paths_that_are_not_there(call: Call) -> None:
    result = call("validate", stdin=b"energy,counts\n5460,3\n")
    assert result.exit_code == 66
    assert "wanted HDF5 or a path on each line" in message(result)


def test_a_text_of_one_endless_line_is_refused(call: Call) -> None:
    assert call("validate", stdin=b"x" * 100_000).exit_code == 66


def test_binary_garbage_is_bad_input(call: Call) -> None:
    result = call("validate", stdin=bytes(range(256)) * 10)
    assert result.exit_code == 65
    assert "neither an HDF5 file nor a list of paths" in message(result)


def test_a_truncated_stream_is_bad_input(call: Call, made: Path) -> None:
    result = call("info", stdin=(made / "scan.nxs").read_bytes()[:9000])
    assert result.exit_code == 65
    assert "truncated at 9000 bytes" in message(result)


def test_standard_input_cannot_be_read_twice(call: Call, made: Path) -> None:
    result = call("info", "-", "-", stdin=(made / "scan.nxs").read_bytes())
    assert result.exit_code == 2
    assert "named twice" in message(result)


def test_closed_standard_input_is_an_empty_one(shell: Run) -> None:
    result = shell("picpxct info <&-")
    assert result.returncode == 66
    message(result)


def test_a_terminal_without_input_gets_a_hint(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        result = subprocess.run(
            command("info"), stdin=theirs, capture_output=True, env=environment(), cwd=tmp_path, check=False
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert result.returncode == 2
    assert "--help shows how" in message(result)


def test_a_pipe_larger_than_memory_goes_to_a_file_and_leaves_nothing(tmp_path: Path, made: Path) -> None:
    (tmp_path / "tmp").mkdir()
    code = "from picpxct_nx.cli import _input, main; _input.SPOOL_BYTES = 1000; main.main()"
    words = [command()[0], "-c", code, "info", "-"]
    data = (made / "scan.nxs").read_bytes()
    env = environment(TMPDIR=str(tmp_path / "tmp"))
    result = subprocess.run(words, input=data, capture_output=True, env=env, check=False, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert list((tmp_path / "tmp").iterdir()) == []
