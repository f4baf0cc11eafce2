"""What must not go out: paths of machines, names of accounts, addresses; and what only looks like it."""

import pytest

from picpxct_nx.deposit.privacy import check_name, check_texts


def codes(text: str, *words: str) -> set[str]:
    return {fault.code for fault in check_texts("f.nxs", [("/entry/x", text)], lambda p: p.startswith("/entry"), words)}


@pytest.mark.parametrize(
    "text",
    ["/home/jane/raw/s1.h5", "from /Users/jane/x", r"C:\Users\jane\x.h5", "~jane/data", "/afs/psi.ch/user/j/jane/x",
     "written by jane.doe@psi.ch", "ra-1:/home/jane/x", "read //home/jane/x", "in=/home/jane/x"],
)  # fmt: skip
def test_a_person_is_found(text: str) -> None:
    assert codes(text) == {"PERSONAL"}


@pytest.mark.parametrize(
    "text",
    ["/das/work/p12/raw", "see /data/visitor/x.h5.", r"D:\data\x", r"\\server\share\x", "file:///tmp/x", '"/a/b"',
     "from ra-1:/das/work/p12"],
)  # fmt: skip
def test_a_path_of_a_machine_is_found(text: str) -> None:
    assert codes(text) == {"ABSOLUTE_PATH"}


@pytest.mark.parametrize(
    "text",
    ["1/s/m^2", "counts/s", "kg*m^2/s/K", "https://doi.org/10.1/x", "/entry/instrument/detector/data", "raw/scan.nxs",
     "and/or", "a//b/c", "scan.h5::/raw/data", "2026-01-01T00:00:00+00:00", "transformations/rotation", "V2O5",
     "12:30/13:00"],
)  # fmt: skip
def test_what_only_looks_like_it_passes(text: str) -> None:
    assert codes(text) == set()


def test_the_name_of_this_account_or_machine_is_found_as_a_word() -> None:
    assert codes("scan by jdoe", "jdoe") == {"PERSONAL"}
    assert codes("scan_jdoe_1", "jdoe") == {"PERSONAL"}
    assert codes("jdoesnot", "jdoe") == set()


@pytest.mark.parametrize(
    ("name", "code"),
    [("scan 1.nxs", "FILE_NAME"), ("maß.nxs", "FILE_NAME"), (".hidden.nxs", "FILE_NAME"), ("a%20b.nxs", "FILE_NAME"),
     ("jane.doe@psi.ch.nxs", "PERSONAL"), ("jdoe_1.nxs", "PERSONAL")],
)  # fmt: skip
def test_a_name_that_a_catalogue_or_a_person_would_mind_is_found(name: str, code: str) -> None:
    assert code in {fault.code for fault in check_name(name, ["jdoe"])}


def test_usual_names_pass() -> None:
    for name in ("scan_S00123.nxs", "V2O5-0deg+1.nxs", "grains.nxs"):
        assert list(check_name(name, ["jdoe"])) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [("data=/entry/measurement/frames,mask=good:/entry/collection/mask", set()),
     ("frames: /entry/instrument/eiger_4/data of run_1.h5\n/entry/data/energy: 5471 eV", set()),
     ("data=/das/work/p12/x.h5", {"ABSOLUTE_PATH"}), ("frames of /home/jane/run_1.h5", {"PERSONAL"})],
)  # fmt: skip
def test_import_may_name_the_arrays_that_it_read_but_no_folder(text: str, found: set[str]) -> None:
    for name in ("map", "mask", "notes"):
        where = f"/scan/process_001/parameters/{name}"
        assert {fault.code for fault in check_texts("f.nxs", [(where, text)], lambda _: False)} == found
