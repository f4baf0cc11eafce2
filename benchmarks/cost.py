"""What every stage costs in time, memory, disk and bytes moved, how that grows, and what a real experiment would take.

    python benchmarks/cost.py [--axis frames|pixels|energies|polarisations|none] [--json costs.json]

Simulated experiments go through the real commands, each in a process of its own on one thread. One number is changed at
a time: frames and pixels of one scan (its stages only), energies and polarisations of a small experiment. Time is
processor time, which a loaded machine leaves alone; memory the largest resident set; bytes moved are those that the
process read and wrote (/proc/PID/io). What a command takes on next to nothing, interpreter, libraries and first use of
each, is measured on a smallest scan and taken off before `cost ~ size^exponent` is fitted.

--files reads and writes a scan of 440 x 440 pixels a frame as the commands do, and tells what a frame costs; and a
reconstruction of 740 x 740 pixels with its sigma maps and a probe of 440 x 440.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from picpxct_nx import nexus
from picpxct_nx.records import Scan
from picpxct_nx.simulate.faultless import PIXEL, flattened

E0 = "5483.4 eV"
# Pre-edge, peak and post-edge in each.
EDGE = (5460.0, 5465.0, 5469.0, 5471.0, 5473.0, 5482.0, 5515.0)


@dataclass(frozen=True)
class Size:
    """What an experiment is made of; a frame is `side` x `side` pixels."""

    frames: int = 60
    side: int = 48
    energies: int = 7
    polarisations: int = 2


@dataclass(frozen=True)
class Cost:
    """Processor seconds, largest resident set, bytes of the product, bytes read and written."""

    seconds: float
    memory: int
    disk: int
    read: int
    written: int


BASE = Size()
# A single scan of other sizes need not show air where it is looked for; what is measured is the cost.
AIR = ((), ("--air", "x=-9um:9um"))
AXES = {
    "frames": [Size(n, 64, 1, 1) for n in (100, 200, 400, 800)],
    "pixels": [Size(200, n, 1, 1) for n in (64, 90, 128, 180)],
    "energies": [replace(BASE, energies=n) for n in (7, 10, 14)],
    "polarisations": [replace(BASE, polarisations=n) for n in (2, 3, 4)],
}


def energies(count: int) -> str:
    """Energies across the edge with units, those of `EDGE` among them."""
    if count < len(EDGE):
        return "5471 eV"
    more = np.linspace(5461.0, 5517.0, count - len(EDGE))
    return ",".join(f"{energy:.2f} eV" for energy in sorted([*EDGE, *more]))


def rotations(count: int) -> str:
    """Rotations of the sample, evenly over half a turn."""
    return ",".join(f"{180 * n / count:g} deg" for n in range(count))


def stages(size: Size) -> dict[str, tuple[list[str], str, str]]:
    """Words of the command line, input and output of every stage in their order."""
    simulated = ["--set", f"n_positions={size.frames}", "--set", f"frame_size={size.side}", "--set", "supersampling=1"]
    where = ["--energies", energies(size.energies), "--rotations", rotations(size.polarisations)]
    cubes = {
        "stack": (["stack"], "flat/", "cube.nxs"),
        "align": (["align"], "cube.nxs", "aligned.nxs"),
        "register": (["register"], "aligned.nxs", "registered.nxs"),
        "normalize": (["normalize", "--e0", E0], "registered.nxs", "normalized.nxs"),
        "grainmap": (["grainmap"], "normalized.nxs", "grains.nxs"),
    }
    scans = {
        "simulate": (["simulate", *simulated, *where], "", "scans/"),
        "reconstruct": (["reconstruct", "--device", "cpu:1"], "scans/", "recs/"),
        "warm": (["reconstruct", "--start", "warm", "--device", "cpu:1"], "scans/", "warm/"),
        "flatten": (["flatten", *AIR[size.energies == 1]], "recs/", "flat/"),
        "validate": (["validate", "--json"], "scans/", ""),
    }
    return scans | (cubes if size.energies > 1 else {})


def run(words: list[str], folder: Path, source: str, target: str) -> Cost:
    """Run one command and wait for what it took.

    Raises
    ------
    SystemExit
        It failed; its own message is on stderr.
    """
    given = sorted(str(path) for path in (folder / source).glob("*.nxs")) if source.endswith("/") else []
    given = given or ([str(folder / source)] if source else [])
    made = ["-q", "-o", f"{folder}/{target}"] if target else []
    env = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    line = [sys.executable, "-m", "picpxct_nx.cli", *words, *given, *made]
    child = subprocess.Popen(line, env=env, stdout=subprocess.DEVNULL)
    # Before it is waited for, the kernel still tells what it moved.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    moved = dict(line.split(": ") for line in Path(f"/proc/{child.pid}/io").read_text().splitlines())
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"cost: picpxct {words[0]} ended with exit code {child.returncode}")
    place = folder / target if target else None
    files = [] if place is None else list(place.glob("*.nxs")) if place.is_dir() else [place]
    disk = sum(path.stat().st_size for path in files)
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, disk, int(moved["rchar"]), int(moved["wchar"]))


def through(size: Size) -> dict[str, Cost]:
    """The costs of all stages of an experiment."""
    print(f"{size.frames} frames of {size.side}^2, {size.energies} energies, {size.polarisations} polarisations")
    costs: dict[str, Cost] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (words, source, target) in stages(size).items():
            costs[name] = cost = run(words, Path(folder), source, target)
            sizes = "".join(f"{value / 2**20:9.1f}" for value in (cost.memory, cost.disk, cost.read, cost.written))
            print(f"  {name:12s}{cost.seconds:8.2f} s{sizes} MiB (memory, disk, read, written)", flush=True)
    return costs


def starts() -> dict[str, Cost]:
    """What a command takes on next to nothing, one scan of a few pixels; those of cubes as much as `flatten`."""
    costs: dict[str, Cost] = {}
    one = ["simulate", "--set", "n_positions=9", "--set", "frame_size=16", "--set", "supersampling=1"]
    one += ["--energies", "5471 eV", "--rotations", "0 deg"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        costs["simulate"] = run(one, folder, "", "scans/")
        costs["reconstruct"] = run(["reconstruct", "--recipe", "pie:1"], folder, "scans/", "recs/")
        costs["warm"] = costs["reconstruct"]
        costs["flatten"] = run(["flatten", "--air", "x=-9um:9um"], folder, "recs/", "flat/")
        costs |= dict.fromkeys(("stack", "align", "register", "normalize", "grainmap"), costs["flatten"])
        costs["validate"] = run(["validate", "--json"], folder, "scans/", "")
    return costs


def exponents(axis: str, sizes: list[Size], costs: list[dict[str, Cost]], least: dict[str, Cost]) -> None:
    """Print the exponent of every cost of every stage, what a process takes by itself taken off."""
    of = {"frames": "frames", "pixels": "side", "energies": "energies", "polarisations": "polarisations"}[axis]
    counts = np.array([getattr(size, of) ** (2 if axis == "pixels" else 1) for size in sizes], float)
    for name in costs[0]:
        told = []
        for field in ("seconds", "memory", "disk", "read", "written"):
            values = np.array([getattr(cost[name], field) for cost in costs], float)
            taken = 0.0 if field == "disk" else float(getattr(least[name], field))
            told.append(f"{field} {growth(counts, values, taken)}")
        print(f"{name:12s} ~ {axis}^b: {', '.join(told)}", flush=True)


def growth(counts: np.ndarray, values: np.ndarray, taken: float) -> str:
    """Exponent of `values - taken` over counts, or a dash where hardly anything is left of them."""
    rest = values - taken
    if rest.min() <= 0 or rest.max() < 0.1 * max(values.max(), 1.0):
        return "-"
    return f"{np.polyfit(np.log(counts), np.log(rest), 1)[0]:.2f}"


def files(count: int = 60, side: int = 440) -> None:
    """Print what it costs to write, open and read a scan on one thread, a frame and a byte."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulated = ["--set", f"n_positions={count}", "--set", f"frame_size={side}", "--set", "supersampling=1"]
        where = ["--energies", "5471 eV", "--rotations", "0 deg"]
        run(["simulate", *simulated, *where], folder, "", "scans/")
        (path,) = (folder / "scans").glob("*.nxs")
        with nexus.open_valid(path, str(path)) as file:
            record = nexus.read(file, nexus.entries(file)[0])
            assert isinstance(record, Scan)
            for compression in ("gzip", "bitshuffle", "none"):
                filed(record, folder / f"{compression}.nxs", compression)
        written(folder / "reconstruction.nxs")


