"""Speed, quality, time to quality and memory of the ptychography solvers on one simulated scan, ours and others'.

    python benchmarks/solver.py --peers --interpreter PATH/TO/OTHER/ENVIRONMENT/bin/python

Every solver runs in a process of its own on a CPU, from the same start probe and positions; what it reached is scored
here, off the clock. CPU seconds are given in units of one fft2 and ifft2 of all frames, laid on in the same process
every few iterations; an iteration is divided by the mean of the two around it.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from solver_peers import ROWS

MARKS = (0.03, 0.02, 0.0087)
EARLY = 10  # iterations after which the object is scored on the way
RECIPES = ("dm:100", "raar:100", "pie:20", "lsqml:40", "ml:100", "default", "lsqml:5,ml:60", "dm:100,ml:100")
HEADER = ("solver", "least", "median", f"error at {EARLY}", "end", "Fourier", *map(str, MARKS), "pairs", "memory")
ROW = "| {:<30} | {:>10} | {:>10} | {:>11} | {:>6} | {:>7} | {:>9} | {:>9} | {:>9} | {:>5} | {:>6} |"


class Measured(NamedTuple):
    """A run: CPU seconds, FFT pairs and engine by iteration, all yardsticks, and what is in the file besides."""

    seconds: Any
    pairs: Any
    engines: list[str]
    floors: Any
    file: Mapping[str, Any]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=120, help="frames")
    parser.add_argument("-m", type=int, default=128, help="rows and columns of a frame")
    parser.add_argument("--photons", type=float, default=1.6e6, help="counts of a frame through an empty object")
    parser.add_argument("--subpixel", action="store_true", help="keep the positions' fractions of a pixel; ours only")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--recipe", action="append", help="recipe to run; may be given again; else all engines")
    parser.add_argument("--set", action="append", default=[], metavar="ENGINE.NAME=VALUE")
    parser.add_argument("--peers", action="store_true", help="run the other programs that can be imported, too")
    parser.add_argument("--interpreter", default=sys.executable, help="Python that has the other programs")
    parser.add_argument("--only", default="", help="peers' rows whose names have this in them")
    options = parser.parse_args()
    if options.peers and options.subpixel:
        parser.error("--peers is for whole pixels: some of them know no fractions")
    return options


def _looks(total: int) -> list[int]:
    """Iterations whose objects are scored: each of the first twenty, then every fifth, and the last."""
    return sorted({*range(1, min(20, total) + 1), *range(25, total, 5), total})


class Bench:
    """A scan in a folder, and the solvers that are started on it."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        from picpxct_nx.images.score import lit_region
        from picpxct_nx.simulate.reference import reference_scan

        self.options, self.folder = options, folder
        self.yardsticks: set[str] = set()
        self.truth = reference_scan(options.n, options.m, photons=options.photons, subpixel=options.subpixel)
        truth = self.truth
        self.lit = lit_region(truth.probe, truth.positions_px, (truth.object.shape[0], truth.object.shape[1]))
        np.savez(
            folder / "scan.npz",
            frames=truth.frames,
            corners=truth.positions_px,
            shape=truth.object.shape,
            probe=truth.probe_start[0],
        )

    def call(self, interpreter: str, *arguments: str) -> str:
        """Output of `solver_run.py`; RuntimeError with its last line where it fails."""
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
        surroundings = os.environ | dict.fromkeys(names, str(self.options.threads))
        surroundings |= {"TQDM_DISABLE": "1", "MPLBACKEND": "Agg"}
        command = [interpreter, "-W", "ignore", str(Path(__file__).with_name("solver_run.py")), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=surroundings, check=False)
        if done.returncode:
            raise RuntimeError((done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1])
        return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""

    def row(self, name: str, total: int, interpreter: str, *arguments: str) -> str:
        """Run a solver twice, for speed and quality and for memory, and write its row."""
        scan = ("--scan", str(self.folder / "scan.npz"), *arguments)
        out = self.folder / "out.npz"
        self.call(interpreter, *scan, "--out", str(out), "--looks", ",".join(map(str, _looks(total))))
        with np.load(out) as file:
            run = _measured(dict(file))
        yardstick = str(run.file["yardstick"])
        self.yardsticks.add(yardstick)
        memory = int(self.call(interpreter, *scan, "--memory"))
        errors = {count: self.error(run, count) for count in _looks(total)}
        until = np.cumsum(run.pairs)
        reached = [next((count for count, error in errors.items() if error <= mark), 0) for mark in MARKS]
        frames = self.truth.frames.nbytes
        return ROW.format(
            name if yardstick.startswith("PyTorch") else f"{name} *",
            *_costs(run),
            f"{errors[EARLY]:.4f}" if EARLY in errors else "-",
            f"{errors[total]:.4f}",
            f"{self.fourier_error(run, total):.4f}",
            *(f"{until[count - 1]:.0f} ({count})" if count else "-" for count in reached),
            f"{until[-1]:.0f}",
            f"{(memory - frames) / (2 * frames):+.1f}",
        )

    def error(self, run: Measured, count: int) -> float:
        """Error of the object after so many iterations, on the truth's grid."""
        from picpxct_nx.images.score import object_error

        return object_error(self._placed(run, count), self.truth.object, self.lit).error

    def _placed(self, run: Measured, count: int) -> Any:
        image = run.file[f"object_{count}"]
        move = np.rint(run.file[f"corner_{count}"] - np.floor(self.truth.positions_px.min(axis=0))).astype(int)
        placed = np.ones(self.truth.object.shape, np.complex64)
        low, high = np.maximum(0, -move), np.minimum(placed.shape, np.array(image.shape) - move)
        inside = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        placed[inside] = image[tuple(slice(a, b) for a, b in zip(low + move, high + move, strict=True))]
        return placed

    def fourier_error(self, run: Measured, count: int) -> float:
        """Root of sum (c |Psi| - sqrt I)^2 over sum I, with c the best scale, of object and probe as they are."""
        image = self._placed(run, count).astype(np.complex128)
        probe = run.file[f"probe_{count}"].astype(np.complex128).reshape(-1, *self.truth.frames.shape[1:])
        along = np.fft.fftfreq(probe.shape[-1])
        sums = np.zeros(3)
        for frame, position in zip(self.truth.frames, self.truth.positions_px, strict=True):
            corner = np.floor(position + 1e-6).astype(int)
            by = position - corner
            window = image[tuple(slice(a, a + probe.shape[-1]) for a in corner)]
            turn = np.exp(-2j * np.pi * (along[:, None] * by[0] + along * by[1]))
            moved = np.fft.ifft2(np.fft.fft2(probe) * turn) if by.any() else probe
            model = np.sqrt((np.abs(np.fft.fft2(moved * window)) ** 2).sum(axis=0))
            measured = np.sqrt(np.fft.ifftshift(frame).astype(np.float64))
            sums += (model * measured).sum(), (model**2).sum(), (measured**2).sum()
        return float(np.sqrt(max(0.0, 1 - sums[0] ** 2 / (sums[1] * sums[2]))))


