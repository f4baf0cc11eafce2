"""Reconstructions of other programs: object, probe and positions together give the frames that were measured."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from picpxct_nx import formats, nexus
from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.formats import ForeignReconstruction
from picpxct_nx.formats.registry import read_any, source_of
from picpxct_nx.images.air_choice import AirChoice, parse_boxes
from picpxct_nx.images.flatten_record import FlattenOptions, flatten_record
from picpxct_nx.records import Reconstruction
from picpxct_nx.validation import check_file

from .conftest import ENERGY_EV, Truth

GIVEN = {"title": "spiral", "stokes": "1,1,0,0", "rotation": "0 deg", "sample": "spiral"}
COMPOUND = np.dtype([("r", "f8"), ("i", "f8")])


def load(path: Path, given: dict[str, str] | None = None, keys: str | None = None) -> Reconstruction:
    with read_any(source_of(path, keys)) as foreign:
        assert isinstance(foreign, ForeignReconstruction)
        record, _ = formats.assemble_images(foreign, GIVEN if given is None else given, {})
        nexus.write(path.with_suffix(".nxs"), [record], overwrite=True)
    with h5py.File(path.with_suffix(".nxs")) as file:
        assert check_file(file, "x").errors == ()
    return record


def same_physics(record: Reconstruction, truth: Truth) -> None:
    """The object under the probe at each position makes the frames of the truth."""
    assert record.position_y is not None
    assert record.position_x is not None
    _, h, w = record.probe.shape
    steps = (record.y[1] - record.y[0], record.x[1] - record.x[0])
    np.testing.assert_allclose(steps, truth.pixel, rtol=1e-6)
    np.testing.assert_allclose((record.probe_y[h // 2], record.probe_x[w // 2]), 0, atol=1e-15)
    frames = []
    for y, x in zip(record.position_y, record.position_x, strict=True):
        row, column = round((y - record.y[0]) / steps[0]) - h // 2, round((x - record.x[0]) / steps[1]) - w // 2
        wave = record.probe[0] * record.transmission[row : row + h, column : column + w]
        frames.append(np.abs(np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(wave), norm="ortho"))) ** 2)
    np.testing.assert_allclose(frames, truth.frames, rtol=1e-3, atol=1e-2)
    assert record.energy_ev == pytest.approx(ENERGY_EV)


def compound(wave: np.ndarray) -> np.ndarray:
    made = np.empty(wave.shape, COMPOUND)
    made["r"], made["i"] = wave.real, wave.imag
    return made


@pytest.fixture
def ptyr(truth: Truth, tmp_path: Path) -> Path:
    """Object 80 x 72 with its middle at 0, as ptypy stores it."""
    pixel = np.array(truth.pixel)
    with h5py.File(tmp_path / "scan_007.ptyr", "w") as file:
        for group, data in (("obj", truth.object[np.newaxis]), ("probe", truth.probe[np.newaxis])):
            part = file.create_group(f"content/{group}/SS00G00")
            part["data"] = data.astype(np.complex64)
            part["_psize"], part["_energy"] = pixel, ENERGY_EV / 1e3
            part["_origin"] = -pixel * (np.array(data.shape[-2:]) // 2)
        file["content/positions/SS00G00"] = truth.beam
    return tmp_path / "scan_007.ptyr"


def test_a_ptyr_keeps_handedness_and_places(ptyr: Path, truth: Truth) -> None:
    assert formats.detect(ptyr) == "ptyr"
    record = load(ptyr)
    same_physics(record, truth)
    assert record.entry == "scan_007"
    assert record.stage == "reconstructed"
    assert record.history[0].command == "import"


def test_one_of_several_objects_of_a_ptyr_is_chosen(ptyr: Path, truth: Truth) -> None:
    with h5py.File(ptyr, "r+") as file:
        file.copy("content/obj/SS00G00", file["content/obj"], "SS01G00")
        file.copy("content/probe/SS00G00", file["content/probe"], "SS01G00")
    with pytest.raises(InputError, match=r"2 objects \(SS00G00, SS01G00\).*--map data=/content/obj/SS00G00"):
        load(ptyr)
    same_physics(load(ptyr, keys="data=/content/obj/SS00G00"), truth)
    assert load(ptyr, keys="data=/content/obj/SS01G00").position_y is None
    with pytest.raises(InputError, match="not SS09"):
        load(ptyr, keys="data=/content/obj/SS09")


@pytest.fixture
def product(truth: Truth, tmp_path: Path) -> Path:
    """A product of ptychodus, whose object's centre is half its size from its edge."""
    with h5py.File(tmp_path / "product.h5", "w") as file:
        file.attrs.update({
            "name": "spiral", "comments": "", "detector_object_distance_m": 7.2, "probe_energy_eV": ENERGY_EV,
            "exposure_time_s": 0.1, "probe_photon_count": 0.0,
        })  # fmt: skip
        for name, data in (("object", truth.object[np.newaxis]), ("probe", truth.probe[np.newaxis, np.newaxis])):
            item = file.create_dataset(name, data=data.astype(np.complex64))
            item.attrs["pixel_height_m"], item.attrs["pixel_width_m"] = truth.pixel
        file["object"].attrs["center_y_m"], file["object"].attrs["center_x_m"] = 0.0, 0.0
        file["object_layer_spacing_m"] = np.empty(0)
        file["probe_position_y_m"], file["probe_position_x_m"] = truth.beam.T
        file["probe_position_indexes"] = np.arange(3, 11)
        file["loss_values"] = np.array([3.0, 2.0, 1.0])
    return tmp_path / "product.h5"


