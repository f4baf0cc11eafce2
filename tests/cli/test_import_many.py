"""A folder of scans and a manifest become raw files in one command; what is missing is named, with the scan."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from picpxct_nx import nexus
from picpxct_nx.records import Scan

from .conftest import Call, message

STATED = (
    "distance=7.2 m", "pixel_size=75 um", "count_time=0.1 s", "instrument=cSAXS", "source=SLS", "title=series",
)  # fmt: skip
TABLE = """scan;energy (eV);rotation;sample;stokes;start_time;frames;comment
S00101;5460;0 deg;V2O5;1,1,0,0;2025-06-01T08:00:00+02:00;;first
102;5471;90 deg;V2O5;1,1,0,0;2025-06-01T09:00:00+02:00;0:6;stopped early
"""


@pytest.fixture
def beamtime(tmp_path: Path) -> Path:
    """Two scans as cSAXS writes them, the second with a frame too many."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[-16:16, -16:16]
    for number, count in ((101, 6), (102, 7)):
        folder = tmp_path / f"eiger_4/S00000-00999/S{number:05d}"
        folder.mkdir(parents=True)
        with h5py.File(folder / f"run_{number:05d}.h5", "w") as file:
            spot = np.broadcast_to(1000 * np.exp(-(x**2 + y**2) / 30), (count, 32, 32))
            file["/entry/instrument/eiger_4/data"] = rng.poisson(spot).astype(np.uint32)
        rows = "\n".join(f"{a:.6f} {b:.6f}" for a, b in rng.random((6, 2)))
        table = tmp_path / f"specES1/scan_positions/scan_{number:05d}.dat"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text(f"Scan {number}, Samroy 0.5\nAverage_x_st_fzp Average_y_st_fzp\n{rows}\n")
    (tmp_path / "scans.csv").write_text(TABLE)
    return tmp_path


def words(*more: str) -> list[str]:
    return ["import", ".", "--manifest", "scans.csv", *(word for text in STATED for word in ("--set", text)), *more]


def test_a_folder_and_a_manifest_become_valid_raw_files_in_one_command(call: Call, beamtime: Path) -> None:
    result = call(*words("-o", "raw/"))
    assert result.exit_code == 0, result.stderr
    assert "nobody reads the column 'comment'" in result.stderr
    # What holds of both scans is said once.
    assert result.stderr.count("no mask was given") == 1
    assert call("validate", "raw/scan_S00101.nxs", "raw/scan_S00102.nxs").exit_code == 0
    with nexus.open_valid(beamtime / "raw/scan_S00102.nxs", "x") as file:
        scan = nexus.read(file, "scan_S00102")
        assert isinstance(scan, Scan)
        assert (scan.energy_ev, scan.sample) == (5471.0, "V2O5")
        assert scan.rotation == pytest.approx(np.pi / 2)
        assert scan.frames.shape == (6, 32, 32)
        assert {each.file_name for each in scan.history[0].inputs} == {"run_00102.h5", "scan_00102.dat", "scans.csv"}


def test_a_second_run_makes_only_what_is_missing(call: Call, beamtime: Path) -> None:
    assert call(*words("-o", "raw/", "-q")).exit_code == 0
    (beamtime / "raw/scan_S00101.nxs").unlink()
    kept = (beamtime / "raw/scan_S00102.nxs").read_bytes()
    assert call(*words("-o", "raw/", "--keep-going")).exit_code == 0
    assert (beamtime / "raw/scan_S00101.nxs").exists()
    assert (beamtime / "raw/scan_S00102.nxs").read_bytes() == kept


@pytest.mark.parametrize(
    ("old", "new", "code", "says"),
    [
        ("0:6", "", 65, ("S00102", "7 frames but 6 positions", "column frames")),
        ("5460", "", 65, ("S00101", "energy=NUMBER eV")),
        ("5460", "5460 nm", 65, ("scans.csv: S00101: energy", "nm eV")),
        ("102;", "777;", 65, ("S00777", "has no folder S00777")),
        ("102;", "S00101;", 65, ("S00101 is named twice",)),
        ("90 deg", "90", 65, ("scans.csv: 102: rotation", "has no unit")),
        (";frames", ";title", 2, ("title", "stated on the command line and in scans.csv")),
    ],
)
def test_what_is_wrong_in_a_manifest_is_named_on_one_line(
    call: Call, beamtime: Path, old: str, new: str, code: int, says: tuple[str, ...]
) -> None:
    (beamtime / "scans.csv").write_text(TABLE.replace(old, new, 1))
    result = call(*words("-q", "-o", "all.nxs"))
    assert result.exit_code == code
    assert all(text in message(result) for text in says), message(result)
    assert not (beamtime / "all.nxs").exists()


