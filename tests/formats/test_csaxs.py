"""cSAXS: a folder of S-numbers and a manifest become valid scans of the right handedness; what is missing is named."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from picpxct_nx import formats, nexus
from picpxct_nx.deposit.privacy import check_texts
from picpxct_nx.errors import InputError, MissingInputError, UsageError
from picpxct_nx.formats import ImportOptions
from picpxct_nx.formats.csaxs import camera_directions, flag_directions
from picpxct_nx.formats.form import Source
from picpxct_nx.records import Scan
from picpxct_nx.validation import check_file

from .conftest import BEAM, DISTANCE, ENERGY_EV, GIVEN, PIXEL_X, PIXEL_Y, Truth, turn, turned_point

Check = Callable[[Scan], None]
Write = Callable[..., Path]
BEFORE, SINCE = "2018-08-29T08:00:00+02:00", "2018-08-30T08:00:00+02:00"
STATED = {name: text for name, text in GIVEN.items() if name != "start_time"} | BEAM


def matlab(frames: np.ndarray) -> np.ndarray:
    """Frames (n, h, w) as MATLAB sees them in an HDF5 file: its first index is the last of HDF5."""
    return np.transpose(frames, (0, 2, 1))


def stored_under(flags: tuple[int, int, int], image: np.ndarray) -> np.ndarray:
    """Frames as HDF5 stores them, so that the flags [transpose, fliplr, flipud] in MATLAB make `image` of them."""
    undone = image[:, ::-1] if flags[2] else image
    undone = undone[..., ::-1] if flags[1] else undone
    undone = np.transpose(undone, (0, 2, 1)) if flags[0] else undone
    return matlab(undone)


@pytest.fixture
def write_scan(truth: Truth, tmp_path: Path) -> Write:
    """Write scan folders of cSAXS below tmp_path/beamtime, which is returned."""
    root = tmp_path / "beamtime"

    def write(
        number: int = 123, flags: tuple[int, int, int] = (1, 0, 0), *, place: str = "/entry/instrument/eiger_4/data",
        folder: str = "eiger_4/S00000-00999/S{:05d}", parts: int = 1, positions: int | None = None, **fields: Any,
    ) -> Path:  # fmt: skip
        scan = root / folder.format(number)
        scan.mkdir(parents=True)
        stored = stored_under(flags, truth.frames).astype(np.float32)
        for part, frames in enumerate(np.array_split(stored, parts)):
            with h5py.File(scan / f"run_{number:05d}_{part}.h5", "w") as file:
                file[place] = frames
                for path, value in fields.items():
                    file[f"entry/{path.replace('__', '/')}"] = value
        stage = -truth.beam[:positions] * 1e6
        table = root / "specES1" / "scan_positions" / f"scan_{number:05d}.dat"
        table.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{i} {x!r} {y!r} 0.01" for i, (y, x) in enumerate(stage.tolist())]
        names = "DataPoint Average_x_st_fzp Average_y_st_fzp Stdev_x_st_fzp"
        table.write_text("\n".join([f"Scan {number}, Samroy 0.5", names, *lines]) + "\n")
        return root

    return write


def load(path: Path, given: dict[str, str], root: Path | None = None, axes: str = "", **options: str) -> Scan:
    how = formats.source_of(path, None, axes or None)
    source = Source(how.path, how.keys, how.axes, stated=given, root=root)
    with formats.read_any(source) as foreign:
        assert isinstance(foreign, formats.ForeignScan)
        scan, _ = formats.assemble(foreign, given, {}, ImportOptions(**options))
        nexus.write(path.parent / "out.nxs", [scan], overwrite=True)
        with h5py.File(path.parent / "out.nxs") as file:
            assert check_file(file, "out.nxs").errors == ()
        return scan


@pytest.mark.parametrize(("flags", "when"), [((0, 0, 1), BEFORE), ((1, 0, 0), SINCE)])
def test_frames_are_turned_as_the_flags_of_their_day_say(
    write_scan: Write, same_physics: Check, flags: tuple[int, int, int], when: str
) -> None:
    root = write_scan(flags=flags)
    middle = turned_point((16, 12), (32, 24), flag_directions(*flags))
    with formats.read_any(
        Source(root / "eiger_4/S00000-00999/S00123", root=root, stated={"start_time": when})
    ) as foreign:
        assert isinstance(foreign, formats.ForeignScan)
        center = ",".join(map(str, middle))
        scan, notes = formats.assemble(foreign, STATED | {"start_time": when}, {}, ImportOptions(center=center))
        same_physics(scan)
        assert scan.entry == "scan_S00123"
        assert {source.file_name for source in scan.history[0].inputs} == {"run_00123_0.h5", "scan_00123.dat"}
    assert any(str(list(flags)) in note and "2018-08-30" in note for note in notes)


@pytest.mark.parametrize("flags", list(itertools.product((0, 1), repeat=3)))
def test_flags_act_on_what_matlab_reads(flags: tuple[int, int, int]) -> None:
    image = np.arange(12.0).reshape(1, 3, 4)
    np.testing.assert_array_equal(stored_under(flags, image), turn(image, flag_directions(*flags)))


@pytest.mark.parametrize(("turns", "transpose"), list(itertools.product(range(4), (False, True))))
def test_the_orientation_in_the_file_leads_to_the_view_towards_the_source(turns: int, *, transpose: bool) -> None:
    image = np.arange(12.0).reshape(3, 4)
    seen = np.rot90(turn(image, camera_directions(turns, transpose=transpose)), turns)
    # Who looks towards the source with y up has +x to the right.
    np.testing.assert_array_equal(seen.T if transpose else seen, turn(image, ("-y", "+x")))


def test_the_orientation_that_the_control_system_writes_is_that_of_the_flags_since_2018(
    write_scan: Write, same_physics: Check
) -> None:
    assert camera_directions(3, transpose=True) == flag_directions(1, 0, 0)
    orientation = {f"instrument__eiger_4__orientation__{name}": n for name, n in (("rot90", 3), ("transpose", 1))}
    root = write_scan(**orientation)
    # Without a time: the file itself says how it is turned.
    with formats.read_any(Source(root / "eiger_4/S00000-00999/S00123", root=root)) as foreign:
        assert isinstance(foreign, formats.ForeignScan)
        assert foreign.frame_axes == ("+y", "+x")
        same_physics(formats.assemble(foreign, STATED | {"start_time": SINCE}, {}, ImportOptions())[0])


def test_without_a_time_the_orientation_is_asked_for(write_scan: Write) -> None:
    root = write_scan()
    path = root / "eiger_4/S00000-00999/S00123"
    with pytest.raises(InputError, match=r"start_time=TIME.*frames:\+y,\+x.*frames:\+x,-y"):
        load(path, STATED, root)
    assert load(path, STATED | {"start_time": BEFORE}, root, axes="frames:+y,+x").frames.shape == (8, 32, 24)


@pytest.mark.parametrize(
    ("place", "folder"),
    [
        ("/entry/instrument/eiger_4/data/data", "eiger_4/S00000-00999/S{:05d}"),
        ("/entry/data/eiger_4", "S00000-00999/S{:05d}"),
        ("/eh5/images", "eiger/S00000-00999/S{:05d}"),
        ("/entry/data/data", "S{:05d}"),
        ("/entry/instrument/eiger9m/data", "data/raw/S{:05d}"),
    ],
)
@pytest.mark.parametrize("parts", [1, 3])
def test_frames_are_found_where_years_put_them(
    write_scan: Write, same_physics: Check, place: str, folder: str, parts: int
) -> None:
    root = write_scan(place=place, folder=folder, parts=parts)
    jobs = formats.jobs([root], Source(Path()), STATED | {"start_time": SINCE}, {})
    assert [job.entry for job in jobs] == ["scan_S00123"]
    with formats.imported(jobs[0], "auto", ImportOptions()) as (scan, _):
        assert isinstance(scan, Scan)
        same_physics(scan)


def test_files_of_a_scan_follow_each_other_by_their_numbers(write_scan: Write, same_physics: Check) -> None:
    root = write_scan(parts=2)
    folder = root / "eiger_4/S00000-00999/S00123"
    for part, name in ((0, "run_00123_9.h5"), (1, "run_00123_10.h5")):
        (folder / f"run_00123_{part}.h5").rename(folder / name)
    with formats.read_any(Source(folder, root=root, stated={"start_time": SINCE})) as foreign:
        assert isinstance(foreign, formats.ForeignScan)
        same_physics(formats.assemble(foreign, STATED | {"start_time": SINCE}, {}, ImportOptions())[0])


def test_values_of_the_control_system_are_taken_with_their_units_but_not_the_monochromator_s_distance(
    write_scan: Write,
) -> None:
    root = write_scan(
        instrument__monochromator__energy=ENERGY_EV / 1e3, instrument__monochromator__distance=-5220.0,
        instrument__eiger_4__x_pixel_size=PIXEL_X * 1e6, instrument__eiger_4__y_pixel_size=PIXEL_Y * 1e6,
        start_time=SINCE,
    )  # fmt: skip
    stated = {name: text for name, text in STATED.items() if name not in BEAM}
    path = root / "eiger_4/S00000-00999/S00123"
    with pytest.raises(InputError, match=r"1 needed value is.*--set \"distance=NUMBER m\""):
        load(path, stated, root)
    scan = load(path, stated | {"distance": f"{DISTANCE} m"}, root)
    assert scan.energy_ev == pytest.approx(ENERGY_EV)
    assert (scan.x_pixel_size, scan.y_pixel_size) == pytest.approx((PIXEL_X, PIXEL_Y))
    assert "not taken as the distance" in str(scan.history[0].parameters["notes"])
    # A deposit takes the arrays that the notes name for what they are: no paths of a machine.
    with nexus.open_valid(path.parent / "out.nxs", "out.nxs") as file:
        assert check_texts("out.nxs", nexus.texts(file), lambda place: nexus.holds(file, place)) == []


def test_the_detector_is_described_where_its_frames_are_not(write_scan: Write) -> None:
    fields = {f"instrument__eiger_4__{axis}_pixel_size": 75.0 for axis in "xy"}
    root = write_scan(place="/entry/data/data", instrument__eiger_4__orientation__rot90=3, **fields)
    with h5py.File(root / "eiger_4/S00000-00999/S00123/run_00123_0.h5", "r+") as file:
        file["entry/instrument/eiger_4/orientation/transpose"] = 1
    path = root / "eiger_4/S00000-00999/S00123/run_00123_0.h5"
    # A file of another device, before it in the alphabet, is passed over.
    with h5py.File(path.parent / "falcon.h5", "w") as file:
        file["spectra"] = np.ones(3)
    assert formats.detect(path) == "csaxs"
    with formats.read_any(Source(path.parent, root=root)) as foreign:
        assert isinstance(foreign, formats.ForeignScan)
        assert foreign.frame_axes == ("+y", "+x")
        assert foreign.metadata["instrument/detector/x_pixel_size"] == pytest.approx(75e-6)


def test_numbers_of_frames_and_positions_that_differ_are_both_named(write_scan: Write) -> None:
    root = write_scan(positions=7)
    given = STATED | {"start_time": SINCE}
    with pytest.raises(InputError, match=r"S00123: 8 frames but 7 positions.*--set frames=0:7"):
        load(root / "eiger_4/S00000-00999/S00123", given, root)
    scan = load(root / "eiger_4/S00000-00999/S00123", given | {"frames": "0:7"}, root)
    assert scan.frames.shape[0] == 7
    assert scan.history[0].parameters["frames"] == "0:7"
    with pytest.raises(UsageError, match="is no range"):
        load(root / "eiger_4/S00000-00999/S00123", given | {"frames": "7"}, root)


def test_older_names_of_the_columns_serve_and_others_are_named(write_scan: Write, truth: Truth) -> None:
    root = write_scan()
    table = root / "specES1/scan_positions/scan_00123.dat"
    given, path = STATED | {"start_time": SINCE}, root / "eiger_4/S00000-00999/S00123"
    table.write_text(table.read_text().replace("_st_fzp", ""))
    np.testing.assert_allclose(load(path, given, root).stage_y, -truth.beam[:, 0])
    table.write_text(table.read_text().replace("Average", "Mean"))
    with pytest.raises(InputError, match="has columns DataPoint, Mean_x, Mean_y"):
        load(path, given, root)
    table.write_text(table.read_text() + "8 0.5\n")
    with pytest.raises(InputError, match=r"scan_00123.dat: line 11 is '8 0.5'; wanted 4 numbers"):
        load(path, given, root)
    table.unlink()
    with pytest.raises(InputError, match=r"no scan_00123.dat in"):
        load(path, given, root)


def test_a_valid_mask_of_the_beamline_is_one_of_good_pixels(write_scan: Write, tmp_path: Path) -> None:
    root, given = write_scan(flags=(0, 0, 1)), STATED | {"start_time": BEFORE}
    valid = np.ones(stored_under((0, 0, 1), np.zeros((1, 32, 24))).shape[1:], np.uint8)
    valid[3, 5] = 0
    with h5py.File(tmp_path / "valid.h5", "w") as file:
        file["entry/collection/mask"] = valid
    how = formats.source_of(
        root / "eiger_4/S00000-00999/S00123", f"mask=good:{tmp_path}/valid.h5::/entry/collection/mask"
    )
    with formats.read_any(Source(how.path, how.keys, how.axes, stated=given, root=root)) as foreign:
        assert isinstance(foreign, formats.ForeignScan)
        scan, notes = formats.assemble(foreign, given, {}, ImportOptions(mask=how.mask))
    # Stored rows run along +x, columns along -y.
    assert np.argwhere(scan.pixel_mask).tolist() == [[32 - 1 - 5, 3]]
    assert "mask: not zero means good: 1 of 768 pixels are bad" in notes
    assert scan.history[0].parameters["mask"] == "good:/entry/collection/mask"


def test_nothing_is_read_outside_the_folder(write_scan: Write, tmp_path: Path) -> None:
    root = write_scan()
    outside = tmp_path / "elsewhere"
    (root / "eiger_4/S00000-00999/S00123").rename(outside)
    (root / "eiger_4/S00000-00999/S00123").symlink_to(outside)
    with pytest.raises(InputError, match="leads out of"):
        formats.jobs([root], Source(Path()), {}, {})


def test_a_folder_without_scans_and_a_scan_without_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="is a folder without scans"):
        formats.jobs([tmp_path], Source(Path()), {}, {})
    (tmp_path / "S00007").mkdir()
    with pytest.raises(InputError, match="holds no HDF5 file"), formats.read_any(Source(tmp_path / "S00007")):
        pass
