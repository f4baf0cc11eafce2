"""picpxct rerun: the recorded chain, pipes included, gives the stored arrays again; a forged one does not."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from .conftest import Call, Run, message

SAMPLES = Path(__file__).parents[2] / "sample_data"
SIMULATE = (
    "simulate", "--energies", "5460 eV, 5515 eV", "--rotations", "0 deg", "--set", "frame_size=48", "--set",
    "supersampling=1", "--set", "photon_rate=4e7 Hz", "--seed", "1", "-q", "-o", "raw/scans.nxs",
)  # fmt: skip
PIPE = """picpxct reconstruct raw/scans.nxs --recipe pie:4 --also none --device cpu:1 -q | picpxct flatten -q \
    | picpxct stack --energy-tolerance '0.3 eV' -q > cube.nxs"""


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A folder with the one raw scan of the sample files."""
    (tmp_path / "raw").mkdir()
    shutil.copy(SAMPLES / "scan.nxs", tmp_path / "raw")
    return tmp_path / "raw"


@pytest.mark.slow
def test_what_a_pipe_made_is_made_again_bit_for_bit(shell: Run, call: Call, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    assert call(*SIMULATE).exit_code == 0
    assert shell(PIPE).returncode == 0
    # Settings of the user are not those of the one who made it.
    (tmp_path / "picpxct.toml").write_text("[stack]\nunion = true\n[flatten]\norder = 'constant'\n")
    result = call("rerun", "cube.nxs", "--inputs", "raw", "--json", "-q")
    assert result.exit_code == 0, result.stderr
    *scans, told = map(json.loads, result.stdout.splitlines())
    # The raw scans are simulated again, in their order.
    assert [(one["entry"], one["agreement"], one["raw_entries"]) for one in scans] == [
        ("scan_E054600_R000", "equal", 0), ("scan_E055150_R000", "equal", 0)]  # fmt: skip
    assert (told["agreement"], told["accepted"], told["same_device"]) == ("equal", True, True)
    assert (told["commands"], told["raw_entries"], told["differences"]) == (3, 2, [])


def test_a_result_that_was_changed_is_not_reproduced(call: Call, raw: Path, tmp_path: Path) -> None:
    forged = Path(shutil.copy(SAMPLES / "dose.nxs", tmp_path / "dose.nxs"))
    with h5py.File(forged, "r+") as file:
        dose = file["scan_E054710_R000/dose/dose"]
        dose[...] = dose[...] * 1.0005
    result = call("rerun", "dose.nxs", "--inputs", raw, "-q")
    assert result.exit_code == 70
    assert message(result).endswith("not reproduced: scan_E054710_R000")
    assert "NOT reproduced within 0 on the same kind of device" in result.stdout
    assert "dose/dose 0.0005 rms" in result.stdout
    assert call("rerun", "dose.nxs", "--inputs", raw, "-q", "--tolerance", "0.001").exit_code == 0


def test_the_commands_can_be_seen_before_they_are_run(call: Call, raw: Path) -> None:
    result = call("rerun", SAMPLES / "frc.nxs", "--inputs", raw, "--dry-run")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["picpxct", c] for c in ("simulate", "reconstruct", "reconstruct", "frc")
    ]


def test_what_is_made_can_be_kept(call: Call, raw: Path, tmp_path: Path) -> None:
    assert call("rerun", SAMPLES / "dose.nxs", "--inputs", raw, "-o", "kept", "-q").exit_code == 0
    assert sorted(str(path.relative_to(tmp_path / "kept")) for path in (tmp_path / "kept").rglob("*.nxs")) == [
        "001_dose/scan_E054710_R000.nxs", "raw_001_simulate/scan_E054710_R000.nxs"]  # fmt: skip
    result = call("rerun", SAMPLES / "dose.nxs", "--inputs", raw, "-o", "kept", "-q")
    assert result.exit_code == 73
    assert "name a new folder" in message(result)


def test_raw_scans_that_are_not_there_are_simulated_again(call: Call, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = call("rerun", SAMPLES / "dose.nxs", "--inputs", "empty", "--dry-run")
    assert "what follows works on raw entries that are not there yet" in result.stderr
    result = call("rerun", SAMPLES / "dose.nxs", "--inputs", "empty")
    assert result.exit_code == 0
    assert "is not there; made again by simulate, as it was read" in result.stderr
    assert len(result.stdout.splitlines()) == 1


def test_raw_files_that_are_not_there_or_were_changed_are_refused(call: Call, raw: Path, tmp_path: Path) -> None:
    dose = Path(shutil.copy(SAMPLES / "dose.nxs", tmp_path / "dose.nxs"))
    with h5py.File(dose, "r+") as file:
        file["scan_E054710_R000/process_001/parameters/seed"][...] = 2
    (tmp_path / "empty").mkdir()
    result = call("rerun", "dose.nxs", "--inputs", "empty")
    assert result.exit_code == 65
    assert "1 of 1 raw entries are not there" in message(result)
    with h5py.File(raw / "scan.nxs", "r+") as file:
        data = file["scan_E054710_R000/instrument/detector/data"]
        data[0, 0, 0] = data[0, 0, 0] + 1
    result = call("rerun", SAMPLES / "dose.nxs", "--inputs", "raw")
    assert result.exit_code == 65
    assert "it was changed since" in message(result)
    assert call("rerun", SAMPLES / "dose.nxs", "--inputs", "nowhere").exit_code == 66
    # By itself, it is told what was changed.
    result = call("rerun", raw / "scan.nxs", "--inputs", "empty", "-q")
    assert result.exit_code == 70
    assert "instrument/detector/data" in result.stdout


def test_pipes_are_refused(call: Call, raw: Path) -> None:
    assert call("rerun", "-", "--inputs", raw).exit_code == 2


def test_scans_are_imported_again_where_their_sources_are(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "beamtime"
    folder.mkdir()
    rng = np.random.default_rng(1)
    np.savez(folder / "frames.npz", counts=rng.poisson(3, (6, 16, 16)), start=np.ones((16, 16), np.complex64))
    np.save(folder / "stage.npy", rng.uniform(-2, 2, (6, 3)))
    np.save(folder / "bad.npy", rng.random((16, 16)) < 0.1)
    stated = (
        "energy=5471 eV", "distance=7.1 m", "pixel_size=75 um", "stokes=1,1,0,0", "rotation=0.1 rad", "sample=V2O5",
        "instrument=cSAXS", "source=SLS", "title=a = b", "start_time=2026-05-01T08:00:00+02:00", "entry=scan_7",
    )  # fmt: skip
    where = "data=counts,positions=beamtime/stage.npy::[:,1:3],probe=start,mask=beamtime/bad.npy"
    line = ("--map", where, "--axes", "stage:+y,-x:um", "--crop", "12", "--assume", "count_time=0.1 s")
    said = [word for text in stated for word in ("--set", text)]
    done = call("import", "beamtime/frames.npz", *line, *said, "-o", "raw.nxs", "-q")
    assert done.exit_code == 0, done.stderr
    result = call("rerun", "raw.nxs", "--inputs", "beamtime")
    assert result.exit_code == 0, result.stderr
    assert "raw.nxs: scan_7: reproduced" in result.stdout
    assert "by import are equal" in result.stdout
    (folder / "stage.npy").unlink()
    result = call("rerun", "raw.nxs", "--inputs", "beamtime")
    assert result.exit_code == 65
    assert "scan_7: is not imported again: its source stage.npy (sha256" in result.stderr
    assert message(result).endswith("is raw data that could not be made again")
