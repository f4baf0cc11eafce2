"""The verdict: limits come from files, the command line wins, and figures are judged by them."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.records import FrcCurve, Reconstruction, Record, Scan
from picpxct_nx.report.drift import drifts
from picpxct_nx.report.gather import Gathered
from picpxct_nx.report.limits import Limits, of_file, of_words
from picpxct_nx.report.verdict import Tile, tiles, worst

from .conftest import DRIFT, wanting


def tile(gathered: Gathered, name: str) -> Tile:
    return next(t for t in tiles(gathered, drifts(list(gathered.cards.values()))) if t.name == name)


@pytest.fixture
def only_recs(recs: list[Reconstruction]) -> Gathered:
    gathered = Gathered()
    for record in recs:
        gathered.add(record, f"{record.entry}.nxs")
    return gathered


def test_a_limit_in_the_file_is_kept_by_the_reconstruction_and_named(only_recs: Gathered) -> None:
    found = tile(only_recs, "Resolution")
    # The worst of three halves: 70 nm where 60 nm are wanted.
    assert (found.value, found.unit, found.state) == ("70.0", "nm", "look")
    assert found.wanted == "wanted 60.0 nm or finer (from the file)"


def test_the_command_line_wins_over_the_file(scan: Scan) -> None:
    limits = of_file(of_words(["half_period=80 nm"]), scan)
    assert limits.half_period == pytest.approx(8e-8)
    assert limits.origin("half_period") == "command line"


def test_two_experiments_with_different_limits_are_refused(scan: Scan) -> None:
    other = dataclasses.replace(scan, extra={**scan.extra, "targets/half_period": 9e-8})
    with pytest.raises(InputError, match="report the two experiments apart"):
        of_file(of_file(Limits(), scan), other)


@pytest.mark.parametrize(
    "text", ["half_period=60", "drift=5 eV", "colour=3", "margin=0.5", "fourier_error=low", "misfit_ratio=-1", "drift"]
)
def test_a_limit_that_means_nothing_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        of_words([text])


@pytest.mark.parametrize(
    ("value", "state"),
    [(50.0, "good"), (60.0, "good"), (89.0, "look"), (91.0, "bad"), (None, "open"), (np.nan, "open")],
)
def test_a_value_is_good_up_to_its_limit_and_bad_beyond_the_margin(value: float | None, state: str) -> None:
    assert Limits().judge(value, 60.0) == state
    assert Limits().judge(value, None) == "open"


def test_the_drift_of_a_particle_is_found_without_a_cube(only_recs: Gathered) -> None:
    found = drifts(list(only_recs.cards.values()))
    got = np.array([found[f"scan_{i}"] for i in range(3)])
    np.testing.assert_allclose(got, DRIFT, atol=5e-9)
    assert tile(only_recs, "Drift").state == "open"
    only_recs.limits = of_words(["drift=70 nm"])
    assert tile(only_recs, "Drift").state == "look"


def test_a_scan_that_is_alone_has_no_drift(recs: list[Reconstruction]) -> None:
    gathered = Gathered()
    gathered.add(recs[0], "a.nxs")
    assert tile(gathered, "Drift").value == "–"


def test_a_scan_that_fits_worse_than_the_others_is_named(only_recs: Gathered) -> None:
    found = tile(only_recs, "Misfit")
    assert (found.value, found.state) == ("0.050", "bad")
    assert "scan_2" in found.detail


def test_scans_are_counted_against_the_plan(only_recs: Gathered) -> None:
    assert tile(only_recs, "Scans").value == "3/3"
    only_recs.limits = dataclasses.replace(only_recs.limits, energies_ev=(5460.0, 5471.0, 5480.0, 5515.0))
    found = tile(only_recs, "Scans")
    assert (found.value, found.state, found.detail) == ("3/4", "look", "1 not measured yet")
    only_recs.fail("scan_9", "no light")
    assert tile(only_recs, "Scans").state == "bad"


def test_a_scan_that_is_not_reconstructed_is_to_do(make_record: Callable[..., Record], only_recs: Gathered) -> None:
    only_recs.add(wanting(make_record("NXspecptycho_scan", entry="scan_7")), "scans/scan_7.nxs")
    found = tile(only_recs, "Scans")
    assert (found.value, found.state, found.detail) == ("3/4", "look", "to do: scan_7")


def test_scans_that_wait_in_a_watched_folder_are_counted(only_recs: Gathered) -> None:
    only_recs.pending = 2
    found = tile(only_recs, "Scans")
    assert (found.value, found.state, found.detail) == ("3/5", "look", "2 to do")


def test_a_ring_correlation_speaks_for_the_resolution(make_record: Callable[..., Record], only_recs: Gathered) -> None:
    curve = make_record("NXspecptycho_frc", image="phase")
    assert isinstance(curve, FrcCurve)
    only_recs.add(curve, "frc.nxs")
    assert (tile(only_recs, "Resolution").value, tile(only_recs, "Resolution").state) == ("20.0", "good")
    high, half = np.full(4, 0.9), np.full(4, 0.5)
    above = dataclasses.replace(curve, half_period=None, correlation=high, threshold=half, uuid="b")
    only_recs.curves = {"b": above}
    assert tile(only_recs, "Resolution").value == "<10.0"
    never = dataclasses.replace(above, correlation=np.full(4, 0.1))
    only_recs.curves = {"b": never}
    assert (tile(only_recs, "Resolution").value, tile(only_recs, "Resolution").state) == ("none", "bad")


def test_a_dose_is_told_in_the_unit_that_suits_it(make_record: Callable[..., Record]) -> None:
    gathered = Gathered(limits=of_words(["dose=30 kGy"]))
    gathered.add(make_record("NXspecptycho_dose"), "d.nxs")
    found = tile(gathered, "Dose")
    assert (found.value, found.unit, found.state) == ("50.8", "kGy", "bad")
    assert found.wanted == "wanted 30 kGy or less (from the command line)"


def test_the_worst_figure_stands_for_the_row(only_recs: Gathered) -> None:
    assert worst(tiles(only_recs, {})) == "bad"
    assert worst([]) == "open"
