"""Nothing stands in a file that nobody documented, and everything is of the kind and class that its name promises."""

from typing import Any

import h5py
import numpy as np
import pytest

from picpxct_nx import records
from picpxct_nx.validation import Report

from .conftest import ENTRY, CheckMutant, Mutate

SCAN = "NXspecptycho_scan"
RECONSTRUCTION = "NXspecptycho_reconstruction"


def found(report: Report) -> list[tuple[str, str]]:
    """Code and path of every error."""
    return sorted((fault.code, fault.path) for fault in report.errors)


def attribute(path: str, name: str, value: Any) -> Mutate:
    """A mutation that sets one attribute of an object; the path is absolute."""

    def mutate(file: h5py.File) -> None:
        file[path].attrs[name] = value

    return mutate


def group(path: str, nx_class: str) -> Mutate:
    """A mutation that adds an empty group of a class."""

    def mutate(file: h5py.File) -> None:
        file.create_group(path).attrs["NX_class"] = nx_class

    return mutate


def rename(old: str, new: str) -> Mutate:
    """A mutation that gives an object of the entry another name."""
    return lambda file: file.move(f"{ENTRY}/{old}", f"{ENTRY}/{new}")


@pytest.mark.parametrize("name", [SCAN, RECONSTRUCTION])
@pytest.mark.parametrize(
    ("where", "path"),
    [
        (lambda file: file[ENTRY].create_dataset("remark", data="x"), "remark"),
        (lambda file: file[ENTRY].create_dataset("process_001/remark", data="x"), "process_001/remark"),
        (group(f"{ENTRY}/extras", "NXparticle"), "extras"),
        (group(f"{ENTRY}/extras", "NXdetectr"), "extras"),
    ],
)
def test_what_nobody_documented_is_refused(name: str, where: Mutate, path: str, check_mutant: CheckMutant) -> None:
    assert found(check_mutant(name, where)) == [("UNDOCUMENTED", f"/{ENTRY}/{path}")]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (attribute(ENTRY, "comment", "x"), ("UNDOCUMENTED", f"/{ENTRY}@comment")),
        (attribute(f"{ENTRY}/title", "lang", "en"), ("UNDOCUMENTED", f"/{ENTRY}/title@lang")),
        (attribute(f"{ENTRY}/data", "signl", "data"), ("UNDOCUMENTED", f"/{ENTRY}/data@signl")),
        (attribute("/", "comment", "x"), ("UNDOCUMENTED", "/@comment")),
        (lambda file: file.create_dataset("loose", data=1), ("UNDOCUMENTED", "/loose")),
        (group("/other", "NXcollection"), ("UNDOCUMENTED", "/other")),
        (lambda file: file.create_group("other"), ("CLASS", "/other")),
        (lambda file: file[ENTRY].create_group("other"), ("CLASS", f"/{ENTRY}/other")),
        (
            lambda file: (
                group(f"{ENTRY}/instrument/attenuator", "NXattenuator")(file)
                or file[ENTRY].create_dataset("instrument/attenuator/colour", data="red")
            ),
            ("UNDOCUMENTED", f"/{ENTRY}/instrument/attenuator/colour"),
        ),
    ],
)
def test_what_a_scan_does_not_know_is_refused(
    where: Mutate, expected: tuple[str, str], check_mutant: CheckMutant
) -> None:
    assert found(check_mutant(SCAN, where)) == [expected]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [("end_time", "end_tiem", []), ("instrument/detector/distance", "instrument/detector/distence", ["MISSING_FIELD"])],
)
def test_a_misspelt_name_is_refused(old: str, new: str, code: list[str], check_mutant: CheckMutant) -> None:
    expected = [(c, f"/{ENTRY}/{old}") for c in code] + [("UNDOCUMENTED", f"/{ENTRY}/{new}")]
    assert found(check_mutant(SCAN, rename(old, new))) == expected


