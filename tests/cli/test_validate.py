"""What validate says and how it ends: words for people, colours on a terminal only, one verdict however it is read."""

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from picpxct_nx import untrusted
from picpxct_nx.untrusted import check_untrusted
from picpxct_nx.validation import Report
from picpxct_nx.validation.heap import MAX_IMAGE_BYTES

from .conftest import FIRST, Call, Edit, Run, command, environment, message


@pytest.fixture
def bad(edited: Edit) -> Path:
    """A scan with two faults at one path and one at another."""

    def spoil(entry: h5py.Group) -> None:
        del entry["title"]
        entry["instrument/detector/distance"].attrs["units"] = "s"
        entry["instrument/detector/distance"].attrs["colour"] = "red"

    return edited(spoil, "bad.nxs")


@pytest.fixture
def doubtful(edited: Edit) -> Path:
    """A valid scan with a warning."""

    def assume(entry: h5py.Group) -> None:
        entry.create_dataset("assumed", data=["title"], dtype=h5py.string_dtype())

    return edited(assume, "doubtful.nxs")


def test_violations_stand_below_their_path_each_with_its_remedy(call: Call, bad: Path) -> None:
    result = call("validate", bad.name)
    assert result.exit_code == 65
    lines = result.stdout.splitlines()
    assert lines[0] == "bad.nxs: INVALID, 3 errors, 0 warnings (NXspecptycho_scan)"
    place = f"  /{FIRST}/instrument/detector/distance"
    assert [line for line in lines if line.startswith("  /")] == [place, f"{place}@colour", f"  /{FIRST}/title"]
    assert lines[lines.index(place) + 1 :][:2] == [
        "    error UNIT_DIMENSION: has units 's'", "      NX_LENGTH wants a unit convertible to 'm'"
    ]  # fmt: skip


def test_many_files_end_in_a_summary(call: Call, bad: Path, doubtful: Path, made: Path) -> None:
    result = call("validate", bad.name, doubtful.name, made / "scan.nxs", "nowhere.nxs")
    assert result.exit_code == 66
    assert result.stdout.splitlines()[-1] == "4 files: 2 valid, 1 invalid, 1 missing; 3 errors, 1 warning"


def test_quiet_leaves_out_what_is_well(call: Call, bad: Path, doubtful: Path, made: Path) -> None:
    result = call("validate", "-q", made / "scan.nxs", made / "recs.nxs")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    lines = call("validate", "-q", made / "scan.nxs", bad.name, doubtful.name).stdout.splitlines()
    assert [line.split(":")[0] for line in lines if not line.startswith(" ")] == ["bad.nxs", "doubtful.nxs"]


def test_strict_takes_warnings_for_errors(call: Call, doubtful: Path, made: Path) -> None:
    assert call("validate", doubtful.name).exit_code == 0
    assert call("validate", "--strict", made / "scan.nxs").exit_code == 0
    result = call("validate", "--strict", "--json", doubtful.name)
    assert result.exit_code == 65
    verdict = json.loads(result.stdout)
    assert (verdict["valid"], [fault["level"] for fault in verdict["violations"]]) == (False, ["warning"])
    assert "INVALID, 0 errors, 1 warning " in call("validate", "--strict", doubtful.name).stdout


def test_a_strangers_file_gets_the_same_verdict_from_the_child(call: Call, bad: Path, made: Path) -> None:
    for path in (bad, made / "scan.nxs"):
        one, other = (call("validate", "--json", *words, path) for words in ([], ["--untrusted"]))
        assert (one.exit_code, one.stdout) == (other.exit_code, other.stdout)
    result = call("validate", "--untrusted", "nowhere.nxs")
    assert (result.exit_code, message(result)) == (66, "picpxct: nowhere.nxs: is not there; check the name")


def test_the_child_reads_standard_input_too(run: Run, made: Path) -> None:
    content = (made / "scan.nxs").read_bytes()
    assert run("validate", "--untrusted", stdin=content).stdout.startswith(b"stdin: valid")
    with (made / "scan.nxs").open("rb") as handle:
        assert run("validate", "--untrusted", stdin=handle).stdout.startswith(b"stdin: valid")


