"""Foreign file formats, one file each: which there are, which one a file is in, and reading it."""

from picpxct_nx.formats.assemble import ImportOptions, assemble
from picpxct_nx.formats.foreign import ForeignScan, PositionAxes, parse_axes
from picpxct_nx.formats.foreign_images import ForeignReconstruction
from picpxct_nx.formats.form import Format
from picpxct_nx.formats.registry import AUTO, FORMATS, detect, read, read_any
from picpxct_nx.formats.selection import parse_map

__all__ = [
    "AUTO",
    "FORMATS",
    "ForeignReconstruction",
    "ForeignScan",
    "Format",
    "ImportOptions",
    "PositionAxes",
    "assemble",
    "detect",
    "parse_axes",
    "parse_map",
    "read",
    "read_any",
]
