"""Sample data: every file is valid, and the README's import makes the same reconstruction problem as the scan."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from picpxct_nx import nexus
from picpxct_nx.geometry import make_problem
from picpxct_nx.records import Scan
from picpxct_nx.validation import check_file

SAMPLES = Path(__file__).parents[1] / "sample_data"


def _scan(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames, positions in pixels and mask of the problem that the first scan of a file poses."""
    with nexus.open_valid(path, path.name) as file:
        record = nexus.read(file, nexus.entries(file)[0])
        assert isinstance(record, Scan)
        problem, _ = make_problem(record)
        return np.asarray(problem.frames[0:1000]), problem.positions_px, problem.good


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.nxs")), ids=lambda path: path.name)
def test_every_sample_is_valid(path: Path) -> None:
    with nexus.open_hdf5(path, path.name) as file:
        assert check_file(file, path.name).errors == ()


def test_the_foreign_sample_is_the_same_scan_after_import(tmp_path: Path) -> None:
    text = (SAMPLES / "README.md").read_text("utf-8")
    match = re.search(r"^    picpxct (import (?:.*\\\n)*.*)$", text, re.MULTILINE)
    assert match is not None
    words = shlex.split(match[1].replace("\\\n", " "))
    words[words.index("foreign.npz")] = str(SAMPLES / "foreign.npz")
    words[words.index("imported.nxs")] = str(tmp_path / "imported.nxs")
    subprocess.run([sys.executable, "-m", "picpxct_nx.cli", *words], check=True, capture_output=True)
    frames, positions, good = _scan(tmp_path / "imported.nxs")
    wanted_frames, wanted_positions, wanted_good = _scan(SAMPLES / "scan.nxs")
    np.testing.assert_array_equal(frames, wanted_frames)
    np.testing.assert_allclose(positions, wanted_positions, atol=1e-6)
    np.testing.assert_array_equal(good, wanted_good)
