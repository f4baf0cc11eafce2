"""Real data: a measured Siemens star goes from a foreign file to images and a resolution, by the commands alone."""

import dataclasses
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from picpxct_nx import nexus
from picpxct_nx.cli.main import app
from picpxct_nx.records import Reconstruction, Scan
from picpxct_nx.report.pictures import flat_on_border

# Nobody recorded energy, distance and pixel size of this scan: any that are consistent will do, and are marked so.
STATED = (
    "--set", "sample=Siemens star", "--set", "instrument=unknown", "--set", "source=APS", "--set", "title=Siemens star",
    "--assume", "energy=8.8 keV", "--assume", "distance=2 m", "--assume", "pixel_size=75 um",
    "--assume", "stokes=1,1,0,0", "--assume", "rotation=0 deg", "--assume", "count_time=0.1 s",
    "--assume", "start_time=2020-01-01T00:00:00Z",
)  # fmt: skip
LAYOUT = ("--map", "data=data[0],positions=scan[0],probe=probe[0,0,0]", "--axes", "probe:+y,+x:pixel")


def _run(*words: str | Path) -> Result:
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def _picpxct(*words: str | Path) -> str:
    result = _run(*words)
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def star(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The star with its frames cut to 64 x 64, imported and validated."""
    scan = tmp_path_factory.mktemp("star") / "scan.nxs"
    source = shared_data / "siemens-star-small.npz.bz2"
    _picpxct("import", source, *LAYOUT, "--center", "corner", "--crop", "64", *STATED, "-o", scan)
    return scan


def _scan(path: Path) -> Scan:
    with nexus.open_valid(path, path.name) as file:
        (entry,) = nexus.entries(file)
        scan = nexus.read(file, entry)
        assert isinstance(scan, Scan)
        return dataclasses.replace(scan, frames=np.asarray(scan.frames[...]))


def _reconstruct(scan: Path, name: str, *words: str) -> Path:
    target = scan.with_name(name)
    _picpxct(
        "reconstruct", scan, "--recipe", "dm:20,ml:10", "--device", "cpu:1", "--also", "none", *words, "-o", target
    )
    return target


@pytest.mark.slow
def test_the_imported_star_is_valid_and_says_what_was_assumed(star: Path) -> None:
    report = json.loads(_picpxct("validate", "--json", star))
    assert report["valid"]
    assumed = {v["path"].partition("/instrument/")[2] for v in report["violations"] if v["code"] == "ASSUMED"}
    assert {"beam/incident_energy", "detector/distance", "detector/x_pixel_size"} <= assumed


@pytest.mark.slow
def test_the_audit_names_the_right_axes_of_the_star_and_another_import_with_them_is_right(
    shared_data: Path, star: Path, tmp_path: Path
) -> None:
    assert json.loads(_picpxct("audit", star, "--device", "cpu:1", "--json"))["verdict"] == "right"
    source, scan, patch = shared_data / "siemens-star-small.npz.bz2", tmp_path / "scan.nxs", tmp_path / "patch.toml"
    wrong = [*LAYOUT[:-1], "probe:+x,-y:pixel"]
    _picpxct("import", source, *wrong, "--center", "corner", "--crop", "64", *STATED, "-o", scan)
    assert _run("audit", scan, "--device", "cpu:1", "-o", patch).exit_code == 65
    axes = tomllib.loads(patch.read_text())["import"]["axes"]
    assert axes == "probe:+y,+x:pixel;frames:+y,+x"
    _picpxct("amend", scan, "--patch", patch, "-o", tmp_path / "amended.nxs")
    amended, right = _scan(tmp_path / "amended.nxs"), _scan(star)
    for name in ("frames", "pixel_mask", "stage_y", "stage_x"):
        np.testing.assert_allclose(getattr(amended, name), getattr(right, name), err_msg=name)


@pytest.mark.slow
def test_the_star_reconstructs_with_dark_spokes(star: Path) -> None:
    target = _reconstruct(star, "whole.nxs")
    with nexus.open_valid(target, target.name) as file:
        record = nexus.read(file, nexus.entries(file)[0])
    assert isinstance(record, Reconstruction)
    assert record.error is not None
    assert record.error[-1] < 0.15
    # On a circle half way out, spokes alternate: the phase has one strong harmonic, and matter retards.
    image = flat_on_border(record)
    centre = np.array(image.shape) * [0.48, 0.46]
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    radius = 0.25 * min(image.shape)
    rows = np.rint(centre[0] + radius * np.sin(angle)).astype(int)
    columns = np.rint(centre[1] + radius * np.cos(angle)).astype(int)
    phase = np.angle(image[rows, columns])
    assert np.ptp(np.quantile(phase, [0.1, 0.9])) > 0.3


@pytest.mark.slow
def test_two_halves_of_the_star_give_a_resolution(star: Path) -> None:
    halves = [_reconstruct(star, f"{name}.nxs", "--frames", f"{name}::2") for name in ("0", "1")]
    curve = json.loads(_picpxct("frc", *halves, "--threshold", "half-bit", "--json"))
    assert curve["resolved"]
    # The cut frames have pixels of 59 nm; the whole ones resolve 58 nm.
    assert curve["pixel_m"] < curve["half_period_m"] < 3 * curve["pixel_m"]


@pytest.mark.slow
def test_a_near_field_scan_is_refused_with_the_reason(shared_data: Path, tmp_path: Path) -> None:
    source, scan = shared_data / "PETRAIII_P25_Near_Field_Ptycho.cxi", tmp_path / "scan.nxs"
    said = ("title=near field", "instrument=P25", "source=PETRA III", "sample=unknown")
    assumed = ("start_time=2025-01-01T00:00:00Z", "stokes=1,1,0,0", "count_time=1 s", "rotation=0 rad")
    stated = [word for text in said for word in ("--set", text)] + [
        word for text in assumed for word in ("--assume", text)
    ]
    _picpxct("import", source, *stated, "-o", scan)
    run = _run("reconstruct", scan, "-o", tmp_path / "rec.nxs")
    assert run.exit_code == 65
    assert "a near-field scan cannot be reconstructed here" in run.stderr
    assert not (tmp_path / "rec.nxs").exists()
