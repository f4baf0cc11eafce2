"""picpxct reconstruct --set scans.share=...: scans that are one problem, from the command to the files and back."""

import json
import shutil
import signal
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from picpxct_nx.cli.main import app

from .conftest import FIRST, SECOND, TINY, Call, Run, command, message
from .test_reconstruct import _facts, _image, _interrupt

NEXT = "scan_E054601_R000"
ONCE = ("--recipe", "pie:3", "--device", "cpu:1", "--also", "none")
Two = tuple[Path, Path]
OBJECT, PROBE = ("--set", "scans.share=object"), ("--set", "scans.share=probe")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scan that was made three times, a tenth of an eV apart, and one of another energy."""
    folder = tmp_path_factory.mktemp("share")
    energies = "5460 eV, 5460.1 eV, 5460.2 eV, 5471 eV"
    words = ("simulate", *TINY, "--energies", energies, "--rotations", "0 deg", "-q", "-o", f"{folder}/")
    assert CliRunner().invoke(app, [str(word) for word in words]).exit_code == 0
    return folder


@pytest.fixture
def twice(folder: Path) -> Two:
    """Two of them."""
    return folder / f"{FIRST}.nxs", folder / f"{NEXT}.nxs"


def _inputs(path: Path, entry: str) -> list[str]:
    with h5py.File(path) as file:
        last = file[entry][max(name for name in file[entry] if name.startswith("process_"))]
        return [last[f"{name}/identifier_entry"].asstr()[()] for name in sorted(last) if name.startswith("input_")]


def _uuid(path: Path, entry: str) -> str:
    with h5py.File(path) as file:
        return f"urn:uuid:{file[entry]['entry_identifier_uuid'].asstr()[()]}"


def test_repeats_become_one_object_and_a_valid_file_a_scan(twice: Two, tmp_path: Path, call: Call) -> None:
    result = call("reconstruct", *twice, "--recipe", "pie:3,ml:5", *ONCE[2:4], *OBJECT, "-v", "--json",
                  "-o", "recs/")  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert f"{FIRST}+1: one object of {FIRST} (16), {NEXT} (16) frames" in result.stderr
    assert f"{NEXT}: moved by (" in result.stderr
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(one["entry"], one["share"], one["scans"]) for one in told] == [(FIRST, "object", 2), (NEXT, "object", 2)]
    assert told[0]["shift_m"] == [0, 0]
    assert max(map(abs, told[1]["shift_m"])) > 1e-9
    raw = [_uuid(path, path.stem) for path in twice]
    for entry, uuids in ((FIRST, raw), (NEXT, raw[::-1])):
        assert _inputs(tmp_path / "recs" / f"{entry}.nxs", entry) == uuids
    result = call("validate", *sorted((tmp_path / "recs").iterdir()), "--inputs", twice[0].parent)
    assert result.exit_code == 0, result.stdout
    images = [_image(tmp_path / "recs" / f"{entry}.nxs", entry)[0] for entry in (FIRST, NEXT)]
    assert images[0] == images[1]


def test_a_pipe_brings_scans_in_any_order(twice: Two, tmp_path: Path, shell: Run) -> None:
    listed = f"printf '%s\\n' {twice[1]} {twice[0].parent}/{SECOND}.nxs {twice[0]}"
    line = f"{listed} | picpxct reconstruct --set scans.share=probe {' '.join(ONCE)} --keep-going -o recs/"
    result = shell(line)
    assert result.returncode == 70, result.stderr
    assert b"scan_E054710_R000: has no other scan to share its probe with" in result.stderr
    assert sorted(path.stem for path in (tmp_path / "recs").iterdir()) == [FIRST, NEXT]


def test_a_scan_that_does_not_belong_is_named_and_stops(twice: Two, tmp_path: Path, call: Call) -> None:
    words = ("reconstruct", *twice, twice[0].parent / f"{SECOND}.nxs", *ONCE, *OBJECT)
    result = call(*words, "-o", "rec.nxs")
    assert result.exit_code == 65
    says = f"has no other scan to share its object with: {NEXT} has the energy 5460.10 eV, it 5471.00 eV; leave it out"
    assert says in message(result)
    assert not (tmp_path / "rec.nxs").exists()


def test_what_makes_no_sense_together_is_refused_in_a_line(twice: Two, call: Call) -> None:
    for words, says in (
        ((*OBJECT, "--start", "warm"), "scans of one problem begin together, and so not with --start warm"),
        (("--set", "scans.share=all"), "scans.share=all: unknown; wanted scans.share=object or scans.share=probe"),
        ((*PROBE, "--refine", "positions", "--set", "positions.geometry=affine"), "for objects that lie apart"),
        ((*PROBE, "--set", "scans.drift=none"), "scans that share no object need no moving"),
    ):
        result = call("reconstruct", *twice, *ONCE, *words, "-o", "rec.nxs")
        assert result.exit_code == 2
        assert says in message(result)
    result = call("reconstruct", "--watch", twice[0].parent, *PROBE, "-o", "recs/")
    assert result.exit_code == 2
    assert "--watch takes scans as they land, scans.share=probe all at once" in message(result)


def test_a_second_run_makes_what_is_missing_and_mixes_no_problems(twice: Two, tmp_path: Path, call: Call) -> None:
    words = ("reconstruct", *twice, *ONCE)
    assert call(*words, *PROBE, "-o", "recs/").exit_code == 0
    whole = {entry: _image(tmp_path / "recs" / f"{entry}.nxs", entry) for entry in (FIRST, NEXT)}
    (tmp_path / "recs" / f"{NEXT}.nxs").unlink()
    again = call(*words, *PROBE, "--keep-going", "-o", "recs/")
    assert again.exit_code == 0, again.stderr
    assert f"{FIRST}: recs/{FIRST}.nxs is there already" in again.stderr
    assert f"wrote recs/{FIRST}.nxs" not in again.stderr
    assert _image(tmp_path / "recs" / f"{NEXT}.nxs", NEXT) == whole[NEXT]
    (tmp_path / "recs" / f"{NEXT}.nxs").unlink()
    other = call(*words, *OBJECT, "--keep-going", "-o", "recs/")
    assert other.exit_code == 73
    assert f"recs/{FIRST}.nxs: was not made together with {FIRST}, {NEXT}" in message(other)


def test_several_devices_give_each_problem_to_one(twice: Two, tmp_path: Path, call: Call) -> None:
    words = ("reconstruct", *twice, *ONCE[:2], *ONCE[4:], *OBJECT)
    for device, name in (("cpu:1", "one.nxs"), ("cpu:1,cpu:1", "two.nxs")):
        result = call(*words, "--device", device, "-o", name)
        assert result.exit_code == 0, result.stderr
    for entry in (FIRST, NEXT):
        assert _image(tmp_path / "one.nxs", entry) == _image(tmp_path / "two.nxs", entry)


def test_a_signal_keeps_what_all_scans_reached_and_the_same_command_goes_on(
    twice: Two, tmp_path: Path, call: Call
) -> None:
    words = ("reconstruct", *twice, "--recipe", "pie:80", *ONCE[2:], *PROBE, "--progress", "json")
    assert call(*words, "-q", "-o", "whole.nxs").exit_code == 0
    more = ("--checkpoint", "kept", "-o", "rec.nxs", "--overwrite")
    code, said = _interrupt(command(*words, *more), tmp_path, signal.SIGINT)
    assert code == 130
    assert said.count("stopped on request after ") == 2
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [f"{FIRST}+1.checkpoint.npz"]
    for entry in (FIRST, NEXT):
        assert _facts(tmp_path / "rec.nxs", entry)["status"] == "stopped"
    again = call(*words, *more, "-v")
    assert again.exit_code == 0, again.stderr
    assert f"{FIRST}+1: goes on after iteration" in again.stderr
    for entry in (FIRST, NEXT):
        assert _image(tmp_path / "rec.nxs", entry) == _image(tmp_path / "whole.nxs", entry)
    assert not list((tmp_path / "kept").iterdir())


def test_one_product_of_several_scans_is_made_again_from_all_of_them(twice: Two, tmp_path: Path, call: Call) -> None:
    words = ("reconstruct", *twice, "--recipe", "pie:3,ml:2", *ONCE[2:4], *OBJECT, "-q")
    assert call(*words, "-o", "recs/").exit_code == 0
    (tmp_path / "raw").mkdir()
    # Files of other names, so that they come in another order.
    for path, name in zip(twice, ("z.nxs", "a.nxs"), strict=True):
        shutil.copy(path, tmp_path / "raw" / name)
    result = call("rerun", f"recs/{NEXT}.nxs", "--inputs", "raw", "--json", "-q")
    assert result.exit_code == 0, result.stderr + result.stdout
    told = json.loads(result.stdout.splitlines()[-1])
    assert (told["agreement"], told["commands"], told["raw_entries"]) == ("equal", 1, 2)


def test_damaged_frames_leave_the_others_to_share(folder: Path, tmp_path: Path, call: Call) -> None:
    torn = Path(shutil.copy(folder / f"{FIRST}.nxs", tmp_path / "torn.nxs"))
    with h5py.File(torn, "r+") as file:
        file[FIRST]["instrument/detector/data"].id.write_direct_chunk((0, 0, 0), b"torn")
    others = [folder / f"{entry}.nxs" for entry in (NEXT, "scan_E054602_R000")]
    result = call("reconstruct", torn, *others, *ONCE, *PROBE, "--keep-going", "-o", "rec.nxs")
    assert result.exit_code == 70, result.stderr
    assert f"torn.nxs: {FIRST}: its data are damaged" in result.stderr
    with h5py.File(tmp_path / "rec.nxs") as file:
        assert sorted(file) == [path.stem for path in others]
        assert np.isfinite(file[NEXT]["object/transmission"][()]).all()
