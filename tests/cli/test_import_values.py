"""An import of values that contradict each other ends on one line that says what to do, and leaves nothing."""

from pathlib import Path

import numpy as np
import pytest

from picpxct_nx import nexus
from picpxct_nx.cli import import_
from picpxct_nx.validation import Violation

from .conftest import Call, Run, message

STATED = (
    "energy=5471 eV", "distance=7.2 m", "pixel_size=75 um", "rotation=0 deg", "count_time=1 s", "sample=V2O5",
    "instrument=P10", "source=PETRA III", "start_time=2025-12-01T08:00:00+01:00", "title=contradictory",
)  # fmt: skip
STOKES = ("--set", "stokes=1,1,0,0")


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
        ((*STOKES, "--mask", "raw.npz::mask"), ("raw.npz", "no good pixel", "inverted")),
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
