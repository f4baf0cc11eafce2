"""Work on several large files at a time, each in a process of its own, in the order in which they are given."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import active_children, get_context
from typing import TypeVar

T = TypeVar("T")
# A process of its own is worth its start from this many bytes on.
WORTH_BYTES = 200 * 2**20

# Bytes of the files that are done, and of all.
Report = Callable[[int, int], None]


def each(tasks: Sequence[Callable[[], T]], sizes: Sequence[int], workers: int, report: Report) -> list[T]:
    """What every task gives; tasks must be picklable, `functools.partial` of functions for example.

    Parameters
    ----------
    tasks : sequence of callable
    sizes : sequence of int
        Bytes that each works on.
    workers : int
        Tasks at a time.
    report : callable
        Told of the bytes done and of those in all.
    """
    total, done = sum(sizes), 0
    if workers < 2 or len(tasks) < 2 or total < WORTH_BYTES:
        found = []
        for task, size in zip(tasks, sizes, strict=True):
            found.append(task())
            done += size
            report(done, total)
        return found
    # Fresh processes: HDF5 has one lock in each, and does not survive a fork.
    with ProcessPoolExecutor(min(workers, len(tasks)), mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(task): size for task, size in zip(tasks, sizes, strict=True)}
        try:
            for future in as_completed(futures):
                done += futures[future]
                report(done, total)
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            # Who is asked to end must not wait for what they read.
            for child in active_children():
                child.terminate()
                child.join()
            raise
