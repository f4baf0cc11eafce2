"""How many iterations a scan needs that starts where its neighbour in energy ended, against a cold start.

The tutorial's experiment is simulated at the energies of the paper's, with the drift between scans. Every scan is
reconstructed cold and, from the second on, warm: each warm recipe goes along the energies by itself, from its own last
result, registered to the drift, as `reconstruct --start warm` does. Iterations (and CPU seconds, without those of the
score) are those until the error of the object against the truth is first at most 10 % above the least one of the cold
recipe, and until it is below 0.02. `change` is that of the true log object from scan to scan, relative to its norm,
`at start` the error that a start has before its first iteration.
"""

import argparse
import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

ROW = "| {:>8} | {:>8} | {:<22} | {:>8} | {:>8} | {:>10} | {:>12} | {:>10} | {:>8} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--energies", help="with units, separated by commas; else the paper's sixty")
    parser.add_argument("--every", type=int, default=1, help="take one of so many energies")
    parser.add_argument("--cold", default="default", help="recipe of the cold start")
    parser.add_argument("--warm", action="append", help="recipe of the warm start; may be given again; else `warm`")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="of the experiment")
    parser.add_argument("--engine", action="append", default=[], metavar="ENGINE.NAME=VALUE", help="of the warm recipe")
    parser.add_argument("--rotation", type=float, default=0.0, help="radian")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quiet", action="store_true", help="print the summary alone")
    return parser.parse_args()


@dataclass(frozen=True)
class Case:
    """A simulated scan, its problem, the true object on the problem's grid, and where that is lit."""

    scan: Any
    problem: Any
    grid: Any
    true: Any
    lit: Any

    def error(self, found: Any) -> float:
        """Error of an object against the truth."""
        from picpxct_nx.images.score import object_error

        return float(object_error(found, self.true, self.lit).error)

    def change(self, other: "Case | None") -> float:
        """Part by which the logarithm of the true object differs from that of another scan; drift apart."""
        import numpy as np

        if other is None or other.true.shape != self.true.shape:
            return float("nan")
        here, there = (np.log(case.true[self.lit]) for case in (self, other))
        return float(np.linalg.norm(here - there) / np.linalg.norm(there))


def cases(options: argparse.Namespace) -> Iterator[Case]:
    """The scans along the energies."""
    import numpy as np

    from picpxct_nx import warm
    from picpxct_nx.geometry import make_problem
    from picpxct_nx.images.score import lit_region
    from picpxct_nx.simulate.configure import configure
    from picpxct_nx.simulate.experiment import simulate_scan
    from picpxct_nx.simulate.record import make_scan

    energies = configure("paper", [], energies=options.energies).energies_ev[:: options.every]
    experiment = configure("tutorial", options.set)
    for energy in energies:
        simulated = simulate_scan(experiment, energy, options.rotation, seed=options.seed)
        scan, truth = make_scan(simulated, {}), simulated.truth
        problem, grid = make_problem(scan)
        y, x = (grid.axis(number, size) for number, size in enumerate(problem.object_shape))
        image = warm._resampled(truth.object.astype(np.complex128), (truth.y, truth.x), (y, x))
        inside = warm._within(y, truth.y)[:, None] & warm._within(x, truth.x)
        true = np.where(inside, image, 1).astype(np.complex64)
        yield Case(scan, problem, grid, true, lit_region(truth.probe[None], problem.positions_px, problem.object_shape))


@dataclass(frozen=True)
class Run:
    """A reconstruction: object errors and CPU seconds by iteration, error at the start, and what it ended with."""

    errors: list[float]
    seconds: list[float]
    start: float
    result: Any

    def first(self, mark: float) -> int | None:
        """Iteration, counted from 1, after which the error is first at most a mark."""
        return next((number for number, error in enumerate(self.errors, start=1) if error <= mark), None)

    def row(self, about: tuple[str, str, str], mark: float) -> str:
        """A line of the table."""
        marks = [str(self.first(level) or "-") for level in (mark, 0.02)]
        words = f"{self.start:.4f}", f"{self.errors[-1]:.4f}", len(self.errors), *marks, f"{self.seconds[-1]:.1f}"
        return ROW.format(*about, *words)


