"""How often does the audit find planted orientations and signs, how sure is it rightly, and at what cost.

python benchmarks/audit.py                      32 planted errors of the tutorial's scan
python benchmarks/audit.py --star FILE          the eight alternatives of the measured Siemens star (an npz.bz2)
python benchmarks/audit.py --calibrate 300      random cases: stated confidence against the part that is right
python benchmarks/audit.py --lengths            wrong distances and stage scales
"""

import argparse
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from audit_cases import Case, draw, errors, measure, planted, scaled, tutorial

from picpxct_nx import formats
from picpxct_nx.audit.audit import SURE, Audit, Choice, audit_scan
from picpxct_nx.audit.orientation import ALL, AS_RECORDED, Orientation, class_of
from picpxct_nx.formats import ImportOptions
from picpxct_nx.records import Scan

BINS = ((0.0, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 0.99), (0.99, 0.999), (0.999, 1.01))
STAR = {
    "sample": "Siemens star", "instrument": "unknown", "source": "APS", "title": "Siemens star", "energy": "8.8 keV",
    "distance": "2 m", "pixel_size": "75 um", "stokes": "1,1,0,0", "rotation": "0 deg", "count_time": "0.1 s",
    "start_time": "2020-01-01T00:00:00Z",
}  # fmt: skip


def _timed(scan: Scan, choice: Choice) -> tuple[Audit, float]:
    began = time.process_time()
    found = audit_scan(scan, choice)
    return found, time.process_time() - began


def _margin(found: Audit) -> float:
    """Fourier error of the second class in units of the best."""
    best, second = (min(each.errors) for each in found.classes[:2])
    return second / best


def _row(name: str, found: Audit, truth: Orientation, seconds: float) -> bool:
    right = found.stage == truth and found.decided and (found.verdict == "right") == (truth == AS_RECORDED)
    print(
        f"{name:44s} {truth!s:>6s} {found.stage!s:>6s} {found.verdict:>10s} {100 * found.confidence:7.2f} % "
        f"{_margin(found):7.2f} {seconds:6.1f} s  {'ok' if right else 'NOT OK'}",
        flush=True,
    )
    return right


def _head(name: str) -> None:
    print(f"{name:44s} {'truth':>6s} {'found':>6s} {'verdict':>10s} {'confidence':>9s} {'margin':>7s} {'CPU':>8s}")


def plant(energy_ev: float, seed: int, choice: Choice, settings: list[str]) -> None:
    """32 planted errors: eight orientations of the frames, four signs of the stage."""
    scan = tutorial(energy_ev, seed, *settings)
    _head(f"frames / stage, {energy_ev:g} eV, seed {seed}")
    rows = []
    for frames, stage in errors():
        wrong, truth = planted(scan, frames, stage)
        found, seconds = _timed(wrong, choice)
        rows.append((_row(f"{frames} / {stage}", found, truth, seconds), seconds))
    print(f"{sum(right for right, _ in rows)} of {len(rows)}; {np.median([s for _, s in rows]):.1f} s of CPU each")


def star(path: Path, choice: Choice) -> None:
    """The Siemens star as its file says, and its seven alternatives."""
    places = "data=data[0],positions=scan[0],probe=probe[0,0,0]"
    with formats.read(path, keys=places, axes="probe:+y,+x:pixel") as foreign:
        scan, _ = formats.assemble(foreign, STAR, {}, ImportOptions(center="corner"))
        scan = replace(scan, frames=np.asarray(scan.frames[:]), history=())
    _head("Siemens star, stage")
    rows = []
    for stage in ALL:
        wrong, truth = planted(scan, AS_RECORDED, stage)
        rows.append(_row(stage.words(), *_with_truth(_timed(wrong, choice), truth)))
    print(f"{sum(rows)} of {len(rows)}")


def _with_truth(timed: tuple[Audit, float], truth: Orientation) -> tuple[Audit, Orientation, float]:
    return timed[0], truth, timed[1]


