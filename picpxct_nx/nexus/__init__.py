"""NeXus files: the door to h5py for everything that reads and writes our entries."""

from picpxct_nx.nexus.inputs import present_inputs
from picpxct_nx.nexus.opening import open_hdf5, open_valid, raise_if_invalid
from picpxct_nx.nexus.reading import entries, read
from picpxct_nx.nexus.selection import Selection, energy_of, polarisation_of, select, split
from picpxct_nx.nexus.writing import Compression, InvalidWriteError, check_written, write, write_to

__all__ = [
    "Compression",
    "InvalidWriteError",
    "Selection",
    "check_written",
    "energy_of",
    "entries",
    "open_hdf5",
    "open_valid",
    "polarisation_of",
    "present_inputs",
    "raise_if_invalid",
    "read",
    "select",
    "split",
    "write",
    "write_to",
]
