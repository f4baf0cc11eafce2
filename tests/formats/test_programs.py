"""Raw scans of other programs keep handedness, units and places; what their files lack is asked for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from picpxct_nx import formats, nexus
from picpxct_nx.errors import InputError
from picpxct_nx.formats import ImportOptions
from picpxct_nx.formats.nxcxi import Raster
from picpxct_nx.records import Scan
from picpxct_nx.validation import check_file

from .conftest import BEAM, DISTANCE, ENERGY_EV, GIVEN, PIXEL_X, PIXEL_Y, Truth, turn

Check = Callable[[Scan], None]
Write = Callable[..., Path]
# 1 eV in J.
EV = 1.602176634e-19


def load(path: Path, given: dict[str, str], keys: str | None = None, axes: str | None = None, **options: str) -> Scan:
    with formats.read(path, keys=keys, axes=axes) as foreign:
        scan, _ = formats.assemble(foreign, given, {}, ImportOptions(**options))
        nexus.write(path.with_suffix(".nxs"), [scan], overwrite=True)
    with h5py.File(path.with_suffix(".nxs")) as file:
        assert check_file(file, "x").errors == ()
    with nexus.open_valid(path.with_suffix(".nxs"), "x") as file:
        again = nexus.read(file, scan.entry)
        assert isinstance(again, Scan)
        return Scan.from_values(scan.entry, {**again.to_values(), "instrument/detector/data": again.frames[...]})


# --- ptypy ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def write_ptyd(truth: Truth, tmp_path: Path) -> Write:
    """Write a .ptyd as ptypy does, in chunks of three frames; `link` puts each chunk into a file beside."""

    def write(link: str = "", **changes: Any) -> Path:
        path = tmp_path / "scan.ptyd"
        meta: dict[str, Any] = {
            "energy": ENERGY_EV / 1e3, "distance": DISTANCE, "psize": np.array([PIXEL_Y, PIXEL_X]),
            "center": np.array([16.0, 12.0]), "shape": np.array([32, 24]), "num_frames": 8, "label": "S00",
        } | changes  # fmt: skip
        with h5py.File(path, "w") as file:
            file.create_group("info").attrs["type"] = "dict"
            for name, value in meta.items():
                # What ptypy does not know is a zero with a mark.
                item = file.create_dataset(f"meta/{name}", data=np.zeros(1) if value is None else value)
                item.attrs["type"] = "None" if value is None else "scalar"
            for number, start in enumerate(range(0, 8, 3)):
                rows = slice(start, start + 3)
                chunk: dict[str, Any] = {
                    "data": truth.frames[rows].astype(np.float32), "positions": truth.beam[rows],
                    "indices": np.arange(8)[rows], "weights": np.ones((8, 32, 24))[rows].copy(),
                }  # fmt: skip
                chunk["weights"][0, 1, 2] = number != 1
                if link:
                    with h5py.File(f"{path}.part{number:03d}", "w") as part:
                        for name, value in chunk.items():
                            part[name] = value
                    file[f"chunks/{number}"] = h5py.ExternalLink(f"{link}{path.name}.part{number:03d}", "/")
                else:
                    for name, value in chunk.items():
                        file[f"chunks/{number}/{name}"] = value
        return path

    return write


# A folder that was moved since ptypy wrote absolute paths is followed as well.
@pytest.mark.parametrize("link", ["", "./", "/moved/since/then/"])
def test_a_ptyd_keeps_handedness_and_units(write_ptyd: Write, same_physics: Check, link: str) -> None:
    path = write_ptyd(link)
    assert formats.detect(path) == "ptyd"
    scan = load(path, GIVEN)
    same_physics(scan)
    assert scan.energy_ev == pytest.approx(ENERGY_EV)
    assert (scan.distance, scan.y_pixel_size, scan.x_pixel_size) == (DISTANCE, PIXEL_Y, PIXEL_X)
    # Zero in one frame of the second chunk.
    assert np.argwhere(scan.pixel_mask).tolist() == [[1, 2]]


def test_what_ptypy_did_not_know_is_asked_for(write_ptyd: Write) -> None:
    path = write_ptyd(energy=None, distance=None, psize=None)
    with pytest.raises(InputError, match=r"energy=NUMBER eV.*pixel_size=NUMBER m.*distance=NUMBER m"):
        load(path, GIVEN)
    assert load(path, GIVEN | BEAM).energy_ev == ENERGY_EV


def test_a_ptyd_with_a_chunk_lost_or_uneven_is_refused(write_ptyd: Write) -> None:
    path = write_ptyd()
    with h5py.File(path, "r+") as file:
        del file["chunks/1/positions"]
        file["chunks/1/positions"] = np.zeros((2, 2))
    with pytest.raises(InputError, match="chunks/1 has 3 frames but 2 positions"):
        load(path, GIVEN)
    with h5py.File(path, "r+") as file:
        del file["chunks/1"]
    with pytest.raises(InputError, match="without 1; prepare the data again"):
        load(path, GIVEN)


def test_what_our_own_export_adds_to_a_ptyd_is_taken_back(write_ptyd: Write) -> None:
    path = write_ptyd()
    mask = np.zeros((32, 24), np.int32)
    mask[1, 2] = 16
    with h5py.File(path, "r+") as file:
        own = file.create_group("info/picpxct_nx")
        own["instrument/beam/incident_polarization_stokes"] = np.array([[1.0, 0.0, 1.0, 0.0]])
        own["instrument/detector/pixel_mask"] = mask
        own["sample/transformations/rotation"], own["sample/name"] = 0.5, "V2O5"
    given = {name: text for name, text in GIVEN.items() if name not in ("stokes", "rotation", "sample")}
    scan = load(path, given)
    assert (scan.rotation, scan.sample, scan.stokes.tolist()) == (0.5, "V2O5", [[1.0, 0.0, 1.0, 0.0]])
    assert scan.pixel_mask[1, 2] == 16


# --- PtychoShelves, prepared data ----------------------------------------------------------------------------------


@pytest.fixture
def prepared(truth: Truth, tmp_path: Path) -> Path:
    """Prepared data: intensities with zero frequency at [0, 0], positions as whole pixels from the first corner."""
    corners = truth.beam / truth.pixel
    corners -= corners.min(axis=0)
    with h5py.File(tmp_path / "S00123_data_032x024.h5", "w") as file:
        file.attrs["format"] = 2
        file["measurement/n0/data"] = np.fft.ifftshift(truth.frames, (1, 2)).astype(np.float32)
        file["measurement/n0/positions"] = np.round(corners).astype(np.uint32)
        file["detector/n0/modules"] = np.array([[32, 10, 0, 0], [32, 12, 0, 12]], np.uint32)
        file["detector/n0/bad_pixels"] = np.array([[5, 20]], np.uint32)
    return tmp_path / "S00123_data_032x024.h5"


def test_prepared_data_keep_handedness_and_say_that_positions_are_rounded(prepared: Path, truth: Truth) -> None:
    assert formats.detect(prepared) == "ptychoshelves-data"
    with pytest.raises(InputError, match=r"energy=NUMBER eV.*distance=NUMBER m"):
        load(prepared, GIVEN)
    scan = load(prepared, GIVEN | BEAM)
    # Positions count from a corner of the object: the origin is free.
    beam = -np.stack([scan.stage_y, scan.stage_x], axis=1)
    beam += truth.beam[0] - beam[0]
    np.testing.assert_allclose(np.asarray(scan.frames), truth.frames_at(beam, truth.pixel), rtol=1e-4, atol=1e-3)
    assert "ROUNDED" in str(scan.history[0].parameters["notes"])
    shifted = np.fft.ifftshift(np.asarray(scan.pixel_mask))
    assert (shifted[:, 10:12] == 1).all()
    assert shifted[5, 20] == 2
    assert int((shifted != 0).sum()) == 65


def test_one_of_several_prepared_scans_is_chosen_and_better_positions_taken(prepared: Path, truth: Truth) -> None:
    with h5py.File(prepared, "r+") as file:
        file.copy("measurement/n0", file["measurement"], "n1")
        file["measurement/n1/data"][...] *= 2
    with h5py.File(prepared.parent / "recons.h5", "w") as file:
        file["reconstruction/p/positions_real"] = truth.beam
    with pytest.raises(InputError, match=r"has 2 scans \(n0, n1\)"):
        load(prepared, GIVEN | BEAM)
    keys = f"data=/measurement/n1/data,positions={prepared.parent}/recons.h5::/reconstruction/p/positions_real"
    scan = load(prepared, GIVEN | BEAM, keys, "probe:+y,+x:m")
    np.testing.assert_allclose(scan.stage_y, -truth.beam[:, 0])
    np.testing.assert_allclose(np.asarray(scan.frames), 2 * truth.frames, rtol=1e-5)


# --- NXcxi_ptycho --------------------------------------------------------------------------------------------------


@pytest.fixture
def write_nxcxi(truth: Truth, tmp_path: Path) -> Write:
    """Write NXcxi_ptycho with frames as CXI turns them; `raster` makes them (4, 2, h, w) in a virtual dataset."""

    def write(*, raster: bool = False, unit: str = "mm", energy: tuple[float, str] = (ENERGY_EV, "eV")) -> Path:
        path = tmp_path / "i08.nxs"
        frames = turn(truth.frames, ("-y", "-x")).astype(np.float32)
        scale = {"mm": 1e3, "m": 1.0}[unit]
        stage = -truth.beam * scale
        with h5py.File(tmp_path / "excalibur.h5", "w") as file:
            file["data"] = frames.reshape(4, 2, 32, 24) if raster else frames
        with h5py.File(path, "w") as file:
            file["entry_1/definition"] = "NXcxi_ptycho"
            detector = file.create_group("entry_1/instrument_1/detector_1")
            layout = h5py.VirtualLayout((4, 2, 32, 24) if raster else (8, 32, 24), "f4")
            layout[...] = h5py.VirtualSource("excalibur.h5", "data", layout.shape)
            detector.create_virtual_dataset("data", layout)
            detector["translation"] = np.stack([stage[:, 1], stage[:, 0], 0 * stage[:, 0]], axis=1)
            detector["translation"].attrs["units"] = unit
            detector["distance"], detector["x_pixel_size"], detector["y_pixel_size"] = 7200.0, PIXEL_X, PIXEL_Y
            detector["distance"].attrs["units"] = "mm"
            file["entry_1/instrument_1/source_1/energy"] = 3.0e9
            beam = file.create_group("entry_1/instrument_1/beam_1")
            beam["incident_beam_energy"] = energy[0]
            beam["incident_beam_energy"].attrs["units"] = energy[1]
            file["entry_1/data_1/data"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/data")
            file["entry_1/sample_1/name"] = "spiral"
        return path

    return write


@pytest.mark.parametrize("raster", [False, True])
@pytest.mark.parametrize("energy", [(ENERGY_EV, "eV"), (ENERGY_EV / 1e3, "keV"), (ENERGY_EV * EV, "J")])
def test_nxcxi_ptycho_keeps_handedness_and_units(
    write_nxcxi: Write, same_physics: Check, *, raster: bool, energy: tuple[float, str]
) -> None:
    path = write_nxcxi(raster=raster, energy=energy)
    assert formats.detect(path) == "nxcxi"
    scan = load(path, GIVEN, center="15,11")
    same_physics(scan)
    assert scan.energy_ev == pytest.approx(ENERGY_EV)
    assert scan.distance == pytest.approx(DISTANCE)
    assert {each.file_name for each in scan.history[0].inputs} == {"i08.nxs", "excalibur.h5"}
    assert "CXI's default" in str(scan.history[0].parameters["notes"])


@pytest.mark.parametrize("key", [slice(None), slice(1, 12, 5), 7, -1, slice(4, 4), (slice(2, 9), slice(0, 2), 3)])
def test_frames_of_a_raster_are_read_one_after_the_other(key: Any) -> None:
    stored = np.arange(4 * 3 * 2 * 5).reshape(4, 3, 2, 5)
    np.testing.assert_array_equal(Raster(stored)[key], stored.reshape(12, 2, 5)[key])


def test_numbers_that_differ_are_both_named(write_nxcxi: Write) -> None:
    path = write_nxcxi()
    with h5py.File(path, "r+") as file:
        kept = file["entry_1/instrument_1/detector_1/translation"][:-1]
        del file["entry_1/instrument_1/detector_1/translation"]
        file["entry_1/instrument_1/detector_1/translation"] = kept
    with pytest.raises(InputError, match="8 frames but 7 positions"):
        load(path, GIVEN)
