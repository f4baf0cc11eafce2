"""Frames whose compressed chunks can be copied as they are, through the sources that lie between file and record."""

from typing import Any

import h5py
import numpy as np

from picpxct_nx.formats.linked import Joined
from picpxct_nx.formats.selection import Part
from picpxct_nx.nexus.packed import BITSHUFFLE
from picpxct_nx.values import ArraySource, PackedImages


def packed_images(source: ArraySource) -> PackedImages | None:
    """The frames (n, h, w) of a source as they are stored, one chunk each; None where they are stored otherwise."""
    if isinstance(source, h5py.Dataset):
        return _stored(source)
    if isinstance(source, Joined):
        return _joined(source)
    return _part(source) if isinstance(source, Part) else None


def is_bitshuffled(source: ArraySource) -> bool:
    """Whether the frames of a source are packed by bitshuffle where they lie."""
    if isinstance(source, Joined):
        return is_bitshuffled(source.parts[0])
    if isinstance(source, h5py.Dataset):
        plist = source.id.get_create_plist()
        return any(plist.get_filter(index)[0] == BITSHUFFLE for index in range(plist.get_nfilters()))
    inner = getattr(source, "source", None)
    return inner is not None and is_bitshuffled(inner)


def _stored(item: h5py.Dataset) -> PackedImages | None:
    if len(item.shape) != 3 or item.chunks != (1, *item.shape[1:]) or item.dtype.kind not in "iuf":
        return None
    plist = item.id.get_create_plist()
    filters = tuple(plist.get_filter(index)[:3] for index in range(plist.get_nfilters()))
    # A chunk that was never written is not stored at all.
    if not filters or item.id.get_num_chunks() != item.shape[0]:
        return None

    def read(index: int) -> tuple[int, bytes]:
        left_out, raw = item.id.read_direct_chunk((index, 0, 0))
        return left_out, bytes(raw)

    return PackedImages(filters, read)


def _joined(source: Joined) -> PackedImages | None:
    parts = [packed_images(part) for part in source.parts]
    first = parts[0]
    if first is None or any(part is None or part.filters != first.filters for part in parts):
        return None
    ends = np.cumsum([part.shape[0] for part in source.parts])

    def read(index: int) -> tuple[int, bytes]:
        number = int(np.searchsorted(ends, index, side="right"))
        part: Any = parts[number]
        return part.read(index - (int(ends[number - 1]) if number else 0))  # type: ignore[no-any-return]

    return PackedImages(first.filters, read)


def _part(source: Part) -> PackedImages | None:
    """Of a choice of whole frames."""
    first, *rest = source.index
    whole = [slice(0, length, 1) for length in source.source.shape[1:]]
    if not isinstance(first, slice) or rest != whole:
        return None
    inner = packed_images(source.source)
    if inner is None:
        return None
    rows = range(first.start, first.stop, first.step)
    return PackedImages(inner.filters, lambda index: inner.read(rows[index]))
