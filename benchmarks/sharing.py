"""What scans gain from being one problem: errors against the truth, alone and together.

The tutorial's experiment is simulated several times, each time with its own noise and drift (repeats of one field, or
its left and right part), or at several rotations with few frames (samples that share nothing but the beam). Each scan
is reconstructed alone, then all together, with the same recipe. `object` and `probe` are the mean errors against the
truth, scale, ramp and shift removed; `drift` is by how much the drift between the first scan and the others was missed,
root mean square of both axes; `time` is that of the joint run over that of all single ones, in this process, one
thread.
"""

import argparse
import dataclasses
import os
import time
from dataclasses import dataclass
from typing import Any

ROW = "| {:<34} | {:>8} | {:>16} | {:>16} | {:>10} | {:>5} |"


@dataclass(frozen=True)
class Case:
    """Scans that share something: their number, frames a scan, photons a frame, and how they differ."""

    name: str
    share: str
    scans: int
    frames: int
    photons: float
    split: bool = False


CASES = (
    Case("2 repeats of one object", "object", 2, 60, 1e6),
    Case("2 repeats of one object, weak", "object", 2, 60, 3e4),
    Case("4 repeats of one object, weak", "object", 4, 60, 3e4),
    Case("2 fields that overlap", "object", 2, 60, 1e5, split=True),
    Case("2 samples, one beam", "probe", 2, 60, 3e4),
    Case("4 short scans, one beam", "probe", 4, 16, 1e5),
    Case("8 short scans, one beam", "probe", 8, 16, 1e5),
)


def _scan(case: Case, number: int, seed: int) -> Any:
    import numpy as np

    from picpxct_nx.simulate.configure import configure
    from picpxct_nx.simulate.experiment import simulate_scan
    from picpxct_nx.simulate.record import common_truth, make_scan, parameters_of

    settings = (f"n_positions={case.frames}", f"photon_rate={case.photons / 0.1} Hz", "supersampling=1")
    experiment = configure("tutorial", settings)
    rotation, repeat = (np.deg2rad(10.0 * number), 0) if case.share == "probe" else (0.0, number)
    simulated = simulate_scan(experiment, 5460.0, rotation, seed=seed, repeat=repeat)
    scan = make_scan(simulated, parameters_of(experiment, "tutorial", seed), common_truth(experiment, seed))
    name = f"scan_{number}"
    scan = dataclasses.replace(scan, entry=name, uuid=name)
    return scan if not case.split else _half(scan, number)


def _half(scan: Any, number: int) -> Any:
    """The frames on the left, or on the right, of a line, and those in a strip along it."""
    import numpy as np

    rows = scan.stage_x < 0.3e-6 if number == 0 else scan.stage_x > -0.3e-6
    where = {path: np.asarray(scan.extra[path])[rows] for path in ("truth/position_y", "truth/position_x")}
    return dataclasses.replace(
        scan, frames=scan.frames[rows], stage_x=scan.stage_x[rows], stage_y=scan.stage_y[rows],
        frame=np.arange(rows.sum()), monitor=scan.monitor[rows], extra=dict(scan.extra) | where,
    )  # fmt: skip


def _errors(record: Any, scan: Any) -> tuple[Any, Any]:
    from picpxct_nx.score.reconstruction import judge
    from picpxct_nx.score.truth import read

    found = {figure.name: figure.value for figure in judge(record, read([scan]))}
    return found["object_error"], found["probe_error"]


def _missed(records: Any, scans: Any) -> float:
    """By how much drifts were missed, nm."""
    import numpy as np

    true = [np.asarray(scan.extra["truth/drift"]) - np.asarray(scans[0].extra["truth/drift"]) for scan in scans[1:]]
    found = [np.asarray(record.history[-1].parameters["scans.shift"]) for record in records[1:]]
    return float(1e9 * np.sqrt(np.mean(np.square(np.subtract(found, true)))))


def _row(case: Case, recipe: str, seeds: int) -> str:
    import numpy as np

    from picpxct_nx.choice import choose
    from picpxct_nx.joint_reconstruction import reconstruct_group
    from picpxct_nx.reconstruction import Listener, reconstruct_scan
    from picpxct_nx.sharing import Group

    quiet = Listener(lambda *_: None, lambda _: None, lambda _: None)
    single = choose(recipe, also="none", device="cpu:1")
    joint = choose(recipe, (f"scans.share={case.share}",), also="none", device="cpu:1")
    errors, missed, seconds = [], [], np.zeros(2)
    for seed in range(seeds):
        scans = tuple(_scan(case, number, seed) for number in range(case.scans))
        start = time.process_time()
        alone = [reconstruct_scan(scan, single, quiet) for scan in scans]
        middle = time.process_time()
        together = reconstruct_group(Group(scans, joint.share or "probe"), joint, quiet)
        seconds += (middle - start, time.process_time() - middle)
        # What shares an object lies where the first scan saw it.
        truths = scans[:1] * len(scans) if case.share == "object" and not case.split else scans
        errors.append([[_errors(r, s) for r, s in zip(alone, scans, strict=True)],
                       [_errors(r, s) for r, s in zip(together, truths, strict=True)]])  # fmt: skip
        missed += [_missed(together, scans)] if case.share == "object" else []
    mean = np.mean(errors, axis=(0, 2))
    pairs = [f"{mean[0, column]:.4f} -> {mean[1, column]:.4f}" for column in (0, 1)]
    drift = f"{np.sqrt(np.mean(np.square(missed))):.1f} nm" if missed else ""
    return ROW.format(case.name, f"{case.photons:.0e}", *pairs, drift, f"{seconds[1] / seconds[0]:.2f}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--seeds", type=int, default=2, help="experiments a row")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    print(f"recipe {options.recipe}, {options.seeds} experiments a row, pixels of 50 nm")
    print(ROW.format("scans", "photons", "object", "probe", "drift", "time"))
    print(ROW.format("---", "---", "---", "---", "---", "---"))
    for case in CASES:
        print(_row(case, options.recipe, options.seeds), flush=True)


if __name__ == "__main__":
    main()
