"""Values of files of others: axes, times, errors, signs and default plots, whatever the definition."""

from typing import Any

import h5py
import numpy as np
import pytest

from picpxct_nx.validation import check_file

from .conftest import open_image
from .standard_files import make
from .test_standard_faults import Mutate, both, put

_ARCHIVE = make("NXarchive")
CODES = {"NOT_FINITE", "AXIS_ORDER", "TIME_ORDER", "TIME_FUTURE", "NXDATA_ERRORS", "IMPLAUSIBLE", "DEFAULT_PLOT"}


def said(mutate: Mutate) -> set[tuple[str, str, str]]:
    """What is said of values after one change to an archive: code, level, path below the entry."""
    with open_image(_ARCHIVE) as file:
        before = {fault for fault in check_file(file, "a.nxs").violations if fault.code in CODES}
        mutate(file["entry"])
        faults = {fault for fault in check_file(file, "a.nxs").violations if fault.code in CODES}
    return {(fault.code, fault.level, fault.path.removeprefix("/entry").lstrip("/")) for fault in faults - before}


def plot(shape: tuple[int, ...], axes: dict[str, Any], **attributes: Any) -> Mutate:
    """An NXdata with a signal of that shape; axes by name in the order of the dimensions, others through attributes."""

    def mutate(entry: h5py.Group) -> None:
        group = entry.create_group("plot")
        group.attrs.update({"NX_class": "NXdata", "signal": "counts", "axes": list(axes)[: len(shape)]} | attributes)
        group["counts"] = np.ones(shape)
        for name, values in axes.items():
            group[name] = np.asarray(values)

    return mutate


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_an_axis_of_a_plot_is_finite(wrong: float) -> None:
    assert said(plot((3,), {"x": [0.0, wrong, 2.0]})) == {("NOT_FINITE", "error", "plot/x")}
    assert said(plot((3,), {"x": [0.0, 1.0, 2.0]})) == set()


@pytest.mark.parametrize("values", [[0, 1, 3], [3, 2, 1], [0.5, 1.5, 2.5, 3.5], np.array([9, 4, 1], np.uint16)])
def test_an_axis_that_rises_or_falls_or_holds_edges_is_right(values: Any) -> None:
    assert said(plot((3,), {"x": values})) == set()


@pytest.mark.parametrize(
    ("shape", "axes", "attributes", "level"),
    [
        ((3,), {"x": [0.0, 2.0, 1.0]}, {}, "warning"),
        ((3,), {"x": [0.0, 2.0, 1.0, 3.0]}, {}, "error"),
        ((2, 3), {"y": [0.0, 1.0], "x": [0.0, 2.0, 1.0]}, {}, "error"),
        ((2, 3), {"y": [0.0, 1.0], "x": [0.0, 1.0, 1.0]}, {}, "warning"),
        ((2, 3), {"y": [0, 1], "x": [0, 2, 1], "z": [0, 1, 2]}, {"x_indices": 1, "z_indices": 1}, "warning"),
    ],
)  # fmt: skip
def test_what_turns_is_an_error_only_where_no_scan_can_turn(
    shape: tuple[int, ...], axes: dict[str, Any], attributes: dict[str, Any], level: str
) -> None:
    assert said(plot(shape, axes, **attributes)) == {("AXIS_ORDER", level, "plot/x")}


def test_an_old_plot_is_only_warned_of() -> None:
    def mutate(entry: h5py.Group) -> None:
        group = entry.create_group("plot")
        group.attrs["NX_class"] = "NXdata"
        group["counts"], group["x"] = np.ones(3), np.array([0.0, np.nan, 1.0])
        group["counts"].attrs.update({"signal": 1, "axes": "x"})

    assert said(mutate) == {("NOT_FINITE", "warning", "plot/x")}


@pytest.mark.parametrize(
    ("start", "end", "fault"),
    [
        ("2026-05-01T08:00:00+02:00", "2026-05-01T07:00:00+02:00", True),
        ("2026-05-01T08:00:00+02:00", "2026-05-01T05:59:00Z", True),
        ("2026-05-01T08:00:00+02:00", "2026-05-01T07:00:00+00:00", False),
        ("2026-05-01T08:00:00", "2026-05-01T07:00:00+02:00", False),
        ("2026-05-01T08:00:00Z", "yesterday", False),
    ],
)
def test_times_are_compared_across_zones(start: str, end: str, fault: bool) -> None:
    found = said(both(put("start_time", start), put("end_time", end)))
    assert found == ({("TIME_ORDER", "error", "end_time")} if fault else set())


