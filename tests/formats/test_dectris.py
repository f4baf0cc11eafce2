"""DECTRIS masters: frames beside the master are found and turned, and copied as they are where nothing turns."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pytest

from picpxct_nx import formats, nexus
from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.formats import ImportOptions
from picpxct_nx.formats.form import Source
from picpxct_nx.nexus.packed import fletcher32
from picpxct_nx.records import Scan

from .conftest import BEAM, DISTANCE, ENERGY_EV, GIVEN, PIXEL_X, PIXEL_Y, Truth, turn, turned_point

Write = Callable[..., Path]
Check = Callable[[Scan], None]
DETECTOR, SPECIFIC = "entry/instrument/detector", "entry/instrument/detector/detectorSpecific"
AXES = "stage:+y,+x:um"
OTHERS = {name: text for name, text in GIVEN.items() if name != "count_time"}
HC_ANGSTROM = 12398.419843320026


@pytest.fixture
def write_master(truth: Truth, tmp_path: Path) -> Write:
    """Write a master of V1 with data files of three frames each, and positions in a table; None removes a field."""

    def write(directions: tuple[str, str] = ("-y", "-x"), dtype: Any = np.float32, **changes: Any) -> Path:
        frames = turn(truth.frames, directions).astype(dtype)
        y, x = turned_point((16, 12), (32, 24), directions)
        values: dict[str, Any] = {
            "entry/instrument/beam/incident_wavelength": HC_ANGSTROM / ENERGY_EV,
            f"{DETECTOR}/detector_distance": DISTANCE, f"{DETECTOR}/x_pixel_size": PIXEL_X,
            f"{DETECTOR}/y_pixel_size": PIXEL_Y, f"{DETECTOR}/count_time": 0.1, f"{DETECTOR}/beam_center_x": x,
            f"{DETECTOR}/beam_center_y": y, f"{DETECTOR}/bit_depth_readout": 16,
            f"{DETECTOR}/countrate_correction_applied": 1, f"{DETECTOR}/description": b"Dectris Eiger X 1M",
            f"{DETECTOR}/detector_number": b"E-02-0101", f"{DETECTOR}/sensor_material": b"Si",
            f"{DETECTOR}/sensor_thickness": 4.5e-4, f"{DETECTOR}/threshold_energy": 2735.0,
            f"{SPECIFIC}/pixel_mask": np.zeros(frames.shape[1:], np.uint32),
            f"{SPECIFIC}/data_collection_date": b"2026-05-01T08:00:00.123456",
        }  # fmt: skip
        values |= {path.replace("__", "/"): value for path, value in changes.items()}
        master = tmp_path / "run_7_master.h5"
        with h5py.File(master, "w") as file:
            for path, value in values.items():
                if value is not None:
                    file[path] = value
            for number, start in enumerate(range(0, len(frames), 3), 1):
                name = f"run_7_data_{number:06d}.h5"
                with h5py.File(tmp_path / name, "w") as data:
                    part = frames[start : start + 3]
                    how = hdf5plugin.Bitshuffle(cname="lz4")
                    data.create_dataset("entry/data/data", data=part, chunks=(1, *part.shape[1:]), **how)
                file[f"entry/data/data_{number:06d}"] = h5py.ExternalLink(name, "/entry/data/data")
        rows = "\n".join(f"{-a * 1e6!r},{-b * 1e6!r}" for a, b in truth.beam.tolist())
        (tmp_path / "positions.csv").write_text(f"y,x\n{rows}\n")
        return master

    return write


def source(path: Path, axes: str = AXES, more: str = "", **stated: str) -> Source:
    table = path.parent / "positions.csv"
    how = formats.source_of(path, f"positions={table}::y+{table}::x{more}", axes)
    return Source(how.path, how.keys, how.axes, stated=stated, mask=how.mask)


def load(path: Path, how: Source, given: dict[str, str] | None = None, **options: str) -> Scan:
    with formats.read_any(how) as foreign:
        assert isinstance(foreign, formats.ForeignScan)
        scan, _ = formats.assemble(foreign, OTHERS | (given or {}), {}, ImportOptions(**options, mask=how.mask))
        nexus.write(path.with_suffix(".nxs"), [scan], overwrite=True)
        return scan


ORIENTATIONS = [
    ("-y", "-x", {}),
    ("-y", "-x", {f"{DETECTOR}/geometry/orientation/value": np.array([-1.0, 0, 0, 0, -1, 0])}),
    ("+x", "-y", {f"{DETECTOR}/geometry/orientation/value": np.array([0.0, -1, 0, 1, 0, 0])}),
]


@pytest.mark.parametrize(("rows", "columns", "changes"), ORIENTATIONS)
def test_frames_of_a_master_are_turned_as_it_says(
    write_master: Write, same_physics: Check, rows: str, columns: str, changes: dict[str, Any]
) -> None:
    path = write_master((rows, columns), **changes)
    with formats.read_any(source(path)) as foreign:
        assert isinstance(foreign, formats.ForeignScan)
        assert foreign.format == "dectris"
        scan, _ = formats.assemble(foreign, OTHERS, {}, ImportOptions())
        same_physics(scan)
        assert scan.energy_ev == pytest.approx(ENERGY_EV)
        assert (scan.distance, scan.count_time) == (DISTANCE, 0.1)
        names = {each.file_name for each in scan.history[0].inputs}
    assert names == {path.name, "positions.csv", *(f"run_7_data_{n:06d}.h5" for n in (1, 2, 3))}
    assert scan.extra["instrument/detector/serial_number"] == "E-02-0101"
    assert scan.extra["instrument/detector/countrate_correction_applied"] is True


def test_the_vectors_of_a_module_serve_as_well(write_master: Write, same_physics: Check) -> None:
    path = write_master(("+y", "-x"), **{f"{DETECTOR}/module/{n}_pixel_direction": 1.0 for n in ("fast", "slow")})
    with h5py.File(path, "r+") as file:
        file[f"{DETECTOR}/module/fast_pixel_direction"].attrs["vector"] = [-1.0, 0, 0]
        file[f"{DETECTOR}/module/slow_pixel_direction"].attrs["vector"] = [0.0, 1, 0]
    with formats.read_any(source(path)) as foreign:
        assert isinstance(foreign, formats.ForeignScan)
        same_physics(formats.assemble(foreign, OTHERS, {}, ImportOptions())[0])
    with h5py.File(path, "r+") as file:
        file[f"{DETECTOR}/module/slow_pixel_direction"].attrs["vector"] = [0.0, 1, 0.2]
    with pytest.raises(InputError, match="a tilted detector is not read"):
        load(path, source(path))


def test_what_nobody_set_is_asked_for(write_master: Write) -> None:
    unset = {f"{DETECTOR}/detector_distance": 0.0, f"{DETECTOR}/beam_center_x": 0.0, f"{DETECTOR}/beam_center_y": 0.0}
    path = write_master(**unset)
    with pytest.raises(InputError, match=r'1 needed value is.*"distance=NUMBER m"'):
        load(path, source(path))
    notes = str(load(path, source(path), {"distance": "7.2 m"}).history[0].parameters["notes"])
    assert "are 0, as where nobody set them; not taken" in notes
    assert "is no time with a zone, not taken" in notes


def test_pixels_without_counts_and_masked_ones_are_masked(write_master: Write) -> None:
    mask = np.zeros((32, 24), np.uint32)
    mask[0, 0], mask[1, 1] = 1, 8
    path = write_master(dtype=np.uint32, **{f"{SPECIFIC}/pixel_mask": mask})
    for number in (1, 2, 3):
        with h5py.File(path.parent / f"run_7_data_{number:06d}.h5", "r+") as file:
            file["entry/data/data"][:, 2, 2] = 2**32 - 1
    own = np.zeros((32, 24), np.int32)
    own[3, 3] = 1
    np.save(path.parent / "own.npy", own)
    scan = load(path, source(path, more=f",mask={path.parent / 'own.npy'}"))
    assert scan.pixel_mask[::-1, ::-1][[0, 1, 2, 3], [0, 1, 2, 3]].tolist() == [1, 8, 1, 256]
    assert int((scan.pixel_mask != 0).sum()) == 4


def test_compressed_chunks_are_copied_where_nothing_is_turned(write_master: Write) -> None:
    path = write_master(("+y", "+x"), np.uint16)
    how = source(path, axes=f"{AXES};frames:+y,+x")
    scan = load(path, how)
    with h5py.File(path.with_suffix(".nxs")) as file, h5py.File(path.parent / "run_7_data_000002.h5") as data:
        item, theirs = file[f"{scan.entry}/instrument/detector/data"], data["entry/data/data"]
        raw, packed = theirs.id.read_direct_chunk((1, 0, 0))[1], item.id.read_direct_chunk((4, 0, 0))[1]
        assert bytes(packed[:-4]) == bytes(raw)
        assert item.fletcher32
        # Reading checks every checksum.
        assert item[()].tobytes() == load_frames(how).tobytes()
    # A cut or a turn packs anew, by the same filter.
    load(path, how, crop="16")
    with h5py.File(path.with_suffix(".nxs")) as file:
        item = file[f"{scan.entry}/instrument/detector/data"]
        plist = item.id.get_create_plist()
        assert 32008 in [plist.get_filter(index)[0] for index in range(plist.get_nfilters())]
        assert item.fletcher32


def load_frames(how: Source) -> np.ndarray:
    with formats.read_any(how) as foreign:
        assert isinstance(foreign, formats.ForeignScan)
        return np.asarray(foreign.frames[...])


def test_a_copied_chunk_that_is_damaged_is_noticed(write_master: Write) -> None:
    path = write_master(("+y", "+x"), np.uint16)
    scan = load(path, source(path, axes=f"{AXES};frames:+y,+x"))
    with h5py.File(path.with_suffix(".nxs"), "r+") as file:
        item = file[f"{scan.entry}/instrument/detector/data"]
        mask, raw = item.id.read_direct_chunk((2, 0, 0))
        item.id.write_direct_chunk((2, 0, 0), bytes(raw[:-9]) + bytes([raw[-9] ^ 1]) + bytes(raw[-8:]), mask)
    with h5py.File(path.with_suffix(".nxs")) as file, pytest.raises(OSError, match="filter returned failure"):
        file[f"{scan.entry}/instrument/detector/data"][2]


@pytest.mark.parametrize("length", [0, 1, 2, 7, 720, 721, 4001])
def test_the_checksum_is_that_of_hdf5(length: int, tmp_path: Path) -> None:
    for seed, raw in enumerate((np.random.default_rng(length).bytes(length), b"\xff" * length, b"\x00" * length)):
        if not length:
            assert fletcher32(raw) == 0
            continue
        with h5py.File(tmp_path / f"{seed}.h5", "w") as file:
            data = np.frombuffer(raw, np.uint8)
            item = file.create_dataset("data", data=data, chunks=(length,), fletcher32=True)
            stored = bytes(item.id.read_direct_chunk((0,))[1])
        assert int.from_bytes(stored[-4:], "little") == fletcher32(raw)


def test_a_file_of_frames_that_is_lost_is_named(write_master: Write) -> None:
    path = write_master()
    (path.parent / "run_7_data_000002.h5").unlink()
    with pytest.raises(InputError, match=r"data_000002: a link to run_7_data_000002\.h5, which is not there"):
        load(path, source(path))
    with h5py.File(path, "r+") as file:
        del file["entry/data/data_000002"]
    with pytest.raises(InputError, match="data_000001 to data_000003 without data_000002"):
        load(path, source(path))


def test_a_master_asks_for_positions_and_counts_them(write_master: Write) -> None:
    path = write_master()
    with pytest.raises(UsageError, match="a master has no positions"), formats.read(path):
        pass
    rows = (path.parent / "positions.csv").read_text().splitlines()
    (path.parent / "positions.csv").write_text("\n".join(rows[:-1]) + "\n")
    with pytest.raises(InputError, match="8 frames but 7 positions"):
        load(path, source(path))
    assert load(path, source(path, frames="0:7"), {"frames": "0:7"}).frames.shape[0] == 7


def test_several_channels_in_one_virtual_dataset_need_a_choice(
    write_master: Write, truth: Truth, same_physics: Check
) -> None:
    path = write_master()
    with h5py.File(path, "r+") as file:
        # V2 has neither links nor what only V1 knows.
        del file[SPECIFIC]
        file["entry/definition"] = "NXmx"
        for name in list(file["entry/data"]):
            del file[f"entry/data/{name}"]
        layout = h5py.VirtualLayout((8, 2, 32, 24), "f4")
        for number, start in enumerate((0, 4)):
            name = f"v2_{number}.h5"
            with h5py.File(path.parent / name, "w") as data:
                frames = turn(truth.frames[start : start + 4], ("-y", "-x")).astype(np.float32)
                data["data"] = np.stack([0 * frames, frames], axis=1)
            layout[start : start + 4] = h5py.VirtualSource(name, "data", (4, 2, 32, 24))
        file.create_virtual_dataset("entry/data/data", layout)
        file["entry/data/channel"] = ["threshold_1", "threshold_2"]
    with pytest.raises(UsageError, match=re.escape("has 2 channels (threshold_1, threshold_2); choose one")):
        load(path, source(path))
    with formats.read_any(source(path, more=",data=/entry/data/data[:,1]")) as foreign:
        assert isinstance(foreign, formats.ForeignScan)
        same_physics(formats.assemble(foreign, OTHERS, {}, ImportOptions())[0])


def test_all_values_may_be_stated_instead(write_master: Write) -> None:
    path = write_master(**{"entry/instrument/beam/incident_wavelength": None})
    assert load(path, source(path), {"energy": BEAM["energy"]}).energy_ev == ENERGY_EV
