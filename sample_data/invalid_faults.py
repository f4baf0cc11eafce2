"""The one fault of every invalid file: code, the valid file that it starts from, and what is done to it."""

import zlib
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

E = "entry"
RAW, DONE = "01234567-89ab-4cde-8f01-23456789abcd", "11111111-2222-4333-8444-555555555555"
STOKES = "instrument/beam/incident_polarization_stokes"
ENERGY = "instrument/beam/incident_energy"
Fault = Callable[[h5py.File], object]
_OTHER = "99999999-2222-4333-8444-555555555555"


def put(path: str, value: Any, *index: Any) -> Fault:
    """Write a value over a field, or over a part of it."""

    def fault(file: h5py.File) -> None:
        file[f"{E}/{path}"][index if index else ...] = value

    return fault


def anew(path: str, value: Any, **attributes: Any) -> Fault:
    """Make a field, in the place of what stood there."""

    def fault(file: h5py.File) -> None:
        old = dict(file[f"{E}/{path}"].attrs) if path in file[E] else {}
        if old or path in file[E]:
            del file[f"{E}/{path}"]
        file[f"{E}/{path}"] = value
        file[f"{E}/{path}"].attrs.update(old | attributes)

    return fault


def mark(path: str, name: str, value: Any) -> Fault:
    """Set an attribute."""
    return lambda file: file[f"{E}/{path}".rstrip("/")].attrs.__setitem__(name, value)


def drop(path: str) -> Fault:
    """Take something out."""
    return lambda file: file.__delitem__(f"{E}/{path}")


def link(value: Any) -> Fault:
    """A link of that kind among the free parameters."""
    return lambda file: file[f"{E}/process_001/parameters"].__setitem__("way", value)


def plot(**attributes: Any) -> Fault:
    """An NXdata of our own making: x (3), y (3, 2)."""

    def fault(file: h5py.File) -> None:
        group = file[E].create_group("overview")
        group.attrs.update({"NX_class": "NXdata", **attributes})
        for name, shape in (("x", (3,)), ("y", (3, 2))):
            group[name] = np.arange(float(np.prod(shape))).reshape(shape)
            group[name].attrs["units"] = "m"

    return fault


def errors_of_two(file: h5py.File) -> None:
    """Standard deviations for two of three values."""
    plot(signal="x")(file)
    file[f"{E}/overview/x_errors"] = np.ones(2)


def nested(file: h5py.File) -> None:
    """Groups seventy deep."""
    group = file[f"{E}/process_001/parameters"]
    for _ in range(70):
        group = group.create_group("g")
        group.attrs["NX_class"] = "NXcollection"


def braid(file: h5py.File) -> None:
    """Groups with two names each, so that the paths double with every level."""
    group = file[f"{E}/process_001/parameters"]
    for _ in range(18):
        below = group.create_group("a")
        below.attrs["NX_class"] = "NXcollection"
        group["b"] = below
        group = below


def virtual(file: h5py.File) -> None:
    """A field whose data lie in another file."""
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "secret", (4,))
    file[f"{E}/process_001/parameters"].create_virtual_dataset("v", layout)


def latin1(file: h5py.File) -> None:
    """A label in Latin-1."""
    file[f"{E}/frc/spatial_frequency"].attrs["long_name"] = np.bytes_(b"spatial frequency (1/\xb5m)")


def damaged(file: h5py.File) -> None:
    """A chunk whose checksum is wrong."""
    path = f"{E}/frc/spatial_frequency"
    value, attributes = file[path][...], dict(file[path].attrs)
    del file[path]
    data = file.create_dataset(path, data=value, chunks=value.shape, compression="gzip", fletcher32=True)
    data.attrs.update(attributes)
    data.id.write_direct_chunk((0,), zlib.compress(value.tobytes()) + b"\0\0\0\1")


def second(file: h5py.File) -> None:
    """The same entry twice."""
    file.copy(E, "second")


def _link_missing(file: h5py.File) -> None:
    """A definition that wants a link to what is there."""
    file[f"{E}/definition"] = np.bytes_("NXsas")
    file[f"{E}/instrument"].create_group("detector").attrs["NX_class"] = np.bytes_("NXdetector")
    file[f"{E}/instrument/detector/data"] = np.ones((2, 2))
    del file[f"{E}/data/data"]
    file[f"{E}/data/other"] = np.arange(3.0)
    file[f"{E}/data"].attrs["signal"] = np.bytes_("other")


