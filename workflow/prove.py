"""Prove the workflow on this machine, and on a real Slurm of one node on loopback: a planted failure, then a resume.

    python workflow/prove.py local [FOLDER]
    sudo python workflow/prove.py slurm [FOLDER]

Run it in an environment with `picpxct_nx[workflow]`. The small tutorial is run five times: one raw scan is damaged and
one job ends with 75 at first (the run fails, everything that does not need the scan is done, 75 heals); the scan comes
back (only the rest is done); nothing is left to do; an option of the last stages changes (only they are done); one raw
scan changes (its chain is done from there on, and what follows). `slurm` starts munge, slurmctld and slurmd from the
files in slurm/, with two pretended GPUs, listening on 127.0.0.1 only, and stops them at the end; it wants root and
`apt-get install slurm-wlm munge`.
"""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import prove_plain

HERE = Path(__file__).parent
ETC = Path("/etc/slurm")
BAD = "scan_E054690_R000"
MANIFEST = """\
[experiment]
block = 4
gpus = {gpus}
wait = 1
[simulate]
set = ["n_positions=60", "frame_size=48", "supersampling=1"]
energies = "5460 eV,5465 eV,5469 eV,5471 eV,5473 eV,5482 eV,5515 eV"
[reconstruct]
recipe = "pie:3,ml:20"
start = "warm=ml:8"
also = "none"
[normalize]
e0 = "{e0}"
"""
SLURM = ["--executor", "slurm", "--jobs", "4", "--slurm-no-account", "--slurm-status-command", "squeue",
         "--latency-wait", "10", "--seconds-between-status-checks", "3",
         "--default-resources", "slurm_partition=gpu", "mem_mb=800", "runtime=20"]  # fmt: skip