def calibrate(count: int, seed: int, choice: Choice, *, verbose: bool) -> None:
    """How often a stated confidence is right, and which verdicts are false."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[Case, Audit]] = []
    for _ in range(count):
        case = draw(rng)
        rows.append((case, audit_scan(measure(case), choice)))
        if verbose:
            found = rows[-1][1]
            right = "ok" if found.stage == case.truth else "class" if _class_right(case, found) else "no"
            said = " ".join(f"{w.name} {w.log_odds:+.1f}" for w in found.witnesses)
            print(f"{right:6s} {found.confidence:.4f} {found.classes[0].probability:.4f} {said} {case}", flush=True)
    print("orientation: stated, mean stated, right, cases")
    _table([(found.confidence, found.stage == case.truth) for case, found in rows])
    print("class alone: stated, mean stated, right, cases")
    _table([(found.classes[0].probability, _class_right(case, found)) for case, found in rows])
    print("verdicts (on the orientation alone)")
    tally = Counter((found.verdict, _false(case, found)) for case, found in rows)
    for verdict in ("right", "wrong", "undecided"):
        print(f"  {verdict:10s} {tally[verdict, False]} true, {tally[verdict, True]} false")
    for kind in sorted({case.kind for case, _ in rows}):
        some = [(case, found) for case, found in rows if case.kind == kind]
        decided = sum(found.decided for _, found in some)
        wrong = sum(found.decided and found.stage != case.truth for case, found in some)
        print(f"  {kind:10s} decided {decided} of {len(some)}, falsely {wrong}")


def _class_right(case: Case, found: Audit) -> bool:
    return class_of(case.truth) in found.classes[0].members


def _false(case: Case, found: Audit) -> bool:
    """A verdict of right or wrong that is not so; no verdict is never false. A reversed defocus is wrong as well."""
    right = case.truth == AS_RECORDED and case.defocus_right
    return found.verdict != "undecided" and (found.verdict == "right") != right


def _table(rows: list[tuple[float, bool]]) -> None:
    for low, high in BINS:
        some = [(stated, right) for stated, right in rows if low <= stated < high]
        if some:
            stated, right = np.mean(some, axis=0)
            print(f"  {low:.3f} to {min(high, 1):.3f}: {stated:.4f} {right:.4f} {len(some)}")
    sure = [right for stated, right in rows if stated >= SURE]
    print(f"  {SURE:g} and above: right in {sum(sure)} of {len(sure)}")


def lengths(choice: Choice) -> None:
    """Distances and stage scales that are recorded wrongly."""
    print(
        f"{'recorded x':>10s} {'of':>9s} {'verdict':>10s} {'axes':>6s} {'distance x':>10s} {'stage x':>8s} {'CPU':>8s}"
    )
    for what in ("distance", "stage"):
        for factor in (0.5, 0.7, 0.85, 0.95, 1.0, 1.05, 1.15, 1.4, 2.0):
            scan = scaled(tutorial(5471.0, 1), **{what: factor})
            wrong, truth = planted(scan, AS_RECORDED, Orientation("-y", "+x"))
            found, seconds = _timed(wrong, choice)
            distance = 1.0 if found.distance is None else found.distance / scan.distance
            stage = 1.0 if found.stage_scale is None else found.stage_scale.factor
            axes = "ok" if found.stage == truth and found.decided else "no"
            print(
                f"{factor:10.2f} {what:>9s} {found.verdict:>10s} {axes:>6s} {distance:10.3f} {stage:8.3f} "
                f"{seconds:6.1f} s",
                flush=True,
            )


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--energy", type=float, default=5471.0, help="eV, of the tutorial")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="of the tutorial")
    parser.add_argument("--device", default="cpu:1")
    parser.add_argument("--star", type=Path)
    parser.add_argument("--calibrate", type=int, metavar="CASES")
    parser.add_argument("--lengths", action="store_true")
    parser.add_argument("-v", action="store_true")
    given = parser.parse_args()
    choice = Choice(given.device)
    if given.star:
        star(given.star, choice)
    elif given.calibrate:
        calibrate(given.calibrate, given.seed, choice, verbose=given.v)
    elif given.lengths:
        lengths(choice)
    else:
        plant(given.energy, given.seed, choice, given.set)


if __name__ == "__main__":
    _main()
