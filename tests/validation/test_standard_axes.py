"""Axes of motion, units, kinds and texts of standard definitions: what other readers trip over is found."""

from typing import Any

import h5py
import numpy as np
import pytest

from .test_standard_faults import Mutate, attribute, both, found, group, put, remove, report, transformations

AXIS = "sample/transformations/phi"
DISTANCE = "instrument/detector/distance"


def turned(**attributes: Any) -> Mutate:
    """An axis phi of the sample with other attributes; None takes one away."""

    def mutate(entry: h5py.Group) -> None:
        transformations(entry, phi=".")
        for name, value in attributes.items():
            attribute(AXIS, name, value)(entry)

    return mutate


@pytest.mark.parametrize(
    ("target", "dangling"),
    [
        ("transformations/phi", False), ("phi", False), (".", False), ("name", True), ("transformations", True),
        ("/entry/title", True), ("/entry/instrument", True),
    ],
)  # fmt: skip
def test_depends_on_names_an_axis(target: str, *, dangling: bool) -> None:
    mutate = both(turned(), remove("sample/depends_on"), put("sample/depends_on", target))
    assert found("NXstxm", mutate) == ([("DEPENDS_ON_DANGLING", "sample/depends_on")] if dangling else [])


def test_depends_on_of_an_axis_is_not_empty() -> None:
    assert found("NXstxm", turned(depends_on="")) == [("DEPENDS_ON_DANGLING", f"{AXIS}@depends_on")]


def test_a_chain_leads_over_a_group_that_hands_on() -> None:
    mutate = both(turned(depends_on="/entry/instrument/detector"), put("instrument/detector/depends_on", "."))
    assert found("NXstxm", mutate) == []


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"transformation_type": None}, ("MISSING_ATTRIBUTE", "transformation_type")),
        ({"transformation_type": None, "units": None}, None),
        ({"transformation_type": ["rotation", "rotation"]}, ("ENUMERATION", "transformation_type")),
        ({"vector": None}, ("MISSING_ATTRIBUTE", "vector")),
        ({"vector": [0.0, 0.0, 0.0]}, ("LENGTH", "vector")),
        ({"vector": [np.nan, 0.0, 1.0]}, ("NOT_FINITE", "vector")),
        ({"vector": [0, 0, -1]}, None),
        ({"offset": [0.0, 0.0, 0.0], "offset_units": "mm"}, None),
        ({"offset": [0.0, 1.0, 0.0], "offset_units": "s"}, ("UNIT_DIMENSION", "offset_units")),
        ({"offset": [0.0, 1.0, 0.0], "offset_units": "deg"}, ("UNIT_DIMENSION", "offset_units")),
        ({"offset": [0.0, 1.0, 0.0], "offset_units": "furlong"}, ("UNIT_UNKNOWN", "offset_units")),
    ],
)
def test_an_axis_says_how_it_moves(attributes: dict[str, Any], expected: tuple[str, str] | None) -> None:
    """Without kind of motion and unit it is a direction, such as that of gravity."""
    assert found("NXstxm", turned(**attributes)) == ([(expected[0], f"{AXIS}@{expected[1]}")] if expected else [])


@pytest.mark.parametrize(
    ("mutate", "path"),
    [
        (group("experiment_description", "NXnote"), "experiment_description"),
        (group("sample/temperature", "NXlog"), "sample/temperature"),
        (put("experiment_documentation", "long ago"), "experiment_documentation"),
        (put("sample/transmission", 1.0), "sample/transmission"),
    ],
)
def test_the_base_class_says_what_is_group_and_what_field(mutate: Mutate, path: str) -> None:
    assert found("NXstxm", mutate) == [("KIND", path)]


@pytest.mark.parametrize(
    ("unit", "told"),
    [
        ("mm ", ("UNIT_ALIAS", "warning")), (" mm", ("UNIT_ALIAS", "warning")), ("10 mm", ("UNIT_UNKNOWN", "error")),
        ("1e-3 m", ("UNIT_UNKNOWN", "error")), ("0.1 nm", ("UNIT_UNKNOWN", "error")), ("1/m*m^2", None),
    ],
)  # fmt: skip
def test_a_unit_has_neither_number_nor_blanks(unit: str, told: tuple[str, str] | None) -> None:
    faults = report("NXtomo", attribute(DISTANCE, "units", unit), full=True).violations
    assert [(f.code, f.level) for f in faults if f.path == f"/entry/{DISTANCE}"] == ([told] if told else [])