def written(path: Path, side: int = 740, window: int = 440) -> None:
    """Print what it costs to write a reconstruction as `reconstruct` does, and to open and read it again."""
    plain, rng = flattened(side=side), np.random.default_rng(0)
    sigmas = [rng.gamma(50, 1e-4, plain.transmission.shape).astype(np.float32) for _ in range(2)]
    probe = rng.standard_normal((1, window, window, 2)).astype(np.float32).view(np.complex64)[..., 0]
    axis = PIXEL * (np.arange(window) - window // 2)
    record = replace(
        plain, transmission_sigma=sigmas[0], phase_sigma=sigmas[1], probe=probe, probe_y=axis, probe_x=axis
    )
    times = [time.process_time()]
    nexus.write(path, [record], compression="gzip")
    times.append(time.process_time())
    with nexus.open_valid(path, str(path)) as file:
        nexus.read(file, nexus.entries(file)[0])
    times.append(time.process_time())
    seconds = np.diff(times)
    print(
        f"reconstruction of {side} x {side}: {path.stat().st_size / 2**20:.0f} MiB; write, checked {seconds[0]:.2f} s, "
        f"open, validate and read {seconds[1]:.2f} s",
        flush=True,
    )


def filed(record: Scan, path: Path, compression: nexus.Compression) -> None:
    """Print what it costs to write a scan with a compression, and to open and read it again."""
    times = [time.process_time()]
    nexus.write(path, [record], compression=compression)
    times.append(time.process_time())
    with nexus.open_valid(path, str(path)) as file:
        times.append(time.process_time())
        read = nexus.read(file, nexus.entries(file)[0])
        assert isinstance(read, Scan)
        frames = np.asarray(read.frames)
        times.append(time.process_time())
    plain, kept = frames.nbytes, path.stat().st_size / frames.nbytes
    print(
        f"{compression}: {len(frames)} frames, {plain / 2**20:.0f} MiB of {frames.dtype}, {kept:.2f} of it on the disk"
    )
    for what, seconds in zip(("write, checked", "open and validate", "read"), np.diff(times), strict=True):
        each = 1e3 * seconds / len(frames)
        print(f"  {what:18s}{each:7.2f} ms a frame {plain / seconds / 2**20:8.0f} MiB/s", flush=True)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--axis", action="append", choices=[*AXES, "none"], help="default: all")
    parser.add_argument("--json", type=Path, help="keep all costs there")
    parser.add_argument("--files", action="store_true", help="only read and write one scan")
    chosen = parser.parse_args()
    if chosen.files:
        files()
        return
    floor = starts()
    print("a start:", ", ".join(f"{name} {cost.seconds:.2f} s" for name, cost in floor.items()), flush=True)
    done: dict[Size, dict[str, Cost]] = {}
    for axis in chosen.axis or AXES:
        sizes = AXES.get(axis, [BASE])
        for size in sizes:
            if size not in done:
                done[size] = through(size)
            if chosen.json:
                kept = [{"size": asdict(s), "costs": {n: asdict(c) for n, c in v.items()}} for s, v in done.items()]
                chosen.json.write_text(json.dumps(kept, indent=1))
        if axis in AXES:
            exponents(axis, sizes, [done[size] for size in sizes], floor)


if __name__ == "__main__":
    main()
