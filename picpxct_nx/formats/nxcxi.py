"""NXcxi_ptycho: NeXus files with CXI names, as Diamond's I08, I13 and I14 write them.

Sources: NXcxi_ptycho of the NeXus definitions, its open questions (definitions issues 628, 647, 668, 792), and CXI 1.6
for what it leaves to CXI. What it does not settle is taken as CXI has it, and told:

- Energy: `beam_1/incident_beam_energy`, `incident_energy` or `energy`, in the unit of their attribute, J without one;
  `source_1/energy` is the ring's, and is not read.
- Frames: `data_1/data`, else `detector_1/data`: (n, rows, columns), or of a raster (slow, fast, rows, columns), read
  one after the other. Names like frame_size_x do not say which is which: the last index is taken as the columns.
- Orientation: nothing says it; CXI's default, rows along -y and columns along -x.
- Translation: `data_1/translation`, `detector_1/translation` or `sample_1/geometry_1/translation`, (.., 3) or (.., 2)
  of x, y, z of the sample, in the unit of the attribute, m without one: our stage.
- Virtual datasets and links are followed within the folder of the file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from picpxct_nx import units
from picpxct_nx.errors import InputError
from picpxct_nx.formats import metadata as meta
from picpxct_nx.formats.cxi_geometry import DEFAULT_BASIS
from picpxct_nx.formats.foreign import ForeignScan, PositionAxes
from picpxct_nx.formats.form import ALWAYS, Format, Source, Start
from picpxct_nx.formats.linked import Linked
from picpxct_nx.formats.mapped import as_mask, opened, read_arrays
from picpxct_nx.formats.places import number, real, text, time
from picpxct_nx.formats.selection import describe
from picpxct_nx.values import Array, ArraySource, Value

ENTRY = "/entry_1"
INSTRUMENT = f"{ENTRY}/instrument_1"
DETECTOR, BEAM = f"{INSTRUMENT}/detector_1", f"{INSTRUMENT}/beam_1"
DATA = (f"{ENTRY}/data_1/data", f"{DETECTOR}/data")
TRANSLATION = (
    f"{ENTRY}/data_1/translation",
    f"{DETECTOR}/translation",
    f"{ENTRY}/sample_1/geometry_1/translation",
)
ENERGY = tuple(f"{BEAM}/{name}" for name in ("incident_beam_energy", "incident_energy", "energy"))
NUMBERS = (
    (meta.DISTANCE, f"{DETECTOR}/distance", "m"),
    (meta.X_PIXEL, f"{DETECTOR}/x_pixel_size", "m"),
    (meta.Y_PIXEL, f"{DETECTOR}/y_pixel_size", "m"),
    ("instrument/detector/count_time", f"{DETECTOR}/count_time", "s"),
)
TEXTS = (
    ("title", f"{ENTRY}/title"),
    ("sample/name", f"{ENTRY}/sample_1/name"),
    ("instrument/name", f"{INSTRUMENT}/name"),
    ("instrument/source/name", f"{INSTRUMENT}/source_1/name"),
    ("experiment_identifier", f"{ENTRY}/experiment_identifier"),
)


def is_nxcxi(start: Start) -> bool:
    """Whether an HDF5 file says that it is NXcxi_ptycho, or has its beam_1 with the frames."""
    if start.file is None:
        return False
    said = text(start.file, f"{ENTRY}/definition")
    return said == "NXcxi_ptycho" or (start.has(ENERGY[0]) and any(start.has(path) for path in DATA))


@dataclass(frozen=True)
class Raster:
    """Frames of a raster (slow, fast, rows, columns) as (n, rows, columns); each is read when it is sliced."""

    source: ArraySource

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of frames, rows, columns."""
        slow, fast, *image = self.source.shape
        return (slow * fast, *image)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the counts."""
        return np.dtype(self.source.dtype)

    def __getitem__(self, key: Any, /) -> Array:
        """Frames, or a part of them, in memory; the first item of the key is a whole number or a forward slice."""
        first, *rest = key if isinstance(key, tuple) else (key,)
        fast = self.source.shape[1]
        if isinstance(first, int | np.integer):
            place = int(first) % self.shape[0]
            return np.asarray(self.source[(place // fast, place % fast, *rest)])
        rows = range(self.shape[0])[first if isinstance(first, slice) else slice(None)]
        if not rows:
            return np.asarray(self.source[(0, slice(0, 0), *rest)])
        # Line by line: a run of the fast axis is one reading.
        pieces = []
        for slow in range(rows[0] // fast, rows[-1] // fast + 1):
            inside = [row - slow * fast for row in rows if row // fast == slow]
            if inside:
                pieces.append(np.asarray(self.source[(slow, slice(inside[0], inside[-1] + 1, rows.step), *rest)]))
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


@contextmanager
def read_nxcxi(source: Source) -> Iterator[ForeignScan]:
    """The scan of an NXcxi_ptycho file; its frames can be read while the context lasts. Keys and axes overrule it.

    Raises
    ------
    InputError
        Frames or translations are not there, or a unit is unknown.
    """
    with opened(source.path) as files:
        file = files.follow()
        arrays, notes = read_arrays(files, source.keys)
        if "data" not in arrays:
            arrays["data"], about = _frames(file)
            notes += about
        axes = source.axes.positions
        if "positions" not in arrays:
            arrays["positions"], unit, about = _translation(file)
            axes = axes or PositionAxes("stage", ("+x", "+y"), unit)
            notes += about
        elif axes is None:
            raise InputError(f"{source.path.name}: --map names the positions; say with --axes what they are")
        if "mask" not in arrays:
            arrays["mask"], about = _mask(file)
            notes += about
        values, about = _values(file)
        turned = source.axes.frames or DEFAULT_BASIS
        how = "--axes" if source.axes.frames else "nothing says so: CXI's default; --axes '...;frames:A,B' is heeded"
        yield ForeignScan(
            name=source.path.name,
            format="nxcxi",
            inputs=files.inputs,
            frames=arrays["data"],
            frame_axes=turned,
            positions=np.asarray(arrays["positions"]),
            axes=axes,
            probe=arrays.get("probe"),
            mask=arrays["mask"],
            monitor=arrays.get("monitor", _monitor(file, arrays["data"].shape[0])),
            metadata=values,
            options={"map": describe(source.keys) or "none"},
            notes=(
                *source.axes.notes, *notes, *about,
                f"frames: rows are taken to run along {turned[0]}, columns along {turned[1]} ({how})",
            ),
        )  # fmt: skip


def _frames(file: Linked) -> tuple[ArraySource, list[str]]:
    for path in DATA:
        found = file.frames(path)
        if found is not None and not found.shape:
            raise InputError(f"{file.path.name}: {path}: is one number; wanted frames (n, rows, columns)")
        if found is not None and len(found.shape) == 4:
            return Raster(found), [f"frames: {path}, a raster of {found.shape[0]} x {found.shape[1]} in that order"]
        if found is not None:
            return found, [f"frames: {path}"]
    raise InputError(f"{file.path.name}: none of {', '.join(DATA)} is there; say where with --map data=PATH")


def _translation(file: Linked) -> tuple[Array, str, list[str]]:
    """Columns x, y as stored, their unit, and where they were."""
    for path in TRANSLATION:
        found = file.frames(path)
        if found is None:
            continue
        if len(found.shape) < 2 or found.shape[-1] not in (2, 3):
            raise InputError(f"{file.path.name}: {path}: shape {found.shape}; wanted (n, 3) of x, y, z")
        item: Any = file.dataset(path)
        unit, note = _length(item.attrs.get("units"), path)
        columns = real(found, path).reshape(-1, found.shape[-1])[:, :2]
        notes = [f"{path}: x and y of the sample's translation, as CXI says: taken as the stage's"]
        return columns, unit, notes + ([note] if note else [])
    raise InputError(f"{file.path.name}: none of {', '.join(TRANSLATION)} is there; add --map positions and --axes")


def _length(unit: Any, path: str) -> tuple[str, str | None]:
    if unit is None:
        return "m", f"{path}: has no unit; taken as m, as CXI says"
    found, note = units.translate(unit.decode() if isinstance(unit, bytes) else str(unit))
    units.factor(found, "m")
    return found, f"{path}: {note}" if note else None


def _mask(file: Linked) -> tuple[Array | None, list[str]]:
    for name in ("pixel_mask", "mask"):
        item = file.dataset(f"{DETECTOR}/{name}")
        if item is not None and item.ndim == 2:
            if name == "pixel_mask" and item.dtype.kind in "iu":
                bits = np.asarray(item[()]).astype(np.int32)
                return bits, [f"{DETECTOR}/{name}: {int((bits != 0).sum())} of {bits.size} pixels are bad"]
            return as_mask(np.asarray(item[()]), f"{DETECTOR}/{name}")
    return None, []


def _monitor(file: Linked, count: int) -> Array | None:
    for group in ("monitor", "monitor_1"):
        found = file.frames(f"{INSTRUMENT}/{group}/data")
        if found is not None and int(np.prod(found.shape)) == count:
            return real(found, f"{INSTRUMENT}/{group}/data").ravel()
    return None


def _values(file: Linked) -> tuple[dict[str, Value], list[str]]:
    values: dict[str, Value] = {}
    notes: list[str] = []
    for ours, path, unit in NUMBERS:
        found, more = number(file, path, unit, unit)
        notes += more
        if found is not None:
            values[ours] = found
    for path in ENERGY:
        energy, more = number(file, path, "eV", "J")
        if energy is not None and energy > 0:
            values[meta.ENCODER] = energy
            notes += [*more, f"{path}: a photon energy of {energy:.6g} eV"]
            break
    values |= {ours: word for ours, path in TEXTS if (word := text(file, path))}
    for ours in ("start_time", "end_time"):
        when, more = time(text(file, f"{ENTRY}/{ours}"), f"{ENTRY}/{ours}")
        notes += more
        if when is not None:
            values[ours] = when
    return values, notes


FORMAT = Format(
    name="nxcxi",
    about="NXcxi_ptycho: NeXus files with CXI names, of Diamond's I08, I13 and I14",
    holds="raw scan",
    lacks=("the orientation of the frames", "count_time", *ALWAYS),
    detect=is_nxcxi,
    read=read_nxcxi,
)
