"""What an experiment and a day of a fast source take on 1, 8 and 64 GPUs, from what one scan costs.

    python benchmarks/cluster.py [--scans 120] [--day 10000] [--start 10] [--read 2.6]

Nothing is run: the figures of a scan of 624 x 440 x 440 are those of docs/cost.md, and can be given. Blocks of scans
are jobs; a job starts a process, then takes its scans one after the other. What follows the reconstructions is one
job after the other, whatever the number of GPUs.
"""

import argparse
import math
from dataclasses import dataclass

FRAMES, BYTES_PX, SIDE = 624, 2, 440
GPUS = (1, 8, 64)
# Seconds of the solver for a scan on an H200, by recipe.
SOLVE = {"default": 0.30, "paper": 9.2}


@dataclass(frozen=True)
class Scan:
    """Seconds that a scan takes on one GPU and one core, besides the solver, and those of a job's start."""

    start: float
    opened: float
    read: float
    load: float
    write: float

    def seconds(self, recipe: str) -> float:
        """Seconds of one scan."""
        return self.opened + self.read + self.load + self.write + SOLVE[recipe]


def makespan(scans: int, gpus: int, scan: Scan, recipe: str) -> tuple[int, float]:
    """Scans a block, and seconds until all blocks are done, for the block that is fastest."""
    best = (1, math.inf)
    for block in range(1, scans + 1):
        rounds = math.ceil(math.ceil(scans / block) / gpus)
        seconds = rounds * (scan.start + block * scan.seconds(recipe))
        best = min(best, (block, seconds), key=lambda pair: pair[1])
    return best


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--scans", type=int, default=120, help="of an experiment")
    parser.add_argument("--day", type=int, default=10000, help="scans a day")
    parser.add_argument("--start", type=float, default=10.0, help="seconds until a process computes (assumed)")
    parser.add_argument("--open", type=float, default=0.4, help="ms a frame to open and validate")
    parser.add_argument("--read", type=float, default=2.6, help="ms a frame to read and decompress")
    parser.add_argument("--load", type=float, default=0.25, help="seconds a scan onto the GPU")
    parser.add_argument("--write", type=float, default=0.28, help="seconds to write a reconstruction")
    parser.add_argument("--tail", type=float, default=128.0, help="seconds of stack to grainmap from file to file")
    given = parser.parse_args()
    scan = Scan(given.start, given.open * FRAMES / 1e3, given.read * FRAMES / 1e3, given.load, given.write)
    size = given.scans * FRAMES * SIDE**2 * BYTES_PX
    print(
        f"{given.scans} scans are {size / 1e9:.0f} GB, {given.day} are {size * given.day / given.scans / 1e12:.1f} TB"
    )
    for recipe in SOLVE:
        print(f"{recipe}: {scan.seconds(recipe):.2f} s a scan, of which the solver {SOLVE[recipe]:.2f}")
        for gpus in GPUS:
            block, seconds = makespan(given.scans, gpus, scan, recipe)
            each = scan.seconds(recipe) + scan.start / block
            print(
                f"  {gpus:2d} GPUs: {seconds:6.0f} s in blocks of {block}, then {given.tail:.0f} s; "
                f"{100 * given.day * each / gpus / 86400:5.1f} % of a day"
            )


if __name__ == "__main__":
    main()
