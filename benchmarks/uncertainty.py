"""How many pixels of simulated scans lie within a sigma of the truth, from few to many photons, by what is known.

Scans of a few specimens are redrawn; each is reconstructed from the start that a beamline has (another defocus, no
aberrations, an object of ones), and the sigma maps are compared with the true errors, after removing what no frame
can tell. The wanted part is 68 %.
"""

import argparse
import os
from typing import Any

PHOTONS = (1e4, 1e5, 1e6, 1e7)
ROW = "| {:>8} | {:<24} | {:<24} | {:>8} | {:>8} | {:>8} | {:>8} | {:>9} | {:>9} |"
HEAD = (
    "photons", "recipe", "unknown beside object", "modulus", "phase", "k mod.", "k phase", "infl. mod.", "infl. ph.",
)  # fmt: skip
# Name, refined parts, whether the probe is known.
CASES = (
    ("nothing", "", True),
    ("probe", "", False),
    ("probe, positions", "positions", False),
    ("probe, intensity", "intensity", False),
    ("probe, background", "background", False),
    ("probe, uneven background", "background", False),
)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=50, help="frames")
    parser.add_argument("-m", type=int, default=64, help="rows and columns of a frame")
    parser.add_argument("--photons", type=float, action="append", help="counts of a frame; may be given again")
    parser.add_argument("--case", action="append", choices=[name for name, *_ in CASES], help="may be given again")
    parser.add_argument("--recipe", action="append", help="may be given again; else the default")
    parser.add_argument("--specimens", type=int, default=3, help="objects and beams, by their seeds from 1 on")
    parser.add_argument("--scans", type=int, default=4, help="redrawn scans of each specimen and case")
    return parser.parse_args()


def expected(scan: Any, case: str, rng: Any) -> Any:
    """Expected counts of a scan with the flaws of its case, zero frequency in the middle."""
    import numpy as np

    m = scan.frames.shape[1]
    k = np.fft.fftfreq(m)
    spectrum = np.fft.fft2(scan.probe[0].astype(np.complex128))
    frames = []
    for position in scan.positions_px:
        away = rng.normal(0, 0.4, 2) if "positions" in case else np.zeros(2)
        corner = np.rint(position).astype(int)
        row, column = position + away - corner
        probe = np.fft.ifft2(spectrum * np.exp(-2j * np.pi * (k[:, None] * row + k * column)))
        view = scan.object[corner[0] : corner[0] + m, corner[1] : corner[1] + m]
        frames.append(np.fft.fftshift(np.abs(np.fft.fft2(probe * view, norm="ortho")) ** 2))
    counts = np.array(frames)
    if "intensity" in case:
        counts *= np.clip(1 + 0.1 * rng.normal(size=len(counts)), 0.5, None)[:, None, None]
    if "background" in case:
        from background import background_of

        counts += background_of("bump" if "uneven" in case else "flat", m, 0.02 * counts.mean())
    return counts


def covered(scan: Any, scans: int, recipe: str, case: tuple[str, str, bool]) -> list[list[float]]:
    """Parts of modulus and phase within a sigma, factors and inflations, of redrawn scans of one specimen."""
    import numpy as np

    from picpxct_nx.ptycho import Problem, describe, parse, reconstruct
    from picpxct_nx.ptycho.likeness import difference
    from picpxct_nx.ptycho.uncertainty import errors_of

    name, parts, known = case
    good, shape = np.ones(scan.frames.shape[1:], bool), (scan.object.shape[0], scan.object.shape[1])
    rng, found = np.random.default_rng(5), []
    stages = parse(recipe)
    if known:
        stages = parse(recipe, {f"{stage.engine}.probe_start": str(10**6) for stage in stages})
    model = describe([parts] if parts else [])
    for number in range(scans):
        frames = rng.poisson(expected(scan, name, rng)).astype(np.float32)
        problem = Problem(frames, good, scan.positions_px, shape, scan.probe if known else scan.probe_start)
        result = reconstruct(problem, stages, model=model, device="cpu:1")
        errors = errors_of(problem, result, stages, model=model, device="cpu:1", seed=number)
        lit = np.isfinite(errors.phase)
        weight = np.where(lit, result.illumination, 0).astype(np.float64)
        apart, _ = difference(scan.object, result.object, weight, modulus_ramp="intensity" in name)
        apart *= np.exp(-1j * np.angle(result.object.astype(np.complex128)))
        modulus = np.abs(apart.real[lit]) < errors.modulus[lit]
        phase = np.abs(apart.imag / np.abs(result.object))[lit] < errors.phase[lit]
        found.append((
            modulus.mean(), phase.mean(), errors.modulus_factor, errors.phase_factor, errors.modulus_inflation,
            errors.phase_inflation,
        ))  # fmt: skip
    return [[float(value) for value in row] for row in found]


def means(options: argparse.Namespace, photons: float, recipe: str, case: tuple[str, str, bool]) -> list[float]:
    """The same, means over all specimens and their scans."""
    import numpy as np

    from picpxct_nx.simulate.reference import reference_scan

    seeds = range(1, options.specimens + 1)
    specimens = [reference_scan(options.n, options.m, photons=photons, seed=seed) for seed in seeds]
    rows = [row for scan in specimens for row in covered(scan, options.scans, recipe, case)]
    return [float(value) for value in np.mean(rows, axis=0)]


def main() -> None:
    """Print the table."""
    options = _options()
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)
    scans = f"{options.scans} redrawn scans of each of {options.specimens} specimens a row"
    print(f"{options.n} frames of {options.m} x {options.m}, {scans}, wanted 0.68 +- 0.03")
    print(ROW.format(*HEAD))
    print(ROW.format(*["---"] * len(HEAD)))
    for recipe in options.recipe or ["default"]:
        for photons in options.photons or PHOTONS:
            for case in CASES:
                if options.case and case[0] not in options.case:
                    continue
                modulus, phase, *rest = means(options, photons, recipe, case)
                numbers = (f"{modulus:.3f}", f"{phase:.3f}", *(f"{value:.2f}" for value in rest))
                print(ROW.format(f"{photons:g}", recipe, case[0], *numbers), flush=True)


if __name__ == "__main__":
    main()
