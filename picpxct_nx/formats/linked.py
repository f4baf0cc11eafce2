"""HDF5 files over several files: links are looked at before they are followed, and lead no further than the folder.

Detectors write a master file with external links to files of frames beside it; others put a virtual dataset over them.
HDF5 itself would open whatever such a link names. Here each link is resolved by hand, every file is surveyed before
anything in it is read, and a name that leads out of the folder of the first file is refused.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from picpxct_nx.errors import InputError
from picpxct_nx.nexus import open_hdf5
from picpxct_nx.validation import survey
from picpxct_nx.validation.storage import refuse_dataset
from picpxct_nx.values import Array, ArraySource

# Steps of one path, links followed included; more would be a cycle.
MAX_STEPS = 64
# Virtual datasets over virtual datasets: two are seen at beamlines.
MAX_DEPTH = 4
# What may stand in a file as long as nobody reads it: `Linked.find` looks again at what is read.
_LATER = frozenset({"LINK_EXTERNAL", "LINK_DANGLING", "STORAGE_VIRTUAL", "TYPE_REFUSED", "TEXT_ENCODING"})


@dataclass
class Linked:
    """An open HDF5 file and the files beside it that its links name, each opened when it is needed."""

    path: Path
    stack: ExitStack
    files: dict[Path, h5py.File] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder that no link may leave."""
        return self.path.resolve().parent

    @property
    def used(self) -> tuple[Path, ...]:
        """Every file that was opened, the first one first."""
        return tuple(self.files)

    def find(self, path: str, start: Path | None = None) -> h5py.Group | h5py.Dataset | None:
        """What is at a path of the first file, or of the file `start`, links resolved; None where nothing is.

        Raises
        ------
        InputError
            A link leads out of the folder or to a file that is not there, or what is there is refused.
        """
        place: Any = self._open(start or self.path)["/"]
        steps = _parts(path)
        for _ in range(MAX_STEPS):
            if not steps:
                return self._checked(place)
            name = steps.pop(0)
            if not isinstance(place, h5py.Group) or not place.id.links.exists(name.encode()):
                return None
            link = place.get(name, getlink=True)
            if isinstance(link, h5py.SoftLink):
                steps = _parts(link.path) + steps
                place = place.file["/"] if link.path.startswith("/") else place
            elif isinstance(link, h5py.ExternalLink):
                steps = _parts(link.path) + steps
                where = f"{place.name.rstrip('/')}/{name}"
                place = self._open(self.beside(link.filename, where, Path(place.file.filename)))["/"]
            else:
                place = place[name]
        raise InputError(f"{self.path.name}: {path}: a chain of links that does not end; remove it")

    def beside(self, name: str, where: str, source: Path) -> Path:
        """The file that a link at `where` in the file `source` names, which must be in the folder.

        Raises
        ------
        InputError
            It leads out of the folder, or is not there.
        """
        target = (source.resolve().parent / name).resolve()
        moved = self.folder / Path(name).name
        if Path(name).is_absolute() and not target.exists() and moved.exists():
            # The folder was moved since the link was made; HDF5 itself looks beside the file then.
            target = moved.resolve()
        if not target.is_relative_to(self.folder):
            raise InputError(
                f"{self.path.name}: {where}: a link to {name}, outside the folder of the file; nothing is read there: "
                "copy it beside the file"
            )
        if not target.is_file():
            raise InputError(f"{self.path.name}: {where}: a link to {name}, which is not there; copy it there")
        return target

    def dataset(self, path: str) -> h5py.Dataset | None:
        """The dataset at a path; None where there is none."""
        item = self.find(path)
        return item if isinstance(item, h5py.Dataset) else None

    def names(self, path: str) -> list[str]:
        """Names in a group, sorted; none where there is no group."""
        group = self.find(path)
        return sorted(_utf8_names(group)) if isinstance(group, h5py.Group) else []

    def frames(self, path: str, start: Path | None = None, depth: int = 0) -> ArraySource | None:
        """Frames (n, h, w) of a dataset, unread, also where it is a virtual one; None where there is none.

        Raises
        ------
        InputError
            As `find`, and where a virtual dataset is not made of whole frames, or of itself.
        """
        item = self.find(path, start)
        if not isinstance(item, h5py.Dataset):
            return None
        if not _is_virtual(item):
            plain: ArraySource = item
            return plain
        if depth > MAX_DEPTH:
            raise InputError(
                f"{self.path.name}: {path}: virtual datasets of virtual datasets without end; flatten them"
            )
        here = Path(item.file.filename)
        found: list[ArraySource] = []
        for piece in _pieces(item):
            there = here if piece.file_name == "." else self.beside(piece.file_name, path, here)
            inner = self.frames(piece.dset_name, there, depth + 1)
            if inner is None or not _is_whole(piece, tuple(inner.shape)):
                raise InputError(
                    f"{self.path.name}: {path}: a virtual dataset that is not made of whole frames of other files; "
                    "write it as a plain dataset, for example with h5repack"
                )
            found.append(inner)
        return joined(found, f"{self.path.name}: {path}")

    def _open(self, path: Path) -> h5py.File:
        path = path.resolve()
        if path not in self.files:
            file = self.stack.enter_context(open_hdf5(path, path.name))
            refused = sorted(fault for fault in survey(file) if fault.code not in _LATER)
            if refused:
                raise InputError(f"{path.name}: {refused[0].path}: {refused[0].message} [{refused[0].code}]")
            self.files[path] = file
        return self.files[path]

    def _checked(self, item: Any) -> Any:
        if isinstance(item, h5py.Dataset):
            faults, _ = refuse_dataset(item.id, str(item.name), item.file.id.get_filesize())
            refused = [fault for fault in faults if fault.code != "STORAGE_VIRTUAL"]
            if refused:
                raise InputError(f"{self.path.name}: {item.name}: {refused[0].message} [{refused[0].code}]")
            if not faults:
                load_filters(item)
        return item


