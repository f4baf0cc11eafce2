"""picpxct flatten: where air comes from, what is stored and said, and when it refuses."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picpxct_nx.images.projection import project
from picpxct_nx.images.stack import StackOptions
from picpxct_nx.images.stack_record import make_cubes
from picpxct_nx.nexus import open_valid, read, write
from picpxct_nx.nexus.reading import entries
from picpxct_nx.records import Reconstruction, Record, SpectralCube
from picpxct_nx.simulate.faultless import flattened

from .conftest import Call, message, unflattened

NAME = "scan_E054600_R000"


def records_of(path: Path) -> dict[str, Any]:
    with open_valid(path, path.name) as file:
        return {name: read(file, name) for name in entries(file)}


@pytest.fixture
def given(tmp_path: Path) -> Callable[..., str]:
    """Write records to a file."""

    def make(*records: Record, name: str = "given.nxs") -> str:
        write(tmp_path / name, records)
        return name

    return make


def test_air_is_found_and_becomes_one(call: Call, given: Callable[..., str], tmp_path: Path) -> None:
    source = given(unflattened(), unflattened(5471.0))
    result = call("flatten", source, "-o", "flat.nxs")
    assert result.exit_code == 0, result.stderr
    assert "scan_E054600_R000: air is " in result.stderr
    assert call("validate", "flat.nxs").exit_code == 0
    flat = records_of(tmp_path / "flat.nxs")[NAME]
    truth = flattened()
    assert isinstance(flat, Reconstruction)
    assert flat.stage == "flattened"
    assert flat.air is not None
    assert np.mean(flat.transmission[flat.air]) == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(flat.transmission, truth.transmission, atol=4e-3)
    assert float(np.asarray(flat.extra["flattening/constant"])) == pytest.approx(0.7, abs=1e-3)
    np.testing.assert_allclose(np.asarray(flat.extra["flattening/slope"]), [2e6, -3e6], atol=2e3)
    assert float(np.asarray(flat.extra["flattening/amplitude"])) == pytest.approx(1.3, rel=1e-3)
    assert float(np.asarray(flat.extra["flattening/noise"])) == pytest.approx(0.003, rel=0.2)
    assert flat.history[-1].command == "flatten"
    assert flat.history[-1].parameters["air"] == "auto"


def test_the_summary_alone_goes_to_stdout(call: Call, given: Callable[..., str], tmp_path: Path) -> None:
    told = json.loads(call("flatten", given(unflattened()), "--json", "-q").stdout)
    assert told["amplitude"] == pytest.approx(1.3, rel=1e-3)
    assert told["cycles"] == pytest.approx([2e6 * 60 * 50e-9 / 2 / np.pi, -3e6 * 62 * 50e-9 / 2 / np.pi], abs=1e-3)
    assert [path.name for path in tmp_path.iterdir()] == ["given.nxs"]


def test_air_in_a_box_is_taken_as_it_is(call: Call, given: Callable[..., str], tmp_path: Path) -> None:
    box = "y=-1.6um:-1.2um,x=-0.5um:0.5um;y=1.2um:"
    assert call("flatten", given(unflattened()), "--air", box, "-o", "flat.nxs").exit_code == 0
    flat = records_of(tmp_path / "flat.nxs")[NAME]
    assert flat.history[-1].parameters["air"] == box
    rows = np.flatnonzero(flat.air.any(axis=1))
    assert flat.y[rows[0]] >= -1.6e-6
    np.testing.assert_allclose(flat.transmission, flattened().transmission, atol=6e-3)


def test_air_comes_from_a_file_of_masks(call: Call, given: Callable[..., str], tmp_path: Path) -> None:
    source = given(unflattened())
    mask = np.asarray(flattened().air)
    np.save(tmp_path / "mask.npy", mask.astype(np.uint8))
    other = given(flattened(), flattened(5471.0), name="other.nxs")
    for air in ("mask.npy", other):
        result = call("flatten", source, "--air", air, "-o", "flat.nxs", "--overwrite")
        assert result.exit_code == 0, result.stderr
        flat = records_of(tmp_path / "flat.nxs")[NAME]
        np.testing.assert_array_equal(flat.air, mask)
        assert flat.history[-1].parameters["air"] == "file"
        assert flat.history[-1].inputs[1].file_name == air


def test_the_constant_alone_and_the_modulus_left(call: Call, given: Callable[..., str], tmp_path: Path) -> None:
    words = ("--order", "constant", "--no-amplitude", "--air", "y=1.2um:")
    assert call("flatten", given(unflattened()), *words, "-o", "flat.nxs").exit_code == 0
    flat = records_of(tmp_path / "flat.nxs")[NAME]
    assert np.asarray(flat.extra["flattening/slope"]).tolist() == [0, 0]
    assert np.median(np.abs(flat.transmission[flat.air])) == pytest.approx(1.3, rel=1e-2)


def cube() -> SpectralCube:
    plan = [(e, r) for r in (0.0, np.pi / 2) for e in (5460.0, 5471.0)]
    items = [project(flattened(e, r), 0.1) for e, r in plan[:-1]]
    (made,) = make_cubes(items, StackOptions(union=True), None, lambda _: None)
    return made


def test_a_cube_is_flattened_anew_and_stays_what_it_is(call: Call, given: Callable[..., str], tmp_path: Path) -> None:
    good = cube()
    ramp = np.exp(1j * (0.3 + 1e6 * good.y[:, None]))[None, None]
    bent = np.where(good.known[:, None], 0.9 * good.transmission[:] * ramp, 1.0).astype(np.complex64)
    bent[~good.valid] = np.nan
    phase = np.angle(np.nansum(bent, axis=1)).astype(np.float32)
    source = given(dataclasses.replace(good, transmission=bent, phase=phase))
    for air in ("auto", "y=1.2um:;y=:-1.2um"):
        result = call("flatten", source, "--air", air, "-o", "flat.nxs", "--overwrite")
        assert result.exit_code == 0, result.stderr
        assert call("validate", "flat.nxs").exit_code == 0
        with open_valid(tmp_path / "flat.nxs", "flat") as file:
            flat = read(file, "cube")
            assert isinstance(flat, SpectralCube)
            assert flat.stage == "stacked"
            assert flat.history[-1].parameters["air"] == air
            np.testing.assert_allclose(flat.transmission[0, 1], good.transmission[0, 1], atol=5e-3)
            assert np.isnan(flat.transmission[1, 1]).all()
            taken = {name: np.asarray(flat.extra[f"projections/air_{name}"])[0, 0] for name in ("modulus", "phase")}
            assert taken == pytest.approx({"modulus": 0.9, "phase": 0.3}, abs=5e-3)


def test_a_cube_without_air_is_searched(call: Call, given: Callable[..., str], tmp_path: Path) -> None:
    source = given(dataclasses.replace(cube(), air=None))
    assert call("flatten", source, "-o", "flat.nxs").exit_code == 0
    found = records_of(tmp_path / "flat.nxs")["cube"]
    assert 0.05 < found.air.sum() / found.known.sum() < 0.7


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--air", "nowhere"), 2, "wanted auto, FILE.npy, FILE.nxs, or a box"),
        (("--air", "y=-3:-2"), 2, "has no unit"),
        (("--air", "y=1mm:2mm"), 65, "no pixel lies in --air"),
        (("--air", "lost.npy"), 66, "is not there"),
        (("--air", "lost.nxs"), 66, "is not there"),
        (("--air", "text.npy"), 65, "is no NumPy array"),
        (("--air", "small.npy"), 65, "the mask of --air is 5 x 5 px, the image 61 x 63 px"),
        (("--air", "nan.npy"), 65, "holds NaN"),
        (("--air", "complex.npy"), 65, "holds complex128"),
        (("--air", "few.npy"), 65, "found 2 known pixels of air; wanted 16"),
        (("--air", "deep.npy"), 65, "the mask of --air has 3 axes, the image two"),
        (("--air", "given.nxs"), 65, "no entry has air"),
        (("--order", "cubic"), 2, "--order 'cubic' is not known"),
        (("--least-coverage", "2"), 2, "--least-coverage 2 is no part"),
    ],
)
def test_air_that_cannot_be_used_is_one_line(
    call: Call, given: Callable[..., str], tmp_path: Path, words: tuple[str, str], code: int, said: str
) -> None:
    source = given(unflattened())
    (tmp_path / "text.npy").write_text("not an array")
    few = np.zeros((61, 63), bool)
    few[30, 30:32] = True
    arrays = {"small": np.ones((5, 5)), "nan": np.full((61, 63), np.nan), "complex": np.ones((61, 63), complex)}
    for name, array in {**arrays, "few": few, "deep": few[None]}.items():
        np.save(tmp_path / f"{name}.npy", array)
    result = call("flatten", source, *words, "-o", "flat.nxs")
    assert result.exit_code == code
    assert said in message(result)
    assert not (tmp_path / "flat.nxs").exists()


def thick() -> Reconstruction:
    """A lens of glass that fills the field: nothing in it is flat."""
    record = unflattened()
    radius = np.hypot(record.y[:, None], record.x) / 1e-6
    image = np.exp((-0.05 - 1j) * (6 - radius**2))
    return dataclasses.replace(
        record, transmission=image.astype(np.complex64), phase=np.angle(image).astype(np.float32)
    )


def test_a_sample_without_air_is_refused_with_the_way_out(call: Call, given: Callable[..., str]) -> None:
    result = call("flatten", given(thick()), "-o", "flat.nxs")
    assert result.exit_code == 65
    assert "found no air: 0.0% of the known field looks like it, wanted 2%; name it with --air BOX" in message(result)


def test_one_failure_among_many_is_named(call: Call, given: Callable[..., str], tmp_path: Path) -> None:
    source = given(unflattened(), dataclasses.replace(thick(), entry="thick"))
    result = call("flatten", source, "--keep-going", "-o", "flat.nxs")
    assert result.exit_code == 70
    assert "1 failed: thick" in message(result)
    assert list(records_of(tmp_path / "flat.nxs")) == [NAME]


def test_flattening_twice_and_other_kinds_are_refused(call: Call, given: Callable[..., str], made: Path) -> None:
    result = call("flatten", given(flattened()), "-o", "flat.nxs")
    assert result.exit_code == 65
    assert "is flattened; flatten wants reconstructed: it has been through flatten already" in message(result)
    assert "this command wants NXspecptycho_reconstruction or" in message(call("flatten", made / "scan.nxs", "--json"))


def test_the_error_of_the_modulus_is_scaled_with_it(call: Call, given: Callable[..., str], tmp_path: Path) -> None:
    raw = unflattened()
    raw = dataclasses.replace(
        raw,
        transmission_sigma=np.full(raw.transmission.shape, 0.26, np.float32),
        phase_sigma=np.full(raw.transmission.shape, 0.2, np.float32),
    )
    assert call("flatten", given(raw), "-q", "-o", "flat.nxs").exit_code == 0
    (flat,) = records_of(tmp_path / "flat.nxs").values()
    # The modulus of air was 1.3.
    np.testing.assert_allclose(flat.transmission_sigma, 0.2, rtol=1e-2)
    np.testing.assert_allclose(flat.phase_sigma, 0.2, rtol=1e-6)
