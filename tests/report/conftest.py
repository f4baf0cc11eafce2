"""Records that belong together: scans, their reconstructions, a cube, its spectra and a grain map."""

import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from picpxct_nx import provenance
from picpxct_nx.records import GrainMap, NormalizedCube, Reconstruction, Record, Scan
from picpxct_nx.report.gather import Gathered
from picpxct_nx.report.limits import Limits
from picpxct_nx.values import Array

SIDE, PIXEL = 40, 5e-8
ENERGIES = np.array([5460.0, 5471.0, 5515.0])
# Where the particle was at each energy, m (y, x), from the mean place.
DRIFT = np.array([[100e-9, 0.0], [-50e-9, 80e-9], [-50e-9, -80e-9]])
MakeRecord = Callable[..., Record]


def image(away: Array) -> Array:
    """A particle of 1 rad that absorbs a tenth, with a soft rim and a corner cut off, moved by (y, x) m."""
    y, x = (np.mgrid[:SIDE, :SIDE] - SIDE / 2) * PIXEL
    y, x = y - away[0], x - away[1]
    depth = 1 / (1 + np.exp((np.hypot(y, x) - 6e-7) / 4e-8)) * (1 - 0.5 / (1 + np.exp(-(x - y - 3e-7) / 4e-8)))
    return np.asarray((1 - 0.1 * depth) * np.exp(-1j * depth), np.complex64)


def wanting(record: Record) -> Record:
    """The record with a wanted half period of 60 nm, and no other target."""
    kept = {path: value for path, value in record.extra.items() if not path.startswith("targets/")}
    return dataclasses.replace(record, extra=kept | {"targets/half_period": 6e-8})


@pytest.fixture
def scan(make_record: MakeRecord) -> Scan:
    """The raw scan of the first energy."""
    record = wanting(make_record("NXspecptycho_scan", entry="scan_0"))
    assert isinstance(record, Scan)
    return record


@pytest.fixture
def recs(make_record: MakeRecord, scan: Scan) -> list[Reconstruction]:
    """Reconstructions of three energies of a particle that drifts; the last fits badly."""
    made = []
    axis = (np.arange(SIDE) - SIDE // 2) * PIXEL
    for i, energy in enumerate(ENERGIES):
        t = image(DRIFT[i])
        record = make_record(
            "NXspecptycho_reconstruction", entry=f"scan_{i}", object__transmission=t, object__y=axis, object__x=axis,
            phase__phase=np.angle(t).astype(np.float32), object__coverage=np.ones(t.shape, np.float32),
            stage="flattened",
            instrument__beam__incident_energy=energy, convergence__error=np.array([0.5, 0.1, 0.02 if i < 2 else 0.05]),
            halves__half_period=(5e-8, 5.5e-8, 7e-8)[i],
        )  # fmt: skip
        step = provenance.step("reconstruct", {"recipe": "pie:3,ml:20", "modes": 0, "seed": 0, "status": "done",
                                               "pie.friction": 0.7, "device": "cpu"}, [scan.as_input()])  # fmt: skip
        product = wanting(record).made_by(step, (scan,))
        assert isinstance(product, Reconstruction)
        made.append(product)
    return made


@pytest.fixture
def spectra(make_record: MakeRecord) -> NormalizedCube:
    """Spectra of 30 x 40 pixels: those in the left half are strong at the peak for one polarisation, the others not."""
    shape = (2, 3, 30, 40)
    values = np.broadcast_to(np.array([0.0, 0.2, 1.0])[:, None, None], shape).astype(np.float32).copy()
    values[0, 1, :, :20] = 0.8
    values[1, 1, :, 20:] = 0.6
    maps = {f"maps__{name}": np.ones((2, 30, 40), np.float32) for name in ("edge_step", "phase_drop")}
    mask = np.zeros((2, 30, 40), np.uint8)
    mask[:, :2] = 1
    stokes = np.tile([1.0, 1.0, 0.0, 0.0], (2, 1))
    record = make_record(
        "NXspecptycho_normalized", entry="cube", xanes__xanes=values, xpnes__xpnes=-values, xanes__energy=ENERGIES,
        xanes__polarization_angle=np.array([0.0, np.pi / 2]), maps__mask=mask, **maps,
        xanes__y=np.arange(30) * PIXEL, xanes__x=np.arange(40) * PIXEL,
        sample__rotation_angle=np.array([0.0, -np.pi / 2]),
        instrument__beam__incident_energy=np.tile(ENERGIES, (2, 1)),
        instrument__beam__incident_polarization_stokes=stokes,
    )  # fmt: skip
    assert isinstance(record, NormalizedCube)
    return record


@pytest.fixture
def grains(make_record: MakeRecord) -> GrainMap:
    """Two grains, the left and the right half of the spectra's field."""
    label = np.repeat(np.array([[1] * 20 + [2] * 20]), 30, axis=0).astype(np.int32)
    plain = np.full((30, 40), 0.5, np.float32)
    names = ("area", "equivalent_diameter", "centroid_y", "centroid_x", "major_axis", "minor_axis", "axis_angle",
             "mean_orientation", "mean_orientation_errors", "orientation_spread", "mean_thickness")  # fmt: skip
    table = {f"grains__{name}": np.full(2, 5e-7) for name in names}
    table |= {"grains__centroid_x": np.array([5e-7, 1.5e-6]), "grains__pixels": np.array([600, 600])}
    record = make_record(
        "NXspecptycho_grainmap", entry="cube", orientation__label=label, orientation__orientation=plain,
        orientation__orientation_errors=plain, orientation__confidence=plain, orientation__tilt=plain,
        orientation__tilt_errors=plain, orientation__y=np.arange(30) * PIXEL, orientation__x=np.arange(40) * PIXEL,
        dichroism__dichroism=np.stack([plain, plain]), dichroism__dichroism_errors=np.stack([plain, plain]),
        dichroism__polarization_angle=np.array([0.0, np.pi / 2]), grains__grain_id=np.array([1, 2]),
        grains__touches_border=np.array([True, True]), mirror_ambiguous=True, background=0.1, amplitude=0.8, **table,
    )  # fmt: skip
    assert isinstance(record, GrainMap)
    return record


@pytest.fixture
def gathered(
    make_record: MakeRecord, scan: Scan, recs: list[Reconstruction], spectra: NormalizedCube, grains: GrainMap
) -> Gathered:
    """Everything that a report can show."""
    found = Gathered(limits=Limits())
    found.add(scan, "scans/scan_0.nxs")
    for record in recs:
        found.add(record, f"recs/{record.entry}.nxs")
    for other in (spectra, grains, *(make_record(f"NXspecptycho_{kind}") for kind in ("frc", "cube", "dose"))):
        found.add(other, "more.nxs")
    return found


def _missing(what: str) -> None:
    if os.environ.get("PICPXCT_BROWSER") == "required":
        pytest.fail(f"{what} is missing")
    pytest.skip(f"{what} is missing")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        _missing("Chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright")
    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield found
        found.close()
