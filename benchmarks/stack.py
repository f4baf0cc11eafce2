"""Resample images to larger pixels: error on a band-limited image, with other methods beside it, and time.

    python benchmarks/stack.py [side]

Set OMP_NUM_THREADS=1. Pixels grow by 1.1 %, as from 5520 to 5460 eV; the origin lies between pixels.
"""

import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy import fft, ndimage

from picpxct_nx.images.resample import Axis, centred_axis, coordinates, resample, resample_transmission
from picpxct_nx.values import Array

SOURCE, TARGET = 48.29e-9, 48.82e-9


def scene(y: Array, x: Array, blur: float, reach: float) -> Array:
    """Contrast t - 1 of Gaussian blobs, whose width in m says how band-limited it is, within `reach` of 0."""
    rng = np.random.default_rng(0)
    total = np.zeros((len(y), len(x)), complex)
    for _ in range(12):
        row, column = rng.uniform(-reach, reach, 2)
        height = 0.3 * (rng.normal() + 1j * rng.normal())
        total += height * np.outer(np.exp(-((y - row) ** 2) / 2 / blur**2), np.exp(-((x - column) ** 2) / 2 / blur**2))
    return total


def spline(image: Array, source: tuple[Axis, Axis], target: tuple[Axis, Axis], order: int) -> Array:
    """The same by splines of an order."""
    places = [(coordinates(t) - s.start) / s.step for s, t in zip(source, target, strict=True)]
    grid = np.meshgrid(*places, indexing="ij")
    parts = (ndimage.map_coordinates(part, grid, order=order, mode="constant") for part in (image.real, image.imag))
    return np.asarray(next(parts) + 1j * next(parts))


def least(task: Callable[[], object], repeats: int = 5) -> float:
    """Least processor time of a task, s."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        task()
        times.append(time.process_time() - start)
    return min(times)


def main(side: int) -> None:
    """Print rms errors by method and sharpness, and times in FFT pairs."""
    start = -(side / 2 + 0.37) * SOURCE
    source = (Axis(start, SOURCE, side), Axis(start + 0.3 * SOURCE, SOURCE, side))
    target = (centred_axis(side - 16, TARGET),) * 2
    reach = 0.35 * side * SOURCE
    inside = np.ones((side, side), bool)
    methods: dict[str, Callable[[Array], Array]] = {
        "matrix DFT": lambda t: resample(t, source, target),
        "with field": lambda t: resample_transmission(1 + t, inside, source, target)[0] - 1,
        "cubic": lambda t: spline(t, source, target, 3),
        "quintic": lambda t: spline(t, source, target, 5),
    }
    print(f"{side} x {side} px; rms error of a contrast of about 1 by the width of its blobs in pixels")
    for blur in (2.5, 1.5, 1.0, 0.7):
        given, wanted = (scene(coordinates(g[0]), coordinates(g[1]), blur * TARGET, reach) for g in (source, target))
        errors = {name: np.sqrt(np.mean(np.abs(method(given) - wanted) ** 2)) for name, method in methods.items()}
        print(f"  {blur:3.1f} px  " + "  ".join(f"{name} {error:.1e}" for name, error in errors.items()))
    image = scene(coordinates(source[0]), coordinates(source[1]), 2 * TARGET, reach).astype(np.complex64)
    floor = least(lambda: fft.ifft2(fft.fft2(image)))
    print(f"FFT pair (complex64) {floor * 1e3:.1f} ms")
    for name, method in methods.items():
        seconds = least(partial(method, image))
        print(f"  {name:12s} {seconds * 1e3:7.1f} ms = {seconds / floor:5.1f} pairs")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 740)
