"""picpxct score: what it prints, what it takes, and what it refuses."""

import json
from pathlib import Path

from .conftest import FIRST, TINY, Call, Run, message


def test_reconstructions_are_judged_by_their_scans(call: Call, made: Path) -> None:
    result = call("score", made / "scans.nxs", made / "recs.nxs")
    assert result.exit_code == 0, result.output
    first, *lines = result.stdout.splitlines()
    assert first == f"{FIRST}: reconstruction, reconstructed"
    assert lines[0].startswith("  object error (scale, ramp and shift removed)  ")
    assert "px" in lines[1]


def test_json_is_one_object_a_result(call: Call, made: Path) -> None:
    result = call("score", made / "scans.nxs", made / "recs.nxs", "--json")
    first, second = map(json.loads, result.stdout.splitlines())
    assert (first["entry"], first["stage"]) == (FIRST, "reconstructed")
    assert 0 < first["object_error"] < 1
    assert abs(second["displacement_x_px"]) < 10


def test_a_pipe_can_be_judged(shell: Run, made: Path) -> None:
    line = f"picpxct reconstruct {made}/scan.nxs --recipe dm:2 --device cpu -q | picpxct score {made}/scan.nxs -"
    done = shell(line)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(FIRST.encode())


def test_the_truth_of_another_experiment_is_refused(call: Call, made: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.nxs"
    call("simulate", *TINY, "--energies", "5460 eV", "--rotations", "0 deg", "--seed", "7", "-o", other)
    result = call("score", other, made / "recs.nxs")
    assert result.exit_code == 65
    assert message(result) == (
        f"picpxct: {FIRST}: is of another experiment: its seed is 0, that of the truth 7; give the scans that it was "
        "made from"
    )


def test_the_truth_comes_first(call: Call, made: Path) -> None:
    result = call("score", made / "recs.nxs", made / "scans.nxs")
    assert result.exit_code == 65
    assert "the first file is not a raw scan; name simulated scans, then what to judge" in message(result)


def test_truth_alone_is_nothing_to_judge(call: Call, made: Path) -> None:
    result = call("score", made / "scans.nxs")
    assert result.exit_code == 2
    assert message(result) == ("picpxct: found 2 raw scans and nothing to judge; name the truth first, then results")


def test_a_ring_correlation_has_no_truth(call: Call, made: Path, tmp_path: Path) -> None:
    halves = made / "half_a.nxs", made / "half_b.nxs"
    curve = tmp_path / "curve.nxs"
    assert call("frc", *halves, "-o", curve).exit_code == 0
    result = call("score", made / "larger.nxs", curve)
    assert result.exit_code == 65
    assert "which has no truth; wanted a reconstruction, a cube" in message(result)


def test_the_scan_of_a_reconstruction_is_named_where_it_is_missing(call: Call, made: Path) -> None:
    result = call("score", made / "scan.nxs", made / "recs.nxs::energy=5471eV")
    assert result.exit_code == 65
    assert "is that of 5471.0 eV at 0 deg; give the scan that it was made from" in message(result)
