"""The whole workflow under faults at each stage: nothing is lost or half written, and a second run does the rest.

Needs the extra `workflow` (Snakemake) and takes minutes: `pytest -m workflow tests/workflow`, a lane of `.ci/run`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from picpxct_nx import nexus
from picpxct_nx.records import GrainMap

pytestmark = pytest.mark.workflow

FOLDER = Path(__file__).parents[2] / "workflow"
SINGLE = ("stack", "align", "register", "normalize", "grainmap", "validate")
STAGES = ("simulate", "reconstruct", "flatten", *SINGLE)
MANIFEST = """
[experiment]
block = 6
tries = 1
[simulate]
set = ["n_positions=60", "frame_size=48", "supersampling=1"]
energies = "5460 eV,5469 eV,5471 eV,5472 eV,5482 eV,5515 eV"
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

    def run(self, *targets: str) -> "subprocess.CompletedProcess[str]":
        faulty = f"{sys.executable} {FOLDER / 'faulty.py'} plan"
        line = [sys.executable, "-m", "snakemake", "-s", FOLDER / "Snakefile", "--cores", "2", "--rerun-incomplete"]
        line += ["--nolock", "--keep-going", "--config", "manifest=experiment.toml", f"picpxct={faulty}"]
        line += ["--", *targets]
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

    def half_written(self) -> list[str]:
        """What is neither whole nor gone: hidden parts, and tables or pictures that break off."""
        found = [path.name for path in self.folder.rglob(".*.part") if ".snakemake" not in path.parts]
        table, picture, verdicts = (self.folder / name for name in ("grains.csv", "grains.png", "valid.jsonl"))
        if table.exists():
            with nexus.open_valid(self.folder / "grains.nxs", "grains.nxs") as file:
                record = nexus.read(file, nexus.entries(file)[0])
                assert isinstance(record, GrainMap)
                rows = [line for line in table.read_text().splitlines() if not line.startswith("#")]
                found += [table.name] * (len(rows) != len(record.grain_id) + 1)
        found += [picture.name] * (picture.exists() and picture.read_bytes()[-8:-4] != b"IEND")
        found += [verdicts.name] * (verdicts.exists() and not verdicts.read_text().endswith("}\n"))
        return found

    def restore(self) -> None:
        for path in self.folder.rglob("*.gone"):
            path.rename(path.with_suffix(""))


@pytest.fixture
def folder(tmp_path: Path, fault: str) -> Iterator[Path]:
    """An empty folder; with PICPXCT_DISK=fill on a small disk of its own, which is filled, where we may mount it.

    Whom a disk that is full for a moment strikes hangs on the moment, so that it is tried by hand.
    """
    disk = tmp_path / "disk"
    disk.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)]
    wanted = fault == "full" and os.environ.get("PICPXCT_DISK") == "fill"
    if not wanted or subprocess.run(line, check=False, stderr=subprocess.DEVNULL).returncode:
        yield tmp_path
        return
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def _files(found: dict[str, tuple[int, int]]) -> dict[str, int]:
    """The files behind the names, without the times at which they were touched."""
    return {name: inode for name, (inode, _) in found.items()}


