"""picpxct grainmap: files, pipes, table and picture, and what it refuses in one line."""

import csv
import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from picpxct_nx import provenance
from picpxct_nx.nexus import open_valid, read, write
from picpxct_nx.records import GrainMap, NormalizedCube, Record
from picpxct_nx.simulate import images, phantom

from .conftest import Call, message

ENERGIES = np.array([5460.0, 5469.0, 5470.0, 5471.0, 5472.0, 5476.0, 5482.0, 5515.0])
SHAPE, PIXEL = (40, 42), 1e-7
Save = Callable[..., Path]


def _spectra(degrees: Sequence[float]) -> NormalizedCube:
    """Spectra of a noisy particle over its thickness, in the frame of the sample."""
    particle = phantom.polycrystal(
        size=(3.6e-6, 3.2e-6, 2e-6), n_grains=4, max_tilt=0.4, seed=np.random.SeedSequence(4)
    )
    view, angle = images.View(SHAPE, PIXEL, oversampling=2), np.deg2rad(degrees)
    clean = [images.image_stack(particle, view, list(ENERGIES), polarisation=a) for a in angle]
    t = images.with_noise(np.stack(clean), 0.004, 0)
    density, phase = -2 * np.log(np.abs(t)), np.angle(t).astype(np.float64)
    share = ((ENERGIES - 5460) / 55)[None, :, None, None]
    phase_line = phase[:, :1] + share * (phase[:, -1:] - phase[:, :1])
    thickness = np.maximum(images.sample_projection(particle, view).thickness, 1e-8)
    thin, n = thickness < 3e-7, len(angle)
    y, x = phantom.axes(SHAPE, PIXEL)
    maps = np.tile(thickness.astype(np.float32), (n, 1, 1))
    return NormalizedCube(
        entry="particle", title="Simulated particle", thickness_by="off-edge-phase", edge_energy_ev=5483.4,
        pre_edge_ev=np.array([-23.4, -16.0]), post_edge_ev=np.array([20.0, 31.6]), sample="V2O5",
        measured_energy_ev=np.tile(ENERGIES, (n, 1)), stokes=np.tile([1.0, 1.0, 0.0, 0.0], (n, 1)), rotation=-angle,
        xanes=((density - density[:, :1]) / (thickness * 9.1e4)).astype(np.float32), polarization_angle=angle % np.pi,
        energy_ev=ENERGIES, y=y, x=x, xpnes=((phase - phase_line) / (thickness * 3.5e4)).astype(np.float32),
        edge_step=maps * 9.1e4, phase_drop=maps * 3.5e4, thickness=maps,
        mask=np.tile(thin.astype(np.int32), (n, 1, 1)), extra={"collection_identifier": "set A"},
    ).made_by(provenance.step("normalize", {}, [provenance.Input(checksum="0" * 64)]))  # fmt: skip


