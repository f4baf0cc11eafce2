"""One fault in a valid file of a standard definition is found, with its path and its code, and nothing else is."""

from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
import pytest

from picpxct_nx.validation import Report, check_file

from .conftest import open_image
from .standard_files import make

Mutate = Callable[[h5py.Group], object]
_images: dict[tuple[str, bool], bytes] = {}


def report(name: str, mutate: Mutate, *, full: bool = False) -> Report:
    """The verdict after one change to the entry of a valid file."""
    image = _images.setdefault((name, full), b"") or make(name, full=full)
    _images[name, full] = image
    with open_image(image) as file:
        mutate(file["entry"])
        return check_file(file, name)


def found(name: str, mutate: Mutate, *, full: bool = False) -> list[tuple[str, str]]:
    """Code and path, relative to the entry, of every error."""
    return [(f.code, f.path.removeprefix("/entry").lstrip("/")) for f in report(name, mutate, full=full).errors]


def remove(path: str) -> Mutate:
    def mutate(entry: h5py.Group) -> None:
        del entry[path]

    return mutate


def put(path: str, value: Any, **attributes: Any) -> Mutate:
    """Another value in the place of a field, which keeps its attributes but for those that are given."""

    def mutate(entry: h5py.Group) -> None:
        kept = dict(entry[path].attrs) if path in entry else {}
        if path in entry:
            del entry[path]
        entry.create_dataset(path, data=value).attrs.update(kept | attributes)

    return mutate


def attribute(path: str, name: str, value: Any) -> Mutate:
    def mutate(entry: h5py.Group) -> None:
        if value is None:
            del entry[path].attrs[name]
        else:
            entry[path].attrs[name] = value

    return mutate


def group(path: str, nx_class: str) -> Mutate:
    def mutate(entry: h5py.Group) -> None:
        if path in entry:
            del entry[path]
        entry.create_group(path).attrs["NX_class"] = nx_class

    return mutate


def both(*mutations: Mutate) -> Mutate:
    return lambda entry: [mutate(entry) for mutate in mutations]


@pytest.mark.parametrize(
    ("name", "mutate", "expected"),
    [
        ("NXstxm", remove("title"), ("MISSING_FIELD", "title")),
        ("NXstxm", remove("instrument"), ("OCCURRENCE", "")),
        ("NXstxm", remove("instrument/source"), ("OCCURRENCE", "instrument")),
        ("NXstxm", remove("data"), ("OCCURRENCE", "")),
        ("NXstxm", remove("instrument/monochromator/energy"), ("MISSING_FIELD", "instrument/monochromator/energy")),
        ("NXtomo", remove("instrument/detector/image_key"), ("MISSING_FIELD", "instrument/detector/image_key")),
        ("NXtomo", remove("sample"), ("MISSING_GROUP", "sample")),
        ("NXtomo", remove("data/data"), ("MISSING_LINK", "data/data")),
        ("NXarchive", remove("user/name"), ("MISSING_FIELD", "user/name")),
        ("NXarchive", attribute(".", "index", None), ("MISSING_ATTRIBUTE", "@index")),
        ("NXxeuler", remove("instrument/detector/polar_angle"), ("MISSING_FIELD", "instrument/detector/polar_angle")),
        ("NXxas", remove("data/mode"), ("MISSING_FIELD", "data/mode")),
    ],
)
def test_what_is_required_is_missed(name: str, mutate: Mutate, expected: tuple[str, str]) -> None:
    faults = found(name, mutate)
    assert expected in faults
    # Where the target of a link goes, nothing else is to be said.
    assert {code for code, _ in faults} <= {expected[0], "NXDATA_SIGNAL"}


