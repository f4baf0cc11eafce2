"""Reconstructions leave as ptychodus products and in PtychoShelves' layout, with the probe where it was."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.records import Reconstruction, Scan

from ..conftest import DISTANCE, ENERGY_EV, SHAPE, Truth  # noqa: TID252
from .conftest import Array, Export

STATED = ("distance=7.2 m", "count_time=0.1 s")


def intensities(obj: Array, probe: Array, corners: Array) -> Array:
    """Frames (n, h, w) for windows whose first pixel is at `corners` (n, 2), which must be whole."""
    np.testing.assert_allclose(corners, np.round(corners), atol=1e-6)
    h, w = probe.shape
    frames = []
    for y, x in np.round(corners).astype(int):
        exit_wave = probe * obj[y : y + h, x : x + w]
        frames.append(np.abs(np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(exit_wave), norm="ortho"))) ** 2)
    return np.array(frames)


@pytest.mark.parametrize("window", [(32, 24), (31, 24), (32, 23), (31, 23)])
def test_ptychodus_places_the_probe_where_we_do_for_windows_of_any_parity(
    chiral_reconstruction: Reconstruction, export: Export, truth: Truth, window: tuple[int, int]
) -> None:
    h, w = window
    top, left = SHAPE[0] // 2 - h // 2, SHAPE[1] // 2 - w // 2
    probe = np.asarray(chiral_reconstruction.probe)[:, top : top + h, left : left + w]
    record = replace(chiral_reconstruction, probe=probe, probe_y=chiral_reconstruction.probe_y[top : top + h],
                     probe_x=chiral_reconstruction.probe_x[left : left + w])  # fmt: skip
    with h5py.File(export(record, "ptychodus", *STATED)[0]) as file:
        obj, size = file["object"], np.array(file["object"].shape[-2:])
        pixel = np.array([obj.attrs["pixel_height_m"], obj.attrs["pixel_width_m"]])
        centre = np.array([obj.attrs["center_y_m"], obj.attrs["center_x_m"]])
        position = np.stack([file["probe_position_y_m"][()], file["probe_position_x_m"][()]], axis=1)
        # As ptychodus counts: pixel of a coordinate, and the window's first pixel before it.
        corners = (position - centre) / pixel + (size - 1) / 2 - (np.array(window) - 1) / 2
        found = intensities(obj[0], file["probe"][0, 0], corners)
    ours = np.array(truth.object.shape) // 2 + truth.beam / truth.pixel - np.array(window) // 2
    np.testing.assert_allclose(found, intensities(truth.object, probe[0], ours), rtol=1e-3, atol=1e-2)


def test_a_product_names_its_numbers_for_old_and_new_ptychodus(
    chiral_reconstruction: Reconstruction, export: Export
) -> None:
    with h5py.File(export(chiral_reconstruction, "ptychodus", *STATED)[0]) as file:
        assert file.attrs["probe_energy_eV"] == file.attrs["photon_energy_eV"] == ENERGY_EV
        assert (file.attrs["detector_object_distance_m"], file.attrs["exposure_time_s"]) == (7.2, 0.1)
        photons = file.attrs["probe_photon_count"]
        assert photons == pytest.approx(np.sum(np.abs(chiral_reconstruction.probe) ** 2), rel=1e-5)
        np.testing.assert_allclose(file["probe_photon_counts"], photons * np.linspace(0.9, 1.1, 8))
        assert file["object_layer_spacing_m"].shape == (0,)
        np.testing.assert_array_equal(file["loss_values"], [0.5, 0.1])
        assert chiral_reconstruction.uuid in file.attrs["comments"]
        assert "17.1887 deg" in file.attrs["comments"]


def test_what_a_reconstruction_lacks_comes_from_the_scan_it_was_made_from(
    chiral_reconstruction: Reconstruction, chiral_scan: Scan, export: Export
) -> None:
    with h5py.File(export(chiral_reconstruction, "ptychodus", with_=(chiral_scan,))[0]) as file:
        assert file.attrs["detector_object_distance_m"] == DISTANCE
        assert file.attrs["exposure_time_s"] == chiral_scan.count_time


def test_what_nobody_says_is_asked_for_by_name_and_option(
    chiral_reconstruction: Reconstruction, export: Export
) -> None:
    with pytest.raises(InputError, match=r'demands distance, count_time.*--set distance="7.2 m" --set count_time'):
        export(chiral_reconstruction, "ptychodus")
    with pytest.raises(InputError, match=r'demands count_time,.*--set count_time="0.1 s", or --with SCAN'):
        export(chiral_reconstruction, "ptychodus", "distance=7.2 m")
    with pytest.raises(UsageError, match="wanted a positive number"):
        export(chiral_reconstruction, "ptychodus", "distance=-7.2 m", "count_time=0.1 s")


def test_a_scan_of_another_reconstruction_is_refused(
    chiral_reconstruction: Reconstruction, chiral_scan: Scan, export: Export
) -> None:
    other = replace(chiral_scan, uuid="00000000-0000-4000-8000-000000000000")
    with pytest.raises(InputError, match="its history names none of --with"):
        export(chiral_reconstruction, "ptychodus", with_=(other,))


@pytest.mark.parametrize("form", ["ptychodus", "ptychoshelves"])
def test_without_positions_there_is_no_product(
    chiral_reconstruction: Reconstruction, export: Export, form: str
) -> None:
    with pytest.raises(InputError, match="has no positions"):
        export(replace(chiral_reconstruction, position_y=None), form)


def test_ptychoshelves_positions_are_pixels_from_the_object_s_corner_and_metres_beside(
    chiral_reconstruction: Reconstruction, chiral_scan: Scan, truth: Truth, export: Export
) -> None:
    with h5py.File(export(chiral_reconstruction, "ptychoshelves", with_=(chiral_scan,))[0]) as file:
        p = file["reconstruction/p"]
        found = intensities(file["reconstruction/object"][()], file["reconstruction/probes"][0], p["positions"][()])
        np.testing.assert_allclose(found, truth.frames, rtol=1e-3, atol=1e-2)
        np.testing.assert_allclose(p["positions_real"], truth.beam)
        np.testing.assert_allclose(p["positions_orig"], truth.beam, atol=1e-15)
        np.testing.assert_allclose(p["dx_spec"][:, 0], truth.pixel)
        assert p["energy"][0, 0] == pytest.approx(ENERGY_EV / 1000)
        assert p["lambda"][0, 0] == pytest.approx(1.23984198e-6 / ENERGY_EV)
        assert p["z"][0, 0] == DISTANCE
        np.testing.assert_array_equal(p["asize"][:, 0], SHAPE)
        np.testing.assert_array_equal(p["ctr"][:, 0], np.array(SHAPE) // 2 + 1)
        assert file["reconstruction/object"].dtype.kind == "c"
        assert isinstance(file.get("reconstruction/object", getlink=True), h5py.SoftLink)
        metric = p["engines/engine_0/error_metric_final/em_0"]
        np.testing.assert_array_equal(metric["value"][:, 0], [0.5, 0.1])
        assert metric["method"][()] == b"dm, ml"


def test_ptychoshelves_leaves_out_a_distance_that_nobody_says(
    chiral_reconstruction: Reconstruction, export: Export
) -> None:
    with h5py.File(export(chiral_reconstruction, "ptychoshelves")[0]) as file:
        assert "z" not in file["reconstruction/p"]
