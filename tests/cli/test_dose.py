"""picpxct dose: what it writes, what it says, and what it refuses."""

import json
from pathlib import Path

from .conftest import FIRST, SECOND, Call, Edit, message


def test_a_map_a_scan_or_one_of_all(call: Call, made: Path, tmp_path: Path) -> None:
    result = call("dose", made / "scans.nxs", "-o", tmp_path / "each.nxs")
    assert result.exit_code == 0, result.stderr
    assert f"dose: {FIRST}: " in result.stderr
    assert "dose: warning: 5471.0 eV is near the V K edge" in result.stderr
    result = call("dose", made / "scans.nxs", "--accumulate", "-o", tmp_path / "all.nxs")
    assert "dose: 2 scans, " in result.stderr
    checked = call("validate", tmp_path / "each.nxs", tmp_path / "all.nxs")
    assert checked.exit_code == 0, checked.stdout
    told = json.loads(call("info", tmp_path / "all.nxs", "--json").stdout)
    assert told["entries"][0]["scans"] == 2


def test_json_is_one_object_a_map(call: Call, made: Path) -> None:
    options = ("--mu", "5460 eV: 0.0208 1/um, 5471 eV: 0.083 1/um", "--density", "3.36 g/cm^3", "--json", "-q")
    lines = [json.loads(line) for line in call("dose", made / "scans.nxs", *options).stdout.splitlines()]
    assert [line["entry"] for line in lines] == [FIRST, SECOND]
    below, above = (line["mean_dose_gy"] for line in lines)
    assert 3.8 < above / below < 4.2
    assert lines[0]["warnings"] == []


def test_a_scan_without_flux_asks_for_it(call: Call, edited: Edit) -> None:
    path = edited(lambda entry: entry.__delitem__("instrument/beam/flux"))
    result = call("dose", path, "--json")
    assert result.exit_code == 65
    assert "instrument/beam/flux: missing; give the photons a second with --flux" in message(result)
    assert call("dose", path, "--json", "--flux", "1e7 Hz").exit_code == 0


def test_a_quantity_without_unit_is_refused(call: Call, made: Path) -> None:
    result = call("dose", made / "scan.nxs", "--flux", "1e8", "--json")
    assert result.exit_code == 2
    assert "--flux '1e8' is not understood" in message(result)


def test_a_reconstruction_has_no_dose(call: Call, made: Path) -> None:
    result = call("dose", made / "recs.nxs", "--json")
    assert result.exit_code == 65
    assert "this command wants NXspecptycho_scan" in message(result)
