"""Cubes leave as NXstxm stacks and XDI spectra: the energies that were measured, means with their errors."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from picpxct_nx import formats
from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.formats import exports
from picpxct_nx.formats.exports import regions
from picpxct_nx.formats.spectrum import ForeignSpectrum, assemble_spectrum
from picpxct_nx.provenance import step
from picpxct_nx.records import GrainMap, NormalizedCube, Record, Scan, SpectralCube, Spectrum

from .conftest import Export

STXM = ("start_time=2026-05-01T08:00:00+02:00", "end_time=2026-05-01T20:00:00+02:00", "source=ring",
        "source_type=Synchrotron X-ray Source", "count_time=0.1 s")  # fmt: skip
SPACING = "mono.d_spacing=3.1356 angstrom"
N_E, H, W = 4, 6, 5


@pytest.fixture
def cube(make_cube: Callable[..., SpectralCube]) -> SpectralCube:
    rng = np.random.default_rng(1)
    images = 0.9 * np.exp(-0.2j * rng.random((2, N_E, H, W)))
    images[1, 2] = np.nan
    return make_cube(images, 5460.0 + 10 * np.arange(N_E), np.deg2rad([0.0, 90.0]))


@pytest.fixture
def normalised(make_record: Callable[..., Record]) -> NormalizedCube:
    """Spectra of noise around a known one, the same in every pixel, with noise that grows along x."""
    record = make_record("NXspecptycho_normalized")
    assert isinstance(record, NormalizedCube)
    rng = np.random.default_rng(2)
    spectrum = np.array([0.0, 0.9, 0.5, 1.0])
    sigma = np.broadcast_to(0.01 * 2.0 ** np.arange(W), (2, H, W))
    scale, ones = np.full((2, H, W), 0.2), np.ones((2, N_E))
    noise = rng.normal(size=(2, N_E, H, W)) * sigma[:, None]
    energy = 5470.0 + 5 * np.arange(N_E)
    return replace(
        record, xanes=spectrum[:, None, None] + noise, xpnes=-spectrum[:, None, None] + noise, energy_ev=energy,
        measured_energy_ev=np.tile(energy, (2, 1)), polarization_angle=np.deg2rad([0.0, 90.0]),
        stokes=np.tile([1.0, 1.0, 0.0, 0.0], (2, 1)), rotation=np.deg2rad([0.0, 90.0]), mask=np.zeros((2, H, W), int),
        y=1e-6 * np.arange(H), x=1e-6 * np.arange(W), edge_energy_ev=5483.4, formula="O5 V2", thickness_by="edge-jump",
        density_noise=sigma * scale, phase_noise=sigma * scale, xanes_scale=scale, xpnes_scale=scale,
        xanes_scale_errors=0 * scale, xpnes_scale_errors=0 * scale, xanes_variance=ones, xpnes_variance=ones,
        xanes_covariance=0 * ones, xpnes_covariance=0 * ones,
    )  # fmt: skip


def columns(path: Path) -> dict[str, np.ndarray]:
    lines = path.read_text("utf-8").splitlines()
    labels = next(line for line in reversed(lines) if line.startswith("# "))[2:].split()
    return dict(zip(labels, np.loadtxt(path, ndmin=2).T, strict=True))


def headers(path: Path) -> dict[str, str]:
    lines = [line[2:] for line in path.read_text("utf-8").splitlines() if line.startswith("# ") and ": " in line]
    return dict(line.split(": ", 1) for line in lines)


def test_nxstxm_holds_the_energies_measured_at_each_polarisation(cube: SpectralCube, export: Export) -> None:
    for p, path in enumerate(export(cube, "nxstxm", *STXM)):
        assert path.name == f"cube_pol{90 * p:03d}deg.hdf5"
        with h5py.File(path) as file:
            data = file["entry/counter0"]
            there = [0, 1, 2, 3] if p == 0 else [0, 1, 3]
            np.testing.assert_allclose(data["energy"], 5460 + 10 * np.array(there))
            np.testing.assert_allclose(data["data"], np.abs(np.asarray(cube.transmission)[p, there]) ** 2, rtol=1e-6)
            np.testing.assert_allclose(data["sample_x"], cube.x * 1e6)
            np.testing.assert_allclose(data["sample_y"], cube.y * 1e6)
            assert data["sample_x"].attrs["units"] == "um"
            np.testing.assert_allclose(file["entry/sample/rotation_angle"], [90 * p])
            np.testing.assert_array_equal(file["entry/instrument/beam/incident_polarization_stokes"], [[1, 1, 0, 0]])


def test_nxstxm_is_shaped_as_mantis_reads_it(cube: SpectralCube, export: Export) -> None:
    with h5py.File(export(cube, "nxstxm", *STXM)[0]) as file:
        assert file["entry/definition"][0] == b"NXstxm"
        assert file["entry/counter0/stxm_scan_type"][0] == b"sample image stack"
        assert [name.decode() for name in file["entry/counter0"].attrs["axes"]] == ["energy", "sample_y", "sample_x"]
        np.testing.assert_array_equal(file["entry/counter0/count_time"], np.full(N_E, 0.1))


def test_nxstxm_asks_for_all_that_its_definition_demands(cube: SpectralCube, export: Export) -> None:
    with pytest.raises(InputError, match="demands start_time, end_time, source, source_type, count_time, which"):
        export(cube, "nxstxm")
    with pytest.raises(InputError, match=r"demands source, count_time, .*or --with SCANS"):
        export(cube, "nxstxm", *(text for text in STXM if not text.startswith(("source=", "count_time"))))


def test_nxstxm_takes_times_and_source_from_the_scans(
    cube: SpectralCube, make_record: Callable[..., Record], export: Export
) -> None:
    scans = []
    for number, day in enumerate(("02", "01")):
        scan = make_record("NXspecptycho_scan", entry=f"scan_{number}")
        assert isinstance(scan, Scan)
        scans.append(replace(scan, start_time=f"2026-05-{day}T08:00:00+02:00", extra=dict(scan.extra)))
    made = cube.made_by(step("stack", {}, [scan.as_input() for scan in scans]))
    values = dict(made.to_values())
    values.pop("start_time", None)
    with h5py.File(export(made, "nxstxm", with_=tuple(scans))[0]) as file:
        assert file["entry/start_time"][0].decode() == "2026-05-01T08:00:00+02:00"
        assert file["entry/instrument/source/name"][0].decode() == scans[0].source
    with pytest.raises(InputError, match="its history names none of --with"):
        export(cube, "nxstxm", with_=tuple(scans))


def test_nxstxm_holds_one_image_and_no_map(normalised: NormalizedCube, cube: SpectralCube, export: Export) -> None:
    with pytest.raises(InputError, match="holds one image at every energy; choose one with --image, not a map"):
        export(normalised, "nxstxm", *STXM, image="edge-step")
    with pytest.raises(InputError, match="found modulus, phase"):
        export(cube, "nxstxm", *STXM, image="phase,modulus")
    with h5py.File(export(normalised, "nxstxm", *STXM, image="xpnes")[0]) as file:
        assert file["entry/counter0/data"].attrs["long_name"] == "xpnes"


def test_nxstxm_says_how_many_pixels_are_unknown(cube: SpectralCube) -> None:
    known = np.array(cube.known)
    known[0, 0] = False
    wanted = exports.find("nxstxm")
    first, second = exports.products(replace(cube, known=known), wanted, exports.choose(wanted, {}, STXM))
    assert any(f"{W} pixels (16.7 %) were not seen at every energy" in note for note in first.notes)
    assert not any("not seen" in note for note in second.notes)


def test_a_mean_spectrum_weighs_pixels_by_their_noise_and_knows_its_own(
    normalised: NormalizedCube, export: Export
) -> None:
    path = export(normalised, "xdi", SPACING, polarisation="0 deg")[0]
    found = columns(path)
    sigma = 0.01 * 2.0 ** np.arange(W)
    expected = 1 / np.sqrt(H * np.sum(sigma**-2.0))
    np.testing.assert_allclose(found["normtrans_sigma"], expected, rtol=1e-6)
    # Within four standard deviations of the truth, and far better than a plain mean would be.
    np.testing.assert_allclose(found["normtrans"], [0.0, 0.9, 0.5, 1.0], atol=4 * expected)
    plain = np.sqrt(np.sum(sigma**2) * H) / (H * W)
    assert expected < 0.5 * plain
    np.testing.assert_allclose(found["xpnes"], [0.0, -0.9, -0.5, -1.0], atol=4 * expected)


def test_errors_of_mean_spectra_are_those_of_repeated_noise(normalised: NormalizedCube) -> None:
    rng = np.random.default_rng(3)
    region = regions.Region("", "", np.ones((H, W), bool))
    pixels = regions.part(normalised, 0, region)
    sigma, means = 0.01 * 2.0 ** np.arange(W), []
    for _ in range(400):
        noisy = replace(normalised, xanes=rng.normal(size=(2, N_E, H, W)) * sigma)
        means.append(regions.means(noisy, "xanes", (0, np.arange(N_E)), [pixels])[0].value)
    said = regions.means(normalised, "xanes", (0, np.arange(N_E)), [pixels])[0].sigma
    assert said is not None
    np.testing.assert_allclose(np.std(means, axis=0), said, rtol=0.15)


def test_the_error_of_the_divisor_counts_where_the_spectrum_is_large(normalised: NormalizedCube) -> None:
    uncertain = replace(normalised, xanes_scale_errors=np.full((2, H, W), 0.02))
    region = regions.Region("", "", np.ones((H, W), bool))
    pixels = regions.part(uncertain, 0, region)
    spectrum = regions.means(uncertain, "xanes", (0, np.arange(N_E)), [pixels])[0]
    before = regions.means(normalised, "xanes", (0, np.arange(N_E)), [pixels])[0]
    assert spectrum.sigma is not None
    assert before.sigma is not None
    assert spectrum.sigma[0] == pytest.approx(before.sigma[0], rel=0.05)
    assert spectrum.sigma[3] > 2 * before.sigma[3]


def test_an_xdi_file_keeps_the_standard(normalised: NormalizedCube, export: Export) -> None:
    (path, _) = export(normalised, "xdi", SPACING)
    text = path.read_text("utf-8")
    assert text.startswith("# XDI/1.0 picpxct_nx/")
    found = headers(path)
    assert found["Column.1"] == "energy eV"
    assert found["Column.2"] == "normtrans"
    assert (found["Element.symbol"], found["Element.edge"], found["Mono.d_spacing"]) == ("V", "K", "3.1356")
    assert found["Scan.edge_energy"] == "5483.4000"
    assert found["Picpxct_nx.polarisation_deg"] == "0"
    assert found["Picpxct_nx.pixels"] == str(H * W)
    lines = text.splitlines()
    assert lines.index("# ///") < lines.index("# ---") < len(lines) - N_E


def test_spectra_that_are_not_divided_by_their_step_are_mu_and_not_normalised(
    normalised: NormalizedCube, export: Export
) -> None:
    path = export(replace(normalised, thickness_by="off-edge-phase"), "xdi", SPACING)[0]
    assert headers(path)["Column.2"] == "mutrans"


def test_energies_that_were_not_measured_are_left_out_since_xdi_has_no_nan(
    normalised: NormalizedCube, export: Export
) -> None:
    measured = np.array(normalised.measured_energy_ev)
    measured[1, 1] = np.nan
    first, second = export(replace(normalised, measured_energy_ev=measured), "xdi", SPACING)
    assert [len(columns(path)["energy"]) for path in (first, second)] == [N_E, N_E - 1]
    assert "nan" not in second.read_text("utf-8").lower()


def test_grains_and_boxes_have_spectra_of_their_own(
    normalised: NormalizedCube, make_record: Callable[..., Record], export: Export
) -> None:
    grains = make_record("NXspecptycho_grainmap", entry="grains")
    assert isinstance(grains, GrainMap)
    label = np.zeros((H, W), np.int32)
    label[:3], label[3:] = 1, 2
    grains = replace(grains, label=label, grain_id=np.array([1, 2]), y=normalised.y, x=normalised.x)
    grains = grains.made_by(step("grainmap", {}, [normalised.as_input()]), (normalised,))
    paths = export(normalised, "xdi", SPACING, with_=(grains,), region="grains", polarisation="0 deg")
    assert [path.name for path in paths] == ["scan_S00001_pol000deg_grain001.xdi", "scan_S00001_pol000deg_grain002.xdi"]
    assert headers(paths[0])["Picpxct_nx.pixels"] == str(3 * W)
    (box,) = export(normalised, "xdi", SPACING, region="y=-0.5um:1.5um,x=0um:1.2um", polarisation="0 deg")
    assert headers(box)["Picpxct_nx.pixels"] == "4"
    moved = replace(grains, x=normalised.x + 1e-6)
    with pytest.raises(InputError, match="the grain map has another grid"):
        export(normalised, "xdi", SPACING, with_=(moved,), region="grains")


@pytest.mark.parametrize(
    ("region", "error", "text"),
    [
        ("grains", UsageError, "wanted the grain map as well; give it with --with MAP"),
        ("somewhere", UsageError, "wanted all, grains, or a box"),
        ("y=5:6", UsageError, "--region 'y=5:6'|has no unit"),
        ("y=50um:60um", InputError, "no pixel lies in --region"),
    ],
)
def test_a_region_that_cannot_be_is_refused(
    normalised: NormalizedCube, export: Export, region: str, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        export(normalised, "xdi", SPACING, region=region)


def test_a_mean_that_is_not_finite_is_refused(normalised: NormalizedCube, export: Export) -> None:
    xanes = np.array(normalised.xanes)
    xanes[0, 2, 1, 1] = np.nan
    with pytest.raises(InputError, match=r"xanes is not finite at 5480\.00 eV, and such a table has no NaN"):
        export(replace(normalised, xanes=xanes), "xdi", SPACING)


def test_what_xdi_recommends_can_be_stated(normalised: NormalizedCube, export: Export) -> None:
    path = export(normalised, "xdi", SPACING, "beamline.name=cSAXS", "facility.name=SLS")[0]
    assert (headers(path)["Beamline.name"], headers(path)["Facility.name"]) == ("cSAXS", "SLS")


def test_masked_pixels_do_not_count_and_none_left_is_an_error(normalised: NormalizedCube, export: Export) -> None:
    mask = np.array(normalised.mask)
    mask[:, :, 1:] = 1
    path = export(replace(normalised, mask=mask), "xdi", SPACING)[0]
    assert headers(path)["Picpxct_nx.pixels"] == str(H)
    with pytest.raises(InputError, match="holds no pixel that can be used"):
        export(replace(normalised, mask=np.ones_like(mask)), "xdi", SPACING)


def test_xdi_asks_for_what_no_cube_holds(normalised: NormalizedCube, export: Export) -> None:
    with pytest.raises(InputError, match=r'XDI demands mono.d_spacing.*--set mono.d_spacing="3.1356 angstrom"'):
        export(normalised, "xdi")
    with pytest.raises(InputError, match="XDI demands element, edge, which"):
        export(replace(normalised, formula=None), "xdi", SPACING)
    path = export(replace(normalised, formula=None), "xdi", SPACING, "element=Fe", "edge=K")[0]
    assert headers(path)["Element.symbol"] == "Fe"


@pytest.fixture
def measured(make_record: Callable[..., Record]) -> Spectrum:
    record = make_record("NXspecptycho_spectrum", edge="K", mode="transmission", normalized=False)
    assert isinstance(record, Spectrum)
    return replace(record, element="V", extra=dict(record.extra) | {"instrument/monochromator/d_spacing": 3.1356e-10})


@pytest.mark.parametrize(
    ("mode", "normalized", "labels"),
    [
        ("transmission", False, ["mutrans", "i0", "itrans"]), ("transmission", True, ["normtrans", "i0", "itrans"]),
        ("fluorescence", False, ["mufluor", "i0", "ifluor"]), ("electron yield", False, ["absorption", "i0"]),
    ],
)  # fmt: skip
def test_a_measured_spectrum_goes_to_xdi_under_its_labels(
    measured: Spectrum, export: Export, mode: str, normalized: bool, labels: list[str]
) -> None:
    (path,) = export(replace(measured, mode=mode, normalized=normalized), "xdi")
    found = columns(path)
    np.testing.assert_allclose(found["energy"], measured.energy_ev, rtol=1e-8)
    np.testing.assert_allclose(found[labels[0]], measured.absorption, rtol=1e-8)
    assert set(labels) <= set(found)


def test_a_measured_spectrum_comes_back_from_xdi_as_it_was(
    measured: Spectrum, export: Export, given: dict[str, str]
) -> None:
    (path,) = export(measured, "xdi")
    with formats.read_any(formats.source_of(path)) as foreign:
        assert isinstance(foreign, ForeignSpectrum)
        back, _ = assemble_spectrum(foreign, {}, {})
    assert back.title == measured.title
    errors = "spectrum/absorption_errors"
    np.testing.assert_allclose(np.asarray(back.extra[errors]), np.asarray(measured.extra[errors]), rtol=1e-8)
    kept = ("element", "edge", "mode", "normalized", "instrument", "source", "sample", "edge_energy_ev")
    assert [getattr(back, name) for name in kept] == [getattr(measured, name) for name in kept]
    for name in ("energy_ev", "absorption", "incident", "detected"):
        np.testing.assert_allclose(getattr(back, name), getattr(measured, name), rtol=1e-8)
    assert back.extra["instrument/monochromator/d_spacing"] == pytest.approx(3.1356e-10, rel=1e-7)


@pytest.mark.parametrize("option", [{"region": "all"}, {"polarisation": "0 deg"}])
def test_a_measured_spectrum_has_no_regions_or_polarisations_to_choose(
    measured: Spectrum, export: Export, option: dict[str, str]
) -> None:
    for name in ("xdi", "csv"):
        with pytest.raises(UsageError, match="means nothing to scan_S00001, a measured spectrum"):
            export(measured, name, **option)


def test_csv_holds_the_spectra_of_xdi_and_asks_for_nothing(
    normalised: NormalizedCube, measured: Spectrum, export: Export
) -> None:
    for record, name in ((normalised, "xanes_sigma"), (measured, "absorption")):
        for path, other in zip(export(record, "csv"), export(record, "xdi", SPACING), strict=True):
            found = np.genfromtxt(path, delimiter=",", names=True, skip_header=_facts(path))
            theirs = np.loadtxt(other, ndmin=2).T
            labels = found.dtype.names or ()
            np.testing.assert_array_equal(np.array([found[label] for label in labels]), theirs)
            assert labels[0] == "energy_eV"
            assert name in labels


def _facts(path: Path) -> int:
    return sum(line.startswith("#") for line in path.read_text("utf-8").splitlines())
