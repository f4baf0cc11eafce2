"""Files that the peers' own code writes import with the right handedness, units and places.

ptypy is not on the package index: `pip install git+https://github.com/ptycho/ptypy`.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from picpxct_nx import formats, nexus
from picpxct_nx.formats import ForeignReconstruction, ImportOptions
from picpxct_nx.formats.registry import read_any, source_of
from picpxct_nx.records import Reconstruction, Scan
from picpxct_nx.validation import check_file
from tests.formats.conftest import DISTANCE, ENERGY_EV, GIVEN, PIXEL_X, PIXEL_Y, Truth, chiral, turn, turn_about_middle

from .conftest import peer

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("default")]

PROBE = 32
STATED = {name: GIVEN[name] for name in ("title", "stokes", "rotation", "sample")}


@pytest.fixture(scope="session")
def truth() -> Truth:
    """A chiral scan of eight frames of 32 x 24 pixels."""
    return chiral((32, 24), np.array([(0, 0), (5, 1), (-4, 6), (9, -3), (-7, -8), (2, 10), (12, 5), (-11, 3)]))


@pytest.fixture(scope="session")
def dense() -> Truth:
    """A square chiral scan that overlaps well enough to be reconstructed."""
    rng = np.random.default_rng(3)
    grid = np.stack(np.meshgrid(np.arange(-16, 17, 4), np.arange(-16, 17, 4), indexing="ij"), -1).reshape(-1, 2)
    return chiral((PROBE, PROBE), grid + rng.integers(-1, 2, grid.shape))


def imported(path: Path, given: dict[str, str], center: str | None = None) -> Scan:
    with formats.read(path) as foreign:
        scan, _ = formats.assemble(foreign, given, {}, ImportOptions(center=center))
        nexus.write(path.with_suffix(".nxs"), [scan])
        scan = Scan.from_values(scan.entry, {**scan.to_values(), "instrument/detector/data": scan.frames[...]})
    check(path.with_suffix(".nxs"))
    return scan


def check(path: Path) -> None:
    with h5py.File(path) as file:
        assert check_file(file, path.name).errors == ()


def same_physics(scan: Scan, truth: Truth) -> None:
    beam = -np.stack([scan.stage_y, scan.stage_x], axis=1)
    np.testing.assert_allclose(np.asarray(scan.frames), truth.frames_at(beam, truth.pixel), rtol=1e-3, atol=1e-2)


# --- ptypy ---------------------------------------------------------------------------------------------------------


def write_ptyd(path: Path, truth: Truth, save: str) -> None:
    """Prepare the scan with ptypy, in chunks of 20 frames."""
    data, utils = peer("ptypy.core.data"), peer("ptypy.utils")

    class Chiral(data.PtyScan):  # type: ignore[misc,name-defined]
        def load_positions(self) -> np.ndarray:
            return truth.beam

        def load(self, indices: Any) -> tuple[dict[int, np.ndarray], dict[int, Any], dict[int, Any]]:
            return {index: truth.frames[index].astype(np.float32) for index in indices}, {}, {}

        def load_weight(self) -> np.ndarray:
            return np.ones((PROBE, PROBE))

    parameters = data.PtyScan.DEFAULT.copy(99)
    parameters.update(
        utils.Param(
            dfile=str(path), save=save, shape=PROBE, psize=(PIXEL_Y, PIXEL_X), energy=ENERGY_EV / 1e3,
            distance=DISTANCE, num_frames=len(truth.frames), auto_center=False, center=(PROBE // 2, PROBE // 2),
            min_frames=20,
            orientation=0, rebin=1, label="S00",
        )
    )  # fmt: skip
    scan = Chiral(parameters)
    scan.initialize()
    while isinstance(scan.auto(20), dict):
        pass


@pytest.mark.parametrize("save", ["append", "link"])
def test_a_ptyd_of_ptypy_imports(dense: Truth, tmp_path: Path, save: str) -> None:
    path = tmp_path / "scan.ptyd"
    write_ptyd(path, dense, save)
    scan = imported(path, GIVEN)
    same_physics(scan, dense)
    assert (scan.energy_ev, scan.distance) == (pytest.approx(ENERGY_EV), DISTANCE)  # type: ignore[comparison-overlap]


def test_what_ptypy_reconstructs_has_the_handedness_of_the_truth(dense: Truth, tmp_path: Path) -> None:
    ptypy, utils = peer("ptypy"), peer("ptypy.utils")
    write_ptyd(tmp_path / "scan.ptyd", dense, "append")
    p = utils.Param(verbose_level="ERROR")
    p.io = utils.Param(home=str(tmp_path), autosave=utils.Param(active=False), autoplot=utils.Param(active=False))
    p.io.interaction = utils.Param(active=False)
    scan = utils.Param(name="BlockFull")
    scan.data = utils.Param(name="PtydScan", dfile=str(tmp_path / "scan.ptyd"), source="file")
    scan.illumination = utils.Param(model=dense.probe.astype(np.complex64)[np.newaxis], aperture=utils.Param(form=None))
    p.scans = utils.Param(S00=scan)
    p.engines = utils.Param(e0=utils.Param(name="DM", numiter=80, probe_update_start=1000, fourier_power_bound=0.0))
    p.scans.S00.sample = utils.Param(fill=1.0)
    run = ptypy.core.Ptycho(p, level=5)
    run.record_positions = True
    run.save_run(str(tmp_path / "rec.ptyr"), kind="minimal")
    with read_any(source_of(tmp_path / "rec.ptyr")) as foreign:
        assert isinstance(foreign, ForeignReconstruction)
        record, _ = formats.assemble_images(foreign, STATED, {})
        nexus.write(tmp_path / "rec.nxs", [record])
    check(tmp_path / "rec.nxs")
    assert likeness(record, dense) > 0.9
    # The three images that a wrong sign somewhere would give are unlike.
    for wrong in (np.conj(dense.object), dense.object[::-1, ::-1], np.conj(dense.object[::-1, ::-1])):
        assert likeness(record, Truth(dense.frames, dense.beam, dense.probe, wrong, dense.pixel)) < 0.6


def likeness(record: Reconstruction, truth: Truth) -> float:
    """Correlation of the phases' gradients of image and truth where light fell, at the same places in metres."""
    rows = np.rint(record.y / truth.pixel[0]).astype(int) + truth.object.shape[0] // 2
    columns = np.rint(record.x / truth.pixel[1]).astype(int) + truth.object.shape[1] // 2
    inside = np.ix_((rows >= 0) & (rows < truth.object.shape[0]), (columns >= 0) & (columns < truth.object.shape[1]))
    image = record.transmission[inside]
    true = truth.object[np.ix_(rows[inside[0].ravel()], columns[inside[1].ravel()])]
    part = slice(24, -24), slice(20, -20)

    def gradient(wave: np.ndarray) -> np.ndarray:
        steps = [np.imag(np.conj(wave) * np.roll(wave, -1, axis)) / np.abs(wave) ** 2 for axis in (0, 1)]
        found = np.stack(steps)[(slice(None), *part)].ravel()
        centred: np.ndarray = found - found.mean()
        return centred

    one, other = gradient(image), gradient(true)
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


