"""Fixtures: records that fill every field of a definition, and the folder of real measured data where it is there."""

import os
from collections.abc import Callable
from pathlib import Path

# Several workers with several threads each would wait for one another; before numpy and torch look.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest

from picpxct_nx import nxdl, provenance
from picpxct_nx.images.cubes import mean_phase
from picpxct_nx.records import Record, SpectralCube, kind, polarization_angle
from picpxct_nx.values import Array, Value

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take files with slow tests first: what two workers end with is short, and what a file makes is made once."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real measured data, which lie beside the repository and are never committed."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the folder of measured data is not here")
    return SHARED_DATA


def _value(node: nxdl.Node, lengths: dict[str, int], rng: np.random.Generator) -> Value:
    shape = tuple(n if isinstance(n, int) else lengths.setdefault(str(n), 3 + len(lengths)) for n in node.dims or ())
    if node.items:
        return node.items[0] if not shape else np.full(shape, node.items[0], dtype=object)  # type: ignore[return-value]
    if node.type == "NX_DATE_TIME":
        return "2026-05-01T08:00:00+02:00"
    if node.type == "NX_CHAR":
        return f"text of {node.name}" if not shape else np.full(shape, "text", dtype=object)
    if node.type == "NX_BOOLEAN":
        return True if not shape else rng.random(shape) < 0.5
    if node.type == "NX_COMPLEX":
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
    if node.type in ("NX_INT", "NX_POSINT"):
        return 7 if not shape else rng.integers(1, 100, shape)
    if node.name == "energy" and len(shape) == 1:
        return np.sort(rng.normal(size=shape).astype(np.float32))
    return 2.5 if not shape else rng.normal(size=shape).astype(np.float32)


def full_values(name: str, *, seed: int = 0) -> dict[str, Value]:
    """A value for every field that a definition knows, history and links left out."""
    rng, lengths = np.random.default_rng(seed), {"nAssumed": 1}
    values = {
        path: _value(node, lengths, rng)
        for path, node in nxdl.table(name).items()
        if node.kind == "field" and node.fixed() is None and "(" not in path and path not in kind(name).LINKS
    }
    values["assumed"] = np.array(["title"], dtype=object)
    return values | {path: value for path, value in _sensible(values).items() if path in values}


def _sensible(values: dict[str, Value]) -> dict[str, Value]:
    """What the numbers of one entry must be so that they do not contradict each other."""
    shapes = {path: np.shape(value) for path, value in values.items()}
    stokes = shapes.get("instrument/beam/incident_polarization_stokes", (1, 4))
    energies = np.linspace(5460.0, 5520.0, (shapes.get("cube/energy") or shapes.get("xanes/energy") or (1,))[0])
    measured = shapes.get("instrument/beam/incident_energy", ())
    # Positions of the probe lie within the object, whose axes are not shorter than three.
    even = {
        path: 1e-8 * (np.arange(shape[0]) % (3 if path.startswith("positions") else shape[0] + 1))
        for path, shape in shapes.items()
        if path.endswith(("/x", "/y")) and len(shape) == 1
    }
    errors = [path for path in values if path.endswith("_errors")]
    signed = [*errors, "instrument/detector/data", "control/data", "object/coverage"]
    made: dict[str, Value] = {
        **even,
        **{path: np.abs(values[path]) for path in signed if path in values},  # type: ignore[arg-type]
        "instrument/beam/incident_polarization_stokes": np.tile([1.0, -0.9, 0.1, 0.0], (stokes[0], 1)),
        "instrument/beam/incident_energy": np.tile(energies, (measured[0], 1)) if measured else 5471.5,
        "instrument/monochromator/energy": 5469.0, "instrument/monochromator/energy_offset": 2.5,
        "instrument/zone_plate/outermost_zone_width": 1e-7, "instrument/zone_plate/outer_diameter": 1e-4,
        "instrument/zone_plate/central_stop_diameter": 1e-5, "instrument/detector/saturation_value": 1000.0,
        "cube/energy": energies, "xanes/energy": energies, "edge_energy": 5485.0,
        "pre_edge": np.array([-20.0, -10.0]), "post_edge": np.array([15.0, 30.0]),
        "half_period": 2e-8, "full_period": 4e-8, "instrument/source/type": "Synchrotron X-ray Source",
        "user/ORCID": "https://orcid.org/0000-0002-1825-0097", "sample/chemical_formula": "O5 V2",
        "pixel_size": 1e-8, "instrument/detector/x_pixel_size": 7.5e-5, "instrument/detector/y_pixel_size": 7.5e-5,
        "instrument/detector/beam_center_x": 7.5e-5, "instrument/detector/beam_center_y": 7.5e-5,
    }  # fmt: skip
    for path in ("cube/polarization_angle", "xanes/polarization_angle", "dichroism/polarization_angle"):
        rotation = values.get("sample/rotation_angle", 0.0)
        made[path] = (np.arctan2(0.1, -0.9) / 2 - np.asarray(rotation)) % np.pi
    for path in ("data/frame", "positions/frame", "convergence/iteration"):
        made[path] = np.arange(1, 1 + (shapes.get(path) or (0,))[0])
    if "instrument/detector/pixel_mask" in values:
        made["instrument/detector/pixel_mask"] = np.arange(np.prod(shapes["instrument/detector/pixel_mask"])).reshape(
            shapes["instrument/detector/pixel_mask"]
        )
    return made | _images(values) | _curve(shapes.get("frc/correlation", (4,))[0]) | _grains(values) | _dose(values)


