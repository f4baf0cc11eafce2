"""Put a cube through flatten, align, register and normalize: time, processor time and peak memory of the real commands.

    python benchmarks/cube.py [--side 740] [--energies 60] [--threads 2] [--pipe] [--folder FOLDER]
    python benchmarks/cube.py --growth | --ends

The cube is one of two polarisations: faultless images of a particle of seven grains, drifting by 1.5 px rms, with noise
of 0.01. Every command runs in a process of its own, from file to file, or with --pipe from a pipe to a pipe, as the
middle of a pipeline. Memory is the largest resident set and the spools beside it in multiples of the cube
(complex64); what the interpreter and its libraries take is not taken off. --growth runs small cubes and fits time ~
energies^a and ~ pixels^b.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from picpxct_nx import nexus, records
from picpxct_nx.nexus.writing import write_to
from picpxct_nx.provenance import step
from picpxct_nx.records import SpectralCube
from picpxct_nx.simulate import phantom
from picpxct_nx.simulate.faultless import flattened
from picpxct_nx.simulate.images import View, image_stack, with_noise
from picpxct_nx.values import Array

PIXEL, NOISE, DRIFT_PX, PART = 50e-9, 0.01, 1.5, 5
COMMANDS = {"flatten": (), "align": (), "register": (), "normalize": ("--e0", "5483.4 eV")}
POLARISATIONS = 2
ENDS_SIDE = 740
# The system counts to a child what its parent held when it was started; so a small process starts the command.
LAUNCH = """
import os, sys
_, status, used = os.wait4(os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ), 0)
open(sys.argv[1], "w").write(str(used.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""


@dataclass(frozen=True)
class Cost:
    """What a command took: wall and processor seconds, and the largest resident set in bytes."""

    wall: float
    cpu: float
    memory: int


def energies(count: int) -> Array:
    """As many energies across the edge, eV."""
    return np.linspace(5460.0, 5520.0, count)


def make_cube(target: Path, side: int, count: int, polarisations: int = POLARISATIONS) -> None:
    """Write a stacked cube of a particle that fills two thirds of the field."""
    rng, width = np.random.default_rng(0), 0.66 * side * PIXEL
    # As thick as a measured one, however wide.
    specimen = phantom.polycrystal(
        size=(width, 0.85 * width, 2.4e-6), n_grains=7, max_tilt=0.6, seed=np.random.SeedSequence(3)
    )
    view, ev = View((side, side), PIXEL, 0.7, 1), energies(count)
    drift = DRIFT_PX * rng.standard_normal((polarisations, count, 2))
    images = np.lib.format.open_memmap(
        target.with_suffix(".npy"), "w+", np.complex64, (polarisations, count, side, side)
    )
    total = np.zeros((polarisations, side, side), np.complex128)
    for p in range(polarisations):
        for start in range(0, count, PART):
            part = slice(start, start + PART)
            seen = image_stack(
                specimen, view, list(ev[part]), rotation=p * np.pi / polarisations, shifts_px=drift[p, part]
            )
            images[p, part] = with_noise(seen, NOISE, 1000 * p + start)
            total[p] += seen.sum(axis=0)
    write_to(target, [_record(images, total / count, ev)], compression="none")
    target.with_suffix(".npy").unlink()


def _record(images: Array, mean: Array, ev: Array) -> SpectralCube:
    side, count = images.shape[-1], len(ev)
    axis = PIXEL * (np.arange(side) - side // 2)
    origin = flattened()
    n = len(images)
    stokes, rotation = np.tile([1.0, 1.0, 0.0, 0.0], (n, 1)), np.pi / n * np.arange(n)
    cube = SpectralCube(
        entry="cube",
        title="benchmark",
        stage="stacked",
        measured_energy_ev=np.tile(ev, (n, 1)),
        stokes=stokes,
        sample="particle",
        formula="O5 V2",
        rotation=rotation,
        transmission=images,
        polarization_angle=np.array([records.polarization_angle(s, r) for s, r in zip(stokes, rotation, strict=True)]),
        energy_ev=ev,
        y=axis,
        x=axis,
        valid=np.ones((n, count), bool),
        known=np.ones((n, side, side), bool),
        air=np.abs(mean - 1) < 0.003,
        phase=np.angle(mean).astype(np.float32),
    )
    return cube.made_by(step("stack", {}, [origin.as_input()]), (origin,))


def run(words: list[str], source: Path, target: Path, *, threads: int, pipe: bool) -> Cost:
    """Run one command and wait for what it took.

    Raises
    ------
    SystemExit
        It failed; its own message is on stderr.
    """
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    env = os.environ | dict.fromkeys(names, str(threads))
    report = target.with_suffix(".memory")
    line = [sys.executable, "-c", LAUNCH, str(report), sys.executable, "-m", "picpxct_nx.cli", *words, "-q"]
    start = time.perf_counter()
    if pipe:
        with target.open("wb") as kept:
            feed = subprocess.Popen(["cat", str(source)], stdout=subprocess.PIPE)
            child = subprocess.Popen(line, env=env, stdin=feed.stdout, stdout=subprocess.PIPE)
            drain = subprocess.Popen(["cat"], stdin=child.stdout, stdout=kept)
            _, status, used = os.wait4(child.pid, 0)
            drain.communicate()
            feed.wait()
    else:
        child = subprocess.Popen([*line, str(source), "-o", str(target), "--overwrite"], env=env)
        _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"cube: picpxct {words[0]} ended with exit code {child.returncode}")
    memory = int(report.read_text()) * 1024
    report.unlink()
    return Cost(wall, used.ru_utime + used.ru_stime, memory)


def through(
    folder: Path,
    side: int,
    count: int,
    options: argparse.Namespace,
    polarisations: int = POLARISATIONS,
    keep: tuple[str, ...] = (),
) -> dict[str, Cost]:
    """The costs of all commands on one cube."""
    before = folder / f"cube_{polarisations}_{count}_{side}.nxs"
    if not before.exists():
        make_cube(before, side, count, polarisations)
    costs: dict[str, Cost] = {}
    for name, words in COMMANDS.items():
        made = folder / f"{name}.nxs"
        costs[name] = run([name, *words], before, made, threads=options.threads, pipe=options.pipe)
        tell(name, costs[name], 8 * polarisations * count * side**2)
        # A cube is flattened anew and stays stacked.
        before = made
    with nexus.open_valid(before, str(before)) as file:
        print(f"  ends as {nexus.entries(file)}", flush=True)
    for name in set(COMMANDS) - set(keep):
        (folder / f"{name}.nxs").unlink()
    return costs


def tell(name: str, cost: Cost, cube: int) -> None:
    """Print what a command took."""
    print(
        f"  {name:10s} {cost.wall:7.1f} s wall {cost.cpu:7.1f} s cpu {cost.memory / cube:6.2f} cubes in memory "
        f"({cost.memory / 2**20:.0f} MiB)",
        flush=True,
    )


def growth(folder: Path, options: argparse.Namespace) -> None:
    """Fit how processor time grows with energies and with pixels, what a smallest cube takes taken off."""
    least = through(folder, 96, 8, options)
    for axis, sizes in (("energies", [(256, n) for n in (15, 30, 60)]), ("pixels", [(n, 15) for n in (256, 362, 512)])):
        costs = [through(folder, *size, options) for size in sizes]
        place = np.log([size[1] if axis == "energies" else size[0] ** 2 for size in sizes])
        for name in COMMANDS:
            seconds = np.log([max(cost[name].cpu - least[name].cpu, 1e-3) for cost in costs])
            print(f"{name:10s} cpu ~ {axis}^{np.polyfit(place, seconds, 1)[0]:.2f}", flush=True)
    costs = [through(folder, 256, 15, options, number) for number in (2, 3, 4)]
    for name in COMMANDS:
        seconds = np.log([max(cost[name].cpu - least[name].cpu, 1e-3) for cost in costs])
        print(f"{name:10s} cpu ~ polarisations^{np.polyfit(np.log([2, 3, 4]), seconds, 1)[0]:.2f}", flush=True)


def ends(folder: Path, options: argparse.Namespace) -> None:
    """Print how much memory the commands at both ends of the cube take for one more cube, from cubes of two sizes."""
    counts, memory, size = (6, 12), [], 8 * POLARISATIONS * ENDS_SIDE**2
    for count in counts:
        images, ev = folder / "images.nxs", energies(count)
        # Each is made when it is written, so that this process holds one.
        records = (flattened(e, p * np.pi / 2, side=ENDS_SIDE) for p in range(POLARISATIONS) for e in ev)
        write_to(images, records, compression="none")
        stacked = run(["stack"], images, folder / "stack.nxs", threads=options.threads, pipe=options.pipe)
        through(folder, ENDS_SIDE, count, options, keep=("normalize",))
        words = ["grainmap", "--peak", "5468:5474 eV", "--base", "5460:5465 eV"]
        grains = run(words, folder / "normalize.nxs", folder / "grains.nxs", threads=options.threads, pipe=options.pipe)
        memory.append({"stack": stacked.memory, "grainmap": grains.memory})
        for path in folder.glob("*.nxs"):
            path.unlink()
    for name in memory[0]:
        slope = (memory[1][name] - memory[0][name]) / (size * (counts[1] - counts[0]))
        least = memory[0][name] / 2**20
        print(f"{name:10s} {slope:.2f} cubes more for each cube; {least:.0f} MiB for {counts[0]} energies", flush=True)


def main(options: argparse.Namespace, folder: Path) -> None:
    """Run what was asked for."""
    if options.ends:
        ends(folder, options)
        return
    if options.growth:
        growth(folder, options)
        return
    size = 8 * POLARISATIONS * options.energies * options.side**2
    print(
        f"{POLARISATIONS} x {options.energies} x {options.side} x {options.side}: {size / 2**30:.2f} GiB of complex64"
    )
    through(folder, options.side, options.energies, options)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--side", type=int, default=740)
    parser.add_argument("--energies", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pipe", action="store_true", help="from pipe to pipe instead of file to file")
    parser.add_argument("--growth", action="store_true", help="small cubes, and how the cost grows")
    parser.add_argument("--ends", action="store_true", help="memory of stack and grainmap, which make and use the cube")
    parser.add_argument("--folder", type=Path, help="keep the cube there")
    chosen = parser.parse_args()
    if chosen.folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            main(chosen, Path(temporary))
    else:
        chosen.folder.mkdir(parents=True, exist_ok=True)
        main(chosen, chosen.folder)
