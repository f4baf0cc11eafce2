"""Measure a cold `picpxct validate FILE` as a multiple of `python -c "import h5py, typer"`, in processor time.

    python benchmarks/validate_cold.py [rounds] [FILE...]

Without files, the samples in sample_data. The commands take turns, so that a busy machine is unfair to all; a figure is
the median of user and system time of the process and its children. At most 3 is promised for a file in the units of
its definition; other units load pint.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

FLOOR = 'python -c "import h5py, typer"'
SAMPLES = Path(__file__).parents[1] / "sample_data"


def cpu_seconds(command: list[str], environment: dict[str, str]) -> float:
    """Processor time of one run of a command, children of it included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def commands(files: list[Path]) -> dict[str, list[str]]:
    """The commands to compare, by what the table calls them."""
    validate = [sys.executable, "-m", "picpxct_nx.cli", "validate"]
    return {
        FLOOR: [sys.executable, "-c", "import h5py, typer"],
        "picpxct --help": [sys.executable, "-m", "picpxct_nx.cli", "--help"],
        **{f"validate {path.name}": [*validate, str(path)] for path in files},
        f"validate --untrusted {files[0].name}": [*validate, "--untrusted", str(files[0])],
        "schema NXspecptycho_scan": [sys.executable, "-m", "picpxct_nx.cli", "schema", "NXspecptycho_scan"],
    }


def main(rounds: int, files: list[Path]) -> None:
    """Print one line a command."""
    table = commands(files)
    times: dict[str, list[float]] = {name: [] for name in table}
    with tempfile.TemporaryDirectory() as compiled:
        # As installed: compiled once, in the first round, which does not count.
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for _ in range(rounds + 1):
            for name, command in table.items():
                times[name].append(cpu_seconds(command, environment))
    medians = {name: statistics.median(found[1:]) for name, found in times.items()}
    for name, seconds in medians.items():
        print(f"{name:44s} {seconds:7.3f} s  {seconds / medians[FLOOR]:6.2f} x floor")


if __name__ == "__main__":
    chosen = [Path(text) for text in sys.argv[2:]] or sorted(SAMPLES.glob("*.nxs"))
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9, chosen)
