"""picpxct simulate: presets and plans, warnings, and one file a scan."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from picpxct_nx import nexus
from picpxct_nx.records import Scan

from .conftest import TINY, Call

PLAN = """preset = "tutorial"
energies = ["5460 eV", "5471 eV"]
rotations = ["0 deg", "60 deg"]
exposures = [1.0, 0.5]

[set]
frame_size = 32
n_positions = 6
step = "0.35 um"
supersampling = 1
"""


def _scan(path: Path, entry: str) -> Scan:
    with nexus.open_valid(path, path.name) as file:
        record = nexus.read(file, entry)
        assert isinstance(record, Scan)
        return dataclasses.replace(record, frames=record.frames[:])


def test_plan_is_simulated_as_it_says_and_the_files_are_valid(call: Call, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)
    assert call("simulate", "--preset", plan, "-q", "-o", f"{tmp_path}/scans/").exit_code == 0
    made = sorted(path.name for path in (tmp_path / "scans").iterdir())
    assert made == [f"scan_E0{e}_R0{r}.nxs" for e in (54600, 54710) for r in ("00", "60")]
    first, second = (_scan(tmp_path / "scans" / f"scan_E0{e}_R000.nxs", f"scan_E0{e}_R000") for e in (54600, 54710))
    assert (first.count_time, second.count_time) == pytest.approx((0.1, 0.05))
    assert call("validate", *(tmp_path / "scans").iterdir()).exit_code == 0


def test_only_the_scans_that_are_named_are_made_and_they_are_those_of_the_whole(call: Call, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(PLAN)
    name = "scan_E054710_R060"
    line = ("simulate", "--preset", tmp_path / "plan.toml", "-q")
    assert call(*line, "-o", f"{tmp_path}/all/").exit_code == 0
    assert call(*line, "--only", name, "-o", f"{tmp_path}/one/").exit_code == 0
    assert [path.name for path in (tmp_path / "one").iterdir()] == [f"{name}.nxs"]
    one, whole = (_scan(tmp_path / folder / f"{name}.nxs", name) for folder in ("one", "all"))
    np.testing.assert_array_equal(one.frames, whole.frames)
    np.testing.assert_array_equal(one.extra["truth/experiment/dose"], whole.extra["truth/experiment/dose"])
    refused = call(*line, "--only", "scan_E054720_R000", "-o", f"{tmp_path}/none/")
    assert refused.exit_code == 2
    assert "is no scan of the experiment; they are scan_E054600_R000 to scan_E054710_R060" in refused.stderr


def test_options_come_after_the_plan(call: Call, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)
    words = ("--energies", "5471 eV", "--rotations", "0 deg", "--set", "n_positions=4")
    assert call("simulate", "--preset", plan, *words, "-q", "-o", tmp_path / "one.nxs").exit_code == 0
    assert _scan(tmp_path / "one.nxs", "scan_E054710_R000").frames.shape == (4, 32, 32)


def test_thick_particle_is_warned_of_and_named_jones_is_not(call: Call, tmp_path: Path) -> None:
    words = ("simulate", *TINY, "--energies", "5471 eV", "--rotations", "0 deg", "-q", "--overwrite")
    thick = ("--set", "particle_size=3 um, 3 um, 12 um", "-o", tmp_path / "scan.nxs")
    warned = call(*words, *thick)
    assert warned.exit_code == 0
    assert "warning: the particle is" in warned.stderr
    assert "above 4 um light changes its polarisation" in warned.stderr
    vector = call(*words, *thick, "--set", "model=jones")
    assert "polarisation" not in vector.stderr
    record = _scan(tmp_path / "scan.nxs", "scan_E054710_R000")
    assert "truth/transmission_x_to_y" in record.extra
    assert call("validate", tmp_path / "scan.nxs").exit_code == 0


def test_paper_is_simulated_scan_by_scan_with_the_faults_of_the_real_detector(call: Call, tmp_path: Path) -> None:
    few = ("--set", "n_positions=2", "--set", "supersampling=1", "--energies", "5460 eV, 5471 eV")
    found = call("simulate", "--preset", "paper", *few, "--rotations", "90 deg", "-q", "-o", f"{tmp_path}/scans/")
    assert found.exit_code == 0
    record = _scan(tmp_path / "scans" / "scan_E054600_R090.nxs", "scan_E054600_R090")
    assert record.frames.shape == (2, 440, 440)
    assert (record.pixel_mask != 0).mean() > 0.05


@pytest.mark.parametrize(
    ("text", "code", "reason"),
    [
        (None, 66, "there is no such plan; picpxct plan -o"),
        (b"\xff\xfe", 78, "is not text in UTF-8"),
        (b"preset = [", 78, "is not TOML"),
        (b"energies = ['5 km']", 78, "5 km"),
        (b"#" * (2**20 + 1), 78, "is larger than"),
    ],
)
def test_plans_that_cannot_be_read_are_named(
    call: Call, tmp_path: Path, text: bytes | None, code: int, reason: str
) -> None:
    plan = tmp_path / "plan.toml"
    if text is not None:
        plan.write_bytes(text)
    found = call("simulate", "--preset", plan, "-o", tmp_path / "scans.nxs")
    assert (found.exit_code, found.stderr.count("\n")) == (code, 1)
    assert f"picpxct: {plan}: " in found.stderr
    assert reason in found.stderr
    assert list(tmp_path.iterdir()) == ([plan] if text is not None else [])
