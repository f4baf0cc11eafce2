"""picpxct deposit: the form, the refusals all at once, the archive, and what is said last."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import h5py
import pytest

from .conftest import Call, Run, command, environment, message

SAMPLES = Path(__file__).parents[2] / "sample_data"
FORM = Path(__file__).parents[1] / "deposit/form.toml"
CHAIN = tuple(SAMPLES / f"{name}.nxs" for name in ("scan", "reconstruction", "frc"))


@pytest.fixture
def form(tmp_path: Path) -> Path:
    """A whole form, where the command looks for it."""
    return Path(shutil.copy(FORM, tmp_path / "deposit.toml"))


def test_a_form_is_written_filled_in_and_packed(call: Call, form: Path, tmp_path: Path) -> None:
    assert call("deposit", "--init", *CHAIN, "-o", "new.toml").exit_code == 0
    assert 'name = "simulated V2O5 particle"' in (tmp_path / "new.toml").read_text()
    assert call("deposit", "--init", "-o", "new.toml").exit_code == 73
    result = call("deposit", *CHAIN, "-o", "crate/")
    assert result.exit_code == 0, result.stderr
    # The commands for the catalogue stand last, and alone on stdout.
    base = "crate/data/scicat"
    assert result.stdout.splitlines() == [
        f"datasetIngestor {base}/raw/metadata.json", f"datasetIngestor --ingest {base}/raw/metadata.json",
        f"datasetIngestor {base}/derived/metadata.json", f"datasetIngestor --ingest {base}/derived/metadata.json",
    ]  # fmt: skip
    assert not list(tmp_path.glob(".crate*"))
    result = call("deposit", "--verify", "crate")
    assert result.exit_code == 0
    assert "crate: sound" in result.stdout


def test_the_commands_of_its_readme_work_where_the_readme_is(
    call: Call, form: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("deposit", *CHAIN, "-o", "crate", "-q").exit_code == 0
    monkeypatch.chdir(tmp_path / "crate" / "data")
    block = Path("README.md").read_text().rpartition("```sh\n")[2].partition("```")[0]
    lines = [shlex.split(line, comments=True)[1:] for line in block.splitlines() if line.startswith("picpxct ")]
    assert [line[0] for line in lines] == ["deposit", "info", "rerun"]
    # What rerun does takes longer and is tested elsewhere; here that its files are where it says.
    for words in (lines[0], lines[1], [*lines[2], "--dry-run"]):
        result = call(*words)
        assert result.exit_code == 0, result.stderr


def test_the_crate_tells_every_command_with_its_inputs_by_hash(call: Call, form: Path, tmp_path: Path) -> None:
    assert call("deposit", *CHAIN, "-o", "crate", "-q").exit_code == 0
    graph = json.loads((tmp_path / "crate/data/ro-crate-metadata.json").read_text())["@graph"]
    entities = {entity["@id"]: entity for entity in graph}
    actions = [entity for entity in graph if entity["@type"] == "CreateAction"]
    assert [one["name"].split()[1] for one in actions] == [
        "simulate",
        "reconstruct",
        "reconstruct",
        "reconstruct",
        "frc",
    ]
    frc = actions[-1]
    inputs = [entities[one["@id"]] for one in frc["object"] if one["@id"].startswith("urn:uuid:")]
    assert len(inputs) == 2
    for one in inputs:
        assert len(entities[one["identifier"]["@id"]]["value"]) == 64
        assert one["description"] == "was a file that is not in this deposit"
    held = [entities[one["@id"]] for one in frc["result"]]
    assert [one["@id"] for one in held if one["@type"] == "File"] == ["derived/frc.nxs"]
    assert [one["isPartOf"]["@id"] for one in held if "isPartOf" in one] == ["derived/frc.nxs"]
    assert frc["description"].startswith("picpxct frc rerun/")
    parameters = {entities[one["@id"]]["name"] for one in frc["object"] if one["@id"].startswith("#")}
    assert {"frc.threshold", "frc.taper", "frc.image"} <= parameters
    assert all(entity.get("sha256", "0" * 64) for entity in graph)


def test_every_reason_is_told_at_once_and_nothing_is_written(call: Call, tmp_path: Path) -> None:
    broken = Path(shutil.copy(SAMPLES / "reconstruction.nxs", tmp_path / "rec one.nxs"))
    with h5py.File(broken, "r+") as file:
        entry = file["scan_E054710_R000"]
        entry["title"][()] = "from /home/jane/raw/scan.h5"
    (tmp_path / "deposit.toml").write_text('title = "x"\nlicense = "CC BY"\nlicence = "x"\n')
    before = set(tmp_path.iterdir())
    result = call("deposit", broken, SAMPLES / "invalid/NOT_FINITE.nxs", tmp_path / "deposit.toml", "-o", "crate")
    assert result.exit_code == 65
    codes = (
        "LICENCE",
        "UNKNOWN_TERM",
        "CREATOR",
        "MISSING",
        "CHAIN_OPEN",
        "PERSONAL",
        "FILE_NAME",
        "NOT_FINITE",
        "NOT_NEXUS",
    )
    for code in codes:
        assert f"[{code}]" in result.stderr, code
    assert message(result).endswith("nothing was written")
    assert set(tmp_path.iterdir()) == before


def test_raw_data_that_are_kept_elsewhere_are_listed(call: Call, form: Path, tmp_path: Path) -> None:
    products = CHAIN[1:]
    result = call("deposit", *products, "-o", "crate")
    assert result.exit_code == 65
    assert "[CHAIN_OPEN]" in result.stderr
    with h5py.File(SAMPLES / "scan.nxs") as file:
        uuid = file["scan_E054710_R000/entry_identifier_uuid"][()].decode()
    (tmp_path / "raw.txt").write_text(f"{uuid} https://doi.org/10.5281/zenodo.1234567\n")
    result = call("deposit", *products, "-o", "crate", "--external-inputs", "raw.txt", "-q")
    assert result.exit_code == 0, result.stderr
    text = (tmp_path / "crate/data/ro-crate-metadata.json").read_text()
    assert "https://doi.org/10.5281/zenodo.1234567" in text
    assert call("deposit", "--verify", "crate", "-q").exit_code == 0
    # The raw file itself may be named as well.
    assert call("deposit", *products, "-o", "b", "--external-inputs", SAMPLES / "scan.nxs", "-q").exit_code == 0


def test_options_win_over_the_form_and_json_tells_the_hashes(call: Call, form: Path, tmp_path: Path) -> None:
    result = call("deposit", CHAIN[0], "-o", "c.zip", "--license", "CC0-1.0", "--set", "title=Other", "--json", "-q")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["files"]["raw/scan.nxs"]["bytes"] == (SAMPLES / "scan.nxs").stat().st_size
    subprocess.run(["unzip", "-q", "c.zip", "-d", "c"], cwd=tmp_path, check=True)
    record = json.loads((tmp_path / "c/data/datacite.json").read_text())
    assert record["titles"][0]["title"] == "Other"
    assert record["rightsList"][0]["rightsIdentifier"] == "CC0-1.0"
    verdict = json.loads(call("deposit", "--verify", "c.zip", "--json").stdout)
    assert (verdict["sound"], verdict["entries"]) == (True, 1)


def test_hard_links_take_no_room(call: Call, form: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copy(CHAIN[0], tmp_path))
    assert call("deposit", mine, "-o", "crate", "--link", "-q").exit_code == 0
    assert (tmp_path / "crate/data/raw/scan.nxs").samefile(mine)


def test_an_existing_deposit_is_replaced_only_when_asked_and_nothing_else_ever(
    call: Call, form: Path, tmp_path: Path
) -> None:
    assert call("deposit", CHAIN[0], "-o", "crate", "-q").exit_code == 0
    assert call("deposit", CHAIN[0], "-o", "crate", "-q").exit_code == 73
    assert call("deposit", CHAIN[0], "-o", "crate", "--overwrite", "-q").exit_code == 0
    (tmp_path / "other").mkdir()
    (tmp_path / "other/mine.txt").write_text("x")
    result = call("deposit", *CHAIN, "-o", "other", "--overwrite")
    assert result.exit_code == 73
    assert "is no deposit" in message(result)
    assert call("deposit", *CHAIN, "-o", "missing/crate").exit_code == 73


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((*CHAIN,), 2),
        (("--verify", "crate", "-o", "x"), 2),
        (("--verify", "nothing"), 66),
        ((f"{CHAIN[0]}::scan_E054710_R000", "-o", "crate"), 2),
        (("nothing.nxs", "-o", "crate"), 66),
        ((*CHAIN, "-o", "-"), 73),
        ((*CHAIN, "-o", "crate", "--metadata", "none.toml"), 66),
        ((*CHAIN, "-o", "crate", "--set", "title"), 2),
        ((*CHAIN, "-o", "crate", "--external-inputs", "none.txt"), 66),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_code(call: Call, words: tuple[str | Path, ...], code: int) -> None:
    result = call("deposit", *words)
    assert result.exit_code == code
    assert message(result)


def test_bytes_that_changed_are_found_years_later(call: Call, form: Path, tmp_path: Path) -> None:
    assert call("deposit", CHAIN[0], "-o", "crate", "-q").exit_code == 0
    path = tmp_path / "crate/data/raw/scan.nxs"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    result = call("deposit", "--verify", "crate")
    assert result.exit_code == 65
    assert "data/raw/scan.nxs" in result.stderr
    assert "NOT sound: 1 fault" in message(result)


def test_a_run_that_was_killed_goes_on_and_leaves_nothing_half_done(run: Run, form: Path, tmp_path: Path) -> None:
    words: tuple[str | Path, ...] = ("deposit", *CHAIN, "-o", "crate", "-q")
    started = subprocess.Popen(command(*words), cwd=tmp_path, env=environment(), stderr=subprocess.DEVNULL)
    journal = tmp_path / ".crate.part/journal.jsonl"
    while started.poll() is None and not journal.exists():
        time.sleep(0.002)
    if started.poll() is None:
        os.kill(started.pid, signal.SIGKILL)
    started.wait()
    assert journal.exists() != (tmp_path / "crate").exists()
    if (tmp_path / "crate").exists():
        pytest.skip("the run was quicker than the test")
    assert run(*words).returncode == 0
    assert run("deposit", "--verify", "crate").returncode == 0
    assert not (tmp_path / ".crate.part").exists()