@pytest.mark.parametrize(
    ("name", "mutate", "expected"),
    [
        ("NXstxm", both(remove("title"), group("title", "NXnote")), ("KIND", "title")),
        ("NXtomo", put("instrument", 1.0), ("KIND", "instrument")),
        ("NXtomo", attribute("sample", "NX_class", "NXbeam"), ("CLASS", "sample")),
        ("NXtomo", attribute("sample", "NX_class", "NXsampel"), ("CLASS", "sample")),
        ("NXtomo", attribute("sample", "NX_class", None), ("CLASS", "sample")),
        ("NXtomo", group("extra", "NXdetectr"), ("CLASS", "extra")),
        ("NXarchive", put("bad name", 1.0), ("NAME", "bad name")),
        ("NXarchive", put("bad-name", 1.0), ("NAME", "bad-name")),
        (
            "NXmx",
            put("instrument/detector/flatfield_error", 1.0),
            ("OCCURRENCE", "instrument/detector/flatfield_error"),
        ),
    ],
)
def test_kind_class_and_name_are_right(name: str, mutate: Mutate, expected: tuple[str, str]) -> None:
    assert expected in found(name, mutate)


def test_no_more_than_the_definition_allows() -> None:
    """Of the sources of an atom probe there are at most two."""
    places: list[str] = []

    def mutate(entry: h5py.Group) -> None:
        entry.visititems(lambda path, i: places.append(path) if i.attrs.get("NX_class") == "NXsource" else None)
        parent, _, name = places[0].rpartition("/")
        for number in range(4):
            entry.copy(places[0], f"{parent}/{name}{number}")

    faults = found("NXapm", mutate, full=True)
    assert ("OCCURRENCE", places[0].rpartition("/")[0]) in faults


def test_a_choice_is_one_of_its_classes() -> None:
    def choose(nx_class: str) -> list[tuple[str, str, str]]:
        verdict = report("NXstxm", group("instrument/detector/pixel_shape", nx_class))
        return [(f.level, f.code, f.path) for f in verdict.violations if f.path.endswith("pixel_shape")]

    assert choose("NXoff_geometry") == []
    assert choose("NXcylindrical_geometry") == []
    assert choose("NXnote") == [("error", "CLASS", "/entry/instrument/detector/pixel_shape")]


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("NXstxm", "title", 3.0),
        ("NXstxm", "instrument/monochromator/energy", np.full(4, "x", "S3")),
        ("NXarchive", "run_cycle", 5),
        ("NXtomo", "instrument/detector/image_key", np.zeros(3)),
        ("NXtomo", "sample/name", np.complex64(1)),
        ("NXtomo", "instrument/detector/x_pixel_size", np.int32(3)),
        ("NXmx", "instrument/detector/distance", "far"),
        ("NXmx", "instrument/detector/bit_depth_readout", 1.5),
        ("NXmx", "instrument/detector/countrate_correction_applied", 7),
        ("NXmx", "instrument/detector/data", np.zeros(3, [("a", "f4"), ("b", "f4"), ("c", "f4")])),
    ],
)
def test_the_type_is_right(name: str, path: str, value: Any) -> None:
    assert ("TYPE", path) in found(name, put(path, value), full=name == "NXmx")


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("2026-05-01T08:00:00+02:00", None), ("2026-05-01T08:00:00.123Z", None), ("20260501T080000Z", None),
        ("2026-05-01T08:00:00", "warning"), ("2026-05-01 08:00:00+02:00", "warning"), ("2026-05-01", "warning"),
        ("2026-05-01T08:00:00 +0200", "warning"), ("2024-13-45T99:00:00Z", "error"), ("05/01/2024 8:00", "error"),
        ("yesterday", "error"), ("", "error"), ("2026-W10", "error"),
    ],
)  # fmt: skip
def test_a_time_is_iso_8601(text: str, level: str | None) -> None:
    faults = report("NXstxm", put("start_time", text)).violations
    assert [fault.level for fault in faults if fault.code == "DATE"] == ([level] if level else [])


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("NXstxm", "data/stxm_scan_type", "knitting"),
        ("NXstxm", "instrument/source/probe", "light"),
        ("NXxas", "data/mode", "Something"),
        ("NXarchive", "instrument/source/probe", "phlogiston"),
    ],
)
def test_a_value_is_one_of_those_allowed(name: str, path: str, value: Any) -> None:
    assert ("ENUMERATION", path) in found(name, put(path, value))


@pytest.mark.parametrize(
    ("name", "path", "value", "code"),
    [
        ("NXtomo", "instrument/detector/data", np.zeros((2, 2), np.int32), "RANK"),
        ("NXtomo", "instrument/detector/data", np.zeros((2, 2, 2, 2), np.int32), "RANK"),
        ("NXxbase", "sample/orientation_matrix", np.ones((3, 4)), "LENGTH"),
        ("NXxbase", "sample/unit_cell", np.ones(5), "LENGTH"),
    ],
)
def test_the_shape_is_right(name: str, path: str, value: Any, code: str) -> None:
    assert (code, path) in found(name, put(path, value), full=name == "NXmx")