@pytest.mark.parametrize(
    ("fault", "code"),
    [("killall", None), ("kill", 137), ("term", 143), ("full", 75), ("vanish", 66)],
)
def test_a_fault_at_each_stage_loses_nothing(fault: str, code: int | None, folder: Path) -> None:
    # On a full disk Snakemake cannot note that a job ended; it asks again, and touches the same files that it is given.
    same = _files if fault == "full" else dict
    work = Work(folder)
    kept: dict[str, tuple[int, int]] = {}
    gathered: dict[str, int] = {}
    for stage in STAGES:
        if (stage, fault) == ("simulate", "vanish"):
            continue  # it has no input
        # On a disk of its own it is filled; elsewhere, files of the command may not grow.
        plan = folder / "plan" / f"{stage}.{'filled' if folder.name == 'disk' else fault}"
        plan.touch()
        run = work.run()
        assert not plan.exists(), f"{stage}: the fault did not happen\n{run.stderr}"
        assert run.returncode, f"{stage}: {run.stderr}"
        if code is not None:
            # With --keep-going a vanished or unwritable scan is one that failed; a full disk strikes others too.
            told = work.failures()
            assert set(told) <= {code, 70}, f"{stage}: {run.stderr}"
            assert len(told) == 1 or (fault == "full" and told), f"{stage}: {run.stderr}"
        work.restore()
        now, done = work.finished(), work.gathered()
        # A file that nobody touched since it was read is what it was.
        for name in (name for name in now if now[name] != kept.get(name)):
            with nexus.open_valid(folder / name, name) as file:
                assert nexus.entries(file), f"{stage} left {name} half written"
        # After kill -9 nobody could take away what is hidden; the next run of the stage does.
        assert fault in ("kill", "killall") or work.half_written() == [], stage
        # What was finished before is neither lost nor made again; but where the whole workflow was killed, Snakemake
        # does not know that a job beside the struck one had ended, and makes what that had made again.
        if fault == "killall":
            assert kept.keys() <= now.keys(), stage
        else:
            assert same(kept).items() <= same(now).items(), stage
        assert gathered.items() <= done.items(), stage
        kept, gathered = now, done
    last = work.run()
    assert last.returncode == 0, last.stderr
    assert same(kept).items() <= same(work.finished()).items()
    assert work.half_written() == []
    verdicts = [json.loads(line) for line in (folder / "valid.jsonl").read_text().splitlines()]
    assert verdicts
    assert "Nothing to be done" in work.run().stderr


IMPORT = """
[experiment]
table = "scans.csv"
tries = 1
[import]
files = "raw/{scan}.cxi"
set = ["count_time=0.1 s"]
[normalize]
e0 = "5483.4 eV"
"""


def test_a_fault_while_foreign_files_are_imported_loses_nothing(tmp_path: Path) -> None:
    work = Work(tmp_path)
    (tmp_path / "experiment.toml").write_text(IMPORT)
    energies = (5460, 5471)
    names = [f"scan_E0{energy}0_R000" for energy in energies]
    rows = [f"{name},{energy},0" for name, energy in zip(names, energies, strict=True)]
    (tmp_path / "scans.csv").write_text("\n".join(["scan,energy (eV),sample_rotation (deg)", *rows, ""]))
    small = ["--set", "n_positions=60", "--set", "frame_size=48", "--set", "supersampling=1", "--rotations", "0 deg"]
    for words in (["simulate", *small, "--energies", "5460 eV,5471 eV"], ["export", "made", "--format", "cxi"]):
        given = [str(path) for path in sorted((tmp_path / "made").glob("*.nxs"))] if "made" in words else []
        line = [*(word for word in words if word != "made"), *given, "-q", "-o", "raw/" if given else "made/"]
        subprocess.run([sys.executable, "-m", "picpxct_nx.cli", *line], cwd=tmp_path, check=True)
    targets = [f"scans/{name}.nxs" for name in names]
    for fault, code in (("killall", None), ("kill", 137), ("term", 143), ("full", 75), ("vanish", 66)):
        plan = tmp_path / "plan" / f"import.{fault}"
        plan.touch()
        run = work.run(*targets)
        assert not plan.exists(), run.stderr
        assert run.returncode, run.stderr
        if code is not None:
            assert work.failures() == [code], run.stderr
            # The other scan does not suffer.
            assert len(work.finished()) == 1
        work.restore()
        kept = work.finished()
        last = work.run(*targets)
        assert last.returncode == 0, last.stderr
        assert kept.items() <= work.finished().items()
        assert sorted(work.finished()) == targets
        assert work.half_written() == []
        for target in targets:
            (tmp_path / target).unlink()


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
