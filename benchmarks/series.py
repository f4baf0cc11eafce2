"""What a series of scans costs through the command: raw files read, reconstructed and written with their sigma maps.

    python benchmarks/series.py --scans 10 --device cuda

Scans of the paper's experiment are simulated (not timed) at as many of its energies, then reconstructed by one
`picpxct reconstruct scans/*.nxs -o recs/` in a process of its own, timed from its start to its end. The time of the
first product is that of the start; what the others take is multiplied for a whole experiment.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WHOLE = 120


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=10, help="how many")
    parser.add_argument("--preset", default="paper", help="tutorial is small enough for a CPU")
    parser.add_argument("--device", default="cuda", help="or several, with commas")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--start", help="warm, for starts from the neighbour")
    parser.add_argument("--also", default="errors", help="as of `reconstruct`")
    parser.add_argument("--folder", type=Path, help="where the scans lie or are put; else a temporary folder")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="scans simulated at a time")
    return parser.parse_args()


def command(*words: str) -> list[str]:
    """A picpxct command of this Python."""
    return [sys.executable, "-m", "picpxct_nx.cli", *words]


def simulate(options: argparse.Namespace, folder: Path) -> list[Path]:
    """Simulated scans; those that are there already are kept."""
    from picpxct_nx.simulate.configure import configure

    energies = configure("paper", []).energies_ev[: options.scans]
    how = ("--preset", options.preset, "--rotations", "0 deg", "-q", "--keep-going", "-o", f"{folder}/")
    waiting = [command("simulate", "--energies", f"{energy} eV", *how) for energy in energies]
    running: list[subprocess.Popen[bytes]] = []
    quiet = os.environ | {"OMP_NUM_THREADS": "1"}
    for words in waiting:
        if len(running) == options.jobs:
            running.pop(0).wait()
        running.append(subprocess.Popen(words, env=quiet))
    for process in running:
        process.wait()
    return sorted(folder.glob("*.nxs"))[: options.scans]


def main() -> None:
    """Print the times."""
    options = _options()
    with tempfile.TemporaryDirectory() as place:
        folder, target = options.folder or Path(place) / "scans", Path(place) / "recs"
        folder.mkdir(parents=True, exist_ok=True)
        scans = simulate(options, folder)
        how = ["--device", options.device, "--recipe", options.recipe, "--also", options.also, "-q"]
        how += ["--start", options.start] if options.start else []
        began = time.time()
        subprocess.run(command("reconstruct", *map(str, scans), *how, "-o", f"{target}/"), check=True)
        whole = time.time() - began
        ends = sorted(path.stat().st_mtime - began for path in target.glob("*.nxs"))
    first = ends[0]
    each = (ends[-1] - first) / max(1, len(ends) - 1)
    print(f"{len(ends)} scans of preset {options.preset}, {options.recipe}, {options.device}, also {options.also}")
    print(f"from start to end {whole:.1f} s; the first product after {first:.1f} s, then one every {each:.2f} s")
    by_all, by_each = whole / len(ends) * WHOLE, first + each * (WHOLE - 1)
    print(f"{WHOLE} scans: {by_all / 60:.1f} min (all times {WHOLE}/{len(ends)}), {by_each / 60:.1f} min (one start)")


if __name__ == "__main__":
    main()
