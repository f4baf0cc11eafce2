"""One fault each in a valid file, by category, and legal changes that no validator may complain about."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

Change = Callable[[h5py.Group], object]


@dataclass(frozen=True)
class Variant:
    """A file with one change; `grave` where the fault deserves an error and not only a warning."""

    category: str
    name: str
    base: str
    change: Change
    grave: bool = True


def put(entry: h5py.Group, path: str, value: Any, **attributes: Any) -> None:
    """Give a field another value, keeping its attributes; an attribute that is None goes."""
    kept = dict(entry[path].attrs) if path in entry else {}
    if path in entry:
        del entry[path]
    entry[path] = value
    entry[path].attrs.update({k: v for k, v in (kept | attributes).items() if v is not None})


def attr(entry: h5py.Group, path: str, name: str, value: Any = None) -> None:
    """Set an attribute, or delete it."""
    if value is None:
        del entry[path].attrs[name]
    else:
        entry[path].attrs[name] = value


def rm(path: str) -> Change:
    """Delete what is there."""
    return lambda e: e.__delitem__(path)


def units(path: str, text: Any = None) -> Change:
    """Set or delete a field's units."""
    return lambda e: attr(e, path, "units", text)


def to(path: str, value: Any, **attributes: Any) -> Change:
    """Replace a field's value."""
    return lambda e: put(e, path, value, **attributes)


def at(path: str, name: str, value: Any = None) -> Change:
    """Set or delete an attribute."""
    return lambda e: attr(e, path, name, value)


def new_group(path: str, nx_class: str | None) -> Change:
    """Make a group, in the place of what is there."""

    def change(e: h5py.Group) -> None:
        if path in e:
            del e[path]
        group = e.create_group(path)
        if nx_class:
            group.attrs["NX_class"] = nx_class

    return change


def link(path: str, target: str, file: str | None = None) -> Change:
    """Put a link in the place of what is there."""

    def change(e: h5py.Group) -> None:
        if path in e or e.get(path, getlink=True) is not None:
            del e[path]
        e[path] = h5py.SoftLink(target) if file is None else h5py.ExternalLink(file, target)

    return change


_TR = "sample/transformations"
_DET = "instrument/detector"

