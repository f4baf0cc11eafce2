"""How many iterations a scan needs that starts where its neighbour in energy ended, against a cold start.

The tutorial's experiment is simulated at energies up to and across the vanadium K edge, with the drift between scans.
Every scan is reconstructed cold and, from the second on, warm from its neighbour's cold result, registered to the
drift. Iterations (and CPU seconds, without those of the score) are those until the error of the object against the
truth is first at most 10 % above the least one of the cold recipe, and until it is below 0.02.
"""

import argparse
import os
import time
from typing import Any

ENERGIES = "5460 eV, 5469 eV, 5470 eV, 5475 eV, 5480 eV, 5482 eV, 5485 eV, 5490 eV, 5500 eV, 5520 eV"
ROW = "| {:>8} | {:>8} | {:<22} | {:>8} | {:>8} | {:>10} | {:>12} | {:>10} | {:>8} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--energies", default=ENERGIES, help="with units, separated by commas")
    parser.add_argument("--cold", default="default", help="recipe of the cold start")
    parser.add_argument(
        "--warm", action="append", help="recipe of the warm start; may be given again; else the default"
    )
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="of the experiment")
    parser.add_argument("--engine", action="append", default=[], metavar="ENGINE.NAME=VALUE", help="of the warm recipe")
    parser.add_argument("--rotation", type=float, default=0.0, help="radian")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def curve(problem: Any, stages: Any, score: Any) -> tuple[list[float], list[float], Any]:
    """Object error and CPU seconds by iteration, and the result."""
    from picpxct_nx.ptycho import Control, Snapshot, reconstruct

    errors: list[float] = []
    seconds: list[float] = []
    used, since = 0.0, time.process_time()

    def stop_the_clock(*_: object) -> None:
        nonlocal used
        used += time.process_time() - since

    def look(snapshot: Snapshot) -> None:
        nonlocal since
        errors.append(score(snapshot.arrays["state.object"]))
        seconds.append(used)
        since = time.process_time()

    result = reconstruct(problem, stages, device="cpu:1", control=Control(progress=stop_the_clock, keep=look, every=0))
    return errors, seconds, result


def first(errors: list[float], mark: float) -> int | None:
    """Iteration, counted from 1, after which the error is first at most a mark."""
    return next((number for number, error in enumerate(errors, start=1) if error <= mark), None)


def row(about: tuple[str, str], name: str, start: float, run: tuple[list[float], list[float]], mark: float) -> str:
    """A line of the table."""
    errors, seconds = run
    marks = [str(first(errors, level) or "-") for level in (mark, 0.02)]
    return ROW.format(*about, name, f"{start:.4f}", f"{errors[-1]:.4f}", len(errors), *marks, f"{seconds[-1]:.1f}")


def main() -> None:
    """Print the table, and the medians of the factors."""
    options = _options()
    os.environ["OMP_NUM_THREADS"] = "1"
    import dataclasses

    import numpy as np
    import torch

    from picpxct_nx import units, warm
    from picpxct_nx.geometry import make_problem, make_reconstruction
    from picpxct_nx.images.score import lit_region, object_error
    from picpxct_nx.provenance import step
    from picpxct_nx.ptycho import parse
    from picpxct_nx.simulate.configure import configure
    from picpxct_nx.simulate.experiment import simulate_scan
    from picpxct_nx.simulate.record import make_scan

    torch.set_num_threads(1)
    energies = [units.quantity(text, "eV") for text in options.energies.split(",")]
    cold, known = parse(options.cold), dict(text.split("=", 1) for text in options.engine)
    print(ROW.format("eV", "change", "start", "at start", "end", "iterations", "to the noise", "to 0.02", "CPU s"))
    print(ROW.format(*["---"] * 9))
    neighbour, before = None, None
    factors: dict[str, list[tuple[float, float]]] = {}
    for energy in energies:
        simulated = simulate_scan(configure("tutorial", options.set), energy, options.rotation, seed=options.seed)
        scan, truth = make_scan(simulated, {}), simulated.truth
        problem, grid = make_problem(scan)
        rows, columns = problem.object_shape
        y, x = grid.axis(0, rows), grid.axis(1, columns)
        image = warm._resampled(truth.object.astype(np.complex128), (truth.y, truth.x), (y, x))
        inside = warm._within(y, truth.y)[:, None] & warm._within(x, truth.x)
        true = np.where(inside, image, 1).astype(np.complex64)
        region = lit_region(truth.probe[None], problem.positions_px, problem.object_shape)

        def score(found: Any, true: Any = true, region: Any = region) -> float:
            return float(object_error(found, true, region).error)

        errors, seconds, result = curve(problem, cold, score)
        mark = 1.1 * min(errors)
        chosen = result.chosen.get("ml.likelihood", "auto")
        base = first(errors, mark), first(errors, 0.02), seconds
        change = np.nan
        if before is not None and before.shape == true.shape:
            change = float(np.linalg.norm((true - before)[region]) / np.linalg.norm((before - 1)[region]))

        about = f"{energy:g}", f"{change:.3f}"
        print(row(about, f"cold {options.cold}", score(np.ones_like(true)), (errors, seconds), mark), flush=True)
        if neighbour is not None:
            hot, _ = warm.registered(
                dataclasses.replace(problem, probe=warm.probe_for(neighbour, scan)), grid, neighbour, "cpu:1"
            )
            for recipe in options.warm or ["warm"]:
                likelihood = {f"{stage.engine}.likelihood": chosen for stage in parse(recipe) if stage.engine == "ml"}
                begun, clock, _ = curve(hot, parse(recipe, likelihood | known), score)
                print(row(about, f"warm {recipe}", score(hot.object), (begun, clock), mark), flush=True)
                need = first(begun, mark)
                if need and base[0]:
                    ratio = base[2][base[0] - 1] / clock[need - 1]
                    factors.setdefault(recipe, []).append((base[0] / need, ratio))
        record = make_reconstruction(
            scan, result, grid, step("reconstruct", {"status": "done", "ml.likelihood": chosen})
        )
        neighbour, before = warm.Neighbour(record, warm._blur(scan)), true
    for recipe, pairs in factors.items():
        by = np.median(np.array(pairs), axis=0)
        print(f"warm {recipe}: cold over warm to the noise, median {by[0]:.1f} in iterations, {by[1]:.1f} in CPU time")


if __name__ == "__main__":
    main()
