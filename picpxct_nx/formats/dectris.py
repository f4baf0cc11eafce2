"""DECTRIS: master files of Eiger detectors, with their frames in files beside them, compressed by bitshuffle and LZ4.

Sources: the layouts that SIMPLON's FileWriter writes, V1 (NXmx of NeXus 3.2) and V2 (NXmx of 2022.07, in
github.com/dectris/documentation, filewriter_v2), and NXmx itself.

- Frames: V1 links /entry/data/data_000001 and so on to /entry/data/data of files beside the master; V2 has one virtual
  /entry/data/data of (images, channels, rows, columns). Links are followed within the folder of the master only.
- Orientation: geometry/orientation/value (V1: direction of the columns, then of the rows) or the `vector` of
  module/fast_pixel_direction and slow_pixel_direction (V2), in NeXus' laboratory: z along the beam, y up, ours. Where
  the file has neither, NXmx' example and DECTRIS' default serve: columns along -x, rows along -y.
- Units: those of the attributes; without one metres, seconds, eV, and angstrom for the wavelength, as V1 has them.
- Beam: beam_center_x, _y in pixels from pixel (0, 0). Zeros are what the detector writes where nobody set them.
- Mask: detectorSpecific/pixel_mask (V1), pixel_mask of the detector or of its channel (V2): bits of
  NXdetector/pixel_mask, ours. Pixels of the largest number, which the detector writes where it has no count, are
  masked as gaps where every frame has it.
- Saturation: detectorSpecific/countrate_correction_count_cutoff (V1), saturation_value (V2).
- Positions of the sample are in no such file.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import h5py
import numpy as np

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.formats.foreign import Directions, ForeignScan
from picpxct_nx.formats.form import ALWAYS, Format, Source, Start
from picpxct_nx.formats.linked import Linked, joined
from picpxct_nx.formats.mapped import Files, opened, read_arrays
from picpxct_nx.formats.places import number, text, time, whole
from picpxct_nx.formats.ranges import take
from picpxct_nx.formats.selection import Key, describe, select
from picpxct_nx.simulate.spectra import HC_EV_M
from picpxct_nx.values import Array, ArraySource, Value

DATA = "/entry/data"
DETECTOR = "/entry/instrument/detector"
SPECIFIC = f"{DETECTOR}/detectorSpecific"
BEAM = "/entry/instrument/beam"
DEFAULT: Directions = ("-y", "-x")
# Directions lean by less than this, or the detector is tilted.
TOLERANCE = 1e-3

NUMBERS = (
    ("instrument/detector/distance", f"{DETECTOR}/detector_distance", "m"),
    ("instrument/detector/distance", f"{DETECTOR}/distance", "m"),
    ("instrument/detector/x_pixel_size", f"{DETECTOR}/x_pixel_size", "m"),
    ("instrument/detector/y_pixel_size", f"{DETECTOR}/y_pixel_size", "m"),
    ("instrument/detector/count_time", f"{DETECTOR}/count_time", "s"),
    ("instrument/detector/sensor_thickness", f"{DETECTOR}/sensor_thickness", "m"),
    ("instrument/detector/threshold_energy", f"{DETECTOR}/threshold_energy", "eV"),
)
TEXTS = (
    ("instrument/detector/description", f"{DETECTOR}/description"),
    ("instrument/detector/serial_number", f"{DETECTOR}/detector_number"),
    ("instrument/detector/serial_number", f"{DETECTOR}/serial_number"),
    ("instrument/detector/sensor_material", f"{DETECTOR}/sensor_material"),
    ("instrument/name", "/entry/instrument/name"),
    ("instrument/source/name", "/entry/source/name"),
)
SATURATION = (f"{SPECIFIC}/countrate_correction_count_cutoff", f"{DETECTOR}/saturation_value")
MASKS = (f"{SPECIFIC}/pixel_mask", f"{DETECTOR}/pixel_mask")
TIMES = ("/entry/start_time", f"{SPECIFIC}/data_collection_date")


def is_dectris(start: Start) -> bool:
    """Whether an HDF5 file is a master: a detector of DECTRIS, or links to files of frames."""
    if start.file is None:
        return False
    linked = any(name.startswith("data_0") for name in start.file.names(DATA))
    return start.has(DETECTOR) and (linked or start.has(SPECIFIC) or text(start.file, "/entry/definition") == "NXmx")


@contextmanager
def read_dectris(source: Source) -> Iterator[ForeignScan]:
    """The scan of a master file; its frames can be read while the context lasts.

    Raises
    ------
    UsageError
        The map lacks positions, or the axes what they are.
    InputError
        Frames are missing or refused, or the detector is tilted.
    """
    if "positions" not in source.keys or source.axes.positions is None:
        raise UsageError(
            f"{source.path.name}: a master has no positions of the sample: add --map positions=FILE::Y+FILE::X and say "
            "with --axes what they are, for example stage:+y,+x:um"
        )
    with opened(source.path) as files:
        file = files.follow()
        frames, notes = _frames(files, file, source)
        frames, used = take(frames, source.stated.get("frames"), "frames")
        keys = {role: found for role, found in source.keys.items() if role != "data"}
        arrays, more = read_arrays(files, keys)
        positions, also = take(arrays["positions"], source.stated.get("positions"), "positions")
        values, about = _values(file)
        directions, turned = _directions(file, source)
        mask, masked = (arrays["mask"], []) if "mask" in arrays else _mask(file)
        beam, centred = _beam(file, tuple(frames.shape[1:]))
        yield ForeignScan(
            name=source.path.name,
            format="dectris",
            inputs=files.inputs,
            frames=frames,
            frame_axes=directions,
            positions=np.asarray(positions[...]),
            axes=source.axes.positions,
            probe=arrays.get("probe"),
            mask=mask,
            monitor=arrays.get("monitor"),
            beam_px=beam,
            metadata=values,
            options={"map": describe(source.keys), **used, **also},
            notes=(*source.axes.notes, *notes, *more, turned, *about, *masked, *centred),
        )


def _frames(files: Files, file: Linked, source: Source) -> tuple[ArraySource, list[str]]:
    if "data" in source.keys:
        return files.load(source.keys["data"][0]), []
    names = [name for name in file.names(DATA) if name.startswith("data_") and name[5:].isdecimal()]
    if not names:
        return _channel(files.load(Key(f"{DATA}/data")), file), [f"frames: {DATA}/data"]
    parts = [part for name in names if (part := file.frames(f"{DATA}/{name}")) is not None]
    expected = [f"data_{index:06d}" for index in range(1, len(names) + 1)]
    if names != expected:
        lost = next(name for name in expected if name not in names)
        raise InputError(f"{source.path.name}: {DATA} has {names[0]} to {names[-1]} without {lost}; restore the link")
    frames = joined(parts, f"{source.path.name}: {DATA}")
    return frames, [f"frames: {names[0]} to {names[-1]} of {DATA}, {frames.shape[0]} images"]


def _channel(frames: ArraySource, file: Linked) -> ArraySource:
    """Frames (n, h, w); of several channels the user must choose one."""
    if len(frames.shape) != 4:
        return frames
    if frames.shape[1] == 1:
        return select(frames, (slice(None), 0), "data")
    item = file.dataset(f"{DATA}/channel")
    raw = [] if item is None else np.asarray(item.asstr()[()]).ravel().tolist()
    raise UsageError(
        f"{file.path.name}: has {frames.shape[1]} channels ({', '.join(map(str, raw)) or 'without names'}); choose one "
        f"by its number with --map data={DATA}/data[:,0]"
    )


def _values(file: Linked) -> tuple[dict[str, Value], list[str]]:
    values: dict[str, Value] = {}
    notes: list[str] = []
    for ours, path, unit in NUMBERS:
        found, more = number(file, path, unit, unit)
        notes += more
        if found is not None and found <= 0:
            notes.append(f"{path}: is {found:g}, as where nobody set it; not taken")
        elif found is not None:
            values[ours] = found
    values |= {ours: word for ours, path in TEXTS if (word := text(file, path))}
    for path in TIMES:
        when, more = time(text(file, path), path)
        notes += more
        if when is not None:
            values.setdefault("start_time", when)
    for found_values, more in (_whole_numbers(file), _energy(file)):
        values |= found_values
        notes += more
    return values, notes


def _whole_numbers(file: Linked) -> tuple[dict[str, Value], list[str]]:
    values: dict[str, Value] = {}
    notes: list[str] = []
    for path in SATURATION:
        ceiling = whole(file, path)
        if ceiling is not None and ceiling > 0:
            values["instrument/detector/saturation_value"] = ceiling
            notes.append(f"{path}: {ceiling}, taken as the counts from which a pixel is saturated")
    depth = whole(file, f"{DETECTOR}/bit_depth_readout")
    if depth is not None:
        values["instrument/detector/bit_depth_readout"] = depth
    applied = whole(file, f"{DETECTOR}/countrate_correction_applied")
    if applied is not None:
        values["instrument/detector/countrate_correction_applied"] = bool(applied)
    return values, notes


def _energy(file: Linked) -> tuple[dict[str, Value], list[str]]:
    wavelength, notes = number(file, f"{BEAM}/incident_wavelength", "m", "angstrom")
    energy, more = number(file, f"{BEAM}/incident_energy", "eV", "eV")
    found = HC_EV_M / wavelength if wavelength is not None and wavelength > 0 else energy
    if found is None or found <= 0:
        return {}, notes + more
    place = "incident_wavelength" if found != energy else "incident_energy"
    said = f"{BEAM}/{place}: a photon energy of {found:.6g} eV, as the detector was told"
    return {"instrument/monochromator/energy": found}, [*notes, *more, said]


def _directions(file: Linked, source: Source) -> tuple[Directions, str]:
    if source.axes.frames is not None:
        rows, columns = source.axes.frames
        return source.axes.frames, f"frames: --axes says that rows run along {rows} and columns along {columns}"
    found, how = _vectors(file)
    if found is None:
        return DEFAULT, (
            f"frames: rows are taken to run along {DEFAULT[0]} and columns along {DEFAULT[1]}, as DECTRIS mounts them "
            "(--axes '...;frames:A,B' says otherwise)"
        )
    rows, columns = (_direction(vector, how) for vector in found)
    if rows[1] == columns[1]:
        raise InputError(f"{how}: rows and columns both run along {rows[1]}; correct the file, or say it with --axes")
    return (rows, columns), f"frames: rows run along {rows}, columns along {columns} ({how})"


def _vectors(file: Linked) -> tuple[tuple[Array, Array] | None, str]:
    """Directions of the rows' and the columns' index, and where they are."""
    place = f"{DETECTOR}/geometry/orientation/value"
    item = file.dataset(place)
    if item is not None and item.size == 6:
        both = np.asarray(item[()], np.float64).ravel()
        return (both[3:], both[:3]), place
    place = f"{DETECTOR}/module"
    vectors = [file.find(f"{place}/{name}_pixel_direction") for name in ("slow", "fast")]
    found = [
        np.asarray(v.attrs["vector"], np.float64).ravel() for v in vectors if v is not None and "vector" in v.attrs
    ]
    return ((found[0], found[1]), place) if len(found) == 2 and all(v.size == 3 for v in found) else (None, place)


def _direction(vector: Array, place: str) -> str:
    axis = int(np.argmax(np.abs(vector)))
    rest = np.delete(vector, axis)
    if axis == 2 or not np.isfinite(vector).all() or np.abs(rest).max() > TOLERANCE * abs(vector[axis]):
        raise InputError(f"{place}: {vector.tolist()} is along neither x nor y; a tilted detector is not read")
    return ("+" if vector[axis] > 0 else "-") + "xy"[axis]


def _mask(file: Linked) -> tuple[Array | None, list[str]]:
    channels = [name for name in file.names(DETECTOR) if name.endswith("_channel")]
    for path in (*MASKS, *(f"{DETECTOR}/{name}/pixel_mask" for name in channels[:1])):
        item = file.dataset(path)
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "iub":
            bits = np.asarray(item[()]).astype(np.uint32)
            return bits.view(np.int32), [f"{path}: {int((bits != 0).sum())} of {bits.size} pixels are bad"]
    return None, []


def _beam(file: Linked, shape: tuple[int, ...]) -> tuple[tuple[float, float] | None, list[str]]:
    found = [file.dataset(f"{DETECTOR}/beam_center_{axis}") for axis in "yx"]
    if any(item is None or item.size != 1 or item.dtype.kind not in "iuf" for item in found):
        return None, []
    y, x = (float(np.asarray(item[()]).ravel()[0]) for item in found if item is not None)
    if (y, x) == (0, 0):
        return None, [f"{DETECTOR}/beam_center_x, _y: are 0, as where nobody set them; not taken"]
    if not (0 <= y <= shape[0] - 1 and 0 <= x <= shape[1] - 1):
        return None, [f"{DETECTOR}/beam_center_x, _y: ({x:g}, {y:g}) is off the frames; not taken"]
    return (y, x), []


FORMAT = Format(
    name="dectris",
    about="master files of DECTRIS Eiger detectors (NXmx) with their data files; needs --map positions and --axes",
    holds="raw scan",
    lacks=("positions", "sample", "instrument and source in V1", *ALWAYS),
    detect=is_dectris,
    read=read_dectris,
)
