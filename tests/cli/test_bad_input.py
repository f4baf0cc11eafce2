"""Bad physics input: each ends in one clear line and its code, writes nothing, and leaves the input as it was."""

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from .conftest import FIRST, Call, Edit, message, replace

DATA, MASK = "instrument/detector/data", "instrument/detector/pixel_mask"
X, Y = "sample/transformations/x", "sample/transformations/y"
RUN = ("--recipe", "dm:2", "-o", "rec.nxs", "-q")


def _refused(call: Call, folder: Path, *words: str | Path) -> tuple[int, str]:
    """Exit code and last line of a command that must write nothing and change nothing."""
    before = {path: path.read_bytes() for path in folder.iterdir()}
    result = call(*words)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert result.stdout == ""
    return result.exit_code, message(result)


def _text(_: Path, target: Path) -> None:
    target.write_text("energy, counts\n")


def _truncated(scan: Path, target: Path) -> None:
    # HDF5 may leave unused room at the end, which nobody would miss.
    raw = scan.read_bytes()
    target.write_bytes(raw[: len(raw) // 2])


def _empty(_: Path, target: Path) -> None:
    target.touch()


def _elsewhere(scan: Path, target: Path) -> None:
    target.write_bytes(scan.read_bytes())
    with h5py.File(target, "r+") as file:
        file[FIRST]["notes"] = h5py.ExternalLink("/etc/passwd", "/x")


def _bomb(scan: Path, target: Path) -> None:
    target.write_bytes(scan.read_bytes())
    with h5py.File(target, "r+") as file:
        options = {"chunks": (1 << 20,), "compression": "gzip", "fillvalue": 1}
        file[FIRST].create_dataset("notes", (1 << 40,), "u1", **options)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_text, "is not an HDF5 file (it starts with b'energy, ')"),
        (_truncated, "is truncated at"),
        (_empty, "is empty (0 bytes); did the program that wrote it fail?"),
        (_elsewhere, "[LINK_EXTERNAL]"),
        (_bomb, "[BOMB]"),
    ],
)
def test_a_file_that_is_no_safe_nexus_file_is_refused(
    call: Call, made: Path, tmp_path: Path, make: Callable[[Path, Path], None], says: str
) -> None:
    make(made / "scan.nxs", tmp_path / "bad.nxs")
    code, said = _refused(call, tmp_path, "reconstruct", "bad.nxs", *RUN)
    assert code == 65
    assert says in said
    assert said.startswith("picpxct: bad.nxs: ")


