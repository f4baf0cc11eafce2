"""The cost of the export of a large scan, in memory and in plain reads of its frames.

Makes a scan of --gib GiB of counts (440 x 440 pixels of uint32, gzip), exports it with the command in a process of its
own, and prints the peak of its resident set and its time; one thread. The floor is a plain read of all frames.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from picpxct_nx import nexus
from picpxct_nx.provenance import Input, step
from picpxct_nx.records import Scan
from picpxct_nx.values import Array

SIZE = 440
# So many different frames, repeated.
DIFFERENT = 32


class _Frames:
    """A few frames of counts again and again, which take no memory."""

    dtype = np.dtype(np.uint32)

    def __init__(self, count: int) -> None:
        self.shape = (count, SIZE, SIZE)
        y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
        spots = np.broadcast_to(20 * np.exp(-30 * (x**2 + y**2)), (DIFFERENT, SIZE, SIZE))
        self.frames = np.random.default_rng(0).poisson(spots).astype(self.dtype)

    def __getitem__(self, key: Any, /) -> Array:
        first = key[0] if isinstance(key, tuple) else key
        return self.frames[np.arange(self.shape[0])[first] % DIFFERENT]


def make(path: Path, gib: float) -> int:
    """Write the scan and return the bytes of its frames."""
    count = int(gib * 2**30 / (SIZE * SIZE * 4))
    rng = np.random.default_rng(0)
    scan = Scan(
        entry="scan_S00001", title="large", start_time="2026-05-01T08:00:00Z", instrument="beamline", source="ring",
        encoder_energy_ev=5471.0, energy_ev=5471.0, stokes=np.array([[1.0, 1.0, 0.0, 0.0]]), x_pixel_size=75e-6,
        y_pixel_size=75e-6, distance=7.2, beam_center_x=220 * 75e-6, beam_center_y=220 * 75e-6, count_time=0.1,
        sample="V2O5", rotation=0.0, stage_x=1e-5 * rng.random(count), stage_y=1e-5 * rng.random(count),
        frames=_Frames(count), pixel_mask=np.zeros((SIZE, SIZE), np.int32), frame=np.arange(count),
        extra={"sample/depends_on": "transformations/rotation"},
    )  # fmt: skip
    nexus.write(path, [scan.made_by(step("import", {}, [Input(checksum="0" * 64, file_name="raw.h5")]))])
    return count * SIZE * SIZE * 4


def read(path: Path) -> float:
    """Seconds of a plain read of all frames, 64 at a time."""
    start = time.perf_counter()
    with h5py.File(path) as file:
        item = file["scan_S00001/instrument/detector/data"]
        for first in range(0, len(item), 64):
            item[first : first + 64]
    return time.perf_counter() - start


def export(path: Path, form: str, target: Path) -> tuple[float, float]:
    """Seconds and peak resident MiB of the command in a process of its own."""
    words = [sys.executable, "-m", "picpxct_nx.cli", "export", str(path), "--format", form, "-o", str(target), "-q"]
    start = time.perf_counter()
    subprocess.run(words, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    seconds = time.perf_counter() - start
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=1.0, help="size of the frames, unpacked")
    parser.add_argument("--formats", default="ptyd,cxi", help="formats to export to, smallest memory first")
    parser.add_argument("--folder", default=None, help="where the files go for the time of the run")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "scan.nxs"
        size = make(path, arguments.gib)
        floor = read(path)
        print(f"frames {size / 2**30:.2f} GiB, file {path.stat().st_size / 2**30:.2f} GiB, plain read {floor:.1f} s")
        print("format        time (plain reads)   peak memory (MiB)   file (GiB)")
        for form in arguments.formats.split(","):
            target = Path(folder) / f"out.{form}"
            seconds, peak = export(path, form, target)
            print(f"{form:12}  {seconds / floor:18.2f}   {peak:17.0f}   {target.stat().st_size / 2**30:10.2f}")
            target.unlink()


if __name__ == "__main__":
    main()
