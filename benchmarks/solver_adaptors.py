"""Adaptors for other programs' solvers, through their public interfaces, each from the same start and told by a watch.

An adaptor needs numpy and its program, nothing of ours. It takes a scan, a row and a watch; it starts from an empty
object and the scan's probe, calls `watch.start` before the first iteration and, after each, `watch.after` with a
function that gives what was reached.
"""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

MARGIN = 8  # pixels of object around the windows where the program makes the object


class Scan(NamedTuple):
    """Frames (n, m, m), zero frequency in the middle; corners (n, 2) of whole pixels; start probe (m, m); geometry."""

    frames: Any
    corners: Any
    shape: tuple[int, int]
    probe: Any
    wavelength_m: float
    distance_m: float
    detector_pixel_m: float

    @property
    def pixel_m(self) -> float:
        """Size of an object pixel: wavelength times distance over the detector's width."""
        return self.wavelength_m * self.distance_m / (int(self.frames.shape[-1]) * self.detector_pixel_m)

    @property
    def positions_m(self) -> Any:
        """Positions (n, 2) about their centre, rows and columns."""
        return (self.corners - self.corners.mean(axis=0)) * self.pixel_m


class Reached(NamedTuple):
    """Object (H, W) and probe (modes, m, m), any scale, and the object pixel of the windows' outermost corner."""

    object: Any
    probe: Any
    corner: Any


@dataclass(frozen=True)
class Row:
    """A solver of a peer, its iterations, words for its options, and the options that are not the peer's defaults."""

    peer: str
    solver: str
    iterations: int
    legend: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the row is asked for by."""
        likelihood = self.options.get("noise_model") or self.options.get("ML_type") or ""
        return f"{self.peer} {self.solver} {likelihood}".strip()


def ptypy(scan: Scan, row: Row, watch: Any) -> None:
    """Run an engine of ptypy; options are the engine's."""
    import ptypy as program
    from ptypy.core import Ptycho

    if row.solver.endswith("_serial"):
        program.load_gpu_engines("serial")
    with tempfile.TemporaryDirectory() as home:
        run = Ptycho(_ptypy_settings(scan, row, home), level=4)
        engine = run.engines["engine"]
        iterate = engine.iterate

        def look() -> Reached:
            image, beam = (next(iter(container.storages.values())) for container in (run.obj, run.probe))
            corners = np.array([view.dlow for view in run.obj.views.values()])
            return Reached(image.data[0], beam.data, corners.min(axis=0))

        def told(num: int | None = None) -> None:
            if not watch.running:
                watch.start()
            iterate(num)
            watch.after(look)

        engine.iterate = told
        run.run()


def _ptypy_settings(scan: Scan, row: Row, home: str) -> Any:
    """Tree of parameters, all frames in one block, nothing saved or shown."""
    from ptypy import utils as u

    off = u.Param(active=False)
    data = u.Param(
        name=_ptypy_scan(scan),
        shape=scan.frames.shape[-1],
        num_frames=len(scan.frames),
        save=None,
        energy=u.m2keV(scan.wavelength_m),
        distance=scan.distance_m,
        psize=scan.detector_pixel_m,
        center="fftshift",
        auto_center=False,
    )
    start = scan.probe.astype(np.complex64)
    light = u.Param(model=start, photons=None, aperture=None, propagation=None, diversity=None)
    settings = u.Param(verbose_level="ERROR", frames_per_block=len(scan.frames))
    settings.io = u.Param(home=home, rfile=None, autosave=off, autoplot=off, interaction=off)
    settings.scans = u.Param(scan=u.Param(name="BlockFull", data=data, illumination=light))
    engine = u.Param(name=row.solver, numiter=row.iterations, numiter_contiguous=1, **row.options)
    settings.engines = u.Param(engine=engine)
    return settings


def _ptypy_scan(scan: Scan) -> str:
    """Make a source of frames in memory known to ptypy; its name."""
    from ptypy import defaults_tree
    from ptypy.core.data import PtyScan
    from ptypy.experiment import PTYSCANS

    @defaults_tree.parse_doc("scandata.ArrayScan")
    class ArrayScan(PtyScan):  # type: ignore[misc]  # ptypy has no types
        """Frames in memory.

        Defaults:

        [name]
        type = str
        default = ArrayScan
        help =
        """

        def load_positions(self) -> Any:
            return scan.positions_m

        def load_weight(self) -> Any:
            return np.ones(scan.frames.shape[1:])

        def load(self, indices: Any) -> Any:
            return {index: scan.frames[index] for index in indices}, {}, {}

    PTYSCANS["ArrayScan"] = ArrayScan
    return "ArrayScan"


