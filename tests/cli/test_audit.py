"""picpxct audit and amend: verdicts, exit codes, the patch between them, and what they refuse."""

import json
from pathlib import Path

import pytest

from picpxct_nx.cli._patch import Patches
from picpxct_nx.errors import UsageError

from .conftest import Call, message

MORE = ("--set", "frame_size=48", "--set", "n_positions=24", "--set", "supersampling=1")
ONE = ("--energies", "5520 eV", "--rotations", "0 deg", "--seed", "2")
CPU = ("--device", "cpu:1")


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from typer.testing import CliRunner

    from picpxct_nx.cli.main import app

    target = tmp_path_factory.mktemp("audit") / "scan.nxs"
    assert CliRunner().invoke(app, ["simulate", *MORE, *ONE, "-q", "-o", str(target)]).exit_code == 0
    return target


def test_a_wrong_scan_is_told_patched_amended_and_then_right(call: Call, scan: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[amend]\nframes = '-x,+y'\n")
    made = call("amend", scan, "--patch", "mine.toml", "-q", "-o", "wrong.nxs")
    assert made.exit_code == 0, made.stderr
    told = call("audit", "wrong.nxs", *CPU, "-o", "patch.toml")
    assert told.exit_code == 65
    assert "WRONG" in told.stdout
    assert "the stage's axes are turned by 90 degrees from y towards x" in told.stdout
    assert "open to any diffraction: whether stage or frames are at fault" in told.stdout
    assert "which shows distances off by 6% or more; a stage scale off by less than 15% to 30% may pass" in told.stdout
    assert 'stage = "-x,+y"' in (tmp_path / "patch.toml").read_text()
    amended = call("amend", "wrong.nxs", "--patch", "patch.toml", "-o", "right.nxs", "--json")
    assert amended.exit_code == 0
    assert json.loads(amended.stdout)["entry"] == "scan_E055200_R000"
    valid = call("validate", "wrong.nxs", "right.nxs")
    assert valid.exit_code == 0, valid.stdout
    again = call("audit", "right.nxs", *CPU, "--json", "-q")
    assert again.exit_code == 0
    found = json.loads(again.stdout)
    assert (found["verdict"], found["stage"], found["decided"]) == ("right", "+y,+x", True)
    assert found["confidence"] > 0.95
    assert (found["distance_unseen"], found["stage_scale_unseen"]) == (0.06, 0.3)
    # The same in another laboratory: frames and stage turned alike.
    assert {"frames": "+x,+y", "stage": "+x,+y"} in found["equivalent"]
    twice = call("amend", "right.nxs", "--patch", "patch.toml", "-o", "twice.nxs")
    assert twice.exit_code == 65
    assert "was amended by this patch before" in message(twice)


def test_what_cannot_be_decided_exits_with_70_and_leaves_no_patch(call: Call, tmp_path: Path) -> None:
    assert call("simulate", *MORE, *ONE, "--set", "photon_rate=3e3 Hz", "-q", "-o", "dim.nxs").exit_code == 0
    result = call("audit", "dim.nxs", *CPU, "-q", "--frames", "12", "-o", "patch.toml")
    assert result.exit_code == 70, result.stdout
    assert "undecided: likeliest is" in result.stdout
    assert not (tmp_path / "patch.toml").exists()


def test_a_patch_is_not_written_over_another_before_any_work(call: Call, scan: Path, tmp_path: Path) -> None:
    (tmp_path / "patch.toml").write_text("mine")
    result = call("audit", scan, "-o", "patch.toml")
    assert result.exit_code == 73
    assert "exists already; add --overwrite" in message(result)
    assert call("audit", scan, "-o", "-").exit_code == 73
    assert (tmp_path / "patch.toml").read_text() == "mine"


def test_words_files_and_stages_that_do_not_fit_are_refused(call: Call, made: Path, tmp_path: Path) -> None:
    assert "wanted frames or stage" in message(call("audit", made / "scan.nxs", "--trust", "me"))
    result = call("audit", made / "recs.nxs")
    assert (result.exit_code, "this command wants NXspecptycho_scan" in message(result)) == (65, True)
    assert call("audit", "nowhere.nxs").exit_code == 66
    missing = call("amend", made / "scan.nxs", "--patch", "nowhere.toml", "-o", "x.nxs")
    assert (missing.exit_code, "cannot be read" in message(missing)) == (66, True)
    (tmp_path / "bad.toml").write_bytes(b"\xff")
    assert "is no UTF-8 text" in message(call("amend", made / "scan.nxs", "--patch", "bad.toml", "-o", "x.nxs"))


def test_a_scan_that_fails_does_not_stop_the_others_and_each_gets_its_patch(
    call: Call, scan: Path, tmp_path: Path
) -> None:
    few = ("simulate", *MORE[:2], "--set", "n_positions=5", *ONE[:4], "--seed", "3", "-q", "-o", "few.nxs")
    assert call(*few).exit_code == 0
    result = call("audit", "few.nxs", scan, *CPU, "--json", "-q", "-o", "patches/")
    assert (result.exit_code, len(result.stdout.splitlines())) == (65, 1)
    assert "has 5 frames; an audit wants 6 or more" in message(result)
    assert [path.name for path in (tmp_path / "patches").iterdir()] == ["scan_E055200_R000.toml"]


def test_one_file_is_for_one_patch(tmp_path: Path) -> None:
    patches = Patches(str(tmp_path / "one.toml"), overwrite=True)
    patches.write("first", "text")
    with pytest.raises(UsageError, match="holds the patch of another scan already; write -o DIR/"):
        patches.write("second", "text")
