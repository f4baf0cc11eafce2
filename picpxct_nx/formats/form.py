"""What a foreign format is: its name, what it holds and lacks, how it is told from others, and how it is read."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from picpxct_nx.formats.foreign import Axes, ForeignScan
from picpxct_nx.formats.foreign_images import ForeignReconstruction
from picpxct_nx.formats.linked import Linked
from picpxct_nx.formats.selection import Key, Place
from picpxct_nx.formats.spectrum import ForeignSpectrum

Foreign = ForeignScan | ForeignReconstruction | ForeignSpectrum


@dataclass(frozen=True)
class Start:
    """What a format may look at to know its own: the path, the first bytes (unpacked), and an HDF5 file's links."""

    path: Path
    first: bytes
    file: Linked | None = None

    def has(self, *paths: str) -> bool:
        """Whether an HDF5 file has something at every one of these paths."""
        return self.file is not None and all(self.file.find(path) is not None for path in paths)


@dataclass(frozen=True)
class Source:
    """A foreign file or folder, and what the user said of it.

    `keys` are the arrays of --map, `axes` what --axes says, `places` further values of a map file; `stated` are the
    texts of --set, --assume and the manifest. `root` is the folder that nothing is read outside of; where there is
    none it is that of the file. `mask` is a mask in another file, which joins that of the file itself.
    """

    path: Path
    keys: Mapping[str, tuple[Key, ...]] = field(default_factory=dict)
    axes: Axes = field(default_factory=Axes)
    places: Mapping[str, Place] = field(default_factory=dict)
    stated: Mapping[str, str] = field(default_factory=dict)
    root: Path | None = None
    mask: Key | None = None


@dataclass(frozen=True)
class Format:
    """A foreign format, one file each in this folder.

    Parameters
    ----------
    name : str
        What --format takes.
    about : str
        What such files are, and who writes them.
    holds : str
        What is made of one: `raw scan`, `reconstruction` or `spectrum`.
    lacks : tuple of str
        What such a file cannot carry, so that the user must state it.
    detect : function
        Whether a file is in this format, by its content.
    read : function
        The scan or the reconstruction in a file, open while the context lasts.
    """

    name: str
    about: str
    holds: str
    lacks: tuple[str, ...]
    detect: Callable[[Start], bool]
    read: Callable[[Source], AbstractContextManager[Foreign]]


@dataclass(frozen=True)
class Written:
    """A foreign format that is written: its name, what it is for, and what of ours it cannot carry."""

    name: str
    about: str
    lacks: tuple[str, ...]


# What no foreign raw format has a place for.
ALWAYS = ("stokes", "rotation", "energy_offset", "zone plate and defocus")
