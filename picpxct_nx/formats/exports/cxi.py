"""CXI, version 1.6: a raw scan as a file of the Coherent X-ray Imaging Data Bank.

Conventions, each with its source ("CXI" is cxi_file_format.tex of github.com/cxidb/CXI):

- Laboratory (CXI "Coordinate System"): z along the beam, y up, x so that it is right-handed: ours.
- Units: SI throughout; `source_1/energy` and `beam_1/incident_energy` are the energy of a photon in J.
- Frames (CXI "The orientation of pixel detectors"): rows along -y and columns along -x, "should be used as much as
  possible as many programs will assume it". Ours run along +y and +x, so every frame is turned by 180 degrees, and the
  basis vectors say so. Without the turn, programs that heed basis vectors (cdtools) and programs that do not
  (ptychodus) would disagree by an inversion of the object, which nothing in the data can show.
- Counts: CXI says "float array" and leaves the size open. Unsigned numbers are written as the next larger signed ones
  (uint16 as int32), which hold the same values and shrink to the same size: PyTorch, and with it cdtools, cannot mask
  unsigned ones.
- Translation (CXI "Geometry", "Scans"): x, y, z of the sample in m, our stage, not negated; z is 0. cdtools negates it
  to get the beam's position on the sample. ptychodus takes it for the beam's position in the image, which is the same
  in an image turned by 180 degrees. It stands in `sample_1/geometry_1`, linked from `data_1` where both look.
- Beam (same section): `corner_position` is the outer corner of the first pixel; the beam is at x = y = 0. A turn of an
  even number of pixels puts the beam one pixel before the middle; a program that assumes the middle finds that as a
  phase ramp of one period on its probe, and the same object.
- Sample's rotation (CXI "Geometry"): `orientation` holds the direction cosines x'.x, x'.y, x'.z, y'.x, y'.y, y'.z; a
  turn by a from x towards y is (cos a, sin a, 0, -sin a, cos a, 0).
- Polarisation (CXI "Beam": "float array, variable"): the Stokes vector I, Q, U, V.
- Mask (CXI "Detector", table of bits): 0 is good. Gap, dead, over-responding and noisy have bits there; any other
  reason is 0x80, "should not be trusted, for undefined reasons".
- Probe: `source_1/illumination` (SHARP, ptychodus), modes first, turned about [h // 2, w // 2] as the frames are: the
  scan's start probe, else the focus of its zone plate, which CXI has no place for.
- Groups carry the NeXus class of their name as well (CXI "uses the same coordinate system as NeXus" and its names), so
  that silx, HyperSpy and NeXpy plot the frames.
- Monitor: `data_1/intensities`, which is cdtools' addition; relative to its mean.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import h5py
import numpy as np

from picpxct_nx import __version__, units
from picpxct_nx.formats.exports.hdf5 import new_file, packed_array, put_text, turn_frames
from picpxct_nx.formats.exports.product import Choices, ExportFormat, Product, Sink, lost, origin, polarised
from picpxct_nx.illumination import start_probe
from picpxct_nx.records import Record, Scan
from picpxct_nx.values import Array

VERSION = 160
# NXdetector/pixel_mask bit by bit: gap, dead, over-responding, noisy; what CXI has no bit for is 0x80.
MASK_BITS = {1 << 0: 0x200, 1 << 1: 0x8, 1 << 3: 0x4, 1 << 4: 0x400}
BAD = 0x80

TEXTS = {
    "title": "title",
    "start_time": "start_time",
    "end_time": "end_time",
    "experiment_identifier": "experiment_identifier",
    "instrument/name": "instrument_1/name",
    "instrument/source/name": "instrument_1/source_1/name",
    "instrument/detector/description": "instrument_1/detector_1/description",
    "sample/name": "sample_1/name",
}
CLASSES = {
    ".": "NXentry", "data_1": "NXdata", "instrument_1": "NXinstrument", "instrument_1/source_1": "NXsource",
    "instrument_1/beam_1": "NXbeam", "instrument_1/detector_1": "NXdetector", "sample_1": "NXsample",
}  # fmt: skip
CARRIED = frozenset({
    *TEXTS, "entry_identifier_uuid", "assumed", "data/frame", "control/data", "instrument/beam/incident_energy",
    "instrument/beam/incident_polarization_stokes", "instrument/detector/data", "instrument/detector/pixel_mask",
    "instrument/detector/x_pixel_size", "instrument/detector/y_pixel_size", "instrument/detector/distance",
    "instrument/detector/beam_center_x", "instrument/detector/beam_center_y", "sample/transformations/x",
    "sample/transformations/y", "sample/transformations/rotation", "start_probe/",
})  # fmt: skip


def products(record: Record, _choices: Choices) -> Iterator[Product]:
    """The CXI file of a scan."""
    assert isinstance(record, Scan)  # noqa: S101  # the registry gives no other
    notes = [
        "frames turned by 180 degrees to rows along -y, columns along -x, as CXI wants, and so packed anew; "
        "translation is the sample's, not negated"
    ]
    strange = np.asarray(record.pixel_mask) & ~np.bitwise_or.reduce(list(MASK_BITS))
    if strange.any():
        notes.append(f"{np.count_nonzero(strange)} pixels are masked for reasons that CXI has no bit for: 0x80, bad")
    if record.monitor is not None:
        notes.append("the monitor is divided by its mean")
    if record.start_probe is None and _probe(record) is not None:
        notes.append("illumination is calculated from the zone plate and its defocus, which CXI cannot carry")
    yield Product(name=record.entry, write=partial(write, record), notes=tuple(notes), lost=lost(record, CARRIED))


def write(scan: Scan, sink: Sink) -> None:
    """Write a scan as a CXI file; frames are read, turned and written a few at a time."""
    with new_file(sink) as file:
        file["cxi_version"], file["number_of_entries"] = VERSION, 1
        entry = file.create_group("entry_1")
        values = scan.to_values()
        for path, theirs in TEXTS.items():
            if path in values:
                put_text(entry, theirs, str(values[path]))
        put_text(entry, "program_name", f"picpxct_nx {__version__}")
        put_text(entry, "experiment_description", f"{origin(scan)}; {polarised(scan)}")
        _write_beam(entry.require_group("instrument_1"), scan)
        _write_detector(entry.require_group("instrument_1/detector_1"), scan)
        _write_sample(entry.require_group("sample_1/geometry_1"), scan)
        _write_data(entry.create_group("data_1"), scan)
        for path, nx_class in CLASSES.items():
            entry[path].attrs["NX_class"] = nx_class
        file.attrs["default"], entry.attrs["default"] = "entry_1", "data_1"


def _write_beam(instrument: h5py.Group, scan: Scan) -> None:
    joule = scan.energy_ev * units.factor("eV", "J")
    source, beam = instrument.require_group("source_1"), instrument.create_group("beam_1")
    source["energy"] = beam["incident_energy"] = joule
    beam["incident_polarization"] = np.asarray(scan.stokes, np.float64).ravel()
    probe = _probe(scan)
    if probe is not None:
        packed_array(source, "illumination", turn_about_middle(probe))


def _probe(scan: Scan) -> Array | None:
    """The scan's start probe, else that of its zone plate, (modes, h, w); None where it has neither."""
    if scan.start_probe is None and (scan.zone_plate_diameter is None or scan.defocus is None):
        return None
    return np.asarray(start_probe(scan), np.complex64)


