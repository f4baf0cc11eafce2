"""Copying: images that are compressed already become chunks of ours as they are, a checksum added to each."""

import struct

import h5py
import numpy as np

from picpxct_nx.values import ArraySource, PackedImages

GZIP, SHUFFLE, FLETCHER32, BITSHUFFLE = 1, 2, 3, 32008
# Filters whose options a copy can repeat: gzip, shuffle, fletcher32; lz4, bitshuffle, zstd of hdf5plugin.
COPIED = frozenset({GZIP, SHUFFLE, FLETCHER32, 32004, BITSHUFFLE, 32015})
_MODULUS = 65535


def write_packed(entry: h5py.Group, path: str, source: ArraySource, images: PackedImages) -> h5py.Dataset | None:
    """Write images (n, h, w) as the chunks that they already are; None where their filters cannot be repeated.

    Every chunk gets the checksum of HDF5's fletcher32 filter behind its bytes, which is all that this filter adds, so
    that damage is found when the file is read.
    """
    codes = [code for code, _, _ in images.filters]
    if not set(codes) - {SHUFFLE, FLETCHER32} or not set(codes) <= COPIED or FLETCHER32 in codes[:-1]:
        return None
    if max(codes) >= 32000:
        import hdf5plugin  # noqa: F401  # importing it registers the filters
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((1, *source.shape[1:]))
    for code, flags, options in images.filters:
        if code != FLETCHER32:
            # Bitshuffle puts its version and the size of an element before what it is given.
            plist.set_filter(code, flags, options[3:] if code == BITSHUFFLE else options)
    plist.set_fletcher32()
    links = h5py.h5p.create(h5py.h5p.LINK_CREATE)
    links.set_create_intermediate_group(True)
    space, kind = h5py.h5s.create_simple(tuple(source.shape)), h5py.h5t.py_create(source.dtype, logical=True)
    made = h5py.h5d.create(entry.id, path.encode(), kind, space, dcpl=plist, lcpl=links)
    item = h5py.Dataset(made)
    if not _same(made.get_create_plist(), images):
        del entry[path]
        return None
    for index in range(source.shape[0]):
        left_out, raw = images.read(index)
        checked = raw if codes[-1] == FLETCHER32 else raw + struct.pack("<I", fletcher32(raw))
        made.write_direct_chunk((index, *(0,) * (len(source.shape) - 1)), checked, left_out)
    if source.shape[0] and not np.array_equal(item[0], np.asarray(source[0])):
        del entry[path]
        return None
    return item


def _same(plist: h5py.h5p.PropDCID, images: PackedImages) -> bool:
    """Whether HDF5 took the filters with the options that the chunks were made with."""
    wanted = [each for each in images.filters if each[0] != FLETCHER32]
    found = [plist.get_filter(index) for index in range(plist.get_nfilters())][: len(wanted)]
    for (code, _, options), (has, _, took, _) in zip(wanted, found, strict=True):
        start = 2 if code == BITSHUFFLE else 0
        if code != has or tuple(options[start:]) != tuple(took[start:]):
            return False
    return True


def fletcher32(raw: bytes) -> int:
    """Fletcher's checksum of 32 bits as HDF5 has it: sums modulo 65535 of big-endian words of 16 bits.

    With words w_1 .. w_n it is s_2 * 2^16 + s_1, s_1 the sum of w_k and s_2 that of (n - k + 1) w_k; a sum that is a
    multiple of 65535 but not zero counts as 65535. An odd last byte is the upper half of a word. Fletcher, IEEE Trans.
    Commun. 30, 247 (1982), doi:10.1109/TCOM.1982.1095369; H5checksum.c of HDF5.
    """
    words = np.frombuffer(raw + b"\0" * (len(raw) % 2), ">u2").astype(np.uint64)
    weights = np.arange(len(words), 0, -1, dtype=np.uint64) % _MODULUS
    first, second = int(words.sum()), int((weights * words).sum())
    return _folded(second, first) << 16 | _folded(first, first)


def _folded(total: int, words: int) -> int:
    return (total % _MODULUS or _MODULUS) if words else 0