def run(case: Case, problem: Any, stages: Any) -> Run:
    """Reconstruct, and look at the object after every iteration."""
    import numpy as np

    from picpxct_nx.ptycho import Control, Snapshot, reconstruct

    errors: list[float] = []
    seconds: list[float] = []
    used, since = 0.0, time.process_time()

    def stop_the_clock(*_: object) -> None:
        nonlocal used
        used += time.process_time() - since

    def look(snapshot: Snapshot) -> None:
        nonlocal since
        errors.append(case.error(snapshot.arrays["state.object"]))
        seconds.append(used)
        since = time.process_time()

    result = reconstruct(problem, stages, device="cpu:1", control=Control(progress=stop_the_clock, keep=look, every=0))
    start = np.ones_like(case.true) if problem.object is None else problem.object
    return Run(errors, seconds, case.error(start), result)


def warm_run(case: Case, neighbour: Any, recipe: str, known: dict[str, str]) -> Run:
    """Reconstruct from a neighbour, with the likelihood that it chose."""
    from picpxct_nx import warm
    from picpxct_nx.ptycho import parse

    last = neighbour.record.history[-1].parameters.get("ml.likelihood", "auto")
    likelihood = {f"{stage.engine}.likelihood": last for stage in parse(recipe) if stage.engine == "ml"}
    problem = dataclasses.replace(case.problem, probe=warm.probe_for(neighbour, case.scan))
    problem, _ = warm.registered(problem, case.grid, neighbour, "cpu:1")
    return run(case, problem, parse(recipe, likelihood | known))


def neighbour_of(case: Case, found: Run) -> Any:
    """What the next scan starts from."""
    from picpxct_nx import warm
    from picpxct_nx.geometry import make_reconstruction
    from picpxct_nx.provenance import step

    chosen = found.result.chosen.get("ml.likelihood", "auto")
    history = step("reconstruct", {"status": "done", "ml.likelihood": chosen})
    return warm.Neighbour(make_reconstruction(case.scan, found.result, case.grid, history), warm._blur(case.scan))


def main() -> None:
    """Print the table, and what the recipes need in the middle and at worst."""
    options = _options()
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    from picpxct_nx.ptycho import parse

    torch.set_num_threads(1)
    recipes, known = options.warm or ["warm"], dict(text.split("=", 1) for text in options.engine)
    say: Callable[[str], None] = (lambda _: None) if options.quiet else (lambda text: print(text, flush=True))
    say(ROW.format("eV", "change", "start", "at start", "end", "iterations", "to the noise", "to 0.02", "CPU s"))
    say(ROW.format(*["---"] * 9))
    chains: dict[str, Any] = {}
    pairs: dict[str, list[tuple[Run, Run, float]]] = {recipe: [] for recipe in recipes}
    before = None
    for case in cases(options):
        cold = run(case, case.problem, parse(options.cold))
        mark, about = 1.1 * min(cold.errors), (f"{case.scan.energy_ev:g}", f"{case.change(before):.3f}")
        say(cold.row((*about, f"cold {options.cold}"), mark))
        for recipe in recipes:
            found = cold
            if recipe in chains:
                found = warm_run(case, chains[recipe], recipe, known)
                say(found.row((*about, f"warm {recipe}"), mark))
                pairs[recipe].append((cold, found, mark))
            chains[recipe] = neighbour_of(case, found)
        before = case
    for recipe, runs in pairs.items():
        print(summary(recipe, runs))


def summary(recipe: str, runs: list[tuple[Run, Run, float]]) -> str:
    """Cold over warm: iterations and CPU time to the noise and to 0.02, and the errors that both end with."""
    import numpy as np

    parts = []
    for name, level in (("the noise", None), ("0.02", 0.02)):
        at = [(a.first(level or mark), b.first(level or mark), a, b) for a, b, mark in runs]
        both = [(i, j, a.seconds[i - 1] / b.seconds[j - 1]) for i, j, a, b in at if i and j]
        cold, hot, clock = np.median(np.array(both, float).reshape(-1, 3), axis=0)
        missed = sum(i is not None and j is None for i, j, *_ in at)
        parts.append(f"to {name} {cold:.0f} / {hot:.0f} (in CPU time {clock:.1f} to 1; {missed} of {len(runs)} never)")
    ends = np.array([(a.errors[-1], b.errors[-1]) for a, b, _ in runs])
    (cold, hot), (worst, least) = np.median(ends, axis=0), (np.max(ends[:, 1] / ends[:, 0]), ends[:, 1].max())
    parts.append(f"ends {cold:.4f} / {hot:.4f}, at worst {worst:.2f} times the cold one and {least:.4f}")
    return f"warm {recipe}, median iterations cold / warm: " + "; ".join(parts)


if __name__ == "__main__":
    main()