# --- ptychodus -----------------------------------------------------------------------------------------------------


def test_a_product_of_ptychodus_imports(truth: Truth, tmp_path: Path) -> None:
    api = peer("ptychodus.api.product")
    positions, probe, object_ = (peer(f"ptychodus.api.{name}") for name in ("probe_positions", "probe", "object"))
    geometry = peer("ptychodus.api.geometry").PixelGeometry(width_m=truth.pixel[1], height_m=truth.pixel[0])
    points = [positions.ProbePosition(i, x, y) for i, (y, x) in enumerate(truth.beam.tolist())]
    product = api.Product(
        metadata=api.ProductMetadata(
            name="spiral", comments="", detector_distance_m=DISTANCE, photon_energy_eV=ENERGY_EV,
            probe_photon_count=0.0, exposure_time_s=0.1, mass_attenuation_m2_per_kg=0.0, tomography_angle_deg=0.0,
        ),
        probe_positions=positions.ProbePositionSequence(points),
        probes=probe.ProbeSequence(truth.probe[np.newaxis, np.newaxis], None, geometry),
        object_=object_.Object(truth.object[np.newaxis], geometry, object_.ObjectCenter(0.0, 0.0)),
        losses=[],
    )  # fmt: skip
    path = tmp_path / "product.h5"
    peer("ptychodus.plugins.h5_product_file").H5ProductFileIO().write(path, product)
    with read_any(source_of(path)) as foreign:
        assert isinstance(foreign, ForeignReconstruction)
        record, _ = formats.assemble_images(foreign, STATED, {})
        nexus.write(tmp_path / "rec.nxs", [record])
    check(tmp_path / "rec.nxs")
    # Where ptychodus itself puts a point of its image; it means the middle of the probe, we mean the pixel at w // 2.
    h, w = truth.probe.shape[-2:]
    down, right = h // 2 - (h - 1) / 2, w // 2 - (w - 1) / 2
    mapped = product.object_.get_geometry().map_coordinates_probe_to_object(points[1])
    assert record.position_y is not None
    assert (record.position_y[1] - record.y[0]) / truth.pixel[0] == pytest.approx(mapped.y_px + down)
    assert record.position_x is not None
    assert (record.position_x[1] - record.x[0]) / truth.pixel[1] == pytest.approx(mapped.x_px + right)


