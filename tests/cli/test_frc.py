"""picpxct frc: which two images it takes, what it prints, and when it refuses."""

import dataclasses
import json
import uuid
from pathlib import Path

import h5py
import pytest

from picpxct_nx.nexus import open_valid, read, write
from picpxct_nx.records import Reconstruction

from .conftest import FIRST, Call, message


@pytest.fixture
def halves(made: Path) -> tuple[Path, Path]:
    """Two half data sets of one scan."""
    return made / "half_a.nxs", made / "half_b.nxs"


def test_two_files_give_one_curve(call: Call, halves: tuple[Path, Path], tmp_path: Path) -> None:
    result = call("frc", *halves, "-o", "curve.nxs", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told["pixel_m"] == pytest.approx(50.15e-9, rel=1e-3)
    assert call("validate", "curve.nxs").exit_code == 0
    with h5py.File(tmp_path / "curve.nxs") as file:
        (entry,) = (file[name] for name in file)
        commands = [entry[name]["command"].asstr()[()] for name in sorted(entry) if name.startswith("process_")]
        assert commands == ["simulate", "reconstruct", "reconstruct", "frc"]
        assert {"input_001", "input_002"} <= set(entry["process_004"])
        assert entry["process_004/parameters/taper"].attrs["units"] == "pixel"


def test_the_summary_alone_goes_to_stdout(call: Call, halves: tuple[Path, Path], tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    result = call("frc", *halves, "--json", "-q")
    assert {"half_period_m", "full_period_m", "resolved", "threshold", "image"} <= set(json.loads(result.stdout))
    assert sorted(tmp_path.iterdir()) == before


def test_an_image_against_itself_is_not_resolved_and_may_be_required_to_be(
    call: Call, halves: tuple[Path, Path]
) -> None:
    words = ("frc", halves[0], halves[0], "--no-align", "--no-ramp", "--json")
    assert call(*words).exit_code == 0
    result = call(*words, "--require")
    assert result.exit_code == 70
    assert "not resolved: " in message(result)


@pytest.mark.parametrize("count", [1, 3])
def test_it_takes_two_images_and_no_other_number(call: Call, made: Path, tmp_path: Path, count: int) -> None:
    result = call("frc", *[f"{made}/recs.nxs::{FIRST}"] * count, "-o", "curve.nxs")
    assert result.exit_code == 2
    assert f"found {count} reconstructions; wanted two" in message(result)
    assert list(tmp_path.iterdir()) == []


def test_one_file_with_two_entries_is_a_pair(call: Call, made: Path, tmp_path: Path) -> None:
    with open_valid(made / "half_a.nxs", "a") as file:
        half = read(file, FIRST)
        write(tmp_path / "pair.nxs", [half, dataclasses.replace(half, entry="other", uuid=str(uuid.uuid4()))])
    assert call("frc", "pair.nxs", "--json").exit_code == 0


def test_pixels_of_two_sizes_are_refused(call: Call, made: Path, tmp_path: Path) -> None:
    # The second energy would see the same detector with pixels that are 1 % larger.
    with open_valid(made / "half_a.nxs", "a") as file:
        half = read(file, FIRST)
        assert isinstance(half, Reconstruction)
        larger = {name: getattr(half, name) * 1.01 for name in ("y", "x", "probe_y", "probe_x")}
        write(tmp_path / "other.nxs", [dataclasses.replace(half, **larger)])
    result = call("frc", made / "half_a.nxs", "other.nxs", "-o", "curve.nxs")
    assert result.exit_code == 65
    assert "pixel" in message(result)
    assert [path.name for path in tmp_path.iterdir()] == ["other.nxs"]


@pytest.mark.parametrize(
    "words",
    [("--image", "colour"), ("--threshold", "two-bit"), ("--threshold", "fixed:high"), ("--ring-thickness", "0")],
)
def test_what_it_cannot_do_is_a_usage_error(call: Call, made: Path, words: tuple[str, str]) -> None:
    result = call("frc", made / "recs.nxs", made / "recs.nxs", *words, "-o", "curve.nxs")
    assert result.exit_code == 2


def test_a_picture_is_not_replaced_unasked(call: Call, halves: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "curve.png").write_text("mine")
    result = call("frc", *halves, "--plot", "curve.png", "--json")
    assert result.exit_code == 73
    assert (tmp_path / "curve.png").read_text() == "mine"