FAULTS = (
    Variant("required", "title", "stxm", rm("title")),
    Variant("required", "definition", "xas", rm("definition")),
    Variant("required", "unnamed group source", "stxm", rm("instrument/source")),
    Variant("required", "named group monochromator", "stxm", rm("instrument/monochromator")),
    Variant("required", "unnamed group data", "stxm", rm("data")),
    Variant("required", "nested field", "sas", rm(f"{_DET}/distance")),
    Variant("required", "link in data", "tomo", rm("data/image_key")),
    Variant("required", "attribute of a transformation", "tomo", at(f"{_TR}/phi", "vector")),
    Variant("maxOccurs", "second instrument", "stxm",
            lambda e: e.copy("instrument", "instrument_2")),
    Variant("maxOccurs", "second source", "stxm", lambda e: e.copy("instrument/source", "instrument/source_2")),
    Variant("kind", "field becomes group", "stxm", new_group("title", "NXnote")),
    Variant("kind", "group becomes field", "stxm", to("instrument/monochromator", "mono", NX_class=None)),
    Variant("class", "named group of another class", "tomo", at(_DET, "NX_class", "NXmonitor")),
    Variant("class", "class that does not exist", "xas", at("user", "NX_class", "NXperson")),
    Variant("class", "no class", "xas", at("monitor", "NX_class")),
    Variant("class", "misspelt class", "stxm", at("sample", "NX_class", "NXSample")),
    Variant("choice", "class outside the choice", "sas", at(f"{_DET}/pixel_shape", "NX_class", "NXnote")),
    Variant("names", "undocumented field", "stxm", to("sample/colour_of_tape", "blue"), grave=False),
    Variant("names", "undocumented group", "stxm", new_group("sample/extra", "NXcrystal"), grave=False),
    Variant("names", "undocumented attribute", "tomo", at("sample/name", "colour", "blue"), grave=False),
    Variant("names", "misspelt optional field", "tomo",
            lambda e: e.move(f"{_DET}/x_pixel_size", f"{_DET}/x_pixel_sise"), grave=False),
    Variant("names", "illegal characters", "xas", to("sample/my name!", "x")),
    Variant("type", "text for float", "tomo", to("sample/temperature", "293.0")),
    Variant("type", "float for int", "tomo", to(f"{_DET}/image_key", np.array([2.0, 1.0, 0.0, 0.0, 0.0, 0.0]))),
    Variant("type", "int for float", "sas", to(f"{_DET}/distance", 5)),
    Variant("type", "number for text", "stxm", to("title", 5)),
    Variant("type", "complex for number", "sas", to("instrument/monochromator/wavelength", 0.1 + 0.2j)),
    Variant("type", "zero for a positive integer", "tomoproc", to("reconstruction/sequence_index", 0)),
    Variant("type", "date with month 13", "xas", to("start_time", "2024-13-45T99:00:00Z")),
    Variant("type", "date in words", "stxm", to("start_time", "1 May 2024")),
    Variant("type", "date of American form", "stxm", to("start_time", "05/01/2024 8:00")),
    Variant("type", "date as number", "stxm", to("end_time", 1714546800)),
    Variant("type", "text for attribute number", "tomo", at(f"{_TR}/phi", "vector", "0 1 0")),
    Variant("enumeration", "definition of another case", "stxm", to("definition", "NXSTXM")),
    Variant("enumeration", "probe", "tomo", to("instrument/source/probe", "X-ray")),
    Variant("enumeration", "scan type", "stxm", to("data/stxm_scan_type", "sample movie")),
    Variant("enumeration", "attribute transformation_type", "tomo", at(f"{_TR}/phi", "transformation_type", "spin")),
    Variant("enumeration", "sample type", "archive", to("sample/type", "Sample")),
    Variant("shape", "rank", "tomo", to(f"{_DET}/data", np.ones((6, 20), int))),
    Variant("shape", "attribute of fixed size", "tomo", at(f"{_TR}/x", "vector", np.array([1.0, 0.0]))),
    Variant("shape", "field of fixed size", "tomo", to("sample/unit_cell_abc", np.array([3.0, 4.0]))),
    Variant("symbols", "frames and angles", "tomo", to("sample/x_translation", np.zeros(5))),
    Variant("symbols", "energies and counts", "xas", to("instrument/incoming_beam/data", np.arange(7))),
    Variant("symbols", "frames and keys", "tomo", to(f"{_DET}/image_key", np.zeros(5, int))),
    Variant("units", "length as time", "sas", units(f"{_DET}/distance", "s")),
    Variant("units", "angle as length", "tomo", units("sample/rotation_angle", "mm")),
    Variant("units", "missing", "sas", units(f"{_DET}/distance")),
    Variant("units", "nonsense", "sas", units(f"{_DET}/distance", "furlongg")),
    Variant("units", "exavolt", "stxm", units("instrument/monochromator/energy", "EV")),
    Variant("units", "wavelength as energy", "sas", units("instrument/monochromator/wavelength", "keV")),
    Variant("units", "translation in degrees", "tomo", units(f"{_TR}/x", "degree")),
    Variant("units", "as a number", "sas", units(f"{_DET}/x_pixel_size", 3)),
    Variant("units", "temperature as energy", "tomo", units("sample/temperature", "eV")),
    Variant("NXdata", "signal names nothing", "stxm", at("data", "signal", "counts")),
    Variant("NXdata", "no signal", "stxm", at("data", "signal")),
    Variant("NXdata", "too few axes", "stxm", at("data", "axes", ["energy", "sample_y"])),
    Variant("NXdata", "axis names nothing", "stxm", at("data", "axes", ["energy", "sample_y", "sample_z"])),
    Variant("NXdata", "axis of another length", "stxm", to("data/sample_x", np.linspace(-3, 3, 9))),
    Variant("NXdata", "indices beyond the rank", "stxm", at("data", "energy_indices", 3)),
    Variant("NXdata", "indices as text", "stxm", at("data", "energy_indices", "first")),
    Variant("NXdata", "auxiliary signal names nothing", "tomoproc", at("data", "auxiliary_signals", ["other"])),
    Variant("NXdata", "errors of another shape", "tomoproc", to("data/data_errors", np.ones((3, 4)))),
    Variant("NXdata", "entry default names nothing", "stxm", lambda e: e.attrs.__setitem__("default", "plot")),
    Variant("NXdata", "file default names nothing", "stxm", lambda e: e.file.attrs.__setitem__("default", "entry_2")),
    Variant("links", "broken soft link", "xas", link("data/energy", "/entry/instrument/monochromator/wavelength")),
    Variant("links", "link to something else", "tomo", link("data/rotation_angle", "/entry/sample/x_translation")),
    Variant("links", "target names another object", "tomo",
            at(f"{_DET}/data", "target", "/entry/instrument/detector/image_key")),
    Variant("links", "broken external link", "xas", link("sample/history", "/entry/x", "not_here.h5")),
    Variant("links", "depends_on names nothing", "tomo", to("sample/depends_on", "transformations/chi")),
    Variant("links", "depends_on in a circle", "tomo", at(f"{_TR}/x", "depends_on", "phi")),
    Variant("links", "depends_on of an axis names nothing", "tomo", at(f"{_TR}/phi", "depends_on", "chi")),
    Variant("values", "axis with NaN", "tomoproc", to("data/x", np.array([0.0, np.nan, 2.0]))),
    Variant("values", "axis that turns", "stxm", to("data/sample_x", np.array([0.0, 2.0, 1.0, 3.0, 4.0])), grave=False),
    Variant("values", "end before start", "stxm", to("end_time", "2024-05-01T07:00:00+02:00")),
)  # fmt: skip