def test_a_time_in_the_future_is_told() -> None:
    assert said(put("end_time", "2999-01-01T00:00:00Z")) == {("TIME_FUTURE", "warning", "end_time")}


def test_errors_stand_beside_their_field() -> None:
    assert said(put("sample/mass_errors", 1.0)) == {("NXDATA_ERRORS", "warning", "sample/mass_errors")}
    field = put("sample/mass", np.ones(3), units="g")
    assert said(both(field, put("sample/mass_errors", np.ones(3), units="g"))) == set()
    found = said(both(field, put("sample/mass_errors", np.ones(2), units="g")))
    assert found == {("NXDATA_ERRORS", "warning", "sample/mass_errors")}


@pytest.mark.parametrize(
    ("path", "value", "unit", "fault"),
    [
        ("sample/temperature", -20.0, "K", True),
        ("sample/temperature", -20.0, "degC", False),
        ("instrument/beam/incident_wavelength", np.array([1.0, -1.0]), "nm", True),
        ("instrument/detector/count_time", -1, "s", True),
        ("instrument/detector/distance", -0.5, "m", True),
        ("instrument/source/distance", -30.0, "m", False),
        ("instrument/detector/distance", np.nan, "m", False),
        ("sample/temperature", "cold", "K", False),
        ("instrument/mono/energy", np.array([280.0, -1.0]), "eV", True),
        ("instrument/analyser/energy", -1.0, "eV", False),
        ("sample/temperature_errors", -0.1, "K", True),
    ],
)
def test_signs_that_cannot_be(path: str, value: Any, unit: str, fault: bool) -> None:
    def mutate(entry: h5py.Group) -> None:
        owner = path.rpartition("/")[0]
        for part, nx_class in (
            ("beam", "NXbeam"),
            ("detector", "NXdetector"),
            ("source", "NXsource"),
            ("mono", "NXmonochromator"),
            ("analyser", "NXcrystal"),
        ):
            if owner.endswith(part):
                entry.require_group(owner).attrs["NX_class"] = nx_class
        if path.endswith("_errors"):
            put("sample/temperature", 300.0, units="K")(entry)
        put(path, value, units=unit)(entry)

    assert said(mutate) == ({("IMPLAUSIBLE", "warning", path)} if fault else set())


def test_a_default_leads_to_a_plot() -> None:
    def default(name: str) -> Mutate:
        return lambda entry: entry.attrs.__setitem__("default", name)

    good = plot((3,), {"x": [0, 1, 2]})
    assert said(both(good, default("plot"))) == set()
    assert said(default("sample")) == {("DEFAULT_PLOT", "error", "@default")}
    assert said(default("title")) == {("DEFAULT_PLOT", "error", "@default")}
    # What names nothing is told once, as DEFAULT.
    assert said(default("nowhere")) == set()
    assert said(default(".")) == set()


def test_a_plot_that_no_default_leads_to_is_told() -> None:
    def mutate(entry: h5py.Group) -> None:
        plot((3,), {"x": [0, 1, 2]})(entry)
        entry.move("plot", "sample/plot")

    assert said(mutate) == {("DEFAULT_PLOT", "warning", "")}


def test_two_entries_of_others_have_two_names() -> None:
    def mutate(entry: h5py.Group) -> None:
        entry["entry_identifier_uuid"] = "11111111-2222-4333-8444-555555555555"
        entry.parent.copy(entry, "second")

    with open_image(_ARCHIVE) as file:
        mutate(file["entry"])
        assert [fault.path for fault in check_file(file, "a").errors if fault.code == "UUID_TWICE"]


def test_a_plot_of_two_names_is_told_once() -> None:
    def mutate(entry: h5py.Group) -> None:
        plot((3,), {"x": [0.0, np.nan, 2.0]})(entry)
        entry["again"] = entry["plot"]

    assert len(said(mutate)) == 1


@pytest.mark.parametrize("value", [np.bool_(True), np.array([]), "text", np.array([[1.0, 2.0]]), np.complex64(1j)])
@pytest.mark.parametrize("path", ["start_time", "end_time", "sample/temperature", "plot/x", "plot/counts"])
def test_odd_values_are_judged_without_a_crash(path: str, value: Any) -> None:
    said(both(plot((3,), {"x": [0, 1, 2]}), put(path, value)))
