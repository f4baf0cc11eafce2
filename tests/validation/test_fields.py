"""Every field of every definition is held to its type, shape, unit and enumeration.

Faults that cannot hide each other are made in one copy of the file, and each must be found, at its path, and no more.
"""

from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
import pytest

from picpxct_nx import nxdl, records, units
from picpxct_nx.nxdl import Node
from picpxct_nx.validation import Report

from .conftest import ENTRY, CheckMutant

KINDS = [cls.DEFINITION for cls in records.KINDS]
TEXT = h5py.string_dtype()


def nodes(name: str) -> Iterator[tuple[str, Node]]:
    """Fields of a definition as they stand in the valid file, links left out: they are the same object."""
    for path, node in nxdl.table(name).items():
        if node.kind == "field" and path not in records.kind(name).LINKS and "transient" not in path:
            step = "process_001" if "output_uuid" in path or "file_name" in path else "process_002"
            yield path.replace("(NXprocess)", step).replace("(NXnote)", "input_001"), node


def names_of(name: str, path: str) -> list[str]:
    """The path and every link to it."""
    return [path, *(link for link, target in records.kind(name).LINKS.items() if target == path)]


def swap(file: h5py.File, name: str, path: str, data: Any, dtype: Any = None) -> None:
    """Put other data in the place of a field, with the same attributes and links."""
    entry = file[ENTRY]
    attributes = dict(entry[path].attrs)
    for place in names_of(name, path):
        if place in entry:
            del entry[place]
    entry.create_dataset(path, data=data, dtype=dtype).attrs.update(attributes)
    for link in names_of(name, path)[1:]:
        entry[link] = entry[path]


def found(report: Report) -> list[tuple[str, str]]:
    """Code and path, relative to the entry, of every error."""
    return sorted((fault.code, fault.path.removeprefix(f"/{ENTRY}/")) for fault in report.errors)


def everywhere(code: str, name: str, path: str) -> list[tuple[str, str]]:
    """The error at a field and at every link to it."""
    return sorted((code, place) for place in names_of(name, path))


