"""-o FILE: whole and checked under its name, or not at all; never over something else unasked."""

import subprocess
from pathlib import Path

import h5py
import pytest

from .conftest import FIRST, SECOND, TINY, Call, Run, command, environment, message

ONE = (*TINY, "--energies", "5460 eV", "--rotations", "0 deg")
SHELL_ONE = " ".join(f'"{word}"' for word in ONE)


def test_an_existing_output_is_refused_before_any_work(call: Call, tmp_path: Path) -> None:
    (tmp_path / "out.nxs").write_text("mine")
    # The input is not even looked for.
    result = call("reconstruct", "nowhere.nxs", "-o", "out.nxs")
    assert result.exit_code == 73
    assert "exists already; add --overwrite" in message(result)
    assert (tmp_path / "out.nxs").read_text() == "mine"


def test_overwrite_replaces_it(call: Call, tmp_path: Path) -> None:
    (tmp_path / "out.nxs").write_text("mine")
    assert call("simulate", *ONE, "-o", "out.nxs", "--overwrite").exit_code == 0
    assert call("validate", "out.nxs").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out.nxs"]


@pytest.mark.parametrize("target", ["nowhere/out.nxs", "/proc/out.nxs", "x" * 300, "file/out.nxs", "file/"])
def test_a_place_that_cannot_be_written_is_refused(call: Call, tmp_path: Path, target: str) -> None:
    (tmp_path / "file").write_text("")
    result = call("simulate", *ONE, "-o", target)
    assert result.exit_code == 73
    message(result)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_without_slash_gets_one_file_an_entry(call: Call, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert call("simulate", *ONE, "-o", "out").exit_code == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"{FIRST}.nxs"]


def test_the_input_may_be_replaced_by_the_product(call: Call, made: Path, tmp_path: Path) -> None:
    target = tmp_path / "scans.nxs"
    target.write_bytes((made / "scans.nxs").read_bytes())
    assert call("reconstruct", target, "--recipe", "dm:1", "-o", target).exit_code == 73
    assert call("reconstruct", target, "--recipe", "dm:1", "-o", target, "--overwrite", "-q").exit_code == 0
    with h5py.File(target) as file:
        assert [file[name]["definition"].asstr()[()] for name in (FIRST, SECOND)] == ["NXspecptycho_reconstruction"] * 2
    assert call("validate", target).exit_code == 0


def test_a_full_disk_leaves_nothing(shell: Run, tmp_path: Path) -> None:
    result = shell(f"ulimit -f 20; picpxct simulate {SHELL_ONE} -o out.nxs")
    assert result.returncode == 75
    assert "out.nxs: no room left on the disk" in message(result)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_full_disk_behind_a_redirection_is_noticed(shell: Run, buffered: str) -> None:
    result = shell(f"ulimit -f 20; picpxct simulate {SHELL_ONE} > out.nxs", PYTHONUNBUFFERED=buffered)
    assert result.returncode == 75
    assert "stdout: no room left on the disk" in message(result)


def test_a_file_is_no_longer_than_what_is_in_it(call: Call, tmp_path: Path) -> None:
    # Room is asked for before the writing; what was too much is given back.
    assert call("simulate", *ONE, "-o", "out.nxs").exit_code == 0
    with h5py.File(tmp_path / "out.nxs") as file:
        end = file.id.get_filesize()
        stored = file[FIRST]["instrument/detector/data"].id.get_storage_size()
    assert (tmp_path / "out.nxs").stat().st_size == end < stored + 200_000


