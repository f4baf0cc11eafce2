"""picpxct plan: a plan to simulate by, numbers for programs, and one line where nothing can be planned."""

import json
from pathlib import Path

import pytest

from picpxct_nx.simulate.planfile import Plan

from .conftest import Call, message

SMALL = ("--preset", "tutorial", "--orientation", "3 deg", "--grain", "0.3 um^2")


def test_plan_goes_to_stdout_and_says_what_it_reaches(call: Call) -> None:
    found = call("plan", *SMALL)
    assert found.exit_code == 0
    plan = Plan.parse(found.stdout, "stdout")
    assert plan.preset == "tutorial"
    assert plan.rotations == "0 deg, 60 deg, 120 deg"
    assert "# orientation: reached" in found.stdout
    assert "plan: orientation: reached" in found.stderr
    assert call("plan", *SMALL, "-q").stderr == ""


def test_plan_is_written_simulated_and_foreseen_again(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    first = call("plan", *SMALL, "-o", file, "--json", "-q")
    assert first.exit_code == 0
    again = call("plan", "--preset", file, "--grain", "0.3 um^2", "--json", "-q")
    one, two = json.loads(first.stdout), json.loads(again.stdout)
    assert one["reached"] == {"orientation": True}
    assert two["reached"] == {}
    for name in ("dose_gy", "exposure_s", "resolution_nm"):
        assert two[name] == pytest.approx(one[name], rel=1e-6)
    for name in ("phase_lobe_grain_deg", "best_deg"):
        assert two["orientation"][name] == pytest.approx(one["orientation"][name], rel=1e-6)
    few = ("--energies", "5460 eV", "--rotations", "0 deg", "--set", "n_positions=2", "--set", "supersampling=1")
    made = call("simulate", "--preset", file, *few, "-q", "-o", tmp_path / "scan.nxs")
    assert made.exit_code == 0


def test_existing_plan_is_kept_unless_told_otherwise(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text("mine")
    assert call("plan", *SMALL, "-o", file).exit_code == 73
    assert file.read_text() == "mine"
    assert call("plan", *SMALL, "-o", file, "--overwrite", "-q").exit_code == 0
    assert Plan.parse(file.read_text(), "plan").preset == "tutorial"


def test_the_papers_experiment_is_foreseen_as_it_is(call: Call) -> None:
    found = json.loads(call("plan", "--json", "-q").stdout)
    assert (found["scans"], found["frames"]) == (120, 624)
    assert found["dose_gy"] == pytest.approx(3.66e8, rel=0.01)
    assert found["overlap"] == pytest.approx(0.88)
    assert found["mirror_ambiguous"] is True


def test_a_plan_that_the_chain_cannot_evaluate_says_what_it_lacks(call: Call) -> None:
    few = ("--rotations", "0 deg, 60 deg, 120 deg", "--energies")
    said = call("plan", *few, "5460 eV, 5470 eV, 5472 eV").stderr
    assert "measure 5482 eV, 5515 eV as well, and normalize and grainmap --signal phase-lobe take them" in said
    found = call("plan", *few, "5460 eV, 5470 eV, 5472 eV", "--json")
    assert json.loads(found.stdout)["lacking_ev"] == [5482.0, 5515.0]
    whole = call("plan", *few, "5460 eV, 5470 eV, 5472 eV, 5482 eV, 5515 eV", "--json")
    assert json.loads(whole.stdout)["lacking_ev"] == []


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("--orientation", "2"), 2, "has no unit"),
        (("--preset", "none"), 2, "wanted one of tutorial, paper, or a plan FILE.toml"),
        (("--preset", "none.toml"), 66, "there is no such plan"),
        (("--set", "speed=3"), 2, "or of the plan itself: thickness"),
        (("--rotations", "0 deg"), 65, "all rotations are parallel or there is one"),
        (("--orientation", "2 deg", "--energies", "5460 eV, 5471 eV"), 65, "no signal can be read"),
        (("--energies", "5471 eV, 5471 eV"), 2, "two scans would be called scan_E054710_R000"),
        (("-o", "plan.txt"), 2, "a plan is called NAME.toml"),
        (("-o", "-", "--json"), 2, "both want stdout"),
        (("-o", "missing/plan.toml"), 73, "missing"),
    ],
)
def test_what_cannot_be_planned_is_one_line(call: Call, words: tuple[str, ...], code: int, reason: str) -> None:
    found = call("plan", "--preset", "tutorial", "-q", *words)
    assert found.exit_code == code
    assert reason in message(found)
