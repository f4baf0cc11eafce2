"""One job of the workflow: run a command, again where it says that a later try may do, and keep what is finished.

    python step.py --name NAME --failures FILE [--parts DIR --into DIR --chain] [--inputs FILE...] -- COMMAND...

Exit 75 (disk full, no memory on the GPU) is tried again after a while; anything else ends the job at once. Every
failure is one JSON line in the file of failures. With --parts the command's products gather in a hidden folder, which
outlives a job that is killed; once all are there, they are linked into their folder together. Needs nothing but Python.
"""

import argparse
import glob
import hashlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

AGAIN = 75
MEANINGS = {
    1: "a bug", 2: "wrong usage", 65: "bad input", 66: "no input", 69: "no device or library",
    70: "did not converge, or some scans failed", 73: "cannot write", 75: "no room or memory",
    78: "wrong configuration", 130: "interrupted", 137: "killed", 143: "told to end",
}  # fmt: skip
STAMP = "made_from.json"
# Options that are followed by a file which the command writes.
WRITES = ("-o", "--table", "--plot")
_children: list["subprocess.Popen[str]"] = []
_asked: list[int] = []


def main() -> int:
    """Run the job; the exit code is the command's."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--name", required=True)
    parser.add_argument("--failures", type=Path, required=True)
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--wait", type=float, default=30.0, help="seconds before the second try, doubled for each more")
    parser.add_argument("--patience", type=float, default=10.0, help="seconds before a signal is passed on")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--parts", type=Path)
    parser.add_argument("--into", type=Path)
    parser.add_argument("--chain", action="store_true", help="a product depends on those of the inputs before it")
    parser.add_argument("--inputs", nargs="*", default=[], type=Path)
    parser.add_argument("--products", nargs="*", default=[], help="names of the products, in the order of the inputs")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    job = parser.parse_args()
    job.command = job.command[1:] if job.command[:1] == ["--"] else job.command
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: _end(number, job.patience))
    signal.signal(signal.SIGALRM, _pass_on)
    forget(job.command)
    if job.parts is not None:
        prepare(job)
    code = attempts(job)
    if code == 0 and job.parts is not None:
        publish(job.parts, job.into, job.products)
    return code


def attempts(job: argparse.Namespace) -> int:
    """Run the command until it succeeds, fails for good, or has been tried often enough."""
    for number in range(1, job.tries + 1):
        code, said = once(job)
        again = code == AGAIN and number < job.tries and not _asked
        if code:
            told = {"job": job.name, "exit": code, "meaning": MEANINGS.get(code, "unknown"), "said": said}
            told |= {"try": number, "again": again, "date": datetime.now(UTC).isoformat(timespec="seconds")}
            report(job.failures, told)
        if not again:
            break
        pause = job.wait * 2 ** (number - 1)
        say(f"step: {job.name}: exit 75, try {number} of {job.tries}; again in {pause:g} s\n")
        _sleep(pause)
        if _asked:
            break
    return code


def once(job: argparse.Namespace) -> tuple[int, str]:
    """Exit code of the command, and the last line it said on stderr; all lines are passed on."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(job.threads))
    child = subprocess.Popen(
        job.command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=os.environ | threads
    )  # standard output is the job's own
    _children.append(child)
    last: deque[str] = deque(maxlen=1)
    for line in child.stderr or ():
        say(line)
        last.append(line.strip())
    code = child.wait()
    _children.remove(child)
    return (128 - code if code < 0 else code), "".join(last)


def say(text: str) -> None:
    """Put text into the log; one on a full disk loses it, but not the command."""
    with suppress(OSError):
        os.write(2, text.encode())


def report(target: Path, told: dict[str, object]) -> None:
    """Append one line to the file of failures, whole also where several jobs write at once; a full disk loses it."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(handle, (json.dumps(told) + "\n").encode())
        finally:
            os.close(handle)
    except OSError as error:
        say(f"step: {target}: cannot be written ({error}); the failure was {told}\n")


def forget(command: list[str]) -> None:
    """Remove what a command that was killed left half written where this one writes: nobody else writes there."""
    for option, word in itertools.pairwise(command):
        if option in WRITES and not word.endswith("/"):
            remove_stale(Path(word))


def remove_stale(target: Path) -> None:
    """Remove hidden parts of a file, of which it was never made."""
    for stale in target.parent.glob(f".{glob.escape(target.name)}.*.part"):
        stale.unlink(missing_ok=True)


def prepare(job: argparse.Namespace) -> None:
    """Keep of the parts those that the same command made of the same inputs."""
    job.parts.mkdir(parents=True, exist_ok=True)
    for stale in job.parts.glob(".*.part"):  # of a job that was killed; nobody else writes here
        stale.unlink()
    stamp = job.parts / STAMP
    try:
        before = json.loads(stamp.read_text())
    except (OSError, ValueError):
        before = {}
    marks = before.get("inputs", {})
    now = {"command": job.command, "inputs": {str(path): _mark(path, marks.get(str(path))) for path in job.inputs}}
    same = before.get("command") == now["command"]
    stale = [] if same else list(job.products)
    for path, product in zip(job.inputs, job.products, strict=False):
        if not same or marks.get(str(path), [])[2:] != now["inputs"][str(path)][2:]:
            same = same and not job.chain
            stale.append(product)
    for product in stale:
        (job.parts / product).unlink(missing_ok=True)
    if stale:  # checkpoints are of a scan and a command as well
        shutil.rmtree(job.parts / "unfinished", ignore_errors=True)
    if now != before:
        hidden = stamp.with_suffix(".new")
        hidden.write_text(json.dumps(now))
        hidden.replace(stamp)


def publish(parts: Path, into: Path, products: list[str]) -> None:
    """Give all products their names; those that stay in the parts are the same files and take no room."""
    into.mkdir(parents=True, exist_ok=True)
    for product in products:
        hidden = into / f".{product}.{os.getpid()}.part"
        remove_stale(into / product)
        try:
            hidden.hardlink_to(parts / product)
        except OSError:  # a file system without links, or another one
            shutil.copy2(parts / product, hidden)
        hidden.replace(into / product)
        hidden.unlink(missing_ok=True)  # it stays where both names were one file already


def _mark(path: Path, before: list[Any] | None) -> list[Any]:
    """What tells that a file has changed: its digest, which is taken anew where size or time are others.

    Time alone will not do: Snakemake touches all that a job made, also what it was given from the parts.
    """
    try:
        seen = path.stat()
        place = [seen.st_size, seen.st_mtime_ns]
        if before and before[:2] == place:
            return before
        with path.open("rb") as handle:
            return [*place, hashlib.file_digest(handle, "sha256").hexdigest()]
    except OSError:  # the command will say so better
        return []


def _end(number: int, patience: float) -> None:
    """Take note of a signal. Terminals and Slurm send it to the command as well, for which a second means: at once."""
    _asked.append(number)
    signal.setitimer(signal.ITIMER_REAL, patience)


def _pass_on(_number: int, _frame: FrameType | None) -> None:
    for child in _children:
        child.send_signal(_asked[0])


def _sleep(seconds: float) -> None:
    end = time.monotonic() + seconds
    while not _asked and time.monotonic() < end:
        time.sleep(min(0.2, seconds))


if __name__ == "__main__":
    sys.exit(main())