@pytest.mark.parametrize("unit", ["Degree", "Degrees", "DEGREES"])
def test_degrees_may_begin_with_a_capital(unit: str) -> None:
    faults = report("NXtomo", attribute("sample/rotation_angle", "units", unit)).violations
    told = [(f.code, f.level) for f in faults if f.path == "/entry/sample/rotation_angle"]
    assert told == [("UNIT_ALIAS", "warning")]


def test_exavolts_are_no_energies() -> None:
    path = "instrument/monochromator/energy"
    assert found("NXstxm", attribute(path, "units", "EV")) == [("UNIT_UNKNOWN", path)]


def test_units_that_the_definition_lists_are_units() -> None:
    """Arbitrary units are no unit of anybody's, but of NXazint1d."""
    paths: list[str] = []

    def mutate(entry: h5py.Group) -> None:
        arbitrary = "arbitrary units"
        entry.visititems(lambda path, item: paths.append(path) if item.attrs.get("units") == arbitrary else None)

    verdict = report("NXazint1d", mutate, full=True)
    assert paths
    assert [f for f in verdict.violations if f.path.removeprefix("/entry/") in paths] == []


def test_a_text_has_no_unit() -> None:
    verdict = report("NXstxm", attribute("title", "units", "mm"))
    assert [(f.code, f.level, f.path) for f in verdict.violations if "title" in f.path] == [
        ("UNIT_UNEXPECTED", "warning", "/entry/title@units")
    ]


def test_a_field_has_no_class() -> None:
    assert found("NXstxm", attribute("title", "NX_class", "NXnote")) == [("CLASS", "title@NX_class")]
    # So the area detector of EPICS writes its fields.
    told = report("NXstxm", attribute("title", "NX_class", "SDS")).violations
    assert ("CLASS", "warning") in {(fault.code, fault.level) for fault in told}
    assert found("NXstxm", attribute("title", "NX_class", "SDS")) == []


def test_a_title_is_one_text() -> None:
    verdict = report("NXstxm", put("title", np.array([b"one", b"two"])))
    told = [(f.code, f.level) for f in verdict.violations if f.path == "/entry/title"]
    assert told == [("RANK", "warning")]
    assert report("NXstxm", put("title", np.array([b"one"]))).errors == ()


@pytest.mark.parametrize("value", ["X-ray", "X-RAY", "x-ray ", " x-ray"])
def test_a_near_miss_of_an_enumeration_is_an_error(value: str) -> None:
    assert found("NXstxm", put("instrument/source/probe", value)) == [("ENUMERATION", "instrument/source/probe")]


def test_whole_numbers_may_stand_for_real_ones_that_only_a_base_class_knows() -> None:
    path = "instrument/detector/polar_angle"
    verdict = report("NXstxm", put(path, np.arange(3), units="deg"))
    told = [(f.code, f.level) for f in verdict.violations if f.path == f"/entry/{path}"]
    assert ("TYPE", "warning") in told
    assert verdict.errors == ()
    energy = "instrument/monochromator/energy"
    assert ("TYPE", energy) in found("NXstxm", put(energy, np.ones(3, int), units="eV"))


def test_the_named_beam_of_a_child_is_the_beam_that_its_parent_requires() -> None:
    """NXoptical_spectroscopy wants a beam_TYPE, NXraman calls it beam_incident."""
    beams: list[str] = []

    def keep_one(entry: h5py.Group) -> None:
        for name in list(entry["instrument"]):
            if name.startswith("beam_") and name != "beam_incident":
                del entry["instrument"][name]
        beams.extend(name for name in entry["instrument"] if name.startswith("beam_"))

    verdict = report("NXraman", keep_one)
    assert beams == ["beam_incident"]
    assert verdict.errors == ()
    assert [f for f in verdict.violations if "beam_incident" in f.path and f.code == "UNDOCUMENTED"] == []
