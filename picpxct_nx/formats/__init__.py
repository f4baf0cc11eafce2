"""Foreign file formats, one file each: which there are, which one a file is in, and reading it."""

from picpxct_nx.formats.assemble import ImportOptions, assemble
from picpxct_nx.formats.assemble_images import assemble_images
from picpxct_nx.formats.batch import Job, Table, imported, jobs
from picpxct_nx.formats.foreign import ForeignScan, PositionAxes, parse_axes
from picpxct_nx.formats.foreign_images import ForeignReconstruction
from picpxct_nx.formats.form import Format
from picpxct_nx.formats.registry import AUTO, FORMATS, detect, read, read_any, source_of
from picpxct_nx.formats.selection import parse_map
from picpxct_nx.formats.spectrum import ForeignSpectrum, assemble_spectrum

__all__ = [
    "AUTO",
    "FORMATS",
    "ForeignReconstruction",
    "ForeignScan",
    "ForeignSpectrum",
    "Format",
    "ImportOptions",
    "Job",
    "PositionAxes",
    "Table",
    "assemble",
    "assemble_images",
    "assemble_spectrum",
    "detect",
    "imported",
    "jobs",
    "parse_axes",
    "parse_map",
    "read",
    "read_any",
    "source_of",
]
