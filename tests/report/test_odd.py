"""Records at the edge of what is allowed still make a page, and one that a browser shows without a word."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picpxct_nx.records import FrcCurve, Reconstruction, SpectralCube
from picpxct_nx.report.gather import Gathered
from picpxct_nx.report.page import page

from .test_browser import WIDE, Opened
from .test_page import data_of

MakeCube = Callable[..., SpectralCube]


def blob(n_pol: int, n_energies: int) -> Any:
    """A flat image of a strong absorber."""
    return np.full((n_pol, n_energies, 12, 9), 0.5 * np.exp(-0.3j))


@pytest.fixture(params=["one image", "one polarisation", "three polarisations", "a gap", "black", "many iterations"])
def odd(request: pytest.FixtureRequest, make_cube: MakeCube, recs: list[Reconstruction]) -> Gathered:
    found = Gathered()
    energies, turns = np.array([5460.0, 5471.0, 5480.0]), np.deg2rad([0.0, 60.0, 120.0])
    if request.param == "one image":
        found.add(make_cube(blob(1, 1), energies[:1], turns[:1]), "c.nxs")
    elif request.param == "one polarisation":
        found.add(make_cube(blob(1, 3), energies, turns[:1]), "c.nxs")
    elif request.param == "three polarisations":
        found.add(make_cube(blob(3, 3), energies, turns), "c.nxs")
    elif request.param == "a gap":
        images = blob(2, 3)
        images[1, 2] = np.nan
        found.add(make_cube(images, energies, turns[:2]), "c.nxs")
    elif request.param == "black":
        found.add(make_cube(0 * blob(1, 2), energies[:2], turns[:1]), "c.nxs")
    else:
        long = np.geomspace(0.5, 0.01, 1500)
        for i in range(120):
            bare = dataclasses.replace(recs[0], entry=f"scan_{i}", uuid=str(i), position_y=None, position_x=None)
            found.add(dataclasses.replace(bare, error=long if i else None, coverage=None), f"{i}.nxs")
    return found


def test_an_odd_record_makes_a_page(odd: Gathered) -> None:
    data = data_of(page(odd))
    assert all(stack["high"] > stack["low"] for stack in data["stacks"])


@pytest.mark.browser
def test_a_browser_shows_it_without_a_word(browser: Any, odd: Gathered, tmp_path: Path) -> None:
    opened = Opened(browser, page(odd), tmp_path, WIDE)
    if opened.tab.locator("#image-0").count():
        opened.tab.click("#image-0", position={"x": 40, "y": 40})
        assert opened.text("spectrum-title").startswith("Spectrum at pixel")
    assert opened.said == []
    opened.tab.close()


def test_a_curve_with_holes_is_drawn(make_record: Callable[..., Any]) -> None:
    curve = make_record("NXspecptycho_frc")
    assert isinstance(curve, FrcCurve)
    found = Gathered()
    found.add(dataclasses.replace(curve, correlation=np.array([np.nan, 0.9, 0.4, 0.1])), "f.nxs")
    assert data_of(page(found))["curves"][0]["c"][0] is None


def test_a_reconstruction_of_nothing_is_a_page_as_well(recs: list[Reconstruction]) -> None:
    found = Gathered()
    for i, value in enumerate((0.0, np.nan)):
        dark = np.full_like(recs[i].transmission, value)
        probe = np.full_like(recs[i].probe, value)
        found.add(dataclasses.replace(recs[i], transmission=dark, probe=probe), f"{i}.nxs")
    found.add(dataclasses.replace(recs[2], coverage=np.zeros(recs[2].transmission.shape)), "2.nxs")
    assert all(f"scan_{i}" in page(found) for i in range(3))