_OURS = (
    Variant("required", "UUID", "scan", rm("entry_identifier_uuid")),
    Variant("required", "attribute version", "scan", at("definition", "version")),
    Variant("required", "mask", "scan", rm(f"{_DET}/pixel_mask")),
    Variant("required", "unnamed note's checksum", "frc", rm("process_002/input_001/checksum")),
    Variant("kind", "stage as a group", "reconstruction", new_group("stage", "NXnote")),
    Variant("class", "object of another class", "reconstruction", at("object", "NX_class", "NXcollection")),
    Variant("names", "undocumented field", "reconstruction", to("object/quality", 1.0)),
    Variant("type", "real transmission", "reconstruction", lambda e: put(e, "object/transmission",
            np.abs(e["object/transmission"][()]))),
    Variant("type", "date without zone", "scan", to("start_time", "2026-01-01T00:00:00")),
    Variant("enumeration", "stage", "reconstruction", to("stage", "finished")),
    Variant("enumeration", "axes of the default plot", "reconstruction", at("phase", "axes", ["x", "y"])),
    Variant("shape", "Stokes vector of three", "frc", lambda e: put(e, "instrument/beam/incident_polarization_stokes",
            np.array([[1.0, 1.0, 0.0]]))),
    Variant("symbols", "positions and frames", "scan", to(f"{_TR}/x", np.zeros(29))),
    Variant("units", "energy as wavelength", "scan", units("instrument/monochromator/energy", "nm")),
    Variant("units", "pixel size as angle", "scan", units(f"{_DET}/x_pixel_size", "rad")),
    Variant("links", "data that is no link but other", "scan", to("data/x", np.zeros(30))),
    Variant("links", "input nobody made", "frc", to("process_004/input_001/identifier_entry",
            "urn:uuid:00000000-0000-4000-8000-000000000000")),
    Variant("values", "checksum that is none", "frc", to("process_002/input_001/checksum", "xyz")),
    Variant("values", "more polarised than light", "frc", to("instrument/beam/incident_polarization_stokes",
            np.array([[1.0, 1.0, 1.0, 0.0]]))),
    Variant("values", "negative distance", "scan", to(f"{_DET}/distance", -1.06)),
    Variant("values", "phase that is not the object's", "reconstruction",
            lambda e: e["phase/phase"].write_direct(np.zeros(e["phase/phase"].shape, np.float32))),
    Variant("values", "NaN in the object", "reconstruction",
            lambda e: e["object/transmission"].__setitem__((3, 3), np.nan)),
    Variant("values", "negative counts", "scan", lambda e: put(e, f"{_DET}/data", -e[f"{_DET}/data"][()].astype(int))),
    Variant("values", "steps in a wrong order", "frc", to("process_003/sequence_index", 9)),
)  # fmt: skip


def _as_bytes(e: h5py.Group) -> None:
    put(e, "title", np.bytes_("a title"))
    e["instrument"].attrs["NX_class"] = np.bytes_("NXinstrument")


def _bin_edges(e: h5py.Group) -> None:
    put(e, "data/sample_x", np.linspace(-3, 3, 6))


def _far_chain(e: h5py.Group) -> None:
    new_group(f"{_DET}/transformations", "NXtransformations")(e)
    put(e, f"{_DET}/transformations/z", 1.0, units="mm", transformation_type="translation", depends_on=".",
        vector=np.array([0.0, 0.0, 1.0]))  # fmt: skip
    attr(e, f"{_TR}/x", "depends_on", "/entry/instrument/detector/transformations/z")