def test_a_file_too_large_to_be_looked_through_is_read_by_the_child(
    call: Call, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def check(*args: object, **options: object) -> Report:
        asked.append(options["limits"])
        return check_untrusted(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(untrusted, "check_untrusted", check)
    large = tmp_path / "large.nxs"
    shutil.copy(made / "scan.nxs", large)
    with large.open("r+b") as handle:
        handle.truncate(MAX_IMAGE_BYTES + 1)
    for path, children in ((made / "scan.nxs", 0), (large, 1)):
        assert call("validate", path).exit_code == 0
        assert len(asked) == children
    assert asked == [untrusted.limits_for(MAX_IMAGE_BYTES + 1)]


def test_another_definition_than_the_claimed_one_can_be_asked_for(call: Call, made: Path, tmp_path: Path) -> None:
    ours, scan = Path(__file__).parents[2] / "schemas" / "NXspecptycho_scan.nxdl.xml", tmp_path / "scan.nxs"
    shutil.copy(made / "scan.nxs", scan)
    with h5py.File(scan, "r+") as file:
        del file.attrs["creator"]
    result = call("validate", "--json", "--definition", "NXstxm", scan)
    assert result.exit_code == 65
    assert json.loads(result.stdout)["definition"] == "NXstxm"
    for words in ([], ["--untrusted"]):
        result = call("validate", "--json", "--definition", ours, *words, scan)
        assert json.loads(result.stdout)["definition"] == "NXspecptycho_scan"
    assert call("validate", "--definition", "NXnothing", scan).exit_code == 2
    assert call("validate", "--definition", "nowhere.nxdl.xml", scan).exit_code == 66


def test_inputs_that_changed_since_are_found(call: Call, made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "inputs"
    folder.mkdir()
    words = ("validate", "--json", "--inputs", folder, made / "recs.nxs")

    def found(*more: str) -> list[str]:
        codes = [fault["code"] for fault in json.loads(call(*words, *more).stdout)["violations"]]
        return sorted(code for code in codes if code.startswith("INPUT"))

    assert found() == ["INPUT_MISSING"] * 2
    shutil.copy(made / "scans.nxs", folder)
    assert found() == found("--untrusted") == []
    with h5py.File(folder / "scans.nxs", "r+") as file:
        file[f"{FIRST}/instrument/detector/distance"][...] = 3.0
    assert found() == found("--untrusted") == ["INPUT_CHECKSUM"]
    samples = Path(__file__).parents[2] / "sample_data" / "invalid"
    words = ("validate", "--json", "--inputs", samples / "inputs", samples / "INPUT_GEOMETRY.nxs")
    assert found() == found("--untrusted") == ["INPUT_GEOMETRY"]
    result = call("validate", "--inputs", tmp_path / "nowhere", made / "recs.nxs")
    assert result.exit_code == 66


def on_terminal(*words: str | Path, folder: Path, **env: str) -> str:
    """What the command prints on a terminal of 60 columns."""
    ours, theirs = pty.openpty()
    variables = environment(COLUMNS="60", **env)
    with subprocess.Popen(command(*words), stdin=theirs, stdout=theirs, stderr=theirs, env=variables, cwd=folder):
        os.close(theirs)
        text = b""
        try:
            while part := os.read(ours, 4096):
                text += part
        except OSError:  # how a terminal says that nobody writes to it any more
            pass
    os.close(ours)
    return text.decode()


def test_a_terminal_gets_colours_and_lines_that_fit(bad: Path, call: Call) -> None:
    assert "\x1b" not in call("validate", bad.name).stdout
    text = on_terminal("validate", bad.name, folder=bad.parent)
    assert "\x1b[31mINVALID\x1b[0m" in text
    plain = on_terminal("validate", bad.name, folder=bad.parent, NO_COLOR="1")
    assert "\x1b" not in plain
    assert max(len(line) for line in plain.splitlines()[2:]) <= 60


def test_a_name_that_is_no_text_is_printed_all_the_same(call: Call, made: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\x1b[31m.nxs")
    (tmp_path / name).write_bytes((made / "scan.nxs").read_bytes())
    result = call("validate", name)
    assert result.exit_code == 0
    assert result.stdout.startswith("\\udcff\\x1b[31m.nxs: valid")


def test_units_as_they_are_wanted_need_no_registry(made: Path) -> None:
    """Loading pint, scipy, torch or filters would take longer than the check itself."""
    code = (
        "import sys; from picpxct_nx.cli.main import app\n"
        f"try: app(['validate', {str(made / 'scan.nxs')!r}])\n"
        "except SystemExit as end: print(end.code, {'pint', 'scipy', 'torch', 'hdf5plugin', 'rich'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment())
    assert done.stdout.splitlines()[-1] == "0 set()"
