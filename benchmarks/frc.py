"""Time ring correlation as a multiple of its floor, the two Fourier transforms of the pair, in one process.

    python benchmarks/frc.py [repeats]

Set OMP_NUM_THREADS=1. Each figure is the least of the repeats, taken in turn so that a busy machine is unfair to all.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
from scipy import fft

from picpxct_nx.images.frc import FrcOptions, frc
from picpxct_nx.images.frc_rings import correlate_rings, make_rings

SIDES = (512, 1024)
PIXEL = 48.8e-9
FLOOR = "two transforms (floor)"


def least(tasks: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Time each task in turn and keep its least time in s."""
    best = dict.fromkeys(tasks, float("inf"))
    for _ in range(repeats):
        for name, task in tasks.items():
            start = time.perf_counter()
            task()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def tasks(side: int) -> dict[str, Callable[[], object]]:
    """Make the tasks on a pair of noisy transmissions of a side."""
    rng = np.random.default_rng(0)
    thick = np.cumsum(np.cumsum(rng.normal(size=(side, side)), axis=0), axis=1)
    clean = np.exp(-0.3j * thick / thick.std())
    a, b = (clean + 0.05 * (rng.normal(size=clean.shape) + 1j * rng.normal(size=clean.shape)) for _ in "ab")
    spectrum_a, spectrum_b, rings = fft.fft2(a), fft.fft2(b), make_rings((side, side))
    bare = FrcOptions(image="complex", align=False, ramp=False)
    return {
        FLOOR: lambda: (fft.fft2(a), fft.fft2(b)),
        "sort samples into rings": lambda: make_rings((side, side)),
        "correlate two spectra": lambda: correlate_rings(spectrum_a, spectrum_b, rings),
        "frc, images aligned before": lambda: frc(a, b, pixel=PIXEL, options=bare),
        "frc with ramps and registration": lambda: frc(a, b, pixel=PIXEL),
    }


def main(repeats: int) -> None:
    """Print one line a task and size."""
    for side in SIDES:
        times = least(tasks(side), repeats)
        for name, seconds in times.items():
            print(f"{side:5d}^2  {name:32s} {seconds * 1e3:9.1f} ms  {seconds / times[FLOOR]:6.2f} x floor")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
