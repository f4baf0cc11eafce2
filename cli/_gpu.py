"""Which GPU a run takes where several could be taken: the first that nobody else holds."""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

_POLL = 0.5
# Locks that this process holds, until it ends; the system frees them whatever ends it.
_held: list[int] = []


def claim(device: str, note: Callable[[str], None]) -> str:
    """The device to use for `auto` where there are several GPUs and CUDA_VISIBLE_DEVICES does not say which.

    A scheduler that hands out GPUs sets the variable, and it is honoured by PyTorch. Without it, processes that start
    side by side would all take the first; so each locks one, and waits where all are locked.
    """
    if device != "auto" or os.environ.get("CUDA_VISIBLE_DEVICES") is not None:
        return device
    from picpxct_nx.ptycho.device import gpus

    count = gpus()
    return f"cuda:{first_free(count, note)}" if count > 1 else device


def first_free(count: int, note: Callable[[str], None], folder: Path = Path("/tmp")) -> int:  # noqa: S108 - all users
    """The number of the first of `count` GPUs whose lock can be taken; waits until there is one."""
    told = False
    while True:
        for number in range(count):
            if _lock(folder / f"picpxct-gpu{number}.lock"):
                note(f"took GPU {number} of {count}")
                return number
        if not told:
            note(f"all {count} GPUs are taken by other runs; waiting for one, or name it with --device cuda:N")
            told = True
        time.sleep(_POLL)


def _lock(path: Path) -> bool:
    # Read access is enough for a lock, so that the file of another user serves as well.
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except PermissionError:  # a sticky folder may refuse O_CREAT on the file of another user
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return False
    _held.append(handle)
    return True
