"""Fixtures of the workflow's tests: its scripts as modules; those that need Snakemake run in a lane of their own."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "workflow"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Without `-m workflow`, what needs the extra of that name is not collected; with it, a lack is a failure."""
    wanted = config.getoption("markexpr") == "workflow"
    return True if collection_path.name == "test_faults.py" and not wanted else None


@pytest.fixture(scope="session")
def load() -> "object":
    """Load a script of the workflow as a module."""

    def go(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"workflow_{name}", FOLDER / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module

    return go
