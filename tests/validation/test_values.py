"""Values that a definition cannot judge: identifiers, digests, finite numbers, links, plots, and the history."""

from typing import Any

import h5py
import numpy as np
import pytest

from picpxct_nx import records
from picpxct_nx.validation import Report

from .conftest import ENTRY, FIRST_UUID, CheckMutant, Mutate

KINDS = [cls.DEFINITION for cls in records.KINDS]
SCAN = "NXspecptycho_scan"
RECONSTRUCTION = "NXspecptycho_reconstruction"
CUBE = "NXspecptycho_cube"
OTHER = "11111111-2222-4333-8444-555555555555"


def found(report: Report) -> list[tuple[str, str]]:
    """Code and path, relative to the entry, of every error."""
    return sorted((fault.code, fault.path.removeprefix(f"/{ENTRY}/")) for fault in report.errors)


def put(path: str, value: Any) -> Mutate:
    """A mutation that writes a value into a field as it stands, or makes the field."""

    def mutate(file: h5py.File) -> None:
        place = f"{ENTRY}/{path}"
        if place in file:
            file[place][...] = value
        else:
            file[place] = value

    return mutate


NO_UUIDS = ("", "scan 12", FIRST_UUID.upper(), FIRST_UUID.replace("-", ""), f"urn:uuid:{OTHER}")


@pytest.mark.parametrize(("name", "text"), [(kind, NO_UUIDS[i % len(NO_UUIDS)]) for i, kind in enumerate(KINDS)])
def test_an_entry_is_named_by_a_uuid(name: str, text: str, check_mutant: CheckMutant) -> None:
    faults = found(check_mutant(name, put("entry_identifier_uuid", text)))
    assert faults == [("UUID", "entry_identifier_uuid")]


def test_a_product_is_named_by_a_uuid(check_mutant: CheckMutant) -> None:
    faults = found(check_mutant(SCAN, put("process_001/output_uuid", "the first")))
    assert faults == [("UUID", "process_001/output_uuid")]


@pytest.mark.parametrize("text", ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "sha256:" + "0" * 57])
def test_a_digest_has_64_digits(text: str, check_mutant: CheckMutant) -> None:
    path = "process_001/input_001/checksum"
    assert found(check_mutant(CUBE, put(path, text))) == [("CHECKSUM", path)]


