"""Other projects' readers and validators on our files: only by hand, and then a peer that is not there is a failure.

Run in an environment that has the peers, `pip install -c constraints.txt '.[test,peers]'` and ptypy 0.9.0 from a
checkout of its repository (it is on no index): `pytest -m peers tests/peers`. Without `-m peers` or PICPXCT_PEERS=1
nothing here is even collected.
"""

import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import h5py
import pytest

from picpxct_nx import nexus, nxdl
from picpxct_nx.records import Record

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "sample_data").glob("*.nxs"))
SCHEMAS = sorted((ROOT / "schemas").glob("*.nxdl.xml"))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    asked = os.environ.get("PICPXCT_PEERS") == "1" or config.getoption("markexpr") == "peers"
    return None if asked else True


def peer(name: str) -> ModuleType:
    """A peer's module. What it warns about while it is imported is its own affair."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_module(name)


@pytest.fixture(params=[path.name for path in SAMPLES] + list(nxdl.names()))
def product(request: pytest.FixtureRequest, make_record: Callable[..., Record], tmp_path: Path) -> Path:
    """A copy of a sample file, for some peers open what they read for writing; or all fields of one definition."""
    if request.param.endswith(".nxs"):
        return Path(shutil.copy(ROOT / "sample_data" / str(request.param), tmp_path))
    path = tmp_path / f"{request.param}.nxs"
    nexus.write(path, [make_record(request.param)])
    return path


@pytest.fixture(scope="session", autouse=True)
def _samples_stay_as_they_are() -> Iterator[None]:
    """No peer may be given a file of the repository."""
    before = {path: path.read_bytes() for path in SAMPLES}
    yield
    assert [path.name for path in SAMPLES if path.read_bytes() != before[path]] == []


def definition_of(path: Path) -> str:
    """Definition that the first entry of a file keeps."""
    with h5py.File(path, "r") as file:
        claim = file[nexus.entries(file)[0]]["definition"][()]
    return str(claim.decode())


@pytest.fixture(scope="session", autouse=True)
def pynxtools_definitions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """pynxtools knows the definitions that it ships and ours: it takes a whole tree only, and asks once a process."""
    shipped = Path(str(peer("pynxtools").__file__)).parent / "definitions"
    tree = tmp_path_factory.mktemp("nexus") / "definitions"
    shutil.copytree(shipped, tree)
    for schema in SCHEMAS:
        shutil.copy(schema, tree / "applications")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEXUS_DEF_PATH", str(tree))
        yield
