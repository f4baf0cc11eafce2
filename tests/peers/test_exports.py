"""Other projects read what we export, and ptypy and cdtools reconstruct it to the object that we find."""

import logging
import logging.handlers
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from picpxct_nx import nexus
from picpxct_nx.formats import exports
from picpxct_nx.illumination import start_probe
from picpxct_nx.records import NormalizedCube, Reconstruction, Record, Scan, SpectralCube, Spectrum
from picpxct_nx.simulate import spectra

from .conftest import ROOT, peer

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("default")]

SAMPLES = ROOT / "sample_data"
Array = np.ndarray[Any, np.dtype[Any]]
Export = Callable[..., list[Path]]
STXM = ("start_time=2026-05-01T08:00:00+02:00", "end_time=2026-05-01T20:00:00+02:00", "source=ring",
        "source_type=Synchrotron X-ray Source", "count_time=0.1 s")  # fmt: skip


def _record(path: Path) -> Record:
    """The first record of a sample, its lazy arrays read."""
    with nexus.open_valid(path, path.name) as file:
        record = nexus.read(file, nexus.entries(file)[0])
        values = record.to_values()
        return type(record).from_values(
            record.entry, {p: v[...] if isinstance(v, h5py.Dataset) else v for p, v in values.items()}
        )


@pytest.fixture(scope="module")
def scan() -> Scan:
    record = _record(SAMPLES / "scan.nxs")
    assert isinstance(record, Scan)
    return record


@pytest.fixture(scope="module")
def reconstruction() -> Reconstruction:
    record = _record(SAMPLES / "reconstruction.nxs")
    assert isinstance(record, Reconstruction)
    return record


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """Export a sample as the command does: every file that comes of it."""

    def make(name: str, form: str, *settings: str, with_: str | None = None, **options: str) -> list[Path]:
        wanted = exports.find(form)
        choices = exports.choose(wanted, options, settings)
        if with_ is not None:
            choices = exports.Choices(given=choices.given, others=(_record(SAMPLES / with_),))
        made = []
        with nexus.open_valid(SAMPLES / name, name) as file:
            for entry in nexus.entries(file):
                for product in exports.products(nexus.read(file, entry), wanted, choices):
                    made.append(tmp_path / f"{product.name}{wanted.suffix}")
                    product.write(made[-1])
        return made

    return make


def turned(image: Array) -> Iterator[tuple[str, Array]]:
    """An image in the 8 orientations, and each with its phase negated; the first is the image as it is."""
    for transposed in (False, True):
        for rows in (1, -1):
            for columns in (1, -1):
                z = (image.T if transposed else image)[::rows, ::columns]
                yield f"{transposed} {rows} {columns}", z
                yield f"{transposed} {rows} {columns} conjugate", z.conj()


def likeness(a: Array, b: Array) -> float:
    """Correlation of the local phase steps of two complex images at their best shift; ramps do not count."""
    total = 0.0
    for axis in (0, 1):
        steps = []
        for image in (a, b):
            step = np.diff(np.unwrap(np.angle(image), axis=axis), axis=axis)[:39, :39]
            steps.append(step - np.median(step))
        spectra = [np.fft.fft2(step) for step in steps]
        found = np.fft.ifft2(spectra[0] * spectra[1].conj()).real
        total = total + found / np.sqrt(np.sum(steps[0] ** 2) * np.sum(steps[1] ** 2))
    return float(np.max(total) / 2)


