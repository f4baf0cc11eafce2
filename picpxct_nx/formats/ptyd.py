"""ptypy `.ptyd`: a raw scan as prepared data of ptypy.

Layout and conventions, from ptypy 0.9 (`core/data.py`, `io/h5rw.py`; read, not copied) and from files that it wrote:

- `chunks/N/{data, positions, weights, indices}`, N from 0; with save='link' a chunk is a file beside, linked by its
  path when it was written. Frames are (n, rows, columns); `indices` are the numbers of the frames in the scan.
- `meta`: `energy` in keV, `distance` in m, `psize` in m, one number or (y, x), `center` (row, column) in pixels of the
  frames as they are. What ptypy did not know has the attribute type = 'None', and a number that means nothing.
- Positions: (n, 2), rows then columns, m: where the beam meets the sample, along the indices of the image. Rows are
  taken to run along +y and columns along +x of the laboratory, which ptypy leaves open (its issues 39 and 589).
- Transform: the FFT's kernel exp(-2 pi i q r), ours; matter has negative phase there too.
- Weights: a pixel whose weight is zero in any frame is masked; other weights than zero and one are not kept.
- What our own export put under `info/picpxct_nx`, by path and in the units of our definition, is taken from there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np

from picpxct_nx import nxdl
from picpxct_nx.errors import InputError
from picpxct_nx.formats import metadata as meta
from picpxct_nx.formats.foreign import OURS, ForeignScan, PositionAxes
from picpxct_nx.formats.form import ALWAYS, Format, Source, Start
from picpxct_nx.formats.linked import Linked, joined
from picpxct_nx.formats.mapped import USER_MASK, opened, read_arrays
from picpxct_nx.formats.places import as_text, real
from picpxct_nx.formats.ranges import take
from picpxct_nx.formats.selection import describe
from picpxct_nx.values import Array, ArraySource, Value, blocks

CHUNKS, META, OWN = "/chunks", "/meta", "/info/picpxct_nx"
AXES = PositionAxes("probe", ("+y", "+x"), "m")


def is_ptyd(start: Start) -> bool:
    """Whether an HDF5 file has chunks and what ptypy must know of them."""
    return start.file is not None and {"chunks", "meta", "info"} <= set(start.file.names("/"))


@contextmanager
def read_ptyd(source: Source) -> Iterator[ForeignScan]:
    """The scan of a .ptyd file; its frames can be read while the context lasts. Keys and axes overrule ptypy.

    Raises
    ------
    InputError
        A chunk is missing or refused, or chunks do not fit together.
    """
    with opened(source.path) as files:
        file = files.follow()
        numbers = _chunks(file, source.path.name)
        stored, places, notes = _arrays(file, numbers, source.path.name)
        frames, used = take(stored, source.stated.get("frames"), "frames")
        positions, also = take(places, source.stated.get("positions"), "positions")
        arrays, more = read_arrays(files, {role: key for role, key in source.keys.items() if role != "data"})
        mask, masked = (arrays["mask"], []) if "mask" in arrays else _mask(file, numbers)
        values, about = _values(file)
        turned = source.axes.frames or OURS
        how = "as --axes says" if source.axes.frames else "which ptypy leaves open"
        yield ForeignScan(
            name=source.path.name,
            format="ptyd",
            inputs=files.inputs,
            frames=frames,
            frame_axes=turned,
            positions=np.asarray(arrays.get("positions", positions[...])),
            axes=source.axes.positions or AXES,
            probe=arrays.get("probe"),
            mask=mask,
            monitor=arrays.get("monitor"),
            beam_px=_centre(file),
            metadata=values,
            options={"map": describe(source.keys) or "none", **used, **also},
            notes=(
                *source.axes.notes, *notes, *more, *masked, *about,
                f"frames: rows are taken to run along {turned[0]}, columns along {turned[1]}, {how}",
            ),
        )  # fmt: skip


def _chunks(file: Linked, name: str) -> list[int]:
    found = sorted(int(each) for each in file.names(CHUNKS) if each.isdecimal())
    if not found:
        raise InputError(f"{name}: {CHUNKS} holds no chunk; was the preparation stopped at its start?")
    if found != list(range(len(found))):
        lost = next(number for number in range(len(found)) if number not in found)
        raise InputError(f"{name}: {CHUNKS} has {len(found)} chunks without {lost}; prepare the data again")
    return found


def _arrays(file: Linked, numbers: list[int], name: str) -> tuple[ArraySource, Array, list[str]]:
    frames, positions, indices = [], [], []
    for number in numbers:
        parts = {role: file.dataset(f"{CHUNKS}/{number}/{role}") for role in ("data", "positions", "indices")}
        if parts["data"] is None or parts["positions"] is None:
            raise InputError(f"{name}: {CHUNKS}/{number} lacks data or positions; it has no scan in it")
        frames.append(parts["data"])
        positions.append(real(parts["positions"], f"{name}: {CHUNKS}/{number}/positions"))
        counts = [array.shape[0] if array.shape else 0 for array in (parts["data"], positions[-1])]
        if counts[0] != counts[1]:
            raise InputError(f"{name}: {CHUNKS}/{number} has {counts[0]} frames but {counts[1]} positions")
        if positions[-1].ndim != 2 or positions[-1].shape[1] != 2:
            raise InputError(f"{name}: {CHUNKS}/{number}/positions has shape {positions[-1].shape}; wanted (n, 2)")
        if parts["indices"] is not None:
            indices += real(parts["indices"], f"{name}: {CHUNKS}/{number}/indices").ravel().tolist()
    notes = [f"frames: {len(numbers)} chunks, in their order"]
    if indices and indices != sorted(indices):
        notes.append("frames: their indices in the scan are not in order; frames stand as in the file")
    return joined(list(frames), f"{name}: {CHUNKS}"), np.concatenate(positions), notes


def _mask(file: Linked, numbers: list[int]) -> tuple[Array | None, list[str]]:
    """A pixel that has the weight zero in any frame is masked; weights are looked at in blocks."""
    low: Array | None = None
    others = False
    for number in numbers:
        weights = file.dataset(f"{CHUNKS}/{number}/weights")
        # ptypy writes an empty group, or weights of one frame, where all frames have the same.
        if weights is None or weights.ndim not in (2, 3) or 0 in weights.shape:
            continue
        for _, block in blocks(weights):
            least = block if block.ndim == 2 else block.min(axis=0)
            others = others or bool(((block != 0) & (block != 1)).any())
            low = least if low is None or low.shape != least.shape else np.minimum(low, least)
    if low is None:
        shared = file.dataset(f"{META}/weight2d")
        low = np.asarray(shared[()]) if shared is not None and shared.ndim == 2 else None
    if low is None:
        return None, []
    bad = low <= 0
    notes = [f"weights: {int(bad.sum())} of {bad.size} pixels have the weight zero; masked"]
    if others:
        notes.append("weights: some are neither zero nor one; their size is not kept")
    own = file.dataset(f"{OWN}/instrument/detector/pixel_mask")
    if own is not None and own.shape == bad.shape and np.array_equal(np.asarray(own[()]) != 0, bad):
        return np.asarray(own[()], np.int32), [*notes, f"mask: the reasons stand in {OWN}"]
    return np.where(bad, USER_MASK, 0).astype(np.int32), notes


def known(file: Linked, path: str) -> Array | None:
    """Numbers that ptypy knew, as float64; None where there are none, or it marked them as None."""
    item = file.dataset(path)
    if item is None or item.dtype.kind not in "iuf" or as_text(item.attrs.get("type", "")) == "None":
        return None
    found = np.asarray(item[()], np.float64).ravel()
    return found if found.size and np.isfinite(found).all() else None


def _centre(file: Linked) -> tuple[float, float] | None:
    found = known(file, f"{META}/center")
    return None if found is None or found.size != 2 else (float(found[0]), float(found[1]))


def _values(file: Linked) -> tuple[dict[str, Value], list[str]]:
    values: dict[str, Value] = {}
    energy, distance, pixel = (known(file, f"{META}/{name}") for name in ("energy", "distance", "psize"))
    if energy is not None:
        values[meta.ENCODER] = float(energy[0]) * 1e3
    if distance is not None:
        values[meta.DISTANCE] = float(distance[0])
    if pixel is not None:
        values[meta.Y_PIXEL], values[meta.X_PIXEL] = float(pixel[0]), float(pixel[-1])
    notes = [f"{META}: {', '.join(sorted(values)) or 'nothing'} taken; energy in keV, lengths in m, as ptypy has them"]
    own = _own(file)
    if own:
        notes.append(f"{OWN}: what our own export wrote there is taken: {', '.join(sorted(own))}")
    return values | own, notes


def _own(file: Linked) -> dict[str, Value]:
    """Fields of our definition that our own export put into the file."""
    values: dict[str, Value] = {}
    for path, node in meta.SCAN.fields().items():
        item = file.dataset(f"{OWN}/{path}")
        if item is None:
            continue
        value = _field(item, node)
        if value is not None:
            values[path] = value
    return values


def _field(item: h5py.Dataset, node: nxdl.Node) -> Value | None:
    raw: Any = item[()]
    if item.dtype.kind in "iufb":
        return bool(raw) if node.type == "NX_BOOLEAN" else raw.item() if np.ndim(raw) == 0 else np.asarray(raw)
    return as_text(raw) or None


FORMAT = Format(
    name="ptyd",
    about="prepared data of ptypy (.ptyd), also with its chunks in files beside it",
    holds="raw scan",
    lacks=(
        "weights other than 0 and 1",
        "what only our own export adds: count_time, sample, instrument, source, times",
        *ALWAYS,
    ),
    detect=is_ptyd,
    read=read_ptyd,
)