class Proof:
    """An experiment in a folder, and what its runs do."""

    def __init__(self, folder: Path, *, slurm: bool) -> None:
        self.folder, self.slurm = folder, slurm
        (folder / "plan").mkdir(parents=True)
        self.write("5483.4 eV")

    def write(self, e0: str) -> None:
        """Write the manifest."""
        (self.folder / "experiment.toml").write_text(MANIFEST.format(gpus=int(self.slurm), e0=e0))

    def run(self, what: str, *targets: str, code: int = 0) -> None:
        """Run the workflow, and tell what it did.

        Raises
        ------
        SystemExit
            It ended with another exit code than it should.
        """
        how = SLURM if self.slurm else ["--cores", str(os.cpu_count() or 1)]
        picpxct = f"{sys.executable} {HERE / 'faulty.py'} {self.folder / 'plan'}"
        line = [sys.executable, "-m", "snakemake", "-s", str(HERE / "Snakefile"), "--keep-going", "--rerun-incomplete"]
        line += [*how, "--config", "manifest=experiment.toml", f"picpxct={picpxct}", "--", *targets]
        before, start = self.products(), time.monotonic()
        done = subprocess.run(line, cwd=self.folder, capture_output=True, text=True, check=False)
        after = self.products()
        made = sorted(name for name in after if after[name] != before.get(name))
        print(
            f"{what}: exit {done.returncode}, {time.monotonic() - start:.0f} s; made {len(made)} of {len(after)} files"
        )
        print(f"  {', '.join(made) or 'nothing'}")
        told = done.stderr.splitlines()
        for text in [text for text in told if text.startswith("workflow: ")]:
            print(f"  {text}")
        if done.returncode != code:
            sys.exit(f"{done.stderr}\nprove: {what}: exit {done.returncode}, wanted {code}")
        print(f"  {next((text for text in reversed(told) if 'steps (' in text), 'no step done')}", flush=True)

    def products(self) -> dict[str, str]:
        """Every product, and the digest of its bytes, among which is when it was made."""
        folders = (self.folder, *(self.folder / name for name in ("scans", "recs", "flat")))
        found = [path for folder in folders for path in folder.glob("*.nxs")]
        return {str(p.relative_to(self.folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


def prove(folder: Path, *, slurm: bool) -> None:
    """The five runs."""
    proof = Proof(folder, slurm=slurm)
    scans = folder / "scans"
    proof.run("raw scans", "scans/scan_E054600_R000.nxs")
    bad = scans / f"{BAD}.nxs"
    whole = bad.read_bytes()
    bad.write_bytes(whole[: len(whole) // 2])
    (folder / "plan" / "reconstruct.exit75").touch()
    proof.run("1. a damaged scan, and a job that ends with 75", code=1)
    bad.write_bytes(whole)
    proof.run("2. the scan is whole again")
    proof.run("3. nothing has changed")
    proof.write("5483.5 eV")
    proof.run("4. an option of normalize has changed")
    again = [sys.executable, "-m", "picpxct_nx.cli", "simulate", "--set", "n_positions=60", "--set", "frame_size=48"]
    again += ["--set", "supersampling=1", "--energies", "5471 eV", "--rotations", "90 deg", "--seed", "5"]
    subprocess.run([*again, "-q", "--overwrite", "-o", f"{scans}/"], check=True)
    proof.run("5. a raw scan has changed")
    verdicts = [json.loads(line) for line in (folder / "valid.jsonl").read_text().splitlines()]
    print(f"{len(verdicts)} files valid" if verdicts else "no verdict")
    if slurm:
        seen = (folder.parent / "log" / "jobcomp.txt").read_text().count("JobState=")
        print(f"Slurm ran {seen} jobs")


@contextmanager
def cluster(folder: Path) -> Iterator[None]:
    """A Slurm of one node, listening on loopback only."""
    for name in ("ctld", "d", "log"):
        (folder / name).mkdir(parents=True)
    for number in (0, 1):
        # A device node of the kind that the scheduler looks for; it is /dev/null.
        os.mknod(folder / f"fakegpu{number}", 0o666 | 0o020000, os.makedev(1, 3))
    ETC.mkdir(exist_ok=True)
    links = []
    for source in sorted((HERE / "slurm").glob("*.conf")):
        text = source.read_text().replace("FOLDER", str(folder)).replace("HOST", socket.gethostname())
        (folder / source.name).write_text(text)
        links.append(ETC / source.name)
        links[-1].symlink_to(folder / source.name)
    Path("/run/munge").mkdir(exist_ok=True)
    shutil.chown("/run/munge", "munge", "munge")
    started: list[subprocess.Popen[bytes]] = []
    try:
        munged = ["runuser", "-u", "munge", "--", "/usr/sbin/munged", "-F"]
        for daemon in (munged, ["slurmctld", "-D"], ["slurmd", "-D"]):
            with (folder / "log" / f"{Path(daemon[-2]).name}.out").open("wb") as said:
                started.append(subprocess.Popen(daemon, stdout=said, stderr=said))
            time.sleep(3)
        subprocess.run(["scontrol", "update", f"NodeName={socket.gethostname()}", "State=RESUME"], check=False)
        subprocess.run(["srun", "-n1", "--gpus=1", "sh", "-c", "echo GPU $CUDA_VISIBLE_DEVICES on $(hostname)"],
                       check=True, timeout=120)  # fmt: skip
        yield
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(60)
        for link in links:
            link.unlink()


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[1] not in ("local", "slurm"):
        sys.exit(__doc__)
    place = Path(sys.argv[2]) if len(sys.argv) == 3 else Path(tempfile.mkdtemp(prefix="picpxct-proof-"))
    if sys.argv[1] == "slurm":
        # What was started and linked is taken away also when the proof is told to end.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        with cluster(place.absolute()):
            prove_plain.prove_array(place.absolute() / "array")
            prove(place.absolute() / "run", slurm=True)
    else:
        prove(place.absolute() / "run", slurm=False)
        if shutil.which("parallel"):
            prove_plain.prove_parallel(place.absolute() / "parallel")
        else:
            print("GNU parallel is not installed, and not tried")
