"""CXI: the layouts that programs write are read in SI units, with their axes, and contradictions are refused."""

import itertools
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from picpxct_nx import formats, nexus
from picpxct_nx.errors import InputError, PicpxctError
from picpxct_nx.formats import ImportOptions
from picpxct_nx.records import Scan

from .conftest import DISTANCE, ENERGY_EV, GIVEN, PIXEL_X, PIXEL_Y, SHAPE, Truth, turn, turn_about_middle, turned_point

WriteCxi = Callable[..., Path]
Check = Callable[[Scan], None]
UNIT = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0)}
SIZE = {"x": PIXEL_X, "y": PIXEL_Y}


def basis(directions: tuple[str, str]) -> np.ndarray:
    return np.array([float(f"{d[0]}1") * SIZE[d[1]] * np.array(UNIT[d[1]]) for d in directions])


def load(path: Path, given: dict[str, str] | None = None, **options: str) -> tuple[Scan, list[str]]:
    with formats.read(path) as foreign:
        scan, notes = formats.assemble(foreign, GIVEN | (given or {}), {}, ImportOptions(**options))
        nexus.write(path.with_suffix(".nxs"), [scan], overwrite=True)
        return scan, notes


def middle(directions: tuple[str, str]) -> str:
    return ",".join(str(v) for v in turned_point((SHAPE[0] // 2, SHAPE[1] // 2), SHAPE, directions))


def test_cxi_without_basis_vectors_is_turned_as_the_standard_says(write_cxi: WriteCxi, same_physics: Check) -> None:
    path = write_cxi()
    with formats.read(path) as foreign:
        scan, _ = formats.assemble(foreign, GIVEN, {}, ImportOptions(center=middle(("-y", "-x"))))
        same_physics(scan)
        assert scan.energy_ev == pytest.approx(ENERGY_EV, rel=1e-12)
        assert (scan.distance, scan.y_pixel_size, scan.x_pixel_size) == (DISTANCE, PIXEL_Y, PIXEL_X)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(
    "turned", [(f"{a}{p}", f"{b}{q}") for p, q in ("yx", "xy") for a, b in itertools.product("+-", repeat=2)]
)
def test_basis_vectors_turn_the_frames(
    write_cxi: WriteCxi, same_physics: Check, turned: tuple[str, str], *, transposed: bool
) -> None:
    vectors = basis(turned)
    path = write_cxi(turned, detector__basis_vectors=vectors.T if transposed else vectors)
    with formats.read(path) as foreign:
        same_physics(formats.assemble(foreign, GIVEN, {}, ImportOptions(center=middle(turned)))[0])


def test_the_corner_position_says_where_the_beam_is(write_cxi: WriteCxi) -> None:
    # Rows run along -y: the outer corner of pixel (0, 0) lies half a pixel further than its centre.
    corner = np.array([(7.25 + 0.5) * PIXEL_X, (20 + 0.5) * PIXEL_Y, DISTANCE])
    with formats.read(write_cxi(detector__corner_position=corner, detector__distance=None)) as foreign:
        assert foreign.beam_px == pytest.approx((20, 7.25))
        scan, notes = formats.assemble(foreign, GIVEN, {}, ImportOptions())
    assert scan.beam_center_y == pytest.approx((SHAPE[0] - 1 - 20) * PIXEL_Y)
    assert scan.beam_center_x == pytest.approx((SHAPE[1] - 1 - 7.25) * PIXEL_X)
    assert scan.distance == DISTANCE
    assert any("corner_position" in note for note in notes)


@pytest.mark.parametrize("group", ["entry_1/data_1", "entry_1/instrument_1/detector_1"])
def test_translations_are_found_where_programs_put_them(write_cxi: WriteCxi, truth: Truth, group: str) -> None:
    path = write_cxi()
    with h5py.File(path, "r+") as file:
        file.require_group(group)
        file.move("entry_1/sample_1/geometry_1/translation", f"{group}/translation")
    with formats.read(path) as foreign:
        scan, _ = formats.assemble(foreign, GIVEN, {}, ImportOptions())
    np.testing.assert_allclose(np.stack([scan.stage_y, scan.stage_x], 1), -truth.beam)


def test_soft_links_of_data_1_are_followed(write_cxi: WriteCxi, truth: Truth) -> None:
    path = write_cxi()
    with h5py.File(path, "r+") as file:
        file["entry_1/data_1/data"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/data")
        file["entry_1/data_1/translation"] = h5py.SoftLink("/entry_1/sample_1/geometry_1/translation")
    with formats.read(path) as foreign:
        assert foreign.frames.shape == truth.frames.shape
        assert foreign.options["map"] == "data=/entry_1/data_1/data,positions=/entry_1/data_1/translation[:,0:2]"


def test_the_illumination_becomes_the_start_probe(write_cxi: WriteCxi, truth: Truth) -> None:
    given = turn_about_middle(truth.probe, ("-y", "-x"))
    for probe in (given, given[None], given[None, None]):
        scan, _ = load(write_cxi(source__illumination=probe))
        assert scan.start_probe is not None
        np.testing.assert_allclose(scan.start_probe[0], truth.probe)


def test_the_wavelength_serves_where_the_energy_is_missing(write_cxi: WriteCxi) -> None:
    scan, notes = load(write_cxi(source__energy=None, source__wavelength=2.261e-10))
    assert scan.energy_ev == pytest.approx(5483.6, abs=0.1)
    assert any("2.261e-10 m is a photon energy" in note for note in notes)


def test_an_energy_that_no_photon_has_is_not_taken(write_cxi: WriteCxi) -> None:
    # 6 GeV of the electrons in the ring, which NeXus stores under this name; and eV where CXI wants J.
    for energy in (9.6e-10, 5483.4):
        with pytest.raises(InputError, match="energy=NUMBER eV"):
            load(write_cxi(source__energy=energy))
        scan, notes = load(write_cxi(source__energy=energy), {"energy": "5483.4 eV"})
        assert scan.energy_ev == 5483.4
        assert any("is no photon energy, not taken" in note for note in notes)


def test_units_attributes_are_heeded_and_aliases_reported(write_cxi: WriteCxi) -> None:
    path = write_cxi()
    with h5py.File(path, "r+") as file:
        item = file["entry_1/instrument_1/detector_1/distance"]
        item[()], item.attrs["units"] = 7200.0, "millimeter"
    scan, notes = load(path)
    assert scan.distance == pytest.approx(7.2)
    assert "entry_1/instrument_1/detector_1/distance: unit 'millimeter' was read as 'mm'" in notes


def test_bits_of_the_mask_keep_their_meaning(write_cxi: WriteCxi) -> None:
    mask = np.zeros(SHAPE, np.uint32)
    mask[0, :8] = [0x1, 0x2, 0x4, 0x8, 0x200, 0x400, 0x1000, 0x10000000]
    scan, notes = load(write_cxi(detector__mask=mask))
    assert scan.pixel_mask[-1, ::-1][:8].tolist() == [256, 8, 8, 2, 1, 16, 0, 256]
    assert "entry_1/instrument_1/detector_1/mask: 7 of 768 pixels are bad" in notes


def test_a_mask_for_each_frame_masks_what_is_ever_bad(write_cxi: WriteCxi) -> None:
    mask = np.zeros((8, *SHAPE), np.uint32)
    mask[3, 0, 0], mask[5, 1, 1] = 8, 1
    scan, _ = load(write_cxi(detector__mask=mask))
    assert int((scan.pixel_mask != 0).sum()) == 2


def test_texts_and_times_are_taken(write_cxi: WriteCxi) -> None:
    texts = {
        "entry__title": "in the file", "entry__start_time": "2026-05-01T08:00:00+0200", "sample__name": "V2O5",
        "source__name": "SLS", "entry__instrument_1__name": "cSAXS",
    }  # fmt: skip
    given = {name: GIVEN[name] for name in ("count_time", "stokes", "rotation")}
    with formats.read(write_cxi(**texts)) as foreign:
        scan, _ = formats.assemble(foreign, given, {}, ImportOptions())
    assert (scan.title, scan.sample, scan.source, scan.instrument) == ("in the file", "V2O5", "SLS", "cSAXS")
    assert scan.start_time == "2026-05-01T08:00:00+02:00"


def test_a_time_without_zone_is_not_taken(write_cxi: WriteCxi) -> None:
    with formats.read(write_cxi(entry__start_time="2026-05-01T08:00:00")) as foreign:
        assert "start_time" not in foreign.metadata
        assert any("no time with a zone" in note for note in foreign.notes)


def test_a_map_overrules_the_places_of_cxi(write_cxi: WriteCxi, truth: Truth) -> None:
    path = write_cxi(entry__data_2__raw=2 * turn(truth.frames, ("-y", "-x")))
    with formats.read(path, keys="data=entry_1/data_2/raw", axes="probe:+x,+y:mm") as foreign:
        assert foreign.axes.what == "probe"
        scan, _ = formats.assemble(foreign, GIVEN, {}, ImportOptions())
        np.testing.assert_allclose(scan.frames[...], 2 * truth.frames)
        np.testing.assert_allclose(scan.stage_y, 1e-3 * truth.beam[:, 0])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source__wavelength": 1e-10}, "contradict"),
        ({"detector__basis_vectors": basis(("-y", "-x")) * 1.1}, "basis_vectors say"),
        ({"detector__basis_vectors": [[1e-5, 7e-5, 0], [6e-5, 0, 0]]}, "tilted"),
        ({"detector__basis_vectors": [[0, 7.5e-5, 0], [0, 7.5e-5, 0]]}, "both run along y"),
        ({"detector__basis_vectors": np.eye(3)}, "wanted \\(2, 3\\)"),
        ({"detector__data": None}, "say where with --map data"),
        ({"sample__geometry_1__translation": None}, "say where with --map positions"),
        ({"sample__geometry_1__translation": np.zeros((7, 3))}, "8 frames but 7 positions"),
        (
            {"sample__geometry_1__translation": np.full((8, 3), np.nan)},
            "NaN or infinity, first at index 0 of 8",
        ),
        ({"detector__mask": np.zeros((3, 3), np.uint32)}, "mask has shape"),
        ({"detector__distance": -1.0}, "wanted a positive number"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(write_cxi: WriteCxi, changes: dict[str, object], said: str) -> None:
    with pytest.raises(PicpxctError, match=said) as caught:
        load(write_cxi(**changes))
    assert "\n" not in str(caught.value)


def test_polarisation_rotation_and_monitor_are_taken_where_they_are_understood(write_cxi: WriteCxi) -> None:
    cosine, sine = np.cos(0.3), np.sin(0.3)
    fields: dict[str, object] = {
        "entry__instrument_1__beam_1__incident_polarization": np.array([2.0, 0.0, 1.8, 0.0]),
        "sample__geometry_1__orientation": np.array([cosine, sine, 0, -sine, cosine, 0]),
        "entry__data_1__intensities": np.linspace(0.9, 1.1, 8),
    }
    given = {name: text for name, text in GIVEN.items() if name not in ("stokes", "rotation")}
    with formats.read(write_cxi(**fields)) as foreign:
        scan, _ = formats.assemble(foreign, given, {}, ImportOptions())
    assert scan.rotation == pytest.approx(0.3)
    assert scan.stokes.tolist() == [[1.0, 0.0, 0.9, 0.0]]
    assert scan.monitor is not None
    assert scan.monitor.tolist() == np.linspace(0.9, 1.1, 8).tolist()
    tilted = fields | {"sample__geometry_1__orientation": np.array([1, 0, 0, 0, cosine, sine])}
    with formats.read(write_cxi(**tilted)) as foreign, pytest.raises(InputError, match="rotation=NUMBER rad"):
        formats.assemble(foreign, given, {}, ImportOptions())
