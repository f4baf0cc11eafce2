"""NXdata of any file: what names the plot is there and fits, the old marks are told, and defaults lead to a plot."""

from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
import pytest

from picpxct_nx.validation import check_file
from picpxct_nx.validation.hostile import scan
from picpxct_nx.validation.nxdata import check_default_plot, check_plot, check_plots

Found = Callable[..., list[tuple[str, str]]]
IMAGE: dict[str, tuple[int, ...]] = {"image": (4, 3), "y": (4,), "x": (3,), "edges": (5,), "both": (4, 3), "n": ()}


def memory() -> h5py.File:
    """An empty file in memory."""
    return h5py.File("memory.nxs", "w", driver="core", backing_store=False)


def faults(**attributes: Any) -> list[tuple[str, str]]:
    """Code and level of the faults of an NXdata with the fields of IMAGE."""
    with memory() as file:
        group = file.create_group("d")
        group.attrs.update({"NX_class": "NXdata", **attributes})
        for name, shape in IMAGE.items():
            group[name] = np.zeros(shape)
        group["text"] = "image"
        group.create_group("group")
        return [(fault.code, fault.level) for fault in check_plot(scan(file)[0].members["d"])]


@pytest.mark.parametrize(
    "attributes",
    [
        {}, {"axes": ["y", "x"]}, {"axes": [".", "."]}, {"axes": ["edges", "x"]}, {"axes": [".", "x"], "y_indices": 0},
        {"axes": ["y", "x"], "y_indices": [0], "x_indices": [1]}, {"axes": [".", "."], "both_indices": [0, 1]},
        {"auxiliary_signals": ["both"]}, {"auxiliary_signals": "both"}, {"axes": ["both", "x"], "both_indices": [0, 1]},
    ],
)  # fmt: skip
def test_a_plot_that_fits_has_no_fault(attributes: dict[str, Any]) -> None:
    assert faults(signal="image", **attributes) == []


def spare(**attributes: Any) -> list[tuple[str, str]]:
    """Code and level of the faults of a second NXdata, which is not the one that the entry shows."""
    with memory() as file:
        entry = file.create_group("entry")
        entry.attrs.update({"NX_class": "NXentry", "default": "first"})
        for name, marks in (("first", {"signal": "x"}), ("second", attributes)):
            group = entry.create_group(name)
            group.attrs.update({"NX_class": "NXdata", **marks})
            group["x"] = np.zeros(3)
        return [(fault.code, fault.level) for fault in check_plots(scan(file)[0].members["entry"])]


def test_arrays_that_nothing_calls_a_plot_need_no_signal() -> None:
    assert spare(signal="x") == []
    assert spare() == [("NXDATA_SIGNAL", "warning")]
    for attributes in ({"axes": ["x"]}, {"x_indices": 0}, {"auxiliary_signals": ["x"]}, {"signal": "nowhere"}):
        assert spare(**attributes) == [("NXDATA_SIGNAL", "error")]


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"signal": "nowhere"}, "NXDATA_SIGNAL"), ({"signal": "group"}, "NXDATA_SIGNAL"), ({}, "NXDATA_SIGNAL"),
        ({"signal": "text"}, "NXDATA_SIGNAL"), ({"signal": 1}, "NXDATA_SIGNAL"),
        ({"signal": ["image", "both"]}, "NXDATA_SIGNAL"),
        ({"signal": "image", "axes": ["y"]}, "NXDATA_AXES"), ({"signal": "image", "axes": "y"}, "NXDATA_AXES"),
        ({"signal": "image", "axes": ["y", "nowhere"]}, "NXDATA_AXES"),
        ({"signal": "image", "axes": ["y", "group"]}, "NXDATA_AXES"), ({"signal": "image", "axes": 3}, "NXDATA_AXES"),
        ({"signal": "image", "axes": ["x", "."]}, "NXDATA_LENGTH"),
        ({"signal": "image", "axes": ["both", "x"]}, "NXDATA_LENGTH"),
        ({"signal": "image", "axes": ["y", "x"], "x_indices": 2}, "NXDATA_INDICES"),
        ({"signal": "image", "axes": ["y", "x"], "x_indices": -1}, "NXDATA_INDICES"),
        ({"signal": "image", "axes": ["y", "x"], "x_indices": 0}, "NXDATA_INDICES"),
        ({"signal": "image", "axes": ["y", "x"], "x_indices": [1, 1]}, "NXDATA_INDICES"),
        ({"signal": "image", "axes": ["y", "x"], "x_indices": "1"}, "NXDATA_INDICES"),
        ({"signal": "image", "axes": ["y", "x"], "nowhere_indices": 1}, "NXDATA_INDICES"),
        ({"signal": "image", "auxiliary_signals": ["y"]}, "NXDATA_AUXILIARY"),
        ({"signal": "image", "auxiliary_signals": ["nowhere"]}, "NXDATA_AUXILIARY"),
    ],
)  # fmt: skip
def test_a_plot_that_does_not_fit_is_found(attributes: dict[str, Any], code: str) -> None:
    assert faults(**attributes) == [(code, "error")]


