"""Run the tutorial from raw scans to the grain map in one process, and score every stage against the truth.

    python benchmarks/chain.py [--seed 1] [--recipe default] [--to grainmap] [--folder FOLDER] [--set NAME=VALUE ...]

Each stage is the real command, with files between them; of many entries the table shows the median and the worst.
Times are a ratio to the reconstruction, which does the work. Set OMP_NUM_THREADS=1.
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
    ("reconstruct", ("--device", "cpu", "--threads", "1")),
    ("flatten", ()),
    ("stack", ()),
    ("align", ()),
    ("register", ()),
    ("normalize", ("--e0", "5483.4 eV")),
    ("grainmap", ()),
)


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


def main(options: argparse.Namespace, folder: Path) -> None:
    """Run the stages in turn, scoring each."""
    scans = folder / "simulate.nxs"
    settings = [word for text in options.set for word in ("--set", text)]
    run("simulate", "--seed", str(options.seed), *settings, "-q", "--overwrite", "-o", scans)
    experiment, before, floor = truth_of(scans), scans, 0.0
    for name, words in STAGES:
        made = folder / f"{name}.nxs"
        more = ("--recipe", options.recipe, "--progress", "none") if name == "reconstruct" else ()
        seconds = run(name, before, *words, *more, "-q", "--overwrite", "-o", made)
        floor = floor or seconds
        scored = scores(made, experiment)
        entries = "1 entry" if len(scored) == 1 else f"{len(scored)} entries"
        print(f"{name}: {entries}, {seconds / floor:.3f} of the time of the reconstruction", flush=True)
        print("\n".join(table(scored)), flush=True)
        before = made
        if name == options.to:
            return


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--to", default="grainmap", choices=[name for name, _ in STAGES])
    parser.add_argument("--folder", type=Path, help="keep the files there")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="as of picpxct simulate")
    chosen = parser.parse_args()
    if chosen.folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            main(chosen, Path(temporary))
    else:
        chosen.folder.mkdir(parents=True, exist_ok=True)
        main(chosen, chosen.folder)
