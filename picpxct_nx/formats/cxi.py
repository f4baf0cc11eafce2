"""CXI: far-field ptychography files of the Coherent X-ray Imaging Data Bank, version 1.6, as programs write them.

Conventions, each with its source ("CXI" is cxi_file_format.tex of github.com/cxidb/CXI):

- Laboratory (CXI "Coordinate System"): z along the beam, y up, x so that it is right-handed: ours.
- Units (CXI table of units): SI throughout; `source_1/energy` is the energy of a photon in J. A `units` attribute,
  which CXI does not ask for, is heeded where it stands.
- Translation (CXI "Geometry": of the origin of the object; "Scans": "the translation of the sample is scanned"): x, y,
  z of the sample in m: our stage, not negated. cdtools negates it to get the beam's position, the same statement.
  Programs put it in data_1, sample_1/geometry_1 or instrument_1/detector_1; that is the order of cdtools. z is left.
- Frames (CXI "The orientation of pixel detectors"): without `basis_vectors` rows run along -y and columns along -x, so
  that the imported frames are turned by 180 degrees. `basis_vectors` are rows of (2, 3); cdtools writes them (3, 2).
  Programs that ignore them and take the sample's translation for the beam's position in the image (ptychodus, SHARP)
  say the same: in an image turned by 180 degrees the two signs cancel.
- Beam: `corner_position` is the outer corner of the first pixel; the beam is at x = y = 0 (CXI, the same section).
- Mask (CXI "Detector", table of bits): 0 is good, and so is 0x1000 alone, a pixel with signal.
- Polarisation (CXI "Beam": "float array, variable"): four numbers are taken as a Stokes vector with I above zero, which
  our own export writes; anything else is left.
- Rotation (CXI "Geometry"): direction cosines x'.x, x'.y, x'.z, y'.x, y'.y, y'.z of the sample's axes; only a turn
  about the beam, by a from x towards y: (cos a, sin a, 0, -sin a, cos a, 0).
- Monitor: `data_1/intensities`, one number a frame, which is cdtools' addition. Its `data_dark` is not subtracted.
- Probe: `instrument_1/source_1/illumination` (SHARP, ptychodus) or `probe`, centred, in the frames' orientation.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import h5py
import numpy as np

from picpxct_nx import units
from picpxct_nx.errors import InputError
from picpxct_nx.formats.cxi_geometry import DETECTOR, TOLERANCE, read_geometry, scalar
from picpxct_nx.formats.foreign import ForeignScan, PositionAxes
from picpxct_nx.formats.form import Format, Source, Start
from picpxct_nx.formats.mapped import USER_MASK, as_probe, load_dataset, opened, read_arrays, safe_hdf5
from picpxct_nx.formats.selection import Key, describe, select
from picpxct_nx.simulate.spectra import HC_EV_M
from picpxct_nx.values import BLOCK_BYTES, Array, Value

E1 = "entry_1"
STOKES = f"{E1}/instrument_1/beam_1/incident_polarization"
ORIENTATION = f"{E1}/sample_1/geometry_1/orientation"
MONITOR = f"{E1}/data_1/intensities"
DARK = f"{DETECTOR}/data_dark"
SOURCE = f"{E1}/instrument_1/source_1"
DATA = (f"{E1}/data_1/data", f"{DETECTOR}/data")
TRANSLATION = (
    f"{E1}/data_1/translation",
    f"{E1}/sample_1/geometry_1/translation",
    f"{DETECTOR}/translation",
)
PROBE = (f"{SOURCE}/illumination", f"{SOURCE}/probe")
MASK = f"{DETECTOR}/mask"
AXES = PositionAxes("stage", ("+x", "+y"), "m")

TEXTS = {
    f"{E1}/title": "title",
    f"{E1}/experiment_identifier": "experiment_identifier",
    f"{E1}/sample_1/name": "sample/name",
    f"{E1}/instrument_1/name": "instrument/name",
    f"{SOURCE}/name": "instrument/source/name",
    f"{DETECTOR}/description": "instrument/detector/description",
}
TIMES = {f"{E1}/start_time": "start_time", f"{E1}/end_time": "end_time"}

# CXI's bits as those of NXdetector/pixel_mask: saturated, hot: over-responding; dead; missing: gap; noisy.
MASK_BITS = {0x2: 1 << 3, 0x4: 1 << 3, 0x8: 1 << 1, 0x200: 1 << 0, 0x400: 1 << 4}
HAS_SIGNAL = 0x1000
# What X-ray ptychography can be done with; a ring's energy, or eV written where CXI wants J, lies outside.
PHOTON_EV = (10.0, 1e6)


def is_cxi(start: Start) -> bool:
    """Whether an HDF5 file has the layout of CXI, by its version or by where its frames are."""
    return start.has("cxi_version") or any(start.has(path) for path in DATA)


@contextmanager
def read_cxi(source: Source) -> Iterator[ForeignScan]:
    """The scan of a CXI file; its frames can be read while the context lasts. Keys and axes overrule CXI.

    Raises
    ------
    InputError
        Frames or translations are not where CXI has them, two statements contradict each other, or the file is refused.
    """
    path, keys, axes = source.path, source.keys, source.axes
    with opened(path) as files:
        file = files.adopt(safe_hdf5(path))
        places, notes = _places(file, keys, path.name)
        arrays, more = read_arrays(files, places)
        geometry = read_geometry(file, arrays["data"].shape, axes.frames)
        energy, about_energy = _energy(file)
        texts, about_texts = _texts(file)
        sample, about_sample = _sample(file)
        if "mask" not in arrays and isinstance(file.get(MASK), h5py.Dataset):
            arrays["mask"], about_mask = _mask(load_dataset(file, MASK), arrays["data"].shape)
            more += about_mask
        if "probe" not in arrays:
            arrays["probe"], about_probe = _probe(file)
            more += about_probe
        yield ForeignScan(
            name=path.name,
            format="cxi",
            inputs=files.inputs,
            frames=arrays["data"],
            frame_axes=geometry.directions,
            positions=arrays["positions"],
            axes=axes.positions or AXES,
            probe=arrays["probe"],
            mask=arrays.get("mask"),
            monitor=arrays.get("monitor", _monitor(file, arrays["data"].shape)),
            beam_px=geometry.beam_px,
            metadata=texts | energy | sample | dict(geometry.values),
            options={"map": describe(places)},
            notes=(*axes.notes, *notes, *more, *geometry.notes, *about_energy, *about_texts, *about_sample),
        )


def _places(
    file: h5py.File, keys: Mapping[str, tuple[Key, ...]], name: str
) -> tuple[dict[str, tuple[Key, ...]], list[str]]:
    """Keys of frames and positions, those of CXI where the user named none."""
    places, notes = dict(keys), []
    for role, paths in (("data", DATA), ("positions", TRANSLATION)):
        found = next((path for path in paths if path in file), None)
        if role in places:
            continue
        if found is None:
            raise InputError(f"{name}: none of {', '.join(paths)} is there; say where with --map {role}=PATH")
        places[role] = (Key(f"/{found}"),)
        if role == "positions":
            places[role] = (Key(f"/{found}", (slice(None), slice(0, 2))),)
            notes.append(f"{found}: x and y of the sample's translation, as CXI says: taken as the stage's")
    return places, notes


def _energy(file: h5py.File) -> tuple[dict[str, Value], list[str]]:
    joule, notes = scalar(file, f"{SOURCE}/energy", "J")
    wavelength, more = scalar(file, f"{SOURCE}/wavelength", "m")
    notes += more
    found = joule * units.factor("J", "eV") if joule is not None else None
    if found is not None and not PHOTON_EV[0] < found < PHOTON_EV[1]:
        notes.append(f"{SOURCE}/energy: {joule:.6g} J is no photon energy, not taken (CXI wants the photon's, in J)")
        found = None
    from_wavelength = HC_EV_M / wavelength if wavelength is not None and wavelength > 0 else None
    if found is not None and from_wavelength is not None and abs(found / from_wavelength - 1) > TOLERANCE:
        raise InputError(
            f"{SOURCE}: energy {found:.6g} eV and wavelength {wavelength:.6g} m ({from_wavelength:.6g} eV) contradict "
            "each other; correct the file"
        )
    if found is None and from_wavelength is not None:
        found = from_wavelength
        notes.append(f"{SOURCE}/wavelength: {wavelength:.6g} m is a photon energy of {found:.6g} eV")
    elif found is not None:
        notes.append(f"{SOURCE}/energy: {joule:.6g} J is a photon energy of {found:.6g} eV")
    return ({"instrument/monochromator/energy": found} if found is not None else {}), notes


def _texts(file: h5py.File) -> tuple[dict[str, Value], list[str]]:
    values: dict[str, Value] = {}
    notes = []
    for path, ours in (TEXTS | TIMES).items():
        text = _text(file.get(path))
        if text is None:
            notes.append(f"{path}: is not UTF-8, not taken")
        if not text:
            continue
        if path in TIMES:
            try:
                when = datetime.fromisoformat(text)
            except ValueError:
                when = None
            if when is None or when.tzinfo is None:
                notes.append(f"{path}: '{text}' is no time with a zone, not taken")
                continue
            text = when.isoformat()
        values[ours] = text
    return values, notes


def _sample(file: h5py.File) -> tuple[dict[str, Value], list[str]]:
    """Polarisation, and rotation of the sample about the beam, where the file has them in a form that is understood."""
    values: dict[str, Value] = {}
    notes = []
    stokes = _numbers(file.get(STOKES))
    if stokes is not None and stokes.size == 4 and stokes[0] > 0:
        values["instrument/beam/incident_polarization_stokes"] = (stokes / stokes[0]).reshape(1, 4)
        notes.append(f"{STOKES}: {stokes.tolist()} is taken as a Stokes vector I, Q, U, V")
    turn = _numbers(file.get(ORIENTATION))
    if turn is not None and turn.size == 6:
        angle = float(np.arctan2(turn[1], turn[0]))
        expected = [np.cos(angle), np.sin(angle), 0, -np.sin(angle), np.cos(angle), 0]
        if np.allclose(turn, expected, atol=1e-6):
            values["sample/transformations/rotation"] = angle
            notes.append(f"{ORIENTATION}: a turn by {np.rad2deg(angle):.6g} deg about the beam")
        else:
            notes.append(f"{ORIENTATION}: {turn.tolist()} is no turn about the beam, not taken")
    if DARK in file:
        notes.append(f"{DARK}: dark frames are there; they are not subtracted")
    return values, notes


def _numbers(item: Any) -> Array | None:
    if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "iuf" or item.size > 100:
        return None
    found = np.asarray(item[()], np.float64).ravel()
    return found if np.isfinite(found).all() else None


def _monitor(file: h5py.File, shape: tuple[int, ...]) -> Array | None:
    item = file.get(MONITOR)
    if not isinstance(item, h5py.Dataset) or item.shape != tuple(shape[:1]) or item.dtype.kind not in "iuf":
        return None
    return np.asarray(item[()], np.float64)


def _text(item: Any) -> str | None:
    """The text of a dataset, empty where there is none, None where it is not UTF-8."""
    if not isinstance(item, h5py.Dataset) or h5py.check_string_dtype(item.dtype) is None or item.size != 1:
        return ""
    raw = np.asarray(item[()]).ravel()[0]
    try:
        return (raw.decode() if isinstance(raw, bytes) else str(raw)).strip()
    except UnicodeDecodeError:
        return None


def _mask(item: h5py.Dataset, shape: tuple[int, ...]) -> tuple[Array, list[str]]:
    """Mask of CXI bits as bits of NXdetector/pixel_mask; one for each frame becomes one for all."""
    notes = []
    if item.dtype.kind not in "biu":
        raise InputError(
            f"{MASK}: of type {item.dtype}; wanted whole numbers, the bits of CXI; name another with --map"
        )
    if item.ndim == 3 and item.shape == tuple(shape):
        raw = np.zeros(item.shape[1:], np.uint32)
        # As large as the frames themselves: in blocks.
        step = max(1, BLOCK_BYTES // (4 * raw.size))
        for start in range(0, len(item), step):
            raw |= np.bitwise_or.reduce(item[start : start + step].astype(np.uint32), axis=0)
        notes.append(f"{MASK}: one for each frame; a pixel that is bad in any frame is masked")
    else:
        raw = item[()]
    bits = raw.astype(np.uint32)
    bad = (bits != 0) & (bits != HAS_SIGNAL)
    ours = np.zeros(bits.shape, np.int32)
    known = np.zeros(bits.shape, bool)
    for theirs, mine in MASK_BITS.items():
        has = bad & (bits & theirs != 0)
        ours[has] |= mine
        known |= has
    ours[bad & ~known] = USER_MASK
    notes.append(f"{MASK}: {int(bad.sum())} of {bad.size} pixels are bad")
    return ours, notes


def _probe(file: h5py.File) -> tuple[Array | None, list[str]]:
    found = next((path for path in PROBE if path in file), None)
    if found is None:
        return None, []
    item = load_dataset(file, found)
    # ptychodus writes (orthogonal variation, mode, y, x); the first variation is the probe itself.
    source = select(item, (0,), found) if item.ndim == 4 else item
    probe, notes = as_probe(np.asarray(source[...]))
    return probe, [*notes, f"{found}: taken as the start probe"]


FORMAT = Format(
    name="cxi",
    about="Coherent X-ray Imaging files, version 1.6, of beamlines (ALS), cdtools, SHARP and ptychodus",
    holds="raw scan",
    lacks=("count_time", "energy_offset", "zone plate and defocus", "stokes and rotation, as most programs write it"),
    detect=is_cxi,
    read=read_cxi,
)
