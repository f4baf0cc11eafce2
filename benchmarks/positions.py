"""How soon positions that are wrong are found, and how good the object is then, by iterations.

    python benchmarks/positions.py
    python benchmarks/positions.py --affine 1,0.5,0.5 [--geometry free]

The reference scan is reconstructed from positions with random errors, or from those of a stage with a wrong scale,
rotation and shear. Printed are, at some iterations, the object error against the truth and the root mean square by
which positions are still wrong (their mean apart), in pixels; of a stage also the errors of scale (%), rotation (deg)
and shear (%) that are left. The last column is the object error with true positions.
"""

import argparse
import os
from typing import Any

LOOKS = (10, 20, 30, 43, 63, 123)
ROW = "| {:<11} | {:>8} | {:<12} |" + " {:>14} |" * len(LOOKS) + " {:>8} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=50, help="frames")
    parser.add_argument("-m", type=int, default=64, help="rows and columns of a frame")
    parser.add_argument("--photons", type=float, action="append", help="counts of a frame; may be given again")
    parser.add_argument("--jitter", type=float, action="append", help="px rms; may be given again")
    parser.add_argument("--affine", action="append", help="SCALE,ROTATION,SHEAR in %%, deg, %%; may be given again")
    parser.add_argument("--geometry", choices=("free", "affine"), help="else free, and affine for a stage's errors")
    parser.add_argument("--start", type=int, default=3, help="iteration at which positions begin to move")
    parser.add_argument("--recipe", action="append", help="may be given again; else pie:3,ml:120")
    parser.add_argument("--set", action="append", dest="sets", metavar="ENGINE.NAME=VALUE", help="may be given again")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def stage_map(text: str) -> Any:
    """Matrix A of a stage that puts frames at x + A (x - mean x), from its scale, rotation and shear."""
    import numpy as np

    scale, rotation, shear = (float(word) for word in text.split(","))
    s, r, h = scale / 100, np.deg2rad(rotation), shear / 100
    return np.array([[s, h - r], [h + r, s]])


def problem_of(scan: Any, wrong: float | str, seed: int) -> tuple[Any, Any]:
    """The scan with wrong positions (px rms, or a stage's errors) and the true object, with room for the errors."""
    import numpy as np

    from picpxct_nx.ptycho import Problem

    true = scan.positions_px
    if isinstance(wrong, str):
        away = (true - true.mean(0)) @ stage_map(wrong).T
        room = int(np.ceil(2 * np.abs(away).max())) + 1
    else:
        away = np.random.default_rng(seed).normal(0, wrong, true.shape)
        away, room = away - away.mean(0), int(np.ceil(4 * wrong)) + 1
    shape = tuple(size + 2 * room for size in scan.object.shape)
    said = (true + away + room).clip(0, np.array(shape) - scan.frames.shape[1:])
    image = np.pad(scan.object, room, constant_values=1).astype(np.complex64)
    return Problem(scan.frames, np.ones(scan.frames.shape[1:], bool), said, shape, scan.probe_start), image


def settings(options: argparse.Namespace) -> dict[str, str]:
    """Parameters of the engines."""
    return dict(text.split("=") for text in options.sets or [])


def lit_of(scan: Any, room: int, shape: tuple[int, int]) -> Any:
    """Where the object is judged, in an array with some room around it."""
    from picpxct_nx.images.score import lit_region

    return lit_region(scan.probe, scan.positions_px + room, shape)


def looks(scan: Any, wrong: float | str, recipe: str, options: argparse.Namespace) -> dict[int, str]:
    """Object error and positions' error at some iterations."""
    import numpy as np

    from picpxct_nx.images.score import object_error
    from picpxct_nx.ptycho import Control, Model, Positions, Snapshot, parse, reconstruct
    from picpxct_nx.ptycho.positions import affine

    problem, true = problem_of(scan, wrong, options.seed)
    room = (true.shape[0] - scan.object.shape[0]) // 2
    lit, found = lit_of(scan, room, true.shape), dict[int, str]()

    def look(snapshot: Snapshot) -> None:
        count = len(snapshot.error)
        if count not in LOOKS:
            return
        place = snapshot.arrays.get("state.positions", problem.positions_px)
        away = place - scan.positions_px - room
        error = object_error(snapshot.arrays["state.object"], true, lit).error
        found[count] = f"{error:.4f} {np.sqrt(((away - away.mean(0)) ** 2).mean()):.3f}"
        if isinstance(wrong, str):
            left = affine(scan.positions_px, place - room)
            found[count] += f" {100 * left.scale:+.2f} {np.rad2deg(left.rotation):+.3f} {100 * left.shear:+.2f}"

    geometry = options.geometry or ("affine" if isinstance(wrong, str) else "free")
    model = Model(positions=Positions(start=options.start, geometry=geometry))
    stages = parse(recipe, settings(options))
    reconstruct(problem, stages, model=model, device="cpu:1", control=Control(keep=look, every=0))
    return found


def known(scan: Any, recipe: str, options: argparse.Namespace) -> float:
    """Object error with true positions."""
    from picpxct_nx.images.score import object_error
    from picpxct_nx.ptycho import parse, reconstruct

    problem, true = problem_of(scan, 0.0, options.seed)
    found = reconstruct(problem, parse(recipe, settings(options)), device="cpu:1").object
    return float(object_error(found, true, lit_of(scan, 1, true.shape)).error)


def main() -> None:
    """Print the table."""
    options = _options()
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    from picpxct_nx.simulate.reference import reference_scan

    torch.set_num_threads(1)
    print(ROW.format("wrong by", "photons", "recipe", *LOOKS, "known"))
    print(ROW.format(*["---"] * (4 + len(LOOKS))))
    wrongs: list[float | str] = [*(options.jitter or []), *(options.affine or [])]
    for recipe in options.recipe or ["pie:3,ml:120"]:
        for photons in options.photons or [1e6]:
            scan = reference_scan(options.n, options.m, photons=photons, subpixel=True, seed=options.seed)
            best = f"{known(scan, recipe, options):.4f}"
            for wrong in wrongs or [0.3, 1.0, 2.0]:
                found = looks(scan, wrong, recipe, options)
                words = (found.get(count, "") for count in LOOKS)
                print(ROW.format(str(wrong), f"{photons:g}", recipe, *words, best), flush=True)


if __name__ == "__main__":
    main()
