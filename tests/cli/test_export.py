"""picpxct export: files whole or not at all, one or a folder of them, and one line for what goes wrong."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from .conftest import FIRST, SECOND, Call, Edit, Run, message, replace

STATED = ("--set", "distance=7.2 m", "--set", "count_time=0.1 s")


def test_a_scan_becomes_one_file_and_what_is_lost_is_said(call: Call, made: Path, tmp_path: Path) -> None:
    result = call("export", made / "scan.nxs", "--format", "cxi", "-o", "a.cxi")
    assert result.exit_code == 0, result.output
    with h5py.File(tmp_path / "a.cxi") as file, h5py.File(made / "scan.nxs") as ours:
        frames = ours[FIRST]["instrument/detector/data"][()]
        np.testing.assert_array_equal(file["entry_1/data_1/data"], frames[:, ::-1, ::-1])
    assert "cxi cannot carry" in result.stderr
    assert "count_time" in result.stderr
    assert "wrote a.cxi" in result.stderr
    assert call("export", made / "scan.nxs", "--format", "cxi", "-o", "b.cxi", "-q").stderr == ""


def test_many_entries_go_to_a_folder_a_file_each(call: Call, made: Path, tmp_path: Path) -> None:
    assert call("export", made / "scans.nxs", "--format", "ptyd", "-o", "out/").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"{FIRST}.ptyd", f"{SECOND}.ptyd"]


def test_two_files_do_not_fit_one_and_none_is_left(call: Call, made: Path, tmp_path: Path) -> None:
    result = call("export", made / "scans.nxs", "--format", "ptyd", "-o", "one.ptyd")
    assert result.exit_code == 2
    assert f"{FIRST} and {SECOND} are two files, and one was named; write -o DIR/" in message(result)
    assert list(tmp_path.iterdir()) == []
    chosen = call("export", f"{made / 'scans.nxs'}::{SECOND}", "--format", "ptyd", "-o", "one.ptyd")
    assert chosen.exit_code == 0


def test_an_existing_file_stays_without_overwrite(call: Call, made: Path, tmp_path: Path) -> None:
    (tmp_path / "a.ptyd").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f"{FIRST}.ptyd").write_text("mine")
    for output in ("a.ptyd", "out/"):
        result = call("export", made / "scan.nxs", "--format", "ptyd", "-o", output)
        assert result.exit_code == 73
        assert "add --overwrite" in message(result)
    assert (tmp_path / "a.ptyd").read_text() == "mine"
    skipped = call("export", made / "scans.nxs", "--format", "ptyd", "-o", "out/", "--keep-going")
    assert skipped.exit_code == 0
    assert "is there already" in skipped.stderr
    assert (tmp_path / "out" / f"{FIRST}.ptyd").read_text() == "mine"
    assert call("export", made / "scan.nxs", "--format", "ptyd", "-o", "a.ptyd", "--overwrite").exit_code == 0
    assert h5py.is_hdf5(tmp_path / "a.ptyd")


def test_pipes_lead_in_and_out(shell: Run, made: Path, tmp_path: Path) -> None:
    line = f"cat {made / 'scan.nxs'} | picpxct export --format ptyd -q > piped.ptyd"
    run = shell(f"{line} && picpxct export {made / 'scan.nxs'} --format ptyd -q -o named.ptyd")
    assert run.returncode == 0, run.stderr
    with h5py.File(tmp_path / "piped.ptyd") as piped, h5py.File(tmp_path / "named.ptyd") as named:
        np.testing.assert_array_equal(piped["chunks/0/data"], named["chunks/0/data"])
    run = shell(f"ls {made / 'recs.nxs'} | picpxct export --format tiff -o out/ -q")
    assert run.returncode == 0, run.stderr
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_json_lists_all_that_is_lost_and_writes_only_with_o(call: Call, made: Path, tmp_path: Path) -> None:
    result = call("export", made / "scans.nxs", "--format", "cxi", "--json", "-q")
    assert result.exit_code == 0
    facts = [json.loads(line) for line in result.stdout.splitlines()]
    assert [fact["name"] for fact in facts] == [FIRST, SECOND]
    assert all("instrument/detector/count_time" in fact["lost"] and fact["file"] is None for fact in facts)
    assert list(tmp_path.iterdir()) == []
    result = call("export", made / "scan.nxs", "--format", "cxi", "--json", "-q", "-o", "a.cxi")
    assert json.loads(result.stdout)["file"] == "a.cxi"


def test_a_reconstruction_takes_distance_and_exposure_from_the_scan(call: Call, made: Path, tmp_path: Path) -> None:
    words = ("export", made / "recs.nxs", "--format", "ptychodus", "-o", "out/")
    missing = call(*words)
    assert missing.exit_code == 65
    assert '--set distance="7.2 m" --set count_time="0.1 s", or --with SCAN' in message(missing)
    assert not (tmp_path / "out").exists()
    assert call(*words, "--with", made / "scans.nxs").exit_code == 0
    with h5py.File(tmp_path / "out" / f"{FIRST}.h5") as file, h5py.File(made / "scans.nxs") as scans:
        detector = scans[f"{FIRST}/instrument/detector"]
        assert file.attrs["detector_object_distance_m"] == detector["distance"][()]
    assert call(*words, *STATED, "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("scan.nxs",), 2, "--format is missing; use cxi, ptyd"),
        (("scan.nxs", "--format", "nexus"), 2, "--format 'nexus' is unknown; use cxi, ptyd"),
        (("recs.nxs", "--format", "cxi"), 65, "is a reconstruction; cxi takes a raw scan; a reconstruction goes to"),
        (("scan.nxs", "--format", "png"), 65, "is a raw scan; png takes a reconstruction or"),
        (("recs.nxs", "--format", "png", "--image", "complex"), 2, "a complex image is two real ones"),
        (("scan.nxs", "--format", "cxi", "--energy", "5 eV"), 2, "--energy means nothing to cxi"),
        (("scan.nxs", "--format", "cxi", "--with", "scan.nxs"), 2, "--with means nothing to cxi"),
        (("recs.nxs", "--format", "ptychodus", "--with", "recs.nxs"), 65, "this command wants NXspecptycho_scan"),
        (("recs.nxs", "--format", "ptychodus", "--with", "nowhere.nxs"), 66, "is not there"),
        (("nowhere.nxs", "--format", "cxi"), 66, "is not there"),
        (("scan.nxs::other", "--format", "cxi"), 65, "no entry is other"),
    ],
)
def test_what_cannot_be_exported_ends_on_one_line(
    call: Call, made: Path, tmp_path: Path, words: tuple[str, ...], code: int, text: str
) -> None:
    result = call("export", *(made / word if ".nxs" in word else word for word in words), "-o", "out/")
    assert result.exit_code == code, result.output
    assert text in message(result)
    assert not (tmp_path / "out").exists()


def test_the_same_entry_named_twice_is_one_and_another_of_its_name_is_refused(
    call: Call, made: Path, tmp_path: Path
) -> None:
    words = ("export", made / "scan.nxs", made / "scan.nxs", "--format", "ptyd", "-q")
    assert call(*words, "-o", "one.ptyd").exit_code == 0
    other = call("export", made / "scan.nxs", made / "larger.nxs", "--format", "ptyd", "-o", "out/")
    assert other.exit_code == 65
    assert f"another file is named {FIRST} as well" in message(other)


def test_a_failed_entry_is_named_and_the_others_are_written(call: Call, made: Path, tmp_path: Path) -> None:
    words = ("export", made / "scans.nxs", made / "recs.nxs", "--format", "ptyd", "-o", "out/", "--keep-going")
    result = call(*words)
    assert result.exit_code == 70
    assert "2 failed" in message(result)
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_damaged_frames_are_bad_input_and_leave_no_file(call: Call, edited: Edit, tmp_path: Path) -> None:
    path = edited(lambda _: None)
    with h5py.File(path) as file:
        info = file[FIRST]["instrument/detector/data"].id.get_chunk_info(1)
    raw = bytearray(path.read_bytes())
    raw[info.byte_offset + 8] ^= 0xFF
    path.write_bytes(raw)
    result = call("export", path, "--format", "cxi", "-o", "a.cxi")
    assert result.exit_code == 65
    assert "its data are damaged" in message(result)
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_with_keep_going_a_damaged_entry_does_not_cost_the_others(call: Call, made: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.nxs"
    with h5py.File(made / "scans.nxs") as file:
        info = file[FIRST]["instrument/detector/data"].id.get_chunk_info(1)
    raw = bytearray((made / "scans.nxs").read_bytes())
    raw[info.byte_offset + 8] ^= 0xFF
    path.write_bytes(raw)
    result = call("export", path, "--format", "cxi", "-o", "out/", "--keep-going")
    assert result.exit_code == 70
    assert "its data are damaged" in result.stderr
    assert f"1 failed: {FIRST}; the others are done" in message(result)
    assert [item.name for item in (tmp_path / "out").iterdir()] == [f"{SECOND}.cxi"]


def test_an_image_of_nothing_but_nan_is_no_picture(call: Call, made: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copy(made / "recs.nxs", tmp_path / "nan.nxs")
    with h5py.File(tmp_path / "nan.nxs", "r+") as file:
        for entry in (FIRST, SECOND):
            shape = file[entry]["object/transmission"].shape
            replace(file[entry], "object/transmission", np.full(shape, np.nan, np.complex64))
    result = call("export", "nan.nxs", "--format", "png", "-o", "out/")
    assert result.exit_code == 65
    assert f"nan.nxs: {FIRST}: phase (rad), 5460.00 eV holds no finite pixel; there is nothing to draw" in message(
        result
    )
    assert not (tmp_path / "out").exists()
