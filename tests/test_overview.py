"""Overviews: what is told of every kind of record, as plain values, as a page, as a table."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from picpxct_nx.overview import as_table, as_text, overview
from picpxct_nx.records import KINDS, Record

NAMES = [cls.DEFINITION for cls in KINDS]


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_is_told_in_plain_values(make_record: Callable[..., Record], name: str) -> None:
    facts = json.loads(json.dumps(overview(make_record(name))))
    assert (facts["entry"], facts["definition"]) == ("scan_S00001", name)
    assert facts["assumed"] == ["title"]
    (step,) = facts["history"]
    assert (step["command"], step["parameters"]["factor"], step["parameters"]["factor@units"]) == ("import", 2.0, "eV")
    # More than what every entry has.
    assert len(facts) > 6


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_makes_a_page(make_record: Callable[..., Record], name: str) -> None:
    page = as_text(overview(make_record(name)), steps=True)
    assert page.startswith(f"  scan_S00001: {name}\n")
    assert "\n    step 1: import (picpxct_nx " in page
    assert "\n      factor = 2 eV\n" in page
    assert "@" not in page


def test_a_table_has_a_line_an_entry_and_no_empty_columns(make_record: Callable[..., Record]) -> None:
    scans = [overview(make_record("NXspecptycho_scan", entry=f"scan_{n:03d}")) for n in range(120)]
    lines = as_table(scans).splitlines()
    assert len(lines) == 121
    assert lines[0].split() == ["entry", "kind", "energy", "(eV)", "polarisation", "(deg)", "shape"]
    assert lines[7].split()[:2] == ["scan_006", "scan"]
    assert {len(line) for line in lines[1:]} == {len(lines[1])}


def test_a_table_of_different_kinds_marks_what_does_not_apply(make_record: Callable[..., Record]) -> None:
    heading, *rows = as_table([overview(make_record(name)) for name in NAMES]).splitlines()
    assert "half period (m)" in heading
    assert [row.split()[1] for row in rows] == [name.removeprefix("NXspecptycho_") for name in NAMES]
    assert all(" - " in f"{row} " for row in rows)


def test_many_energies_are_told_as_a_range(make_record: Callable[..., Record]) -> None:
    cube = overview(make_record("NXspecptycho_cube")) | {"energies_ev": [5460.0, 5471.0, 5515.0]}
    assert "5460 to 5515 (3)" in as_table([cube])
    assert "\n    energies: 5460, 5471, 5515 eV\n" in as_text(cube)


def test_a_long_list_is_told_by_its_ends(make_record: Callable[..., Record]) -> None:
    cube = overview(make_record("NXspecptycho_cube")) | {"energies_ev": list(np.arange(100.0))}
    assert "\n    energies: 0 to 99 eV (100)\n" in as_text(cube)


def test_lengths_have_the_unit_that_suits_them(make_record: Callable[..., Record]) -> None:
    facts = overview(make_record("NXspecptycho_reconstruction")) | {"pixel_m": [4.882e-8, 4.9e-8], "object": [640, 650]}
    assert "\n    pixel: 48.82 nm x 49 nm\n" in as_text(facts)
    assert "\n    object: 640 x 650 px\n" in as_text(facts)
    facts = overview(make_record("NXspecptycho_dose")) | {"maximum_dose_gy": 2.5e6, "warnings": ["one", "two, three"]}
    assert "\n    largest dose: 2.5 MGy\n" in as_text(facts)
    assert "\n    warning: one\n    warning: two, three\n" in as_text(facts)


def test_a_long_history_is_one_line(make_record: Callable[..., Record]) -> None:
    facts = overview(make_record("NXspecptycho_cube"))
    (step,) = facts["history"]
    many = [step | {"command": name} for name in ["simulate", "reconstruct"] * 60 + ["stack"]]
    page = as_text(facts | {"history": many})
    assert "\n    history: simulate x 60, reconstruct x 60, stack; last " in page
    assert len(page.splitlines()) < 20
    assert as_text(facts | {"history": many}, steps=True).count("\n    step ") == 121


def test_a_measured_spectrum_is_told_by_the_ends_of_its_energies(make_record: Callable[..., Record]) -> None:
    facts = overview(make_record("NXspecptycho_spectrum"))
    low, high = facts["energy_range_ev"]
    assert f"\n    energy range: {low:.6g} to {high:.6g} eV\n" in as_text(facts)
