"""Flatten random cases with known air and ramp: failures, errors over the Cramer-Rao bound, and time.

    python benchmarks/flatten.py [cases] [side]

Set OMP_NUM_THREADS=1. A case has air around the sample, on one side or in a corner (15 to 75 % of the field), V2O5 of
1 to 12 um, a ramp of up to 20 cycles, noise of 0.02 to 0.3, and every second one a round, unevenly lit field. The
bound is that of the air that was found; a failure is a slope or constant more than five bounds off, or no air.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft

from picpxct_nx.images.air import find_air
from picpxct_nx.images.flatten import Flat, flatten
from picpxct_nx.simulate.air_cases import KINDS, AirCase, air_case
from picpxct_nx.values import Array

FAILED = 5.0
LARGE = 740


def bound(case: AirCase, air: Array) -> Array:
    """Cramer-Rao bounds of constant and slopes on the pixels of air: noise sqrt(diag (sum w X X^T)^-1)."""
    y, x = (np.arange(n, dtype=float) - n // 2 for n in air.shape)
    plane = np.stack([np.ones(air.shape), np.broadcast_to(y[:, None], air.shape), np.broadcast_to(x, air.shape)])
    weighted = plane * (case.weight * air)
    return np.asarray(case.noise * np.sqrt(np.diag(np.linalg.inv(np.einsum("iyx,jyx->ij", weighted, plane)))))


def judge(case: AirCase) -> dict[str, Array]:
    """Errors over bounds and over their own estimates, part of the air that is none, and part of all that was found.

    "control" are the errors over bounds on the true air: how lucky the noise of these cases is.
    """
    air = find_air(case.image, case.weight)
    if not air.mask.any():
        return {}
    flat, told = (flatten(case.image, mask, case.weight, start=air.ramp.slope) for mask in (air.mask, case.air))
    error = _error(flat, case)
    claimed = np.array([flat.ramp.constant_sigma, *flat.ramp.slope_sigma])
    scale = (flat.modulus / case.scale - 1) / (flat.modulus_sigma / case.scale)
    return {
        "bound": error / bound(case, air.mask),
        "control": _error(told, case) / bound(case, case.air),
        "claimed": np.array([*(error / claimed), scale]),
        "wrong": np.array((air.mask & ~case.air).sum() / air.mask.sum()),
        "recall": np.array((air.mask & case.air).sum() / case.air.sum()),
    }


def _error(flat: Flat, case: AirCase) -> Array:
    """Errors of the constant, rad, and of the slopes, rad per pixel."""
    error = np.array([flat.ramp.constant - case.constant, *np.subtract(flat.ramp.slope, case.slope)])
    error[0] = np.angle(np.exp(1j * error[0]))
    return error


def least(task: Callable[[], object], repeats: int = 5) -> float:
    """Least processor time of a task, s."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        task()
        times.append(time.process_time() - start)
    return min(times)


def _rms(ratios: Array) -> list[float]:
    """Root mean squares of the constants, of the slopes along y and x together, and of the moduli."""
    parts = (ratios[:, :1], ratios[:, 1:3], ratios[:, 3:])
    return [float(np.sqrt(np.mean(part**2))) for part in parts if part.size]


def transform(image: npt.NDArray[Any]) -> object:
    """The floor: a pair of transforms of one image."""
    return fft.ifft2(fft.fft2(image))


def main(cases: int, side: int) -> None:
    """Print failures, ratios by kind of air, and times."""
    judged: dict[str, list[dict[str, Array]]] = {kind: [] for kind in KINDS}
    failures = []
    for seed in range(cases):
        kind = KINDS[seed % len(KINDS)]
        case = air_case(seed, kind, side=side)
        found = judge(case)
        if not found or np.abs(found["bound"]).max() > FAILED:
            failures.append(f"seed {seed}, {kind}, noise {case.noise:.2f}, {case.thickness * 1e6:.1f} um")
        if found:
            judged[kind].append(found)
    print(f"{cases} cases of {side} x {side} px: {len(failures)} failures {'; '.join(failures)}")
    print("             rms error / bound  on the true air   rms error / own estimate   air")
    print("             constant   slopes  constant  slopes  constant  slopes modulus   wrong  recall")
    for name, results in [*judged.items(), ("all", [one for kind in KINDS for one in judged[kind]])]:
        if not results:
            print(f"{name:12s} no case of it")
            continue
        rms = {of: _rms(np.array([r[of] for r in results])) for of in ("bound", "control", "claimed")}
        wrong, recall = (np.mean([r[of] for r in results]) for of in ("wrong", "recall"))
        row = "  ".join("".join(f"{v:8.2f}" for v in values) for values in rms.values())
        print(f"{name:12s} {row}   {wrong:6.2%}  {recall:5.0%}")
    for size in (side, LARGE):
        case = air_case(0, "annular", side=size)
        air = find_air(case.image, case.weight)
        floor = least(partial(transform, case.image))
        search = least(partial(find_air, case.image, case.weight))
        fit = least(partial(flatten, case.image, air.mask, case.weight, start=air.ramp.slope))
        print(
            f"{size} x {size}: FFT pair (complex64) {floor * 1e3:.1f} ms; find air {search * 1e3:.0f} ms = "
            f"{search / floor:.0f} pairs; take off {fit * 1e3:.0f} ms = {fit / floor:.0f} pairs"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300, int(sys.argv[2]) if len(sys.argv) > 2 else 192)
