"""Named rules: what is right in another unit, another branch of the angle or another packing stays right."""

import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from picpxct_nx import nexus, nxdl
from picpxct_nx.records import Record
from picpxct_nx.validation import check_file
from picpxct_nx.validation.rules import RULES

from .conftest import ENTRY, CheckMutant

SCAN, RECONSTRUCTION = "NXspecptycho_scan", "NXspecptycho_reconstruction"


def test_every_rule_can_be_documented() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert re.fullmatch("[A-Z]+(_[A-Z]+)*", rule.code)
        assert rule.sentence.endswith(".")
        assert rule.source
        assert set(rule.definitions) <= set(nxdl.names())


@pytest.mark.parametrize("turns", [-3, 1, 2])
def test_a_phase_may_be_unwrapped(turns: int, check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        file[f"{ENTRY}/phase/phase"][...] += 2 * np.pi * turns

    assert check_mutant(RECONSTRUCTION, mutate).errors == ()


def test_a_phase_of_the_other_sign_is_found(check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        file[f"{ENTRY}/phase/phase"][...] *= -1

    assert [fault.code for fault in check_mutant(RECONSTRUCTION, mutate).errors] == ["PHASE"]


def test_energies_are_compared_whatever_their_unit(check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        energy = file[f"{ENTRY}/instrument/beam/incident_energy"]
        energy[...] = energy[()] / 1000
        energy.attrs["units"] = "keV"

    assert check_mutant(SCAN, mutate).errors == ()


def test_a_bad_pixel_may_hold_anything(check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        bad = np.argwhere(file[f"{ENTRY}/instrument/detector/pixel_mask"][...] != 0)[0]
        file[f"{ENTRY}/instrument/detector/data"][:, bad[0], bad[1]] = -1

    assert check_mutant(SCAN, mutate).errors == ()


def test_images_are_read_only_where_they_are_asked_for(check_mutant: CheckMutant, tmp_path: Path) -> None:
    def mutate(file: h5py.File) -> None:
        file[f"{ENTRY}/phase/phase"][...] *= -1
        assert check_file(file, "light", data=False).errors == ()

    assert check_mutant(RECONSTRUCTION, mutate).errors != ()


def test_what_is_packed_by_a_plugin_is_judged_in_a_fresh_process(make_record: object, tmp_path: Path) -> None:
    record = make_record(RECONSTRUCTION)  # type: ignore[operator]
    assert isinstance(record, Record)
    nexus.write(tmp_path / "packed.nxs", [record], compression="bitshuffle")
    code = (
        "import sys, pathlib; from picpxct_nx import nexus; from picpxct_nx.validation import check_file\n"
        "with nexus.open_hdf5(pathlib.Path(sys.argv[1]), 'x') as file: print(check_file(file, 'x').errors)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "packed.nxs")], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "()"


def test_an_input_is_never_the_entry_itself(check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        own = file[f"{ENTRY}/entry_identifier_uuid"].asstr()[()]
        file[f"{ENTRY}/process_002/input_001/identifier_entry"][...] = f"urn:uuid:{own}"

    assert "which is this very entry" in str(check_mutant(SCAN, mutate).errors)


def test_no_uuid_is_all_zeros(check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        file[f"{ENTRY}/entry_identifier_uuid"][...] = "00000000-0000-0000-0000-000000000000"

    assert [fault.code for fault in check_mutant(SCAN, mutate).errors] == ["UUID"]


@pytest.mark.parametrize("frequencies", [[4e7, 3e7, 2e7, 1e7], [1e7, 2e7, 2e7, 3e7], [-1e7, 1e7, 2e7, 3e7], [1e9] * 4])
def test_frequencies_of_rings_rise_to_the_corner(frequencies: list[float], check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        axis = file[f"{ENTRY}/frc/spatial_frequency"]
        axis[...] = np.interp(np.arange(len(axis)), np.arange(4), frequencies)

    found = {fault.code for fault in check_mutant("NXspecptycho_frc", mutate).errors}
    assert "FRC_RANGE" in found


def test_a_time_of_the_file_is_a_time(check_mutant: CheckMutant) -> None:
    found = check_mutant(SCAN, lambda file: file.attrs.__setitem__("file_time", "yesterday")).errors
    assert [(fault.path, fault.code) for fault in found] == [("/@file_time", "DATE")]


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_a_probe_is_finite_and_brings_light(value: float, check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        key = ... if value == 0 else (0, 0, 0)
        file[f"{ENTRY}/probe/probe"][key] = value

    assert [fault.code for fault in check_mutant(RECONSTRUCTION, mutate).errors] == ["PROBE"]
