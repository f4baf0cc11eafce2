"""Fixtures of the command line's tests: small simulated files, and ways to run the real command."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from picpxct_nx.cli.main import app
from picpxct_nx.records import Reconstruction
from picpxct_nx.simulate.faultless import ENERGY_EV, flattened
from picpxct_nx.values import Value

TINY = ("--set", "frame_size=32", "--set", "n_positions=16", "--set", "step=0.35 um", "--set", "supersampling=1")
FIRST, SECOND = "scan_E054600_R000", "scan_E054710_R000"

Run = Callable[..., subprocess.CompletedProcess[bytes]]
Call = Callable[..., Result]
Edit = Callable[..., Path]


def command(*words: str | Path) -> list[str]:
    """The command line as a program of this Python."""
    return [sys.executable, "-m", "picpxct_nx.cli", *map(str, words)]


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PICPXCT")}
    return kept | {"OMP_NUM_THREADS": "1", "TERM": "xterm"} | more


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the real command in a process of its own, in an empty folder."""

    def go(*words: str | Path, stdin: Any = subprocess.DEVNULL, **env: str) -> subprocess.CompletedProcess[bytes]:
        how: dict[str, Any] = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
        return subprocess.run(
            command(*words), capture_output=True, env=environment(**env), cwd=tmp_path, check=False, timeout=120, **how
        )

    return go


@pytest.fixture
def shell(tmp_path: Path) -> Run:
    """Run a line of bash in an empty folder; `picpxct` is the real command, and a failure anywhere in a pipe counts."""

    def go(line: str, **env: str) -> subprocess.CompletedProcess[bytes]:
        start = f'set -o pipefail; picpxct() {{ "{sys.executable}" -m picpxct_nx.cli "$@"; }}\n'
        return subprocess.run(
            ["bash", "-c", start + line],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=environment(**env),
            cwd=tmp_path,
            check=False,
            timeout=120,
        )

    return go


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command in this process, which is quick; for what needs no pipe, terminal or signal."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("PICPXCT")]:
        monkeypatch.delenv(name)

    def go(*words: str | Path, stdin: bytes | None = None) -> Result:
        result = CliRunner().invoke(app, [str(word) for word in words], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return go


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with scans, their reconstructions, and a larger scan with its two halves; nobody may change it."""
    folder = tmp_path_factory.mktemp("made")
    one = ("--energies", "5460 eV", "--rotations", "0 deg")
    larger = ("--set", "n_positions=30", "--set", "supersampling=1")
    for words in (
        ("simulate", *TINY, "--energies", "5460 eV, 5471 eV", "--rotations", "0 deg", "-o", folder / "scans.nxs"),
        ("simulate", *TINY, *one, "-o", folder / "scan.nxs"),
        ("simulate", *larger, *one, "-o", folder / "larger.nxs"),
        ("reconstruct", folder / "scans.nxs", "--recipe", "dm:2", "--device", "cpu", "-o", folder / "recs.nxs"),
        ("reconstruct", folder / "larger.nxs", "--recipe", "dm:5", "--frames", "0::2", "-o", folder / "half_a.nxs"),
        ("reconstruct", folder / "larger.nxs", "--recipe", "dm:5", "--frames", "1::2", "-o", folder / "half_b.nxs"),
    ):
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == 0, result.output
    before = {path: path.read_bytes() for path in folder.iterdir()}
    yield folder
    assert {path: path.read_bytes() for path in folder.iterdir()} == before, "a command changed its input"


@pytest.fixture
def edited(made: Path, tmp_path: Path) -> Edit:
    """Copy the single scan and change it: `edit` gets the entry, open for writing."""

    def make(edit: Callable[[h5py.Group], None], name: str = "edited.nxs") -> Path:
        target = tmp_path / name
        shutil.copy(made / "scan.nxs", target)
        with h5py.File(target, "r+") as file:
            edit(file[FIRST])
        return target

    return make


def unflattened(
    energy_ev: float = ENERGY_EV, rotation: float = 0.0, *, side: int = 64, seed: int = 0, **changes: Value | None
) -> Reconstruction:
    """A faultless reconstruction as a solver leaves it: with a ramp, a constant phase and a scale, and no air known."""
    flat = flattened(energy_ev, rotation, side=side, seed=seed)
    ramp = 1.3 * np.exp(1j * (0.7 + 2e6 * flat.y[:, None] - 3e6 * flat.x))
    given: dict[str, Value | None] = {
        "stage": "reconstructed",
        "transmission": (flat.transmission * ramp).astype(np.complex64),
        "air": None,
    }
    return flattened(energy_ev, rotation, side=side, seed=seed, **(given | changes))


def replace(entry: h5py.Group, path: str, value: Any) -> None:
    """Put another value under a path, attributes and links to it kept."""
    old = entry[path]
    attributes = dict(old.attrs)
    links = [f"data/{name}" for name in ("data", "x", "y") if entry.get(f"data/{name}") == old]
    for name in {path, *links}:
        del entry[name]
    item = entry.create_dataset(path, data=np.asarray(value))
    for name, text in attributes.items():
        item.attrs[name] = text
    for name in links:
        entry[name] = item


def message(result: Result | subprocess.CompletedProcess[bytes]) -> str:
    """The one line on which a failed command ends; anything else on stderr is refused."""
    raw = result.stderr
    text = raw.decode() if isinstance(raw, bytes) else raw
    assert "Traceback" not in text, text
    lines = [line for line in text.splitlines() if line.strip()]
    assert lines, "nothing was said"
    assert all(line.startswith("picpxct: ") for line in lines), text
    return lines[-1]
