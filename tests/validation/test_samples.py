"""Every code that a verdict can give has one small committed file, which gives it."""

import ast
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import h5py
import pytest

import picpxct_nx
from picpxct_nx import nexus
from picpxct_nx.validation import Report, check_file, hostile
from picpxct_nx.validation.inputs import named_inputs, with_inputs

from .conftest import open_image

SAMPLES = Path(__file__).parents[2] / "sample_data"
INVALID = SAMPLES / "invalid"
# Where the code stands among the arguments.
_CALLS = {"Violation": 1, "refuse": 1, "UnreadableError": 0, "Rule": 0}
# Files of which one fault cannot be had alone: a definition of NeXus that wants links wants much else.
CROWDED = {"MISSING_LINK"}
# HDF5 leaves bytes of a virtual layout as it found them in memory.
UNEVEN = {"STORAGE_VIRTUAL"}
NAMES = sorted(path.stem for path in INVALID.glob("*.nxs"))


_ROOMS = {"validation", "nexus", "verdict", "untrusted", "untrusted_child"}


def codes() -> Iterator[str]:
    """Every code that is written in the rooms that check files; others have functions of the same names."""
    root = Path(picpxct_nx.__file__).parent
    for path in root.rglob("*.py"):
        if path.relative_to(root).parts[0].removesuffix(".py") not in _ROOMS:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and re.fullmatch("UNTRUSTED_[A-Z]+", str(node.value)):
                yield str(node.value)
            name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
            if isinstance(node, ast.Call) and name in _CALLS and len(node.args) > _CALLS[name]:
                code = node.args[_CALLS[name]]
                if isinstance(code, ast.Constant) and isinstance(code.value, str):
                    yield code.value
                elif isinstance(code, ast.JoinedStr) and "MISSING_" in ast.unparse(code):
                    yield from ("MISSING_FIELD", "MISSING_GROUP", "MISSING_ATTRIBUTE")


@pytest.fixture(scope="module")
def recipe() -> Iterator[ModuleType]:
    """The recipe that made the files."""
    sys.path.insert(0, str(SAMPLES))
    yield importlib.import_module("make_invalid")
    sys.path.remove(str(SAMPLES))


def verdict(path: Path) -> Report:
    """The report on a file, and where it is about the inputs, on those too."""
    with h5py.File(path, "r") as file:
        report, named = check_file(file, path.name), named_inputs(file)
    return (
        with_inputs(report, named, nexus.present_inputs(INVALID / "inputs", named)) if "INPUT" in path.name else report
    )


def test_every_code_has_its_file_and_every_file_its_code(recipe: ModuleType) -> None:
    assert set(codes()) == set(NAMES) | set(recipe.IN_MEMORY)
    assert not set(NAMES) & set(recipe.IN_MEMORY)


@pytest.mark.parametrize("code", NAMES)
def test_a_file_gives_its_code_and_no_other_error(code: str) -> None:
    report = verdict(INVALID / f"{code}.nxs")
    found, errors = {fault.code for fault in report.violations}, {fault.code for fault in report.errors}
    assert code in found
    assert errors <= {code} or code in CROWDED
    assert all(fault.path.startswith("/") for fault in report.violations)


@pytest.mark.parametrize(
    "base", ["scan", "reconstruction", "cube", "normalized", "frc", "grainmap", "dose", "input", "product"]
)
def test_what_the_files_start_from_is_valid(base: str, recipe: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", recipe.EPOCH)
    with open_image(recipe.valid(base)) as file:
        report = check_file(file, base)
    assert {fault.code for fault in report.violations} <= {"RECOMMENDED"}


def test_the_files_are_small() -> None:
    sizes = [path.stat().st_size for path in INVALID.rglob("*.nxs")]
    assert max(sizes) < 30_000
    assert sum(sizes) < 2_000_000


@pytest.mark.parametrize("code", [name for name in NAMES if name.startswith("INPUT")])
def test_what_is_wrong_beside_the_input_is_valid_alone(code: str) -> None:
    with h5py.File(INVALID / f"{code}.nxs", "r") as file:
        assert check_file(file, code).valid


@pytest.mark.parametrize("code", NAMES)
def test_the_recipe_makes_the_same_bytes(code: str, recipe: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", recipe.EPOCH)
    image: bytes = recipe.make(code)
    assert image == recipe.make(code) or code in UNEVEN
    with h5py.File(INVALID / f"{code}.nxs", "r") as file:
        committed = check_file(file, code)
    with open_image(image) as file:
        assert check_file(file, code) == committed


def test_too_many_objects_are_not_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostile, "MAX_OBJECTS", 10)
    report = verdict(INVALID / "MISSING_FIELD.nxs")
    assert [fault.code for fault in report.errors] == ["LIMIT_OBJECTS"]
