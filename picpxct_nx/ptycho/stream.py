"""Arrays of all frames that do not fit on a GPU: they stay in the host's memory and come block by block.

While one block is worked on, the next one is on its way: two buffers on the device, a queue of copies of its own, and
pinned memory on the host, or the copies would not run beside the work.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class Stream:
    """A stack of one array a frame on the host, of which blocks are taken and put.

    Parameters
    ----------
    host : (n, ...) Tensor
        All of it; pinned where the device is a GPU.
    device : torch.device
        Where the blocks are wanted.
    """

    def __init__(self, host: Tensor, device: torch.device) -> None:
        self.host = host.pin_memory() if device.type == "cuda" else host
        self._device = device
        self._copies: Any = None
        if device.type == "cuda":
            self._copies = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._buffers: list[Tensor | None] = [None, None]
        self._turn = 0
        self._coming: tuple[slice, Any] | None = None

    @property
    def shape(self) -> torch.Size:
        """Shape of the whole stack."""
        return self.host.shape

    @property
    def dtype(self) -> torch.dtype:
        """Type of the numbers."""
        return self.host.dtype

    def numel(self) -> int:
        """How many numbers there are."""
        return self.host.numel()

    def __len__(self) -> int:
        return len(self.host)

    def __getitem__(self, key: slice | Sequence[int] | Tensor) -> Tensor:
        """A block on the device; one from a slice is valid until the one after the next is taken."""
        if not isinstance(key, slice):
            chosen = self.host[key if isinstance(key, Tensor) else list(key)]
            return chosen.to(self._device)
        if self._copies is None:
            return self.host[key].clone()
        now = torch.cuda.current_stream(self._device)
        coming = self._coming
        if coming is None or coming[0] != key:
            coming = self._bring(key, now)
        now.wait_event(coming[1])
        found = self._buffer(self._turn, key)
        self._turn = 1 - self._turn
        start = key.stop % len(self)
        self._bring(slice(start, min(start + key.stop - key.start, len(self))), now)
        return found

    def put(self, key: slice, block: Tensor) -> None:
        """Take a block back that was changed; the copy runs beside what follows."""
        if self._copies is None:
            self.host[key] = block
            return
        self._copies.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._copies):
            self.host[key].copy_(block, non_blocking=True)
        block.record_stream(self._copies)
        if self._coming is not None and self._coming[0] == key:
            # What is on its way was read before.
            self._coming = None

    def whole(self) -> Tensor:
        """All of it, with every block that was put."""
        if self._copies is not None:
            self._copies.synchronize()
        return self.host

    def fill(self, value: Tensor) -> None:
        """Make all of it anew."""
        self.whole().copy_(value)
        self._coming = None

    def _bring(self, key: slice, now: Any) -> tuple[slice, Any]:
        """Begin to copy a block to the buffer whose turn it is, once all work asked for so far is done with it."""
        self._copies.wait_stream(now)
        with torch.cuda.stream(self._copies):
            self._buffer(self._turn, key).copy_(self.host[key], non_blocking=True)
            event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record(self._copies)
        self._coming = (key, event)
        return self._coming

    def _buffer(self, turn: int, key: slice) -> Tensor:
        count = key.stop - key.start
        buffer = self._buffers[turn]
        if buffer is None or len(buffer) < count:
            buffer = torch.empty((count, *self.shape[1:]), dtype=self.dtype, device=self._device)
            self._buffers[turn] = buffer
        return buffer[:count]


Stack = Tensor | Stream


def put(stack: Stack, key: slice, block: Tensor) -> None:
    """Take a changed block back; nothing is done where it is a part of the stack itself."""
    if isinstance(stack, Stream):
        stack.put(key, block)
