"""An import of values that contradict each other ends on one line that says what to do, and leaves nothing."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import Result

from picpxct_nx import nexus
from picpxct_nx.cli import import_
from picpxct_nx.validation import Violation

from .conftest import Call, Run, message

STATED = (
    "energy=5471 eV", "distance=7.2 m", "pixel_size=75 um", "rotation=0 deg", "count_time=1 s", "sample=V2O5",
    "instrument=P10", "source=PETRA III", "start_time=2025-12-01T08:00:00+01:00", "title=contradictory",
)  # fmt: skip
STOKES = ("--set", "stokes=1,1,0,0")
# Outer corner of a detector of 32 pixels of 75 um whose middle the beam meets, m.
MIDDLE = 16.5 * 75e-6


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Frames of a spot, positions, and a mask that marks every pixel as bad."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[-16:16, -16:16]
    frames = rng.poisson(1000 * np.exp(-(x**2 + y**2) / 30), (6, 32, 32)).astype(np.uint16)
    path = tmp_path / "raw.npz"
    np.savez(path, data=frames, positions=1e-6 * rng.random((6, 2)), mask=np.ones((32, 32), np.int32))
    return path


def words(raw: Path, *more: str) -> list[str | Path]:
    """The command that imports the file."""
    stated = [word for text in STATED for word in ("--set", text)]
    return ["import", raw, "--map", "data=data,positions=positions", "--axes", "probe:+y,+x:m", *stated, *more]


def test_the_file_itself_can_be_imported(raw: Path, call: Call) -> None:
    assert call(*words(raw, *STOKES), "-o", "scan.nxs").exit_code == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--set", "stokes=1,1,1,0"), ("stokes", "Q^2 + U^2 + V^2")),
        ((*STOKES, "--center", "900,900"), ("--center", "off the frames")),
        ((*STOKES, "--map", "data=data,positions=positions,mask=mask"), ("raw.npz", "no good pixel", "inverted")),
        (
            (*STOKES, "--set", "end_time=2025-12-01T06:59:00Z"),
            ("raw.npz", "end_time", "before start_time", "--set end_time=VALUE"),
        ),
        (
            (*STOKES, "--set", "instrument/zone_plate/outer_diameter=100 um",
             "--set", "instrument/zone_plate/outermost_zone_width=200 um",
             "--set", "central_stop_diameter=40 um", "--set", "defocus=1 mm"),
            ("raw.npz", "outermost_zone_width", "zone plate", "--set instrument/zone_plate/outermost_zone_width=VALUE"),
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("target", ["scan.nxs", "folder/"])
def test_values_that_contradict_each_other_end_on_one_line(
    more: tuple[str, ...], said: tuple[str, ...], target: str, raw: Path, call: Call, tmp_path: Path
) -> None:
    before = set(tmp_path.iterdir())
    result = call(*words(raw, *more), "--quiet", "-o", target)
    assert result.exit_code in (2, 65)
    assert all(word in message(result) for word in said)
    assert set(tmp_path.iterdir()) == before


def cxi(path: Path, *, corner: tuple[float, float, float], bad: int) -> Path:
    """A CXI file whose detector stands with its outer corner at x, y, z in m, all pixels marked by `bad`."""
    rng = np.random.default_rng(4)
    detector = "entry_1/instrument_1/detector_1"
    with h5py.File(path, "w") as file:
        file["cxi_version"] = 160
        file[f"{detector}/data"] = rng.poisson(50, (6, 32, 32)).astype(np.uint16)
        file[f"{detector}/mask"] = np.full((32, 32), bad, np.uint32)
        file[f"{detector}/x_pixel_size"], file[f"{detector}/y_pixel_size"] = 75e-6, 75e-6
        file[f"{detector}/corner_position"] = np.array(corner)
        file["entry_1/instrument_1/source_1/energy"] = 5471 * 1.602176634e-19
        file["entry_1/sample_1/geometry_1/translation"] = 1e-6 * rng.random((6, 3))
    return path


def import_cxi(path: Path, call: Call) -> Result:
    """Import a CXI file with what it does not say."""
    known = [text for text in STATED if text.partition("=")[0] not in ("energy", "distance", "pixel_size")]
    return call("import", path, *(word for text in known for word in ("--set", text)), *STOKES, "-o", "scan.nxs")


def test_a_beam_off_the_detector_is_not_taken_and_told(call: Call, tmp_path: Path) -> None:
    result = import_cxi(cxi(tmp_path / "foreign.cxi", corner=(0.1, MIDDLE, 7.2), bad=0), call)
    assert result.exit_code == 0
    assert "puts the direct beam off the frames: not taken" in result.stderr


def test_a_file_that_marks_all_pixels_as_bad_is_refused(call: Call, tmp_path: Path) -> None:
    path = cxi(tmp_path / "foreign.cxi", corner=(MIDDLE, MIDDLE, 7.2), bad=1)
    result = import_cxi(path, call)
    assert result.exit_code == 65
    assert "foreign.cxi: no good pixel is left" in message(result)
    assert set(tmp_path.iterdir()) == {path}


def test_the_real_command_ends_with_65_and_without_a_traceback(raw: Path, run: Run, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    ended = run(*words(raw, *STOKES, "--set", "end_time=2024-01-01T00:00:00Z", "-o", "scan.nxs"))
    assert ended.returncode == 65
    assert "end_time" in message(ended)
    assert set(tmp_path.iterdir()) == before
    piped = run(*words(raw, *STOKES, "--set", "end_time=2024-01-01T00:00:00Z"))
    assert (piped.returncode, piped.stdout) == (65, b"")


def test_what_no_value_can_cause_keeps_its_traceback() -> None:
    bug = nexus.InvalidWriteError((Violation("/scan/title", "MISSING_FIELD", "is required"),))
    assert import_._contradiction(bug, {}) is bug
