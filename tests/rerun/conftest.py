"""Fixtures of reruns: sample files as records."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from picpxct_nx import nexus
from picpxct_nx.records import Record
from picpxct_nx.values import ArraySource

SAMPLES = Path(__file__).parents[2] / "sample_data"


def load(path: Path) -> Record:
    """The first entry of a file, all of it in memory."""
    from dataclasses import replace
    from typing import Any

    with nexus.open_valid(path, path.name) as file:
        record = nexus.read(file, nexus.entries(file)[0])
        lazy: dict[str, Any] = {
            name: value[...]
            for name, value in vars(record).items()
            if isinstance(value, ArraySource) and not isinstance(value, np.ndarray)
        }
        return replace(record, **lazy)


@pytest.fixture(scope="session")
def sample() -> Callable[[str], Record]:
    """A sample file by its name."""
    return lambda name: load(SAMPLES / f"{name}.nxs")
