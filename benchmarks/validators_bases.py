"""Valid files of standard definitions, written by hand as small trees: the ground that the one-fault variants stand on.

A key `name:NXclass` is a group, `@name` an attribute, anything else a field; a field with attributes is a pair of value
and attributes; a `Link` is a soft link whose target carries @target.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Tree = dict[str, Any]


@dataclass(frozen=True)
class Link:
    """A soft link inside the file."""

    target: str


def u(value: Any, units: str, **attributes: Any) -> tuple[Any, Tree]:
    """A field with units and perhaps other attributes."""
    return value, {"units": units, **attributes}


def _plot(signal: str, axes: list[str], **members: Any) -> Tree:
    return {"@signal": signal, "@axes": axes, **members}


SOURCE = {"type": "Synchrotron X-ray Source", "name": "PETRA III", "probe": "x-ray"}
_RNG = np.random.default_rng(1)
_T0, _T1 = "2024-05-01T08:00:00+02:00", "2024-05-01T09:00:00+02:00"


def _stxm() -> Tree:
    n_e, n_y, n_x = 3, 4, 5
    energy = np.linspace(280.0, 290.0, n_e)
    y, x = np.linspace(-2, 2, n_y), np.linspace(-3, 3, n_x)
    counts = _RNG.poisson(100, (n_e, n_y, n_x))
    e_all, y_all, x_all = (a.ravel() for a in np.meshgrid(energy, y, x, indexing="ij"))
    return {
        "@default": "data", "title": "stack", "start_time": _T0, "end_time": _T1, "definition": "NXstxm",
        "instrument:NXinstrument": {
            "source:NXsource": dict(SOURCE),
            "monochromator:NXmonochromator": {"energy": u(e_all, "eV")},
            "detector:NXdetector": {"data": counts.ravel()},
            "sample_x:NXdetector": {"data": u(x_all, "um")},
            "sample_y:NXdetector": {"data": u(y_all, "um")},
        },
        "sample:NXsample": {"rotation_angle": u(0.0, "deg")},
        "control:NXmonitor": {"data": _RNG.random(n_e * n_y * n_x)},
        "data:NXdata": _plot(
            "data", ["energy", "sample_y", "sample_x"], stxm_scan_type="sample image stack", data=counts,
            energy=u(energy, "eV"), sample_y=u(y, "um"), sample_x=u(x, "um"),
        ),
    }  # fmt: skip


def _axis(value: Any, units: str, kind: str, vector: list[int], depends_on: str) -> tuple[Any, Tree]:
    return u(value, units, transformation_type=kind, vector=np.array(vector, float), depends_on=depends_on)


def _tomo() -> Tree:
    n, n_y, n_x = 6, 4, 5
    base = "/entry/instrument/detector"
    return {
        "@default": "data", "title": "tomogram", "start_time": _T0, "end_time": _T1, "definition": "NXtomo",
        "instrument:NXinstrument": {
            "source:NXsource": dict(SOURCE),
            "detector:NXdetector": {
                "data": _RNG.poisson(100, (n, n_y, n_x)), "image_key": np.array([2, 1, 0, 0, 0, 0]),
                "x_pixel_size": u(0.65, "um"), "y_pixel_size": u(0.65, "um"), "distance": u(0.1, "m"),
                "count_time": u(np.full(n, 0.1), "s"),
            },
            "beam:NXbeam": {"incident_energy": u(12000.0, "eV"), "extent": u(np.array([[1.0, 1.0]]), "mm")},
        },
        "sample:NXsample": {
            "name": "bone", "rotation_angle": u(np.linspace(0, 180, n), "degree"),
            "x_translation": u(np.zeros(n), "mm"), "temperature": u(293.0, "K"),
            "unit_cell_abc": u(np.array([3.0, 4.0, 5.0]), "angstrom"), "depends_on": "transformations/phi",
            "transformations:NXtransformations": {
                "phi": _axis(np.linspace(0, 180, n), "degree", "rotation", [0, 1, 0], "x"),
                "x": _axis(np.zeros(n), "mm", "translation", [1, 0, 0], "."),
            },
        },
        "control:NXmonitor": {"data": u(_RNG.random(n), "counts")},
        "data:NXdata": _plot(
            "data", ["rotation_angle", ".", "."], data=Link(f"{base}/data"), image_key=Link(f"{base}/image_key"),
            rotation_angle=Link("/entry/sample/rotation_angle"),
        ),
    }  # fmt: skip


def _tomoproc() -> Tree:
    return {
        "@default": "data", "title": "volume", "definition": "NXtomoproc",
        "instrument:NXinstrument": {"source:NXsource": dict(SOURCE)},
        "sample:NXsample": {"name": "bone"},
        "reconstruction:NXprocess": {
            "program": "tomopy", "version": "1.14", "date": _T1, "sequence_index": 1,
            "parameters:NXparameters": {"raw_file": "raw.nxs"},
        },
        "data:NXdata": _plot(
            "data", ["x", "y", "z"],
            data=(_RNG.random((3, 4, 5)), {"transform": "none", "offset": "0", "scaling": "1"}),
            data_errors=_RNG.random((3, 4, 5)), x=u(np.arange(3.0), "um"), y=u(np.arange(4.0), "um"),
            z=u(np.arange(5.0), "um"),
        ),
    }  # fmt: skip


def _xas() -> Tree:
    n = 8
    return {
        "@default": "data", "title": "edge", "start_time": _T0, "definition": "NXxas",
        "instrument:NXinstrument": {
            "source:NXsource": dict(SOURCE),
            "monochromator:NXmonochromator": {"energy": u(np.linspace(5450, 5550, n), "eV")},
            "incoming_beam:NXdetector": {"data": _RNG.poisson(100, n)},
            "absorbed_beam:NXdetector": {"data": _RNG.poisson(100, n)},
        },
        "sample:NXsample": {"name": "V2O5", "chemical_formula": "O5 V2"},
        "monitor:NXmonitor": {"mode": "timer", "preset": 1.0, "data": _RNG.poisson(100, n)},
        "user:NXuser": {"name": "A. Person", "role": "principal_investigator"},
        "data:NXdata": _plot(
            "absorbed_beam", ["energy"], energy=Link("/entry/instrument/monochromator/energy"),
            absorbed_beam=Link("/entry/instrument/absorbed_beam/data"), mode="Transmission",
        ),
    }  # fmt: skip


def _sas() -> Tree:
    return {
        "@default": "data", "title": "scattering", "start_time": _T0, "end_time": _T1, "definition": "NXsas",
        "instrument:NXinstrument": {
            "name": "P03",
            "source:NXsource": dict(SOURCE),
            "monochromator:NXmonochromator": {"wavelength": u(0.1, "nm"), "wavelength_spread": u(0.001, "nm")},
            "collimator:NXcollimator": {
                "geometry:NXgeometry": {"shape:NXshape": {"shape": "nxbox", "size": u(np.ones((1, 3)), "mm")}}
            },
            "detector:NXdetector": {
                "data": _RNG.poisson(50, (4, 5)), "distance": u(5.0, "m"), "x_pixel_size": u(0.172, "mm"),
                "y_pixel_size": u(0.172, "mm"), "polar_angle": u(0.0, "deg"), "beam_center_x": u(0.4, "mm"),
                "pixel_shape:NXoff_geometry": {
                    "vertices": u(np.zeros((4, 3)), "mm"), "winding_order": np.arange(4), "faces": np.array([0])
                },
            },
        },
        "sample:NXsample": {"name": "silica"},
        "monitor:NXmonitor": {"mode": "timer", "preset": 1.0, "integral": u(1e6, "counts")},
        "data:NXdata": {"@signal": "data", "@axes": [".", "."], "data": Link("/entry/instrument/detector/data")},
    }  # fmt: skip


def _archive() -> Tree:
    texts = ("experiment_identifier", "experiment_description", "collection_identifier", "collection_description",
             "entry_identifier", "run_cycle", "revision", "title")  # fmt: skip
    return {
        "@index": "1", **{name: f"some {name}" for name in texts}, "start_time": _T0, "end_time": _T1,
        "duration": u(3600.0, "s"), "collection_time": u(3000.0, "s"), "definition": "NXarchive",
        "program": ("daq", {"version": "3.1"}), "release_date": u("2027-01-01", "s"),
        "user:NXuser": {"name": "A. Person", "role": "local_contact", "facility_user_id": "u1"},
        "instrument:NXinstrument": {
            "source:NXsource": {"type": "Synchrotron X-Ray Source", "name": "PETRA III", "probe": "x-ray"},
            "name": "P06", "description": "microprobe",
        },
        "sample:NXsample": {
            "name": "V2O5", "sample_id": "s1", "description": "powder", "type": "sample", "chemical_formula": "O5 V2",
            "preparation_date": u("2024-01-01", "s"), "situation": "air", "temperature": u(293.0, "K"),
            "magnetic_field": u(0.0, "A"), "electric_field": u(0.0, "V"), "stress_field": u(0.0, ""),
            "pressure": u(1e5, "Pa"),
        },
    }  # fmt: skip


BASES = {
    "stxm": _stxm, "tomo": _tomo, "tomoproc": _tomoproc, "xas": _xas, "sas": _sas, "archive": _archive,
}  # fmt: skip


def _fill(group: h5py.Group, tree: Tree) -> None:
    for key, value in tree.items():
        name, _, nx_class = key.partition(":")
        if nx_class:
            child = group.create_group(name)
            child.attrs["NX_class"] = nx_class
            _fill(child, value)
        elif key.startswith("@"):
            group.attrs[key[1:]] = value
        elif isinstance(value, Link):
            group[name] = h5py.SoftLink(value.target)
        else:
            value, attributes = value if isinstance(value, tuple) else (value, {})
            group[name] = value
            group[name].attrs.update(attributes)


def _mark_targets(group: h5py.Group) -> None:
    for name in group:
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.SoftLink):
            group.file[link.path].attrs["target"] = link.path
        elif isinstance(group[name], h5py.Group):
            _mark_targets(group[name])


def write_base(path: Path, name: str) -> None:
    """Write the valid file of that name."""
    with h5py.File(path, "w") as file:
        file.attrs.update({"NX_class": "NXroot", "default": "entry", "creator": "benchmark", "file_time": _T1})
        _fill(file, {"entry:NXentry": BASES[name]()})
        _mark_targets(file)
