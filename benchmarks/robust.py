"""How wrong a start do recipes find the way from, with and without a search of the start probe's defocus.

A dozen specimens (`--specimens`) are scanned; each is reconstructed from start probes whose defocus is a multiple of
that of the reference's start, under strong phases, with sparse positions, and with few and many counts. A scan is
solved where its object error is below twice that of the same scan from a start with the true probe, which is the noise.
"""

import argparse
import os
from dataclasses import replace
from typing import Any

PIXEL, WAVELENGTH = (40e-9, 40e-9), 2.27e-10
# Name, multiple of the start's defocus, of the object's phases, of the distance between positions, counts of a frame.
CASES = (
    ("plain", 1.0, 1.0, 1.0, 1e6),
    ("half the defocus", 0.5, 1.0, 1.0, 1e6),
    ("1.5 times", 1.5, 1.0, 1.0, 1e6),
    ("twice", 2.0, 1.0, 1.0, 1e6),
    ("three times", 3.0, 1.0, 1.0, 1e6),
    ("other sign", -1.0, 1.0, 1.0, 1e6),
    ("other sign, few counts", -1.0, 1.0, 1.0, 1e4),
    ("phases times 3", 1.0, 3.0, 1.0, 1e6),
    ("phases times 5", 1.0, 5.0, 1.0, 1e6),
    ("positions twice as far", 1.0, 1.0, 2.0, 1e6),
    ("few counts", 1.0, 1.0, 1.0, 1e4),
    ("many counts", 1.0, 1.0, 1.0, 1e8),
)
RECIPES = ("default", "pie:10,ml:40", "dm:100,ml:40", "lsqml:5,ml:40")
ROW = "| {:<24} | {:<14} | {:>8} | {:>8} | {:>8} | {:>8} | {:>8} | {:>8} |"
HEAD = ("start", "recipe", "solved", "median", "worst", "searched", "median", "worst")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=60, help="frames")
    parser.add_argument("-m", type=int, default=64, help="rows and columns of a frame")
    parser.add_argument("--specimens", type=int, default=12, help="by their seeds from 1 on")
    parser.add_argument("--case", action="append", choices=[case[0] for case in CASES], help="may be given again")
    parser.add_argument("--recipe", action="append", help="may be given again")
    return parser.parse_args()


def problems(options: argparse.Namespace, case: tuple[str, float, float, float, float], seed: int) -> tuple[Any, ...]:
    """Object of a specimen, and its scan as a problem from the wrong start and from the true probe."""
    import numpy as np

    from picpxct_nx.illumination import propagated
    from picpxct_nx.ptycho import Problem
    from picpxct_nx.refocus import curvature
    from picpxct_nx.simulate.reference import COMPACT, reference_scan

    _, defocus, strength, step, photons = case
    layout = replace(COMPACT, step=COMPACT.step * step)
    scan = reference_scan(options.n, options.m, photons=photons, seed=seed, layout=layout)
    image = scan.object
    if strength != 1:
        image = (np.abs(image) * np.exp(1j * strength * np.angle(image))).astype(np.complex64)
        frames = np.random.default_rng(seed).poisson(expected(scan, image)).astype(np.float32)
        scan = replace(scan, frames=frames, object=image)
    given, _ = curvature(scan.probe_start, PIXEL, WAVELENGTH)
    start = propagated(scan.probe_start, WAVELENGTH * (defocus - 1) * given, PIXEL)
    shape = (image.shape[0], image.shape[1])
    made = Problem(scan.frames, np.ones(scan.frames.shape[1:], bool), scan.positions_px, shape, start)
    return image, made, replace(made, probe=scan.probe)


def expected(scan: Any, image: Any) -> Any:
    """Expected counts of a scan's positions on another object, zero frequency in the middle."""
    import numpy as np

    h, w = scan.frames.shape[1:]
    views = np.stack([image[int(y) : int(y) + h, int(x) : int(x) + w] for y, x in scan.positions_px])
    return np.fft.fftshift(np.abs(np.fft.fft2(scan.probe[0] * views, norm="ortho")) ** 2, axes=(1, 2))


def error(image: Any, problem: Any, recipe: str) -> float:
    """Error of the object where light fell, relative, less what no frame can tell."""
    import numpy as np

    from picpxct_nx.errors import ConvergenceError
    from picpxct_nx.ptycho import reconstruct
    from picpxct_nx.ptycho.likeness import difference

    try:
        result = reconstruct(problem, recipe, device="cpu:1")
    except ConvergenceError:
        return float("inf")
    light = result.illumination.astype(np.float64)
    weight = np.where(light > 0.1 * light.max(), light, 0)
    apart, _ = difference(image, result.object, weight)
    return float(np.sqrt((weight * np.abs(apart) ** 2).sum() / (weight * np.abs(result.object) ** 2).sum()))


def main() -> None:
    """Print the table."""
    options = _options()
    os.environ["OMP_NUM_THREADS"] = "1"
    import numpy as np
    import torch

    from picpxct_nx.refocus import refocused

    torch.set_num_threads(1)
    print(f"{options.specimens} specimens, {options.n} frames of {options.m} x {options.m}; object errors")
    print(ROW.format(*HEAD))
    print(ROW.format(*["---"] * len(HEAD)))
    for case in CASES:
        if options.case and case[0] not in options.case:
            continue
        scans = [problems(options, case, seed) for seed in range(1, options.specimens + 1)]
        floors = np.array([error(image, true, "pie:10,ml:40") for image, _, true in scans])
        sought = [refocused(start, PIXEL, WAVELENGTH, "cpu:1")[0] for _, start, _ in scans]
        for recipe in options.recipe or RECIPES:
            words = []
            for starts in ([start for _, start, _ in scans], sought):
                found = np.array([error(scan[0], start, recipe) for scan, start in zip(scans, starts, strict=True)])
                solved = int((found < 2 * floors).sum())
                words += [f"{solved}/{len(found)}", f"{np.median(found):.4f}", f"{found.max():.4f}"]
            print(ROW.format(case[0], recipe, *words), flush=True)


if __name__ == "__main__":
    main()
