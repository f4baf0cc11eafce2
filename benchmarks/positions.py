"""How soon positions that are wrong are found, and how good the object is then, by iterations.

    python benchmarks/positions.py

The reference scan is reconstructed from positions with random errors. Printed are, at some iterations, the object error
against the truth and the root mean square by which positions are still wrong (their mean apart), in pixels; the last
column is the object error with true positions.
"""

import argparse
import os
from typing import Any

LOOKS = (10, 20, 30, 43, 63, 123)
ROW = "| {:>6} | {:>8} | {:<12} |" + " {:>14} |" * len(LOOKS) + " {:>8} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=50, help="frames")
    parser.add_argument("-m", type=int, default=64, help="rows and columns of a frame")
    parser.add_argument("--photons", type=float, action="append", help="counts of a frame; may be given again")
    parser.add_argument("--jitter", type=float, action="append", help="px rms; may be given again")
    parser.add_argument("--recipe", action="append", help="may be given again; else pie:3,ml:120")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def problem_of(scan: Any, jitter: float, seed: int) -> tuple[Any, Any]:
    """The scan with wrong positions, and the true object, both with room for the errors."""
    import numpy as np

    from picpxct_nx.ptycho import Problem

    room = int(np.ceil(4 * jitter)) + 1
    away = np.random.default_rng(seed).normal(0, jitter, scan.positions_px.shape)
    shape = tuple(size + 2 * room for size in scan.object.shape)
    said = (scan.positions_px + away - away.mean(0) + room).clip(0, np.array(shape) - scan.frames.shape[1:])
    true = np.pad(scan.object, room, constant_values=1).astype(np.complex64)
    return Problem(scan.frames, np.ones(scan.frames.shape[1:], bool), said, shape, scan.probe_start), true


def lit_of(scan: Any, room: int, shape: tuple[int, int]) -> Any:
    """Where the object is judged, in an array with some room around it."""
    from picpxct_nx.images.score import lit_region

    return lit_region(scan.probe, scan.positions_px + room, shape)


def looks(scan: Any, jitter: float, recipe: str, seed: int) -> dict[int, str]:
    """Object error and positions' error at some iterations."""
    import numpy as np

    from picpxct_nx.images.score import object_error
    from picpxct_nx.ptycho import Control, Model, Positions, Snapshot, parse, reconstruct

    problem, true = problem_of(scan, jitter, seed)
    room = (true.shape[0] - scan.object.shape[0]) // 2
    lit, found = lit_of(scan, room, true.shape), dict[int, str]()

    def look(snapshot: Snapshot) -> None:
        count = len(snapshot.error)
        if count in LOOKS:
            away = snapshot.arrays["state.positions"] - scan.positions_px - room
            error = object_error(snapshot.arrays["state.object"], true, lit).error
            found[count] = f"{error:.4f} {np.sqrt(((away - away.mean(0)) ** 2).mean()):.3f}"

    control = Control(keep=look, every=0)
    reconstruct(problem, parse(recipe), model=Model(positions=Positions()), device="cpu:1", control=control)
    return found


def known(scan: Any, recipe: str, seed: int) -> float:
    """Object error with true positions."""
    from picpxct_nx.images.score import object_error
    from picpxct_nx.ptycho import parse, reconstruct

    problem, true = problem_of(scan, 0.0, seed)
    found = reconstruct(problem, parse(recipe), device="cpu:1").object
    return float(object_error(found, true, lit_of(scan, 1, true.shape)).error)


def main() -> None:
    """Print the table."""
    options = _options()
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    from picpxct_nx.simulate.reference import reference_scan

    torch.set_num_threads(1)
    print(ROW.format("px rms", "photons", "recipe", *LOOKS, "known"))
    print(ROW.format(*["---"] * (4 + len(LOOKS))))
    for recipe in options.recipe or ["pie:3,ml:120"]:
        for photons in options.photons or [1e6]:
            scan = reference_scan(options.n, options.m, photons=photons, subpixel=True, seed=options.seed)
            best = f"{known(scan, recipe, options.seed):.4f}"
            for jitter in options.jitter or [0.3, 1.0, 2.0]:
                found = looks(scan, jitter, recipe, options.seed)
                words = (found.get(count, "") for count in LOOKS)
                print(ROW.format(f"{jitter:g}", f"{photons:g}", recipe, *words, best), flush=True)


if __name__ == "__main__":
    main()