def _images(values: dict[str, Value]) -> dict[str, Value]:
    """Transmissions of a modulus below one, and the angles of their means over the energies."""
    made: dict[str, Value] = {}
    for path in ("object/transmission", "cube/transmission"):
        if path in values:
            noise = np.asarray(values[path])
            # Away from zero, so that the mean over the energies has an angle.
            made[path] = t = (0.8 * np.exp(1j * np.clip(noise.real, -0.5, 0.5))).astype(np.complex64)
            made["phase/phase"] = np.angle(t.mean(axis=1) if t.ndim == 4 else t).astype(np.float32)
            made["cube/valid"] = np.ones(t.shape[:2], dtype=bool)
    if "convergence/error" in values:
        made["convergence/error"] = np.abs(np.asarray(values["convergence/error"]))
    return made


def _dose(values: dict[str, Value]) -> dict[str, Value]:
    """Doses of a fluence of 1e19 photons / m^2 a scan at 5471 eV and 5.8 m^2 / kg, the same on every pixel."""
    rows, gray = np.ones(np.shape(values.get("scans/scan", (1,)))), 1e19 * 5471.0 * 1.602176634e-19 * 5.8
    shape = np.shape(values.get("dose/dose", ()))
    return {
        "mean_dose": gray, "maximum_dose": gray, "mean_fluence": 1e19, "dose/dose": np.full(shape, gray),
        "dose/fluence": np.full(shape, 1e19), "scans/scan": np.arange(1, 1 + len(rows)), "scans/photons": 1e6 * rows,
        "scans/photon_energy": 5471.0 * rows, "scans/mass_attenuation": 5.8 * rows, "scans/mean_fluence": 1e19 * rows,
        "scans/mean_dose": gray * rows, "scans/maximum_dose": gray * rows,
    }  # fmt: skip


