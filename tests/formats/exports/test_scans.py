"""Raw scans leave as CXI and .ptyd: the same physics, the same counts, and nothing lost that the format can hold."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.constants import e

from picpxct_nx import formats, nexus
from picpxct_nx.formats import exports
from picpxct_nx.formats.exports import cxi
from picpxct_nx.formats.exports.hdf5 import chunks_can_be_copied
from picpxct_nx.records import Scan

from ..conftest import GIVEN, SHAPE, Truth  # noqa: TID252
from .conftest import Export

Check = Callable[[Scan], None]
# What CXI does not carry and an import must be told.
TOLD = {name: GIVEN[name] for name in ("count_time", "stokes", "rotation")}


def again(path: Path, **told: str) -> Scan:
    """A CXI file as our own import reads it."""
    with formats.read(path) as foreign:
        scan, _ = formats.assemble(foreign, TOLD | told, {}, formats.ImportOptions())
        return replace(scan, frames=scan.frames[...])


def from_file(path: Path) -> tuple[Any, Scan]:
    """An open file and its scan, frames unread."""
    file = h5py.File(path, "r")
    scan = nexus.read(file, nexus.entries(file)[0])
    assert isinstance(scan, Scan)
    return file, scan


def test_a_scan_comes_back_from_cxi_with_all_that_cxi_holds(
    chiral_scan: Scan, export: Export, same_physics: Check
) -> None:
    (path,) = export(chiral_scan, "cxi")
    scan = again(path)
    np.testing.assert_array_equal(scan.frames, chiral_scan.frames)
    for name in ("stage_y", "stage_x", "distance", "x_pixel_size", "y_pixel_size", "title", "sample", "source",
                 "instrument", "start_time"):  # fmt: skip
        np.testing.assert_array_equal(getattr(scan, name), getattr(chiral_scan, name), err_msg=name)
    assert scan.energy_ev == pytest.approx(chiral_scan.energy_ev, rel=1e-15)
    assert (scan.beam_center_y, scan.beam_center_x) == pytest.approx(
        (chiral_scan.beam_center_y, chiral_scan.beam_center_x), abs=1e-12
    )
    assert scan.extra["experiment_identifier"] == "p12345"
    np.testing.assert_array_equal(scan.pixel_mask, chiral_scan.pixel_mask)
    np.testing.assert_array_equal(np.asarray(scan.start_probe), np.asarray(chiral_scan.start_probe, np.complex64))


def test_a_measured_cxi_file_comes_in_out_and_in_again_unchanged(shared_data: Path, tmp_path: Path) -> None:
    stated = {"title": "trial", "start_time": "2025-01-01T00:00:00Z", "source": "ring", "instrument": "P25",
              "sample": "star", "count_time": "0.1 s"}  # fmt: skip
    assumed = {"stokes": "1,1,0,0", "rotation": "0 deg"}
    with formats.read(shared_data / "PETRAIII_P25_Near_Field_Ptycho.cxi") as foreign:
        first, _ = formats.assemble(foreign, stated, assumed, formats.ImportOptions())
        wanted = exports.find("cxi")
        (product,) = exports.products(first, wanted, exports.choose(wanted, {}))
        product.write(tmp_path / "p25.cxi")
        frames = first.frames[...]
    with formats.read(tmp_path / "p25.cxi") as foreign:
        told = {"count_time": "0.1 s"}
        second, _ = formats.assemble(foreign, told, assumed, formats.ImportOptions())
        np.testing.assert_array_equal(second.frames[...], frames)
    for name in ("stage_y", "stage_x", "pixel_mask", "beam_center_x", "beam_center_y", "distance"):
        np.testing.assert_array_equal(getattr(second, name), getattr(first, name), err_msg=name)


@pytest.mark.parametrize("shape", [(32, 24), (31, 24), (32, 23), (31, 23)])
def test_cxi_turns_frames_of_any_parity_about_the_same_beam(
    chiral_scan: Scan, export: Export, shape: tuple[int, int]
) -> None:
    rows, columns = shape
    cut = replace(
        chiral_scan,
        frames=np.asarray(chiral_scan.frames)[:, :rows, :columns],
        pixel_mask=chiral_scan.pixel_mask[:rows, :columns],
        start_probe=None,
        start_probe_y=None,
        start_probe_x=None,
    )
    scan = again(export(cut, "cxi")[0])
    np.testing.assert_array_equal(scan.frames, cut.frames)
    assert scan.beam_center_y == pytest.approx(cut.beam_center_y)
    assert scan.beam_center_x == pytest.approx(cut.beam_center_x)


def test_cxi_says_the_same_to_those_who_heed_basis_vectors_and_those_who_do_not(
    chiral_scan: Scan, truth: Truth, export: Export
) -> None:
    (path,) = export(chiral_scan, "cxi")
    with h5py.File(path) as file:
        frames = file["entry_1/data_1/data"][()]
        translation = file["entry_1/data_1/translation"][()]
        basis = file["entry_1/instrument_1/detector_1/basis_vectors"][()]
    np.testing.assert_array_equal(np.sign(basis), [[0, -1, 0], [-1, 0, 0]])
    # The translation is the sample's: the beam meets the sample at its negative.
    np.testing.assert_allclose(-translation[:, :2], truth.beam[:, ::-1], atol=1e-15)
    # Whoever takes it for the beam's position in the image has images turned by 180 degrees, and so has the object.
    obj, probe = cxi.turn(truth.object), cxi.turn_about_middle(truth.probe)
    view = Truth(truth.frames, truth.beam, probe, np.roll(obj, (1, 1), (0, 1)), truth.pixel)
    expected = view.frames_at(translation[:, 1::-1], truth.pixel)
    np.testing.assert_allclose(frames, np.round(np.roll(expected, (-1, -1), (1, 2))), atol=1)


def test_cxi_has_what_the_standard_asks_for(chiral_scan: Scan, export: Export) -> None:
    turned = replace(chiral_scan, rotation=0.3)
    with h5py.File(export(turned, "cxi")[0]) as file:
        assert file["cxi_version"][()] == 160
        assert file["number_of_entries"][()] == 1
        entry = file["entry_1"]
        assert entry["instrument_1/source_1/energy"][()] == pytest.approx(chiral_scan.energy_ev * e)
        np.testing.assert_allclose(
            entry["sample_1/geometry_1/orientation"], [np.cos(0.3), np.sin(0.3), 0, -np.sin(0.3), np.cos(0.3), 0]
        )
        np.testing.assert_array_equal(entry["instrument_1/beam_1/incident_polarization"], [1, 1, 0, 0])
        np.testing.assert_allclose(entry["data_1/intensities"], chiral_scan.monitor / np.mean(chiral_scan.monitor))  # type: ignore[operator,arg-type]
        bits = entry["instrument_1/detector_1/mask"][()][::-1, ::-1]
        # Gap, dead, over-responding, noisy, and by the user, for which CXI has "bad" only.
        assert [hex(bits[place]) for place in ((3, 5), (3, 6), (10, 2), (11, 2), (0, 0))] == [
            "0x200", "0x8", "0x4", "0x400", "0x80",
        ]  # fmt: skip
        assert str(chiral_scan.uuid) in entry["experiment_description"][()].decode()


@pytest.mark.parametrize(("ours", "theirs"), [("u1", "i2"), ("u2", "i4"), ("u4", "i8"), ("i4", "i4"), ("f4", "f4")])
def test_counts_without_a_sign_become_the_next_larger_with_one(
    chiral_scan: Scan, export: Export, ours: str, theirs: str
) -> None:
    frames = np.asarray(chiral_scan.frames).astype(ours)
    frames[0, 0, 0] = np.iinfo(ours).max if frames.dtype.kind == "u" else 7
    with h5py.File(export(replace(chiral_scan, frames=frames), "cxi")[0]) as file:
        item = file["entry_1/data_1/data"]
        assert item.dtype == np.dtype(theirs)
        np.testing.assert_array_equal(item[()][:, ::-1, ::-1], frames)


def test_a_zone_plate_s_focus_goes_out_as_the_start_probe(chiral_scan: Scan, export: Export) -> None:
    bare = replace(chiral_scan, start_probe=None, start_probe_y=None, start_probe_x=None)
    with h5py.File(export(bare, "cxi")[0]) as file:
        assert "illumination" not in file["entry_1/instrument_1/source_1"]
    optics = replace(bare, zone_plate_diameter=1e-4, outermost_zone_width=1e-7, defocus=1e-4)
    choices = exports.choose(exports.find("cxi"), {})
    (product,) = exports.products(optics, exports.find("cxi"), choices)
    assert any("calculated from the zone plate" in note for note in product.notes)
    with h5py.File(export(optics, "cxi")[0]) as file:
        assert file["entry_1/instrument_1/source_1/illumination"].shape == (1, *SHAPE)


def test_ptyd_holds_positions_of_the_beam_in_metres_and_frames_as_they_are(
    chiral_scan: Scan, truth: Truth, export: Export
) -> None:
    with h5py.File(export(chiral_scan, "ptyd")[0]) as file:
        chunk, meta = file["chunks/0"], file["meta"]
        np.testing.assert_allclose(chunk["positions"], truth.beam, atol=1e-15)
        expected = truth.frames_at(chunk["positions"][()], truth.pixel)
        np.testing.assert_array_equal(chunk["data"], np.round(expected))
        np.testing.assert_array_equal(chunk["weights"][2], chiral_scan.pixel_mask == 0)
        assert chunk["weights"].shape == chunk["data"].shape
        np.testing.assert_array_equal(meta["weight2d"], chiral_scan.pixel_mask == 0)
        assert meta["energy"][()] == pytest.approx(chiral_scan.energy_ev / 1000)
        np.testing.assert_array_equal(meta["psize"], [chiral_scan.y_pixel_size, chiral_scan.x_pixel_size])
        np.testing.assert_allclose(meta["center"], [SHAPE[0] // 2, SHAPE[1] // 2])
        assert (meta["distance"][()], meta["num_frames"][()]) == (chiral_scan.distance, len(truth.beam))


def test_everything_in_a_ptyd_says_its_type(chiral_scan: Scan, export: Export) -> None:
    silent: list[str] = []
    with h5py.File(export(chiral_scan, "ptyd")[0]) as file:
        file.visititems(lambda name, item: silent.append(name) if "type" not in item.attrs else None)
    assert silent == []


def test_ptyd_loses_nothing_but_the_history(chiral_scan: Scan, export: Export) -> None:
    wanted = exports.find("ptyd")
    (product,) = exports.products(chiral_scan, wanted, exports.choose(wanted, {}))
    assert product.lost == ("the history of 1 step",)
    with h5py.File(export(chiral_scan, "ptyd")[0]) as file:
        info = file["info/picpxct_nx"]
        for path, value in chiral_scan.to_values().items():
            if path == "instrument/detector/data" or path.startswith("process_") or "@" in path:
                continue
            found = info[path][()]
            if isinstance(value, str):
                assert found.decode() == value
            else:
                np.testing.assert_array_equal(found, np.asarray(value))


@pytest.mark.parametrize("compression", ["gzip", "none", "bitshuffle"])
def test_packed_chunks_are_copied_as_they_are_where_every_library_can_unpack_them(
    chiral_scan: Scan, tmp_path: Path, export: Export, compression: Any
) -> None:
    nexus.write(tmp_path / "ours.nxs", [chiral_scan], compression=compression)
    file, scan = from_file(tmp_path / "ours.nxs")
    with file:
        assert chunks_can_be_copied(scan.frames) == (compression != "bitshuffle")
        (path,) = export(scan, "ptyd")
        with h5py.File(path) as made:
            copy, source = made["chunks/0/data"], scan.frames
            np.testing.assert_array_equal(copy, source[...])
            plist = copy.id.get_create_plist()
            assert all(plist.get_filter(index)[0] < 256 for index in range(plist.get_nfilters()))
            same = copy.id.read_direct_chunk((1, 0, 0))[1] == source.id.read_direct_chunk((1, 0, 0))[1]  # type: ignore[attr-defined]
            assert same == (compression != "bitshuffle")


def test_frames_that_are_not_square_are_warned_of_for_ptypy(chiral_scan: Scan) -> None:
    wanted = exports.find("ptyd")
    (product,) = exports.products(chiral_scan, wanted, exports.choose(wanted, {}))
    assert any("32 x 24: ptypy takes square ones only" in note for note in product.notes)
