"""Speed, quality and memory of the ptychography engines, in units of one batched FFT pair and of the scan's frames.

CPU seconds on a CPU, wall seconds on a GPU. The yardstick, fft2 and ifft2 of all frames as complex64, is laid on
before, during and after the run in the same process, because a machine's speed drifts.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

TABLE = "{:<8} {:>12} {:>8} {:>8} {:>13} {:>14} {:>26}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=120, help="frames")
    parser.add_argument("-m", type=int, default=128, help="rows and columns of a frame")
    parser.add_argument("--photons", type=float, default=1.6e6, help="counts of a frame through an empty object")
    parser.add_argument("--subpixel", action="store_true", help="keep the positions' fractions of a pixel")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--set", action="append", default=[], metavar="ENGINE.NAME=VALUE")
    parser.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)  # the child that measures memory
    return parser.parse_args()


def _now(device: str) -> float:
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def fft_pair(n: int, m: int, device: str) -> float:
    """Seconds of one fft2 and ifft2 of n complex64 frames, the lower of one batch and of 16 frames a call."""
    import torch

    stack = torch.randn(n, m, m, dtype=torch.complex64, device=device)
    medians = []
    for parts in ([stack], [stack[i : i + 16] for i in range(0, n, 16)]):
        times = []
        for _ in range(7):
            begin = _now(device)
            for part in parts:
                torch.fft.ifft2(torch.fft.fft2(part))
            times.append(_now(device) - begin)
        medians.append(sorted(times)[3])
    return min(medians)


def _set_up(options: argparse.Namespace) -> tuple[Any, Any, Any]:
    """Scan, problem and stages; torch on the wanted number of threads."""
    import numpy as np
    import torch

    from picpxct_nx.ptycho import Problem, parse
    from picpxct_nx.simulate.reference import reference_scan

    torch.set_num_threads(options.threads)
    scan = reference_scan(options.n, options.m, photons=options.photons, subpixel=options.subpixel)
    good = np.ones(scan.frames.shape[1:], bool)
    shape = (scan.object.shape[0], scan.object.shape[1])
    problem = Problem(scan.frames, good, scan.positions_px, shape, scan.probe_start)
    return scan, problem, parse(options.recipe, dict(item.split("=", 1) for item in options.set))


def measure_memory(options: argparse.Namespace) -> None:
    """Print the bytes by which the first stages of the recipe, two iterations each, raise the memory in use."""
    import dataclasses

    import torch

    from picpxct_nx.ptycho import reconstruct

    _, problem, stages = _set_up(options)
    stages = [dataclasses.replace(stage, iterations=2) for stage in stages[: options.memory_of]]
    torch.fft.ifft2(torch.fft.fft2(torch.zeros(1, options.m, options.m, dtype=torch.complex64)))  # loads the library
    base, peak, done = _resident(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            peak[0] = max(peak[0], _resident())

    thread = threading.Thread(target=watch)
    thread.start()
    reconstruct(problem, tuple(stages), device=options.device)
    done.set()
    thread.join()
    on_gpu = options.device.startswith("cuda")
    print(json.dumps(torch.cuda.max_memory_allocated() if on_gpu else peak[0] - base))


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _memory(options: argparse.Namespace, stages: int) -> str:
    command = [sys.executable, __file__, *sys.argv[1:], "--memory-of", str(stages)]
    used = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    frames = 4 * options.n * options.m**2
    return f"frames {(used - frames) / (2 * frames):+.2f} exit-wave stacks"


def main() -> None:
    """Print the table, one line an engine of the recipe, each with what was reached when it ended."""
    options = _options()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    if options.memory_of:
        measure_memory(options)
        return
    from picpxct_nx.images.score import lit_region, object_error
    from picpxct_nx.ptycho import reconstruct

    scan, problem, stages = _set_up(options)
    region = lit_region(scan.probe, scan.positions_px, problem.object_shape)
    positions = "sub-pixel" if options.subpixel else "whole-pixel"
    print(f"{options.n} frames of {options.m} x {options.m}, {options.photons:g} photons, {positions} positions")
    print(f"{options.device}, {options.threads} thread(s); FFT pairs: least / least, and median / median")
    print(TABLE.format("engine", "s/iteration", "least", "median", "object error", "Fourier error", "peak memory"))
    for count, stage in enumerate(stages, start=1):
        times, floors = _timed(options, problem, stages[:count])
        result = reconstruct(problem, stages[:count], device=options.device)
        times, floors = sorted(times[-stage.iterations :]), sorted(floors)
        middle, floor = times[len(times) // 2], floors[len(floors) // 2]
        error = object_error(result.object, scan.object, region).error
        fields = (f"{middle:.3g}", f"{times[0] / floors[0]:.2f}", f"{middle / floor:.2f}", f"{error:.4f}")
        print(TABLE.format(stage.engine, *fields, f"{result.error[-1]:.4f}", _memory(options, count)))


def _timed(options: argparse.Namespace, problem: Any, stages: Any) -> tuple[list[float], list[float]]:
    """Seconds of every iteration, and of the FFT pair laid on every tenth iteration."""
    from picpxct_nx.ptycho import Control, reconstruct

    times: list[float] = []
    floors = [fft_pair(options.n, options.m, options.device)]
    begin = _now(options.device)

    def note(engine: str, iteration: int, total: int, error: float) -> None:  # noqa: ARG001 - the loop's signature
        nonlocal begin
        times.append(_now(options.device) - begin)
        if iteration % 10 == 0 or iteration == total:
            floors.append(fft_pair(options.n, options.m, options.device))
        begin = _now(options.device)

    reconstruct(problem, stages, device=options.device, control=Control(progress=note))
    return times, floors


if __name__ == "__main__":
    main()
