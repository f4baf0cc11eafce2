"""Foreign file formats, one file each: which there are, which one a file is in, and reading it as a `ForeignScan`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.formats import packed
from picpxct_nx.formats.assemble import ImportOptions, assemble
from picpxct_nx.formats.cxi import is_cxi, read_cxi
from picpxct_nx.formats.foreign import ForeignScan, PositionAxes, parse_axes
from picpxct_nx.formats.mapped import HDF5_SIGNATURE, read_mapped, safe_hdf5
from picpxct_nx.formats.selection import parse_map

AUTO = "auto"


@dataclass(frozen=True)
class Format:
    """A foreign format: what its files hold, and what they cannot carry, so that the user must state it."""

    name: str
    about: str
    lacks: tuple[str, ...]


_ALWAYS = ("stokes", "rotation", "count_time", "energy_offset", "zone plate and defocus")
FORMATS: tuple[Format, ...] = (
    Format("cxi", "Coherent X-ray Imaging files, version 1.6 (HDF5), as written by beamlines and programs", _ALWAYS),
    Format("numpy", ".npy and .npz, also .bz2 or .gz around them; needs --map and --axes", ("all metadata", *_ALWAYS)),
    Format("hdf5", "any other HDF5 file; needs --map and --axes", ("all metadata", *_ALWAYS)),
)


def detect(path: Path) -> str:
    """Name of the format of a file, by its content.

    Raises
    ------
    MissingInputError
        The file is not there or may not be read.
    InputError
        The file is in none of the formats, or is one of ours already.
    """
    start = packed.first_bytes(path)
    if start.startswith((packed.NPY, packed.ZIP)):
        return "numpy"
    if start != HDF5_SIGNATURE:
        names = ", ".join(known.name for known in FORMATS)
        raise InputError(f"{path.name}: starts with {start!r}, which is none of {names}; convert it to one of them")
    with path.open("rb") as handle:
        if handle.read(8) != HDF5_SIGNATURE:
            raise InputError(f"{path.name}: is a packed HDF5 file; unpack it first")
    with safe_hdf5(path) as file:
        if is_cxi(file):
            return "cxi"
        if "NX_class" in file.attrs and file.attrs.get("creator") == "picpxct_nx":
            raise InputError(f"{path.name}: is a NeXus file of ours already; it needs no import")
    return "hdf5"


@contextmanager
def read(
    path: Path, file_format: str = AUTO, *, keys: str | None = None, axes: str | None = None
) -> Iterator[ForeignScan]:
    """The scan that a foreign file holds; its frames can be read while the context lasts.

    Parameters
    ----------
    path : Path
        The file.
    file_format : str
        `auto` or the name of a format.
    keys : str, optional
        --map: `data=KEY,positions=KEY,probe=KEY,mask=KEY,monitor=KEY`.
    axes : str, optional
        --axes: what the positions are, see `parse_axes`.

    Raises
    ------
    UsageError
        The format is unknown, or map or axes are wrong or needed.
    MissingInputError, InputError
        The file is not there, refused, or does not hold a scan.
    """
    found, places = parse_axes(axes), parse_map(keys)
    name = detect(path) if file_format == AUTO else file_format
    if name == "cxi":
        with read_cxi(path, places, found) as foreign:
            yield foreign
    elif name in ("numpy", "hdf5"):
        with read_mapped(path, name, places, found) as foreign:
            yield foreign
    else:
        known = ", ".join([AUTO, *(each.name for each in FORMATS)])
        raise UsageError(f"--format '{file_format}' is unknown; use {known}")


__all__ = [
    "AUTO",
    "FORMATS",
    "ForeignScan",
    "Format",
    "ImportOptions",
    "PositionAxes",
    "assemble",
    "detect",
    "parse_axes",
    "parse_map",
    "read",
]
