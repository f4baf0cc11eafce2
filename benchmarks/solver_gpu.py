"""The solver on a GPU with the paper's scan: milliseconds an iteration against FFT pairs, time to quality, memory.

The scan is simulated with known truth: frames of 440 x 440 on a Fermat spiral of whole pixels. A pair is one `fft2`
and `ifft2` of all frames as complex64 on the same GPU, in one call each. Needs torch, numpy and scipy alone.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

ENGINES = ("dm:110", "raar:110", "ml:110", "lsqml:30", "pie:20")
QUALITY = ("default", "pie:3,ml:10", "pie:2,ml:20", "pie:3,ml:40", "lsqml:10,ml:20", "dm:50,ml:50", "paper")
COST = "| {:<34} | {:>9} | {:>7} | {:>8} |"
REACHED = "| {:<34} | {:>9} | {:>8} | {:>8} | {:>8} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=624, help="frames")
    parser.add_argument("-m", type=int, default=440, help="rows and columns of a frame")
    parser.add_argument("--photons", type=float, default=6.8e7, help="counts of a frame through an empty object")
    parser.add_argument("--subpixel", action="store_true", help="keep the positions' fractions of a pixel")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--engine", action="append", help="ENGINE:N to time; may be given again; else all")
    parser.add_argument("--recipe", action="append", help="recipe to judge; may be given again; else several")
    parser.add_argument("--seed", type=int, default=1, help="of the simulated scan")
    return parser.parse_args()


def _median(work: Callable[[], Any], seconds: float = 0.3) -> float:
    """Median seconds of some work on the GPU, waited for."""
    import torch

    times: list[float] = []
    began = time.perf_counter()
    for _ in range(2):
        work()
    while len(times) < 7 or time.perf_counter() - began < seconds:
        torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


def pair(n: int, m: int, device: str) -> tuple[float, float]:
    """Seconds of one fft2 and ifft2 of n frames, as they are called, and without the norm of the inverse."""
    import torch

    stack = torch.randn(n, m, m, dtype=torch.complex64, device=device)
    whole = _median(lambda: torch.fft.ifft2(torch.fft.fft2(stack)))
    return whole, _median(lambda: torch.fft.ifft2(torch.fft.fft2(stack), norm="forward"))


def iteration(problem: Any, engine: str, device: str) -> tuple[float, int]:
    """Seconds of an iteration from the first look at the GPU to the last, and the most bytes in use."""
    import torch

    from picpxct_nx.ptycho import Control, reconstruct
    from picpxct_nx.ptycho.loop import LOOK_EVERY

    seen: list[float] = []
    control = Control(progress=lambda *_: seen.append(time.perf_counter()))
    torch.cuda.reset_peak_memory_stats()
    reconstruct(problem, engine, device=device, control=control)
    first = LOOK_EVERY["cuda"]
    return (seen[-1] - seen[first - 1]) / (len(seen) - first), torch.cuda.max_memory_allocated()


def main() -> None:
    """Print the tables."""
    options = _options()
    import numpy as np
    import torch

    from picpxct_nx.images.score import lit_region, object_error
    from picpxct_nx.ptycho import Problem, reconstruct
    from picpxct_nx.simulate.reference import CSAXS, reference_scan

    scan = reference_scan(
        options.n, options.m, photons=options.photons, subpixel=options.subpixel, layout=CSAXS, seed=options.seed
    )
    shape = (scan.object.shape[0], scan.object.shape[1])
    counts = scan.frames.astype(np.uint16 if scan.frames.max() < 1 << 16 else np.uint32)
    problem = Problem(counts, np.ones(scan.frames.shape[1:], bool), scan.positions_px, shape, scan.probe_start)
    region = lit_region(scan.probe, scan.positions_px, shape)
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, {torch.cuda.get_device_capability()}")
    print(f"{options.n} frames of {options.m} x {options.m}, at most {counts.max()} counts")
    floor, bare = pair(options.n, options.m, options.device)
    print(f"FFT pair {1e3 * floor:.2f} ms, without the norm of the inverse {1e3 * bare:.2f} ms")
    print(COST.format("engine", "ms/iter", "pairs", "GiB"))
    for engine in ENGINES if options.engine is None else options.engine:
        seconds, most = iteration(problem, engine, options.device)
        print(
            COST.format(engine, f"{1e3 * seconds:.2f}", f"{seconds / floor:.2f}", f"{most / 2**30:.2f}"),
            flush=True,
        )
    print(f"FFT pair afterwards {1e3 * pair(options.n, options.m, options.device)[0]:.2f} ms")
    print(REACHED.format("recipe", "seconds", "GiB", "error", "Fourier"))
    for recipe in QUALITY if options.recipe is None else options.recipe:
        torch.cuda.reset_peak_memory_stats()
        torch.cuda.synchronize()
        began = time.perf_counter()
        result = reconstruct(problem, recipe, device=options.device)
        seconds = time.perf_counter() - began
        error = object_error(result.object, scan.object, region).error
        most = torch.cuda.max_memory_allocated()
        print(
            REACHED.format(recipe, f"{seconds:.2f}", f"{most / 2**30:.2f}", f"{error:.4f}", f"{result.error[-1]:.4f}"),
            flush=True,
        )


if __name__ == "__main__":
    main()
