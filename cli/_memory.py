"""Memory that is freed goes back to the system, where a command holds large arrays for a while."""

import ctypes

# mallopt's number of the size from which an allocation is pages of its own (malloc.h).
_MMAP_THRESHOLD, _BYTES = -3, 128 * 1024


def give_back() -> None:
    """Keep glibc from raising that size: it does when a large array is freed, and later ones then stay in its heap."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other libraries have none, and no need of it
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _BYTES)
