"""Small simulated scans with absorption, air, and a defocused zone plate, and one audit of them."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from picpxct_nx.audit.audit import Audit, Choice, audit_scan
from picpxct_nx.audit.orientation import Orientation
from picpxct_nx.records import Scan
from picpxct_nx.simulate.configure import configure
from picpxct_nx.simulate.experiment import simulate_scan
from picpxct_nx.simulate.record import make_scan

SMALL = ("frame_size=48", "n_positions=24", "supersampling=1", "n_dead_pixels=2")
PLANTED = Orientation("+x", "-y")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def simulated(*settings: str, energy_ev: float = 5520.0) -> Scan:
    """A scan of the tutorial's particle, smaller, with absorption."""
    return make_scan(simulate_scan(configure("tutorial", (*SMALL, *settings)), energy_ev, 0.0, seed=2), {})


def turned(scan: Scan, orientation: Orientation) -> Scan:
    """The scan as if its stage had been recorded so that `orientation` corrects it."""
    y, x = orientation.inverse.of(np.asarray(scan.stage_y), np.asarray(scan.stage_x))
    values = scan.to_values() | {"sample/transformations/y": y, "sample/transformations/x": x}
    return Scan.from_values(scan.entry, values)


@pytest.fixture(scope="session")
def scan() -> Scan:
    return simulated()


@pytest.fixture(scope="session")
def wrong(scan: Scan) -> Scan:
    return turned(scan, PLANTED)


@pytest.fixture(scope="session")
def audited(wrong: Scan) -> Audit:
    return audit_scan(wrong, Choice("cpu:1"))


@pytest.fixture
def audit() -> Callable[[Scan], Audit]:
    return lambda scan: audit_scan(scan, Choice("cpu:1"))
