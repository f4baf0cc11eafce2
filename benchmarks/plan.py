"""What the planner foresees against what happens: Monte Carlo of images, reconstructions by overlap, the whole chain.

python benchmarks/plan.py [--overlap] [--chain] [REPEATS]

Without options: noisy images of known crystals (1 um, twelve directions, 1728 pixels a repeat) go through the functions
of `normalize` and `grainmap`. `foreseen` is the median bound in degrees for a pixel of 48.82 nm, `found` the median
error over 0.6745, `ratio` the rms of error over its own bound, wanted 1; `best` is the same for a fit of all images
with known spectra. Then the plans for some targets, and the paper's experiment at equal dose.

--overlap: the tutorial's scan at 5471 eV with the same photons in all, shared out to more or fewer positions.
--chain: plan, simulate, reconstruct, ..., grainmap on the command line, with the errors over those foreseen for each
pixel of the true thickness and tilt: `excess` is what solver, registration and everything else add to photons.
"""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from picpxct_nx import nexus
from picpxct_nx.grains.windows import Name
from picpxct_nx.plan import ask
from picpxct_nx.plan.bounds import best_possible, of_chain, typical
from picpxct_nx.plan.design import Crystals, Design, all_directions, design_of
from picpxct_nx.plan.forecast import Error, forecast
from picpxct_nx.plan.make import make
from picpxct_nx.plan.signals import reading
from picpxct_nx.plan.task import Task
from picpxct_nx.records import GrainMap, NormalizedCube, Record, Scan
from picpxct_nx.score.place import reference, shift_of_thickness
from picpxct_nx.score.truth import in_sample_frame, read
from picpxct_nx.simulate.presets import PAPER, TUTORIAL

sys.path.append(str(Path(__file__).parents[1]))
from tests.plan.trial import PIXEL, chain_errors, field, four_maps_errors  # the crystals of the tests

FIVE, FOUR = (5460.0, 5470.0, 5472.0, 5482.0, 5515.0), (5460.0, 5471.0, 5482.0, 5515.0)
SETS: tuple[tuple[str, tuple[float, ...], tuple[Name, ...]], ...] = (
    ("60 of the paper", PAPER.energies_ev, ("od-peak", "phase-lobe")),
    ("5 energies", FIVE, ("od-peak", "phase-lobe")),
    ("4 energies", FOUR, ("od-peak",)),
    ("3 energies", (5460.0, 5470.0, 5472.0), ()),
)
POLARISATIONS = ((0.0, 90.0), (0.0, 60.0, 120.0), (0.0, 45.0, 90.0, 135.0))
DOSES = (1e7, 1e9)
PHOTONS = ask.Assumed(excess=1.0)


def design(energies: tuple[float, ...], degrees: tuple[float, ...], dose: float) -> Design:
    """Equal photons at all energies."""
    one = Design(np.array(energies), np.deg2rad(degrees), 1.0, np.full(len(energies), 1e20))
    return one.times(dose / one.dose)


def monte_carlo(repeats: int) -> None:
    """Print errors found over errors foreseen."""
    made = field()
    crystals = made.crystals()
    print(f"{'':<17}{'pol':>4}{'dose / Gy':>11} {'signal':<11}{'foreseen':>10}{'found':>8}{'ratio':>8}")
    for name, energies, signals in SETS:
        for degrees in POLARISATIONS:
            for dose in DOSES:
                each = design(energies, degrees, dose)
                rows = [
                    (signal, of_chain(each, reading(signal, each.energy_ev), crystals, PIXEL**2).angle_errors,
                     [chain_errors(made, each, reading(signal, each.energy_ev), seed) for seed in range(repeats)])
                    for signal in signals
                ]  # fmt: skip
                if len(degrees) > 2:
                    errors = [four_maps_errors(made, each, seed) for seed in range(repeats)]
                    rows.append(("best", best_possible(each, crystals, PIXEL**2), errors))  # type: ignore[arg-type]
                for signal, bound, found in rows:
                    error = np.stack(found)
                    ratio, middle = np.sqrt(np.mean((error / bound) ** 2)), np.median(np.abs(error)) / 0.6745
                    print(
                        f"{name:<17}{len(degrees):>4}{dose:>11.0e} {signal:<11}{np.rad2deg(typical(bound)):>10.3f}"
                        f"{np.rad2deg(middle):>8.3f}{ratio:>8.3f}",
                        flush=True,
                    )


