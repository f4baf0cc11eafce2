"""Provenance through commands: closed chains, units, and the same bytes from the same command."""

import json
from pathlib import Path

import h5py
import pytest

from .conftest import FIRST, TINY, Call, Run

ONE = (*TINY, "--energies", "5460 eV", "--rotations", "0 deg")


def test_the_same_command_gives_the_same_bytes(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    for name in "ab":
        assert call("simulate", *ONE, "-o", f"{name}.nxs").exit_code == 0
        words = ("--recipe", "dm:2,ml:2", "--device", "cpu:1", "-o", f"rec_{name}.nxs")
        assert call("reconstruct", f"{name}.nxs", *words).exit_code == 0
    assert (tmp_path / "a.nxs").read_bytes() == (tmp_path / "b.nxs").read_bytes()
    assert (tmp_path / "rec_a.nxs").read_bytes() == (tmp_path / "rec_b.nxs").read_bytes()


def test_the_bytes_are_the_same_in_another_process(
    call: Call, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert call("simulate", *ONE, "-o", "a.nxs").exit_code == 0
    assert run("simulate", *ONE, "-o", "b.nxs").returncode == 0
    assert (tmp_path / "a.nxs").read_bytes() == (tmp_path / "b.nxs").read_bytes()


def test_every_number_of_the_simulation_stands_in_the_history_with_its_unit(made: Path) -> None:
    with h5py.File(made / "scan.nxs") as file:
        parameters = file[f"{FIRST}/process_001/parameters"]
        units = {name: item.attrs.get("units") for name, item in parameters.items()}
    lengths = {"step", "distance", "detector_pixel_size", "beam_diameter", "zone_plate.diameter", "particle_size"}
    assert {units[name] for name in lengths} == {"m"}
    assert (units["energies_ev"], units["rotations"], units["max_tilt"]) == ("eV", "rad", "rad")
    assert (units["count_time"], units["photon_rate"]) == ("s", "Hz")
    assert units["n_positions"] is None


def test_the_chosen_device_and_every_engine_parameter_are_recorded(call: Call, made: Path) -> None:
    (entry, _) = json.loads(call("info", "--json", made / "recs.nxs").stdout)["entries"]
    parameters = entry["history"][-1]["parameters"]
    assert parameters["device"] == "cpu"
    assert (parameters["recipe"], parameters["seed"], parameters["frames"]) == ("dm:2", 0, "::")
    assert parameters["dm.relaxation"] == 0.2


def test_a_step_names_its_input_by_uuid_and_digest(made: Path) -> None:
    from picpxct_nx.nexus import open_valid, read

    with open_valid(made / "scans.nxs", "scans") as scans, open_valid(made / "recs.nxs", "recs") as recs:
        scan, rec = read(scans, FIRST), read(recs, FIRST)
        (source,) = rec.history[-1].inputs
        assert (source.uuid, source.checksum) == (scan.uuid, scan.digest())
        assert rec.history[0].output_uuid == scan.uuid
        assert not any(step.transient for step in rec.history)
