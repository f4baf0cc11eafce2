"""ptychodus product: a reconstruction with its positions and probe as one HDF5 file.

Layout and conventions, from ptychodus 1.2 and 1.7 (`api/io.py`, `api/object.py`, `api/probe.py`; BSD-3-Clause), read,
not copied:

- Everything is in SI but the energy in eV: `photon_energy_eV`, before 1.7 `probe_energy_eV`: both are written, so that
  both read the file. The names of other root attributes say their units as well: `detector_object_distance_m`,
  `exposure_time_s` and `probe_photon_count`. A reconstruction holds neither distance nor
  exposure; the scan it was made from does (--with), or --set states them.
- `object` (layer, y, x), `probe` (varying mode, mode, y, x), complex; pixel sizes and the object's centre are
  attributes. Indices grow with the coordinates, as ours do.
- Positions: middle of the probe on the object. A coordinate r lies at the pixel (r - centre) / pixel + (W - 1) / 2 of
  the object, and a probe of w pixels begins (w - 1) / 2 before it (W / 2 and w / 2 before 1.7: the same difference).
  Ours begins w // 2 before the pixel at r, so that centre = x_0 + pixel (W / 2 + w // 2 - w / 2), with x_0 the
  coordinate of our first pixel.
- `probe_photon_count`: the probe's squared modulus summed over pixels and modes, as our probe is the square root of
  counts; `probe_photon_counts` (n,) is that times the refined intensity of each frame, where there is one.
- Losses: our Fourier error for each iteration.
- What varies over the scan: ptychodus' weights are real, ours complex; the mean probe goes out alone.
- `tomography_angle` is left out: our rotation is about the beam.
"""

from collections.abc import Iterator
from functools import partial

import h5py
import numpy as np

from picpxct_nx.errors import InputError
from picpxct_nx.formats.exports.hdf5 import new_file, packed_array
from picpxct_nx.formats.exports.product import (
    Choices,
    ExportFormat,
    Product,
    Sink,
    companion,
    lost,
    missing,
    origin,
    polarised,
    quantity,
)
from picpxct_nx.records import Reconstruction, Record, Scan
from picpxct_nx.values import Array

CARRIED = frozenset({
    "entry_identifier_uuid", "assumed", "title", "instrument/beam/incident_energy",
    "instrument/beam/incident_polarization_stokes", "sample/transformations/rotation", "phase_convention",
    "object/transmission", "object/y", "object/x", "phase/phase",
    "probe/probe", "probe/y", "probe/x", "positions/y", "positions/x", "positions/frame", "positions/intensity",
    "convergence/error", "convergence/iteration",
})  # fmt: skip


def products(record: Record, choices: Choices) -> Iterator[Product]:
    """The product of a reconstruction.

    Raises
    ------
    InputError
        Positions, distance or exposure are not known.
    """
    assert isinstance(record, Reconstruction)  # noqa: S101  # the registry gives no other
    require_positions(record, "a ptychodus product")
    scan = companion(record, Scan, choices.others)
    found = {
        "distance": quantity(choices, "distance", "m") or (scan and scan.distance),
        "count_time": quantity(choices, "count_time", "s") or (scan and scan.count_time),
    }
    lacking = {name: example for name, example in (("distance", "7.2 m"), ("count_time", "0.1 s")) if not found[name]}
    if lacking:
        raise missing(record, lacking, "a ptychodus product", ", or --with SCAN that it was made from")
    numbers = (float(found["distance"] or 0.0), float(found["count_time"] or 0.0))
    yield Product(
        name=record.entry,
        write=partial(write, record, numbers),
        notes=("positions are the centres of the probe on the object; the sample's rotation stands in comments",),
        lost=lost(record, CARRIED),
    )


def require_positions(record: Reconstruction, what: str) -> None:
    """Refuse a reconstruction without the positions of its probe.

    Raises
    ------
    InputError
        It has none.
    """
    if record.position_y is None or record.position_x is None:
        raise InputError(f"{record.entry}: has no positions, which {what} demands; reconstruct it anew")


def write(record: Reconstruction, numbers: tuple[float, float], sink: Sink) -> None:
    """Write a product; `numbers` are the distance of the detector in m and the exposure in s."""
    with new_file(sink) as file:
        probe = np.asarray(record.probe)
        file.attrs["name"] = record.entry
        file.attrs["comments"] = f"{record.title}; {polarised(record)}; {record.convention}; {origin(record)}"
        file.attrs["detector_object_distance_m"], file.attrs["exposure_time_s"] = numbers
        file.attrs["photon_energy_eV"] = file.attrs["probe_energy_eV"] = record.energy_ev
        photons = float(np.sum(np.abs(probe.astype(np.complex128)) ** 2))
        file.attrs["probe_photon_count"] = photons
        file.attrs["far_field"] = True
        _write_positions(file, record)
        if record.intensity is not None:
            file["probe_photon_counts"] = photons * np.asarray(record.intensity, np.float64)
        item = packed_array(file, "probe", probe[np.newaxis])
        item.attrs["pixel_height_m"], item.attrs["pixel_width_m"] = step(record.probe_y), step(record.probe_x)
        item = packed_array(file, "object", np.asarray(record.transmission)[np.newaxis])
        item.attrs["pixel_height_m"], item.attrs["pixel_width_m"] = step(record.y), step(record.x)
        item.attrs["center_y_m"] = centre(record.y, probe.shape[-2])
        item.attrs["center_x_m"] = centre(record.x, probe.shape[-1])
        file["object_layer_spacing_m"] = np.empty(0)
        _write_losses(file, record)


def _write_positions(file: h5py.File, record: Reconstruction) -> None:
    n = len(np.asarray(record.position_y))
    file["probe_position_indexes"] = np.arange(n) if record.position_frame is None else record.position_frame
    file["probe_position_y_m"] = np.asarray(record.position_y, np.float64)
    file["probe_position_x_m"] = np.asarray(record.position_x, np.float64)


def _write_losses(file: h5py.File, record: Reconstruction) -> None:
    error = np.empty(0) if record.error is None else np.asarray(record.error, np.float64)
    file["loss_epochs"] = np.arange(1, 1 + len(error)) if record.iteration is None else record.iteration
    file["loss_values"] = error


def step(axis: Array) -> float:
    """Size of a pixel of an even axis."""
    return float((axis[-1] - axis[0]) / (len(axis) - 1))


def centre(axis: Array, window: int) -> float:
    """Coordinate that ptychodus calls the object's centre, for a probe of `window` pixels."""
    return float(axis[0] + step(axis) * (len(axis) / 2 + window // 2 - window / 2))


FORMAT = ExportFormat(
    name="ptychodus",
    about="ptychodus product (HDF5): a reconstruction; --with SCAN, or --set distance and count_time",
    suffix=".h5",
    takes=(Reconstruction,),
    lacks=(
        "sigma maps", "coverage and air", "background", "the probe's variation", "engine names", "the history",
    ),
    products=products,
    heeds=frozenset({"with"}),
    asks={"distance": "m", "count_time": "s"},
    companions=(Scan,),
)  # fmt: skip
