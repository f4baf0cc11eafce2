"""Map files: a facility's layout is said once, with the units of what is in it, and any HDF5 file of it imports."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from picpxct_nx import formats
from picpxct_nx.errors import InputError, MissingInputError, PicpxctError, UsageError
from picpxct_nx.formats import ImportOptions
from picpxct_nx.records import Scan

from .conftest import DISTANCE, ENERGY_EV, GIVEN, PIXEL_X, PIXEL_Y, Truth, turn

# As NanoMAX of MAX IV puts them.
MAP = """
[arrays]
data = "/entry/measurement/Eiger/data"
positions = ["/entry/measurement/pseudo/y", "/entry/measurement/pseudo/x"]
[axes]
positions = "stage:+y,+x:um"
frames = "-y,+x"
[values]
energy = { path = "/entry/snapshots/pre_scan/energy", units = "keV" }
distance = { path = "/entry/instrument/distance", units = "mm" }
"instrument/detector/x_pixel_size" = { path = "/entry/instrument/pixel[0]" }
"instrument/detector/y_pixel_size" = { path = "/entry/instrument/pixel[1]" }
start_time = { path = "/entry/start" }
sample = { path = "/entry/sample" }
"""


@pytest.fixture
def raw(truth: Truth, tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "000123.h5", "w") as file:
        file["entry/measurement/Eiger/data"] = turn(truth.frames, ("-y", "+x")).astype(np.float32)
        file["entry/measurement/pseudo/y"], file["entry/measurement/pseudo/x"] = -truth.beam.T * 1e6
        file["entry/snapshots/pre_scan/energy"] = np.array([ENERGY_EV / 1e3])
        file["entry/instrument/distance"] = DISTANCE * 1e3
        file["entry/instrument/pixel"] = np.array([PIXEL_X, PIXEL_Y]) * 1e6
        file["entry/instrument/pixel"].attrs["units"] = "micron"
        file["entry/start"], file["entry/sample"] = "2026-05-01T08:00:00+02:00", "spiral"
    (tmp_path / "nanomax.toml").write_text(MAP)
    return tmp_path / "000123.h5"


def load(raw: Path, axes: str | None = None, **options: str) -> Scan:
    given = {name: text for name, text in GIVEN.items() if name not in ("sample", "start_time")}
    with formats.read(raw, keys=str(raw.parent / "nanomax.toml"), axes=axes) as foreign:
        scan, _ = formats.assemble(foreign, given, {}, ImportOptions(**options))
        return Scan.from_values(scan.entry, {**scan.to_values(), "instrument/detector/data": scan.frames[...]})


def test_a_map_file_finds_arrays_and_values_with_their_units(raw: Path, same_physics: Callable[[Scan], None]) -> None:
    scan = load(raw, center="15,12")
    same_physics(scan)
    found = [scan.energy_ev, scan.distance, scan.x_pixel_size, scan.y_pixel_size]
    assert found == pytest.approx([ENERGY_EV, DISTANCE, PIXEL_X, PIXEL_Y])
    assert scan.sample == "spiral"
    assert "unit 'micron' was read as" in str(scan.history[0].parameters["notes"])


def test_axes_on_the_command_line_replace_those_of_the_map_file(raw: Path) -> None:
    assert load(raw, "probe:+y,+x:mm").stage_y[1] == pytest.approx(-1e3 * load(raw).stage_y[1])


@pytest.mark.parametrize(
    ("old", "new", "error", "says"),
    [
        ("[arrays]", "[array]", InputError, "wanted tables arrays, axes, values"),
        ("data =", "frames =", InputError, "has 'frames'; wanted data, positions"),
        ('units = "keV"', 'unit = "keV"', InputError, "energy is"),
        (', units = "keV"', "", InputError, "has no unit; say which in the map file"),
        ('"keV"', '"nm"', InputError, "nm"),
        ("sample =", "colour =", UsageError, "'colour' is no field"),
        ('"/entry/sample"', '"/entry/samples"', InputError, "has no array '/entry/samples'"),
        ("pixel[0]", "pixel", InputError, "wanted one value"),
        ("[arrays]", "[[", InputError, "is not TOML"),
        ("stage:+y,+x:um", "stage:+y,+y:um", UsageError, "no pair of directions"),
    ],
)
def test_what_is_wrong_in_a_map_file_is_named(
    raw: Path, old: str, new: str, error: type[PicpxctError], says: str
) -> None:
    path = raw.parent / "nanomax.toml"
    path.write_text(MAP.replace(old, new, 1))
    with pytest.raises(error) as caught:
        load(raw)
    assert says in str(caught.value)


def test_a_map_file_that_is_not_there_is_named(raw: Path) -> None:
    (raw.parent / "nanomax.toml").unlink()
    with pytest.raises(MissingInputError, match=r"nanomax\.toml: cannot be read"):
        load(raw)