def middle(image: Array, size: int = 40) -> Array:
    row, column = (n // 2 - size // 2 for n in image.shape)
    return image[row : row + size, column : column + size]


def assert_same_object(found: Array, ours: Array) -> None:
    """The peer's object is ours as it is, and like no other of its 16 images."""
    scores = {name: likeness(middle(image), middle(ours)) for name, image in turned(found)}
    (best, score), (_, second) = sorted(scores.items(), key=lambda pair: -pair[1])[:2]
    assert best == "False 1 1", scores
    assert score > 0.6
    assert score > second + 0.1


def misfit(frames: Array, good: Array, modelled: Array) -> float:
    """Relative misfit of amplitudes in the good pixels."""
    measured = np.sqrt(frames.astype(float))
    return float(np.sqrt(np.sum(((modelled - measured) * good) ** 2) / np.sum((measured * good) ** 2)))


def modelled(obj: Array, probe: Array, corners: Array) -> Array:
    """Amplitudes (n, h, w) for windows whose first pixel is at `corners` (n, 2), to the nearest pixel."""
    h, w = probe.shape[-2:]
    waves = []
    last = np.array(obj.shape) - (h, w)
    for y, x in np.clip(np.round(corners).astype(int), 0, last):
        exit_wave = probe * obj[y : y + h, x : x + w]
        far = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(exit_wave, (-2, -1)), norm="ortho"), (-2, -1))
        waves.append(np.sqrt(np.sum(np.abs(far) ** 2, axis=0)))
    return np.array(waves)


def test_ptypy_reads_our_ptyd_and_reconstructs_our_object(
    export: Export, scan: Scan, reconstruction: Reconstruction, tmp_path: Path
) -> None:
    (path,) = export("scan.nxs", "ptyd")
    ptypy, u = peer("ptypy"), peer("ptypy.utils")
    logging.getLogger("ptypy").setLevel("ERROR")
    off = {"active": False}
    tree = {
        "verbose_level": "ERROR",
        "io": {"home": str(tmp_path), "rfile": None, "autosave": off, "autoplot": off, "interaction": off},
        "scans": {
            "S": {
                "name": "Full",
                "data": {"name": "PtydScan", "source": "file", "dfile": str(path)},
                "illumination": {
                    "model": start_probe(scan)[0].astype(np.complex64), "aperture": None, "propagation": None,
                    "photons": None,
                },
            }
        },
        "engines": {"a": {"name": "DM", "numiter": 60}, "b": {"name": "ML", "numiter": 40}},
    }  # fmt: skip
    run = peer("ptypy.core").Ptycho(u.Param(_params(u, tree)), level=5)
    storage = next(iter(run.obj.storages.values()))
    geometry = next(iter(run.pods.values())).geometry
    assert ptypy is not None
    assert geometry.energy == pytest.approx(scan.energy_ev * 1e-3)
    assert geometry.distance == scan.distance
    assert len(run.pods) == scan.frames.shape[0]
    np.testing.assert_allclose(storage.psize, np.diff(reconstruction.y)[0], rtol=1e-6)
    mask = next(iter(run.mask.storages.values())).data
    np.testing.assert_array_equal(mask[0], scan.pixel_mask == 0)
    assert_same_object(storage.data[0], reconstruction.transmission)


def _params(u: Any, tree: dict[str, Any]) -> Any:
    return u.Param({name: _params(u, value) if isinstance(value, dict) else value for name, value in tree.items()})


def test_ptypy_s_own_reader_finds_every_value_in_info(export: Export, scan: Scan) -> None:
    (path,) = export("scan.nxs", "ptyd")
    info = peer("ptypy.io").h5read(str(path), "info")["info"]["picpxct_nx"]
    assert info["sample"]["name"] == scan.sample
    assert float(info["instrument"]["detector"]["count_time"]) == scan.count_time
    np.testing.assert_array_equal(info["instrument"]["detector"]["pixel_mask"], scan.pixel_mask)


