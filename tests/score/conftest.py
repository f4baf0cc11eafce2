"""Fixtures: a small simulated experiment of two energies and two rotations, and its truth."""

from dataclasses import replace

import pytest

from picpxct_nx.records import Scan
from picpxct_nx.score.truth import Experiment, read
from picpxct_nx.simulate.experiment import simulate_experiment
from picpxct_nx.simulate.presets import TUTORIAL
from picpxct_nx.simulate.record import common_truth, make_scan, parameters_of

# Four frames: only the truth is of interest here. Energies for a window on either side of the edge and the peak.
FEW = replace(TUTORIAL, energies_ev=(5460.0, 5471.0, 5482.0, 5515.0), n_positions=4, supersampling=2)
SEED = 4


@pytest.fixture(scope="session")
def scans() -> list[Scan]:
    """The raw scans of both rotations, four energies each."""
    parameters, common = parameters_of(FEW, "tutorial", SEED), common_truth(FEW, SEED)
    return [make_scan(scan, parameters, common) for scan in simulate_experiment(FEW, seed=SEED)]


@pytest.fixture(scope="session")
def experiment(scans: list[Scan]) -> Experiment:
    """The truth that they carry."""
    return read(scans)
