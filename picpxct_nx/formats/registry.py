"""The foreign formats that there are, which of them a file is in, and reading it; a format is a file in this folder."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from picpxct_nx.errors import InputError, MissingInputError, UsageError
from picpxct_nx.formats import arrays, csaxs, cxi, dectris, nxcxi, packed, ptychodus, ptyd, ptyr, shelves, xdi
from picpxct_nx.formats.foreign import ForeignScan, parse_axes
from picpxct_nx.formats.form import Foreign, Format, Source, Start, Written
from picpxct_nx.formats.linked import linked
from picpxct_nx.formats.map_file import is_map_file, read_map_file
from picpxct_nx.formats.mapped import HDF5_SIGNATURE
from picpxct_nx.formats.selection import parse_map

AUTO = "auto"

# What is read, in the order in which a file is tried; the first that knows it as its own reads it.
FORMATS: tuple[Format, ...] = (
    csaxs.FORMAT,
    dectris.FORMAT,
    nxcxi.FORMAT,
    cxi.FORMAT,
    ptyd.FORMAT,
    ptyr.FORMAT,
    ptychodus.FORMAT,
    shelves.PREPARED,
    shelves.RECONS,
    xdi.FORMAT,
    arrays.NUMPY,
    arrays.HDF5,
)


def written() -> tuple[Written, ...]:
    """What is written, by name; a format that is also read has the same name in both."""
    from picpxct_nx.formats import exports  # makes pictures and spectra, which who reads does not need

    return tuple(Written(each.name, each.about, each.lacks) for each in exports.EXPORTS)


def facts() -> list[dict[str, object]]:
    """What `picpxct formats` tells of each format: name, direction, what it is, and what it cannot carry."""
    rows: list[dict[str, object]] = [
        {"format": each.name, "direction": "import", "makes": each.holds, "about": each.about, "lacks": each.lacks}
        for each in FORMATS
    ]
    return rows + [
        {"format": each.name, "direction": "export", "about": each.about, "lacks": each.lacks} for each in written()
    ]


def find(name: str) -> Format:
    """The format of a name.

    Raises
    ------
    UsageError
        There is none.
    """
    for known in FORMATS:
        if known.name == name:
            return known
    raise UsageError(f"--format '{name}' is unknown; use {', '.join([AUTO, *(each.name for each in FORMATS)])}")


def detect(path: Path) -> str:
    """Name of the format of a file, by its content.

    Raises
    ------
    MissingInputError
        The file is not there or may not be read.
    InputError
        The file is in none of the formats, or is one of ours already.
    """
    with ExitStack() as stack:
        first = b"" if path.is_dir() else packed.first_bytes(path)
        file = None
        if first == HDF5_SIGNATURE:
            with path.open("rb") as handle:
                if handle.read(8) != HDF5_SIGNATURE:
                    raise InputError(f"{path.name}: is a packed HDF5 file; unpack it first")
            file = stack.enter_context(linked(path))
            root = file.find("/")
            if root is not None and "NX_class" in root.attrs and root.attrs.get("creator") == "picpxct_nx":
                raise InputError(f"{path.name}: is a NeXus file of ours already; it needs no import")
        start = Start(path, first, file)
        for known in FORMATS:
            if known.detect(start):
                return known.name
    names = ", ".join(known.name for known in FORMATS)
    if path.is_dir():
        raise MissingInputError(f"{path}: is a folder, and not that of a scan (S00123); name a file, or add --manifest")
    if path.suffix.lower() in (".csv", ".toml"):
        raise InputError(f"{path.name}: is a table; a manifest goes with its folder: import DIR --manifest {path.name}")
    raise InputError(f"{path.name}: starts with {first!r}, which is none of {names}; convert it to one of them")


@contextmanager
def read_any(source: Source, file_format: str = AUTO) -> Iterator[Foreign]:
    """The scan or reconstruction that a foreign file holds; its arrays can be read while the context lasts.

    Parameters
    ----------
    source : Source
        The file, and what the user said of it.
    file_format : str
        `auto` or the name of a format.

    Raises
    ------
    UsageError
        The format is unknown, or map or axes are wrong or needed.
    MissingInputError, InputError
        The file is not there, refused, or holds neither.
    """
    known = find(detect(source.path) if file_format == AUTO else file_format)
    with known.read(source) as foreign:
        yield foreign


def known_as(foreign: Foreign) -> str:
    """What a foreign product is called."""
    return next(each.holds for each in FORMATS if each.name == foreign.format)


def source_of(path: Path, keys: str | None = None, axes: str | None = None) -> Source:
    """A file and what --map (keys, or the name of a map file) and --axes say of it.

    Raises
    ------
    UsageError, InputError, MissingInputError
        They say it wrongly, or the map file is none.
    """
    found = (
        read_map_file(Path(str(keys)), axes) if is_map_file(keys) else Source(path, parse_map(keys), parse_axes(axes))
    )
    mask = found.keys.get("mask", (None,))[0]
    if mask is None or mask.file is None:
        return replace(found, path=path)
    own = {role: key for role, key in found.keys.items() if role != "mask"}
    return replace(found, path=path, keys=own, mask=mask)


@contextmanager
def read(
    path: Path, file_format: str = AUTO, *, keys: str | None = None, axes: str | None = None
) -> Iterator[ForeignScan]:
    """As `read_any`, for files that hold a scan; `keys` and `axes` are the texts of --map and --axes.

    Raises
    ------
    InputError
        The file holds a reconstruction.
    """
    with read_any(source_of(path, keys, axes), file_format) as foreign:
        if not isinstance(foreign, ForeignScan):
            what = known_as(foreign)
            raise InputError(f"{path.name}: holds a {what}, not a raw scan; name the file with the frames")
        yield foreign
