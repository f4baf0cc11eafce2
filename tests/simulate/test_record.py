"""The record of a simulated scan: its truth is whole, small, and what the scan was made of."""

from dataclasses import replace

import numpy as np
import pytest

from picpxct_nx.errors import UsageError
from picpxct_nx.records import Scan
from picpxct_nx.simulate import phantom
from picpxct_nx.simulate.configure import configure
from picpxct_nx.simulate.experiment import SimulatedScan, simulate_scan
from picpxct_nx.simulate.presets import TUTORIAL
from picpxct_nx.simulate.record import common_truth, make_scan, parameters_of
from picpxct_nx.values import size

FEW = replace(TUTORIAL, energies_ev=(5460.0, 5471.0), n_positions=4, supersampling=1)
TURN = np.pi / 2


@pytest.fixture(scope="module")
def simulated() -> SimulatedScan:
    return simulate_scan(FEW, 5471.0, TURN, seed=4)


@pytest.fixture(scope="module")
def scan(simulated: SimulatedScan) -> Scan:
    return make_scan(simulated, parameters_of(FEW, "tutorial", 4), common_truth(FEW, 4))


def test_grains_of_the_map_have_their_axes_in_the_table(scan: Scan, simulated: SimulatedScan) -> None:
    label, turned = np.asarray(scan.extra["truth/label"]), scan.extra["truth/rotation"]
    azimuth = np.append(np.nan, np.asarray(scan.extra["truth/experiment/azimuth"]))
    tilt = np.append(np.nan, np.asarray(scan.extra["truth/experiment/tilt"]))
    assert label.max() == len(azimuth) - 1 == FEW.n_grains
    in_laboratory = (azimuth[label] + turned) % np.pi
    np.testing.assert_allclose(in_laboratory, simulated.truth.projection.azimuth, atol=1e-12)
    np.testing.assert_allclose(tilt[label], simulated.truth.projection.tilt, atol=1e-12)


def test_transmission_follows_from_thickness_grains_and_optical_constants(scan: Scan) -> None:
    extra, place = scan.extra, 1  # 5471 eV
    assert np.asarray(extra["truth/experiment/energy"])[place] == scan.energy_ev
    label, thickness = (np.asarray(extra[f"truth/{name}"]) for name in ("label", "thickness"))
    one = (label > 0) & (np.abs(np.gradient(label.astype(float))).sum(axis=0) == 0)
    azimuth, tilt, *constants = (
        np.asarray(extra[f"truth/experiment/{name}"])
        for name in ("azimuth", "tilt", "delta_parallel", "delta_perpendicular", "beta_parallel", "beta_perpendicular")
    )
    weight = (np.cos(tilt) * np.cos(azimuth + np.asarray(extra["truth/rotation"]))) ** 2
    delta, beta = (
        perpendicular[place] + weight * (parallel[place] - perpendicular[place])
        for parallel, perpendicular in (constants[:2], constants[2:])
    )
    k = 2 * np.pi / 1.239841984e-6 * scan.energy_ev
    expected = np.exp(1j * k * thickness * (-delta + 1j * beta)[label - 1])
    np.testing.assert_allclose(np.asarray(extra["truth/transmission"])[one], expected[one], atol=2e-4)


def test_any_scan_knows_the_drift_of_all(scan: Scan, simulated: SimulatedScan) -> None:
    drift = np.asarray(scan.extra["truth/experiment/drift"])
    assert drift.shape == (2, 2, 2)
    np.testing.assert_array_equal(drift[1, 1], simulated.truth.drift)
    np.testing.assert_array_equal(drift[0, 1], simulate_scan(FEW, 5471.0, 0.0, seed=4).truth.drift)
    assert np.asarray(scan.extra["truth/experiment/true_rotation"])[1] == scan.extra["truth/rotation"] != TURN


def test_truth_is_small_and_has_units(scan: Scan) -> None:
    common = {path: value for path, value in scan.extra.items() if path.startswith("truth/experiment")}
    assert sum(size(value) for value in common.values()) < 5000
    lengths = ("y", "x", "thickness", "position_y", "position_x", "drift", "experiment/drift")
    assert {scan.extra[f"truth/{name}@units"] for name in lengths} == {"m"}


def test_light_along_y_is_in_the_truth_where_there_is_any(simulated: SimulatedScan, scan: Scan) -> None:
    assert "truth/transmission_across" not in scan.extra
    impure = make_scan(simulate_scan(replace(FEW, polarisation_purity=0.9), 5471.0, TURN, seed=4), {})
    across = phantom.transmission(simulated.truth.projection, energy_ev=5471.0, polarisation=np.pi / 2)
    np.testing.assert_allclose(np.asarray(impure.extra["truth/transmission_across"]), across, atol=1e-6)


def test_a_purity_above_one_is_refused() -> None:
    with pytest.raises(UsageError, match=r"polarisation_purity: 1.2 is too large; wanted 0 to 1"):
        configure("tutorial", ["polarisation_purity=1.2"])


def test_the_tutorial_has_energies_for_every_window() -> None:
    energies = np.array(TUTORIAL.energies_ev)
    assert np.sum(energies < 5467) == np.sum(energies > 5510) == 2
    assert {5460.0, 5469.0, 5470.0, 5471.0, 5472.0, 5482.0, 5515.0} <= set(TUTORIAL.energies_ev)