def ptychi(scan: Scan, row: Row, watch: Any) -> None:
    """Run a reconstructor of pty-chi, options those of `reconstructor_options`.

    Its transforms are not normalised: its probe is ours over m.
    """
    from ptychi.api.task import PtychographyTask

    m = scan.frames.shape[-1]
    task = PtychographyTask(
        _ptychi_options(scan, row),
        diffraction_data=scan.frames,
        object_data=np.ones((1, *scan.shape), np.complex64),
        probe_data=scan.probe.astype(np.complex64)[None, None] / m,
        probe_position_y_px=scan.corners[:, 0].astype(np.float32),
        probe_position_x_px=scan.corners[:, 1].astype(np.float32),
    )

    def look() -> Reached:
        image, beam, corners = (task.get_data_to_cpu(x, as_numpy=True) for x in ("object", "probe", "probe_positions"))
        return Reached(image[0], beam[0], corners.min(axis=0))

    watch.start()
    for _ in range(row.iterations):
        task.run(1)
        watch.after(look)


def _ptychi_options(scan: Scan, row: Row) -> Any:
    """Options on a CPU, with positions that are the windows' corners."""
    import ptychi.api as api

    options = getattr(api, f"{row.solver}Options")()
    enumerations = {"noise_model": api.NoiseModels, "batching_mode": api.BatchingModes}
    for name, value in row.options.items():
        setattr(options.reconstructor_options, name, enumerations[name](value) if name in enumerations else value)
    options.reconstructor_options.default_device = api.Devices.CPU
    options.reconstructor_options.num_epochs = row.iterations
    options.reconstructor_options.random_seed = 0
    options.reconstructor_options.displayed_loss_function = None
    options.data_options.wavelength_m = scan.wavelength_m
    options.object_options.pixel_size_m = scan.pixel_m
    options.object_options.determine_position_origin_coords_by = api.ObjectPosOriginCoordsMethods.SPECIFIED
    options.object_options.position_origin_coords = [(scan.frames.shape[-1] - 1) / 2] * 2
    return options


def cdtools(scan: Scan, row: Row, watch: Any) -> None:
    """Run cdtools' Adam, options its own, with positions and the frames' weights held."""
    import torch
    from cdtools.datasets import Ptycho2DDataset
    from cdtools.models import FancyPtycho

    torch.manual_seed(0)
    axes = np.array([[0.0, -1.0], [-1.0, 0.0], [0.0, 0.0]])  # rows run along -y, columns along -x
    basis = torch.tensor(scan.detector_pixel_m * axes, dtype=torch.float32)
    dataset = Ptycho2DDataset(
        (scan.corners @ (scan.pixel_m * axes).T).astype(np.float32),
        torch.as_tensor(scan.frames),
        wavelength=torch.tensor(scan.wavelength_m, dtype=torch.float32),
        detector_geometry={"distance": scan.distance_m, "basis": basis, "corner": None},
    )
    model = FancyPtycho.from_dataset(dataset, n_modes=1, obj_padding=MARGIN)
    start = torch.as_tensor(scan.probe.astype(np.complex64))[None]
    model.probe_norm.data = start.abs().max()
    model.probe.data = start / model.probe_norm
    model.obj.data = torch.ones_like(model.obj.data)
    model.weights.requires_grad = model.translation_offsets.requires_grad = False

    def look() -> Reached:
        beam = model.probe * model.probe_norm
        return Reached(model.obj.detach().numpy(), beam.detach().numpy(), np.array([MARGIN, MARGIN]))

    watch.start()
    for _ in model.Adam_optimize(row.iterations, dataset, thread=False, **row.options):
        watch.after(look)


def ptylab(scan: Scan, row: Row, watch: Any) -> None:
    """Run an engine of PtyLab, which reads its data from a file; options are the engine's attributes."""
    from PtyLab import Engines
    from PtyLab.Monitor.Monitor import DummyMonitor
    from PtyLab.Params.Params import Params
    from PtyLab.Reconstruction.Reconstruction import Reconstruction

    data = _ptylab_data(scan)
    settings = Params()
    settings.gpuSwitch = False
    settings.propagatorType = "Fraunhofer"
    state = Reconstruction(data, settings)
    np.random.seed(0)  # noqa: NPY002 - PtyLab draws from it
    state.initializeObjectProbe()
    state.object = np.ones_like(state.object)
    state.probe = np.broadcast_to(scan.probe, state.probe.shape).astype(np.complex64)
    engine = getattr(Engines, row.solver)(state, data, settings, DummyMonitor())
    for name, value in row.options.items():
        setattr(engine, name, value)
    engine.numIterations = row.iterations

    def look() -> Reached:
        image, beam = state.object.reshape(state.object.shape[-2:]), state.probe.reshape(-1, *state.probe.shape[-2:])
        return Reached(image, beam, state.positions.min(axis=0))

    engine.showReconstruction = lambda _loop: watch.after(look)  # every engine calls it at an iteration's end
    watch.start()
    engine.reconstruct()


def _ptylab_data(scan: Scan) -> Any:
    import h5py
    from PtyLab.ExperimentalData.ExperimentalData import ExperimentalData

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scan.hdf5"
        with h5py.File(path, "w") as file:
            file["ptychogram"], file["encoder"] = scan.frames, scan.positions_m
            file["wavelength"], file["zo"], file["dxd"] = scan.wavelength_m, scan.distance_m, scan.detector_pixel_m
            file["entrancePupilDiameter"] = scan.frames.shape[-1] * scan.pixel_m / 3  # of a start that is not used
        return ExperimentalData(path, operationMode="CPM")
