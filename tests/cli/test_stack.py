"""picpxct stack: from files to one cube, what it says, and when it refuses."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from picpxct_nx.nexus import open_valid, read, write
from picpxct_nx.nexus.reading import entries
from picpxct_nx.records import Record, SpectralCube
from picpxct_nx.simulate.faultless import flattened

from .conftest import Call, Run, message, unflattened

PLAN = [(e, r) for r in (0.0, np.pi / 2) for e in (5460.0, 5471.0)]


@pytest.fixture
def series(tmp_path: Path) -> str:
    """Two energies at two rotations, in one file."""
    write(tmp_path / "flat.nxs", [flattened(e, r) for e, r in PLAN])
    return "flat.nxs"


@pytest.fixture
def given(tmp_path: Path) -> Callable[..., str]:
    """Write records to a file."""

    def make(*records: Record, name: str = "given.nxs") -> str:
        write(tmp_path / name, records)
        return name

    return make


def test_a_series_becomes_one_valid_cube(call: Call, series: str, tmp_path: Path) -> None:
    result = call("stack", series, "-o", "cube.nxs", "--json")
    assert result.exit_code == 0, result.stderr
    assert "stack: cube: 2 x 2 x " in result.stderr
    told = json.loads(result.stdout)
    assert told["polarisation_deg"] == pytest.approx([0, 90])
    assert told["missing"] == 0
    assert call("validate", "cube.nxs").exit_code == 0
    with open_valid(tmp_path / "cube.nxs", "cube") as file:
        cube = read(file, "cube")
        assert isinstance(cube, SpectralCube)
        assert cube.stage == "stacked"
        assert cube.history[-1].parameters["energy_tolerance"] == 0.2
        assert cube.history[-1].parameters["energy_tolerance@units"] == "eV"
        assert "projections@NX_class" not in cube.extra


def test_flatten_and_stack_form_a_pipe(shell: Run, tmp_path: Path) -> None:
    write(tmp_path / "recs.nxs", [unflattened(e, r) for e, r in PLAN])
    result = shell("picpxct flatten recs.nxs -q | picpxct stack -q > cube.nxs && picpxct validate -q cube.nxs")
    assert result.returncode == 0, result.stderr
    assert result.stderr == b""
    with open_valid(tmp_path / "cube.nxs", "cube") as file:
        cube = read(file, "cube")
        assert [s.command for s in cube.history].count("flatten") == 4
        assert all(s.transient for s in cube.history if s.command == "flatten")


def test_one_energy_is_a_cube_with_a_warning(call: Call, given: Callable[..., str]) -> None:
    result = call("stack", given(flattened()), "-o", "cube.nxs")
    assert result.exit_code == 0
    assert "warning: cube has one energy" in result.stderr


def test_a_manifest_makes_a_cube_of_each_particle_set(call: Call, series: str, tmp_path: Path) -> None:
    names = [f"scan_E{e * 10:06.0f}_R{np.rad2deg(r):03.0f}" for e, r in PLAN]
    rows = "".join(f"{name},{5461 + 10 * (i % 2)} eV,{'AB'[i // 2]}\n" for i, name in enumerate(names))
    (tmp_path / "m.csv").write_text("scan,energy,particle_set\n" + rows)
    result = call("stack", series, "--manifest", "m.csv", "-o", "cubes.nxs")
    assert result.exit_code == 0, result.stderr
    assert "scan_E054600_R000: energy 5461 eV instead of 5460 eV, as the manifest says" in result.stderr
    assert call("validate", "cubes.nxs").exit_code == 0
    with open_valid(tmp_path / "cubes.nxs", "cubes") as file:
        assert entries(file) == ["cube_A", "cube_B"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--energy-tolerance", "0.2"), 2, "has no unit"),
        (("--energy-tolerance", "-1 eV"), 2, "are not negative"),
        (("--repeats", "all"), 2, "--repeats 'all' is not known"),
        (("--least-coverage", "0"), 2, "is no part"),
        (("--manifest", "lost.csv"), 66, "cannot be read"),
        (("--manifest", "bytes.csv"), 65, "is no UTF-8 text"),
        (("--manifest", "bad.csv"), 65, "bad.csv: has no column 'scan'"),
        (("--manifest", "other.csv"), 65, "other.csv: S9 is not among the inputs"),
        (("--energy-tolerance", "20 eV"), 65, "scan_E054600_R000 and scan_E054710_R000 are one energy"),
    ],
)
def test_what_it_cannot_do_is_one_line(
    call: Call, series: str, tmp_path: Path, words: tuple[str, str], code: int, said: str
) -> None:
    (tmp_path / "bytes.csv").write_bytes(b"scan\n\xff\xfe\n")
    (tmp_path / "bad.csv").write_text("energy\n5460 eV\n")
    (tmp_path / "other.csv").write_text("scan\nS9\n")
    result = call("stack", series, *words, "-o", "cube.nxs")
    assert result.exit_code == code
    assert said in message(result)
    assert not (tmp_path / "cube.nxs").exists()


def test_reconstructions_that_are_not_flat_are_refused(call: Call, given: Callable[..., str]) -> None:
    result = call("stack", given(unflattened()), "-o", "cube.nxs")
    assert result.exit_code == 65
    assert "given.nxs: scan_E054600_R000: is reconstructed; stack wants flattened: run picpxct flatten" in message(
        result
    )


def test_a_missing_energy_and_a_union(call: Call, given: Callable[..., str]) -> None:
    source = given(*[flattened(e, r) for e, r in PLAN[:3]])
    assert "say --union" in message(call("stack", source, "-o", "cube.nxs"))
    result = call("stack", source, "--union", "-o", "cube.nxs")
    assert result.exit_code == 0
    assert "1 projections are missing" in result.stderr
    assert call("validate", "cube.nxs").exit_code == 0


def test_one_name_for_two_scans_is_refused(call: Call, series: str, given: Callable[..., str]) -> None:
    other = given(dataclasses.replace(flattened(5482.0), entry="scan_E054600_R000"))
    result = call("stack", series, other, "-o", "cube.nxs")
    assert result.exit_code == 65
    assert "two reconstructions are called scan_E054600_R000" in message(result)


def test_one_bad_reconstruction_among_many_is_named(call: Call, given: Callable[..., str], tmp_path: Path) -> None:
    source = given(*[flattened(e) for e in (5460.0, 5471.0)], unflattened(5482.0))
    assert call("stack", source, "-o", "cube.nxs").exit_code == 65
    result = call("stack", source, "--keep-going", "-o", "cube.nxs")
    assert result.exit_code == 70
    assert "1 failed: scan_E054820_R000" in message(result)
    assert (tmp_path / "cube.nxs").exists()