def _measured(file: Mapping[str, Any]) -> Measured:
    """Pairs by iteration from seconds and the yardsticks before and after."""
    at, floors = file["floors"].T
    seconds = file["seconds"]
    after = np.searchsorted(at, np.arange(1, seconds.size + 1))
    pairs = seconds / ((floors[after - 1] + floors[after]) / 2)
    return Measured(seconds, pairs, file["engines"].tolist(), floors, file)


def _costs(run: Measured) -> tuple[str, str]:
    """Pairs an iteration of each engine in turn: fastest over fastest, and the median.

    The first iteration is no fastest one: some solvers do half their work in it, others make ready.
    """
    least, median, begin = [], [], 0
    for _, turns in itertools.groupby(run.engines):
        part = slice(begin, begin := begin + len(list(turns)))
        timed = run.seconds[part][1:] if part.stop - part.start > 1 else run.seconds[part]
        least.append(f"{timed.min() / run.floors.min():.1f}")
        median.append(f"{np.median(run.pairs[part]):.1f}")
    return " / ".join(least), " / ".join(median)


def main() -> None:
    """Print the table, ours and then the peers', and what could not be run."""
    options = _options()
    from picpxct_nx.ptycho import parse

    settings = dict(item.split("=", 1) for item in options.set)
    positions = "sub-pixel" if options.subpixel else "whole-pixel"
    print(f"{options.n} frames of {options.m} x {options.m}, {options.photons:g} photons, {positions} positions,")
    print(f"{options.threads} thread(s); FFT pairs an iteration; object errors, Fourier error;")
    print("FFT pairs (iterations) to object errors, pairs in all; memory beside the frames in exit-wave stacks")
    print(ROW.format(*HEADER))
    print(ROW.format("---", *["---:"] * (len(HEADER) - 1)))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, Path(folder))
        for recipe in options.recipe or RECIPES:
            stages = parse(recipe)
            engines = {stage.engine for stage in stages}
            mine = [f"--set={k}={v}" for k, v in settings.items() if k.partition(".")[0] in engines]
            total = sum(stage.iterations for stage in stages)
            print(bench.row(recipe, total, sys.executable, "--recipe", recipe, *mine), flush=True)
        if options.peers:
            _peers(bench, options)


def _peers(bench: Bench, options: argparse.Namespace) -> None:
    """Print the rows of the peers that can be imported, how they were run, and why others were not."""
    found = json.loads(bench.call(options.interpreter, "--installed"))
    rows = [row for row in ROWS if row.peer in found["versions"] and options.only in row.name]
    notes = ["; ".join(f"{name} {version}" for name, version in found["versions"].items()) or "no peer can be imported"]
    for row in rows:
        name = f"{row.name}, {row.iterations}"
        try:
            print(bench.row(name, row.iterations, options.interpreter, "--peer", row.name), flush=True)
        except RuntimeError as error:
            print(ROW.format(name, *[""] * (len(HEADER) - 1)))
            notes.append(f"{row.name} failed: {error}")
        notes.append(f"{row.name}: {row.legend}")
    notes.append(f"FFT pairs of {' and '.join(sorted(bench.yardsticks))} (rows with * not of PyTorch)")
    notes += [f"{name} has no row: {reason}" for name, reason in found["missing"].items()]
    print("\n" + "\n".join(notes))


if __name__ == "__main__":
    main()
