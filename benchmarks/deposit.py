"""What a deposit costs: memory from 30 MB to 30 GB, and time of each part in plain SHA-256 of the same bytes.

Run: `OMP_NUM_THREADS=1 python benchmarks/deposit.py [--largest 30e9] [--jobs 1]`. Files are raw scans whose frames are
holes of the file system, so that they take no room and no disk bounds what is measured; they are linked, not copied,
but for the last table, which copies and archives real bytes.
"""

import argparse
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import h5py
import numpy as np

from picpxct_nx.deposit.transfer import Job, transfer, workshop

ROOT = Path(__file__).parents[1]
FORM = ROOT / "tests" / "deposit" / "form.toml"
ENTRY, SIDE = "scan_E054710_R000", 512


def scan_of(size: float, target: Path) -> None:
    """A valid raw scan of about `size` bytes, all of its frames zero and none of them on the disk."""
    frames = max(30, round(size / (2 * SIDE * SIDE)))
    with h5py.File(ROOT / "sample_data" / "scan.nxs") as old, h5py.File(target, "w", libver=("v108", "v110")) as file:
        file.attrs.update(old.attrs)
        old.copy(old[ENTRY], file, ENTRY)
        entry = file[ENTRY]
        for path in ("truth", "start_probe"):
            if path in entry:
                del entry[path]
        _frames(entry, frames)
        axis = 1e-8 * np.arange(frames)
        for path, values in (
            ("sample/transformations/x", axis), ("sample/transformations/y", -axis), ("data/frame", np.arange(frames)),
            ("control/data", np.ones(frames)), ("instrument/detector/pixel_mask", np.zeros((SIDE, SIDE), np.int32)),
        ):  # fmt: skip
            _replace(entry, path, values)


def _replace(entry: h5py.Group, path: str, values: np.ndarray) -> None:
    marks = dict(entry[path].attrs)
    links = [name for name in entry["data"] if entry[f"data/{name}"] == entry[path]]
    for name in {path, *(f"data/{link}" for link in links)}:
        del entry[name]
    item = entry.create_dataset(path, data=values)
    item.attrs.update(marks)
    for link in links:
        if f"data/{link}" != path:
            entry[f"data/{link}"] = item


def _frames(entry: h5py.Group, count: int) -> None:
    marks = dict(entry["instrument/detector/data"].attrs)
    del entry["instrument/detector/data"], entry["data/data"]
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    plist.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    space = h5py.h5s.create_simple((count, SIDE, SIDE))
    raw = h5py.h5d.create(entry["instrument/detector"].id, b"data", h5py.h5t.NATIVE_UINT16, space, plist)
    item = h5py.Dataset(raw)
    item.attrs.update(marks)
    entry["data/data"] = item


def run(words: Sequence[str | Path], folder: Path) -> tuple[float, float]:
    """Seconds and largest resident set, in MB, of a command in a process of its own."""
    start = time.perf_counter()
    line = [sys.executable, "-m", "picpxct_nx.cli", *map(str, words), "-q"]
    process = subprocess.Popen(line, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{words[0]} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1e3


def best(task: Callable[[], object], rounds: int = 3) -> float:
    """Shortest of several runs, seconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)
    return min(times)


def memory(sizes: Sequence[float], jobs: int) -> None:
    """Peak memory and time of `deposit` and `deposit --verify` by the size of a raw scan."""
    print(f"\npicpxct deposit --link --jobs {jobs}, one raw scan\n")
    print("| bytes | plain sha256 (s) | deposit (s) | in sha256 | MB | verify (s) | in sha256 | MB |")
    print("|---|---|---|---|---|---|---|---|")
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            scan_of(size, folder / "scan.nxs")
            plain = best(partial(digest, folder / "scan.nxs"), 1 if size > 1e9 else 3)
            made, top = run(
                ("deposit", "scan.nxs", "-o", "crate", "--metadata", FORM, "--link", "--jobs", str(jobs)), folder
            )
            checked, high = run(("deposit", "--verify", "crate", "--jobs", str(jobs)), folder)
            ratios = f"{made / plain:.1f} | {top:.0f} | {checked:.1f} | {checked / plain:.1f} | {high:.0f}"
            print(f"| {(folder / 'scan.nxs').stat().st_size:.3g} | {plain:.2f} | {made:.1f} | {ratios} |", flush=True)


def digest(path: Path) -> str:
    """SHA-256 of a file, by the standard library alone."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def bytes_alone(size: int) -> None:
    """Time of what is done with bytes, in plain SHA-256 of them: one file of random bytes."""
    with tempfile.TemporaryDirectory() as name:
        folder, path = Path(name), Path(name) / "x.nxs"
        with path.open("wb") as handle:
            for _ in range(size // 2**20):
                handle.write(os.urandom(2**20))
        jobs = [Job(path, "raw/x.nxs")]

        def go(into: str | None, *, link: bool) -> None:
            with workshop(folder / "crate") as shop:
                transfer(jobs, shop, into=None if into is None else shop / into, link=link, workers=1)
                (shop / "journal.jsonl").unlink()

        plain = best(lambda: digest(path))
        rows = (
            ("hash", lambda: go(None, link=False)), ("link and hash", lambda: go("a", link=True)),
            ("copy and hash", lambda: go("b", link=False)),
        )  # fmt: skip
        print(f"\n{size / 1e6:.0f} MB of random bytes, in plain SHA-256 ({size / plain / 1e9:.2f} GB/s)\n")
        print("| what | in sha256 |\n|---|---|")
        for what, task in rows:
            print(f"| {what} | {best(task) / plain:.2f} |", flush=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=float, default=3e9, help="bytes of the largest scan")
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    sizes = [size for size in (3e7, 3e8, 3e9, 3e10) if size <= asked.largest]
    memory(sizes, asked.jobs)
    bytes_alone(2**28)
    print(f"\nlargest resident set of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")


if __name__ == "__main__":
    main()
