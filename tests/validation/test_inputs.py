"""Inputs of the newest step: compared with what lies in a folder, by UUID and digest."""

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from picpxct_nx import nexus, provenance
from picpxct_nx.errors import MissingInputError
from picpxct_nx.illumination import object_pixel
from picpxct_nx.records import Reconstruction, Record, Scan
from picpxct_nx.validation.inputs import check_inputs, named_inputs

MakeRecord = Callable[..., Record]


def codes(product: Path, folder: Path) -> list[tuple[str, str]]:
    """Code and level of what is found about the inputs of a file."""
    with nexus.open_valid(product, product.name) as file:
        named = named_inputs(file)
    return [(fault.code, fault.level) for fault in check_inputs(named, nexus.present_inputs(folder, named))]


@pytest.fixture
def product(make_record: MakeRecord, tmp_path: Path) -> Path:
    """A reconstruction, and the folder `raw` with the scan that it was made from."""
    scan = make_record("NXspecptycho_scan")
    assert isinstance(scan, Scan)
    (tmp_path / "raw").mkdir()
    nexus.write(tmp_path / "raw" / "scan.nxs", [scan], compression="none")
    return write_product(tmp_path / "product.nxs", make_record, scan)


def write_product(path: Path, make_record: MakeRecord, scan: Scan, **changes: object) -> Path:
    """A reconstruction of a scan, with its geometry but for the changes."""
    base = make_record("NXspecptycho_reconstruction")
    assert isinstance(base, Reconstruction)
    height, width = object_pixel(scan)
    rows, columns = np.shape(base.transmission)
    ours: dict[str, object] = {
        "y": height * np.arange(rows), "x": width * np.arange(columns), "energy_ev": scan.energy_ev,
        "probe_y": height * np.arange(len(base.probe_y)), "probe_x": width * np.arange(len(base.probe_x)),
        "stokes": scan.stokes, "rotation": scan.rotation, "history": (),
        "position_frame": np.arange(scan.frames.shape[0]),
        "position_y": np.zeros(scan.frames.shape[0]), "position_x": np.zeros(scan.frames.shape[0]),
        "intensity": None, "variation": None, "variation_weights": None,
    }  # fmt: skip
    step = provenance.step("reconstruct", {}, [scan.as_input("scan.nxs")])
    nexus.write(path, [dataclasses.replace(base, **ours | changes).made_by(step, (scan,))])  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"energy_ev": 5470.0}, "instrument/beam/incident_energy"),
        ({"rotation": 0.2}, "sample/transformations/rotation"),
        ({"stokes": np.array([[1.0, 0.9, 0.1, 0.0]])}, "instrument/beam/incident_polarization_stokes"),
        ({"y": 1e-8}, "object/y"),
        ({"x": 1.002}, "object/x"),
        ({"position_frame": 10_000}, "positions/frame"),
    ],
)
def test_a_product_that_contradicts_its_scan_is_found(
    changes: dict[str, float], where: str, product: Path, make_record: MakeRecord
) -> None:
    with nexus.open_valid(product.parent / "raw" / "scan.nxs", "scan") as file:
        scan = nexus.read(file, "scan_S00001")
        assert isinstance(scan, Scan)
        product.unlink()
        made = make_record("NXspecptycho_reconstruction")
        assert isinstance(made, Reconstruction)
        scaled: dict[str, object] = dict(changes)
        for axis, pixel in zip("yx", object_pixel(scan), strict=True):
            if axis in changes:
                # A factor on the pixel, and on that of the probe, which is to be the same.
                scaled[axis] = changes[axis] * pixel * np.arange(len(getattr(made, axis)))
                scaled[f"probe_{axis}"] = changes[axis] * pixel * np.arange(len(getattr(made, f"probe_{axis}")))
        if "position_frame" in changes:
            scaled["position_frame"] = np.arange(scan.frames.shape[0]) + changes["position_frame"]
        write_product(product, make_record, scan, **scaled)
    with nexus.open_valid(product, product.name) as file:
        named = named_inputs(file)
    found = list(check_inputs(named, nexus.present_inputs(product.parent / "raw", named)))
    assert [(fault.path, fault.code, fault.level) for fault in found] == [
        (f"/scan_S00001/{where}", "INPUT_GEOMETRY", "error")
    ]


def test_an_input_as_it_was_read_is_found(product: Path) -> None:
    assert codes(product, product.parent / "raw") == []


def test_an_input_under_another_name_and_compression_is_the_same(product: Path) -> None:
    raw = product.parent / "raw" / "scan.nxs"
    with nexus.open_valid(raw, "scan") as file:
        nexus.write(raw.with_name("other.h5"), [nexus.read(file, "scan_S00001")], compression="gzip")
    raw.unlink()
    assert codes(product, raw.parent) == []


def test_an_input_that_was_changed_is_found(product: Path) -> None:
    raw = product.parent / "raw" / "scan.nxs"
    with nexus.open_valid(raw, "scan") as file:
        changed = dataclasses.replace(nexus.read(file, "scan_S00001"), title="Another title")
        nexus.write(raw.with_name("changed.nxs"), [changed])
    raw.unlink()
    assert codes(product, raw.parent) == [("INPUT_CHECKSUM", "error")]


def test_an_input_that_is_not_there_is_told(product: Path) -> None:
    (product.parent / "raw" / "scan.nxs").write_text("nothing")
    assert codes(product, product.parent / "raw") == [("INPUT_MISSING", "warning")]
    with pytest.raises(MissingInputError):
        codes(product, product.parent / "nowhere")


def test_a_foreign_input_is_compared_by_its_bytes(make_record: MakeRecord, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    foreign = tmp_path / "raw" / "foreign.h5"
    foreign.write_bytes(b"counts")
    source = provenance.Input(checksum=hashlib.sha256(b"counts").hexdigest(), file_name="foreign.h5")
    scan = dataclasses.replace(make_record("NXspecptycho_scan"), history=(provenance.step("import", {}, [source]),))
    nexus.write(tmp_path / "scan.nxs", [scan])
    assert codes(tmp_path / "scan.nxs", tmp_path / "raw") == []
    foreign.write_bytes(b"other counts")
    assert codes(tmp_path / "scan.nxs", tmp_path / "raw") == [("INPUT_CHECKSUM", "error")]
