"""A file made from a definition, and from nothing else, is valid, for every application definition of NeXus."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from picpxct_nx import nxdl
from picpxct_nx.validation import check_file

from .conftest import open_image
from .standard_files import Maker, make, names


def test_there_are_many_definitions() -> None:
    assert len(names()) > 80
    assert {"NXstxm", "NXtomo", "NXxas", "NXsas", "NXmx", "NXarpes", "NXxeuler", "NXcxi_ptycho"} <= set(names())


@pytest.mark.parametrize("name", names())
def test_a_file_with_what_is_required_is_valid(name: str) -> None:
    with open_image(make(name)) as file:
        report = check_file(file, name)
    assert report.errors == ()
    assert report.definition == name


@pytest.mark.parametrize("name", names())
def test_a_file_with_all_that_is_documented_is_valid(name: str) -> None:
    with open_image(make(name, full=True)) as file:
        assert check_file(file, name).errors == ()


@pytest.mark.parametrize("name", ["NXxeuler", "NXmpes_arpes", "NXxlaue"])
def test_a_definition_that_extends_requires_what_its_parent_does(name: str) -> None:
    """The file of the parent alone is not enough, and everything the parent requires is among what is required."""
    child = nxdl.find(name)
    parent = nxdl.find(child.extends)
    with open_image(make(parent.name)) as file:
        assert not check_file(file, name, child).valid
    required = {child.name for child in parent.root.children if child.presence == "required" and child.kind == "field"}
    assert required <= {c.name for c in child.root.children if c.presence == "required"}


def test_the_caller_may_name_the_definition() -> None:
    """A file of a child keeps the parent's definition, whatever it claims, and not that of a stranger."""
    with open_image(make("NXxeuler")) as file:
        assert check_file(file, "a.nxs", nxdl.find("NXxbase")).errors == ()
        assert check_file(file, "a.nxs", nxdl.find("NXxbase")).definition == "NXxbase"
        assert not check_file(file, "a.nxs", nxdl.find("NXstxm")).valid
        assert not check_file(file, "a.nxs", nxdl.find("NXspecptycho_scan")).valid
        del file["entry/definition"]
        assert check_file(file, "a.nxs", nxdl.find("NXxeuler")).errors == ()


def test_a_named_definition_holds_for_a_file_that_we_made() -> None:
    """A file that says it is ours is held to a definition of NeXus that the caller names, not taken as it is."""
    with open_image(make("NXtomo")) as file:
        file.attrs["creator"] = "picpxct_nx"
        assert check_file(file, "a.nxs", nxdl.find("NXtomo")).errors == ()
        assert not check_file(file, "a.nxs", nxdl.find("NXstxm")).valid
        assert [fault.code for fault in check_file(file, "a.nxs").errors] == ["DEFINITION_UNKNOWN"]


def test_without_a_claim_the_base_classes_hold() -> None:
    with open_image(make("NXstxm")) as file:
        del file["entry/definition"]
        report = check_file(file, "a.nxs")
        assert report.valid
        assert [fault.path for fault in report.violations if fault.code == "NO_DEFINITION"] == ["/entry/definition"]
        file["entry/instrument/source/probe"][()] = "light of reason"
        assert [fault.code for fault in check_file(file, "a.nxs").errors] == ["ENUMERATION"]


@pytest.mark.parametrize("claim", ["NXnothing", "NXdetector", "", "../NXmx", "/etc/passwd.nxdl.xml"])
def test_an_unknown_claim_is_an_error(claim: str) -> None:
    with open_image(make("NXstxm")) as file:
        del file["entry/definition"]
        file["entry/definition"] = claim
        assert [fault.code for fault in check_file(file, "a.nxs").errors] == ["DEFINITION_UNKNOWN"]


def test_every_entry_keeps_its_own_claim() -> None:
    with open_image(make("NXstxm")) as file:
        Maker(nxdl.find("NXtomo"), full=False).entry(file, "second")
        assert check_file(file, "a.nxs").errors == ()
        del file["second/sample/name"]
        report = check_file(file, "a.nxs")
        assert report.definition == "NXstxm, NXtomo"
        assert [(fault.code, fault.path) for fault in report.errors] == [("MISSING_FIELD", "/second/sample/name")]


