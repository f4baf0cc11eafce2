"""Fixtures of deposits: files with a closed chain, a form, and what is made of both, once a session."""

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from picpxct_nx.deposit import packing, planning
from picpxct_nx.deposit.commands import commands_of
from picpxct_nx.deposit.planning import Plan
from picpxct_nx.deposit.survey import Holding

SAMPLES = Path(__file__).parents[2] / "sample_data"
NAMES = ("scan.nxs", "reconstruction.nxs", "frc.nxs", "dose.nxs")
FORM: dict[str, Any] = tomllib.loads(Path(__file__).with_name("form.toml").read_text("utf-8"))


@pytest.fixture
def form() -> dict[str, Any]:
    """A form that is complete, to be changed."""
    return copy.deepcopy(FORM)


@pytest.fixture(scope="session")
def holdings() -> tuple[Holding, ...]:
    """A raw scan, its reconstruction, and the ring correlation of its halves, which are not kept."""
    return planning.look([SAMPLES / name for name in NAMES])


@pytest.fixture(scope="session")
def plan(holdings: tuple[Holding, ...]) -> Plan:
    """The plan that the whole form makes of them."""
    return planning.plan(holdings, FORM, {}, "deposit.toml")


def packed(plan: Plan, target: Path, *, link: bool = False) -> Path:
    """A deposit of a plan."""
    packing.pack(plan, target, commands_of(plan.lineage), link=link, workers=2, report=lambda *_: None)
    return target


@pytest.fixture(scope="session")
def crate(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deposit as a folder; nobody may change it."""
    return packed(plan, tmp_path_factory.mktemp("crate") / "crate")


@pytest.fixture(scope="session")
def archive(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a .zip."""
    return packed(plan, tmp_path_factory.mktemp("archive") / "crate.zip")