def plans() -> None:
    """Print what is proposed for some targets, and what the paper's experiment reaches with the same dose."""
    print(
        f"\n{'target':<42}{'scans':>6}{'dose / Gy':>11}{'error / deg':>12}{'paper at that dose':>20}{'paper best':>12}"
    )
    for wanted in (
        {"orientation": "2 deg"}, {"orientation": "1 deg", "grain": "0.2 um^2"}, {"dose": "10 MGy"},
        {"orientation": "1 deg", "resolution": "100 nm"},
    ):  # fmt: skip
        target = ask.target(**wanted)
        made = make(Task(PAPER, PHOTONS, target))
        same = dataclasses.replace(PAPER, photon_rate=PAPER.photon_rate * made.forecast.dose / design_of(PAPER).dose)
        paper = forecast(Task(same, PHOTONS, target))
        error = paper.errors["phase-lobe"]
        assert isinstance(error, Error)
        theirs, best = (each.element if each.grain is None else each.grain for each in (error, paper.best))
        own = made.forecast.error_of(made.signal)
        assert own is not None
        print(
            f"{json.dumps(wanted):<42}{made.forecast.scans:>6}{made.forecast.dose:>11.2e}{np.rad2deg(own):>12.2f}"
            f"{np.rad2deg(theirs):>20.2f}{np.rad2deg(best):>12.2f}"
        )
    few = design((5460.0, 5470.0, 5472.0), (0.0, 60.0, 120.0), 1e7)
    many = design(PAPER.energies_ev, (0.0, 90.0), 1e7)
    micron = all_directions(1e-6, 0.0)
    errors = [np.rad2deg(typical(best_possible(each, micron, PIXEL**2))) for each in (few, many)]
    factor = (errors[1] / errors[0]) ** 2
    print(f"best at 1e7 Gy: 3 x 3 {errors[0]:.2f} deg, 60 x 2 {errors[1]:.2f} deg: {factor:.1f} times the dose")


