"""Every engine on three problems: a clean one, one between pixels with gaps, one with two modes and a wavering beam."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from picpxct_nx.ptycho import Problem, describe, reconstruct
from picpxct_nx.simulate.reference import ReferenceScan, reference_scan

from .flawed import error_of, expected, measured, moved_probe, problem_of

NAMES = ("clean", "between pixels, with gaps", "two modes, a wavering beam")
# What the object error of each problem has to fall below; only all frames at once end at the noise.
ENGINES = {
    "dm:40": (0.03, 0.035, 0.045),
    "raar:40": (0.035, 0.04, 0.05),
    "pie:6": (0.03, 0.035, 0.045),
    "lsqml:20": (0.03, 0.035, 0.045),
    "ml:45": (0.01, 0.011, 0.03),
}


@dataclass(frozen=True)
class Case:
    scan: ReferenceScan
    problem: Problem
    refine: str = ""
    modes: int = 0


@cache
def _case(name: str) -> Case:
    scan = reference_scan(50, 64, photons=1e6, subpixel=name == NAMES[1])
    if name == NAMES[0]:
        return Case(scan, problem_of(scan))
    if name == NAMES[1]:
        good = np.ones((64, 64), bool)
        good[20:23], good[:, 44:46] = False, False
        frames = np.where(good, scan.frames, 0).astype(np.float32)
        return Case(scan, replace(problem_of(scan, frames), good=good))
    return _two_modes(scan)


def _two_modes(scan: ReferenceScan) -> Case:
    parts = [np.sqrt(part) * moved_probe(scan.probe[0], by, 0) for part, by in ((0.7, 0), (0.3, 2))]
    light = np.clip(1 + 0.1 * np.random.default_rng(4).normal(size=len(scan.positions_px)), 0.7, None)
    counts: NDArray[np.float64] = expected(scan, np.stack(parts)[None]) * light[:, None, None]
    return Case(scan, problem_of(scan, measured(counts)), "intensity", 2)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("recipe", ENGINES)
def test_every_engine_solves_every_problem(recipe: str, name: str) -> None:
    case = _case(name)
    model = describe([case.refine] if case.refine else [], modes=case.modes)
    result = reconstruct(case.problem, recipe, model=model, device="cpu")
    assert result.status == "done"
    if case.refine and result.intensity is not None:
        assert result.intensity.std() > 0.02
    assert error_of(result, case.scan) < ENGINES[recipe][NAMES.index(name)]
