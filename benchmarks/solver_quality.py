"""Time to quality of every ptychography engine and recipe on the reference scan, in batched FFT pairs.

Each recipe is run once; after every iteration the object is scored against the truth, off the clock. What is printed
is the time at which the error first falls below each mark, and where the recipe ends. CPU seconds of one thread, in
units of one fft2 and ifft2 of all frames laid on in the same process.
"""

import argparse
import os
import time
from typing import Any

MARKS = (0.03, 0.02, 0.0087)
RECIPES = (
    "dm:100", "raar:100", "pie:20", "lsqml:40", "ml:100", "pie:3,ml:60", "lsqml:5,ml:60", "dm:100,ml:100",
)  # fmt: skip
ROW = "| {:<44} | {:>9} | {:>9} | {:>9} | {:>9} | {:>9} |"
# Literature values: measured by us in September 2026 on this scan with one thread of a CPU. Name and iterations, FFT
# pairs to the first two marks (at the check point after), object error and pairs at the end.
PEERS = (
    ("PtyLab 0.3.7 mPIE, 100", 37, 74, 0.0184, 740),
    ("cdtools 0.3.2 Adam, batches of 10, 100", 230, 460, 0.0244, 2300),
    ("pty-chi 2.2 LSQML in 10 batches, Gaussian, 100", 599, 1498, 0.0154, 3000),
    ("pty-chi 2.2 LSQML in 10 batches, Poisson, 100", 1487, 1487, 0.0104, 2970),
    ("ptypy 0.9 ML, wavefield, Gaussian, 100", 391, 977, 0.0126, 1950),
    ("ptypy 0.9 ML, wavefield, Poisson, 100", 2008, 4016, 0.0087, 4020),
)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=120, help="frames")
    parser.add_argument("-m", type=int, default=128, help="rows and columns of a frame")
    parser.add_argument("--photons", type=float, default=1.6e6, help="counts of a frame through an empty object")
    parser.add_argument("--recipe", action="append", help="recipe to run; may be given again; else all engines")
    parser.add_argument("--set", action="append", default=[], metavar="ENGINE.NAME=VALUE")
    parser.add_argument("--every", type=int, default=1, help="iterations between two looks at the object")
    parser.add_argument("--peers", action="store_true", help="also print what other programs reached")
    return parser.parse_args()


def pair(n: int, m: int) -> float:
    """CPU seconds of one fft2 and ifft2 of n frames, the lower of one batch and of 16 frames a call."""
    import torch

    stack = torch.randn(n, m, m, dtype=torch.complex64)
    medians = []
    for parts in ([stack], [stack[i : i + 16] for i in range(0, n, 16)]):
        times = []
        for _ in range(7):
            begin = time.process_time()
            for part in parts:
                torch.fft.ifft2(torch.fft.fft2(part))
            times.append(time.process_time() - begin)
        medians.append(sorted(times)[3])
    return min(medians)


def curve(scan: Any, problem: Any, stages: Any, every: int) -> list[tuple[float, float]]:
    """FFT pairs since the start and object error, by iteration."""
    from picpxct_nx.images.score import lit_region, object_error
    from picpxct_nx.ptycho import Control, Snapshot, reconstruct

    region = lit_region(scan.probe, scan.positions_px, problem.object_shape)
    n, m = scan.frames.shape[:2]
    points: list[tuple[float, float]] = []
    total = sum(stage.iterations for stage in stages)
    used, since = 0.0, 0.0

    def stop_the_clock(_engine: str, _iteration: int, _total: int, _error: float) -> None:
        nonlocal used
        used += time.process_time() - since

    def score(snapshot: Snapshot) -> None:
        nonlocal since
        count = len(snapshot.error)
        if count % every == 0 or count == total:
            points.append((used, object_error(snapshot.arrays["state.object"], scan.object, region).error))
        since = time.process_time()

    floors = [pair(n, m)]
    since = time.process_time()
    reconstruct(problem, stages, device="cpu:1", control=Control(progress=stop_the_clock, keep=score, every=0))
    floors.append(pair(n, m))
    return [(seconds / (sum(floors) / 2), error) for seconds, error in points]


def main() -> None:
    """Print the table."""
    options = _options()
    os.environ["OMP_NUM_THREADS"] = "1"
    import numpy as np
    import torch

    from picpxct_nx.ptycho import Problem, parse
    from picpxct_nx.simulate.reference import reference_scan

    torch.set_num_threads(1)
    scan = reference_scan(options.n, options.m, photons=options.photons)
    shape = (scan.object.shape[0], scan.object.shape[1])
    problem = Problem(scan.frames, np.ones(scan.frames.shape[1:], bool), scan.positions_px, shape, scan.probe_start)
    print(
        f"{options.n} frames of {options.m} x {options.m}, {options.photons:g} photons, one thread; FFT pairs to reach"
    )
    print(ROW.format("recipe", *(f"{mark:g}" for mark in MARKS), "end error", "end pairs"))
    print(ROW.format(*["---"] * 6))
    settings = dict(item.split("=", 1) for item in options.set)
    for recipe in options.recipe or RECIPES:
        engines = {stage.engine for stage in parse(recipe)}
        mine = {name: value for name, value in settings.items() if name.partition(".")[0] in engines}
        points = curve(scan, problem, parse(recipe, mine), options.every)
        reached = [next((f"{pairs:.0f}" for pairs, error in points if error <= mark), "-") for mark in MARKS]
        print(ROW.format(recipe, *reached, f"{points[-1][1]:.4f}", f"{points[-1][0]:.0f}"), flush=True)
    if options.peers:
        for name, *pairs, error, end in PEERS:
            print(ROW.format(name, *pairs, "-" if error > MARKS[2] else end, f"{error:.4f}", end))


if __name__ == "__main__":
    main()