@contextmanager
def linked(path: Path) -> Iterator[Linked]:
    """A file whose links lead to files beside it, closed at the end with all of them.

    Raises
    ------
    MissingInputError, InputError
        As `open_hdf5`, and InputError where a survey refuses the file.
    """
    with ExitStack() as stack:
        found = Linked(path, stack)
        found.find("/")
        yield found


def load_filters(item: h5py.Dataset) -> None:
    """Load the filters that reading a dataset needs, where HDF5 does not have them itself."""
    plist = item.id.get_create_plist()
    if any(plist.get_filter(i)[0] >= 32000 for i in range(plist.get_nfilters())):
        import hdf5plugin  # noqa: F401  # importing it registers the filters


def _utf8_names(group: h5py.Group) -> Iterator[str]:
    """Names in a group; what is not UTF-8 has no name that anybody could ask for."""
    for raw in group.id:
        with suppress(UnicodeDecodeError):
            yield raw.decode()


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _is_virtual(item: h5py.Dataset) -> bool:
    return bool(item.id.get_create_plist().get_layout() == h5py.h5d.VIRTUAL)


def _pieces(item: h5py.Dataset) -> list[Any]:
    """Pieces of a virtual dataset in the order of their frames; those that grow without limit come first."""
    return sorted(item.virtual_sources(), key=lambda piece: (_bounds(piece) or ((-1,), ()))[0])


def _bounds(piece: Any) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """First and last index of where a piece stands; None where it has no end."""
    try:
        start, stop = piece.vspace.get_select_bounds()
    except (ValueError, RuntimeError):
        return None
    return tuple(start), tuple(stop)


def _is_whole(piece: Any, shape: tuple[int, ...]) -> bool:
    """Whether a piece of a virtual dataset is all of its source, in one run of frames."""
    bounds = _bounds(piece)
    if bounds is None:
        return False
    start, stop = bounds
    count = int(piece.vspace.get_select_npoints())
    run = int(np.prod([b - a + 1 for a, b in zip(start, stop, strict=True)]))
    return count == run == int(np.prod(shape)) and start[1:] == (0,) * (len(start) - 1)


@dataclass(frozen=True)
class Joined:
    """Frames of several arrays, one after the other; each is read when it is sliced."""

    parts: tuple[ArraySource, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Frames of all, rows, columns."""
        return (sum(part.shape[0] for part in self.parts), *self.parts[0].shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the counts."""
        return np.dtype(self.parts[0].dtype)

    def __getitem__(self, key: Any, /) -> Array:
        """Frames, or a part of them, in memory; the first item of the key is a whole number or a forward slice."""
        first, *rest = key if isinstance(key, tuple) else (key,)
        if isinstance(first, int | np.integer):
            return np.asarray(self[(slice(int(first), int(first) + 1 or None), *rest)][0])
        rows = range(*first.indices(self.shape[0])) if isinstance(first, slice) else range(self.shape[0])
        pieces, offset = [], 0
        for part in self.parts:
            inside = [row - offset for row in (_first_in(rows, offset), _last_in(rows, offset + part.shape[0]))]
            if inside[0] <= inside[1]:
                pieces.append(np.asarray(part[(slice(inside[0], inside[1] + 1, rows.step), *rest)]))
            offset += part.shape[0]
        if not pieces:
            return np.asarray(self.parts[0][(slice(0, 0), *rest)])
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _first_in(rows: range, start: int) -> int:
    """First of the rows that is not below `start`, or one beyond all."""
    found = rows[max(0, -(-(start - rows.start) // rows.step)) :]
    return found[0] if found else 2**62


def _last_in(rows: range, stop: int) -> int:
    """Last of the rows below `stop`, or -1."""
    found = rows[: max(0, -(-(stop - rows.start) // rows.step))]
    return found[-1] if found else -(2**62)


def joined(parts: list[ArraySource], where: str) -> ArraySource:
    """Frames one after the other.

    Raises
    ------
    InputError
        There are none, or they differ in shape or type.
    """
    if not parts:
        raise InputError(f"{where}: holds no frames; is the scan complete?")
    for part in parts:
        if not part.shape or tuple(part.shape[1:]) != tuple(parts[0].shape[1:]) or part.dtype != parts[0].dtype:
            raise InputError(
                f"{where}: arrays of {tuple(parts[0].shape)} {parts[0].dtype} and {tuple(part.shape)} {part.dtype} "
                "cannot follow each other; wanted frames of one size and type"
            )
    return parts[0] if len(parts) == 1 else Joined(tuple(parts))