def test_cdtools_reads_our_cxi_and_reconstructs_our_object(
    export: Export, scan: Scan, reconstruction: Reconstruction
) -> None:
    (path,) = export("scan.nxs", "cxi")
    torch = peer("torch")
    torch.manual_seed(0)
    dataset = peer("cdtools.datasets").Ptycho2DDataset.from_cxi(path)
    np.testing.assert_array_equal(dataset.patterns.numpy(), np.asarray(scan.frames)[:, ::-1, ::-1])
    np.testing.assert_array_equal(dataset.mask.numpy(), scan.pixel_mask[::-1, ::-1] == 0)
    np.testing.assert_allclose(
        dataset.translations.numpy(), -np.stack([scan.stage_x, scan.stage_y, 0 * scan.stage_x], 1), rtol=1e-6
    )
    assert dataset.wavelength == pytest.approx(1.2398419843320025e-06 / scan.energy_ev, rel=1e-6)
    model = peer("cdtools.models").FancyPtycho.from_dataset(dataset, n_modes=1, obj_padding=10)
    with h5py.File(path) as file:
        illumination = file["entry_1/instrument_1/source_1/illumination"][0]
    counts = np.mean(np.sum(np.asarray(scan.frames, float), axis=(1, 2)))
    illumination *= np.sqrt(counts / np.sum(np.abs(illumination) ** 2)) / float(model.probe_norm)
    model.probe.data = torch.as_tensor(illumination, dtype=torch.complex64)[None]
    for _ in model.Adam_optimize(40, dataset, lr=0.03, batch_size=10):
        pass
    # Rows run along -y and columns along -x, as the basis vectors say.
    assert_same_object(model.obj.detach().numpy()[::-1, ::-1], reconstruction.transmission)


