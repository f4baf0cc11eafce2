"""PtychoShelves' reconstruction layout: a reconstruction as the HDF5 file that the cSAXS tools load.

Only the layout is used, no code. Layout and conventions as found in files and in the names that its reader asks for:

- `/reconstruction/object` and `/reconstruction/probes` are soft links into `/reconstruction/p/objects/object_0` and
  `/reconstruction/p/probes/probe_0`: complex compounds of r and i, (y, x) and (mode, y, x) in the order of C, which
  MATLAB sees as (x, y, mode) and its reader turns.
- `p/positions` (n, 2) rows, columns: the probe's first pixel on the object, counted from 0, in pixels; not rounded.
  `p/positions_real` (n, 2) the same in m, y, x: where the beam meets the sample (PtychoShelves negates the stage once,
  on reading); `p/positions_orig` are the positions as measured, those of the scan where --with names it.
- `p/dx_spec` pixel of the object y, x in m; `p/lambda` in m; `p/energy` in keV; `p/asize` pixels of the probe, y, x;
  `p/z` distance in m, where a scan or --set gives it; `p/ctr` pixel of the beam, counted from 1, rows, columns.
- Numbers are doubles of shape (1, 1), as MATLAB's are, and rows of n numbers have the shape (n, 1), which it reverses.
- Errors: `p/engines/engine_0/error_metric_final/em_0/{iteration, value, method, err_metric}`.
- Signs: PtychoShelves transforms with the FFT's kernel exp(-2 pi i q r), as we do, so that matter has negative phase.
"""

from collections.abc import Iterator
from functools import partial

import h5py
import numpy as np

from picpxct_nx.formats.exports.hdf5 import new_file, packed_array, put_text
from picpxct_nx.formats.exports.product import (
    Choices,
    ExportFormat,
    Product,
    Sink,
    companion,
    lost,
    origin,
    polarised,
    quantity,
)
from picpxct_nx.formats.exports.ptychodus import CARRIED as PRODUCT
from picpxct_nx.formats.exports.ptychodus import require_positions, step
from picpxct_nx.records import Reconstruction, Record, Scan
from picpxct_nx.simulate.spectra import wavelength
from picpxct_nx.values import Array

P = "/reconstruction/p"
CARRIED = (PRODUCT | {"convergence/engine"}) - {"positions/intensity"}


def products(record: Record, choices: Choices) -> Iterator[Product]:
    """The file of a reconstruction.

    Raises
    ------
    InputError
        Positions are not known.
    """
    assert isinstance(record, Reconstruction)  # noqa: S101  # the registry gives no other
    require_positions(record, "PtychoShelves' layout")
    scan = companion(record, Scan, choices.others)
    distance = quantity(choices, "distance", "m") or (scan.distance if scan is not None else None)
    notes = ["positions are pixels of the object, counted from 0 and not rounded, and positions_real their metres"]
    if distance is None:
        notes.append('p/z is left out: neither --with SCAN nor --set distance="7.2 m" says how far the detector is')
    if scan is None:
        notes.append("positions_orig are the reconstruction's: --with SCAN gives those as measured")
    yield Product(
        name=record.entry,
        write=partial(write, record, scan, distance),
        notes=tuple(notes),
        lost=lost(record, CARRIED),
    )


def write(record: Reconstruction, scan: Scan | None, distance: float | None, sink: Sink) -> None:
    """Write a reconstruction in PtychoShelves' layout."""
    with new_file(sink) as file:
        p = file.create_group(P)
        packed_array(p, "objects/object_0", np.asarray(record.transmission))
        packed_array(p, "probes/probe_0", np.asarray(record.probe))
        file["/reconstruction/object"] = h5py.SoftLink(f"{P}/objects/object_0")
        file["/reconstruction/probes"] = h5py.SoftLink(f"{P}/probes/probe_0")
        file["/reconstruction"].attrs["obnum"] = file["/reconstruction"].attrs["prnum"] = 1.0
        _write_positions(p, record, scan)
        _write_numbers(p, record, distance)
        if record.error is not None:
            _write_errors(p.create_group("engines/engine_0/error_metric_final/em_0"), record)
        put_text(p, "run_name", record.entry)
        comment = f"{record.title}; {polarised(record)}; {record.convention}; {origin(record)}"
        put_text(file.create_group("/measurement/meta_all/meta_all_0"), "comment", comment)


def _write_positions(p: h5py.Group, record: Reconstruction, scan: Scan | None) -> None:
    real = np.stack([np.asarray(record.position_y), np.asarray(record.position_x)], axis=1).astype(np.float64)
    pixel = np.array([step(record.y), step(record.x)])
    first = np.array([record.y[0], record.x[0]])
    half = np.array([n // 2 for n in record.probe.shape[-2:]])
    p["positions"] = (real - first) / pixel - half
    p["positions_real"] = real
    p["positions_orig"] = real if scan is None else _measured(scan, record)


def _measured(scan: Scan, record: Reconstruction) -> Array:
    measured = -np.stack([scan.stage_y, scan.stage_x], axis=1).astype(np.float64)
    return measured if record.position_frame is None else measured[np.asarray(record.position_frame)]


def _write_numbers(p: h5py.Group, record: Reconstruction, distance: float | None) -> None:
    size = np.array(record.probe.shape[-2:], np.float64)
    numbers = {
        "dx_spec": np.array([step(record.y), step(record.x)]),
        "asize": size,
        "ctr": size // 2 + 1,
        "object_size": np.array(record.transmission.shape, np.float64),
        "lambda": wavelength(record.energy_ev),
        "energy": record.energy_ev * 1e-3,
        "probe_modes": record.probe.shape[0],
        **dict.fromkeys(("object_modes", "numscans", "numobjs", "numprobs"), 1),
        "numpts": len(np.asarray(record.position_y)),
    }
    if distance is not None:
        numbers["z"] = distance
    for name, value in numbers.items():
        p[name] = _row(np.asarray(value, np.float64))


def _write_errors(metric: h5py.Group, record: Reconstruction) -> None:
    error = np.asarray(record.error, np.float64)
    metric["value"] = _row(error)
    numbers = np.arange(1, 1 + len(error)) if record.iteration is None else np.asarray(record.iteration)
    metric["iteration"] = _row(numbers.astype(np.float64))
    engines = [] if record.engine is None else [str(name) for name in record.engine]
    put_text(metric, "method", ", ".join(dict.fromkeys(engines)))
    put_text(metric, "err_metric", "Fourier error")


def _row(values: Array) -> Array:
    """What MATLAB sees as a row (1, n): (n, 1) in the order of C."""
    return np.atleast_2d(values).T


FORMAT = ExportFormat(
    name="ptychoshelves",
    about="PtychoShelves' reconstruction layout (HDF5, layout only): a reconstruction, for cSAXS tools; --with SCAN",
    suffix="_recons.h5",
    takes=(Reconstruction,),
    lacks=("sigma maps", "coverage and air", "background", "intensities", "the probe's variation", "the history"),
    products=products,
    heeds=frozenset({"with"}),
    asks={"distance": "m"},
    companions=(Scan,),
)
