"""One solver on one scan in this process: CPU seconds and FFT pairs by iteration and what was reached, or its memory.

`solver.py` starts it, with the interpreter that has the solver; it needs numpy and what the solver needs, no more. The
yardstick, fft2 and ifft2 of all frames as complex64, is laid on every few iterations of the same process, because a
machine's speed drifts: by PyTorch, by numpy where that is missing.
"""

import argparse
import json
import os
import resource
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
from solver_adaptors import Reached, Scan
from solver_peers import NO_ADAPTOR, PEERS, ROWS, load

FEW = 4  # iterations of an engine while memory is measured: some leave the probe alone for two
OFTEN = 5  # iterations from one laying on of the yardstick to the next
GEOMETRY = {"wavelength_m": 2.258e-10, "distance_m": 7.2, "detector_pixel_m": 75e-6}  # 5.49 keV; any would do


def fft_pair(n: int, m: int) -> float:
    """CPU seconds of one fft2 and ifft2 of n complex64 frames, the lower of one batch and of 16 frames a call."""
    try:
        import torch

        stack: Any = torch.randn(n, m, m, dtype=torch.complex64)
        forth, back = torch.fft.fft2, torch.fft.ifft2
    except ImportError:
        stack, forth, back = np.ones((n, m, m), np.complex64), np.fft.fft2, np.fft.ifft2
    medians = []
    for parts in ([stack], [stack[i : i + 16] for i in range(0, n, 16)]):
        times = []
        for _ in range(7):
            begin = time.process_time()
            for part in parts:
                back(forth(part))
            times.append(time.process_time() - begin)
        medians.append(sorted(times)[3])
    return min(medians)


class Watch:
    """The clock of a run, which stands still while it is looked at what was reached.

    Parameters
    ----------
    pair : callable
        Lays the yardstick on.
    looks : collection of int
        Iterations after which object and probe are kept.
    """

    def __init__(self, pair: Callable[[], float], looks: Collection[int]) -> None:
        self._pair, self._looks, self._since = pair, looks, 0.0
        self.running = False
        self.seconds: list[float] = []
        self.floors: list[tuple[int, float]] = []
        self.kept: dict[int, Reached] = {}

    def start(self) -> None:
        """Lay the yardstick on, then let the clock run."""
        self.floors.append((len(self.seconds), self._pair()))
        self.running = True
        self._since = time.process_time()

    def stop(self) -> None:
        """Note the iteration that has ended."""
        self.seconds.append(time.process_time() - self._since)

    def look(self, reached: Callable[[], Reached]) -> None:
        """Keep what was reached if it is wanted, lay the yardstick on now and then, and let the clock run on."""
        count = len(self.seconds)
        if count in self._looks:
            found = reached()
            self.kept[count] = Reached(*(np.array(part) for part in found))
        if count % OFTEN == 0:
            self.floors.append((count, self._pair()))
        self._since = time.process_time()

    def after(self, reached: Callable[[], Reached]) -> None:
        """Stop, look and go on."""
        self.stop()
        self.look(reached)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--installed", action="store_true", help="print which peers can be imported, and stop")
    parser.add_argument("--scan", type=Path, help="simulated scan, .npz")
    parser.add_argument("--out", type=Path, help="what was measured, .npz")
    parser.add_argument("--peer", help="name of a peer's row")
    parser.add_argument("--recipe", help="recipe of ours")
    parser.add_argument("--set", action="append", default=[], metavar="ENGINE.NAME=VALUE")
    parser.add_argument("--looks", default="", help="iterations after which the object is kept, comma-separated")
    parser.add_argument(
        "--memory", action="store_true", help="measure memory instead, by a few iterations of each engine"
    )
    return parser.parse_args()