def test_a_vector_has_three_numbers() -> None:
    paths: list[str] = []

    def mutate(entry: h5py.Group) -> None:
        entry.visititems(lambda path, item: paths.append(path) if "vector" in item.attrs else None)
        entry[paths[0]].attrs["vector"] = [1.0, 0.0]

    faults = found("NXmx", mutate, full=True)
    assert [code for code, _ in faults] == ["LENGTH"]
    assert faults[0][1] == f"{paths[0]}@vector"


@pytest.mark.parametrize("name", ["NXtomo", "NXxas", "NXarpes", "NXsas"])
def test_fields_that_share_a_symbol_share_the_length(name: str) -> None:
    """Every field with a symbol that others have too is made longer in turn."""
    from picpxct_nx import nxdl

    paths = [
        (path, axis) for path, node in nxdl.walk(nxdl.find(name).root) if "(" not in path and node.kind == "field"
        for axis, symbol in enumerate(node.dims or ()) if isinstance(symbol, str)
    ]  # fmt: skip
    caught = 0
    for path, axis in paths:

        def mutate(entry: h5py.Group, path: str = path, axis: int = axis) -> None:
            value = entry[path][...]
            put(path, np.concatenate([value, value], axis))(entry)

        caught += "SYMBOL" in {code for code, _ in found(name, mutate, full=True)}
    assert caught >= len(paths) // 3


@pytest.mark.parametrize(
    ("unit", "code", "level"),
    [
        (None, "UNIT_MISSING", "error"), ("", "UNIT_MISSING", "error"), (" ", "UNIT_MISSING", "error"),
        ("s", "UNIT_DIMENSION", "error"), ("rad", "UNIT_DIMENSION", "error"), ("furlong", "UNIT_UNKNOWN", "error"),
        ("NX_LENGTH", "UNIT_UNKNOWN", "error"), (3, "UNIT_UNKNOWN", "error"), ("micron", "UNIT_ALIAS", "warning"),
        ("mm", None, None), ("m/m*m", None, None), ("pm", None, None), ("nanometers", None, None),
    ],
)  # fmt: skip
def test_a_length_has_a_unit_of_length(unit: Any, code: str | None, level: str | None) -> None:
    path = "instrument/detector/distance"
    faults = report("NXtomo", attribute(path, "units", unit), full=True).violations
    told = [(f.code, f.level) for f in faults if f.path == f"/entry/{path}"]
    assert told == ([(code, level)] if code else [])


@pytest.mark.parametrize(
    ("category", "good", "bad"),
    [
        ("NX_ANGLE", ["deg", "mrad", "arcsec"], ["m", "percent"]), ("NX_COUNT", ["", "counts", "photons"], ["m"]),
        ("NX_FLUX", ["1/s/cm^2", "photons/s/mm2", "s-1 cm-2"], ["1/s"]), ("NX_TEMPERATURE", ["K", "degC"], ["eV"]),
        ("NX_WAVENUMBER", ["1/angstrom", "nm^-1", "cm-1"], ["nm"]), ("NX_EMITTANCE", ["nm*rad", "mm mrad"], ["m"]),
        ("NX_PRESSURE", ["Pa", "mbar", "Torr"], ["K"]), ("NX_DIMENSIONLESS", ["", "m/m", "percent"], ["m"]),
        ("NX_UNITLESS", ["", "1"], ["m"]), ("NX_ANY", ["T", "counts", "1/(angstrom^2*s)"], []),
        ("eV/mm", ["keV/cm"], ["eV"]), ("NX_TRANSFORMATION", ["mm", "deg", ""], ["s"]),
        ("NX_SOLID_ANGLE", ["sr"], ["rad"]),
        ("NX_MASS_DENSITY", ["g/cm3", "kg.m-3"], ["kg"]), ("NX_SCATTERING_LENGTH_DENSITY", ["m/m^3", "1/nm^2"], ["m"]),
    ],
)  # fmt: skip
def test_every_category_takes_its_units_and_no_others(category: str, good: list[str], bad: list[str]) -> None:
    from picpxct_nx.nxdl import Node
    from picpxct_nx.validation.loose_units import check_unit
    from picpxct_nx.validation.tree import Item

    node = Node(kind="field", name="x", type="NX_FLOAT", units=category)

    def errors(unit: str) -> list[str]:
        return [f.code for f in check_unit(Item("/x", {"units": unit}), node, "/x") if f.level == "error"]

    assert [unit for unit in good if errors(unit)] == []
    assert [unit for unit in bad if errors(unit) != ["UNIT_DIMENSION"]] == []