def _write_detector(detector: h5py.Group, scan: Scan) -> None:
    _, h, w = scan.frames.shape
    item = turn_frames(scan.frames, detector, "data", turn, signed(scan.frames.dtype))
    item.attrs["axes"] = "translation:y:x"
    detector["distance"] = scan.distance
    detector["x_pixel_size"], detector["y_pixel_size"] = scan.x_pixel_size, scan.y_pixel_size
    detector["basis_vectors"] = np.array([[0.0, -scan.y_pixel_size, 0.0], [-scan.x_pixel_size, 0.0, 0.0]])
    # The outer corner of our last pixel, which is the first one here.
    corner = [(w - 0.5) * scan.x_pixel_size - scan.beam_center_x, (h - 0.5) * scan.y_pixel_size - scan.beam_center_y]
    detector["corner_position"] = np.array([*corner, scan.distance])
    packed_array(detector, "mask", mask_bits(turn(np.asarray(scan.pixel_mask))))


def _write_sample(geometry: h5py.Group, scan: Scan) -> None:
    geometry["translation"] = np.stack([scan.stage_x, scan.stage_y, np.zeros_like(scan.stage_x)], axis=1)
    cosine, sine = np.cos(scan.rotation), np.sin(scan.rotation)
    geometry["orientation"] = np.array([cosine, sine, 0.0, -sine, cosine, 0.0])


def _write_data(data: h5py.Group, scan: Scan) -> None:
    data.attrs["signal"], data.attrs["axes"] = "data", [".", ".", "."]
    data["data"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/data")
    data["translation"] = h5py.SoftLink("/entry_1/sample_1/geometry_1/translation")
    if scan.monitor is not None:
        monitor = np.asarray(scan.monitor, np.float64)
        data["intensities"] = monitor / monitor.mean()


def signed(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type with a sign that holds all values of a type without one; any other type as it is."""
    return np.promote_types(dtype, "i1") if dtype.kind == "u" and dtype.itemsize < 8 else dtype


def turn(images: Array) -> Array:
    """Images (..., h, w) turned by 180 degrees: index k becomes h - 1 - k."""
    return images[..., ::-1, ::-1]


def turn_about_middle(images: Array) -> Array:
    """Images (..., h, w) turned by 180 degrees about [h // 2, w // 2], the place r = 0; a first row stays the first."""
    shift = tuple(1 - n % 2 for n in images.shape[-2:])
    return np.roll(turn(images), shift, (-2, -1))


def mask_bits(mask: Array) -> Array:
    """Bits of NXdetector/pixel_mask as those of CXI, uint32."""
    found = np.zeros(mask.shape, np.uint32)
    rest = mask.astype(np.int64)
    for ours, theirs in MASK_BITS.items():
        found[rest & ours != 0] |= np.uint32(theirs)
        rest &= ~ours
    found[rest != 0] |= np.uint32(BAD)
    return found


FORMAT = ExportFormat(
    name="cxi",
    about="Coherent X-ray Imaging files, version 1.6 (HDF5): a raw scan, for cdtools, ptychodus, SHARP",
    suffix=".cxi",
    takes=(Scan,),
    lacks=("count_time", "encoder energy and offset", "zone plate and defocus", "chemical formula", "the history"),
    products=products,
)
