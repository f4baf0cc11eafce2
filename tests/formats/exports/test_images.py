"""TIFF, OME-TIFF and PNG: the right way up, with the size of a pixel, and each number where it belongs."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from matplotlib.image import imread

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.formats.exports import tiff
from picpxct_nx.records import GrainMap, Reconstruction, Record, SpectralCube
from picpxct_nx.report.image_pictures import Panel, draw_images, limits

from ..conftest import ENERGY_EV, Truth  # noqa: TID252
from .conftest import Array, Export

OME = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"
MakeCube = Callable[..., SpectralCube]


@pytest.fixture
def cube(make_cube: MakeCube) -> SpectralCube:
    """Two polarisations, three energies, the second of which the first polarisation lacks."""
    rng = np.random.default_rng(0)
    images = (0.9 + 0.05 * rng.random((2, 3, 12, 10))) * np.exp(-0.4j * rng.random((2, 3, 12, 10)))
    images[0, 1] = np.nan
    return make_cube(images, np.array([5460.0, 5471.0, 5515.0]), np.deg2rad([0.0, 90.0]))


@pytest.mark.parametrize("form", ["tiff", "ome-tiff"])
def test_a_viewer_shows_x_to_the_right_and_y_up(
    chiral_reconstruction: Reconstruction, truth: Truth, export: Export, form: str
) -> None:
    (path,) = export(chiral_reconstruction, form)
    pages = tifffile.imread(path)
    assert pages.dtype == np.float32
    # The first row is the one with the largest y; nothing else is turned, and matter still has negative phase.
    np.testing.assert_allclose(pages[0], np.angle(truth.object)[::-1], atol=1e-6)
    np.testing.assert_allclose(pages[1], np.abs(truth.object)[::-1], rtol=1e-6)
    assert pages[0].min() < -0.5


def test_imagej_finds_micrometres_labels_and_the_origin(
    chiral_reconstruction: Reconstruction, truth: Truth, export: Export
) -> None:
    with tifffile.TiffFile(export(chiral_reconstruction, "tiff")[0]) as file:
        metadata, page = file.imagej_metadata, file.pages[0]
        assert metadata is not None
        assert metadata["unit"] == "um"
        assert metadata["Labels"] == [f"phase (rad), {ENERGY_EV:.2f} eV", f"modulus, {ENERGY_EV:.2f} eV"]
        for tag, size in (("YResolution", truth.pixel[0]), ("XResolution", truth.pixel[1])):
            above, below = page.tags[tag].value  # type: ignore[union-attr]
            assert below / above == pytest.approx(size * 1e6, rel=1e-6)
        # The pixel at x = y = 0, rows counted from the top.
        rows, columns = truth.object.shape
        assert metadata["xorigin"] == pytest.approx(columns // 2)
        assert metadata["yorigin"] == pytest.approx(rows - 1 - rows // 2)
        assert chiral_reconstruction.uuid in metadata["Info"]


def test_ome_has_a_channel_for_every_page_with_its_wavelength(cube: SpectralCube, export: Export) -> None:
    first, second = export(cube, "ome-tiff")
    assert [path.name for path in (first, second)] == ["cube_pol000deg.ome.tif", "cube_pol090deg.ome.tif"]
    with tifffile.TiffFile(first) as file:
        pixels = ElementTree.fromstring(str(file.ome_metadata)).find(f".//{OME}Pixels")
        assert pixels is not None
        assert float(pixels.attrib["PhysicalSizeX"]) == pytest.approx(0.03)
        assert pixels.attrib["PhysicalSizeXUnit"] == pixels.attrib["PhysicalSizeYUnit"] == "µm"
        channels = pixels.findall(f"{OME}Channel")
        # The energy that was not measured is left out.
        assert [channel.attrib["Name"] for channel in channels] == [
            "phase (rad), 5460.00 eV", "phase (rad), 5515.00 eV", "modulus, 5460.00 eV", "modulus, 5515.00 eV",
        ]  # fmt: skip
        wavelengths = [float(channel.attrib["ExcitationWavelength"]) for channel in channels]
        np.testing.assert_allclose(wavelengths, 2 * [1239.84198433 / 5460, 1239.84198433 / 5515])
        np.testing.assert_allclose(file.asarray()[1, ::-1], np.angle(np.asarray(cube.transmission)[0, 2]), rtol=1e-5)


def test_images_energies_and_polarisations_can_be_chosen(cube: SpectralCube, export: Export) -> None:
    (path,) = export(cube, "tiff", image="optical-density", energy="5471 eV", polarisation="-90 deg")
    expected = -2 * np.log(np.abs(np.asarray(cube.transmission)[1, 1]))
    np.testing.assert_allclose(tifffile.imread(path)[::-1], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"energy": "5480 eV"}, "has no energy of 5480 eV; the nearest are 5460.00, 5515.00 eV"),
        ({"energy": "5471 eV", "polarisation": "0 deg"}, "has no energy of 5471 eV; the nearest are 5460.00"),
        ({"polarisation": "45 deg"}, "has no polarisation at 45 deg; it has 0, 90"),
    ],
)
def test_what_was_not_measured_is_said(cube: SpectralCube, export: Export, options: dict[str, str], text: str) -> None:
    with pytest.raises(InputError, match=text):
        export(cube, "tiff", **options)


@pytest.mark.parametrize("form", ["png", "tiff", "ome-tiff"])
def test_a_complex_image_is_no_picture(chiral_reconstruction: Reconstruction, export: Export, form: str) -> None:
    with pytest.raises(UsageError, match="a complex image is two real ones, phase and modulus"):
        export(chiral_reconstruction, form, image="complex")
    with pytest.raises(UsageError, match="has phase, modulus, intensity, optical-density, coverage"):
        export(chiral_reconstruction, form, image="xanes")


def test_imagej_s_tiff_refuses_what_it_cannot_hold_and_names_the_other(
    chiral_reconstruction: Reconstruction, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff, "IMAGEJ_BYTES", 1000)
    with pytest.raises(InputError, match="do not fit ImageJ's TIFF; take ome-tiff"):
        export(chiral_reconstruction, "tiff")
    (path,) = export(chiral_reconstruction, "ome-tiff")
    with tifffile.TiffFile(path) as file:
        assert file.is_bigtiff


def test_an_object_of_zero_has_no_optical_density(chiral_reconstruction: Reconstruction, export: Export) -> None:
    dark = np.array(chiral_reconstruction.transmission)
    dark[0, 0] = 0
    (path,) = export(replace(chiral_reconstruction, transmission=dark), "tiff", image="optical-density")
    image = tifffile.imread(path)[::-1]
    assert np.isnan(image[0, 0])
    assert np.isfinite(image).sum() == image.size - 1


def test_grain_maps_and_doses_are_images_as_well(make_record: Callable[..., Record], export: Export) -> None:
    for name in ("NXspecptycho_grainmap", "NXspecptycho_dose", "NXspecptycho_normalized"):
        record = make_record(name, entry=name[-4:])
        for form in ("tiff", "png"):
            assert export(record, form)


@pytest.mark.parametrize(
    ("definition", "options", "text"),
    [
        ("NXspecptycho_dose", {"energy": "5471 eV"}, "is a map of no single energy"),
        ("NXspecptycho_grainmap", {"polarisation": "0 deg"}, "orientation, grain of no single polarisation"),
        ("NXspecptycho_normalized", {"energy": "5471 eV", "image": "edge-step"}, "has edge-step of no single energy"),
        ("NXspecptycho_frc", {"image": "phase"}, "--image: scan_S00001 is a curve; leave it out"),
    ],
)
def test_a_choice_of_what_there_is_none_of_is_refused(
    make_record: Callable[..., Record], export: Export, definition: str, options: dict[str, str], text: str
) -> None:
    with pytest.raises(UsageError, match=text):
        export(make_record(definition), "png", **options)


def test_dichroism_of_every_polarisation_is_labelled(make_record: Callable[..., Record], export: Export) -> None:
    record = make_record("NXspecptycho_grainmap")
    assert isinstance(record, GrainMap)
    with tifffile.TiffFile(export(record, "tiff", image="dichroism")[0]) as file:
        labels = (file.imagej_metadata or {})["Labels"]
        assert len(labels) == len(record.polarization_angle)
        assert all(label.startswith("dichroism, E at ") for label in labels)


def _picture(image: Array, name: str = "phase") -> Array:
    sink = io.BytesIO()
    axis = 1e-8 * np.arange(40)
    draw_images([Panel(name, name, image)], axis, axis, "a picture", sink)
    sink.seek(0)
    return np.asarray(imread(sink))


def test_a_picture_has_the_corner_of_large_x_and_y_at_the_top_right() -> None:
    image = np.zeros((40, 40))
    image[-15:, -15:] = 1.0  # large y, large x
    picture = _picture(image)[:, :, :3]
    # The brightest colour of viridis is yellow.
    yellow = (picture[..., 0] > 0.9) & (picture[..., 1] > 0.8) & (picture[..., 2] < 0.3)
    rows, columns = np.nonzero(yellow[:, : int(0.7 * picture.shape[1])])
    assert rows.mean() < picture.shape[0] / 2
    assert columns.mean() > picture.shape[1] / 4


def test_unknown_pixels_have_a_colour_that_is_no_value() -> None:
    image = np.ones((40, 40))
    image[:20] = np.nan
    sand = np.array([0xD9, 0xC7, 0xA8]) / 255
    assert (np.abs(_picture(image)[..., :3] - sand).max(axis=2) < 0.02).sum() > 1000


def test_colours_run_over_the_central_99_percent_and_directions_over_a_half_turn() -> None:
    values = np.linspace(0, 1, 10000).reshape(100, 100)
    values[0, 0] = 1e6
    assert limits(Panel("phase", "", values)) == pytest.approx((0.005, 0.995), abs=1e-3)
    assert limits(Panel("orientation", "", values)) == (0.0, np.pi)
    assert limits(Panel("phase", "", np.full((3, 3), np.nan))) == (0.0, 1.0)
    assert limits(Panel("phase", "", np.ones((3, 3)))) == (0.5, 1.5)
    assert limits(Panel("grain", "", np.array([[0, 1, 6]]))) == (0.5, 6.5)


def test_a_picture_of_nothing_is_refused(chiral_reconstruction: Reconstruction, export: Export) -> None:
    nothing = np.full_like(chiral_reconstruction.transmission, np.nan)
    with pytest.raises(InputError, match="holds no finite pixel; there is nothing to draw"):
        export(replace(chiral_reconstruction, stage="flattened", transmission=nothing), "png")


def test_a_picture_of_what_is_not_flattened_says_so(chiral_reconstruction: Reconstruction, export: Export) -> None:
    from picpxct_nx.formats import exports

    wanted = exports.find("png")
    y, x = np.mgrid[-40:40, -36:36]
    lit = np.exp(-(x**2 + y**2) / 800).astype(np.float32)
    for stage, coverage, notes in (
        ("reconstructed", lit, ["phase ramp and scale taken off for the picture"]),
        ("reconstructed", None, ["not flattened, and its lit rim is not known"]),
        ("flattened", lit, []),
    ):
        record = replace(chiral_reconstruction, stage=stage, coverage=coverage)
        (product,) = exports.products(record, wanted, exports.choose(wanted, {}))
        assert len(product.notes) == len(notes)
        assert all(said.startswith(note) for said, note in zip(product.notes, notes, strict=True))
    assert Path(export(chiral_reconstruction, "png")[0]).read_bytes().startswith(b"\x89PNG")
