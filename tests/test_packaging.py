"""Packaging: sdist and wheel hold the whole package, add one import package, and README and CI say the same."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEST_COMMAND = re.compile(r"^ *(python3 -m venv .*pytest.*)$", re.MULTILINE)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel that is built from the sdist, as an installer from source would build it."""
    out = tmp_path_factory.mktemp("dist")
    # `build` makes the sdist, unpacks it, and builds the wheel from there.
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    return zipfile.ZipFile(next(out.glob("*.whl")))


@pytest.mark.slow
def test_the_wheel_from_the_sdist_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    wanted = {
        path.relative_to(ROOT).as_posix()
        for ending in ("*.py", "*.xml", "*.html", "*.css", "*.js", "py.typed", "units.txt")
        for folder in ("picpxct_nx", "picpxct_nx/cli", "picpxct_nx/schemas")
        for path in (ROOT / folder).rglob(ending)
        if "__pycache__" not in path.parts
    }
    found = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert found == wanted


@pytest.mark.slow
def test_the_wheel_adds_exactly_one_import_package(wheel: zipfile.ZipFile) -> None:
    assert {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" not in name} == {"picpxct_nx"}


def test_readme_and_ci_run_the_same_test_command() -> None:
    readme = TEST_COMMAND.findall((ROOT / "README.md").read_text("utf-8"))
    script = TEST_COMMAND.findall((ROOT / ".ci" / "run").read_text("utf-8"))
    assert len(readme) == 1
    assert readme == script


def test_the_version_is_stated_once_and_alike() -> None:
    from picpxct_nx import __version__

    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text("utf-8")
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_citation_says_what_the_package_says_of_itself() -> None:
    # Simple lines of YAML, for which no test needs a parser.
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    told = dict(re.findall(r"^(\S[^:\n]*): (.+)$", citation, re.MULTILINE))
    assert told["cff-version"] == "1.2.0"
    assert (told["title"], told["version"], told["license"]) == (
        project["name"],
        project["version"],
        project["license"],
    )
    assert told["abstract"].rstrip(".") == project["description"]
    assert re.findall(r"^  - name: (.+)$", citation, re.MULTILINE) == [author["name"] for author in project["authors"]]
    assert re.findall(r"^  - (?!name: )(.+)$", citation, re.MULTILINE) == project["keywords"]
