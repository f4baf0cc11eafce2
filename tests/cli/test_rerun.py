"""picpxct rerun: the recorded chain, pipes included, gives the stored arrays again; a forged one does not."""

import json
import shutil
from pathlib import Path

import h5py
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
    told = json.loads(result.stdout)
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
    assert [line.split()[:2] for line in lines] == [["picpxct", c] for c in ("reconstruct", "reconstruct", "frc")]


def test_what_is_made_can_be_kept(call: Call, raw: Path, tmp_path: Path) -> None:
    assert call("rerun", SAMPLES / "dose.nxs", "--inputs", raw, "-o", "kept", "-q").exit_code == 0
    assert [path.name for path in (tmp_path / "kept").rglob("*.nxs")] == ["scan_E054710_R000.nxs"]
    result = call("rerun", SAMPLES / "dose.nxs", "--inputs", raw, "-o", "kept", "-q")
    assert result.exit_code == 73
    assert "name a new folder" in message(result)


def test_raw_files_that_are_not_there_or_were_changed_are_refused(call: Call, raw: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = call("rerun", SAMPLES / "dose.nxs", "--inputs", "empty")
    assert result.exit_code == 65
    assert "1 of 1 raw entries are not there" in message(result)
    with h5py.File(raw / "scan.nxs", "r+") as file:
        data = file["scan_E054710_R000/instrument/detector/data"]
        data[0, 0, 0] = data[0, 0, 0] + 1
    result = call("rerun", SAMPLES / "dose.nxs", "--inputs", "raw")
    assert result.exit_code == 65
    assert "it was changed since" in message(result)
    assert call("rerun", SAMPLES / "dose.nxs", "--inputs", "nowhere").exit_code == 66


def test_raw_data_and_pipes_are_refused(call: Call, raw: Path) -> None:
    result = call("rerun", SAMPLES / "scan.nxs", "--inputs", raw)
    assert result.exit_code == 65
    assert "is raw data of simulate" in message(result)
    assert call("rerun", "-", "--inputs", raw).exit_code == 2