def old(axes: str | None, **marks: Any) -> list[tuple[str, str]]:
    """Faults of an NXdata marked by attributes of its fields."""
    with memory() as file:
        group = file.create_group("d")
        group.attrs["NX_class"] = "NXdata"
        for name, shape in (("image", (4, 3)), ("y", (4,)), ("x", (3,))):
            group[name] = np.zeros(shape)
        group["image"].attrs["signal"] = 1
        if axes is not None:
            group["image"].attrs["axes"] = axes
        for name, axis in marks.items():
            group[name].attrs["axis"] = axis
        return [(fault.code, fault.level) for fault in check_plot(scan(file)[0].members["d"])]


@pytest.mark.parametrize("axes", ["y:x", "[y,x]", None])
def test_marks_of_before_2014_are_understood_and_told(axes: str | None) -> None:
    assert old(axes) == [("LEGACY", "warning")]
    assert old(None, y=1, x=2) == [("LEGACY", "warning")]


def test_marks_of_before_2014_are_held_to_the_same_rules() -> None:
    assert old("x:y") == [("LEGACY", "warning"), ("NXDATA_LENGTH", "error")]
    assert ("NXDATA_AXES", "error") in old("y:nowhere")


def chain(*names: tuple[str, str, str | None]) -> list[tuple[str, str]]:
    """Faults of the defaults of a file of nested groups: name, class, and default of each; the last one has a field."""
    with memory() as file:
        group = file["/"]
        for name, nx_class, default in names:
            group = group if name == "/" else group.create_group(name)
            group.attrs["NX_class"] = nx_class
            if default is not None:
                group.attrs["default"] = default
        group["data"] = np.arange(3.0)
        group.attrs["signal"] = "data"
        return [(fault.code, fault.level) for fault in check_default_plot(scan(file)[0])]


@pytest.mark.parametrize("default", ["e", None])
def test_defaults_lead_to_a_plot(default: str | None) -> None:
    assert chain(("/", "NXroot", default), ("e", "NXentry", "d"), ("d", "NXdata", None)) == []
    assert chain(("/", "NXroot", default), ("e", "NXentry", None), ("d", "NXdata", None)) == []


def test_defaults_that_lead_nowhere_are_found() -> None:
    wrong = [("DEFAULT_PLOT", "error")]
    assert chain(("/", "NXroot", "other"), ("e", "NXentry", "d"), ("d", "NXdata", None)) == wrong
    assert chain(("/", "NXroot", "e"), ("e", "NXentry", "other"), ("d", "NXdata", None)) == wrong
    assert chain(("/", "NXroot", "e"), ("e", "NXentry", "d"), ("d", "NXcollection", None)) == wrong


def test_a_file_without_any_plot_is_told() -> None:
    assert chain(("/", "NXroot", None), ("e", "NXentry", None), ("d", "NXcollection", None)) == [
        ("DEFAULT_PLOT", "warning")
    ]


def test_a_signal_named_by_a_list_of_one_is_understood_and_told() -> None:
    assert faults(signal=["image"]) == [("LEGACY", "warning")]
    assert ("NXDATA_SIGNAL", "error") in faults(signal=["image", "both"])


def test_two_first_signals_of_the_old_marking_are_one_too_many() -> None:
    with memory() as file:
        group = file.create_group("d")
        group.attrs["NX_class"] = "NXdata"
        for name in ("a", "b"):
            group[name] = np.zeros(3)
            group[name].attrs["signal"] = 1
        marked = {(fault.code, fault.level) for fault in check_plot(scan(file)[0].members["d"])}
        group.attrs["signal"] = "a"
        settled = {(fault.code, fault.level) for fault in check_plot(scan(file)[0].members["d"])}
    assert marked == {("NXDATA_SIGNAL", "error"), ("LEGACY", "warning")}
    assert settled == {("LEGACY", "warning")}


@pytest.mark.parametrize("default", ["data", "/entry/data"])
def test_a_default_may_be_a_path_from_the_root(default: str) -> None:
    with memory() as file:
        entry = file.create_group("entry")
        file.attrs["NX_class"], file.attrs["default"] = "NXroot", "entry"
        entry.attrs.update({"NX_class": "NXentry", "default": default})
        entry["data/x"] = np.zeros(3)
        entry["data"].attrs.update({"NX_class": "NXdata", "signal": "x"})
        found = {fault.code: fault.level for fault in check_file(file, "x").violations}
        entry.attrs["default"] = "/entry/nowhere"
        dangling = {fault.code for fault in check_file(file, "x").errors}
    assert found == {"NO_DEFINITION": "warning", **({"DEFAULT": "warning"} if default.startswith("/") else {})}
    assert dangling == {"DEFAULT"}
