"""The measured Siemens star by several models: Fourier error of frames that were fitted and of frames that were not.

    python benchmarks/star.py FILE [--recipe default] [--fold 5]

FILE is `siemens-star-small.npz.bz2` of AdvancedPhotonSource/tike (tests/data): 516 frames of 128 x 128. Every fifth
frame is held out: object, probe modes and background come from the others. What belongs to a frame alone, its position
and its intensity, is then found from itself with object and probe held, as for the fitted frames; a model without these
keeps the given ones for both. So both errors have the same freedom a frame. Any fit of p numbers to n bright pixels
takes p / n of their noise for itself and puts as much on others, so that a gap is left even for a model without fault;
--drawn measures that gap on Poisson counts of the model that was found, and a model generalises where its gap is no
larger. Halves (every second frame) give the resolution of the phase by Fourier ring
correlation at half a bit.
"""

import argparse
import bz2
import io
import os
from pathlib import Path
from typing import Any

# Name, probe modes, refined parts, settings of the engines.
CASES: tuple[tuple[str, int, str, tuple[str, ...]], ...] = (
    ("one mode", 1, "", ()),
    ("positions", 1, "positions", ()),
    ("positions, intensity", 1, "positions,intensity", ()),
    ("4 modes, positions, intensity", 4, "positions,intensity", ()),
    ("4 modes, all", 4, "positions,intensity,background", ()),
    ("4 modes, all, rougher", 4, "positions,intensity,background", ("ml.smoothness=0",)),
    ("4 modes, all, smoother", 4, "positions,intensity,background", ("ml.smoothness=10",)),
)
ROW = "| {:<32} | {:>8} | {:>8} | {:>8} | {:>10} | {:>8} | {:>10} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--recipe", default="pie:3,ml:60")
    parser.add_argument("--fold", type=int, default=5, help="one frame in so many is held out")
    parser.add_argument("--crop", type=int, default=128, help="rows and columns of a frame")
    parser.add_argument("--case", action="append", help="part of a case's name; may be given again")
    parser.add_argument("--drawn", action="store_true", help="also the gap of frames drawn from each model found")
    parser.add_argument("--halves", action="store_true", help="also the resolution, from two more reconstructions")
    parser.add_argument("--pictures", type=Path, help="folder for a picture of each object")
    parser.add_argument("--device", default="cpu:1")
    return parser.parse_args()