def _curve(rings: int) -> dict[str, Value]:
    """A ring correlation that falls through a half at 1 / (2 x 20 nm)."""
    frequency = 1 / 4e-8 + 1e6 * (np.arange(rings) - rings // 2 + 0.25)
    return {
        "frc/spatial_frequency": frequency, "frc/threshold": np.full(rings, 0.5),
        "frc/samples": np.arange(1, rings + 1), "frc/correlation": np.where(frequency < 1 / 4e-8, 0.9, 0.1),
    }  # fmt: skip


def _grains(values: dict[str, Value]) -> dict[str, Value]:
    """A label image in which every grain is a few pixels, and the rows of its table, on pixels of 10 nm."""
    shape, n = np.shape(values.get("orientation/label", np.zeros((1, 1)))), np.size(values.get("grains/area", 0.0))  # type: ignore[arg-type]
    label = np.arange(np.prod(shape)).reshape(shape) % (n + 1)
    pixels = np.bincount(label.ravel(), minlength=n + 1)[1:]
    quarter = {path: np.abs(np.sin(np.asarray(values[path]))) for path in _ANGLES if path in values}
    return {
        **quarter, "orientation/label": label.astype(np.int32), "grains/grain_id": np.arange(1, n + 1),
        "orientation/confidence": np.full(shape, 0.5, np.float32),
        "grains/pixels": pixels, "grains/area": 1e-16 * pixels,
        "grains/equivalent_diameter": np.sqrt(4e-16 * pixels / np.pi),
        **{f"grains/{name}_axis": np.full(n, 1e-8) for name in ("major", "minor")},
    }  # fmt: skip


# Between 0 and 1 rad, which is allowed whatever the polarisations.
_ANGLES = ("orientation/orientation", "orientation/tilt", "grains/mean_orientation", "grains/axis_angle",
           "grains/orientation_spread")  # fmt: skip


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """Make a record of a definition with every field filled."""

    def make(name: str, *, seed: int = 0, entry: str = "scan_S00001", **changes: Value) -> Record:
        values = full_values(name, seed=seed) | {path.replace("__", "/"): value for path, value in changes.items()}
        if name == "NXspecptycho_scan":  # whatever the energy is, the encoder and its offset make it
            offset = np.asarray(values["instrument/monochromator/energy_offset"])
            encoder = np.asarray(values["instrument/beam/incident_energy"]) - offset
            values["instrument/monochromator/energy"] = float(encoder)
        record = kind(name).from_values(entry, values)
        source = provenance.Input(checksum="0" * 64, file_name="foreign.h5")
        step = provenance.step("import", {"factor": 2.0, "factor@units": "eV", "name": "x"}, [source])
        return record.made_by(step)

    return make


@pytest.fixture
def make_cube() -> Callable[..., SpectralCube]:
    """Make a cube from images (P, E, H, W), energies in eV and rotations in rad, in horizontal light."""

    def make(
        images: Array, energies: Array, rotations: Array, *, stage: str = "stacked", pixel: float = 3e-8, **more: Value
    ) -> SpectralCube:
        n_pol, _, height, width = images.shape
        stokes = np.tile([1.0, 1.0, 0.0, 0.0], (n_pol, 1))
        valid: Array = np.asarray(np.isfinite(images).all(axis=(2, 3)))
        values: dict[str, Value] = {
            "title": "simulated", "stage": stage, "instrument/beam/incident_polarization_stokes": stokes,
            "phase_convention": "exp(+ikz), n = 1 - delta + i beta", "sample/name": "simulated",
            "instrument/beam/incident_energy": np.where(valid, energies, np.nan),
            "sample/rotation_angle": np.asarray(rotations, float), "cube/transmission": images.astype(np.complex64),
            "cube/polarization_angle": np.array(
                [polarization_angle(s, r) for s, r in zip(stokes, rotations, strict=True)]
            ),
            "cube/energy": np.asarray(energies, float), "cube/valid": valid,
            "cube/y": pixel * (np.arange(height) - height // 2), "cube/x": pixel * (np.arange(width) - width // 2),
            "cube/known": np.ones((n_pol, height, width), bool), "phase/phase": mean_phase(images, valid),
        }  # fmt: skip
        steps = {"stacked": ["stack"], "aligned": ["stack", "align"], "registered": ["stack", "align", "register"]}
        record = SpectralCube.from_values("cube", values | {path.replace("__", "/"): v for path, v in more.items()})
        for command in steps[stage]:
            record = record.made_by(provenance.step(command, {}), (record,))
        return record

    return make
