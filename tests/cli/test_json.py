"""--json and what info and validate print: contracts for scripts, one object a line."""

import json
from pathlib import Path

import h5py
import pytest

from .conftest import FIRST, SECOND, Call, Edit, message


def test_validate_prints_one_object_a_file(call: Call, made: Path, edited: Edit, tmp_path: Path) -> None:
    def remove(entry: h5py.Group) -> None:
        del entry["start_time"]

    bad = edited(remove)
    (tmp_path / "text.nxs").write_text("no scan")
    result = call("validate", "--json", made / "scan.nxs", bad, "text.nxs", made / "recs.nxs")
    assert result.exit_code == 65
    good, missing, text, last = (json.loads(line) for line in result.stdout.splitlines())
    assert list(good) == ["file", "definition", "valid", "violations"]
    assert good == {
        "file": str(made / "scan.nxs"), "definition": "NXspecptycho_scan", "valid": True, "violations": [],
    }  # fmt: skip
    assert missing["valid"] is False
    (violation,) = missing["violations"]
    assert list(violation) == ["code", "level", "path", "message"]
    assert (violation["level"], violation["path"]) == ("error", f"/{FIRST}/start_time")
    assert [v["code"] for v in text["violations"]] == ["NOT_READABLE"]
    assert (text["definition"], last["valid"]) == (None, True)


def test_validate_goes_on_after_a_missing_file(call: Call, made: Path) -> None:
    result = call("validate", "--json", "nowhere.nxs", made / "scan.nxs")
    assert result.exit_code == 66
    assert [json.loads(line)["valid"] for line in result.stdout.splitlines()] == [True]
    assert message(result) == "picpxct: nowhere.nxs: is not there; check the name"


def test_validate_says_it_in_words(call: Call, made: Path) -> None:
    result = call("validate", made / "scan.nxs")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{made}/scan.nxs: valid, 0 errors, 0 warnings (NXspecptycho_scan)\n"
    assert call("validate", "-q", made / "scan.nxs").stdout == ""


def test_a_summary_alone_makes_no_file(call: Call, made: Path, tmp_path: Path) -> None:
    result = call("reconstruct", made / "scans.nxs", "--recipe", "dm:2", "--json")
    assert result.exit_code == 0
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert (first["entry"], second["entry"]) == (FIRST, SECOND)
    assert first["iterations"] == 2
    assert 0 < first["fourier_error"] < 1
    assert 99e-9 < first["pixel_m"][0] < 101e-9
    assert list(tmp_path.iterdir()) == []


def test_a_summary_comes_with_the_file_where_one_is_asked_for(call: Call, made: Path, tmp_path: Path) -> None:
    result = call("reconstruct", made / "scan.nxs", "--recipe", "dm:1", "--json", "-o", "rec.nxs", "-q")
    with h5py.File(tmp_path / "rec.nxs") as file:
        assert json.loads(result.stdout)["uuid"] == file[f"{FIRST}/entry_identifier_uuid"].asstr()[()]


def test_no_summary_of_what_was_not_written(call: Call, made: Path) -> None:
    result = call("reconstruct", made / "scan.nxs", "--recipe", "dm:1", "--json", "-o", "/proc/rec.nxs")
    assert (result.exit_code, result.stdout) == (73, "")


def test_summary_and_bytes_do_not_share_stdout(call: Call, made: Path) -> None:
    result = call("reconstruct", made / "scan.nxs", "--json", "-o", "-")
    assert result.exit_code == 2
    assert "both want stdout" in message(result)


def test_progress_as_json_is_one_object_an_iteration(call: Call, made: Path) -> None:
    words = ("reconstruct", made / "scan.nxs", "--recipe", "dm:3", "--json")
    lines = call(*words, "--progress", "json").stderr.splitlines()
    steps = [json.loads(line) for line in lines]
    assert [(step["step"], step["total"]) for step in steps] == [(1, 3), (2, 3), (3, 3)]
    assert steps[0]["what"] == f"{FIRST} dm"
    assert call(*words, "--progress", "none").stderr == ""
    assert f"{FIRST} dm: 3 of 3, Fourier error" in call(*words, "--progress", "plain").stderr


def test_info_tells_kind_shapes_beam_results_and_history(call: Call, made: Path) -> None:
    (scan,) = json.loads(call("info", "--json", made / "scan.nxs").stdout)["entries"]
    assert scan["definition"] == "NXspecptycho_scan"
    assert scan["frames"] == [16, 32, 32]
    assert (scan["energy_ev"], scan["polarisation_deg"]) == (5460, 0)
    recs = json.loads(call("info", "--json", made / "recs.nxs").stdout)["entries"]
    assert [rec["stage"] for rec in recs] == ["reconstructed"] * 2
    assert [step["command"] for step in recs[1]["history"]] == ["simulate", "reconstruct"]
    assert recs[1]["history"][0]["parameters"]["step@units"] == "m"


def test_info_of_one_entry_is_a_page_and_of_many_a_table(call: Call, made: Path) -> None:
    page = call("info", f"{made}/recs.nxs::{FIRST}", "--history").stdout
    assert "    stage: reconstructed" in page
    assert "    step 1: simulate (picpxct_nx" in page
    assert "      detector_pixel_size = 7.5e-05 m" in page
    table = call("info", made / "recs.nxs").stdout.splitlines()
    assert len(table) == 4
    assert table[2].split()[:5] == [FIRST, "reconstruction", "reconstructed", "5460", "0"]


def test_info_goes_on_after_a_bad_file(call: Call, made: Path, tmp_path: Path) -> None:
    (tmp_path / "text.nxs").write_text("no scan")
    result = call("info", "text.nxs", made / "scan.nxs")
    assert result.exit_code == 65
    assert FIRST in result.stdout
    assert "text.nxs: is not an HDF5 file" in message(result)


def test_what_was_refined_is_in_the_file_and_its_history(call: Call, made: Path, tmp_path: Path) -> None:
    words = (
        "--recipe",
        "pie:3,ml:10",
        "--modes",
        "2",
        "--refine",
        "positions,intensity",
        "--refine",
        "background,variation",
    )
    settings = ("--set", "positions.limit=3", "--set", "probe.pupil=true", "--device", "cpu")
    result = call("reconstruct", made / "larger.nxs", *words, *settings, "-o", "rec.nxs", "-v")
    assert result.exit_code == 0, result.output
    for said in (
        "intensities start with the monitor's",
        "power of the probe modes",
        "positions moved by",
        "background ",
    ):
        assert said in result.output
    report = json.loads(call("validate", "--json", tmp_path / "rec.nxs").stdout)
    assert report["valid"]
    with h5py.File(tmp_path / "rec.nxs") as file:
        (entry,) = file.values()
        assert entry["probe/probe"].shape[0] == 2
        assert entry["positions/intensity"][()].mean() == pytest.approx(1, abs=1e-4)
        assert entry["background/background"].shape == entry["probe/probe"].shape[1:]
        assert entry["variation/weights"].shape == (30, 2)
        parameters = entry["process_002/parameters"]
        assert parameters["refine"].asstr()[()] == "positions,intensity,background,variation"
        assert parameters["positions.limit"][()] == 3
