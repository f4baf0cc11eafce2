"""Whether two devices give the same numbers: the same recipe on both, object against object where it is lit.

    python benchmarks/agreement.py --devices cpu,cuda

Prints the root mean square of O_a - c O_b over that of O_b, with c the best complex scale, and without it; the same of
two runs on the second device, which must be zero; and the object errors of both against the truth. Needs torch, numpy
and scipy alone.
"""

import argparse
from typing import Any

RECIPES = ("default", "pie:3,ml:20", "dm:30,ml:30", "raar:30", "ml:60", "lsqml:5", "lsqml:20,ml:40")
ROW = "| {:<20} | {:>11} | {:>11} | {:>11} | {:>9} | {:>9} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--devices", default="cpu,cuda", help="two devices; cpu:1,cpu:2 tries other sums on one machine"
    )
    parser.add_argument("-n", type=int, default=120, help="frames")
    parser.add_argument("-m", type=int, default=128, help="rows and columns of a frame")
    parser.add_argument("--photons", type=float, default=1.6e6, help="counts of a frame through an empty object")
    parser.add_argument("--whole", action="store_true", help="positions of whole pixels")
    parser.add_argument("--recipe", action="append", help="may be given again; else several")
    parser.add_argument("--refine", action="append", default=[], help="parts that are refined, as of `reconstruct`")
    parser.add_argument("--modes", type=int, default=0, help="probe modes")
    parser.add_argument("--seed", type=int, default=1, help="of the simulated scan")
    return parser.parse_args()


def apart(a: Any, b: Any, lit: Any) -> tuple[float, float]:
    """Relative root mean square of a - c b over lit pixels, with c the best complex scale, and with c = 1."""
    import numpy as np

    first, second = a[lit].astype(np.complex128), b[lit].astype(np.complex128)
    scale = np.vdot(second, first) / np.vdot(second, second)
    norm = np.linalg.norm(second)
    return float(np.linalg.norm(first - scale * second) / norm), float(np.linalg.norm(first - second) / norm)


def main() -> None:
    """Print the table."""
    options = _options()
    import numpy as np
    import torch

    from picpxct_nx.images.score import lit_region, object_error
    from picpxct_nx.ptycho import Problem, describe, reconstruct
    from picpxct_nx.simulate.reference import reference_scan

    devices = options.devices.split(",")
    scan = reference_scan(options.n, options.m, photons=options.photons, subpixel=not options.whole, seed=options.seed)
    shape = (scan.object.shape[0], scan.object.shape[1])
    good = np.ones(scan.frames.shape[1:], bool)
    problem = Problem(scan.frames, good, scan.positions_px, shape, scan.probe_start)
    lit = lit_region(scan.probe, scan.positions_px, shape)
    model = describe(options.refine, modes=options.modes)
    names = [torch.cuda.get_device_name(name) if name.startswith("cuda") else name for name in devices]
    print(f"{options.n} frames of {options.m} x {options.m}; {' and '.join(names)}, PyTorch {torch.__version__}")
    print(ROW.format("recipe", "scale apart", "as they are", "run again", *devices))
    print(ROW.format(*["---"] * 6))
    for recipe in options.recipe or RECIPES:
        first, second, again = (
            reconstruct(problem, recipe, model=model, device=name).object for name in (*devices, devices[1])
        )
        errors = [f"{object_error(found, scan.object, lit).error:.5f}" for found in (first, second)]
        numbers = [f"{value:.1e}" for value in (*apart(first, second, lit), apart(again, second, lit)[1])]
        print(ROW.format(recipe, *numbers, *errors), flush=True)


if __name__ == "__main__":
    main()
