"""The whole workflow under faults at each stage: nothing is lost or half written, and a second run does the rest.

Needs the extra `workflow` (Snakemake) and takes minutes: `pytest -m workflow tests/workflow`, a lane of `.ci/run`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from picpxct_nx import nexus

pytestmark = pytest.mark.workflow

FOLDER = Path(__file__).parents[2] / "workflow"
SINGLE = ("stack", "align", "register", "normalize", "grainmap", "validate")
STAGES = ("simulate", "reconstruct", "flatten", *SINGLE)
MANIFEST = """
[experiment]
block = 7
tries = 1
[simulate]
set = ["n_positions=60", "frame_size=48", "supersampling=1"]
energies = "5460 eV,5465 eV,5469 eV,5471 eV,5473 eV,5482 eV,5515 eV"
[reconstruct]
recipe = "pie:3,ml:20"
start = "warm=ml:8"
also = "none"
[normalize]
e0 = "5483.4 eV"
"""


class Work:
    """An experiment in a folder, and the workflow on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "experiment.toml").write_text(MANIFEST)
        (folder / "plan").mkdir()

    def run(self) -> "subprocess.CompletedProcess[str]":
        faulty = f"{sys.executable} {FOLDER / 'faulty.py'} plan"
        line = [sys.executable, "-m", "snakemake", "-s", FOLDER / "Snakefile", "--cores", "2", "--rerun-incomplete"]
        line += ["--nolock", "--keep-going", "--config", "manifest=experiment.toml", f"picpxct={faulty}"]
        env = os.environ | {"OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(self.folder / "cache")}
        return subprocess.run(
            [str(word) for word in line], cwd=self.folder, capture_output=True, text=True, check=False, env=env,
            start_new_session=True, timeout=600,
        )  # fmt: skip

    def finished(self) -> dict[str, tuple[int, int]]:
        """Every product under its final name, with what tells that it was not made again."""
        found = [
            *self.folder.glob("*.nxs"),
            *(p for d in ("scans", "recs", "flat") for p in self.folder.glob(f"{d}/*.nxs")),
        ]
        return {str(p.relative_to(self.folder)): (p.stat().st_ino, p.stat().st_mtime_ns) for p in found}

    def gathered(self) -> dict[str, int]:
        """Scans that are done in unfinished jobs."""
        return {"/".join((p.parts[-3], p.name)): p.stat().st_ino for p in self.folder.glob(".parts/*/*/*.nxs")}

    def failures(self) -> list[int]:
        path = self.folder / "logs" / "failures.jsonl"
        return [json.loads(line)["exit"] for line in path.read_text().splitlines()] if path.exists() else []

    def restore(self) -> None:
        for path in self.folder.rglob("*.gone"):
            path.rename(path.with_suffix(""))


@pytest.mark.parametrize(
    ("fault", "code"), [("killall", None), ("kill", 137), ("term", 143), ("full", 75), ("vanish", 66)]
)
def test_a_fault_at_each_stage_loses_nothing(fault: str, code: int | None, tmp_path: Path) -> None:
    work = Work(tmp_path)
    kept: dict[str, tuple[int, int]] = {}
    gathered: dict[str, int] = {}
    for stage in STAGES:
        if (stage, fault) == ("simulate", "vanish"):
            continue  # it has no input
        plan = tmp_path / "plan" / f"{stage}.{fault}"
        plan.touch()
        run = work.run()
        assert not plan.exists(), f"{stage}: the fault did not happen\n{run.stderr}"
        assert run.returncode, f"{stage}: {run.stderr}"
        if code is not None:
            # With --keep-going a vanished or unwritable scan is one of those that failed.
            assert work.failures() in ([code], [70]), f"{stage}: {run.stderr}"
        work.restore()
        for name in work.finished():
            with nexus.open_valid(tmp_path / name, name) as file:
                assert nexus.entries(file), f"{stage} left {name} half written"
        now, done = work.finished(), work.gathered()
        # What was finished before is neither lost nor made again; but where the whole workflow was killed, Snakemake
        # does not know that a job beside the struck one had ended, and makes what that had made again.
        if fault == "killall":
            assert kept.keys() <= now.keys(), stage
        else:
            assert kept.items() <= now.items(), stage
        assert gathered.items() <= done.items(), stage
        kept, gathered = now, done
    last = work.run()
    assert last.returncode == 0, last.stderr
    assert kept.keys() <= work.finished().keys()
    verdicts = [json.loads(line) for line in (tmp_path / "valid.jsonl").read_text().splitlines()]
    assert verdicts
    assert "Nothing to be done" in work.run().stderr


def test_only_what_changed_is_made_again(tmp_path: Path) -> None:
    work = Work(tmp_path)
    (tmp_path / "plan" / "reconstruct.exit75").touch()
    text = (tmp_path / "experiment.toml").read_text()
    (tmp_path / "experiment.toml").write_text(text.replace("tries = 1", "tries = 2\nwait = 0"))
    first = work.run()
    assert first.returncode == 0, first.stderr
    assert "exit 75 (no room or memory), tried again" in first.stderr
    before = work.finished()
    # A change at the end of the pipeline leaves what comes before it alone.
    (tmp_path / "experiment.toml").write_text(
        text.replace("tries = 1", "tries = 2\nwait = 0").replace("5483.4", "5483.5")
    )
    assert work.run().returncode == 0
    after = work.finished()
    assert {name for name in before if before[name] != after[name]} == {"normalized.nxs", "grains.nxs"}
    # A lost scan in the middle of a chain comes back from what is kept beside.
    (tmp_path / "recs" / "scan_E054710_R090.nxs").unlink()
    assert work.run().returncode == 0
