"""PtychoShelves: prepared data and reconstructions, HDF5 files; two formats, layouts only.

Layouts and conventions, from the files' own names and from reading how PtychoShelves (J. Appl. Cryst. 53, 574 (2020))
writes them; its licence is academic, and no line of it is here.

Prepared data (`*_data_NNNxNNN.h5`, attribute format = 2):
- `measurement/nK/data`: intensities (n, y, x) of scan K, scaled by one number for all, zero frequency at [0, 0].
- `measurement/nK/positions` (n, 2), rows then columns: first pixel of the probe on the object, ROUNDED to whole pixels
  lambda z / (N p); the sub-pixel part is lost. A reconstruction's positions or those of the scan are better.
- `detector/nK`: `modules` (m, 4) of rows, columns, first row, first column; `bad_pixels` (k, 2) rows, columns from 0. A
  pixel outside of every module is a gap. Both are in the layout of the data.
- Neither energy, distance nor pixel size is in it.

Reconstruction (`*_recons.h5`):
- `reconstruction/p/objects/object_0` (.., y, x) and `p/probes/probe_0` (mode, y, x), compounds of r and i, with links
  `reconstruction/object` and `probes` to them; MATLAB's axes were turned when they were written.
- `p/dx_spec` pixel y, x in m; `p/energy` in keV, `p/lambda` in m (1.2398e-9 / keV).
- `p/positions` (n, 2) rows, columns: first pixel of the probe, from 0, in pixels; its middle is [h // 2, w // 2].
  `p/positions_real` (n, 2) y, x in m: where the beam meets the sample, the stage's translation negated.
- `p/engines/*/error_metric_final/em_0/value`: what each engine minimised, an iteration each; engines differ in that.
- `measurement/data` is a link to the prepared data, often elsewhere; it is not followed.

Rows are taken to run along +y and columns along +x: in PtychoShelves' image the beam meets the sample at minus the
stage. The transform has the FFT's kernel exp(-2 pi i q r), ours: matter has negative phase.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from picpxct_nx.errors import InputError
from picpxct_nx.formats.csaxs_folders import natural
from picpxct_nx.formats.foreign import OURS, ForeignScan, PositionAxes
from picpxct_nx.formats.foreign_images import ForeignReconstruction, one_layer
from picpxct_nx.formats.form import ALWAYS, Format, Source, Start
from picpxct_nx.formats.linked import Linked
from picpxct_nx.formats.mapped import as_probe, opened, read_arrays
from picpxct_nx.formats.metadata import INCIDENT
from picpxct_nx.formats.places import real
from picpxct_nx.formats.selection import describe
from picpxct_nx.values import Array, Value

MEASUREMENT, DETECTOR = "/measurement", "/detector"
P = "/reconstruction/p"
OBJECTS = ("/reconstruction/object", f"{P}/objects/object_0")
PROBES = ("/reconstruction/probes", f"{P}/probes/probe_0")
AXES = PositionAxes("probe", ("+y", "+x"), "pixel")
# h c in eV m with which it makes a wavelength of an energy; with that of CODATA the energy would be 0.19 eV off.
HC = 1.2398e-6
# Bits of NXdetector/pixel_mask: a gap, and dead.
GAP, DEAD = 1 << 0, 1 << 1


def is_prepared(start: Start) -> bool:
    """Whether an HDF5 file has scans as PtychoShelves prepares them."""
    return start.has(f"{MEASUREMENT}/n0/data", f"{MEASUREMENT}/n0/positions")


def is_recons(start: Start) -> bool:
    """Whether an HDF5 file has a reconstruction as PtychoShelves stores it."""
    return start.has(P) and any(start.has(path) for path in OBJECTS)


@contextmanager
def read_prepared(source: Source) -> Iterator[ForeignScan]:
    """The scan of prepared data; --map data=/measurement/nK/data chooses one of several.

    Raises
    ------
    InputError
        There are several scans, or something is missing.
    """
    with opened(source.path) as files:
        file, name = files.follow(), source.path.name
        which = _choose(file, source, name)
        frames, positions = (file.frames(f"{MEASUREMENT}/{which}/{role}") for role in ("data", "positions"))
        if frames is None or positions is None:
            raise InputError(f"{name}: {MEASUREMENT}/{which} lacks data or positions; prepare the data again")
        if len(frames.shape) != 3:
            raise InputError(f"{name}: {MEASUREMENT}/{which}/data has shape {frames.shape}; wanted (n, y, x)")
        arrays, notes = read_arrays(files, {role: key for role, key in source.keys.items() if role != "data"})
        mask, masked = _mask(file, which, (frames.shape[1], frames.shape[2]))
        if "positions" not in arrays:
            notes.append(
                "positions: PtychoShelves ROUNDED them to whole pixels here; better ones are in the scan's table or "
                f"the reconstruction (--map positions=FILE::{P}/positions_real --axes probe:+y,+x:m)"
            )
        yield ForeignScan(
            name=name,
            format="ptychoshelves-data",
            inputs=files.inputs,
            frames=frames,
            frame_axes=source.axes.frames or OURS,
            positions=np.asarray(arrays.get("positions", positions[...])),
            axes=source.axes.positions or AXES,
            probe=arrays.get("probe"),
            mask=arrays.get("mask", mask),
            monitor=arrays.get("monitor"),
            corner=True,
            options={"map": describe(source.keys) or f"data={MEASUREMENT}/{which}/data"},
            notes=(*source.axes.notes, *notes, *masked, "frames: rows along +y, columns along +x of its image"),
        )


def _choose(file: Linked, source: Source, name: str) -> str:
    found = [each for each in file.names(MEASUREMENT) if each.startswith("n") and each[1:].isdecimal()]
    if "data" in source.keys:
        chosen = next((part for part in source.keys["data"][0].name.split("/") if part in found), None)
        if chosen is None:
            raise InputError(f"{name}: {MEASUREMENT} has {', '.join(found)}; correct --map data")
        return chosen
    if len(found) > 1:
        raise InputError(
            f"{name}: {MEASUREMENT} has {len(found)} scans ({', '.join(found[:8])}); choose one with "
            f"--map data={MEASUREMENT}/{found[0]}/data"
        )
    return found[0]


def _mask(file: Linked, which: str, shape: tuple[int, int]) -> tuple[Array | None, list[str]]:
    modules, bad = (_whole_rows(file, f"{DETECTOR}/{which}/{name}") for name in ("modules", "bad_pixels"))
    if modules is None and bad is None:
        return None, []
    mask = np.zeros(shape, np.int32)
    if modules is not None and modules.ndim == 2 and modules.shape[1] == 4:
        mask[...] = GAP
        for rows, columns, y, x in modules:
            mask[y : y + rows, x : x + columns] = 0
    if bad is not None and bad.ndim == 2 and bad.shape[1] == 2 and len(bad):
        y, x = bad.T
        if y.max() >= shape[0] or x.max() >= shape[1]:
            raise InputError(f"{file.path.name}: {DETECTOR}/{which}/bad_pixels: some are off the frames of {shape}")
        mask[y, x] = DEAD
    return mask, [f"{DETECTOR}/{which}: {int((mask != 0).sum())} of {mask.size} pixels are gaps or bad"]


def _whole_rows(file: Linked, path: str) -> Array | None:
    """Rows of whole numbers, int64; None where there are none.

    Raises
    ------
    InputError
        They are not whole, or negative.
    """
    item = file.dataset(path)
    if item is None:
        return None
    found = real(item, f"{file.path.name}: {path}")
    if not (np.isfinite(found).all() and (found >= 0).all() and (found == np.rint(found)).all()):
        raise InputError(f"{file.path.name}: {path}: holds what are no places of pixels; prepare the data again")
    return found.astype(np.int64)


@contextmanager
def read_recons(source: Source) -> Iterator[ForeignReconstruction]:
    """The reconstruction in a file of PtychoShelves.

    Raises
    ------
    InputError
        Something is missing, or there are several layers.
    """
    with opened(source.path) as files:
        file, name = files.follow(), source.path.name
        image, notes = one_layer(_complex(file, OBJECTS, name), f"{name}: object")
        waves = _complex(file, PROBES, name)
        probe, more = as_probe(waves.reshape(-1, *waves.shape[-2:]))
        size = _numbers(file, f"{P}/dx_spec")
        if size is None or not 1 <= size.size <= 2:
            raise InputError(f"{name}: has no {P}/dx_spec, the size of a pixel; it cannot be placed without")
        pixel = (float(size[0]), float(size[-1]))
        positions, origin, about = _positions(file, pixel, probe.shape[-2:], image.shape)
        values, told = _values(file)
        yield ForeignReconstruction(
            name=name,
            format="ptychoshelves",
            inputs=files.inputs,
            transmission=image,
            pixel=pixel,
            origin=origin,
            probe=probe,
            positions=positions,
            error=_errors(file),
            metadata=values,
            notes=(*notes, *more, *about, *told, "rows along +y, columns along +x of PtychoShelves' image"),
        )


def _complex(file: Linked, paths: tuple[str, ...], name: str) -> Array:
    item = next((found for path in paths if (found := file.dataset(path)) is not None), None)
    if item is None:
        raise InputError(f"{name}: none of {', '.join(paths)} is there; is it a whole reconstruction?")
    wave, _ = as_probe(np.asarray(item[()]))
    if wave.ndim < 2 or 0 in wave.shape:
        raise InputError(f"{name}: {item.name} has shape {wave.shape}; wanted an image (rows, columns)")
    return wave


def _numbers(file: Linked, path: str) -> Array | None:
    item = file.dataset(path)
    return None if item is None or item.dtype.kind not in "iuf" else np.asarray(item[()], np.float64).ravel()


def _positions(
    file: Linked, pixel: tuple[float, float], window: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[Array | None, tuple[float, float], list[str]]:
    """Positions in m, the coordinate of the first pixel, and how the two are known."""
    found = [file.dataset(f"{P}/{name}") for name in ("positions", "positions_real")]
    corners, beam = (None if item is None else real(item, f"{file.path.name}: {item.name}") for item in found)
    middle = np.array([n // 2 for n in window])
    if corners is None or corners.ndim != 2 or corners.shape[1] != 2:
        origin = [-p * (n // 2) for p, n in zip(pixel, shape, strict=True)]
        return None, (origin[0], origin[1]), [f"{P}/positions: none; the middle of the object is taken as 0"]
    if beam is None or beam.shape != corners.shape:
        first = -np.asarray(pixel) * (np.array(shape) // 2)
        told = f"{P}/positions_real: none; the middle of the object is taken as 0"
    else:
        first = np.median(beam - (corners + middle) * pixel, axis=0)
        told = f"{P}/positions, refined or not, in pixels; placed by {P}/positions_real, the beam on the sample in m"
    placed = first + (corners + middle) * pixel
    return placed, (float(first[0]), float(first[1])), [told]


def _errors(file: Linked) -> Array | None:
    """What the engines minimised, one after the other; None where it is not finite or not positive."""
    found = [
        values
        for engine in sorted(file.names(f"{P}/engines"), key=lambda name: natural(Path(name)))
        for metric in file.names(f"{P}/engines/{engine}/error_metric_final")[:1]
        if (values := _numbers(file, f"{P}/engines/{engine}/error_metric_final/{metric}/value")) is not None
    ]
    error = np.concatenate(found) if found else np.empty(0)
    return error if len(error) and np.isfinite(error).all() and (error >= 0).all() else None


def _values(file: Linked) -> tuple[dict[str, Value], list[str]]:
    energy, wavelength = _numbers(file, f"{P}/energy"), _numbers(file, f"{P}/lambda")
    if energy is not None and energy.size == 1 and energy[0] > 0:
        return {INCIDENT: float(energy[0]) * 1e3}, [f"{P}/energy: {energy[0]:.9g} keV"]
    if wavelength is not None and wavelength.size == 1 and wavelength[0] > 0:
        energy_ev = HC / float(wavelength[0])
        return {INCIDENT: energy_ev}, [
            f"{P}/lambda: {wavelength[0]:.6g} m is {energy_ev:.6g} eV by its own h c, {HC} eV m"
        ]
    return {}, []


PREPARED = Format(
    name="ptychoshelves-data",
    about="prepared data of PtychoShelves (HDF5, layout only); positions are rounded there",
    holds="raw scan",
    lacks=("positions below a pixel", "energy", "distance", "pixel_size", "count_time", "sample", *ALWAYS),
    detect=is_prepared,
    read=read_prepared,
)
RECONS = Format(
    name="ptychoshelves",
    about="reconstructions of PtychoShelves (HDF5, layout only)",
    holds="reconstruction",
    lacks=("title", "stokes", "rotation", "sample"),
    detect=is_recons,
    read=read_recons,
)
