"""Put a cube through the spectral stages: time, processor time and peak memory of the real commands.

    python benchmarks/cube.py [--side 740] [--energies 60] [--threads 2] [--pipe] [--memory least|SIZE] [--folder DIR]
    python benchmarks/cube.py --growth

`stack` takes faultless reconstructions of a small particle, one an energy and polarisation. The others take a cube of
two polarisations: faultless images of a particle of seven grains, drifting by 1.5 px rms, with noise of 0.01. Every
command runs in a process of its own, from file to file, or with --pipe from a pipe to a pipe, as the middle of a
pipeline. Memory is the largest resident set in multiples of the cube (complex64); what the interpreter and its
libraries take is not taken off. With --memory every stage runs a second time with that option, `least` being the least
that it accepts, and the content of both products is compared. --growth runs small cubes and fits time ~ energies^a and
~ pixels^b.
"""

import argparse
import os
import re
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
# Every command with its words, and what it reads: images, the cube, or what the command before it made.
COMMANDS = {
    "stack": ((), "images"),
    "flatten": ((), "cube"),
    "align": ((), "flatten"),
    "register": ((), "align"),
    "normalize": (("--e0", "5483.4 eV"), "register"),
    "grainmap": (("--peak", "5468:5474 eV", "--base", "5460:5465 eV"), "normalize"),
}
WITHOUT_LIMIT = ("grainmap",)  # it has no --memory: it reads the images in its windows one by one
POLARISATIONS = 2
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
    folder: Path, side: int, count: int, options: argparse.Namespace, polarisations: int = POLARISATIONS
) -> dict[str, Cost]:
    """The costs of all commands on one cube."""
    name, ev = f"{polarisations}_{count}_{side}", energies(count)
    paths = {"images": folder / f"images_{name}.nxs", "cube": folder / f"cube_{name}.nxs"}
    if not paths["cube"].exists():
        make_cube(paths["cube"], side, count, polarisations)
    if not paths["images"].exists():
        # Each is made when it is written, so that this process holds one.
        records = (flattened(e, p * np.pi / polarisations, side=side) for p in range(polarisations) for e in ev)
        write_to(paths["images"], records, compression="none")
    costs: dict[str, Cost] = {}
    for command, (words, source) in COMMANDS.items():
        made, line = folder / f"{command}.nxs", [command, *words]
        costs[command] = run(line, paths[source], made, threads=options.threads, pipe=options.pipe)
        tell(command, costs[command], 8 * polarisations * count * side**2)
        if options.memory and command not in WITHOUT_LIMIT:
            limited(line, paths[source], made, options, 8 * polarisations * count * side**2)
        paths[command] = made
    for command in COMMANDS:
        paths[command].unlink()
    return costs


def limited(line: list[str], source: Path, made: Path, options: argparse.Namespace, cube: int) -> None:
    """Run a command again with --memory, and tell what it took; the product has to be the same."""
    limit = least(line, source) if options.memory == "least" else options.memory
    other = made.with_name("limited.nxs")
    cost = run([*line, "--memory", limit], source, other, threads=options.threads, pipe=options.pipe)
    digests = []
    for path in (made, other):
        with nexus.open_valid(path, str(path)) as file:
            digests.append([nexus.read(file, entry).digest() for entry in nexus.entries(file)])
    other.unlink()
    tell(f"  {limit}", cost, cube)
    if digests[0] != digests[1]:
        sys.exit(f"cube: {line[0]} makes something else with --memory {limit}")


def least(line: list[str], source: Path) -> str:
    """The least memory that a command says it takes."""
    words = [sys.executable, "-m", "picpxct_nx.cli", *line, str(source), "-q", "--json", "--memory", "1 MB"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    found = re.search(r"it takes ([0-9]+ MB) at least", done.stderr)
    if found is None:
        sys.exit(f"cube: {line[0]} refused nothing: {done.stderr}")
    return found[1]


def tell(name: str, cost: Cost, cube: int) -> None:
    """Print what a command took."""
    print(
        f"  {name:12s} {cost.wall:7.1f} s wall {cost.cpu:7.1f} s cpu {cost.memory / cube:6.2f} cubes in memory "
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


def main(options: argparse.Namespace, folder: Path) -> None:
    """Run what was asked for."""
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
    parser.add_argument("--memory", help="also with --memory: a size, or least")
    parser.add_argument("--folder", type=Path, help="keep the cube there")
    chosen = parser.parse_args()
    if chosen.folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            main(chosen, Path(temporary))
    else:
        chosen.folder.mkdir(parents=True, exist_ok=True)
        main(chosen, chosen.folder)
