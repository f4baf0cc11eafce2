"""Reading: entries of an open file as records, in the units of their definition, large arrays left in the file."""

from collections.abc import Iterator

import h5py
import numpy as np

from picpxct_nx import nxdl, units
from picpxct_nx.errors import UnitError
from picpxct_nx.records import Record, kind, paths
from picpxct_nx.validation import claimed
from picpxct_nx.validation.fields import kind_of, plain
from picpxct_nx.validation.structure import class_of
from picpxct_nx.values import Value


def entries(file: h5py.File) -> list[str]:
    """Names of the entries of a file, sorted."""
    return sorted(name for name, item in file.items() if isinstance(item, h5py.Group) and class_of(item) == "NXentry")


def read(file: h5py.File, entry: str) -> Record:
    """The record of one entry of a file that was opened with `open_valid`; lazy arrays stay in the file.

    Raises
    ------
    InputError
        The entry has a definition without a record.
    """
    group = file[entry]
    cls = kind(claimed(group) or "")
    return cls.from_values(entry, read_values(group, cls))


def read_values(entry: h5py.Group, cls: type[Record]) -> dict[str, Value]:
    """Values of one entry in the units of its definition."""
    lazy = {path for path, stays in paths(cls).items() if stays}
    return dict(_collect(entry, nxdl.definition(cls.DEFINITION).root, "", set(cls.LINKS), lazy))


def _collect(
    group: h5py.Group, node: nxdl.Node | None, prefix: str, left_out: set[str], lazy: set[str]
) -> Iterator[tuple[str, Value]]:
    # No function inside `read_values`: one that calls itself is a cycle, which holds all arrays until Python looks.
    for name, item in group.items():
        path = f"{prefix}{name}"
        if isinstance(item, h5py.Group):
            named = node.child("group", name) if node else None
            below = named or (node.unnamed(class_of(item)) if node else None)
            if named is None:
                yield f"{path}@NX_class", class_of(item)
            yield from _collect(item, below, f"{path}/", left_out, lazy)
        elif path not in left_out:
            field = node.child("field", name) if node else None
            if field is None or field.fixed() is None:
                yield from _read_field(item, field, path, stays=path in lazy).items()


def _read_field(item: h5py.Dataset, node: nxdl.Node | None, path: str, *, stays: bool) -> dict[str, Value]:
    unit = plain(item.attrs.get("units"))
    wanted = nxdl.unit_text(node) if node else None
    scale = units.factor(unit, wanted) if unit and wanted is not None else 1.0
    if stays:
        if scale != 1.0:
            raise UnitError(f"{item.name}: large arrays are not converted; found '{unit}', wanted '{wanted}'")
        _load_filters(item)
        return {path: item}
    result: dict[str, Value] = {path: _in_memory(item, scale)}
    if wanted is None and unit:
        result[f"{path}@units"] = unit
    return result


def _in_memory(item: h5py.Dataset, scale: float) -> Value:
    _load_filters(item)
    raw = item.asstr()[()] if kind_of(item.dtype) == "S" else item[()]
    if item.shape == ():
        value = plain(raw)
        return value * scale if scale != 1.0 else value  # type: ignore[no-any-return]
    return np.asarray(raw) * scale if scale != 1.0 else np.asarray(raw)


def _load_filters(item: h5py.Dataset) -> None:
    plist = item.id.get_create_plist()
    if any(plist.get_filter(i)[0] >= 32000 for i in range(plist.get_nfilters())):
        import hdf5plugin  # noqa: F401  # importing it registers the filters