# --- cdtools -------------------------------------------------------------------------------------------------------


def test_a_cxi_file_of_cdtools_imports(truth: Truth, tmp_path: Path) -> None:
    # cdtools has the beam's places on the sample and negates them for the file; frames in CXI's default orientation.
    places = np.stack([truth.beam[:, 1], truth.beam[:, 0], 0 * truth.beam[:, 0]], axis=1)
    basis = np.array([[0, -PIXEL_X], [-PIXEL_Y, 0], [0, 0]])
    mask = np.ones((32, 24), bool)
    mask[0, 0] = False
    dataset = peer("cdtools.datasets").Ptycho2DDataset(
        places, turn(truth.frames, ("-y", "-x")).astype(np.float32), wavelength=12398.41984332 / ENERGY_EV * 1e-10,
        detector_geometry={"distance": DISTANCE, "basis": basis, "corner": None}, mask=mask,
        sample_info={"name": "spiral"}, intensities=np.linspace(0.9, 1.1, 8),
    )  # fmt: skip
    path = tmp_path / "scan.cxi"
    dataset.to_cxi(str(path))
    scan = imported(path, GIVEN, center="15,11")
    same_physics(scan, truth)
    assert scan.energy_ev == pytest.approx(ENERGY_EV)
    assert np.argwhere(scan.pixel_mask).tolist() == [[31, 23]]
    assert scan.monitor == pytest.approx(np.linspace(0.9, 1.1, 8))
    np.testing.assert_allclose(predicted(path, truth), turn(truth.frames, ("-y", "-x")), rtol=1e-3, atol=0.2)


def predicted(path: Path, truth: Truth) -> np.ndarray:
    """Frames that cdtools' own model of its file gives for the true object and probe, laid along its basis."""
    torch = peer("torch")
    dataset = peer("cdtools.datasets").Ptycho2DDataset.from_cxi(str(path))
    model = peer("cdtools.models").SimplePtycho.from_dataset(dataset)
    basis = np.asarray(model.probe_basis)
    # Rows of its arrays run along -y and columns along -x.
    assert basis[1, 0] < 0
    assert basis[0, 1] < 0
    h, w = truth.probe.shape
    least = np.rint(np.asarray(model.min_translation)).astype(int)
    # An image that is turned has its middle one pixel before that of cdtools: here, and below in the frames.
    first = np.array(truth.object.shape) // 2 - np.array([h, w]) // 2 + least - 1
    image = turn(truth.object, ("-y", "-x"))[first[0] :, first[1] :]
    # In the frames that is a ramp on the probe.
    rows, columns = np.ogrid[-(h // 2) : h - h // 2, -(w // 2) : w - w // 2]
    probe = turn_about_middle(truth.probe, ("-y", "-x")) * np.exp(-2j * np.pi * (rows / h + columns / w))
    (indices, places), _ = dataset[:]
    model.probe.data = torch.as_tensor(probe.astype(np.complex64)) / model.probe_norm
    model.obj.data = torch.as_tensor(np.ascontiguousarray(image).astype(np.complex64))
    with torch.no_grad():
        frames: np.ndarray = model.measurement(model.forward_propagator(model.interaction(indices, places))).numpy()
    return frames
