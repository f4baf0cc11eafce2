"""NeXus files: the door to h5py for everything that reads and writes our entries."""

from picpxct_nx.nexus.inputs import find_entries, find_files, present_inputs
from picpxct_nx.nexus.opening import open_hdf5, open_valid, raise_if_invalid
from picpxct_nx.nexus.reading import entries, read
from picpxct_nx.nexus.selection import Selection, energy_of, polarisation_of, select, split
from picpxct_nx.nexus.texts import definition_version, holds, texts
from picpxct_nx.nexus.writing import Compression, InvalidWriteError, check_written, write, write_to

__all__ = [
    "Compression",
    "InvalidWriteError",
    "Selection",
    "check_written",
    "definition_version",
    "energy_of",
    "entries",
    "find_entries",
    "find_files",
    "holds",
    "open_hdf5",
    "open_valid",
    "polarisation_of",
    "present_inputs",
    "raise_if_invalid",
    "read",
    "select",
    "split",
    "texts",
    "write",
    "write_to",
]
