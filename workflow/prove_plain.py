"""Prove that plain tools do: the lines of README.md, "Without Snakemake", run as they stand there; called by prove.py.

A damaged scan and a job that ends with 75 are planted; then the scan comes back, and the second run does only the rest.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
BAD = "scan_E054690_R000"
SIMULATE = ["simulate", "--set", "n_positions=60", "--set", "frame_size=48", "--set", "supersampling=1", "--energies",
            "5460 eV,5465 eV,5469 eV,5471 eV,5473 eV,5482 eV,5515 eV", "-q", "-o", "scans/"]  # fmt: skip
# Sigma maps of small scans only take time.
SETTINGS = '[reconstruct]\nalso = "none"\n'
PATIENCE = 1200.0


class Plain:
    """A small experiment in a folder in which the lines of the page can be run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("plan", "bin"):
            (folder / name).mkdir(parents=True)
        (folder / "picpxct.toml").write_text(SETTINGS)
        (folder / "workflow").symlink_to(HERE)
        shell = folder / "bin" / "picpxct"
        shell.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE / "faulty.py"}" "{folder / "plan"}" "$@"\n')
        shell.chmod(0o755)
        (folder / "bin" / "python").symlink_to(sys.executable)
        subprocess.run([sys.executable, "-m", "picpxct_nx.cli", *SIMULATE], cwd=folder, check=True)
        self.bad = folder / "scans" / f"{BAD}.nxs"
        self.whole = self.bad.read_bytes()

    def damage(self) -> None:
        """Cut one scan in half, and let one job end with 75."""
        self.bad.write_bytes(self.whole[: len(self.whole) // 2])
        (self.folder / "plan" / "reconstruct.exit75").touch()

    def mend(self) -> None:
        """Make the scan whole again."""
        self.bad.write_bytes(self.whole)

    def run(self, lines: str, *, code: int = 0) -> str:
        """Run lines in bash; what they print.

        Raises
        ------
        SystemExit
            They ended with another exit code than they should.
        """
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", lines], cwd=self.folder, env=os.environ | {"PATH": path}, text=True, capture_output=True,
            check=False, timeout=PATIENCE,
        )  # fmt: skip
        if done.returncode != code:
            sys.exit(f"{done.stdout}{done.stderr}\nprove: {lines}: exit {done.returncode}, wanted {code}")
        return done.stdout

    def products(self) -> dict[str, str]:
        """Digests of the reconstructions by name."""
        return {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in self.folder.glob("recs/*.nxs")}

    def check(self, what: str, before: dict[str, str], wanted: int) -> dict[str, str]:
        """Tell what a run made, which must be `wanted` reconstructions; nothing may be made a second time."""
        after = self.products()
        made = sorted(after.keys() - before.keys())
        print(f"{what}: made {len(made)} of {len(after)} reconstructions", flush=True)
        if len(made) != wanted or any(after[name] != before[name] for name in before):
            sys.exit(f"prove: {what}: made {made}, wanted {wanted}; or made others again")
        if list(self.folder.glob("recs/.*")):
            sys.exit(f"prove: {what}: left something half written")
        return after


def lines() -> list[str]:
    """The blocks of lines under "Without Snakemake"."""
    text = (HERE / "README.md").read_text("utf-8").partition("## Without Snakemake")[2].partition("\n## ")[0]
    return [re.sub(r"^ {4}", "", block, flags=re.MULTILINE) for block in re.findall(r"(?:^ {4}.*\n)+", text, re.M)]


def prove_parallel(folder: Path) -> None:
    """GNU parallel on this machine."""
    block = next(block for block in lines() if "parallel -j" in block)
    first, again = block.partition("parallel --retry-failed")[::2]
    work = Plain(folder)
    work.damage()
    start = time.monotonic()
    work.run(first, code=1)  # as many as failed
    made = work.check("parallel: a damaged scan, and a job that ends with 75", {}, 13)
    print(f"  {time.monotonic() - start:.0f} s; {_told(folder / 'failures.jsonl')}")
    work.mend()
    work.run(f"parallel --retry-failed{again}")
    work.check("parallel --retry-failed", made, 1)


def prove_array(folder: Path) -> None:
    """An array of jobs on the Slurm that runs."""
    block = next(block for block in lines() if "--array" in block)
    work = Plain(folder)
    work.damage()
    start = time.monotonic()
    work.run(block)
    _wait()
    made = work.check("sbatch --array: a damaged scan, and a job that ends with 75", {}, 13)
    print(f"  {time.monotonic() - start:.0f} s; the dependent job: {_held(folder)}")
    work.mend()
    start = time.monotonic()
    work.run(block)
    _wait()
    work.check("sbatch --array, submitted again", made, 1)
    if not (folder / "grains.nxs").exists():
        sys.exit("prove: sbatch --array, submitted again: the job that waits for all made no grains.nxs")
    print(f"  {time.monotonic() - start:.0f} s; the job that waits for all made grains.nxs", flush=True)


def _told(failures: Path) -> str:
    told = [json.loads(line) for line in failures.read_text().splitlines()]
    return ", ".join(f"{one['job']} exit {one['exit']}{', tried again' * one['again']}" for one in told)


def _held(folder: Path) -> str:
    return "made grains.nxs" if (folder / "grains.nxs").exists() else "was not run"


def _wait() -> None:
    """Wait until no job is left."""
    end = time.monotonic() + PATIENCE
    while subprocess.run(["squeue", "-h"], capture_output=True, text=True, check=True).stdout.strip():
        if time.monotonic() > end:
            sys.exit(subprocess.run(["squeue"], capture_output=True, text=True, check=False).stdout + "prove: not done")
        time.sleep(2)
