"""ptypy's `.ptyd`: a raw scan as prepared data that ptypy's PtydScan loads.

Layout and conventions, from ptypy 0.9 (`core/data.py`: PtydScan, `_mpi_save_chunk`; `io/h5rw.py`), read, not copied:

- Every group and dataset has an attribute `type` (dict, array, scalar, string); without it ptypy refuses to load.
- `chunks/0/{data, positions, weights, indices}`: frames as they are, the middle of the frame at [h // 2, w // 2]
  ('fftshift'). Chunks of the frames are copied packed where every HDF5 library has their filters.
- Positions: (n, 2) in m, rows then columns of the image: where the beam meets the sample, -s for a stage at s. ptypy's
  far-field propagator is the FFT with the kernel exp(-2 pi i q r), as ours: matter has negative phase there too.
- `meta`: energy in keV, distance and psize (y, x) in m, shape and center in pixels (y, x), num_frames, label.
- Weights are 0 where a pixel is masked, else 1: the reason is lost, so that `info` holds the mask itself. They stand in
  `meta/weight2d` as well, which PtydScan takes where a chunk has none.
- `info` is "not loaded from a ptyd, mainly for documentation": all else that the scan holds stands there under
  `picpxct_nx`, by its path and in the units of our definition.
"""

from collections.abc import Iterator
from functools import partial

import h5py
import numpy as np

from picpxct_nx.formats.exports.hdf5 import chunks_can_be_copied, copy_frames, new_file, packed_array, repeat_frame
from picpxct_nx.formats.exports.product import Choices, ExportFormat, Product, Sink, lost, origin
from picpxct_nx.provenance import is_process
from picpxct_nx.records import Record, Scan
from picpxct_nx.values import Array, Value

DATA = "instrument/detector/data"
KEV = 1e-3


def products(record: Record, _choices: Choices) -> Iterator[Product]:
    """The .ptyd file of a scan."""
    assert isinstance(record, Scan)  # noqa: S101  # the registry gives no other
    _, h, w = record.frames.shape
    notes = ["positions are those of the beam on the sample, rows then columns, the stage's negated"]
    if not chunks_can_be_copied(record.frames):
        notes.append(
            "frames are packed anew: their filter, or their lack of chunks, is not known to every HDF5 library"
        )
    if h != w:
        notes.append(f"frames are {h} x {w}: ptypy takes square ones only and will cut them; see import --crop")
    yield Product(
        name=record.entry, write=partial(write, record), notes=tuple(notes), lost=lost(record, record.to_values())
    )


def write(scan: Scan, sink: Sink) -> None:
    """Write a scan as a .ptyd file; frames are copied chunk by chunk."""
    with new_file(sink) as file:
        file.attrs["h5rw_version"] = "0.1"
        chunk = _group(_group(file, "chunks"), "0")
        _mark(copy_frames(scan.frames, chunk, "data"), "array")
        n = scan.frames.shape[0]
        _put(chunk, "positions", np.stack([-scan.stage_y, -scan.stage_x], axis=1) + 0.0)
        _put(chunk, "indices", np.arange(n))
        good = (np.asarray(scan.pixel_mask) == 0).astype(np.uint8)
        _mark(repeat_frame(good, n, chunk, "weights"), "array")
        _write_meta(_group(file, "meta"), scan, good)
        _write_info(_group(file, "info"), scan)


def _write_meta(meta: h5py.Group, scan: Scan, good: Array) -> None:
    n, h, w = scan.frames.shape
    values: dict[str, Value] = {
        "version": 0.1,
        "num_frames": n,
        "label": scan.entry,
        "shape": np.array([h, w]),
        "psize": np.array([scan.y_pixel_size, scan.x_pixel_size]),
        "energy": scan.energy_ev * KEV,
        "center": np.array([scan.beam_center_y / scan.y_pixel_size, scan.beam_center_x / scan.x_pixel_size]),
        "distance": scan.distance,
        "weight2d": good,
    }
    for name, value in values.items():
        _put(meta, name, value)


def _write_info(info: h5py.Group, scan: Scan) -> None:
    _put(info, "num_frames_actual", scan.frames.shape[0])
    _put(info, "origin", origin(scan))
    ours = _group(info, "picpxct_nx")
    for path, value in scan.to_values().items():
        if path == DATA or is_process(path) or "@" in path:
            continue
        *above, name = path.split("/")
        group = ours
        for part in above:
            group = group[part] if part in group else _group(group, part)
        _put(group, name, value if isinstance(value, str | bool | int | float) else np.asarray(value))


def _group(parent: h5py.Group, name: str) -> h5py.Group:
    group = parent.create_group(name)
    group.attrs["type"] = "dict"
    return group


def _mark(item: h5py.Dataset, kind: str) -> None:
    item.attrs["type"] = kind


def _put(group: h5py.Group, name: str, value: Value) -> None:
    """A value with the mark by which ptypy knows its type; a list of texts is stored as one, a line each."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "OSU":
        value = "\n".join(str(text) for text in value.ravel())
    if isinstance(value, str):
        _mark(group.create_dataset(name, data=value, dtype=h5py.string_dtype()), "string")
    elif np.ndim(value) == 0:  # type: ignore[arg-type]
        _mark(group.create_dataset(name, data=value), "scalar")
    else:
        _mark(packed_array(group, name, np.asarray(value)), "array")


FORMAT = ExportFormat(
    name="ptyd",
    about="ptypy's prepared data (.ptyd): a raw scan",
    suffix=".ptyd",
    takes=(Scan,),
    lacks=("the history", "the reasons of masked pixels, outside of info"),
    products=products,
)
