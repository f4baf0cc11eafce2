"""Arrays by name: NumPy files and HDF5 files whose layout the user explains with a map; two formats, one reader.

Nothing is known of such files but what the user says: where arrays are (--map), what positions and frames run along and
in which unit (--axes), and where further values stand and in which unit (a map file).
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import numpy as np

from picpxct_nx.errors import UsageError
from picpxct_nx.formats import packed
from picpxct_nx.formats.foreign import OURS, ForeignScan
from picpxct_nx.formats.form import ALWAYS, Format, Source, Start
from picpxct_nx.formats.mapped import opened, read_arrays
from picpxct_nx.formats.places import read_places
from picpxct_nx.formats.selection import describe
from picpxct_nx.values import Array, ArraySource


def _is_numpy(start: Start) -> bool:
    return start.first.startswith((packed.NPY, packed.ZIP))


def _is_hdf5(start: Start) -> bool:
    return start.file is not None


def _read_numpy(source: Source) -> AbstractContextManager[ForeignScan]:
    return _read(source, "numpy")


def _read_hdf5(source: Source) -> AbstractContextManager[ForeignScan]:
    return _read(source, "hdf5")


@contextmanager
def _read(source: Source, name: str) -> Iterator[ForeignScan]:
    """The scan that a map finds in a NumPy or HDF5 file; its frames can be read while the context lasts.

    Raises
    ------
    UsageError
        The map or the axes lack what no file of this kind says itself.
    InputError
        An array is missing, has the wrong shape, or the file is refused.
    """
    path, keys, axes = source.path, source.keys, source.axes
    with opened(path) as files:
        if not {"data", "positions"} <= set(keys):
            raise UsageError(
                f"{path.name}: --map must name data and positions (FILE::KEY for another file); it has {files.names()}"
            )
        if axes.positions is None:
            raise UsageError(
                f"{path.name}: --axes must say what the positions are, for example --axes probe:+y,+x:pixel"
            )
        arrays, notes = read_arrays(files, keys)
        values, more = read_places(files, source.places)
        turned = (
            f"frames: --axes says that rows run along {axes.frames[0]} and columns along {axes.frames[1]}"
            if axes.frames
            else "frames: rows are taken to run along +y and columns along +x (--axes '...;frames:A,B' says otherwise)"
        )
        yield ForeignScan(
            name=path.name,
            format=name,
            inputs=files.inputs,
            frames=arrays["data"],
            frame_axes=axes.frames or OURS,
            positions=np.asarray(arrays["positions"]),
            axes=axes.positions,
            probe=_maybe(arrays, "probe"),
            mask=_maybe(arrays, "mask"),
            monitor=_maybe(arrays, "monitor"),
            metadata=values,
            options={"map": describe(keys)},
            notes=(*axes.notes, *notes, *more, turned),
        )


def _maybe(arrays: Mapping[str, ArraySource], role: str) -> Array | None:
    return np.asarray(arrays[role]) if role in arrays else None


_LACKS = ("what --map and --axes say", *ALWAYS)
NUMPY = Format(
    name="numpy",
    about=".npy and .npz, also .bz2 or .gz around them; needs --map and --axes",
    holds="raw scan",
    lacks=("all values", *_LACKS),
    detect=_is_numpy,
    read=_read_numpy,
)
HDF5 = Format(
    name="hdf5",
    about="any other HDF5 file; needs --map and --axes, or a map file (--map FILE.toml)",
    holds="raw scan",
    lacks=("values that a map file does not find", *_LACKS),
    detect=_is_hdf5,
    read=_read_hdf5,
)
