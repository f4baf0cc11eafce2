"""NeXus files: the door to h5py for everything that reads and writes our entries."""

from picpxct_nx.nexus.opening import open_hdf5, open_valid, raise_if_invalid
from picpxct_nx.nexus.reading import entries, read
from picpxct_nx.nexus.writing import Compression, check_written, write, write_to

__all__ = [
    "Compression",
    "check_written",
    "entries",
    "open_hdf5",
    "open_valid",
    "raise_if_invalid",
    "read",
    "write",
    "write_to",
]
