"""Run the tutorial from raw scans to the grain map in one process, and score every stage against the truth.

    python benchmarks/chain.py [--seed 1] [--recipe default] [--to grainmap] [--folder FOLDER] [--set NAME=VALUE ...]
    python benchmarks/chain.py --seeds 10 --rotations "0 deg, 90 deg" --folder FOLDER

Each stage is the real command, with files between them; of many entries the table shows the median and the worst.
Times are a ratio to the reconstruction, which does the work. With --seeds, that many experiments from --seed on are one
line each, with the figures that tell a stage best, and a line says why a chain ended early; reconstructions that a
folder holds already are not made again. Set OMP_NUM_THREADS=1.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from picpxct_nx import nexus
from picpxct_nx.cli.main import app
from picpxct_nx.records import Scan
from picpxct_nx.score.figures import Figure, Scored
from picpxct_nx.score.judge import judge
from picpxct_nx.score.truth import Experiment, read

# Command, and its options in the chain; each takes what the one before made.
STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("reconstruct", ("--device", "cpu:1")),
    ("flatten", ()),
    ("stack", ()),
    ("align", ()),
    ("register", ()),
    ("normalize", ("--e0", "5483.4 eV")),
    ("grainmap", ()),
)

# What a line of many experiments says: figure of a stage, and its title; directions in degrees, displacements in px.
COLUMNS = {
    "grainmap/grains_found": "found",
    "grainmap/grains_distinct": "distinct",
    "grainmap/distinct_matched": "matched",
    "grainmap/distinct_rand_error": "Rand",
    "grainmap/distinct_rand_error_labelled": "Rand lab.",
    "grainmap/grains_true": "true",
    "grainmap/rand_error": "R. true",
    "grainmap/orientation_median": "pixel med",
    "grainmap/grain_rms": "grain rms",
    "grainmap/known": "known %",
    "reconstruct/object_error": "object",
    "flatten/air_found": "air %",
    "align/images_rms": "align px",
    "register/images_between": "reg. px",
    "register/rotation_rms": "rot. deg",
}


def run(*words: str | Path) -> float:
    """Run one command of picpxct in this process, and give the seconds that it took.

    Raises
    ------
    SystemExit
        The command is not there, or it failed; its own message is on stderr.
    """
    name = str(words[0])
    if name not in {str(command.name) for command in app.registered_commands}:
        sys.exit(f"chain: picpxct {name} is not there; this version has no such command")
    start = time.perf_counter()
    try:
        app(args=[str(word) for word in words], prog_name="picpxct")
    except SystemExit as end:
        if end.code:
            sys.exit(f"chain: picpxct {name} ended with exit code {end.code}")
    return time.perf_counter() - start


def truth_of(path: Path) -> Experiment:
    """The truth that the simulated scans of a file carry."""
    with nexus.open_valid(path, str(path)) as file:
        scans = [nexus.read(file, entry) for entry in nexus.entries(file)]
    return read([scan for scan in scans if isinstance(scan, Scan)])


def scores(path: Path, experiment: Experiment) -> list[Scored]:
    """The score of every entry of a file."""
    with nexus.open_valid(path, str(path)) as file:
        return [judge(nexus.read(file, entry), experiment) for entry in nexus.entries(file)]


def table(scored: Sequence[Scored]) -> list[str]:
    """One line a figure: of one entry its value, of many the median and that farthest from zero."""
    lines = []
    for place, first in enumerate(scored[0].figures):
        values = [one.figures[place].value for one in scored if place < len(one.figures)]
        known = np.array([value for value in values if value is not None], np.float64)
        lines.append(f"    {first.words:62s} {_text(known, first)}")
    return lines


def _text(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], figure: Figure) -> str:
    if not values.size:
        return "-"
    worst = values[np.abs(values).argmax()]
    text = f"{np.median(values):10.4g}" + (f"  worst {worst:.4g}" if values.size > 1 else "")
    return f"{text} {figure.unit}".rstrip()


def simulate(scans: Path, seed: int, options: argparse.Namespace) -> None:
    """Simulate the scans of a seed."""
    settings = [word for text in options.set for word in ("--set", text)]
    settings += ["--rotations", options.rotations] if options.rotations else []
    run("simulate", "--seed", str(seed), *settings, "-q", "--overwrite", "-o", scans)


def _of_solver(name: str, options: argparse.Namespace) -> tuple[str, ...]:
    return ("--recipe", options.recipe, "--progress", "none") if name == "reconstruct" else ()


def main(options: argparse.Namespace, folder: Path) -> None:
    """Run the stages in turn, scoring each."""
    scans = folder / "simulate.nxs"
    simulate(scans, options.seed, options)
    experiment, before, floor = truth_of(scans), scans, 0.0
    for name, words in STAGES:
        made = folder / f"{name}.nxs"
        seconds = run(name, before, *words, *_of_solver(name, options), "-q", "--overwrite", "-o", made)
        floor = floor or seconds
        scored = scores(made, experiment)
        entries = "1 entry" if len(scored) == 1 else f"{len(scored)} entries"
        print(f"{name}: {entries}, {seconds / floor:.3f} of the time of the reconstruction", flush=True)
        print("\n".join(table(scored)), flush=True)
        before = made
        if name == options.to:
            return


def many(options: argparse.Namespace, folder: Path) -> None:
    """One line an experiment, with the figures that tell most of every stage; then their medians and the failures."""
    print(" ".join(["seed", *(f"{title:>9s}" for title in COLUMNS.values())]), flush=True)
    rows, failures = [], []
    for seed in range(options.seed, options.seed + options.seeds):
        at = folder / f"seed{seed}"
        at.mkdir(exist_ok=True)
        try:
            found = _figures(at, seed, options)
        except SystemExit as end:
            failures.append(f"seed {seed}: {end.code}")
            continue
        rows.append([found.get(key) for key in COLUMNS])
        print(_line(f"{seed:4d}", rows[-1]), flush=True)
    if rows:
        table_of = np.array([[np.nan if value is None else float(value) for value in row] for row in rows])
        print(_line(" med", list(np.nanmedian(table_of, axis=0))), flush=True)
        same = int(np.sum(np.all(table_of[:, :1] == table_of[:, 1:3], axis=1)))
        print(
            f"found all grains that can be told apart, and none besides: {same} of {options.seeds}; "
            f"failures: {len(failures)}"
        )
    print("\n".join(failures))


def _figures(folder: Path, seed: int, options: argparse.Namespace) -> dict[str, float | None]:
    """The figures of a chain by "stage/name"; of many entries the median."""
    scans, before = folder / "simulate.nxs", folder / "reconstruct.nxs"
    if not before.exists():
        simulate(scans, seed, options)
    experiment, found = truth_of(scans), dict[str, float | None]()
    for name, words in STAGES:
        made = folder / f"{name}.nxs"
        if name != "reconstruct" or not before.exists():
            source = scans if name == "reconstruct" else before
            run(name, source, *words, *_of_solver(name, options), "-q", "--overwrite", "-o", made)
        scored, before = scores(made, experiment), made
        for figure in scored[0].figures:
            values = [f.value for one in scored for f in one.figures if f.name == figure.name and f.value is not None]
            found[f"{name}/{figure.name}"] = float(np.median(values)) if values else None
    return found


def _line(head: str, values: Sequence[float | None]) -> str:
    return " ".join([head, *(f"{'-':>9s}" if v is None or not np.isfinite(v) else f"{v:9.3g}" for v in values)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, help="run so many experiments, one line each")
    parser.add_argument("--rotations", help="as of picpxct simulate")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--to", default="grainmap", choices=[name for name, _ in STAGES])
    parser.add_argument("--folder", type=Path, help="keep the files there")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="as of picpxct simulate")
    chosen = parser.parse_args()
    task = main if chosen.seeds is None else many
    if chosen.folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            task(chosen, Path(temporary))
    else:
        chosen.folder.mkdir(parents=True, exist_ok=True)
        task(chosen, chosen.folder)
