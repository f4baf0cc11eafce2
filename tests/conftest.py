"""Fixtures: records that fill every field of a definition, and the folder of real measured data where it is there."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from picpxct_nx import nxdl, provenance
from picpxct_nx.records import Record, kind
from picpxct_nx.values import Value

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real measured data, which lie beside the repository and are never committed."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the folder of measured data is not here")
    return SHARED_DATA


def _value(node: nxdl.Node, lengths: dict[str, int], rng: np.random.Generator) -> Value:
    shape = tuple(n if isinstance(n, int) else lengths.setdefault(str(n), 3 + len(lengths)) for n in node.dims or ())
    if node.items:
        return node.items[0] if not shape else np.full(shape, node.items[0], dtype=object)  # type: ignore[return-value]
    if node.type == "NX_DATE_TIME":
        return "2026-05-01T08:00:00+02:00"
    if node.type == "NX_CHAR":
        return f"text of {node.name}" if not shape else np.full(shape, "text", dtype=object)
    if node.type == "NX_BOOLEAN":
        return True if not shape else rng.random(shape) < 0.5
    if node.type == "NX_COMPLEX":
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
    if node.type in ("NX_INT", "NX_POSINT"):
        return 7 if not shape else rng.integers(1, 100, shape)
    if node.name == "energy" and len(shape) == 1:
        return np.sort(rng.normal(size=shape).astype(np.float32))
    return 2.5 if not shape else rng.normal(size=shape).astype(np.float32)


def full_values(name: str, *, seed: int = 0) -> dict[str, Value]:
    """A value for every field that a definition knows, history and links left out."""
    rng, lengths = np.random.default_rng(seed), {"nAssumed": 1}
    values = {
        path: _value(node, lengths, rng)
        for path, node in nxdl.table(name).items()
        if node.kind == "field" and node.fixed() is None and "(" not in path and path not in kind(name).LINKS
    }
    values["assumed"] = np.array(["title"], dtype=object)
    return values


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """Make a record of a definition with every field filled."""

    def make(name: str, *, seed: int = 0, entry: str = "scan_S00001", **changes: Value) -> Record:
        values = full_values(name, seed=seed) | {path.replace("__", "/"): value for path, value in changes.items()}
        record = kind(name).from_values(entry, values)
        source = provenance.Input(checksum="0" * 64, file_name="foreign.h5")
        step = provenance.step("import", {"factor": 2.0, "factor@units": "eV", "name": "x"}, [source])
        return record.made_by(step)

    return make