def test_a_ptychodus_product_keeps_handedness_and_places(product: Path, truth: Truth) -> None:
    assert formats.detect(product) == "ptychodus"
    record = load(product, {name: text for name, text in GIVEN.items() if name != "title"})
    same_physics(record, truth)
    assert record.title == "spiral"
    assert record.position_frame is not None
    assert record.position_frame.tolist() == list(range(3, 11))
    assert record.error is not None
    assert record.error.tolist() == [3.0, 2.0, 1.0]


def test_several_layers_or_pixels_that_differ_are_refused(product: Path) -> None:
    with h5py.File(product, "r+") as file:
        file["probe"].attrs["pixel_width_m"] = 1e-9
    with pytest.raises(InputError, match="pixels of different size"):
        load(product)
    with h5py.File(product, "r+") as file:
        two = np.concatenate([file["object"][()]] * 2)
        kept = dict(file["object"].attrs)
        del file["object"]
        file.create_dataset("object", data=two).attrs.update(kept)
    with pytest.raises(InputError, match=r"has 2 layers"):
        load(product)


@pytest.fixture
def recons(truth: Truth, tmp_path: Path) -> Path:
    """A reconstruction of PtychoShelves: windows begin at whole pixels counted from the corner of the object."""
    pixel, half = np.array(truth.pixel), np.array([16, 12])
    middle = np.array(truth.object.shape) // 2
    with h5py.File(tmp_path / "S00123_recons.h5", "w") as file:
        p = file.create_group("reconstruction/p")
        p["objects/object_0"], p["probes/probe_0"] = compound(truth.object), compound(truth.probe[np.newaxis])
        file["reconstruction/object"] = h5py.SoftLink("/reconstruction/p/objects/object_0")
        file["reconstruction/probes"] = h5py.SoftLink("/reconstruction/p/probes/probe_0")
        p["positions"] = np.round(truth.beam / pixel) + middle - half
        p["positions_real"] = truth.beam + 2e-6
        p["dx_spec"], p["lambda"], p["energy"] = pixel[:, None], [[1.2398e-6 / ENERGY_EV]], [[ENERGY_EV / 1e3]]
        p["engines/engine_0/error_metric_final/em_0/value"] = [[3.0], [2.0]]
        p["engines/engine_1/error_metric_final/em_0/value"] = [[1.0]]
        file["measurement/data"] = h5py.ExternalLink("/elsewhere/S00123_data_032x024.h5", "/")
    return tmp_path / "S00123_recons.h5"


def test_a_reconstruction_of_ptychoshelves_keeps_handedness_and_places(recons: Path, truth: Truth) -> None:
    assert formats.detect(recons) == "ptychoshelves"
    record = load(recons)
    same_physics(record, truth)
    assert record.error is not None
    assert record.error.tolist() == [3.0, 2.0, 1.0]
    # The beam on the sample in metres places the object.
    assert record.position_y is not None
    assert record.position_y.tolist() == pytest.approx((truth.beam[:, 0] + 2e-6).tolist(), abs=1e-15)


def test_without_places_in_metres_the_middle_of_the_object_is_zero(recons: Path, truth: Truth) -> None:
    with h5py.File(recons, "r+") as file:
        del file["reconstruction/p/positions_real"], file["reconstruction/p/energy"]
    record = load(recons)
    same_physics(record, truth)
    assert record.y[40] == 0
    assert "the middle of the object is taken as 0" in str(record.history[0].parameters["notes"])


@pytest.mark.parametrize("name", ["ptyr", "product", "recons"])
def test_what_no_reconstruction_of_others_holds_is_asked_for(name: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(name)
    with pytest.raises(InputError, match=r"stokes=I,Q,U,V.*sample=TEXT.*rotation=NUMBER rad") as caught:
        load(path, {"title": "x"})
    assert "distance" not in str(caught.value)
    with pytest.raises(UsageError, match="unknown name 'distance'"):
        load(path, GIVEN | {"distance": "7 m"})


@pytest.mark.parametrize("name", ["ptyr", "product", "recons"])
def test_a_reconstruction_goes_on_in_the_pipeline(name: str, request: pytest.FixtureRequest) -> None:
    record = load(request.getfixturevalue(name))
    air = AirChoice(kind="box", boxes=parse_boxes("y=:10um,x=:10um"))
    assert flatten_record(record, FlattenOptions(air, order="constant")).stage == "flattened"


def test_a_reconstruction_is_no_raw_scan(product: Path) -> None:
    with pytest.raises(InputError, match="holds a reconstruction, not a raw scan"), formats.read(product):
        pass


def test_light_is_known_where_positions_are(ptyr: Path, truth: Truth) -> None:
    record = load(ptyr)
    expected = np.zeros(truth.object.shape)
    for y, x in np.round(truth.beam / truth.pixel).astype(int):
        expected[40 + y - 16 : 40 + y + 16, 36 + x - 12 : 36 + x + 12] += np.abs(truth.probe) ** 2
    assert record.coverage is not None
    np.testing.assert_allclose(record.coverage, expected, rtol=1e-5)
    with h5py.File(ptyr, "r+") as file:
        # Windows that leave the object count as far as they are on it.
        file["content/positions/SS00G00"][...] = truth.beam + np.array(truth.pixel) * (30, -30)
    moved = load(ptyr).coverage
    assert moved is not None
    assert 0 < moved.sum() < record.coverage.sum()


def test_not_a_number_is_refused(product: Path, truth: Truth) -> None:
    with h5py.File(product, "r+") as file:
        broken: Any = file["object"][()]
        broken[0, 5, 5] = np.nan
        file["object"][...] = broken
    with pytest.raises(InputError, match="NaN or infinity"):
        load(product)
