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


def least(tasks: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Time each task in turn and keep its least time in s."""
    best = dict.fromkeys(tasks, float("inf"))
    for _ in range(repeats):
        for name, task in tasks.items():
            start = time.perf_counter()
            task()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def main(repeats: int) -> None:
    """Print one line a task and size."""
    for side in SIDES:
        rng = np.random.default_rng(0)
        thick = np.cumsum(np.cumsum(rng.normal(size=(side, side)), axis=0), axis=1)
        clean = np.exp(-0.3j * thick / thick.std())
        a, b = (clean + 0.05 * (rng.normal(size=clean.shape) + 1j * rng.normal(size=clean.shape)) for _ in "ab")
        spectra, rings = (fft.fft2(a), fft.fft2(b)), make_rings(a.shape)
        bare = FrcOptions(image="complex", align=False, ramp=False)
        tasks: dict[str, Callable[[], object]] = {
            "two transforms (floor)": lambda a=a, b=b: (fft.fft2(a), fft.fft2(b)),
            "sort samples into rings": lambda a=a: make_rings(a.shape),
            "correlate two spectra": lambda s=spectra, r=rings: correlate_rings(*s, r),
            "frc, images aligned before": lambda a=a, b=b, o=bare: frc(a, b, pixel=PIXEL, options=o),
            "frc with ramps and registration": lambda a=a, b=b: frc(a, b, pixel=PIXEL),
        }
        times = least(tasks, repeats)
        floor = times["two transforms (floor)"]
        for name, seconds in times.items():
            print(f"{side:5d}^2  {name:32s} {seconds * 1e3:9.1f} ms  {seconds / floor:6.2f} x floor")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