def installed() -> dict[str, dict[str, str]]:
    """Versions of the peers that can be imported, and why the others cannot."""
    found: dict[str, dict[str, str]] = {"versions": {}, "missing": dict(NO_ADAPTOR)}
    for name, peer in PEERS.items():
        try:
            found["versions"][name] = load(name)
        except Exception as error:
            reason = str(error).partition("\n")[0]
            found["missing"][name] = f"{type(error).__name__}: {reason}; {peer.install}"
    return found


def run_ours(options: argparse.Namespace, scan: Any, watch: Watch | None) -> list[str]:
    """Run a recipe of picpxct_nx; the names of the engines by iteration."""
    import dataclasses

    from picpxct_nx.ptycho import Control, Problem, parse, reconstruct

    shape = (int(scan["shape"][0]), int(scan["shape"][1]))
    good = np.ones(scan["frames"].shape[1:], bool)
    problem = Problem(scan["frames"], good, scan["corners"], shape, scan["probe"][None])
    device = f"cpu:{os.environ.get('OMP_NUM_THREADS', '1')}"
    stages = parse(options.recipe, dict(item.split("=", 1) for item in options.set))
    if watch is None:
        stages = tuple(dataclasses.replace(stage, iterations=FEW) for stage in stages)
        return list(reconstruct(problem, stages, device=device).engines)
    first = np.floor(scan["corners"].min(axis=0))
    control = Control(
        progress=lambda *_: watch.stop(),
        keep=lambda shot: watch.look(lambda: Reached(shot.arrays["state.object"], shot.arrays["state.probe"], first)),
        every=0,
    )
    watch.start()
    return list(reconstruct(problem, stages, device=device, control=control).engines)


def run_peer(name: str, scan: Any, watch: Any, most: int | None = None) -> None:
    """Run a peer's row, of at most so many iterations."""
    import dataclasses

    row = next(row for row in ROWS if row.name == name)
    if most is not None:
        row = dataclasses.replace(row, iterations=most)
    shape = (int(scan["shape"][0]), int(scan["shape"][1]))
    PEERS[row.peer].run(Scan(scan["frames"], scan["corners"], shape, scan["probe"], **GEOMETRY), row, watch)


def growth(work: Callable[[], Any]) -> int:
    """Bytes by which a piece of work raises the memory in use, at its peak."""
    base, peak, done = _resident(), [0], threading.Event()

    def look() -> None:
        while not done.wait(0.002):
            peak[0] = max(peak[0], _resident())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        work()
    finally:
        done.set()
        thread.join()
    return peak[0] - base


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main() -> None:
    """Measure what was asked for."""
    options = _options()
    if options.installed:
        print(json.dumps(installed()))
        return
    if options.peer:
        load(next(row.peer for row in ROWS if row.name == options.peer))
    try:
        import torch

        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        yardstick = f"PyTorch {torch.__version__}"
    except ImportError:
        yardstick = f"numpy {np.__version__}"
    with np.load(options.scan) as file:
        scan = dict(file)
    n, m = scan["frames"].shape[:2]
    fft_pair(1, m)  # loads the library
    if options.memory:
        still = Watch(lambda: 0.0, ())
        print(
            growth(lambda: run_peer(options.peer, scan, still, FEW) if options.peer else run_ours(options, scan, None))
        )
        return
    watch = Watch(lambda: fft_pair(n, m), {int(count) for count in options.looks.split(",") if count})
    engines = None if options.peer else run_ours(options, scan, watch)
    if options.peer:
        run_peer(options.peer, scan, watch)
    if watch.floors[-1][0] < len(watch.seconds):
        watch.floors.append((len(watch.seconds), fft_pair(n, m)))
    arrays = {f"{name}_{k}": part for k, kept in watch.kept.items() for name, part in kept._asdict().items()}
    engines = engines or ["iteration"] * len(watch.seconds)
    np.savez(options.out, seconds=watch.seconds, floors=watch.floors, engines=engines, yardstick=yardstick, **arrays)


if __name__ == "__main__":
    main()