@pytest.mark.parametrize("text", [FIRST_UUID, "urn:uuid:", "urn:isbn:0451450523"])
def test_an_input_entry_is_named_by_a_urn(text: str, check_mutant: CheckMutant) -> None:
    path = "process_002/input_001/identifier_entry"
    faults = [fault for fault in found(check_mutant(SCAN, put(path, text))) if fault[0] != "CHAIN"]
    assert faults == [("URN", path)]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("name", "path"),
    [(SCAN, "instrument/beam/incident_energy"), (SCAN, "instrument/detector/distance"), (RECONSTRUCTION, "object/y"),
     ("NXspecptycho_frc", "frc/spatial_frequency"), ("NXspecptycho_normalized", "edge_energy")],
)  # fmt: skip
def test_single_numbers_and_axes_are_finite(name: str, path: str, value: float, check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        data = file[f"{ENTRY}/{path}"]
        data[() if data.shape == () else 1] = value

    links = [link for link, target in records.kind(name).LINKS.items() if target == path]
    assert found(check_mutant(name, mutate)) == sorted(("NOT_FINITE", place) for place in [path, *links])


def test_a_projection_that_is_not_there_has_no_energy(check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        file[f"{ENTRY}/instrument/beam/incident_energy"][0, 0] = np.nan
        file[f"{ENTRY}/cube/valid"][0, 0] = False
        t = file[f"{ENTRY}/cube/transmission"][0, 1:].mean(axis=0)
        file[f"{ENTRY}/phase/phase"][0] = np.angle(t)

    assert found(check_mutant(CUBE, mutate)) == []


@pytest.mark.parametrize("name", [cls.DEFINITION for cls in records.KINDS if cls.LINKS])
def test_a_copy_is_no_link(name: str, check_mutant: CheckMutant) -> None:
    links = records.kind(name).LINKS
    for link in links:

        def mutate(file: h5py.File, link: str = link) -> None:
            value, units = file[f"{ENTRY}/{link}"][...], file[f"{ENTRY}/{link}"].attrs["units"]
            del file[f"{ENTRY}/{link}"]
            file[f"{ENTRY}/{link}"] = value
            file[f"{ENTRY}/{link}"].attrs["units"] = units

        assert found(check_mutant(name, mutate)) == [("TARGET", link)]


@pytest.mark.parametrize("target", [f"/{ENTRY}/sample/transformations/y", "/nowhere", "", 3, ["a", "b"]])
def test_a_target_names_the_object_itself(target: Any, check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        file[f"{ENTRY}/instrument/detector/data"].attrs["target"] = target

    faults = found(check_mutant(SCAN, mutate))
    assert faults == [("TARGET", "data/data@target"), ("TARGET", "instrument/detector/data@target")]


def test_a_copy_that_still_names_its_target_is_found(check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        data = file[f"{ENTRY}/data/x"]
        value, attributes = data[...], dict(data.attrs)
        del file[f"{ENTRY}/data/x"]
        file[f"{ENTRY}/data/x"] = value
        file[f"{ENTRY}/data/x"].attrs.update(attributes)

    assert found(check_mutant(SCAN, mutate)) == [("TARGET", "data/x@target")]


@pytest.mark.parametrize("path", ["nowhere", "", "/", "sample/nowhere", "a\x00b"])
def test_an_assumed_field_is_there(path: str, check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        del file[f"{ENTRY}/assumed"]
        file[f"{ENTRY}/assumed"] = np.array([path.encode()], dtype="S20")

    expected = [] if path == "/" else [("ASSUMED_MISSING", "assumed")]
    assert found(check_mutant(SCAN, mutate)) == expected or path == "/"


def test_an_assumed_field_is_told_as_a_warning(check_mutant: CheckMutant) -> None:
    report = check_mutant(SCAN, lambda _: None)
    assert [(fault.code, fault.path) for fault in report.violations] == [("ASSUMED", f"/{ENTRY}/title")]


def _rename_step(old: str, new: str) -> Mutate:
    return lambda file: file.move(f"{ENTRY}/{old}", f"{ENTRY}/{new}")


@pytest.mark.parametrize("name", [SCAN, CUBE])
@pytest.mark.parametrize(
    ("mutate", "path"),
    [
        (put("process_002/sequence_index", 1), "process_002/sequence_index"),
        (put("process_001/sequence_index", 9), "process_001/sequence_index"),
        (_rename_step("process_002", "process_02"), "process_02"),
        (_rename_step("process_002", "reconstruct"), "reconstruct"),
    ],
)
def test_steps_are_numbered_as_they_are_named(name: str, mutate: Mutate, path: str, check_mutant: CheckMutant) -> None:
    faults = [fault for fault in found(check_mutant(name, mutate)) if fault[0] != "CHAIN"]
    assert faults == [("SEQUENCE", path)]


def test_a_gap_in_the_history_is_found(check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        _rename_step("process_002", "process_003")(file)
        put("process_003/sequence_index", 3)(file)

    assert found(check_mutant(SCAN, mutate)) == [("SEQUENCE", "process_003")]


def _no_output(file: h5py.File) -> None:
    del file[f"{ENTRY}/process_001/output_uuid"]


def _foreign_beside_unknown(file: h5py.File) -> None:
    """A second input that no step made, beside one that a step made."""
    file.copy(f"{ENTRY}/process_002/input_001", f"{ENTRY}/process_002/input_002")
    put("process_002/input_002/identifier_entry", f"urn:uuid:{OTHER}")(file)


@pytest.mark.parametrize("name", [SCAN, CUBE])
@pytest.mark.parametrize(
    ("mutate", "path"),
    [
        (_foreign_beside_unknown, "process_002/input_002/identifier_entry"),
        (put("process_002/output_uuid", OTHER), "process_002/output_uuid"),
    ],
)
def test_a_chain_that_does_not_close_is_found(name: str, mutate: Mutate, path: str, check_mutant: CheckMutant) -> None:
    assert found(check_mutant(name, mutate)) == [("CHAIN", path)]


@pytest.mark.parametrize("name", [name for name in KINDS if name not in (SCAN, RECONSTRUCTION)])
@pytest.mark.parametrize("path", ["process_002/input_001/identifier_entry", "process_001/output_uuid"])
def test_a_product_of_products_tells_who_made_them(name: str, path: str, check_mutant: CheckMutant) -> None:
    value = f"urn:uuid:{OTHER}" if path.endswith("entry") else OTHER
    faults = found(check_mutant(name, put(path, value)))
    assert faults == [("CHAIN", "process_002/input_001/identifier_entry")]


def test_only_the_newest_step_leaves_its_product_unnamed(check_mutant: CheckMutant) -> None:
    faults = found(check_mutant(SCAN, _no_output))
    assert faults == [("CHAIN", "process_001/output_uuid")]


def test_a_product_is_made_once(check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        entry = file[ENTRY]
        entry.move("process_002", "process_003")
        entry.copy("process_001", "process_002")
        entry["process_002/sequence_index"][...] = 2
        entry["process_003/sequence_index"][...] = 3

    assert found(check_mutant(SCAN, mutate)) == [("CHAIN", "process_002/output_uuid")]


def test_a_reconstruction_may_begin_at_a_raw_scan_without_history(check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        del file[f"{ENTRY}/process_001"]
        _rename_step("process_002", "process_001")(file)
        put("process_001/sequence_index", 1)(file)
        put("stage", "reconstructed")(file)

    assert found(check_mutant(RECONSTRUCTION, mutate)) == []

    def mutate_and_flatten(file: h5py.File) -> None:
        mutate(file)
        put("stage", "flattened")(file)

    faults = found(check_mutant(RECONSTRUCTION, mutate_and_flatten))
    assert faults == [("CHAIN", "process_001/input_001/identifier_entry"), ("STAGE_HISTORY", "stage")]


def _plot(file: h5py.File, **attributes: Any) -> None:
    plot = file[ENTRY].create_group("overview")
    plot.attrs.update({"NX_class": "NXdata", **attributes})
    plot["x"] = np.arange(3.0)
    plot["x"].attrs["units"] = "m"


@pytest.mark.parametrize(
    ("attributes", "fault"),
    [({"signal": "x", "axes": ["."]}, None), ({"signal": "y"}, "SIGNAL"), ({}, "SIGNAL"),
     ({"signal": "x", "axes": ["t"]}, "AXES"), ({"signal": "x", "axes": [".", "."]}, "AXES")],
)  # fmt: skip
def test_a_plot_beside_ours_names_what_is_there(
    attributes: dict[str, Any], fault: str | None, check_mutant: CheckMutant
) -> None:
    expected = [] if fault is None else [(f"NXDATA_{fault}", f"overview@{fault.lower()}")]
    assert found(check_mutant(SCAN, lambda file: _plot(file, **attributes))) == expected


@pytest.mark.parametrize("fault", ["swapped", "twice", "falling"])
@pytest.mark.parametrize(("name", "group"), [(CUBE, "cube"), ("NXspecptycho_normalized", "xanes")])
def test_the_energies_of_an_axis_rise(name: str, group: str, fault: str, check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        data = file[f"{ENTRY}/{group}/energy"]
        energy = data[...]
        swapped, twice = energy.copy(), energy.copy()
        swapped[[0, 1]], twice[1] = energy[[1, 0]], energy[0]
        data[...] = {"swapped": swapped, "twice": twice, "falling": energy[::-1]}[fault]

    path = f"{group}/energy"
    links = [link for link, target in records.kind(name).LINKS.items() if target == path]
    assert found(check_mutant(name, mutate)) == sorted(("ENERGY_ORDER", place) for place in [path, *links])
