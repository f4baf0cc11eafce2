"""Measure how well the drift of a spectral stack is undone, and what it costs, against truth and in one process.

    python benchmarks/align.py [--side 256] [--energies 63] [--noise 0.01 0.03 0.05 0.1] [--cost]

A simulated V2O5 particle drifts by 2 px rms an axis while the energy crosses the edge (5460-5520 eV). Rows are feature,
strategy and complex noise: rms and largest error in an axis in px, what the command says of its error, the Cramer-Rao
bound of an image whose truth is known, and the time of finding the shifts in pairs of transforms an image (fft2 and
ifft2 of complex64), the least of three. `--cost` prints that time over energies and pixels instead. Set
OMP_NUM_THREADS=1.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft

from picpxct_nx.images import correlation, features, shifts
from picpxct_nx.simulate import images, phantom

Floats = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]


def drifting(side: int, n_energies: int, *, seed: int = 0) -> tuple[Complex, Floats]:
    """Images (E, side, side) of a particle that fills 0.6 of the frame, and their drifts (E, 2) in px."""
    width = 3.5e-6
    specimen = phantom.polycrystal(
        size=(width, 2.9e-6, 2.4e-6), n_grains=7, max_tilt=np.deg2rad(35), seed=np.random.SeedSequence(seed)
    )
    moves = np.random.default_rng(seed + 100).normal(0, 2, (n_energies, 2))
    # Fine rays: the particle has an edge along the pixels, which few rays would place differently in every image.
    view = images.View((side, side), width / (0.6 * side), oversampling=6)
    energies = list(np.linspace(5460, 5520, n_energies))
    return images.image_stack(specimen, view, energies, shifts_px=moves), moves


def bound(stack: Complex, sigma: float) -> float:
    """Cramer-Rao bound in px of the shift of one image in an axis, root mean square over axes and images."""
    y, x = np.meshgrid(*(fft.fftfreq(n) for n in stack.shape[1:]), indexing="ij")
    variances = []
    for image in stack:
        density = np.abs(fft.fft2(image - 1)) ** 2 / image.size
        fisher = (2 * np.pi) ** 2 * np.array([[np.sum(density * a * b) for a in (y, x)] for b in (y, x)]) / sigma**2
        variances.append(np.diag(np.linalg.inv(fisher)))
    return float(np.sqrt(np.mean(variances)))


def least(task: Callable[[], object], repeats: int = 3) -> float:
    """Least time of a task in s."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)
    return min(times)


def find(
    noisy: npt.NDArray[np.complex64], air: npt.NDArray[np.bool_], on: features.Feature, how: shifts.Strategy
) -> shifts.Series:
    """Shifts of a stack, from images to errors."""
    window = features.window(np.ones(noisy.shape[1:], bool)).astype(np.float32)
    where = correlation.band(window.shape, real=on != "t-1")
    spectra = np.array([correlation.spectrum(features.extract(image, on, air) * window, where) for image in noisy])
    return shifts.series(spectra, where, how, 0)


def accuracy(side: int, n_energies: int, noises: list[float]) -> None:
    """Print one line a noise, feature and strategy."""
    stack, moves = drifting(side, n_energies)
    air = np.all(np.abs(stack - 1) < 1e-3, axis=0)
    pair = least(lambda: [fft.ifft2(fft.fft2(image)) for image in stack.astype(np.complex64)])
    print(f"{n_energies} energies of {side} x {side} px; px rms/max error, stated error, bound; pairs an image")
    for noise in noises:
        noisy = images.with_noise(stack, noise, seed=1)
        for on in features.FEATURES:
            for how in shifts.STRATEGIES:
                found = find(noisy, air, on, how)
                rest = found.shift_px + moves
                rest -= rest.mean(axis=0)
                seconds = least(partial(find, noisy, air, on, how))
                print(
                    f"{noise:5.2f} {on:9s} {how:10s} {np.sqrt(np.mean(rest**2)):.4f}/{np.abs(rest).max():.4f}"
                    f"  {np.sqrt(np.mean(found.errors_px**2)):.4f}  {bound(stack, noise):.4f}  {seconds / pair:6.1f}",
                    flush=True,
                )


def pairs(images: npt.NDArray[Any]) -> object:
    """The floor: a pair of transforms of each image."""
    return [fft.ifft2(fft.fft2(image)) for image in images]


def cost() -> None:
    """Print the time in pairs of transforms an image over energies and pixels."""
    for side in (128, 256, 512):
        for n_energies in (15, 30, 60):
            stack, _ = drifting(side, n_energies)
            noisy, air = images.with_noise(stack, 0.01, seed=1), np.all(np.abs(stack - 1) < 1e-3, axis=0)
            pair = least(partial(pairs, noisy))
            times = [least(partial(find, noisy, air, "gradient", how), 2) / pair for how in shifts.STRATEGIES]
            told = "  ".join(f"{how} {value:5.1f}" for how, value in zip(shifts.STRATEGIES, times, strict=True))
            print(f"{side:4d}^2 px, {n_energies:2d} energies: {told} pairs an image", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--energies", type=int, default=63)
    parser.add_argument("--noise", type=float, nargs="+", default=[0.01, 0.03, 0.05, 0.1])
    parser.add_argument("--cost", action="store_true")
    given = parser.parse_args()
    if given.cost:
        cost()
    else:
        accuracy(given.side, given.energies, given.noise)