def _hard_link(e: h5py.Group) -> None:
    del e["data/energy"]
    e["data/energy"] = e["instrument/monochromator/energy"]


LEGAL = (
    Variant("legal", "fixed-length byte strings", "stxm", _as_bytes),
    Variant("legal", "scalars of shape (1,)", "stxm", to("title", np.array(["a title"], dtype=object))),
    Variant("legal", "no class and default at the root", "stxm", lambda e: e.file.attrs.clear()),
    Variant("legal", "no default in the entry", "stxm", lambda e: e.attrs.__delitem__("default")),
    Variant("legal", "another name of an unnamed group", "xas", lambda e: e.move("monitor", "ion_chamber")),
    Variant("legal", "a second monitor", "xas", lambda e: e.copy("monitor", "monitor_2")),
    Variant("legal", "big-endian single floats", "tomo", to("sample/x_translation", np.zeros(6, ">f4"))),
    Variant("legal", "unsigned counts", "tomo", lambda e: put(e, f"{_DET}/data", e[f"{_DET}/data"][()].astype("u2"))),
    Variant("legal", "time in UTC", "stxm", to("end_time", "2024-05-01T12:00:00.123Z")),
    Variant("legal", "length in angstrom", "sas", units("instrument/monochromator/wavelength", "angstrom")),
    Variant("legal", "length with the micro sign", "sas", units(f"{_DET}/x_pixel_size", "µm")),
    Variant("legal", "energy in keV", "stxm", units("instrument/monochromator/energy", "keV")),
    Variant("legal", "energy in joule", "xas", units("instrument/monochromator/energy", "J")),
    Variant("legal", "angle in degrees", "tomo", units("sample/rotation_angle", "degrees")),
    Variant("legal", "angle in rad", "tomo", units("sample/rotation_angle", "rad")),
    Variant("legal", "millimetres by another name", "sas", units(f"{_DET}/distance", "millimeter")),
    Variant("legal", "hard link in data", "xas", _hard_link),
    Variant("legal", "an axis with bin edges", "stxm", _bin_edges),
    Variant("legal", "falling axis", "stxm", to("data/sample_x", np.linspace(3, -3, 5))),
    Variant("legal", "integer indices", "stxm", at("data", "energy_indices", 0)),
    Variant("legal", "indices as an array", "stxm", at("data", "energy_indices", np.array([0]))),
    Variant("legal", "signal of before 2014", "sas", lambda e: (at("data", "signal")(e), at("data", "axes")(e),
            at(f"{_DET}/data", "signal", 1)(e))),
    Variant("legal", "collection of anything", "stxm", lambda e: (new_group("facility", "NXcollection")(e),
            to("facility/anything_at_all", 3.0)(e), new_group("facility/inside", "NXcollection")(e))),
    Variant("legal", "a note", "xas",
            lambda e: (new_group("note", "NXnote")(e), to("note/description", "all went well")(e))),
    Variant("legal", "the other member of the choice", "sas", lambda e: (
            new_group(f"{_DET}/pixel_shape", "NXcylindrical_geometry")(e),
            to(f"{_DET}/pixel_shape/vertices", np.zeros((3, 3)), units="mm")(e),
            to(f"{_DET}/pixel_shape/cylinders", np.array([[0, 1, 2]]))(e))),
    Variant("legal", "pixel mask of the detector", "tomo", to(f"{_DET}/pixel_mask", np.zeros((4, 5), int))),
    Variant("legal", "errors of a field", "tomo", to("sample/temperature_errors", 0.1, units="K")),
    Variant("legal", "open enumeration", "tomo", to("instrument/source/type", "Compact Light Source")),
    Variant("legal", "absolute depends_on", "tomo", to("sample/depends_on", "/entry/sample/transformations/phi")),
    Variant("legal", "chain to another group", "tomo", _far_chain),
    Variant("legal", "compressed", "tomoproc", lambda e: (e.__delitem__("data/data_errors"),
            e["data"].create_dataset("data_errors", data=np.ones((3, 4, 5)), compression="gzip"))),
    Variant("legal", "identifier of an object", "xas", lambda e: (to("sample/identifier_sample", "10.5281/zenodo.1")(e),
            at("sample/identifier_sample", "type", "DOI")(e))),
    Variant("legal", "a subentry", "xas", lambda e: (new_group("raw", "NXsubentry")(e), to("raw/title", "raw")(e))),
)  # fmt: skip


def variants() -> tuple[Variant, ...]:
    """All faults: those of standard definitions, then those of our own."""
    return FAULTS + _OURS
