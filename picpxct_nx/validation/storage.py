"""One object of a hostile file: its attributes, its type, and how its data are stored, before any data are read."""

import math
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

from picpxct_nx.validation.tree import DAMAGE, damage, kind_of
from picpxct_nx.validation.violation import Violation

MAX_ATTRIBUTES = 256
MAX_ATTRIBUTE_BYTES = 2**20
MAX_CHUNK_BYTES = 256 * 2**20
# Data above the size are a bomb when they unpack to this many times of what is stored. An honest mask of zeros packs
# a thousandfold, but stays below the size.
BOMB_BYTES = 256 * 2**20
BOMB_RATIO = 200
# Many elements of one attribute can share one long text: so many may, and beyond, only in a file this small.
_TEXTS = 64
_TEXTS_BYTES = 2**30
# Packing makes data that cannot be packed a little larger, never more than this.
_PACKED_WORSE = 1.1
_PACKED_EXTRA = 4096
# deflate, shuffle, fletcher32, szip; blosc, lz4, bitshuffle, zstd as hdf5plugin registers them.
FILTERS = frozenset({1, 2, 3, 4, 6, 32000, 32001, 32004, 32008, 32015})

_REFUSED = {
    h5py.h5t.REFERENCE: "a reference",
    h5py.h5t.OPAQUE: "opaque bytes",
    h5py.h5t.BITFIELD: "a bit field",
    h5py.h5t.TIME: "an HDF5 time",
    h5py.h5t.VLEN: "a ragged array",
    h5py.h5t.ARRAY: "an array type",
}
# Attributes by which HDF5 itself ties axes to fields, and the class of their types.
_SCALES = {"DIMENSION_LIST": h5py.h5t.VLEN, "REFERENCE_LIST": h5py.h5t.COMPOUND}


def read_attributes(
    object_id: h5py.h5g.GroupID | h5py.h5d.DatasetID, here: str, file_bytes: int
) -> tuple[dict[str, Any], list[Violation]]:
    """Attributes of an object as Python text, numpy numbers or arrays, with what is refused among them."""
    count = h5py.h5a.get_num_attrs(object_id)
    if count > MAX_ATTRIBUTES:
        fault = Violation(here, "LIMIT_ATTRIBUTES", f"{count} attributes, more than {MAX_ATTRIBUTES}; use fields")
        return {}, [fault]
    found: dict[str, Any] = {}
    faults: list[Violation] = []
    for index in range(count):
        attribute = h5py.h5a.open(object_id, index=index)
        try:
            name = attribute.name.decode()
        except UnicodeDecodeError:
            text = f"the name of an attribute is not UTF-8: {attribute.name!r}; rename it"
            faults.append(Violation(here, "TEXT_ENCODING", text))
            continue
        where = f"{here}@{name}"
        if _SCALES.get(name) == attribute.get_type().get_class():
            # Dimension scales of HDF5: references between fields, which nobody here follows or reads.
            found[name] = ""
            continue
        refused = _refuse_attribute(attribute, where, file_bytes)
        if refused is None:
            value, refused = _read_attribute(attribute, where)
            if value is not None:
                found[name] = value
        if refused is not None:
            faults.append(refused)
    return found, faults


def _refuse_attribute(attribute: h5py.h5a.AttrID, where: str, file_bytes: int) -> Violation | None:
    type_id, space = attribute.get_type(), attribute.get_space()
    refused = _refuse_type(type_id, where) or _refuse_space(space, where)
    if refused is not None:
        return refused
    count = space.get_simple_extent_npoints()
    if count * type_id.get_size() > MAX_ATTRIBUTE_BYTES:
        return Violation(where, "LIMIT_ATTRIBUTES", f"larger than {MAX_ATTRIBUTE_BYTES} bytes; use a field")
    variable = isinstance(type_id, h5py.h5t.TypeStringID) and type_id.is_variable_str()
    if variable and count > _TEXTS and count * file_bytes > _TEXTS_BYTES:
        return Violation(where, "LIMIT_ATTRIBUTES", f"{count} texts, more than {_TEXTS}; use a field")
    return None


