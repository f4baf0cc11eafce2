"""What simulating a scan costs, against the Fourier transforms that it needs and the noise that is drawn.

python benchmarks/simulate.py [PRESET] [--memory]

One thread. `transforms` are two a frame in single precision, as many as a scan needs in the scalar model: one moves the
probe by a part of a pixel, one carries the wave to the detector (the Jones model takes one more, an impure beam two).
`noise` is numpy's Poisson generator on the mean counts of the same frames. Both are timed here, in this process, in
processor time. `ratio` is (scan - noise) / transforms, wanted at most 3; `one` is the same over one transform a frame.
The scan includes the projection of the particle, the probe, positions and everything else of `simulate_scan`. With
--memory two scans are also written to a folder, by the command, and the largest resident memory is printed.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import dataclasses
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy import fft

from picpxct_nx.simulate.equipment import equip
from picpxct_nx.simulate.experiment import simulate_scan
from picpxct_nx.simulate.presets import PRESETS, Experiment
from picpxct_nx.simulate.truth import expected_frames, make_truth

REPEATS = 3
ENERGY_EV = 5471.0


def seconds(work: Callable[[], Any]) -> float:
    """Processor time that a call takes: other programs on the machine do not count."""
    start = time.process_time()
    work()
    return time.process_time() - start


def transforms(experiment: Experiment) -> float:
    """Time of the Fourier transforms of one scan, two a frame, each in place of the one before."""
    n = experiment.frame_size
    rng = np.random.default_rng(0)
    wave = (rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n))).astype(np.complex64)

    def all_of_them() -> None:
        for _ in range(experiment.n_positions):
            fft.ifft2(wave, norm="ortho", overwrite_x=True)
            fft.fft2(wave, norm="ortho", overwrite_x=True)

    return seconds(all_of_them)


def noise(experiment: Experiment) -> float:
    """Time of drawing the counts of one scan from the mean frames of that scan."""
    still = (np.zeros(experiment.n_positions),) * 2
    truth = make_truth(experiment, ENERGY_EV, 0.0, seed=0, jitter=still)
    seen = np.where(equip(experiment, 0).pixel_mask == 0, 1.0, 0.0)
    rng, spent = np.random.default_rng(0), 0.0
    for frame in expected_frames(truth):
        mean = frame * seen
        spent += seconds(partial(rng.poisson, mean))
    return spent


def memory(preset: str) -> None:
    """Resident memory of the command while it writes two scans one by one, and how long writing takes."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["simulate", "--preset", preset, "--energies", "5460 eV, 5471 eV", "--rotations", "0 deg", "-q"]
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "picpxct_nx.cli", *words, "-o", f"{folder}/"], check=True)
        spent = time.perf_counter() - start
        sizes = [path.stat().st_size for path in Path(folder).glob("*.nxs")]
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"two scans to files: {spent:.1f} s, {sum(sizes) / 2e6:.0f} MB a file, at most {most:.0f} MB resident")


def main(preset: str) -> None:
    """Print the table."""
    experiment = PRESETS[preset]
    simulate_scan(dataclasses.replace(experiment, n_positions=2), ENERGY_EV, 0.0)  # tables and corners, made once
    print(f"{preset}: {experiment.n_positions} frames of {experiment.frame_size} x {experiment.frame_size}")
    print(f"{'':>4}{'scan / s':>10}{'noise / s':>11}{'transforms / s':>16}{'ratio':>8}{'one':>8}")
    ratios = []
    for number in range(REPEATS):
        scan = seconds(lambda: simulate_scan(experiment, ENERGY_EV, 0.0))
        drawn, needed = noise(experiment), transforms(experiment)
        ratios.append((scan - drawn) / needed)
        print(f"{number + 1:>4}{scan:>10.2f}{drawn:>11.2f}{needed:>16.2f}{ratios[-1]:>8.2f}{2 * ratios[-1]:>8.2f}")
    print(f"median ratio {np.median(ratios):.2f} (wanted at most 3)")


if __name__ == "__main__":
    names = [word for word in sys.argv[1:] if not word.startswith("--")]
    main(names[0] if names else "paper")
    if "--memory" in sys.argv:
        memory(names[0] if names else "paper")
