"""Global heaps: where HDF5 keeps text of variable length, and where damaged bytes make HDF5 2.0 loop for ever.

The library walks the objects of a collection by their sizes; an unused object of size zero never advances it. That
loop runs inside the library, where no signal handler of Python is reached, so the bytes are looked at beforehand.
"""

import struct

import h5py

# Larger files are not looked through: `picpxct validate` reads them in a child process with a time limit.
MAX_IMAGE_BYTES = 64 * 2**20
# HDF5 File Format Specification 3.0, section III.E: signature, version 1, three reserved bytes, size; then objects of
# index, reference count, reserved bytes and size, their data padded to eight bytes. Index 0 is the unused rest.
_SIGNATURE = b"GCOL\x01"
_HEADER = 16
_OBJECT = struct.Struct("<HHIQ")


def endless_heap(file: h5py.File) -> int | None:
    """Place of the first global heap in which HDF5 would loop for ever, or None."""
    if file.id.get_filesize() > MAX_IMAGE_BYTES:
        return None
    image: bytes = file.id.get_file_image()
    start = image.find(_SIGNATURE)
    while start >= 0:
        if _is_endless(image, start):
            return start
        start = image.find(_SIGNATURE, start + 1)
    return None


def _is_endless(image: bytes, start: int) -> bool:
    (length,) = struct.unpack_from("<Q", image, start + 8) if start + _HEADER <= len(image) else (0,)
    here, end = start + _HEADER, min(start + length, len(image))
    while here + _OBJECT.size <= end:
        index, _, _, size = _OBJECT.unpack_from(image, here)
        step = size if index == 0 else _OBJECT.size + -(-size // 8) * 8
        if step == 0:
            return True
        here += step
    return False