def test_damaged_data_are_bad_input_and_no_bug(call: Call, made: Path, tmp_path: Path) -> None:
    target = tmp_path / "bad.nxs"
    target.write_bytes((made / "scan.nxs").read_bytes())
    with h5py.File(target) as file:
        chunk = file[FIRST][DATA].id.get_chunk_info(3)
    with target.open("r+b") as handle:
        handle.seek(chunk.byte_offset + chunk.size // 2)
        handle.write(b"\0" * 20)
    code, said = _refused(call, tmp_path, "reconstruct", "bad.nxs", *RUN)
    assert code == 65
    assert f"bad.nxs: {FIRST}: its data are damaged" in said


@pytest.mark.parametrize("name", ["nowhere.nxs", "folder", "nowhere/scan.nxs", "x" * 5000])
def test_an_input_that_is_not_there(call: Call, tmp_path: Path, name: str) -> None:
    result = call("reconstruct", name, *RUN)
    assert result.exit_code == 66
    assert "is not there" in message(result)


def test_a_folder_is_no_input(call: Call, tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    result = call("reconstruct", "scans", *RUN)
    assert result.exit_code == 66
    assert "is a folder; name files, for example scans/*.nxs" in message(result)


@pytest.mark.parametrize(
    ("command", "file", "says"),
    [
        ("reconstruct", "recs.nxs", "is NXspecptycho_reconstruction; this command wants NXspecptycho_scan"),
        ("frc", "scans.nxs", "is NXspecptycho_scan; this command wants NXspecptycho_reconstruction"),
    ],
)
def test_the_wrong_kind_of_entry_is_named(
    call: Call, made: Path, tmp_path: Path, command: str, file: str, says: str
) -> None:
    code, said = _refused(call, tmp_path, command, made / file, "-o", "rec.nxs")
    assert code == 65
    assert says in said


def _not_a_number(entry: h5py.Group) -> None:
    frames = entry[DATA][()].astype(np.float32)
    frames[5, 3, 4] = np.nan
    replace(entry, DATA, frames)


def _negative(entry: h5py.Group) -> None:
    frames = entry[DATA][()].astype(np.int32)
    frames[7, 10, 11] = -2
    replace(entry, DATA, frames)


def _no_light(entry: h5py.Group) -> None:
    entry[DATA][...] = 0


def _all_masked(entry: h5py.Group) -> None:
    entry[MASK][...] = 1


def _off_centre(entry: h5py.Group) -> None:
    entry["instrument/detector/beam_center_x"][()] = 3e-4


def _far_apart(entry: h5py.Group) -> None:
    for path in (X, Y):
        entry[path][...] = entry[path][()] * 50


def _one_astray(entry: h5py.Group) -> None:
    entry[X][4] = 1.0


def _position_missing(entry: h5py.Group) -> None:
    entry[Y][6] = np.nan


def _no_energy(entry: h5py.Group) -> None:
    entry["instrument/beam/incident_energy"][()] = 0.0


def _no_frames(entry: h5py.Group) -> None:
    for path, shape in ((DATA, (0, 32, 32)), (X, (0,)), (Y, (0,)), ("data/frame", (0,)), ("control/data", (0,))):
        replace(entry, path, np.zeros(shape, entry[path].dtype))


def _no_probe(entry: h5py.Group) -> None:
    del entry["instrument/zone_plate"]


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (_not_a_number, "frame 5 holds nan at pixel (3, 4)"),
        (_negative, "frame 7 holds -2 at pixel (10, 11)"),
        (_no_light, "no counts on any measured pixel"),
        (_all_masked, "marks every pixel as bad"),
        (_off_centre, "the beam is at pixel (16.0, 4.0); wanted the middle (16, 16)"),
        (_far_apart, "do not overlap; check units, distance and pixel size"),
        (_one_astray, "position 4 is"),
        (_position_missing, "6"),
        (_no_energy, "incident_energy"),
        (_no_frames, "wanted a frame or more"),
        (_no_probe, "no start probe"),
    ],
)
def test_a_scan_that_cannot_be_reconstructed_is_refused(
    call: Call, edited: Edit, tmp_path: Path, edit: Callable[[h5py.Group], None], says: str
) -> None:
    edited(edit)
    code, said = _refused(call, tmp_path, "reconstruct", "edited.nxs", *RUN)
    assert code == 65
    assert says in said
    assert said.startswith("picpxct: edited.nxs: ")
    assert FIRST in said


def test_the_frame_is_named_as_in_the_scan_also_when_some_are_left_out(call: Call, edited: Edit) -> None:
    edited(_not_a_number)
    assert "frame 5 holds nan" in message(call("reconstruct", "edited.nxs", "--frames", "1::2", *RUN))
    assert call("reconstruct", "edited.nxs", "--frames", "0::2", *RUN).exit_code == 0