def test_ptychodus_reads_our_cxi_as_the_same_physics(
    export: Export, scan: Scan, reconstruction: Reconstruction
) -> None:
    (path,) = export("scan.nxs", "cxi")
    plugin = peer("ptychodus.plugins.cxi_file")
    found = plugin.CXIDiffractionFileReader().read(path)
    metadata = found.get_metadata()
    assert metadata.photon_energy_eV == pytest.approx(scan.energy_ev)
    assert metadata.detector_distance_m == scan.distance
    np.testing.assert_array_equal(found.get_bad_pixels(), scan.pixel_mask[::-1, ::-1] != 0)
    with h5py.File(path) as file:
        points = plugin.CXIProductFileIO()._read_positions(file)
        probe = plugin.CXIProductFileIO()._read_probe(file).get_array()
    positions = np.array([(point.y_m, point.x_m) for point in points])
    assert probe.shape[-3:] == start_probe(scan).shape
    # What ptychodus takes for positions in the image, on our object and probe turned as the frames are.
    obj = reconstruction.transmission[::-1, ::-1]
    first = np.array([-reconstruction.y[-1], -reconstruction.x[-1]])
    pixel = np.array([np.diff(reconstruction.y)[0], np.diff(reconstruction.x)[0]])
    h, w = scan.frames.shape[1:]
    ours = np.roll(reconstruction.probe[:, ::-1, ::-1], (1, 1), (-2, -1))
    amplitude = modelled(obj, ours, (positions - first) / pixel - (h // 2, w // 2))
    # The beam of an even frame that was turned is one pixel before the middle.
    amplitude = np.roll(amplitude, (-1, -1), (-2, -1))
    frames, good = np.asarray(scan.frames)[:, ::-1, ::-1], scan.pixel_mask[::-1, ::-1] == 0
    right = misfit(frames, good, amplitude)
    assert right < 0.12
    wrong = modelled(obj, ours, (-positions - first) / pixel - (h // 2, w // 2))
    assert misfit(frames, good, np.roll(wrong, (-1, -1), (-2, -1))) > 2 * right


def test_ptychodus_product_class_reads_ours_and_places_the_probe_as_we_do(
    export: Export, scan: Scan, reconstruction: Reconstruction
) -> None:
    (path,) = export("reconstruction.nxs", "ptychodus", with_="scan.nxs")
    product = peer("ptychodus.plugins.h5_product_file").H5ProductFileIO().read(path)
    assert product.metadata.photon_energy_eV == reconstruction.energy_ev
    assert product.metadata.detector_distance_m == scan.distance
    assert product.metadata.exposure_time_s == scan.count_time
    assert product.metadata.probe_photon_count == pytest.approx(np.sum(np.abs(reconstruction.probe) ** 2), rel=1e-5)
    assert reconstruction.error is not None
    np.testing.assert_allclose([loss.value for loss in product.losses], reconstruction.error)
    np.testing.assert_array_equal(product.object_.get_array()[0], reconstruction.transmission)
    np.testing.assert_array_equal(product.probes.get_array()[0], reconstruction.probe)
    # ptychodus' own forward model gives our frames.
    made = peer("ptychodus.api.simulate.diffraction").generate_diffraction_data(product)
    frames = np.asarray(scan.frames)[[point.index for point in product.probe_positions]]
    patterns = made.get_patterns()
    assert misfit(frames, scan.pixel_mask == 0, np.sqrt(patterns / patterns.mean() * frames.mean())) < 0.12


def test_ptychodus_writes_again_what_it_read(export: Export, tmp_path: Path) -> None:
    (path,) = export("reconstruction.nxs", "ptychodus", with_="scan.nxs")
    plugin = peer("ptychodus.plugins.h5_product_file").H5ProductFileIO()
    plugin.write(tmp_path / "again.h5", plugin.read(path))
    with h5py.File(path) as ours, h5py.File(tmp_path / "again.h5") as theirs:
        assert set(ours.attrs) - {"probe_energy_eV"} <= set(theirs.attrs)
        assert set(ours) == set(theirs)
        for name in ours:
            np.testing.assert_array_equal(ours[name][()], theirs[name][()])


@pytest.mark.parametrize(("name", "image"), [("registered.nxs", "intensity"), ("normalized.nxs", "xanes")])
def test_mantis_reads_our_nxstxm(export: Export, name: str, image: str) -> None:
    paths = export(name, "nxstxm", *STXM)
    assert len(paths) == 2
    plugins, stacks = peer("mantis_xray.file_plugins"), peer("mantis_xray.analysis.data_stack")
    record = _record(SAMPLES / name)
    assert isinstance(record, SpectralCube | NormalizedCube)
    plugin = peer("mantis_xray.file_plugins.file_nexus_hdf5")
    for p, path in enumerate(paths):
        assert plugins.identify(str(path)).title == "NXstxm"
        assert plugin.GetFileStructure(str(path))["entry"].scan_type == "sample image stack"
        stack = stacks.data(peer("mantis_xray.analysis.data_struct").h5())
        plugin.read(str(path), stack, (0, 0, 0))
        cube = record.transmission[p] if isinstance(record, SpectralCube) else record.xanes[p]
        wanted = np.abs(cube) ** 2 if image == "intensity" else cube
        np.testing.assert_allclose(stack.absdata, np.transpose(wanted, (2, 1, 0)), rtol=1e-6)
        np.testing.assert_allclose(stack.ev, record.measured_energy_ev[p])
        np.testing.assert_allclose(stack.x_dist, record.x * 1e6)
        np.testing.assert_allclose(stack.y_dist, record.y * 1e6)


def test_pynxtools_calls_our_nxstxm_valid(export: Export) -> None:
    path = export("registered.nxs", "nxstxm", *STXM)[0]
    heard = logging.handlers.BufferingHandler(1000)
    logger = logging.getLogger("pynxtools")
    logger.addHandler(heard)
    try:
        peer("pynxtools.dataconverter.validate_file").validate(str(path))
    finally:
        logger.removeHandler(heard)
    said = [record.getMessage() for record in heard.buffer]
    assert any("is valid according to the `NXstxm` application definition" in line for line in said), said


def test_silx_and_nexusformat_plot_our_nxstxm(export: Export) -> None:
    path = export("registered.nxs", "nxstxm", *STXM)[0]
    with peer("silx.io").open(str(path)) as file:
        plot = peer("silx.io.nxdata").get_default(file)
        assert plot is not None
        assert plot.is_valid
        assert plot.signal.name.endswith("counter0/data")
        assert [axis.name.split("/")[-1] for axis in plot.axes] == ["energy", "sample_y", "sample_x"]
    shown = peer("nexusformat.nexus").nxload(str(path)).plottable_data
    assert shown.nxsignal.shape == plot.signal.shape


def test_silx_nexusformat_and_hyperspy_show_the_frames_of_our_cxi(export: Export, scan: Scan) -> None:
    (path,) = export("scan.nxs", "cxi")
    wanted = np.asarray(scan.frames)[:, ::-1, ::-1]
    with peer("silx.io").open(str(path)) as file:
        plot = peer("silx.io.nxdata").get_default(file)
        assert plot is not None
        assert plot.is_valid
        np.testing.assert_array_equal(plot.signal[()], wanted)
    shown = peer("nexusformat.nexus").nxload(str(path)).plottable_data
    np.testing.assert_array_equal(shown.nxsignal.nxvalue, wanted)
    found = peer("rsciio.nexus").file_reader(str(path), nxdata_only=True)
    assert any(np.array_equal(signal["data"], wanted) for signal in found)


def test_hyperspy_opens_nxstxm_with_its_axes_and_units(export: Export) -> None:
    path = export("registered.nxs", "nxstxm", *STXM)[0]
    (found,) = [
        signal for signal in peer("rsciio.nexus").file_reader(str(path), nxdata_only=True)
        if signal["metadata"]["General"]["title"] == "counter0"
    ]  # fmt: skip
    axes = {axis["name"]: axis for axis in found["axes"]}
    # HyperSpy keeps no uneven axis, such as that of the energies, and with it no unit.
    assert set(axes) == {"energy", "sample_y", "sample_x"}
    assert {axes[f"sample_{a}"]["units"] for a in "xy"} == {"um"}


@pytest.mark.parametrize("form", ["tiff", "ome-tiff"])
def test_tifffile_and_hyperspy_read_pixels_in_micrometres(
    export: Export, reconstruction: Reconstruction, form: str
) -> None:
    (path,) = export("reconstruction.nxs", form)
    pixel = np.diff(reconstruction.x)[0] * 1e6
    with peer("tifffile").TiffFile(path) as file:
        assert file.is_ome == (form == "ome-tiff")
        assert file.is_imagej == (form == "tiff")
        pages = file.asarray()
    np.testing.assert_allclose(pages[0, ::-1], np.angle(reconstruction.transmission), atol=1e-6)
    np.testing.assert_allclose(pages[1, ::-1], np.abs(reconstruction.transmission), rtol=1e-6)
    (signal,) = peer("rsciio.tiff").file_reader(str(path))
    scales = {axis["name"]: (axis["scale"], axis["units"]) for axis in signal["axes"] if axis["name"] in ("x", "y")}
    for scale, unit in scales.values():
        assert scale == pytest.approx(pixel, rel=1e-5)
        assert unit in ("µm", "um", "micron")


def test_ome_types_validates_the_xml_and_finds_the_wavelengths(export: Export) -> None:
    path = export("registered.nxs", "ome-tiff")[0]
    ome = peer("ome_types").from_tiff(path, validate=False)
    pixels = ome.images[0].pixels
    assert pixels.physical_size_x_unit.value == "µm"
    record = _record(SAMPLES / "registered.nxs")
    assert isinstance(record, SpectralCube)
    assert pixels.physical_size_x == pytest.approx(np.diff(record.x)[0] * 1e6)
    wanted = np.tile(1239.8419843320026 / record.measured_energy_ev[0], 2)
    np.testing.assert_allclose([channel.excitation_wavelength for channel in pixels.channels], wanted, rtol=1e-6)
    etree = peer("lxml.etree")
    schema = etree.XMLSchema(etree.parse(str(Path(str(peer("ome_types").__file__)).parent / "ome-2016-06.xsd")))
    with peer("tifffile").TiffFile(path) as file:
        schema.assertValid(etree.fromstring(file.ome_metadata.encode()))


def test_larch_reads_our_xdi_with_its_element_and_spacing(export: Export) -> None:
    path = export("normalized.nxs", "xdi", "mono.d_spacing=3.1356 angstrom")[0]
    group = peer("larch.io").read_xdi(str(path))
    assert group.array_labels[:2] == ["energy", "mutrans"]
    assert (group.element.upper(), group.edge.upper()) == ("V", "K")
    assert float(group.dspacing) == pytest.approx(3.1356)
    record = _record(SAMPLES / "normalized.nxs")
    assert isinstance(record, NormalizedCube)
    np.testing.assert_allclose(group.energy, record.measured_energy_ev[0])
    assert np.isfinite(group.mutrans).all()


def test_larch_reads_a_measured_spectrum_as_xdi_and_as_csv(make_record: Callable[..., Record], tmp_path: Path) -> None:
    record = make_record("NXspecptycho_spectrum", edge="K", mode="fluorescence", normalized=False)
    assert isinstance(record, Spectrum)
    for name, settings in (("xdi", ["mono.d_spacing=3.1356 angstrom"]), ("csv", [])):
        wanted = exports.find(name)
        (product,) = exports.products(record, wanted, exports.choose(wanted, {}, settings))
        product.write(tmp_path / f"powder.{name}")
    group = peer("larch.io").read_xdi(str(tmp_path / "powder.xdi"))
    np.testing.assert_allclose(group.mufluor, record.absorption, rtol=1e-7)
    table = peer("larch.io").read_ascii(str(tmp_path / "powder.csv"))
    np.testing.assert_allclose(table.energy_ev, record.energy_ev, rtol=1e-7)
    np.testing.assert_allclose(table.absorption, record.absorption, rtol=1e-7)


def test_larch_finds_the_edge_step_and_energy_of_a_spectrum_that_we_export(
    make_record: Callable[..., Record], tmp_path: Path
) -> None:
    energy = np.arange(5440.0, 5540.1, 1.0)
    _, beta = spectra.along(spectra.optical_constants(energy), 1 / 3)
    mu = 4 * np.pi * energy / spectra.HC_EV_M * beta * 2e-6
    record = make_record("NXspecptycho_normalized")
    assert isinstance(record, NormalizedCube)
    shape, n = (1, 2, 2), len(energy)
    cube = replace(
        record, xanes=np.broadcast_to(mu[:, None, None], (1, n, 2, 2)), xpnes=np.zeros((1, n, 2, 2)), energy_ev=energy,
        measured_energy_ev=energy[None], polarization_angle=np.zeros(1), stokes=np.array([[1.0, 1.0, 0.0, 0.0]]),
        rotation=np.zeros(1), mask=np.zeros(shape, int), y=np.arange(2.0), x=np.arange(2.0), edge_energy_ev=5483.4,
        formula="O5 V2", thickness_by="none", density_noise=None, phase_noise=None, xanes_scale=None,
    )  # fmt: skip
    wanted = exports.find("xdi")
    (product,) = exports.products(cube, wanted, exports.choose(wanted, {}, ["mono.d_spacing=3.1356 angstrom"]))
    product.write(tmp_path / "powder.xdi")
    group = peer("larch.io").read_xdi(str(tmp_path / "powder.xdi"))
    np.testing.assert_allclose(group.mutrans, mu, rtol=1e-7)
    windows = {"e0": 5483.0, "pre1": -40, "pre2": -18, "norm1": 15, "norm2": 55, "npre": 1, "nnorm": 1}
    from_file = peer("larch.xafs.pre_edge").preedge(group.energy, group.mutrans, **windows)
    direct = peer("larch.xafs.pre_edge").preedge(energy, mu, **windows)
    assert from_file["edge_step"] == pytest.approx(direct["edge_step"], rel=1e-6)
    assert 0.1 < from_file["edge_step"] < 1.0
