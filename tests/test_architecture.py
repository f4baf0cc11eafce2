"""The house: imports point one way, each heavy dependency has one door, and help is light."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import picpxct_nx

ROOT = Path(picpxct_nx.__file__).parent
CORE = {"errors", "units", "values", "nxdl", "provenance", "records"}

# What a room may import, besides itself and the standard library.
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "units": {"errors"},
    "values": {"errors"},
    "nxdl": {"errors", "units"},
    "provenance": {"errors", "values"},
    "records": {"errors", "nxdl", "provenance", "values"},
    "stages": CORE,
    "ptycho": {"errors"},
    "manifest": {"errors", "units"},
    "images": CORE | {"stages", "manifest"},
    "simulate": CORE | {"spectra"},
    "spectra": CORE | {"images", "stages"},
    "grains": CORE | {"images", "spectra", "stages"},
    "score": CORE | {"images", "spectra", "grains", "simulate"},
    "dose": CORE | {"spectra", "simulate"},
    "plan": CORE | {"images", "spectra", "grains", "simulate"},
    "illumination": CORE | {"simulate"},
    "scan_checks": CORE | {"illumination"},
    "geometry": CORE | {"ptycho", "illumination", "scan_checks"},
    "warm": CORE | {"ptycho", "geometry", "illumination", "simulate"},
    "refocus": CORE | {"ptycho", "illumination", "simulate"},
    "checkpoints": {"errors", "atomic", "ptycho"},
    "choice": CORE | {"ptycho"},
    "account": CORE | {"ptycho", "images", "choice"},
    "audit": CORE | {"ptycho", "geometry", "illumination", "images", "scan_checks"},
    "amend": CORE | {"audit", "formats"},
    "reconstruction": CORE
    | {"ptycho", "geometry", "illumination", "images", "warm", "refocus", "checkpoints", "choice", "account"},
    "sharing": CORE | {"choice"},
    "placement": CORE | {"ptycho", "geometry"},
    "joint_reconstruction": CORE
    | {"ptycho", "geometry", "illumination", "images", "checkpoints", "choice", "account"}
    | {"reconstruction", "sharing", "placement"},
    "crew": CORE | {"choice", "reconstruction", "warm", "sharing", "joint_reconstruction", "worker"},
    "worker": CORE | {"choice", "reconstruction", "warm", "sharing", "joint_reconstruction"},
    "overview": CORE,
    "report": CORE | {"images", "stages", "atomic"},
    "atomic": {"errors"},
    "room": {"errors", "values", "atomic"},
    "watching": {"errors"},
    "validation": CORE,
    "nexus": CORE | {"atomic", "validation"},
    "formats": CORE | {"atomic", "nexus", "validation", "simulate", "images", "spectra", "report", "illumination"},
    "schemas": set(),
    "schema_rows": {"nxdl"},
    "schema_codes": {"validation"},
    "markdown": set(),
    "schema_pages": CORE | {"schema_rows", "schema_codes", "markdown"},
    "verdict": {"errors", "nxdl", "nexus", "validation"},
    "rerun": CORE,
    "deposit": CORE | {"atomic", "nexus", "overview", "report", "rerun", "schemas", "validation", "verdict"},
    "untrusted": {"errors", "nxdl", "validation", "verdict"},
    "untrusted_child": {"errors", "verdict"},
}

# Rooms in which a dependency may be imported.
DOORS: dict[str, set[str]] = {
    "pint": {"units"},
    "h5py": {"nexus", "validation", "formats"},
    "hdf5plugin": {"nexus", "validation", "formats"},
    "torch": {"ptycho"},
    "triton": {"ptycho"},
    "typer": {"cli"},
    "rich": {"cli"},
    "matplotlib": {"report"},
    "skimage": {"images", "spectra", "grains", "score"},
    "xraydb": {"spectra"},
    "tifffile": {"formats"},
    "nexusformat": set(),  # its definitions are read as data
}

HEAVY = ("torch", "h5py", "scipy", "pint", "nexusformat", "matplotlib", "skimage", "xraydb")


def _sources() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        room = path.relative_to(ROOT).parts[0].removesuffix(".py")
        if room != "__init__":
            yield room, path


@cache
def _imports(path: Path) -> tuple[str, ...]:
    package = ["picpxct_nx", *path.relative_to(ROOT).parent.parts]
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found += [f"{module}.{name.name}" for name in node.names]
    return tuple(found)


@pytest.mark.parametrize(("room", "path"), [pytest.param(r, p, id=str(p.relative_to(ROOT))) for r, p in _sources()])
def test_imports_point_one_way(room: str, path: Path) -> None:
    if room == "cli":
        return
    inside = {name.split(".")[1] for name in _imports(path) if name.startswith("picpxct_nx.")}
    wrong = inside - ROOMS[room] - {room, "__version__"}
    assert not wrong, f"{path.relative_to(ROOT)} may not import {', '.join(sorted(wrong))}"


@pytest.mark.parametrize("dependency", DOORS)
def test_each_dependency_has_one_door(dependency: str) -> None:
    users = {room for room, path in _sources() for name in _imports(path) if name.split(".")[0] == dependency}
    assert users <= DOORS[dependency]


def test_every_file_says_its_purpose_in_its_first_line() -> None:
    silent = [str(path) for _, path in _sources() if not path.read_text("utf-8").startswith('"""')]
    assert silent == []


def _loaded(code: str) -> set[str]:
    report = f"import sys\n{code}\nprint('\\n'.join(sys.modules), file=sys.stderr)"
    run = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return {line.split(".")[0] for line in run.stderr.splitlines()}


def test_building_the_command_line_imports_nothing_heavy() -> None:
    assert _loaded("import picpxct_nx.cli.main").isdisjoint(HEAVY)


def test_showing_the_help_imports_nothing_heavy() -> None:
    code = "from picpxct_nx.cli.main import app\ntry:\n    app(['--help'])\nexcept SystemExit:\n    pass"
    assert _loaded(code).isdisjoint(HEAVY)