def test_a_masked_pixel_may_hold_anything(call: Call, edited: Edit) -> None:
    def mask(entry: h5py.Group) -> None:
        _not_a_number(entry)
        entry[MASK][3, 4] = 1

    edited(mask)
    assert call("reconstruct", "edited.nxs", *RUN).exit_code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--recipe", "er:10"), "unknown engine 'er'"),
        (("--recipe", "great"), "unknown engine 'great'"),
        (("--recipe", "dm:0"), "no iterations above 0"),
        (("--set", "ml.dampng=1"), "unknown parameter"),
        (("--set", "ml.damping=much"), "wanted a number"),
        (("--set", "relaxation"), "wanted PART.NAME=VALUE"),
        (("--refine", "positions,phase"), "--refine phase: unknown; wanted positions, intensity"),
        (("--set", "positions.limit=3"), "positions is not refined; add --refine positions"),
        (("--refine", "positions", "--set", "positions.limt=3"), "unknown parameter"),
        (("--refine", "positions", "--set", "positions.geometry=bent"), "wanted free or affine"),
        (("--set", "object.max=0"), "wanted a magnitude above 0"),
        (("--set", "epie.alpha=1"), "engine 'epie' is not in the recipe"),
        (("--frames", "5"), "--frames '5' is not a range"),
        (("--frames", "a:b"), "is not a range"),
        (("--frames", "::-1"), "is not a range"),
        (("--frames", "20:"), "names none of the 16 frames"),
        (("--device", "tpu"), "device 'tpu': unknown"),
    ],
)
def test_what_reconstruct_cannot_do_is_a_usage_error(
    call: Call, made: Path, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    code, said = _refused(call, tmp_path, "reconstruct", made / "scan.nxs", "-o", "rec.nxs", *words)
    assert code == 2
    assert says in said


def test_a_gpu_that_is_not_there_is_unavailable(call: Call, made: Path, tmp_path: Path) -> None:
    code, said = _refused(call, tmp_path, "reconstruct", "nowhere.nxs", "-o", "rec.nxs", "--device", "cuda:99")
    assert code in (66, 69)
    code, said = _refused(call, tmp_path, "reconstruct", made / "scan.nxs", "-o", "rec.nxs", "--device", "cuda:99")
    assert code == 69
    assert "device 'cuda:99'" in said


# Without inertia the object is 0 / 0 where no light falls.
DIVERGING = ("--recipe", "ml:1,dm:5", "--set", "dm.object_inertia=0")


def test_divergence_writes_nothing(call: Call, made: Path, tmp_path: Path) -> None:
    code, said = _refused(call, tmp_path, "reconstruct", made / "scan.nxs", *DIVERGING, "-o", "rec.nxs", "-q")
    assert code == 70
    assert "diverged at iteration" in said
    assert said.startswith(f"picpxct: {made}/scan.nxs: {FIRST}: ")


def test_divergence_may_be_kept_at_its_last_finite_state(call: Call, made: Path, tmp_path: Path) -> None:
    result = call("reconstruct", made / "scan.nxs", *DIVERGING, "-o", "rec.nxs", "-q", "--also", "diverged")
    assert result.exit_code == 70
    assert "diverged at iteration" in message(result)
    with h5py.File(tmp_path / "rec.nxs") as file:
        assert np.isfinite(file[f"{FIRST}/object/transmission"][()]).all()
        assert file[f"{FIRST}/process_002/parameters/status"].asstr()[()] == "diverged"
    assert call("validate", "rec.nxs").exit_code == 0


def test_the_start_probe_comes_from_one_reconstruction(call: Call, made: Path, tmp_path: Path) -> None:
    words = ("reconstruct", made / "scan.nxs", *RUN, "--start")
    assert call(*words, made / "recs.nxs").exit_code == 2
    assert call(*words, made / "scan.nxs").exit_code == 65
    assert call(*words, f"{made}/recs.nxs::{FIRST}").exit_code == 0
    with h5py.File(tmp_path / "rec.nxs") as file:
        chain = [file[FIRST][name] for name in sorted(file[FIRST]) if name.startswith("process_")]
        assert [step["command"].asstr()[()] for step in chain] == ["simulate", "simulate", "reconstruct", "reconstruct"]
        assert {"input_001", "input_002"} <= set(chain[-1])


def test_what_is_no_file_at_all_ends_on_one_line(call: Call, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.nxs")
    (tmp_path / "loop.nxs").symlink_to(tmp_path / "loop.nxs")
    for name, said in (("pipe.nxs", "is a pipe or a device"), ("loop.nxs", "cannot be read (")):
        for command in ("info", "validate"):
            result = call(command, tmp_path / name)
            assert result.exit_code == 65
            assert said in " ".join((result.stdout + result.stderr).split())
            assert "Traceback" not in result.stderr