def _odd_source(file: h5py.File) -> None:
    """A kind of source that the list of NeXus, which is open, has not."""
    file[f"{E}/instrument"].create_group("source").attrs["NX_class"] = np.bytes_("NXsource")
    file[f"{E}/instrument/source/type"] = np.bytes_("Lightning")


def _old_plot(file: h5py.File) -> None:
    """An NXdata marked as before 2014."""
    del file[f"{E}/data"].attrs["signal"]
    file[f"{E}/data/data"].attrs["signal"] = 1


_LINKED = {"data": "instrument/detector/data", "x": "sample/transformations/x", "y": "sample/transformations/y"}


def _empty_plot(file: h5py.File) -> None:
    """A scan of no frames."""
    for name in _LINKED:
        del file[f"{E}/data/{name}"]
    for path in (*_LINKED.values(), "data/frame", "control/data"):
        old = file[f"{E}/{path}"]
        empty, attributes = old[:0], dict(old.attrs)
        del file[f"{E}/{path}"]
        file[f"{E}/{path}"] = empty
        file[f"{E}/{path}"].attrs.update(attributes)
    for name, target in _LINKED.items():
        file[f"{E}/data/{name}"] = file[f"{E}/{target}"]


def _user(file: h5py.File) -> None:
    """Somebody whose ORCID iD has a wrong digit."""
    file[E].create_group("user").attrs["NX_class"] = np.bytes_("NXuser")
    file[f"{E}/user/name"] = np.bytes_("A. Scientist")
    file[f"{E}/user/ORCID"] = np.bytes_("https://orcid.org/0000-0002-1825-0091")


def _wide_pixels(file: h5py.File) -> None:
    """Pixels of 75 m, and the beam in the middle of them."""
    for axis in "yx":
        put(f"instrument/detector/{axis}_pixel_size", 75.0)(file)
        put(f"instrument/detector/beam_center_{axis}", 300.0)(file)


