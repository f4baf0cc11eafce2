"""A small reference scan and its problem, shared by the solver's tests."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from picpxct_nx.ptycho import Problem
from picpxct_nx.simulate.reference import ReferenceScan, reference_scan


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def scan() -> ReferenceScan:
    return reference_scan(50, 64, photons=1e6)


@pytest.fixture(scope="session")
def subpixel_scan() -> ReferenceScan:
    return reference_scan(50, 64, photons=1e6, subpixel=True)


@pytest.fixture
def problem(scan: ReferenceScan) -> Problem:
    good = np.ones(scan.frames.shape[1:], bool)
    return Problem(scan.frames, good, scan.positions_px, (scan.object.shape[0], scan.object.shape[1]), scan.probe_start)