@pytest.fixture(scope="module")
def cube() -> NormalizedCube:
    """Spectra for two polarisations."""
    return _spectra((0.0, 90.0))


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write records to a file in the folder of the test."""

    def go(*records: Record, name: str = "spectra.nxs") -> Path:
        write(tmp_path / name, records)
        return tmp_path / name

    return go


def _read(path: Path) -> GrainMap:
    with open_valid(path, path.name) as file:
        record = read(file, "particle")
        assert isinstance(record, GrainMap)
        return dataclasses.replace(record, label=np.asarray(record.label))


def test_a_file_a_table_and_a_picture(call: Call, cube: NormalizedCube, save: Save, tmp_path: Path) -> None:
    words = ("-o", "grains.nxs", "--table", "grains.csv", "--plot", "grains.png", "--json")
    result = call("grainmap", save(cube), *words)
    assert result.exit_code == 0, result.stderr
    told, made = json.loads(result.stdout), _read(tmp_path / "grains.nxs")
    assert told["grains"] == len(made.grain_id) == made.label.max() > 1
    assert made.extra["collection_identifier"] == "set A"
    assert "pre-edge peak at 5471.00 eV" in result.stderr
    assert "mirror image" in result.stderr
    assert call("validate", "grains.nxs").exit_code == 0
    comment, *rows = (tmp_path / "grains.csv").read_text().splitlines()
    assert comment.startswith("# picpxct_nx")
    assert made.uuid in comment
    table = list(csv.DictReader(rows))
    assert [int(row["grain_id"]) for row in table] == made.grain_id.tolist()
    areas = [float(row["area (um^2)"]) for row in table]
    np.testing.assert_allclose(areas, made.area * 1e12, rtol=1e-5)
    assert (tmp_path / "grains.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_input_gives_the_same_map(call: Call, cube: NormalizedCube, save: Save, tmp_path: Path) -> None:
    for name in ("a.nxs", "b.nxs"):
        assert call("grainmap", save(cube, name=f"in_{name}"), "-o", name, "-q").exit_code == 0
    assert _read(tmp_path / "a.nxs").digest() == _read(tmp_path / "b.nxs").digest()


def test_a_calibration_comes_from_numbers_or_a_file(
    call: Call, cube: NormalizedCube, save: Save, tmp_path: Path
) -> None:
    lobe = ("--signal", "phase-lobe")
    three = save(_spectra((0.0, 60.0, 120.0)), name="three.nxs")
    assert call("grainmap", three, *lobe, "-o", "exact.nxs", "-q").exit_code == 0
    for source in ("exact.nxs", "three.nxs"):
        words = (save(cube, name=f"for_{source}"), *lobe, "--calibration", source)
        result = call("grainmap", *words, "-o", f"by_{source}")
        assert result.exit_code == 0, result.stderr
        made = _read(tmp_path / f"by_{source}")
        assert (made.calibration, len(made.history[-1].inputs)) == ("file", 2)
    numbers = call("grainmap", save(cube), "--calibration", "0.1,1.5", "--json", "-q")
    assert json.loads(numbers.stdout)["background"] == 0.1


def test_bytes_come_and_go_through_pipes(run: Callable[..., object], cube: NormalizedCube, save: Save) -> None:
    result = run("grainmap", stdin=save(cube).read_bytes())
    assert result.stdout.startswith(b"\x89HDF")  # type: ignore[attr-defined]


def test_what_comes_before_normalize_names_the_missing_commands(call: Call, made: Path) -> None:
    result = call("grainmap", made / "recs.nxs", "-o", "grains.nxs")
    assert result.exit_code == 65
    assert "run picpxct flatten, then stack, then align, then register, then normalize first" in message(result)
    assert "run picpxct reconstruct, then flatten" in message(call("grainmap", made / "scan.nxs", "-o", "g.nxs"))
    result = call("grainmap", made / "scan.nxs", "--calibration", "nowhere.nxs", "-o", "g.nxs")
    assert result.exit_code == 66


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("--signal", "edge"), 2, "wanted one of od-peak, phase-lobe"),
        (("--peak", "5470:5472"), 2, "is not a window"),
        (("--peak", "5473:5474 eV"), 65, "no energy that all polarisations have"),
        (("--calibration", "1"), 2, "wanted auto, two numbers A,B"),
        (("--min-area", "3"), 2, "has no unit"),
        (("--min-area", "1 mm^2"), 65, "lower --min-area"),
        (("--palette", "grey"), 2, "wanted one of cyan-magenta"),
        (("--plot", "grains.xyz"), 2, "cannot draw '.xyz'"),
        (("--table", "nowhere/grains.csv"), 73, "its folder nowhere is not there"),
    ],
)
def test_what_it_cannot_do_is_said_in_one_line(
    call: Call, cube: NormalizedCube, save: Save, words: tuple[str, ...], code: int, text: str
) -> None:
    result = call("grainmap", save(cube), *words, "-o", "grains.nxs")
    assert result.exit_code == code
    assert text in message(result)


def test_spectra_that_are_all_masked_or_of_one_polarisation_are_refused(
    call: Call, cube: NormalizedCube, save: Save
) -> None:
    masked = dataclasses.replace(cube, mask=np.ones_like(cube.mask))
    assert "(too thin)" in message(call("grainmap", save(masked, name="m.nxs"), "-o", "g.nxs"))
    one = _spectra((0.0,))
    assert "has one polarisation" in message(call("grainmap", save(one, name="one.nxs"), "-o", "g.nxs"))


def test_nothing_is_replaced_unasked(call: Call, cube: NormalizedCube, save: Save, tmp_path: Path) -> None:
    (tmp_path / "grains.csv").write_text("mine")
    assert call("grainmap", save(cube), "--table", "grains.csv", "--json").exit_code == 73
    assert (tmp_path / "grains.csv").read_text() == "mine"