def transformations(entry: h5py.Group, **depends_on: str) -> None:
    """Axes of the sample that depend on each other."""
    sample = entry["sample"]
    axes = sample.create_group("transformations")
    axes.attrs["NX_class"] = "NXtransformations"
    for name, target in depends_on.items():
        axes[name] = 1.0
        axes[name].attrs.update({
            "transformation_type": "rotation", "units": "deg", "vector": [0.0, 1.0, 0.0], "depends_on": target
        })  # fmt: skip
    sample["depends_on"] = "transformations/phi"


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ({"phi": "chi", "chi": "."}, []),
        ({"phi": "/entry/sample/transformations/chi", "chi": "."}, []),
        ({"phi": "./chi", "chi": "."}, []),
        ({"phi": "kappa"}, [("DEPENDS_ON_DANGLING", "sample/transformations/phi@depends_on")]),
        ({"phi": "/entry/nowhere"}, [("DEPENDS_ON_DANGLING", "sample/transformations/phi@depends_on")]),
        ({"chi": "."}, [("DEPENDS_ON_DANGLING", "sample/depends_on")]),
        ({"phi": "phi"}, [("DEPENDS_ON_CYCLIC", "sample/transformations/phi@depends_on")]),
        (
            {"phi": "chi", "chi": "phi"},
            [("DEPENDS_ON_CYCLIC", f"sample/transformations/{axis}@depends_on") for axis in ("chi", "phi")],
        ),
    ],
)
def test_a_chain_of_axes_ends(axes: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert found("NXstxm", lambda entry: transformations(entry, **axes)) == expected


def test_the_unit_of_an_axis_follows_from_its_motion() -> None:
    def mutate(entry: h5py.Group) -> None:
        transformations(entry, phi=".")
        entry["sample/transformations/phi"].attrs["transformation_type"] = "translation"

    assert found("NXstxm", mutate) == [("UNIT_DIMENSION", "sample/transformations/phi")]


@pytest.mark.parametrize(
    ("mutate", "expected"),
    [
        (attribute("data/data", "target", "/entry/nowhere"), "TARGET"),
        (attribute("data/data", "target", "/entry/title"), "TARGET"),
        (attribute("data/data", "target", "/entry/instrument/detector/data"), None),
        (both(remove("data/data"), lambda e: e.__setitem__("data/data", e["sample/rotation_angle"])), "TARGET"),
        (attribute(".", "default", "nowhere"), "DEFAULT"),
        (attribute(".", "default", "data"), None),
    ],
)
def test_what_leads_somewhere_leads_to_the_right_place(mutate: Mutate, expected: str | None) -> None:
    codes = {code for code, _ in found("NXtomo", mutate)}
    assert (expected in codes) if expected else codes == set()


def test_what_nobody_documented_is_a_warning() -> None:
    misspelt = put("end_tiem", "x")
    mutate = both(put("remark", "x"), group("extra", "NXmirror"), attribute("title", "lang", "en"), misspelt)
    verdict = report("NXarchive", mutate)
    assert verdict.valid
    told = {fault.path for fault in verdict.violations if fault.code == "UNDOCUMENTED"}
    assert told == {"/entry/remark", "/entry/extra", "/entry/title@lang", "/entry/end_tiem"}


def test_what_is_deprecated_is_a_warning() -> None:
    verdict = report("NXstxm", group("instrument/source/geometry", "NXgeometry"))
    assert verdict.valid
    codes = {fault.code for fault in verdict.violations if fault.path == "/entry/instrument/source/geometry"}
    assert codes == {"DEPRECATED"}