def other_type(node: Node, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Data of the right shape and a type that the node does not allow."""
    if node.type in ("NX_CHAR", "NX_DATE_TIME"):
        return np.ones(shape, np.float64), None
    if node.type in ("NX_FLOAT", "NX_COMPLEX", "NX_BOOLEAN"):
        return np.ones(shape, np.int32), None
    if node.type in ("NX_INT", "NX_POSINT"):
        return np.ones(shape, np.float32), None
    return np.full(shape, "12", dtype=object), TEXT


def types() -> list[tuple[str, str]]:
    """Every type of field in every definition."""
    return sorted({(name, node.type) for name in KINDS for _, node in nodes(name)})


def all_at_once(code: str, name: str, paths: list[str]) -> list[tuple[str, str]]:
    """The error at every path and at every link to it."""
    return sorted(error for path in paths for error in everywhere(code, name, path))


@pytest.mark.parametrize(("name", "nx_type"), types())
def test_a_wrong_type_is_refused(name: str, nx_type: str, check_mutant: CheckMutant) -> None:
    chosen = {path: node for path, node in nodes(name) if node.type == nx_type and path != "definition"}

    def mutate(file: h5py.File) -> None:
        for path, node in chosen.items():
            swap(file, name, path, *other_type(node, file[f"{ENTRY}/{path}"].shape))

    errors = [error for error in found(check_mutant(name, mutate)) if error[0] != "CHAIN"]
    assert errors == all_at_once("TYPE", name, list(chosen))


@pytest.mark.parametrize("name", KINDS)
def test_the_name_of_the_definition_is_text(name: str, check_mutant: CheckMutant) -> None:
    faults = found(check_mutant(name, lambda file: swap(file, name, "definition", 1.0)))
    assert faults == [("DEFINITION_MISSING", "definition")]


@pytest.mark.parametrize("change", [-1, 1])
@pytest.mark.parametrize("name", KINDS)
def test_one_dimension_more_or_less_is_refused(name: str, change: int, check_mutant: CheckMutant) -> None:
    arrays = [path for path, node in nodes(name) if node.dims]

    def mutate(file: h5py.File) -> None:
        for path in arrays:
            value = file[f"{ENTRY}/{path}"][...]
            text = TEXT if value.dtype.kind == "O" else None
            swap(file, name, path, value[None] if change > 0 else value.take(0, axis=0), text)

    assert found(check_mutant(name, mutate)) == all_at_once("RANK", name, arrays)


@pytest.mark.parametrize("name", KINDS)
def test_a_single_value_is_no_array_of_one(name: str, check_mutant: CheckMutant) -> None:
    assert found(check_mutant(name, lambda file: swap(file, name, "title", ["x"], TEXT))) == [("RANK", "title")]


@pytest.mark.parametrize(
    ("name", "path", "axis"),
    [(name, path, axis) for name in KINDS for path, node in nodes(name)
     for axis, length in enumerate(node.dims or ()) if isinstance(length, int)],
)  # fmt: skip
def test_a_fixed_length_is_kept(name: str, path: str, axis: int, check_mutant: CheckMutant) -> None:
    def mutate(file: h5py.File) -> None:
        value = file[f"{ENTRY}/{path}"][...]
        swap(file, name, path, np.concatenate([value, value.take([0], axis)], axis))

    assert found(check_mutant(name, mutate)) == everywhere("LENGTH", name, path)


def symbols() -> Iterator[tuple[str, str, str, int]]:
    """Every place where a symbol stands that stands elsewhere as well."""
    for name in KINDS:
        places = [
            (symbol, path, axis)
            for path, node in nodes(name)
            for axis, symbol in enumerate(node.dims or ())
            if isinstance(symbol, str)
        ]
        # The last place of each: the first ones are believed.
        for symbol, (path, axis) in {symbol: (path, axis) for symbol, path, axis in places}.items():
            if sum(symbol == other for other, _, _ in places) > 1:
                yield name, path, symbol, axis


@pytest.mark.parametrize(("name", "path", "symbol", "axis"), list(symbols()))
def test_fields_that_share_a_symbol_share_the_length(
    name: str, path: str, symbol: str, axis: int, check_mutant: CheckMutant
) -> None:
    def mutate(file: h5py.File) -> None:
        value = file[f"{ENTRY}/{path}"][...]
        longer = np.concatenate(
            [value, value.take([-1], axis) + 1 if value.dtype.kind == "f" else value.take([0], axis)], axis
        )
        swap(file, name, path, longer, TEXT if value.dtype.kind == "O" else None)

    faults = check_mutant(name, mutate).errors
    assert {fault.code for fault in faults} == {"SYMBOL"}
    assert all(fault.message.startswith(f"{symbol} is") for fault in faults)
    sharing = [p for p, node in nodes(name) if symbol in (node.dims or ())]
    # The majority is believed; of two, the first that is met.
    blamed = {fault.path.removeprefix(f"/{ENTRY}/") for fault in faults}
    assert (
        blamed <= set(names_of(name, path))
        if len(sharing) > 2
        else blamed & {q for p in sharing for q in names_of(name, p)}
    )


def with_units() -> Iterator[tuple[str, str, str]]:
    """One field of every unit category of every definition."""
    for name in KINDS:
        seen = set()
        for path, node in nodes(name):
            if node.units is not None and node.units not in seen:
                seen.add(node.units)
                yield name, path, node.units


def set_unit(path: str, unit: Any) -> Any:
    """A mutation that writes a unit, or takes it away where it is None."""

    def mutate(file: h5py.File) -> None:
        attributes = file[f"{ENTRY}/{path}"].attrs
        if unit is None:
            del attributes["units"]
        else:
            attributes["units"] = unit

    return mutate


@pytest.mark.parametrize("name", KINDS)
def test_a_dimension_needs_its_unit(name: str, check_mutant: CheckMutant) -> None:
    rows = [(path, category) for kind, path, category in with_units() if kind == name]

    def mutate(file: h5py.File) -> None:
        for path, _ in rows:
            set_unit(path, None)(file)

    dimensional = [path for path, category in rows if category not in ("NX_ANY", "NX_UNITLESS")]
    assert found(check_mutant(name, mutate)) == all_at_once("UNIT_MISSING", name, dimensional)


@pytest.mark.parametrize("unit", ["EV", "a.u.", " ", "s-1", "NX_LENGTH", 3, ["m", "m"]])
def test_an_unknown_unit_is_refused(unit: Any, check_mutant: CheckMutant) -> None:
    name = "NXspecptycho_frc"
    path = next(path for path, node in nodes(name) if node.units == "NX_ENERGY")
    assert found(check_mutant(name, set_unit(path, unit))) == everywhere("UNIT_UNKNOWN", name, path)


@pytest.mark.parametrize("name", KINDS)
def test_a_unit_of_another_dimension_is_refused(name: str, check_mutant: CheckMutant) -> None:
    rows = [(path, category) for kind, path, category in with_units() if kind == name]

    def mutate(file: h5py.File) -> None:
        for path, _ in rows:
            set_unit(path, "K")(file)

    narrow = [path for path, category in rows if category != "NX_ANY"]
    assert found(check_mutant(name, mutate)) == all_at_once("UNIT_DIMENSION", name, narrow)


@pytest.mark.parametrize(
    ("name", "path", "unit"),
    [
        ("NXspecptycho_scan", "instrument/detector/distance", "A"),
        ("NXspecptycho_scan", "instrument/detector/distance", "pixel"),
        ("NXspecptycho_scan", "sample/transformations/rotation", ""),
        ("NXspecptycho_scan", "sample/transformations/rotation", "m"),
        ("NXspecptycho_reconstruction", "object/transmission", "percent"),
        ("NXspecptycho_reconstruction", "phase/phase", "percent"),
        ("NXspecptycho_frc", "frc/spatial_frequency", "rad/m"),
        ("NXspecptycho_frc", "taper", "m"),
    ],
)
def test_a_number_an_angle_and_a_length_are_three_things(
    name: str, path: str, unit: str, check_mutant: CheckMutant
) -> None:
    assert found(check_mutant(name, set_unit(path, unit))) == everywhere("UNIT_DIMENSION", name, path)


@pytest.mark.parametrize(("path", "unit"), [("instrument/detector/distance", "mm"), ("sample/transformations/x", "um")])
def test_any_unit_of_the_right_dimension_will_do(path: str, unit: str, check_mutant: CheckMutant) -> None:
    assert found(check_mutant("NXspecptycho_scan", set_unit(path, unit))) == []


def test_a_field_without_unit_has_none(check_mutant: CheckMutant) -> None:
    faults = found(check_mutant("NXspecptycho_scan", set_unit("instrument/detector/pixel_mask", "m")))
    assert faults == [("UNIT_UNEXPECTED", "instrument/detector/pixel_mask")]


def enumerated() -> list[tuple[str, str]]:
    """Fields with an enumeration, the definition's own name left out."""
    return [(name, path) for name in KINDS for path, node in nodes(name) if node.items and path != "definition"]


@pytest.mark.parametrize(("name", "path"), enumerated())
def test_a_value_outside_the_enumeration_is_refused(name: str, path: str, check_mutant: CheckMutant) -> None:
    faults = found(check_mutant(name, lambda file: swap(file, name, path, "something else", TEXT)))
    assert faults == [("ENUMERATION", path)]


def attributes() -> list[tuple[str, str]]:
    """Attributes with one allowed value, that of the version left out."""
    rows = [(name, path) for name in KINDS for path, node in nxdl.table(name).items() if node.kind == "attribute"]
    return [(name, path) for name, path in rows if not path.endswith("@version")]


@pytest.mark.parametrize(("name", "path"), attributes())
def test_an_attribute_has_the_value_that_is_fixed(name: str, path: str, check_mutant: CheckMutant) -> None:
    node = nxdl.table(name)[path]
    owner, _, attribute = path.replace("(NXprocess)", "process_002").replace("(NXnote)", "input_001").partition("@")
    value: Any = "nothing" if node.type == "NX_CHAR" else [7, 7, 7]
    code = "RANK" if not isinstance(node.fixed(), tuple) and node.type != "NX_CHAR" else "ENUMERATION"

    def mutate(file: h5py.File) -> None:
        file[f"{ENTRY}/{owner}"].attrs[attribute] = value

    assert found(check_mutant(name, mutate)) == [(code, f"{owner}@{attribute}" if owner else f"/{ENTRY}@{attribute}")]


@pytest.mark.parametrize(
    "text",
    ["2026-05-01T08:00:00", "2024-13-45T99:00:00Z", "05/01/2024 8:00", "2026-05-01 08:00:00+02:00", "", "yesterday"],
)
def test_a_time_has_a_zone_and_exists(text: str, check_mutant: CheckMutant) -> None:
    name = "NXspecptycho_scan"
    faults = found(check_mutant(name, lambda file: swap(file, name, "start_time", text, TEXT)))
    assert faults == [("DATE", "start_time")]


def test_a_count_is_positive(check_mutant: CheckMutant) -> None:
    name, path = "NXspecptycho_frc", "process_001/sequence_index"
    assert found(check_mutant(name, lambda file: swap(file, name, path, 0))) == [("SEQUENCE", path), ("TYPE", path)]


def test_every_base_class_can_be_read_and_its_units_judged() -> None:
    folder = nxdl.folder() / "base_classes"
    classes = [path.name.removesuffix(".nxdl.xml") for path in folder.glob("*.nxdl.xml")]
    assert len(classes) > 80
    known = [nxdl.base_class(name) for name in classes]
    assert all(found is not None for found in known)
    categories = {node.units for found in known if found for _, node in nxdl.walk(found.root) if node.units}
    unknown = {c for c in categories if c.startswith("NX_") and c not in units.CATEGORIES}
    assert unknown <= {"NX_TRANSFORMATION"}
