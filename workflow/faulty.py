"""A picpxct that goes wrong on demand, once: for the tests of the workflow and its proof on a real scheduler.

    python faulty.py PLAN COMMAND [WORDS...]

PLAN is a folder; an empty file COMMAND.FAULT in it asks for one fault, and the first run of that command takes it away.
Faults: `kill` and `term` (the signal to the process that writes, while its file is half written), `killall` (kill -9 to
the whole process group, the workflow too), `full` (files may not grow: what a full disk does), `filled` (the disk is
filled, for everybody on it: give it one of its own), `vanish` (the input is taken away, to NAME.gone), `exit70` and
`exit75` (the command ends so). Everything else is the real command.
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

FAULTS = ("kill", "killall", "term", "full", "filled", "vanish", "exit70", "exit75")
# Less than any file of ours, more than a line of a log.
ROOM = 600
REAL = [sys.executable, "-m", "picpxct_nx.cli"]


def main(plan: Path, words: list[str]) -> None:
    """Become the real command, or its fault."""
    fault = taken(plan, words[0])
    if fault.startswith("exit"):
        print(f"faulty: {words[0]} was told to end so", file=sys.stderr)
        sys.exit(int(fault.removeprefix("exit")))
    if fault == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM))
    if fault == "filled":
        sys.exit(crowded(words))
    if fault == "vanish":
        source = next(Path(word) for word in words[1:] if Path(word).is_file())
        source.rename(f"{source}.gone")
    if fault in ("kill", "killall", "term"):
        sys.exit(struck(words, fault))
    os.execv(REAL[0], [*REAL, *words])


def taken(plan: Path, command: str) -> str:
    """The fault that is planned for a command, which no other run will get."""
    for fault in FAULTS:
        try:
            (plan / f"{command}.{fault}").unlink()
        except FileNotFoundError:
            continue
        return fault
    return ""


def struck(words: list[str], fault: str) -> int:
    """Exit code of the real command after a signal that hits it while it writes."""
    child = subprocess.Popen([*REAL, *words])
    folder = Path(words[words.index("-o") + 1]) if "-o" in words else None
    while child.poll() is None and folder is not None and not parts(folder):
        time.sleep(0.001)
    if fault == "killall":
        os.killpg(0, signal.SIGKILL)
    child.send_signal(signal.SIGTERM if fault == "term" else signal.SIGKILL)
    code = child.wait()
    return 128 - code if code < 0 else code


def crowded(words: list[str]) -> int:
    """Exit code of the real command on a disk without room."""
    filler = Path(".filler")
    try:
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(".").free)
            while True:
                file.write(b"0" * ROOM)
        return subprocess.run([*REAL, *words], check=False).returncode
    finally:
        filler.unlink()


def parts(target: Path) -> bool:
    """Whether something is half written at the target."""
    return any(target.glob(".*.part")) or any(target.parent.glob(f".{target.name}.*.part"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
