"""Which device a reconstruction runs on, and with how many threads."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from picpxct_nx.errors import UnavailableError, UsageError


def choose(name: str) -> torch.device:
    """Device of a name; "auto" is the first GPU, or the CPU where there is none.

    Parameters
    ----------
    name : str
        "auto", "cpu", "cpu:N" with N threads, "cuda" or "cuda:N".

    Returns
    -------
    torch.device

    Raises
    ------
    UsageError
        The name is none of these.
    UnavailableError
        A GPU is asked for and not there.
    """
    if name == "cpu" or threads_of(name) or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if name == "auto":
        return torch.device("cuda:0")
    kind, _, number = name.partition(":")
    if kind != "cuda" or (name != "cuda" and not (number.isascii() and number.isdigit())):
        raise UsageError(f"device '{name}': unknown; wanted auto, cpu, cpu:N with N threads, cuda or cuda:N; use auto")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = int(number or 0)
    if index >= count:
        raise UnavailableError(
            f"device '{name}': PyTorch {torch.__version__} sees {count} CUDA device(s); wanted number {index}; use "
            "device cpu or auto, or install a CUDA build of PyTorch and check nvidia-smi"
        )
    return torch.device("cuda", index)


def gpus() -> int:
    """How many GPUs PyTorch sees; no context is made on any."""
    return torch.cuda.device_count()


def named(name: str) -> str:
    """Name of the device that a name means, "auto" resolved and the number of threads kept.

    Raises
    ------
    UsageError, UnavailableError
        As for `choose`.
    """
    found = str(choose(name))
    return f"{found}:{threads_of(name)}" if threads_of(name) else found


def threads_of(name: str) -> int:
    """Threads that a name such as "cpu:4" asks for; 0 where it leaves them open."""
    kind, _, number = name.partition(":")
    return int(number) if kind == "cpu" and number.isascii() and number.isdigit() else 0


@contextmanager
def threads(name: str) -> Iterator[None]:
    """As many threads as a device's name asks for, while the block runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads_of(name) or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