def test_one_bad_scan_does_not_hold_up_the_others(call: Call, beamtime: Path) -> None:
    (beamtime / "scans.csv").write_text(TABLE.replace("0:6", ""))
    result = call(*words("-o", "raw/", "--keep-going", "--json"))
    assert result.exit_code == 70
    assert "7 frames but 6 positions" in result.stderr
    assert [json.loads(line)["entry"] for line in result.stdout.splitlines()] == ["scan_S00101"]


def test_rows_may_name_files_of_any_format_in_the_folder(call: Call, beamtime: Path) -> None:
    np.savez(beamtime / "a.npz", data=np.ones((3, 8, 8), np.uint16), positions=1e-6 * np.eye(3)[:, :2])
    (beamtime / "scans.csv").write_text(
        "scan,file,energy,rotation,sample,stokes,start_time\n"
        'S00007,a.npz,5460 eV,0 deg,V2O5,"1,1,0,0",2025-06-01T08:00:00+02:00\n'
    )
    result = call(*words("--map", "data=data,positions=positions", "--axes", "probe:+y,+x:m", "-o", "one.nxs"))
    assert result.exit_code == 0, result.stderr
    with h5py.File(beamtime / "one.nxs") as file:
        assert list(file) == ["scan_S00007"]
    (beamtime / "scans.csv").write_text("scan,file\nS00007,../a.npz\n")
    assert "leads out of" in call(*words("-o", "two.nxs")).stderr


def test_rows_may_have_maps_of_their_own(call: Call, beamtime: Path) -> None:
    for number in (1, 2):
        np.savez(beamtime / f"frames{number}.npz", data=np.full((3, 8, 8), number, np.uint16))
        (beamtime / f"places{number}.csv").write_text(f"y x\n0 0\n0 {number}\n{number} 0\n")
    rows = [
        f"S0000{n};frames{n}.npz;data=data,positions=places{n}.csv::y+places{n}.csv::x;5460 eV;0 deg;V;1,1,0,0;"
        "2025-06-01T08:00:00+02:00"
        for n in (1, 2)
    ]
    (beamtime / "scans.csv").write_text("scan;file;map;energy;rotation;sample;stokes;start_time\n" + "\n".join(rows))
    result = call(*words("--axes", "stage:+y,+x:um", "-o", "both.nxs"))
    assert result.exit_code == 0, result.stderr
    with h5py.File(beamtime / "both.nxs") as file:
        for n in (1, 2):
            entry = file[f"scan_S0000{n}"]
            assert entry["sample/transformations/x"][1] == pytest.approx(n * 1e-6)
            assert entry["instrument/detector/data"][0, 0, 0] == n
    (beamtime / "scans.csv").write_text(
        "scan;file;map\nS00001;frames1.npz;data=data,positions=../x.csv::y+../x.csv::x\n"
    )
    assert "leads out of" in message(call(*words("--axes", "stage:+y,+x:um", "-o", "none.nxs")))


def test_a_manifest_wants_one_folder(call: Call, beamtime: Path) -> None:
    result = call("import", "scans.csv", "--manifest", "scans.csv", "-o", "x.nxs")
    assert result.exit_code == 2
    assert "wanted one folder" in message(result)


def test_frames_that_cannot_be_unpacked_are_named_and_the_others_go_on(call: Call, beamtime: Path) -> None:
    folder = beamtime / "eiger_4/S00000-00999/S00102"
    with h5py.File(folder / "run_00102.h5", "r+") as file:
        frames = file["/entry/instrument/eiger_4/data"][()]
        del file["/entry/instrument/eiger_4/data"]
        item = file.create_dataset("/entry/instrument/eiger_4/data", data=frames, chunks=(1, 32, 32), fletcher32=True)
        item.id.write_direct_chunk((3, 0, 0), b"damaged" * 600)
    result = call(*words("-o", "all.nxs", "-q"))
    assert result.exit_code == 65
    assert "S00102" in message(result)
    assert not (beamtime / "all.nxs").exists()
    assert call(*words("-o", "raw/", "--keep-going")).exit_code == 70
    assert [path.name for path in (beamtime / "raw").iterdir()] == ["scan_S00101.nxs"]


def test_a_manifest_in_the_place_of_a_file_is_recognised(call: Call, beamtime: Path) -> None:
    assert "import DIR --manifest scans.csv" in message(call("import", "scans.csv", "-o", "x.nxs"))