FAULTS: dict[str, tuple[str, Fault]] = {
    # Structure
    "CLASS": ("frc", mark("frc", "NX_class", "NXcollection")),
    "DATE": ("scan", put("start_time", "2025-13-45T08:00:00+00:00")),
    "DEFAULT": ("frc", lambda file: file.attrs.__setitem__("default", "nowhere")),
    "DEFINITION_MISSING": ("frc", drop("definition")),
    "DEFINITION_UNKNOWN": ("frc", put("definition", "NXnonsense")),
    "ENUMERATION": ("frc", put("image", "colour")),
    "KIND": ("frc", lambda file: (drop("title")(file), file.create_group(f"{E}/title"))),
    "LENGTH": ("scan", anew(STOKES, np.array([[1.0, 1.0, 0.0]]))),
    "MISSING_ATTRIBUTE": ("frc", lambda file: file[f"{E}/frc"].attrs.__delitem__("axes")),
    "MISSING_FIELD": ("frc", drop("pixel_size")),
    "MISSING_GROUP": ("frc", drop("frc")),
    "NAME": ("frc", lambda file: file[f"{E}/process_001/parameters"].__setitem__("a b", 1.0)),
    "OCCURRENCE": ("frc", drop("process_001")),
    "RANK": ("frc", anew("pixel_size", np.array([1e-8]))),
    "RECOMMENDED": ("scan", lambda _: None),
    "SYMBOL": ("frc", anew("frc/samples", np.arange(1, 4))),
    "TARGET": ("scan", mark("instrument/detector/data", "target", "/nowhere")),
    "TYPE": ("frc", anew("taper", 2.5)),
    "UNDOCUMENTED": ("frc", anew("remark", "x")),
    "UNIT_DIMENSION": ("frc", mark("pixel_size", "units", "eV")),
    "UNIT_MISSING": ("frc", lambda file: file[f"{E}/pixel_size"].attrs.__delitem__("units")),
    "UNIT_UNEXPECTED": ("frc", mark("title", "units", "m")),
    "UNIT_UNKNOWN": ("frc", mark("pixel_size", "units", "furlong")),
    "VERSION": ("frc", mark("definition", "version", "one")),
    "VERSION_NEWER": ("frc", mark("definition", "version", "99.0.0")),
    # Files of others
    "NO_DEFINITION": ("others", lambda _: None),
    "UNIT_ALIAS": ("others", mark(ENERGY, "units", np.bytes_("electronvolt"))),
    "ENUMERATION_OPEN": ("others", _odd_source),
    "DEPENDS_ON_CYCLIC": ("others", mark("sample/transformations/rotation", "depends_on", np.bytes_("rotation"))),
    "DEPENDS_ON_DANGLING": ("others", mark("sample/transformations/rotation", "depends_on", np.bytes_("nowhere"))),
    "DEPRECATED": ("others", anew("definition_local", np.bytes_("x"))),
    "MISSING_LINK": ("others", _link_missing),
    # Hostile
    "BOMB": ("frc", lambda f: f[f"{E}/process_001/parameters"].create_dataset("d", (2**40,), "f8", chunks=(2**20,))),
    "DAMAGED": ("frc", damaged),
    "LIMIT_ATTRIBUTES": ("frc", lambda f: f[f"{E}/frc"].attrs.update({f"a{i}": 1 for i in range(258)})),
    "LIMIT_DEPTH": ("frc", nested),
    "LIMIT_LINKS": ("frc", braid),
    "LINK_CYCLE": ("frc", link(h5py.SoftLink(f"/{E}"))),
    "LINK_DANGLING": ("frc", link(h5py.SoftLink("/nowhere"))),
    "LINK_EXTERNAL": ("frc", link(h5py.ExternalLink("elsewhere.h5", "/"))),
    "STORAGE_EXTERNAL": ("frc", lambda f: f[E].create_dataset("x", (8,), "u1", external=[("secret.txt", 0, 8)])),
    "STORAGE_VIRTUAL": ("frc", virtual),
    "TEXT_ENCODING": ("frc", latin1),
    "TYPE_REFUSED": ("frc", link(h5py.Empty("f8"))),
    # History and identifiers
    "ASSUMED": ("frc", anew("assumed", np.array(["title"], dtype=object))),
    "ASSUMED_MISSING": ("frc", anew("assumed", np.array(["nowhere"], dtype=object))),
    "CHAIN": ("frc", anew("process_001/output_uuid", _OTHER)),
    "CHECKSUM": ("frc", put("process_001/input_001/checksum", "abc")),
    "INPUT_CHECKSUM": ("product", put("process_001/input_001/checksum", "1" * 64)),
    "INPUT_GEOMETRY": ("product", put(ENERGY, 5469.1)),
    "INPUT_MISSING": ("product", put("process_001/input_001/identifier_entry", f"urn:uuid:{_OTHER}")),
    "SEQUENCE": ("frc", put("process_001/sequence_index", 2)),
    "STAGE_HISTORY": ("reconstruction", put("stage", "flattened")),
    "TIME_HISTORY": ("reconstruction", put("process_001/date", "2026-01-03T00:00:00+00:00")),
    "URN": ("reconstruction", put("process_002/input_001/identifier_entry", "urn:isbn:0451450523")),
    "UUID": ("frc", put("entry_identifier_uuid", DONE.upper().replace("1", "A"))),
    "UUID_TWICE": ("frc", second),
    # NXdata
    "DEFAULT_PLOT": ("scan", _empty_plot),
    "LEGACY": ("others", _old_plot),
    "NXDATA_AUXILIARY": ("frc", plot(signal="x", auxiliary_signals=["y"])),
    "NXDATA_AXES": ("frc", plot(signal="y", axes=["x"])),
    "NXDATA_ERRORS": ("frc", errors_of_two),
    "NXDATA_INDICES": ("frc", plot(signal="y", axes=["x", "."], x_indices=7)),
    "NXDATA_LENGTH": ("frc", plot(signal="x", axes=["y"])),
    "NXDATA_SIGNAL": ("frc", plot(signal="nowhere")),
    # Values
    "AMPLITUDE": ("reconstruction", lambda file: put("object/transmission", 9.0, 0, slice(None))(file)
                  or put("phase/phase", 0.0, 0, slice(None))(file)),
    "AXIS_EVEN": ("reconstruction", put("object/x", 2.5e-8, 3)),
    "AXIS_ORDER": ("scan", put("data/frame", 9, 0)),
    "BEAM_CENTRE": ("scan", put("instrument/detector/beam_center_x", -1e-3)),
    "CONVERGENCE": ("reconstruction", put("convergence/error", -0.5, 0)),
    "COUNTS": ("scan", lambda file: _signed(file)),
    "COVERAGE": ("reconstruction", put("object/coverage", -1.0, 0, 0)),
    "DATA_NOT_FINITE": ("reconstruction", put("object/transmission", np.nan, 0, 0)),
    "DISTANCE": ("scan", put("instrument/detector/distance", 7200.0)),
    "DOSE_FORMULA": ("dose", put("scans/mass_attenuation", 57.0)),
    "DOSE_MAP": ("dose", put("dose/fluence", -1.0, 0, 0)),
    "DOSE_RANGE": ("dose", put("scans/photons", -1.0)),
    "ENERGY_NOMINAL": ("cube", put(ENERGY, 5510.0, 0, 0)),
    "ENERGY_OFFSET": ("scan", put("instrument/monochromator/energy_offset", -1.9)),
    "ENERGY_ORDER": ("cube", put("cube/energy", [5475.0, 5460.0], slice(0, 2))),
    "ENERGY_RANGE": ("reconstruction", put(ENERGY, 5.471)),
    "ENERGY_VALID": ("cube", put("cube/valid", 0, 0, 0)),
    "FORMULA": ("scan", anew("sample/chemical_formula", np.bytes_("V2O5"))),
    "FRC_CROSSING": ("frc", lambda file: put("half_period", 1.3e-8)(file) or put("full_period", 2.6e-8)(file)),
    "FRC_RANGE": ("frc", put("frc/correlation", 1.5, 0)),
    "FRC_RESOLVED": ("frc", put("resolved", 0)),
    "GRAIN_RANGE": ("grainmap", put("orientation/orientation", 2.0, 0, 0)),
    "GRAIN_TABLE": ("grainmap", put("orientation/label", 3, 0, 0)),
    "IMPLAUSIBLE": ("others", put("sample/temperature", -20.0)),
    "MASK_ALL": ("scan", put("instrument/detector/pixel_mask", 1)),
    "MONITOR": ("scan", put("control/data", 0.0, 0)),
    "NOT_FINITE": ("scan", put("instrument/detector/distance", np.nan)),
    "NOT_POSITIVE": ("scan", put("instrument/detector/distance", -7.2)),
    "NUMBERING": ("reconstruction", put("positions/frame", -1, 0)),
    "OBJECT_PIXEL": ("reconstruction", lambda file: put("probe/x", 2e-8 * np.arange(4))(file)),
    "PHASE": ("reconstruction", put("phase/phase", 3.0, 0, 0)),
    "ORCID": ("frc", _user),
    "PIXEL_SIZE": ("scan", _wide_pixels),
    "PROBE": ("reconstruction", put("probe/probe", 0.0)),
    "POLARIZATION": ("cube", put("cube/polarization_angle", 0.5, 0)),
    "POSITIONS_EQUAL": ("scan", lambda file: put("data/x", 0.0)(file) or put("data/y", 0.0)(file)),
    "POSITIONS_OUTSIDE": ("reconstruction", put("positions/x", 1.0, 0)),
    "SATURATED": ("scan", put("instrument/detector/saturation_value", 9.0)),
    "SIGMA": ("normalized", put("maps/edge_step_errors", -1.0, 0, 0, 0)),
    "SPECTRA_NOT_FINITE": ("normalized", put("xanes/xanes", np.nan, 0, 0, 0, 0)),
    "STOKES": ("scan", put(STOKES, [[1.0, 1.0, 1.0, 0.0]])),
    "STOKES_SCALE": ("scan", put(STOKES, [[2.0, 2.0, 0.0, 0.0]])),
    "TEXT_BLANK": ("frc", put("title", " ")),
    "TIME_FUTURE": ("scan", put("end_time", "2999-01-01T00:00:00+00:00")),
    "TIME_ORDER": ("scan", put("end_time", "2025-11-01T08:00:00+00:00")),
    "WINDOWS": ("normalized", put("pre_edge", [-10.0, -20.0])),
    "ZONE_PLATE": ("scan", put("instrument/zone_plate/outermost_zone_width", 1e-3)),
}  # fmt: skip


def _signed(file: h5py.File) -> None:
    """Counts below zero, which takes a type that has them; the two names keep one field."""
    old = file[f"{E}/instrument/detector/data"]
    value, attributes = old[...].astype(np.int16), dict(old.attrs)
    value[0, 0, 0] = -3
    del file[f"{E}/instrument/detector/data"], file[f"{E}/data/data"]
    file[f"{E}/instrument/detector/data"] = value
    file[f"{E}/instrument/detector/data"].attrs.update(attributes)
    file[f"{E}/data/data"] = file[f"{E}/instrument/detector/data"]
