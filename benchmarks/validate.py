"""Time of a check in multiples of a plain h5py walk with attributes, in one process, for each of our definitions.

Run: `OMP_NUM_THREADS=1 python benchmarks/validate.py [FILE...]`. Without files it writes small ones with every field of
every definition; their arrays hardly matter, since a check reads metadata, single numbers and short axes.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from picpxct_nx import nexus, nxdl, provenance
from picpxct_nx.records import kind
from picpxct_nx.validation import check_file

ROUNDS = 25


def walk(path: Path) -> float:
    """Seconds of a visit to every object with all its attributes."""
    met: list[dict[str, Any]] = []
    with h5py.File(path, "r") as file:
        start = time.perf_counter()
        file.visititems(lambda _, item: met.append(dict(item.attrs)))
        return time.perf_counter() - start


def check(path: Path) -> float:
    """Seconds of a check."""
    with h5py.File(path, "r") as file:
        start = time.perf_counter()
        check_file(file, path.name)
        return time.perf_counter() - start


def write_all(folder: Path) -> list[Path]:
    """One file of every definition, with every field."""
    from tests.conftest import full_values

    paths = [folder / f"{name}.nxs" for name in nxdl.names()]
    for path in paths:
        # The fixture's numbers are random; energies of a valid file rise.
        rising = {
            p: np.sort(v)
            for p, v in full_values(path.stem).items()
            if p.endswith("/energy") and isinstance(v, np.ndarray) and v.ndim
        }
        source = provenance.Input(checksum="0" * 64, file_name="foreign.h5")
        record = kind(path.stem).from_values("scan_S00001", full_values(path.stem) | rising)
        nexus.write(path, [record.made_by(provenance.step("import", {"factor": 2.0}, [source]))])
    return paths


def main() -> None:
    """Print one line a file: objects, median of the walk, median of the check, their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        for path in [Path(name) for name in sys.argv[1:]] or write_all(Path(folder)):
            check(path)  # definitions and units are parsed once a process
            times = [(walk(path), check(path)) for _ in range(ROUNDS)]
            walked, checked = (statistics.median(column) for column in zip(*times, strict=True))
            line = f"walk {walked * 1e3:6.2f} ms  check {checked * 1e3:6.2f} ms  {checked / walked:5.2f} x"
            print(f"{path.stem:32} {line}")


if __name__ == "__main__":
    main()