def test_a_subentry_keeps_its_own_claim() -> None:
    with open_image(make("NXtomo")) as file:
        inner = Maker(nxdl.find("NXstxm"), full=False).entry(file["entry"], "inner")
        inner.attrs["NX_class"] = "NXsubentry"
        assert check_file(file, "a.nxs").errors == ()
        del inner["title"]
        faults = check_file(file, "a.nxs").errors
        assert [(fault.code, fault.path) for fault in faults] == [("MISSING_FIELD", "/entry/inner/title")]


def test_old_files_with_bytes_and_arrays_of_one_are_valid() -> None:
    """Fixed-length bytes, a class and a definition as arrays of one, single numbers as arrays of one."""
    with open_image(make("NXarchive")) as file:
        entry = file["entry"]
        for path in ("title", "definition", "sample/name"):
            value = entry[path][()]
            attributes = dict(entry[path].attrs)
            del entry[path]
            entry.create_dataset(path, data=np.array([value], dtype="S20")).attrs.update(attributes)
        entry.attrs.create("NX_class", np.array([b"NXentry"]))
        entry["sample"].attrs["NX_class"] = np.bytes_(b"NXsample")
        assert check_file(file, "old.nxs").errors == ()


def test_the_example_of_nexusformat_is_judged_by_what_it_claims() -> None:
    """It claims NXdirecttof and lacks much of that: every error is about something that is really not there."""
    path = nxdl.folder().parent / "examples" / "chopper.nxs"
    with h5py.File(path) as file:
        report = check_file(file, path.name)
        assert report.definition == "NXdirecttof"
        missing = [fault.path for fault in report.errors if fault.code in ("MISSING_FIELD", "MISSING_GROUP")]
        assert missing
        assert [path for path in missing if path in file] == []


def test_how_grave_the_undocumented_is_the_definition_says(tmp_path: Path) -> None:
    text = (nxdl.shipped()["NXarchive"]).read_text("utf-8")
    levels = {}
    for attribute in ("", 'restricts="1"', 'ignoreExtraFields="true"'):
        path = tmp_path / "NXarchive.nxdl.xml"
        path.write_text(text.replace('category="application"', f'category="application" {attribute}'), "utf-8")
        with open_image(make("NXarchive")) as file:
            file["entry/remark"] = "mine"
            report = check_file(file, "a.nxs", nxdl.find(str(path)))
        levels[attribute] = [fault.level for fault in report.violations if fault.path == "/entry/remark"]
    assert list(levels.values()) == [["warning"], ["error"], []]


def test_what_is_not_utf8_hides_no_other_fault(tmp_path: Path) -> None:
    path = tmp_path / "latin1.nxs"
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry")
        file.attrs["NX_class"], entry.attrs["NX_class"] = "NXroot", "NXentry"
        beam = entry.create_group("beam")
        beam.attrs["NX_class"] = "NXbeam"
        beam["extent"], beam["distance"] = [1.0, 1.0], 2.0
        beam["extent"].attrs["units"], beam["distance"].attrs["units"] = np.bytes_(b"\xb5m"), "eV"
    with h5py.File(path, "r") as file:
        found = [(fault.path, fault.code) for fault in check_file(file, "x").errors]
    assert found == [("/entry/beam/distance", "UNIT_DIMENSION"), ("/entry/beam/extent@units", "TEXT_ENCODING")]


def test_dimension_scales_of_hdf5_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "scales.nxs"
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry")
        file.attrs["NX_class"], entry.attrs["NX_class"] = "NXroot", "NXentry"
        data = entry.create_group("data")
        data.attrs.update({"NX_class": "NXdata", "signal": "y", "axes": ["x"]})
        data["x"], data["y"] = np.arange(3.0), np.arange(3.0)
        data["x"].make_scale("x")
        data["y"].dims[0].attach_scale(data["x"])
    with h5py.File(path, "r") as file:
        assert {fault.code for fault in check_file(file, "x").violations} == {"NO_DEFINITION"}
    with h5py.File(path, "r+") as file:
        # Another type under the same name is none of HDF5's.
        file["entry/data/x"].attrs["DIMENSION_LIST"] = file["entry/data/y"].ref
    with h5py.File(path, "r") as file:
        assert {fault.code for fault in check_file(file, "x").errors} == {"TYPE_REFUSED"}


def test_a_file_without_entry_is_told_once(tmp_path: Path) -> None:
    for name in ("empty", "field"):
        with h5py.File(tmp_path / name, "w") as file:
            file.attrs["NX_class"] = "NXroot"
            if name == "field":
                file["x"] = 1.0
        with h5py.File(tmp_path / name, "r") as file:
            assert [fault.code for fault in check_file(file, name).errors] == ["MISSING_GROUP"]
