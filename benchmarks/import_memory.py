"""Memory and speed of import: a DECTRIS scan of several gigabytes, cut, turned or copied, in a process of its own.

    python benchmarks/import_memory.py [--gigabytes 4]

Frames are written by hdf5plugin (bitshuffle, LZ4), one file a thousand images. Each row is one run of `picpxct import`:
its peak memory (the target is below 500 MB, whatever the size of the data), and its time as a ratio to a floor measured
here: reading the same frames once through h5py and hashing the files, on one thread.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np

SHAPE = (1030, 1614)
PER_FILE = 100
TARGET_MB = 500
STATED = (
    "energy=5471 eV", "distance=7.1 m", "pixel_size=75 um", "rotation=0 deg", "count_time=0.1 s", "sample=V2O5",
    "instrument=cSAXS", "source=SLS", "start_time=2025-12-01T08:00:00+01:00", "title=large", "stokes=1,1,0,0",
)  # fmt: skip


def write(folder: Path, count: int) -> Path:
    """A master with `count` frames of 1030 x 1614 uint32, a cone of light in the middle, and a table of positions."""
    rng = np.random.default_rng(1)
    y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
    cone = 30 * np.exp(-(((y - 515) ** 2 + (x - 807) ** 2) / 150**2))
    # A few different frames again and again: making noise would take longer than all that is measured.
    frames = rng.poisson(np.broadcast_to(cone, (8, *SHAPE))).astype(np.uint32)
    with h5py.File(folder / "large_master.h5", "w") as master:
        master["entry/instrument/detector/detectorSpecific/pixel_mask"] = np.zeros(SHAPE, np.uint32)
        for number, start in enumerate(range(0, count, PER_FILE), 1):
            n = min(PER_FILE, count - start)
            name = f"large_data_{number:06d}.h5"
            with h5py.File(folder / name, "w") as file:
                item = file.create_dataset(
                    "entry/data/data", (n, *SHAPE), np.uint32, chunks=(1, *SHAPE), **hdf5plugin.Bitshuffle(cname="lz4")
                )
                for index in range(n):
                    item[index] = frames[index % 8]
            master[f"entry/data/data_{number:06d}"] = h5py.ExternalLink(name, "/entry/data/data")
    angle, radius = 2.4 * np.arange(count), 0.6 * np.sqrt(np.arange(count))
    np.savetxt(folder / "positions.csv", np.stack([radius * np.sin(angle), radius * np.cos(angle)], 1), header="y x")
    return folder / "large_master.h5"


def floor(master: Path) -> float:
    """Seconds to read every frame once and to hash every file."""
    start = time.perf_counter()
    with h5py.File(master) as file:
        for name in file["entry/data"]:
            item = file[f"entry/data/{name}"]
            for index in range(len(item)):
                item[index]
    for path in master.parent.glob("*.h5"):
        with path.open("rb") as handle:
            hashlib.file_digest(handle, "sha256")
    return time.perf_counter() - start


def run(master: Path, *more: str) -> tuple[float, float, int]:
    """Seconds, peak memory in MB and bytes written of one import."""
    table, out = master.parent / "positions.csv", master.parent / "out.nxs"
    stated = [word for text in STATED for word in ("--set", text)]
    words = ["import", str(master), "--map", f"positions={table}::y+{table}::x", *stated, *more, "-q", "-o", str(out)]
    # VmHWM and not ru_maxrss, which a new process inherits from the one that starts it.
    code = "import sys; from picpxct_nx.cli.main import app\ntry:\n    app(sys.argv[1:])\nfinally:\n"
    code += "    print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    start = time.perf_counter()
    command = [sys.executable, "-c", code, *words, "--overwrite"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if told.returncode:
        raise SystemExit(told.stderr)
    return seconds, int(told.stdout.split()[-1]) / 1e3, out.stat().st_size


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=4.0)
    gigabytes = parser.parse_args().gigabytes
    count = max(2, round(gigabytes * 1e9 / (4 * SHAPE[0] * SHAPE[1])))
    with tempfile.TemporaryDirectory() as name:
        master = write(Path(name), count)
        stored = sum(path.stat().st_size for path in Path(name).glob("*.h5"))
        least = floor(master)
        print(f"{count} frames, {count * 4 * SHAPE[0] * SHAPE[1] / 1e9:.2f} GB of counts in {stored / 1e9:.2f} GB")
        print(f"floor (read once, hash): {least:.1f} s")
        print(f"{'import':<28}{'peak MB':>9}{'target':>8}{'time / floor':>14}{'written GB':>12}")
        for label, more in (
            ("copied (nothing turned)", ("--axes", "stage:+y,+x:um;frames:+y,+x")),
            ("turned (as mounted)", ("--axes", "stage:+y,+x:um")),
            ("cut to 440", ("--axes", "stage:+y,+x:um", "--crop", "440", "--center", "515,807")),
        ):
            seconds, peak, size = run(master, *more)
            print(f"{label:<28}{peak:>9.0f}{TARGET_MB:>8}{seconds / least:>14.1f}{size / 1e9:>12.2f}")


if __name__ == "__main__":
    main()