def problem_of(path: Path, crop: int) -> Any:
    """The star as a problem; positions as in the file, the object as large as they need."""
    import numpy as np

    from picpxct_nx.ptycho import Problem

    with np.load(io.BytesIO(bz2.decompress(path.read_bytes()))) as file:
        frames, positions, probe = file["data"][0], file["scan"][0], file["probe"][0, 0, 0, 0]
    frames = np.fft.fftshift(frames, axes=(1, 2))
    size = frames.shape[1]
    middle = slice((size - crop) // 2, (size + crop) // 2)
    frames = np.ascontiguousarray(frames[:, middle, middle])
    spectrum = np.fft.fftshift(np.fft.fft2(probe))[middle, middle]
    probe = np.fft.ifft2(np.fft.ifftshift(spectrum)).astype(np.complex64)
    positions = positions.astype(np.float64) * crop / size
    positions += 12 - positions.min(axis=0)
    rows, columns = np.ceil(positions.max(axis=0)).astype(int) + crop + 12
    return Problem(frames, np.ones((crop, crop), bool), positions, (int(rows), int(columns)), probe[None])


def some(problem: Any, rows: Any) -> Any:
    """Some frames of a problem."""
    from dataclasses import replace

    return replace(problem, frames=problem.frames[rows], positions_px=problem.positions_px[rows])


def held(problem: Any, result: Any, parts: str, device: str) -> float:
    """Fourier error of frames with object, probe and background held; positions and intensities are their own.

    Both are refined by the functions that refine them in a run, until they rest.
    """
    from dataclasses import replace

    import numpy as np
    import torch

    from picpxct_nx.ptycho import describe, refine
    from picpxct_nx.ptycho.device import choose, threads
    from picpxct_nx.ptycho.state import State, load
    from picpxct_nx.ptycho.uncertainty import model_counts

    own = ",".join(part for part in ("positions", "intensity") if part in parts)
    where = choose(device)
    problem = replace(problem, probe=result.probe, object=result.object)
    with torch.inference_mode(), threads(device):
        data = load(problem, where)
        background = None
        if result.background is not None:
            corner = np.fft.ifftshift(result.background) * np.float32(result.background.size)
            background = torch.from_numpy(corner).to(where)
        state = State(
            torch.from_numpy(result.object).to(where), torch.from_numpy(result.probe).to(where), background=background
        )
        model = describe([own] if own else [])
        plan = refine.plan(problem, model, data, state)
        for _ in range(30 if own else 0):
            data, state = refine.improve(data, state, plan, 10, movable=True)
        apart = torch.sqrt(model_counts(data, state) * data.weight.numel()) - data.amplitude(slice(None))
        return float((apart.square().sum(dtype=torch.float64) / data.power).sqrt())


def drawn(problem: Any, result: Any) -> Any:
    """The problem with Poisson counts of the model that was found, at its own positions and intensities."""
    from dataclasses import replace

    import numpy as np

    from picpxct_nx.ptycho.device import choose
    from picpxct_nx.ptycho.state import load
    from picpxct_nx.ptycho.uncertainty import _state, model_counts

    where = choose("cpu")
    data = load(replace(problem, positions_px=result.positions_px, probe=result.probe), where)
    counts = model_counts(data, _state(result, np.arange(len(problem.frames)), where)).numpy()
    frames = np.random.default_rng(0).poisson(np.fft.fftshift(counts, axes=(1, 2))).astype(np.float32)
    return replace(problem, frames=frames)


def resolution(problem: Any, reconstruct: Any) -> str:
    """Half period, in pixels, up to which the images of two halves correlate."""
    import numpy as np

    from picpxct_nx.images.frc import FrcOptions, frc

    images = [reconstruct(some(problem, slice(first, None, 2))) for first in (0, 1)]
    lit = images[0].illumination > 0.3 * images[0].illumination.max()
    rows, columns = np.nonzero(lit)
    side = min(np.ptp(rows), np.ptp(columns)) * 2 // 3
    top, left = (int(np.mean([a.min(), a.max()])) - side // 2 for a in (rows, columns))
    window = (slice(top, top + side), slice(left, left + side))
    curve = frc(images[0].object[window], images[1].object[window], pixel=1.0, options=FrcOptions("phase", "half-bit"))
    return "-" if curve.half_period is None else f"{curve.half_period:.2f}"


def main() -> None:
    """Print the table."""
    options = _options()
    os.environ["OMP_NUM_THREADS"] = "1"
    import numpy as np

    from picpxct_nx.ptycho import describe, parse, reconstruct

    problem = problem_of(options.file, options.crop)
    number = np.arange(len(problem.frames))
    out = number % options.fold == options.fold - 1
    print(f"{(~out).sum()} frames of {options.crop} x {options.crop} fitted, {out.sum()} held out, {options.recipe}")
    print(ROW.format("model", "run", "fitted", "held out", "difference", "drawn", "FRC px"))
    print(ROW.format(*["---"] * 7))
    for name, modes, parts, settings in CASES:
        if options.case and not any(text in name for text in options.case):
            continue
        stages = parse(options.recipe, dict(text.split("=") for text in settings))
        model = describe([parts] if parts else [], modes=modes)

        def run(of: Any, stages: Any = stages, model: Any = model) -> Any:
            return reconstruct(of, stages, model=model, device=options.device)

        found = run(some(problem, ~out))
        fitted, left = (held(some(problem, which), found, parts, options.device) for which in (~out, out))
        noise = ""
        if options.drawn:
            again = drawn(problem, run(problem))
            found_again = run(some(again, ~out))
            pair = [held(some(again, which), found_again, parts, options.device) for which in (out, ~out)]
            noise = f"{pair[0] - pair[1]:+.4f}"
        frc = resolution(problem, run) if options.halves else ""
        numbers = (f"{found.error[-1]:.4f}", f"{fitted:.4f}", f"{left:.4f}", f"{left - fitted:+.4f}")
        print(ROW.format(name, *numbers, noise, frc), flush=True)
        if options.pictures:
            picture(found, options.pictures / f"{name.replace(', ', '_').replace(' ', '-')}.png")


def picture(result: Any, path: Path) -> None:
    """Phase and modulus of the lit part of an object, side by side."""
    import matplotlib as mpl
    import numpy as np

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    lit = result.illumination > 0.1 * result.illumination.max()
    rows, columns = np.nonzero(lit)
    window = (slice(rows.min(), rows.max()), slice(columns.min(), columns.max()))
    image = result.object[window]
    image = image * np.exp(-1j * np.angle(image[lit[window]].mean()))
    figure, axes = plt.subplots(1, 2, figsize=(18, 9))
    for axis, part in zip(axes, (np.angle(image), np.abs(image)), strict=True):
        low, high = np.quantile(part[lit[window]], [0.01, 0.99])
        axis.imshow(np.where(lit[window], part, low), cmap="gray", vmin=low, vmax=high)
        axis.set_axis_off()
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


if __name__ == "__main__":
    main()