def test_two_writers_of_one_file_do_not_mix(made: Path, tmp_path: Path) -> None:
    sizes = ("n_positions=16", "n_positions=400")
    both = [
        subprocess.Popen(
            command("simulate", *ONE, "--set", size, "-q", "-o", tmp_path / "out.nxs"),
            stderr=subprocess.PIPE,
            env=environment(),
        )
        for size in sizes
    ]
    said = [process.communicate(timeout=60)[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 73]
    assert b"exists already" in b"".join(said)
    with h5py.File(tmp_path / "out.nxs") as file:
        assert FIRST in file
    assert [path.name for path in tmp_path.iterdir()] == ["out.nxs"]


def test_a_folder_gets_one_file_an_entry(call: Call, made: Path, tmp_path: Path) -> None:
    words = ("reconstruct", made / "scans.nxs", "--recipe", "dm:1", "-o", "deep/recs/")
    assert call(*words).exit_code == 0
    assert sorted(path.name for path in (tmp_path / "deep" / "recs").iterdir()) == [f"{FIRST}.nxs", f"{SECOND}.nxs"]
    assert call(*words).exit_code == 73


def test_a_second_run_does_only_what_is_missing(call: Call, made: Path, tmp_path: Path) -> None:
    words = ("reconstruct", made / "scans.nxs", "--recipe", "dm:1", "-o", "recs/", "--keep-going")
    assert call(*words).exit_code == 0
    first, second = (tmp_path / "recs" / f"{name}.nxs" for name in (FIRST, SECOND))
    kept = first.read_bytes()
    second.unlink()
    result = call(*words)
    assert result.exit_code == 0
    assert f"{FIRST}: recs/{FIRST}.nxs is there already" in result.stderr
    assert first.read_bytes() == kept
    assert second.exists()


def test_simulate_goes_on_where_it_was_stopped(call: Call, tmp_path: Path) -> None:
    words = ("simulate", *TINY, "--energies", "5460 eV, 5471 eV", "--rotations", "0 deg", "-o", "scans/")
    assert call(*words).exit_code == 0
    (tmp_path / "scans" / f"{FIRST}.nxs").unlink()
    kept = (tmp_path / "scans" / f"{SECOND}.nxs").read_bytes()
    assert call(*words, "--keep-going").exit_code == 0
    assert (tmp_path / "scans" / f"{FIRST}.nxs").exists()
    assert (tmp_path / "scans" / f"{SECOND}.nxs").read_bytes() == kept


def _second_is_dark(made: Path, target: Path) -> Path:
    target.write_bytes((made / "scans.nxs").read_bytes())
    with h5py.File(target, "r+") as file:
        file[SECOND]["instrument/detector/data"][...] = 0
    return target


def test_the_first_failure_stops_and_nothing_is_written(call: Call, made: Path, tmp_path: Path) -> None:
    bad = _second_is_dark(made, tmp_path / "bad.nxs")
    result = call("reconstruct", bad, made / "scan.nxs", "--recipe", "dm:1", "-o", "rec.nxs")
    assert result.exit_code == 65
    assert f"{bad}: {SECOND}: " in message(result)
    assert "no counts" in message(result)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.nxs"]


def test_keep_going_delivers_the_rest_and_names_the_failed(call: Call, made: Path, tmp_path: Path) -> None:
    bad = _second_is_dark(made, tmp_path / "bad.nxs")
    (tmp_path / "text.nxs").write_text("no scan")
    words = ("text.nxs", bad, "nowhere.nxs", "--recipe", "dm:1", "--keep-going")
    result = call("reconstruct", *words, "-o", "rec.nxs")
    assert result.exit_code == 70
    assert message(result) == f"picpxct: 3 failed: text.nxs, {SECOND}, nowhere.nxs; the others are done"
    assert "text.nxs: is not an HDF5 file" in result.stderr
    assert "no counts" in result.stderr
    with h5py.File(tmp_path / "rec.nxs") as file:
        assert [name for name in file if name.startswith("scan")] == [FIRST]
    assert call("reconstruct", *words, "-o", "recs/").exit_code == 70
    assert [path.name for path in (tmp_path / "recs").iterdir()] == [f"{FIRST}.nxs"]


def test_keep_going_delivers_the_rest_to_a_pipe(shell: Run, call: Call, made: Path, tmp_path: Path) -> None:
    bad = _second_is_dark(made, tmp_path / "bad.nxs")
    result = shell(f"picpxct reconstruct {bad} --recipe dm:1 --keep-going | cat > rec.nxs")
    assert result.returncode == 70
    assert call("validate", "rec.nxs").exit_code == 0
    assert f"1 failed: {SECOND}" in message(result)


def test_a_file_without_any_entry_is_never_made(call: Call, made: Path, tmp_path: Path) -> None:
    bad = _second_is_dark(made, tmp_path / "bad.nxs")
    result = call("reconstruct", f"{bad}::{SECOND}", "--recipe", "dm:1", "--keep-going", "-o", "rec.nxs")
    assert result.exit_code == 70
    assert "nothing to write" in message(result)
    result = call("reconstruct", f"{bad}::{SECOND}", "--recipe", "dm:1", "--keep-going", "-o", "recs/")
    assert result.exit_code == 70
    assert [path.name for path in tmp_path.iterdir()] == ["bad.nxs"]


def test_entries_that_are_the_same_are_taken_once(call: Call, made: Path, tmp_path: Path) -> None:
    twice = (made / "scans.nxs", f"{made}/scans.nxs::{FIRST}")
    assert call("reconstruct", *twice, "--recipe", "dm:1", "-o", "rec.nxs").exit_code == 0
    with h5py.File(tmp_path / "rec.nxs") as file:
        assert sorted(file) == [FIRST, SECOND]


def test_entries_of_the_same_name_that_differ_are_refused(call: Call, made: Path, tmp_path: Path) -> None:
    # Simulated apart, so that their UUIDs differ.
    pair = (made / "scans.nxs", made / "scan.nxs")
    for output in ("rec.nxs", "recs/"):
        result = call("reconstruct", *pair, "--recipe", "dm:1", "-o", output, "--overwrite")
        assert result.exit_code == 65
        assert f"{made}/scan.nxs: {FIRST}: another entry has that name and another UUID" in message(result)
    assert not (tmp_path / "rec.nxs").exists()