def command(folder: Path, *words: str) -> str:
    """Run picpxct in a folder."""
    result = subprocess.run(
        [sys.executable, "-m", "picpxct_nx.cli", *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return result.stdout


def overlap() -> None:
    """Print the error of the tutorial's reconstruction by overlap."""
    print(f"{'overlap':>8}{'frames':>8}{'object error':>14}{'with 8 nm jitter':>18}{'probe error':>13}")
    for share in (0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9):
        step = TUTORIAL.beam_diameter * (1 - share)
        frames = round(TUTORIAL.n_positions * (TUTORIAL.step / step) ** 2)
        time = TUTORIAL.count_time * TUTORIAL.n_positions / frames
        rows: list[dict[str, Any]] = []
        for jitter in (0, 8):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                settings = (
                    f"step={step * 1e6} um", f"n_positions={frames}", f"count_time={time} s",
                    f"position_jitter={jitter} nm",
                )  # fmt: skip
                words = [word for text in settings for word in ("--set", text)]
                command(folder, "simulate", "--energies", "5471 eV", "--rotations", "0 deg", *words, "-o", "scan.nxs")
                command(folder, "reconstruct", "scan.nxs", "--device", "cpu:1", "--also", "none", "-o", "rec.nxs")
                rows.append(json.loads(command(folder, "score", "scan.nxs", "rec.nxs", "--json")))
        first, second = rows
        print(
            f"{share:>8.0%}{frames:>8}{first['object_error']:>14.4f}{second['object_error']:>18.4f}"
            f"{first['probe_error']:>13.4f}",
            flush=True,
        )


def chain() -> None:
    """Print what the whole chain finds on planned and unplanned scans, over what was foreseen."""
    print(f"{'plan':<34}{'scans':>6}{'dose / Gy':>11}{'foreseen':>10}{'found':>8}{'excess':>8}{'mirror':>8}")
    for name, words, signal in (
        ("3 deg", ("--orientation", "3 deg"), "phase-lobe"),
        ("1.5 deg", ("--orientation", "1.5 deg"), "phase-lobe"),
        ("3 deg, od-peak", ("--orientation", "3 deg", "--set", "signal=od-peak"), "od-peak"),
        ("the tutorial as it is", (), "phase-lobe"),
        ("the tutorial as it is, od-peak", (), "od-peak"),
    ):
        with tempfile.TemporaryDirectory() as folder:
            _one_chain(name, Path(folder), ("--set", "thickness=1.5 um", "--set", "excess=1", *words), signal)  # type: ignore[arg-type]


def _one_chain(name: str, folder: Path, words: tuple[str, ...], signal: Name) -> None:
    told = json.loads(command(folder, "plan", "--preset", "tutorial", *words, "-o", "plan.toml", "--json"))
    read_at = reading(signal, np.array(told["energies_ev"]))
    ends = (("--peak", read_at.peak), ("--base", read_at.base))
    windows = [w for option, (low, high) in ends for w in (option, f"{low}:{high} eV")]
    steps: tuple[tuple[str, ...], ...] = (
        ("simulate", "--preset", "plan.toml", "-o", "scans.nxs"),
        ("reconstruct", "scans.nxs", "--device", "cpu:1", "--also", "none", "-o", "recs.nxs"),
        ("flatten", "recs.nxs", "-o", "flat.nxs"), ("stack", "flat.nxs", "-o", "cube.nxs"),
        ("align", "cube.nxs", "-o", "aligned.nxs"), ("register", "aligned.nxs", "-o", "registered.nxs"),
        ("normalize", "registered.nxs", "--e0", "5483.4 eV", "-o", "spectra.nxs"),
        ("grainmap", "spectra.nxs", "--signal", signal, *windows[: 4 if signal == "phase-lobe" else 2], "-o", "g.nxs"),
    )  # fmt: skip
    for step in steps:
        command(folder, *step)
    found, foreseen = _errors(folder, signal, np.array(told["fluence_per_um2"]) * 1e12)
    middle = np.rad2deg(np.median(np.abs(found)) / 0.6745)
    excess = np.median(np.abs(found / foreseen)) / 0.6745
    print(
        f"{name:<34}{told['scans']:>6}{told['dose_gy']:>11.2e}{np.rad2deg(np.median(foreseen)):>10.2f}{middle:>8.2f}"
        f"{excess:>8.2f}{told['mirror_ambiguous']!s:>8}",
        flush=True,
    )


def _records(path: Path) -> list[Record]:
    with nexus.open_valid(path, path.name) as file:
        return [nexus.read(file, entry) for entry in nexus.entries(file)]


def _errors(folder: Path, signal: Name, fluence: Any) -> tuple[Any, Any]:
    """Errors of pixels whose grain is known, and what was foreseen for their thickness and tilt, rad."""
    truth = read([scan for scan in _records(folder / "scans.nxs") if isinstance(scan, Scan)])
    (grains,), (spectra,) = (_records(folder / name) for name in ("g.nxs", "spectra.nxs"))
    assert isinstance(grains, GrainMap)
    assert isinstance(spectra, NormalizedCube)
    y, x, turned = np.asarray(grains.y), np.asarray(grains.x), reference(truth)
    depth = np.where(np.asarray(spectra.mask[0]) == 0, np.asarray(spectra.relative_thickness)[0], np.nan)
    label, thickness = in_sample_frame(turned, y, x, shift_of_thickness(turned, y, x, depth))
    seen = (np.asarray(grains.label) > 0) & (label > 0) & (thickness > 0.3e-6)
    azimuth, tilt = truth.common.azimuth[label[seen]], truth.common.tilt[label[seen]]
    energies = np.array(sorted(truth.common.energy_ev))
    made = Design(energies, np.asarray(grains.polarization_angle), 1.0, fluence)
    foreseen = of_chain(
        made, reading(signal, energies), Crystals(thickness[seen], azimuth, tilt), truth.scans[0].pixel ** 2
    ).angle_errors
    angle = np.asarray(grains.orientation)[seen]

    def wrapped(value: Any) -> Any:
        return (value + np.pi / 2) % np.pi - np.pi / 2

    errors = wrapped(angle - azimuth)
    if len(made.angle) == 2:
        other = wrapped(angle - (2 * made.angle[0] - azimuth))
        errors = np.where(np.abs(errors) < np.abs(other), errors, other)
    return errors, foreseen


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    if "--overlap" in sys.argv:
        overlap()
    elif "--chain" in sys.argv:
        chain()
    else:
        monte_carlo(numbers[0] if numbers else 4)
        plans()
