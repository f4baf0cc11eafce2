"""FILE::ENTRY and FILE::energy=...: which entries of a file a command takes."""

import json
from pathlib import Path

import pytest

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.nexus import open_valid, read, select, split, write

from .conftest import FIRST, SECOND, Call, message


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (FIRST, [FIRST]),
        ("energy=5471eV", [SECOND]),
        ("energy=5.471 keV, polarisation=180deg", [SECOND]),
        ("polarisation=0 rad", [FIRST, SECOND]),
    ],
)
def test_entries_are_selected_by_name_or_by_what_was_measured(
    call: Call, made: Path, selection: str, names: list[str]
) -> None:
    result = call("info", "--json", f"{made}/scans.nxs::{selection}")
    assert result.exit_code == 0
    assert [entry["entry"] for entry in json.loads(result.stdout)["entries"]] == names


@pytest.mark.parametrize("selection", ["scan_S1", "energy=5500eV", "energy=5460eV,polarisation=90deg"])
def test_an_unknown_entry_is_bad_input_and_the_known_ones_are_named(call: Call, made: Path, selection: str) -> None:
    result = call("info", f"{made}/scans.nxs::{selection}")
    assert result.exit_code == 65
    assert f"no entry is {selection}; it holds {FIRST} (5460 eV, 0 deg), {SECOND} (5471 eV, 0 deg)" in message(result)


@pytest.mark.parametrize(
    ("selection", "says"),
    [
        ("energy=5471", "'5471' has no unit"),
        ("energy=5471 nm", "not convertible to 'eV'"),
        ("energy=high", "is not a quantity"),
        ("colour=3eV", "cannot select by 'colour=3eV'"),
        ("energy=1eV,energy=2eV", "cannot select by 'energy=2eV'"),
        ("", "wanted FILE::ENTRY"),
    ],
)
@pytest.mark.parametrize("command", ["info", "reconstruct"])
def test_a_selection_that_means_nothing_is_a_usage_error(
    call: Call, made: Path, selection: str, says: str, command: str
) -> None:
    result = call(command, f"{made}/scans.nxs::{selection}", *(["-o", "x.nxs"] if command == "reconstruct" else []))
    assert result.exit_code == 2
    assert says in message(result)


def test_merging_takes_an_entry_once_and_refuses_another_of_its_name(made: Path, tmp_path: Path) -> None:
    with open_valid(made / "scans.nxs", "scans") as two, open_valid(made / "scan.nxs", "scan") as one:
        same, other = read(two, FIRST), read(one, FIRST)
        write(tmp_path / "merged.nxs", [same, read(two, SECOND), same])
        with pytest.raises(InputError, match=f"two different entries are called {FIRST}"):
            write(tmp_path / "clash.nxs", [same, other])
    with open_valid(tmp_path / "merged.nxs", "merged") as merged:
        assert select(merged, "merged", split("merged")[1]) == [FIRST, SECOND]
        assert read(merged, FIRST).digest() == same_digest(made)
    assert [path.name for path in tmp_path.iterdir()] == ["merged.nxs"]


def same_digest(made: Path) -> str:
    with open_valid(made / "scans.nxs", "scans") as file:
        return read(file, FIRST).digest()


def test_a_usage_error_comes_before_a_missing_file(call: Call) -> None:
    with pytest.raises(UsageError):
        split("nowhere.nxs::energy=3")
    assert call("reconstruct", "nowhere.nxs::energy=3", "-o", "x.nxs").exit_code == 2
