"""HDF5 files of other programs: making one, text as they read it, and frames copied chunk by chunk."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import h5py
import numpy as np

from picpxct_nx.errors import OutputError
from picpxct_nx.formats.exports.product import Sink
from picpxct_nx.values import BLOCK_BYTES, Array, ArraySource

# Filters that every HDF5 library has: deflate, shuffle, fletcher32, szip, nbit, scaleoffset.
_BUILT_IN = range(256)
_PACKED = {"compression": "gzip", "compression_opts": 4, "shuffle": True, "fletcher32": True}


@contextmanager
def new_file(sink: Sink) -> Iterator[h5py.File]:
    """A new HDF5 file that old libraries can read as well; looked at once more when it is closed.

    Raises
    ------
    OutputError
        What was written cannot be read back.
    """
    with h5py.File(sink, "w", libver=("earliest", "v108")) as file:
        yield file
        count = _datasets(file)
    try:
        with h5py.File(sink, "r") as file:
            found = _datasets(file)
    except OSError as error:
        raise OutputError(f"{sink}: cannot be read back ({error}); check the disk") from None
    if found != count:
        raise OutputError(f"{sink}: {found} of {count} datasets can be read back; check the disk")


def _datasets(file: h5py.File) -> int:
    names: list[str] = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return len(names)


def put_text(group: h5py.Group, name: str, text: str) -> h5py.Dataset:
    """A scalar text of UTF-8 and variable length."""
    return group.create_dataset(name, data=text, dtype=h5py.string_dtype())


def chunks_can_be_copied(frames: ArraySource) -> bool:
    """Whether the frames lie in chunks whose filters every HDF5 library has, so that they can be copied packed."""
    if not isinstance(frames, h5py.Dataset) or frames.chunks is None:
        return False
    plist = frames.id.get_create_plist()
    return all(plist.get_filter(index)[0] in _BUILT_IN for index in range(plist.get_nfilters()))


def copy_frames(frames: ArraySource, group: h5py.Group, name: str) -> h5py.Dataset:
    """Copy frames (n, h, w) as they are: packed chunks one by one where possible, else a few frames at a time."""
    if not chunks_can_be_copied(frames):
        return turn_frames(frames, group, name, lambda block: block)
    source = cast("h5py.Dataset", frames)
    space = h5py.h5s.create_simple(source.shape)
    made = h5py.h5d.create(group.id, name.encode(), source.id.get_type(), space, dcpl=source.id.get_create_plist())
    for index in range(source.id.get_num_chunks()):
        info = source.id.get_chunk_info(index)
        mask, packed = source.id.read_direct_chunk(info.chunk_offset)
        made.write_direct_chunk(info.chunk_offset, packed, mask)
    return h5py.Dataset(made)


def turn_frames(
    frames: ArraySource,
    group: h5py.Group,
    name: str,
    turn: Callable[[Array], Array],
    dtype: np.dtype[Any] | None = None,
) -> h5py.Dataset:
    """Copy frames (n, h, w) a few at a time, each block turned, into packed chunks of one frame.

    `turn` takes and returns (k, h, w) of the same shape; `dtype` is that of the copy, else as it is.
    """
    n, h, w = frames.shape
    kind = frames.dtype if dtype is None else dtype
    item = group.create_dataset(name, shape=(n, h, w), dtype=kind, chunks=(1, h, w), **_packing(frames))
    step = max(1, BLOCK_BYTES // (h * w * frames.dtype.itemsize))
    for start in range(0, n, step):
        item[start : start + step] = turn(np.asarray(frames[start : start + step]))
    return item


def _packing(frames: ArraySource) -> dict[str, Any]:
    """As packed as the source is: without compression where it has none."""
    if isinstance(frames, h5py.Dataset) and frames.compression is None and not _has_plugin(frames):
        return {"fletcher32": True}
    return dict(_PACKED)


def _has_plugin(frames: h5py.Dataset) -> bool:
    plist = frames.id.get_create_plist()
    return any(plist.get_filter(index)[0] not in _BUILT_IN for index in range(plist.get_nfilters()))


def repeat_frame(image: Array, count: int, group: h5py.Group, name: str) -> h5py.Dataset:
    """The same image `count` times, (count, h, w), packed once."""
    item = group.create_dataset(
        name, shape=(count, *image.shape), dtype=image.dtype, chunks=(1, *image.shape), **_PACKED
    )
    item[0] = image
    mask, packed = item.id.read_direct_chunk((0, 0, 0))
    for index in range(1, count):
        item.id.write_direct_chunk((index, 0, 0), packed, mask)
    return item


def packed_array(group: h5py.Group, name: str, array: Array) -> h5py.Dataset:
    """An array in packed chunks where it is large enough to gain by it."""
    options = _PACKED if array.ndim and array.nbytes > 4096 else {}
    return group.create_dataset(name, data=array, **options)


__all__ = [
    "chunks_can_be_copied",
    "copy_frames",
    "new_file",
    "packed_array",
    "put_text",
    "repeat_frame",
    "turn_frames",
]
