"""The manifest of an experiment: scans, blocks of neighbours in energy, words of commands; what is wrong is refused."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from picpxct_nx.errors import ConfigError, InputError, MissingInputError

FOLDER = Path(__file__).parents[2] / "workflow"
TABLE = "scan,energy (eV),sample_rotation (deg)\n" + "".join(
    f"scan_S{n:05d},{5460 + (7 * n) % 11},{90 * (n % 2)}\n" for n in range(22)
)


@pytest.fixture(scope="session")
def experiment(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("experiment")


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scans.csv").write_text(TABLE)

    def write(text: str) -> Path:
        (tmp_path / "m.toml").write_text(text)
        return tmp_path / "m.toml"

    return write


def test_blocks_are_neighbours_in_energy_of_one_polarisation(
    experiment: ModuleType, manifest: Callable[[str], Path]
) -> None:
    found = experiment.read(manifest("[experiment]\ntable = 'scans.csv'\nblock = 4"))
    energies = {place.scan: place.energy_ev for place in found.places}
    rotations = {place.scan: place.rotation for place in found.places}
    assert sorted(scan for block in found.blocks for scan in block.scans) == sorted(energies)
    assert [len(block.scans) for block in found.blocks] == [4, 3, 4, 4, 3, 4]  # even, and none above four
    chains: dict[float, list[float]] = {}
    for block in found.blocks:
        (rotation,) = {rotations[scan] for scan in block.scans}
        chains.setdefault(rotation, []).extend(energies[scan] for scan in block.scans)
    assert all(chain == sorted(chain) for chain in chains.values())


def test_the_tutorial_names_the_scans_that_simulate_makes(experiment: ModuleType) -> None:
    found = experiment.read(FOLDER / "tutorial.toml")
    assert len(found.places) == 20
    assert found.blocks[0].scans[0] == "scan_E054600_R000"
    assert found.options["normalize"] == ["--e0", "5483.4 eV"]


def test_options_become_words(experiment: ModuleType) -> None:
    assert experiment.words({"set": ["a=1", "b=2"], "energy_tolerance": "1 eV", "union": True, "strict": False}) == [
        "--set", "a=1", "--set", "b=2", "--energy-tolerance", "1 eV", "--union",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("[experiment", ConfigError, "is not TOML"),
        ("[experiment]\nblok = 3", ConfigError, "blok = 3: is not known; wanted one of scans, table"),
        ("[experiment]\nblock = '3'", ConfigError, "block = '3': wanted int"),
        ("[experiment]\nblock = 0", ConfigError, "wanted a larger number"),
        ("[reconstuct]\nrecipe = 'paper'", ConfigError, "[reconstuct] is not known"),
        ("[stack]\noutput = 'x'", ConfigError, "is set by the workflow"),
        ("[simulate]\n[import]\nfiles='{scan}.h5'", ConfigError, "leave the other out"),
        ("[import]\nfiles='raw.h5'", ConfigError, "wanted a pattern"),
        ("[stack]\nunion = true", ConfigError, "names no scans"),
        ("[experiment]\ntable = 'none.csv'", MissingInputError, "none.csv: cannot be read"),
        ("[experiment]\ntable = 'm.toml'", InputError, "m.toml: wanted [[scans]] tables"),
    ],
)
def test_what_is_not_understood_is_refused(
    text: str, error: type[Exception], says: str, experiment: ModuleType, manifest: Callable[[str], Path]
) -> None:
    with pytest.raises(error) as caught:
        experiment.read(manifest(text))
    assert says in str(caught.value)


def test_a_scan_without_energy_is_refused(
    experiment: ModuleType, manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    path = manifest("[experiment]\ntable = 'scans.csv'")
    (tmp_path / "scans.csv").write_text("scan,energy\nscan_S00001,5460 eV\n")
    with pytest.raises(ConfigError, match="scan_S00001 has no energy or no sample_rotation"):
        experiment.read(path)