def _read_attribute(attribute: h5py.h5a.AttrID, where: str) -> tuple[Any, Violation | None]:
    try:
        values = np.zeros(attribute.shape, dtype=attribute.dtype)
        attribute.read(values)
    except DAMAGE as error:
        return None, Violation(where, "DAMAGED", damage(error))
    if kind_of(values.dtype) != "S":
        return (values if values.shape else values[()]), None
    texts, fault = np.empty(values.shape, dtype=object), None
    for index, raw in np.ndenumerate(values):
        data = raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else bytes(raw or b"")
        try:
            texts[index] = data.decode()
        except UnicodeDecodeError:
            # What else is wrong is told as well, as if the text were Latin-1, which is what most such files hold.
            texts[index] = data.decode("latin-1")
            fault = Violation(where, "TEXT_ENCODING", f"is not UTF-8: {data[:40]!r}; write it again as UTF-8")
    return (texts if texts.shape else texts[()]), fault


def _refuse_type(type_id: h5py.h5t.TypeID, where: str) -> Violation | None:
    kind = type_id.get_class()
    reason = _REFUSED.get(kind)
    if reason is None and kind == h5py.h5t.COMPOUND:
        members = (type_id.get_member_type(index) for index in range(type_id.get_nmembers()))
        reason = next((found for member in members if (found := _REFUSED.get(member.get_class()))), None)
    if reason is None:
        try:
            dtype = type_id.dtype
        except Exception:  # h5py raises many classes for types that numpy has not
            reason = "a type that numpy has not"
        else:
            # A size of zero would be divided by; HDF5 itself writes none.
            reason = None if dtype.itemsize else "elements without size"
    return Violation(where, "TYPE_REFUSED", f"holds {reason}; store numbers or text") if reason else None


def _refuse_space(space: h5py.h5s.SpaceID, where: str) -> Violation | None:
    if space.get_simple_extent_type() == h5py.h5s.NULL:
        return Violation(where, "TYPE_REFUSED", "is empty (null dataspace); store a value or leave it out")
    return None


def refuse_dataset(data: h5py.h5d.DatasetID, here: str, file_bytes: int) -> tuple[list[Violation], int]:
    """What is refused about the storage, the filters, the type and the size of a dataset, and the bytes it unpacks to.

    The shape is asked for last: that of a virtual dataset may open other files.
    """
    plist = data.get_create_plist()
    faults = [*_refuse_storage(plist, here)]
    refused = None if faults else _refuse_type(data.get_type(), here) or _refuse_space(data.get_space(), here)
    if refused is not None:
        faults.append(refused)
    return (faults, 0) if faults else _refuse_size(data, plist, here, file_bytes)


def _refuse_storage(plist: h5py.h5p.PropDCID, here: str) -> Iterator[Violation]:
    if plist.get_external_count():
        yield Violation(here, "STORAGE_EXTERNAL", "its bytes lie in another file; copy the data into this file")
        return
    if plist.get_layout() == h5py.h5d.VIRTUAL:
        yield Violation(here, "STORAGE_VIRTUAL", "a virtual dataset over other files; copy the data into this file")
        return
    for index in range(plist.get_nfilters()):
        number = plist.get_filter(index)[0]
        if number not in FILTERS:
            yield Violation(here, "FILTER", f"filter {number} is not on the list; repack with gzip")


def _refuse_size(
    data: h5py.h5d.DatasetID, plist: h5py.h5p.PropDCID, here: str, file_bytes: int
) -> tuple[list[Violation], int]:
    faults = []
    bytes_each = data.get_type().get_size()
    declared = math.prod(data.shape) * bytes_each
    if plist.get_layout() == h5py.h5d.CHUNKED:
        lengths = plist.get_chunk()
        chunk = math.prod(lengths) * bytes_each
        if chunk > MAX_CHUNK_BYTES:
            text = f"a chunk unpacks to {chunk} bytes, over {MAX_CHUNK_BYTES}; use smaller ones"
            faults.append(Violation(here, "BOMB", text))
        # A deflated stream may go on after the chunk is full, and HDF5 unpacks all of it.
        room = chunk * math.prod(-(-n // m) for n, m in zip(data.shape, lengths, strict=True))
        if data.get_storage_size() > _PACKED_WORSE * room + _PACKED_EXTRA:
            text = f"stores {data.get_storage_size()} bytes for chunks of {room}; write it again"
            faults.append(Violation(here, "BOMB", text))
    # What a dataset says is stored cannot be more than the file holds.
    stored = min(int(data.get_storage_size()), file_bytes) if declared > BOMB_BYTES else declared
    if is_bomb(declared, stored) and not faults:
        text = f"unpacks from {stored} to {declared} bytes; store only what was measured"
        faults.append(Violation(here, "BOMB", text))
    return faults, declared


def is_bomb(declared: int, stored: int) -> bool:
    """Whether data unpack to far more than is stored for them."""
    return declared > BOMB_BYTES and declared > BOMB_RATIO * stored
