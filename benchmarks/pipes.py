"""Measure what a pipe costs: a 200 MB scan through a pipe against through a file, peak memory, and the start of help.

Run `python benchmarks/pipes.py [MB] [rounds]`. Producer and consumer are two processes. The producer reads a scan and
delivers it as every command does (write, check, hand on); the consumer takes entries as every command does (spool,
check, read) and reads every frame. Times are wall seconds, medians; a ratio of pipe to file of at most 2 is promised.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PRODUCE = """
import sys
from picpxct_nx.cli._input import read_entries
from picpxct_nx.cli._output import Delivery, deliver
output = sys.argv[2] if len(sys.argv) > 2 else None
deliver((record for record, _ in read_entries([sys.argv[1]])), Delivery(output=output, overwrite=True, quiet=True))
"""
CONSUME = """
import sys
from picpxct_nx.cli._input import read_entries
print(sum(int(block[-1, -1, -1]) for record, _ in read_entries(sys.argv[1:]) for block in
          (record.frames[i:i + 32] for i in range(0, len(record.frames), 32))))
"""
MEASURED = (
    "import os, resource, sys; sys.argv = sys.argv[1:]; exec(sys.argv[0]); sys.stdout.flush(); "
    "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)"
)


def _python(code: str, *words: str | Path) -> list[str]:
    return [sys.executable, "-c", MEASURED, code, *map(str, words)]


def _make_scan(target: Path, megabytes: float) -> None:
    """A scan of that size with frames of noise, uncompressed, as it comes down a pipe."""
    import dataclasses

    import numpy as np

    from picpxct_nx.nexus.writing import write_to
    from picpxct_nx.simulate.configure import configure
    from picpxct_nx.simulate.experiment import simulate_scan
    from picpxct_nx.simulate.record import make_scan

    size = 512
    count = max(1, round(megabytes * 1e6 / (2 * size * size)))
    settings = (f"frame_size={size}", "n_positions=1", "supersampling=1")
    scan = make_scan(simulate_scan(configure("tutorial", settings), 5460.0, 0.0), {})
    frames = np.random.default_rng(0).poisson(3.0, (count, size, size)).astype(np.uint16)
    still = np.zeros(count)
    scan = dataclasses.replace(
        scan, frames=frames, frame=np.arange(count), monitor=np.ones(count), stage_x=still, stage_y=still
    )
    write_to(target, [scan], compression="none")


def _run(line: list[list[str]], env: dict[str, str]) -> tuple[float, list[int]]:
    """Seconds of a pipe of processes, and the peak memory of each in MB."""
    start = time.perf_counter()
    running: list[subprocess.Popen[bytes]] = []
    for number, words in enumerate(line):
        last = number == len(line) - 1
        source = running[-1].stdout if running else subprocess.DEVNULL
        sink = subprocess.DEVNULL if last else subprocess.PIPE
        running.append(subprocess.Popen(words, stdin=source, stdout=sink, stderr=subprocess.PIPE, env=env))
        if number:
            before = running[-2].stdout
            assert before is not None
            before.close()
    peaks = []
    for process in running:
        assert process.stderr is not None
        said = process.stderr.read().decode()
        if process.wait():
            raise SystemExit(said)
        peaks.append(int(said.split()[-1]))
    return time.perf_counter() - start, peaks


def _case(name: str, lines: list[list[list[str]]], rounds: int, env: dict[str, str]) -> float:
    """Median seconds of some pipes run one after the other, printed with their memory."""
    times, peaks = [], []
    for _ in range(rounds):
        parts = [_run(line, env) for line in lines]
        times.append(sum(seconds for seconds, _ in parts))
        peaks = [peak for _, each in parts for peak in each]
    middle = statistics.median(times)
    print(f"  {name:<44}{middle:7.2f} s   {min(times):.2f} to {max(times):.2f}   peak {peaks} MB")
    return middle


def _start(rounds: int) -> None:
    """Cold starts as multiples of `python -c pass`."""
    cases = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "picpxct --help": [sys.executable, "-m", "picpxct_nx.cli", "--help"],
        "picpxct reconstruct --help": [sys.executable, "-m", "picpxct_nx.cli", "reconstruct", "--help"],
        "picpxct --version": [sys.executable, "-m", "picpxct_nx.cli", "--version"],
    }
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, words in cases.items():
            before = os.times()
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
            after = os.times()
            spent = after.children_user + after.children_system - before.children_user - before.children_system
            times[name].append(spent)
    unit = statistics.median(times["python -c pass"])
    print("start, CPU time as a multiple of `python -c pass`:")
    for name, values in times.items():
        print(f"  {name:<44}{statistics.median(values) / unit:7.1f}")


def main() -> None:
    """Print the table."""
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 200.0
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory(prefix="picpxct-bench-") as name:
        scan, copy = Path(name) / "scan.nxs", Path(name) / "copy.nxs"
        # In a process of its own: peak memory is inherited by what is started later.
        subprocess.run([sys.executable, __file__, "--make", scan, str(megabytes)], check=True)
        print(f"a scan of {scan.stat().st_size / 1e6:.0f} MB, {rounds} rounds, median, least to most:")
        plain = PRODUCE.replace("from picpxct_nx.cli._output", "import picpxct_nx.nexus.writing as w\n"
            "w._filters = lambda _: {}\nfrom picpxct_nx.cli._output")  # fmt: skip
        file = _case("write a file as pipes are, read it", [[_python(plain, scan, copy)], [_python(CONSUME, copy)]],
                     rounds, env)  # fmt: skip
        packed = _case("write a file as files are (gzip), read it",
                       [[_python(PRODUCE, scan, copy)], [_python(CONSUME, copy)]], rounds, env)  # fmt: skip
        pipe = _case("through a pipe", [[_python(PRODUCE, scan), _python(CONSUME, "-")]], rounds, env)
        small = env | {"TMPDIR": name}
        code = "from picpxct_nx.cli import _input; _input.SPOOL_BYTES = 2**20\n"
        _case("through a pipe, spooled in TMPDIR", [[_python(code + PRODUCE, scan), _python(code + CONSUME, "-")]],
              rounds, small)  # fmt: skip
        _case("read the file in place", [[_python(CONSUME, scan)]], rounds, env)
        print(f"pipe / file: {pipe / file:.2f} (uncompressed), {pipe / packed:.2f} (gzip); wanted at most 2")
    _start(max(rounds, 7))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        _make_scan(Path(sys.argv[2]), float(sys.argv[3]))
    else:
        main()