@pytest.mark.parametrize("bad", ["has blank", "ends.", "ünïcode", "dash-ed", "x" * 64, "line\nbreak"])
def test_a_name_keeps_the_pattern_of_nexus(bad: str, check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        file[ENTRY].create_dataset(f"process_001/parameters/{bad}", data=1.0)

    faults = check_mutant(SCAN, mutate).errors
    assert [fault.code for fault in faults] == ["NAME"]
    assert faults[0].path.isprintable()


@pytest.mark.parametrize(
    ("path", "wrong"),
    [("sample", "NXbeam"), ("instrument/detector", "NXdetectr"), ("data", "NXcollection"), ("instrument", "NXsample")],
)
def test_a_named_group_has_its_class(path: str, wrong: str, check_mutant: CheckMutant) -> None:
    assert found(check_mutant(SCAN, attribute(f"{ENTRY}/{path}", "NX_class", wrong))) == [("CLASS", f"/{ENTRY}/{path}")]


@pytest.mark.parametrize("value", [3, ["NXsample", "NXbeam"], ["NXsample"], np.bytes_(b"NXsampl")])
def test_a_class_is_one_text(value: Any, check_mutant: CheckMutant) -> None:
    faults = found(check_mutant(SCAN, attribute(f"{ENTRY}/sample", "NX_class", value)))
    assert faults == [("CLASS", f"/{ENTRY}/sample")]


def test_a_class_may_be_written_as_bytes(check_mutant: CheckMutant) -> None:
    assert found(check_mutant(SCAN, attribute(f"{ENTRY}/sample", "NX_class", np.bytes_(b"NXsample")))) == []


@pytest.mark.parametrize(("path", "value"), [("/", "NXentry"), ("/", ["NXroot", "NXroot"])])
def test_the_root_has_its_class(path: str, value: Any, check_mutant: CheckMutant) -> None:
    assert found(check_mutant(SCAN, attribute(path, "NX_class", value))) == [("CLASS", "/")]


def test_an_entry_of_another_class_is_no_entry(check_mutant: CheckMutant) -> None:
    assert found(check_mutant(SCAN, attribute(ENTRY, "NX_class", "NXsubentry"))) == [("UNDOCUMENTED", f"/{ENTRY}")]


def field_for_group(file: h5py.File) -> None:
    """Put a number where the definition wants the sample."""
    del file[f"{ENTRY}/control"]
    file[f"{ENTRY}/control"] = 1.0


def group_for_field(file: h5py.File) -> None:
    """Put a group where the definition wants the title."""
    del file[f"{ENTRY}/end_time"]
    file.create_group(f"{ENTRY}/end_time").attrs["NX_class"] = "NXnote"


@pytest.mark.parametrize(("mutate", "path"), [(field_for_group, "control"), (group_for_field, "end_time")])
def test_a_field_is_no_group(mutate: Mutate, path: str, check_mutant: CheckMutant) -> None:
    assert found(check_mutant(SCAN, mutate)) == [("KIND", f"/{ENTRY}/{path}")]


@pytest.mark.parametrize("value", ["nowhere", "", "/", ["a", "b"], 3, f"{ENTRY}/data"])
def test_the_default_of_the_file_is_an_entry(value: Any, check_mutant: CheckMutant) -> None:
    assert found(check_mutant(SCAN, attribute("/", "default", value))) == [("DEFAULT", "/@default")]


def test_the_file_says_what_a_viewer_shows_first(check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        del file.attrs["default"]

    assert found(check_mutant(SCAN, mutate)) == [("MISSING_ATTRIBUTE", "/@default")]


@pytest.mark.parametrize(
    ("value", "code"),
    [("2.0.0", "VERSION_NEWER"), ("999999.0.0", "VERSION_NEWER"), ("1.0", "VERSION"), ("one", "VERSION"),
     ("1.0.²", "VERSION"), ("9" * 5000 + ".0.0", "VERSION"), (1.0, "VERSION"), (["1.0.0", "1.0.0"], "VERSION"),
     ("", "VERSION")],
)  # fmt: skip
def test_a_version_that_cannot_be_judged_is_refused(value: Any, code: str, check_mutant: CheckMutant) -> None:
    faults = check_mutant(SCAN, attribute(f"{ENTRY}/definition", "version", value)).errors
    assert [(fault.code, fault.path) for fault in faults] == [(code, f"/{ENTRY}/definition@version")]
    assert len(faults[0].message) <= 300


@pytest.mark.parametrize("value", ["1.0.1", "1.7.0"])
def test_a_newer_minor_version_is_read(value: str, check_mutant: CheckMutant) -> None:
    assert found(check_mutant(SCAN, attribute(f"{ENTRY}/definition", "version", value))) == []


@pytest.mark.parametrize(
    ("data", "code"),
    [("NXmx", "DEFINITION_UNKNOWN"), ("", "DEFINITION_UNKNOWN"), ("../NXmx", "DEFINITION_UNKNOWN"),
     (["NXspecptycho_scan", "NXmx"], "DEFINITION_MISSING"), (3.0, "DEFINITION_MISSING"),
     (np.zeros((2, 2)), "DEFINITION_MISSING")],
)  # fmt: skip
def test_a_file_keeps_a_definition_of_ours(data: Any, code: str, check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        del file[f"{ENTRY}/definition"]
        file[f"{ENTRY}/definition"] = data

    assert found(check_mutant(SCAN, mutate)) == [(code, f"/{ENTRY}/definition")]


def test_a_definition_that_is_a_group_is_missing(check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        del file[f"{ENTRY}/definition"]
        group(f"{ENTRY}/definition", "NXnote")(file)

    assert found(check_mutant(SCAN, mutate)) == [("DEFINITION_MISSING", f"/{ENTRY}/definition")]


def test_free_groups_hold_what_their_writer_likes(check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        free = file[f"{ENTRY}/process_001/parameters"]
        free["anything"] = np.arange(3)
        free["anything"].attrs.update({"units": "keV", "note": "mine"})
        group(f"{ENTRY}/process_001/parameters/inner", "NXcollection")(file)

    assert found(check_mutant(SCAN, mutate)) == []


def test_free_groups_still_speak_known_units_and_types(check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        free = file[f"{ENTRY}/process_001/parameters"]
        free["a"] = 1.0
        free["a"].attrs["units"] = "furlong"
        free["b"] = np.zeros(3, [("a", "f4"), ("b", "i4")])

    where = f"/{ENTRY}/process_001/parameters"
    assert found(check_mutant(SCAN, mutate)) == [("TYPE", f"{where}/b"), ("UNIT_UNKNOWN", f"{where}/a")]


def test_a_compound_is_no_number(check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        shape = file[f"{ENTRY}/object/transmission"].shape
        del file[f"{ENTRY}/object/transmission"]
        file[f"{ENTRY}/object/transmission"] = np.zeros(shape, [("re", "f4"), ("im", "f4")])
        file[f"{ENTRY}/object/transmission"].attrs["units"] = ""

    assert found(check_mutant(RECONSTRUCTION, mutate)) == [("TYPE", f"/{ENTRY}/object/transmission")]


def test_two_entries_are_both_checked(check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        file.copy(ENTRY, "second")
        for path in ("data/data", "data/x", "data/y"):
            del file[f"second/{path}"]
        for link, target in records.Scan.LINKS.items():
            file[f"second/{target}"].attrs["target"] = f"/second/{target}"
            file[f"second/{link}"] = file[f"second/{target}"]
        del file["second/title"]
        del file["second/entry_identifier_uuid"]
        file["second/entry_identifier_uuid"] = "7d444840-9dc0-41d1-b245-5ffdce74fad2"

    assert found(check_mutant(SCAN, mutate)) == [
        ("ASSUMED_MISSING", "/second/assumed"),
        ("MISSING_FIELD", "/second/title"),
    ]
