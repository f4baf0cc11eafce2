"""The tutorial as it stands, and the pipeline as it is meant to be typed: one shell pipe from raw scans to grains."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from picpxct_nx import nexus
from picpxct_nx.cli.main import app
from picpxct_nx.provenance import Step
from picpxct_nx.records import GrainMap, Record, Scan
from picpxct_nx.score.judge import judge
from picpxct_nx.score.truth import read

# On the scans of the tutorial, by a quick recipe: what the images are worth is asked of those of the tutorial.
PIPE = """picpxct reconstruct scans/*.nxs --recipe pie:3,ml:10 --device cpu:1 --also none -q | tee recs.nxs \
    | picpxct flatten -q | tee flat.nxs | picpxct stack -q | picpxct align -q | picpxct register -q \
    | picpxct normalize --e0 "5483.4 eV" -q | tee piped.nxs | picpxct grainmap -q > piped_grains.nxs"""
FILES = (
    ("flatten", "recs.nxs", "files_flat.nxs"), ("stack", "files_flat.nxs", "files_cube.nxs"),
    ("align", "files_cube.nxs", "files_aligned.nxs"), ("register", "files_aligned.nxs", "files_registered.nxs"),
    ("normalize", "files_registered.nxs", "files_spectra.nxs", "--e0", "5483.4 eV"),
    ("grainmap", "files_spectra.nxs", "files_grains.nxs"),
)  # fmt: skip
SCANS = 12
COMMANDS = ["simulate", "reconstruct", "flatten"]

TUTORIAL = Path(__file__).parents[1] / "docs" / "tutorial.md"

pytestmark = pytest.mark.slow


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a line of bash in a folder; `picpxct` is the real command, and a failure anywhere in a pipe counts."""
    start = f'set -euo pipefail; picpxct() {{ "{sys.executable}" -m picpxct_nx.cli "$@"; }}\n'
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PICPXCT")}
    return subprocess.run(
        ["bash", "-c", start + line],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env=kept | {"OMP_NUM_THREADS": "1"},
        cwd=folder,
        check=False,
        timeout=600,
    )


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which every block of the tutorial was run, and what was said on stderr."""
    made = tmp_path_factory.mktemp("tutorial")
    blocks = re.findall(r"^```bash\n(.*?)^```$", TUTORIAL.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    result = shell("\n".join(blocks), made)
    assert result.returncode == 0, result.stderr.decode()[-2000:]
    return made, result.stderr.decode()


@pytest.fixture(scope="module")
def folder(tutorial: tuple[Path, str]) -> Path:
    """The folder of the tutorial, with all that the pipe made of its scans."""
    result = shell(PIPE, tutorial[0])
    assert result.returncode == 0, result.stderr.decode()
    return tutorial[0]


def records(path: Path) -> list[Record]:
    """All entries of a file; what they hold lazily is not to be asked for."""
    with nexus.open_valid(path, path.name) as file:
        return [nexus.read(file, entry) for entry in nexus.entries(file)]


def grains(path: Path) -> GrainMap:
    (record,) = records(path)
    assert isinstance(record, GrainMap)
    return record


def test_the_tutorial_runs_as_it_stands(tutorial: tuple[Path, str]) -> None:
    made, said = tutorial
    assert "half-period resolution" in said
    assert (made / "grains.csv").read_text().count("\n") > 4
    assert "Spectral stack" in (made / "report.html").read_text("utf-8")


def test_the_grains_found_are_the_grains_simulated(tutorial: tuple[Path, str]) -> None:
    made, _ = tutorial
    scans = [scan for path in sorted((made / "scans").iterdir()) for scan in records(path)]
    truth = read([scan for scan in scans if isinstance(scan, Scan)])
    figures = judge(grains(made / "grains.nxs"), truth).figures
    found = {figure.name: figure.value if figure.value is not None else np.nan for figure in figures}
    # Two of the seven grains are as good as parallel.
    assert (found["grains_true"], found["grains_distinct"]) == (7, 6)
    assert found["grains_found"] == found["distinct_matched"] == 6
    assert found["distinct_rand_error"] < 0.25
    assert found["distinct_rand_error_labelled"] < 0.1
    assert found["orientation_median"] < 5
    # Two polarisations calibrate themselves by what seven axes happen to be.
    assert found["grain_rms"] < 4
    assert found["known"] > 85


def test_every_file_of_the_pipe_is_valid(folder: Path) -> None:
    _call("validate", *(str(folder / name) for name in ("recs.nxs", "flat.nxs", "piped.nxs", "piped_grains.nxs")))


def test_the_chain_closes_at_the_raw_scans_and_marks_what_only_lived_in_the_pipe(folder: Path) -> None:
    raw = _raw(folder)
    history = grains(folder / "piped_grains.nxs").history
    commands = [step.command for step in history]
    assert sorted(commands[: 3 * SCANS]) == sorted(COMMANDS * SCANS)
    assert commands[3 * SCANS :] == ["stack", "align", "register", "normalize", "grainmap"]
    made = dict[str | None, Step]()
    for step in history:
        assert all(source.uuid in made for source in step.inputs), step.command
        assert bool(step.inputs) == (step.command != "simulate")
        made[step.output_uuid] = step
        if step.command == "reconstruct":
            (source,) = step.inputs
            assert source.uuid is not None
            assert source.checksum == raw[source.uuid]
    assert {step.output_uuid for step in history if step.command == "simulate"} == set(raw)
    # The scans are a file, and so is what went to a file at the end; all between was piped.
    piped = {step.command for step in history if step.transient}
    assert piped == {"reconstruct", "flatten", "stack", "align", "register", "normalize"}
    assert all(step.transient == (step.command in piped) for step in history)


def _raw(folder: Path) -> dict[str, str]:
    """Digests of the scans by UUID."""
    found = dict[str, str]()
    for path in sorted((folder / "scans").iterdir()):
        with nexus.open_valid(path, path.name) as file:
            for scan in (nexus.read(file, entry) for entry in nexus.entries(file)):
                found[scan.uuid] = scan.digest()
    return found


def test_files_between_the_stages_give_what_the_pipe_gives(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for command, source, target, *more in FILES:
        _call(command, source, *more, "-q", "-o", target)
    piped, filed = (grains(folder / name) for name in ("piped_grains.nxs", "files_grains.nxs"))
    for name in ("label", "orientation", "orientation_errors", "signal", "mean_orientation", "area", "y", "x"):
        np.testing.assert_array_equal(getattr(piped, name), getattr(filed, name), err_msg=name)
    assert [step.command for step in piped.history] == [step.command for step in filed.history]
    assert {step.command for step in filed.history if step.transient} == {"reconstruct"}
    _call("validate", *sorted(map(str, Path().glob("files_*.nxs"))))


def _call(*words: str) -> None:
    """Run a command in this process."""
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
