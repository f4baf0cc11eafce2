"""How soon a detector background is found, how far from the truth it stays, and what that costs the object.

    python benchmarks/background.py

The reference scan gets a background of 2 % of its counts, flat or a bump beside the beam, and is reconstructed. Printed
are, at some iterations, the object error against the truth, and the mean error of the background on the pixels where it
is more than the light, as a part of it; the last column is the object error with the background known, or held at a
part of it (`--held`). Several redrawn scans are averaged.
"""

import argparse
import os
from typing import Any

LOOKS = (15, 23, 33, 43, 63, 103)
ROW = "| {:>8} | {:>5} | {:<12} |" + " {:>14} |" * len(LOOKS) + " {:>8} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=50, help="frames")
    parser.add_argument("-m", type=int, default=64, help="rows and columns of a frame")
    parser.add_argument("--photons", type=float, action="append", help="counts of a frame; may be given again")
    parser.add_argument("--shape", action="append", choices=("flat", "bump"), help="may be given again")
    parser.add_argument("--recipe", action="append", help="may be given again; else pie:3,ml:100")
    parser.add_argument("--scans", type=int, default=3, help="redrawn scans of each")
    parser.add_argument("--held", type=float, default=1.0, help="part of the background that the last column knows")
    parser.add_argument("--seed", type=int, default=1, help="of the specimen")
    return parser.parse_args()


def light_of(scan: Any) -> Any:
    """Expected counts of whole-pixel frames, zero frequency in the middle."""
    import numpy as np

    m, frames = scan.frames.shape[1], []
    for row, column in scan.positions_px.astype(int):
        wave = np.fft.fft2(scan.probe[0] * scan.object[row : row + m, column : column + m], norm="ortho")
        frames.append(np.fft.fftshift(np.abs(wave) ** 2))
    return np.array(frames)


def background_of(shape: str, m: int, level: float) -> Any:
    """Expected counts of a background with a mean level."""
    import numpy as np

    row, column = np.indices((m, m)) / m - 0.5
    found = np.exp(-((row - 0.1) ** 2 + (column + 0.06) ** 2) / (2 * 0.23**2)) if shape == "bump" else np.ones((m, m))
    return found * level / found.mean()


def looks(scan: Any, frames: Any, true: Any, held: float, recipe: str) -> tuple[dict[int, tuple[float, float]], float]:
    """Object error and background's error at some iterations, and the object error at the end with it held."""
    from dataclasses import replace

    import numpy as np

    from picpxct_nx.images.score import lit_region, object_error
    from picpxct_nx.ptycho import Background, Control, Model, Problem, Snapshot, parse, reconstruct

    shape = (scan.object.shape[0], scan.object.shape[1])
    lit, dark = lit_region(scan.probe, scan.positions_px, shape), light_of(scan).mean(0) < true
    found: dict[int, tuple[float, float]] = {}

    def look(snapshot: Snapshot) -> None:
        count = len(snapshot.error)
        if count in LOOKS:
            counts = np.fft.fftshift(snapshot.arrays["state.background"]) / true.size
            error = object_error(snapshot.arrays["state.object"], scan.object, lit).error
            found[count] = (error, float((counts[dark] / true[dark] - 1).mean()))

    problem = Problem(frames, np.ones(frames.shape[1:], bool), scan.positions_px, shape, scan.probe_start)
    control, stages = Control(keep=look, every=0), parse(recipe)
    reconstruct(problem, stages, model=Model(background=Background()), device="cpu:1", control=control)
    best = reconstruct(replace(problem, background=held * true), stages, device="cpu:1").object
    return found, float(object_error(best, scan.object, lit).error)


def main() -> None:
    """Print the table."""
    options = _options()
    os.environ["OMP_NUM_THREADS"] = "1"
    import numpy as np
    import torch

    from picpxct_nx.simulate.reference import reference_scan

    torch.set_num_threads(1)
    print(ROW.format("photons", "shape", "recipe", *LOOKS, "known" if options.held == 1 else f"{options.held:g} held"))
    print(ROW.format(*["---"] * (4 + len(LOOKS))))
    for recipe in options.recipe or ["pie:3,ml:100"]:
        for photons in options.photons or (1e4, 1e5, 1e6, 1e7):
            scan = reference_scan(options.n, options.m, photons=photons, seed=options.seed)
            light = light_of(scan)
            for shape in options.shape or ("flat", "bump"):
                true = background_of(shape, options.m, 0.02 * light.mean())
                rng = np.random.default_rng(5)
                runs = [
                    looks(scan, rng.poisson(light + true).astype(np.float32), true, options.held, recipe)
                    for _ in range(options.scans)
                ]
                means = {look: np.mean([run[0][look] for run in runs], axis=0) for look in LOOKS if look in runs[0][0]}
                words = (f"{means[look][0]:.4f} {means[look][1]:+.2f}" if look in means else "" for look in LOOKS)
                best = f"{np.mean([run[1] for run in runs]):.4f}"
                print(ROW.format(f"{photons:g}", shape, recipe, *words, best), flush=True)


if __name__ == "__main__":
    main()
