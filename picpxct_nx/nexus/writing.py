"""Writing: records as entries of a new file, laid out, typed and marked as their definitions say."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, runtime_checkable

import h5py
import numpy as np

from picpxct_nx import __version__, atomic, nxdl, provenance
from picpxct_nx.errors import InputError
from picpxct_nx.nexus.opening import open_hdf5
from picpxct_nx.nexus.packed import write_packed
from picpxct_nx.records import Record
from picpxct_nx.validation import Violation, check_file
from picpxct_nx.validation.fields import kind_of
from picpxct_nx.values import ArraySource, Packed, Packing, Value, Values, blocks, size

Compression = Literal["none", "gzip", "bitshuffle"]

# Superblock 2 and checksummed metadata; read by HDF5 1.8 and newer. 'latest' cannot be read by HDF5 1.10.
_LIBVER = ("v108", "v110")

# HDF5 2.0 crashes the process when a disk is full while it writes its own tables. Room for a record is therefore asked
# of the disk before HDF5 sees the record: its bytes, a little more for filters that enlarge noise, and tables.
_FILTERS_ADD, _TABLES_BYTES = 1.02, 2**20


class InvalidWriteError(AssertionError):
    """What was written is invalid: a bug, unless the values came from outside; `faults` says what and where."""

    def __init__(self, faults: tuple[Violation, ...]) -> None:
        super().__init__(f"wrote an invalid file: {faults[:5]}")
        self.faults = faults


@runtime_checkable
class Reserving(Protocol):
    """A stream that can make sure of room before it is written to."""

    def reserve(self, length: int) -> None:
        """Make room for `length` bytes in all, or raise OSError."""


def write(
    target: Path, records: Iterable[Record], *, overwrite: bool = False, compression: Compression = "gzip"
) -> None:
    """Write records as entries of one new file, atomically: written, closed, read again, checked, then named.

    Raises
    ------
    OutputError
        The target exists and `overwrite` is not given, or cannot be written.
    RetryError
        The disk is full.
    """
    with atomic.part(target, overwrite=overwrite) as hidden:
        write_to(hidden, records, compression=compression)
        check_written(hidden, str(target))


def write_to(sink: Path | BinaryIO, records: Iterable[Record], *, compression: Compression) -> None:
    """Write records as entries of an HDF5 file at a path or in a seekable binary stream.

    Records are taken one by one, so that an iterator needs memory for one only.

    Raises
    ------
    InputError
        Two records have the same entry name but are not the same (UUID).
    """
    with h5py.File(sink, "w", libver=_LIBVER) as file:
        file.attrs.update({
            "NX_class": "NXroot", "creator": provenance.PROGRAM, "creator_version": __version__,
            "file_time": provenance.now(),
        })  # fmt: skip
        written: dict[str, str] = {}
        room = 0
        for record in records:
            if record.entry in written:
                if written[record.entry] == record.uuid:
                    continue
                raise InputError(f"two different entries are called {record.entry}; rename one, or write -o DIR/")
            written[record.entry] = record.uuid
            room += int(_FILTERS_ADD * sum(map(size, record.to_values().values()))) + _TABLES_BYTES
            if isinstance(sink, Path):
                room = _reserve(sink, file.id.get_filesize(), room)
            elif isinstance(sink, Reserving):
                sink.reserve(room)
            _write_entry(file, record, compression)
            file.attrs.setdefault("default", record.entry)
        file.flush()
        length = file.id.get_filesize()
    if isinstance(sink, Path):
        os.truncate(sink, length)


def _reserve(path: Path, length: int, more: int) -> int:
    """Make room for `more` bytes behind the first `length` of a file; nothing is left to ask for."""
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, length + more)
    return 0


def check_written(sink: Path | BinaryIO, name: str) -> None:
    """Read back what was written.

    Raises
    ------
    InvalidWriteError
        A file of ours breaks our own definition: a bug, unless the values of a foreign file contradict each other.
    """
    with open_hdf5(sink, name) as file:
        report = check_file(file, name, data=False)
    if not report.valid:
        raise InvalidWriteError(report.errors)


def _write_entry(file: h5py.File, record: Record, compression: Compression) -> None:
    root = nxdl.definition(record.DEFINITION).root
    values = record.to_values()
    groups = _groups(values, root)
    for path, (nx_class, node) in groups.items():
        group = file.require_group(f"{record.entry}/{path}".rstrip("/"))
        group.attrs["NX_class"] = nx_class
        _write_fixed(group, node)
    entry = file[record.entry]
    for path, value in values.items():
        if "@" in path:
            owner, _, name = path.partition("@")
            if name not in ("NX_class", "units"):
                entry[owner or "/"].attrs[name] = value
            continue
        parent, _, name = path.rpartition("/")
        field = groups[parent][1].child("field", name)
        item = _write_array(entry, path, value, compression)
        unit = values.get(f"{path}@units", nxdl.unit_text(field) if field else None)
        if unit is not None or (field and field.units is not None):
            item.attrs["units"] = unit or ""
        for attribute in field.children if field else ():
            _set_fixed(item, attribute)
    _write_links(entry, record)


def _groups(values: Values, root: nxdl.Node) -> dict[str, tuple[str, nxdl.Node]]:
    """Every group that the values need, parents first, with its class and node."""
    needed: dict[str, tuple[str, nxdl.Node]] = {"": ("NXentry", root)}
    wanted = {p.removesuffix("@NX_class") for p in values if p.endswith("@NX_class")}
    wanted |= {p.partition("@")[0].rpartition("/")[0] for p in values if not p.endswith("@NX_class")}
    full = {"/".join(p.split("/")[: i + 1]) for p in wanted if p for i in range(p.count("/") + 1)}
    for path in sorted(full, key=lambda p: (p.count("/"), p)):
        parent = needed[path.rpartition("/")[0]][1]
        named = parent.child("group", path.rpartition("/")[2])
        nx_class = named.type if named else str(values.get(f"{path}@NX_class", "NXcollection"))
        node = named or parent.unnamed(nx_class) or nxdl.Node(kind="group", name=None, type=nx_class)
        needed[path] = (nx_class, node)
    return needed


def _write_fixed(group: h5py.Group, node: nxdl.Node) -> None:
    """Write what the definition leaves no choice about: attributes and required fields with one allowed value."""
    for child in node.children:
        if child.kind == "attribute":
            _set_fixed(group, child)
        elif child.kind == "field" and child.presence == "required" and child.fixed() is not None:
            item = group.create_dataset(child.name, data=child.fixed(), dtype=h5py.string_dtype())
            for attribute in child.children:
                _set_fixed(item, attribute)


def _set_fixed(item: h5py.Group | h5py.Dataset, attribute: nxdl.Node) -> None:
    value = attribute.fixed()
    if attribute.kind == "attribute" and value is not None and attribute.presence != "optional":
        item.attrs[attribute.name] = list(value) if isinstance(value, tuple) else value


def _write_array(entry: h5py.Group, path: str, value: Value, compression: Compression) -> h5py.Dataset:
    if path in entry:  # a fixed value that the record states as well
        del entry[path]
    if isinstance(value, str):
        return entry.create_dataset(path, data=value, dtype=h5py.string_dtype())
    if isinstance(value, bool | int | float | np.generic) or value.shape == ():
        return entry.create_dataset(path, data=value)
    if kind_of(value.dtype) == "S":
        return entry.create_dataset(path, data=np.asarray(value[...], dtype=object), dtype=h5py.string_dtype())
    return _write_blocks(entry, path, value, compression)


def _write_blocks(entry: h5py.Group, path: str, source: ArraySource, compression: Compression) -> h5py.Dataset:
    images = source.packed() if isinstance(source, Packed) else None
    copied = None if images is None else write_packed(entry, path, source, images)
    if copied is not None:
        return copied
    if compression == "gzip" and isinstance(source, Packing) and source.packing == "bitshuffle":
        # Whoever reads the source can read this, and gzip takes four times as long.
        compression = "bitshuffle"
    options: dict[str, Any] = {}
    if 0 not in source.shape:
        options = {"chunks": _chunks(source.shape, source.dtype.itemsize), "fletcher32": True} | _filters(compression)
    item = entry.create_dataset(path, shape=source.shape, dtype=source.dtype, **options)
    for key, block in blocks(source):
        if block.size:
            item[key] = block
    return item


def _filters(compression: Compression) -> dict[str, Any]:
    if compression == "gzip":
        return {"compression": "gzip", "compression_opts": 4, "shuffle": True}
    if compression == "bitshuffle":
        import hdf5plugin  # heavy; only for who asks

        return dict(hdf5plugin.Bitshuffle(cname="lz4"))
    return {}


def _chunks(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """One image a chunk; a larger image lies in chunks of whole rows, of equal length, up to 4 MiB each."""
    *outer, last = shape
    rows = outer.pop() if outer else 1
    most = max(1, min(rows, 4 * 2**20 // max(1, last * itemsize)))
    # Chunks are stored whole: a short last one would take the room of a full one.
    step = -(-rows // -(-rows // most))
    chunk = (*([1] * len(outer)), step, last)
    return chunk if len(shape) > 1 else (min(last, 2**20),)


def _write_links(entry: h5py.Group, record: Record) -> None:
    for path, target in record.LINKS.items():
        if target in entry:
            # NeXus marks a link by @target on the object itself, which both names share.
            entry[target].attrs["target"] = f"/{record.entry}/{target}"
            entry.require_group(path.rpartition("/")[0])
            entry[path] = entry[target]
