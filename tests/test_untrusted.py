"""Files from strangers: whatever they make the library do, the parent gets a report, and gets it in time."""

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from picpxct_nx import nexus, untrusted
from picpxct_nx.errors import InputError, MissingInputError
from picpxct_nx.records import Record
from picpxct_nx.untrusted import Limits, check_untrusted
from picpxct_nx.validation.heap import MAX_IMAGE_BYTES
from picpxct_nx.verdict import judge

Make = Callable[..., Record]


@pytest.fixture
def path(make_record: Make, tmp_path: Path) -> Path:
    target = tmp_path / "a.nxs"
    nexus.write(target, [make_record("NXspecptycho_frc")], compression="none")
    return target


def codes(path: Path, **limits: float) -> list[str]:
    report = check_untrusted(path, limits=Limits(**limits))  # type: ignore[arg-type]
    assert not report.valid
    assert all("\n" not in violation.message for violation in report.violations)
    return [violation.code for violation in report.violations]


def test_the_report_is_the_one_that_we_would_give(path: Path) -> None:
    assert check_untrusted(path) == judge(path, str(path))
    with h5py.File(path, "r+") as file:
        del file["scan_S00001/title"]
        file["scan_S00001/entry_identifier_uuid"][...] = "näme\n\x1b[31m"
    found = check_untrusted(path, "b.nxs")
    assert found == judge(path, "b.nxs")
    assert len(found.errors) >= 2
    with path.open("rb") as handle:
        assert check_untrusted(handle, "b.nxs") == found


def test_the_definition_and_the_folder_of_inputs_are_handed_on(make_record: Make, path: Path, tmp_path: Path) -> None:
    (tmp_path / "inputs").mkdir()
    with h5py.File(path, "r+") as file:
        del file.attrs["creator"]
    found = check_untrusted(path, "a.nxs", definition="NXstxm", inputs=tmp_path / "inputs")
    assert found == judge(path, "a.nxs", definition="NXstxm", inputs=tmp_path / "inputs")
    assert {fault.code for fault in found.violations} >= {"MISSING_FIELD", "INPUT_MISSING"}
    with pytest.raises(InputError, match="unknown definition"):
        check_untrusted(path, definition="NXnothing")


def test_what_is_no_hdf5_file_gets_the_same_report_too(tmp_path: Path) -> None:
    for name, content in {"text": b"energy,counts", "empty": b""}.items():
        (tmp_path / name).write_bytes(content)
        assert check_untrusted(tmp_path / name) == judge(tmp_path / name, str(tmp_path / name))


def test_a_missing_file_is_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="is not there"):
        check_untrusted(tmp_path / "nowhere.nxs")


def text_place(path: Path, name: str, texts: list[str]) -> int:
    """Where the file says the length (four bytes) and the heap (eight bytes) of the first of these texts."""
    with h5py.File(path, "r+", libver=("v108", "v110")) as file:
        del file[f"scan_S00001/{name}"]
        made = file["scan_S00001"].create_dataset(name, data=texts, dtype=h5py.string_dtype())
        file.flush()
        return int(made.id.get_offset())


def test_a_loop_inside_hdf5_ends_in_time(path: Path) -> None:
    """An unused object of size zero in a global heap, in a file too large to be looked through beforehand."""
    place = text_place(path, "assumed", ["title", "x" * 100])
    data = bytearray(path.read_bytes())
    heap = int.from_bytes(data[place + 4 : place + 12], "little")
    assert data[heap : heap + 4] == b"GCOL"
    first = int.from_bytes(data[heap + 24 : heap + 32], "little")
    second = heap + 32 + -(-first // 8) * 8
    data[second : second + 2], data[second + 8 : second + 16] = bytes(2), bytes(8)
    path.write_bytes(data)
    assert [fault.code for fault in judge(path, "a.nxs").errors] == ["DAMAGED"]
    with path.open("r+b") as handle:
        handle.truncate(MAX_IMAGE_BYTES + 1)
    assert codes(path, cpu_seconds=1) == ["UNTRUSTED_TIMEOUT"]


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.nxs")
    assert codes(tmp_path / "a.nxs", seconds=10) == ["NOT_READABLE"]


def test_a_text_that_says_it_is_gigabytes_long_is_refused(path: Path) -> None:
    place = text_place(path, "assumed", ["title"])
    data = bytearray(path.read_bytes())
    data[place : place + 4] = (2**31 - 16).to_bytes(4, "little")
    path.write_bytes(data)
    assert codes(path) == ["DAMAGED"]
    assert "asks for more memory than there is" in check_untrusted(path).errors[0].message


def test_an_honest_file_has_time_by_its_size() -> None:
    small, large = untrusted.limits_for(2**20), untrusted.limits_for(30 * 10**9)
    assert small.memory == large.memory > Limits().memory
    assert small.seconds < 61
    assert large.seconds == large.cpu_seconds == 1560


def test_a_bomb_is_refused_without_being_unpacked(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        bomb = file["scan_S00001/process_001/parameters"].create_dataset(
            "bomb", (2**30,), "u1", chunks=(2**26,), compression="gzip"
        )
        bomb[: 2**26] = np.zeros(2**26, "u1")
    assert "BOMB" in codes(path)


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("os.kill(os.getpid(), 11)", ["UNTRUSTED_CRASH"]), ("os.kill(os.getpid(), 9)", ["UNTRUSTED_MEMORY"]),
        ("[0] * 2**40", ["UNTRUSTED_MEMORY"]), ("{}['key']", ["UNTRUSTED_CRASH"]), ("os._exit(0)", ["UNTRUSTED_CRASH"]),
        ("os.write(os.open('new', os.O_CREAT | os.O_WRONLY), b'x')", ["UNTRUSTED_CRASH"]),
        ("os.write(1, b'noise' + os.read(0, 1))", []),
    ],
)  # fmt: skip
def test_however_the_reader_ends_there_is_a_report(
    code: str, wanted: list[str], path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader of this test does in the place of a library what damaged bytes may make one do."""
    start = f"import os, picpxct_nx.verdict as v; j = v.look; v.look = lambda *a, **k: [j(*a, **k), {code}][0]; "
    monkeypatch.setattr(untrusted, "_START", start + untrusted._START)
    monkeypatch.chdir(tmp_path)
    assert [fault.code for fault in check_untrusted(path).errors] == wanted


@pytest.mark.parametrize(
    "answer",
    ["", "[", '{"report": {"definition": null, "violations": []}, "inputs": [{}]}',
     "null", "{}", '{"report": 1}', '{"report": {"definition": 1, "violations": []}}',
     '{"report": {"definition": null, "violations": [{"code": "A", "level": "fatal", "path": "/", "message": ""}]}}',
     '{"report": {"definition": null, "violations": [{"code": 1, "level": "error", "path": "/", "message": ""}]}}'],
)  # fmt: skip
def test_a_reader_that_was_taken_over_is_not_believed(answer: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untrusted, "_START", f"print({answer!r})")
    assert codes(path) == ["UNTRUSTED_CRASH"]


def test_an_endless_report_is_cut_off(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untrusted, "_START", "while True: print('x' * 10**6)")
    assert codes(path, report=10**7) == ["UNTRUSTED_CRASH"]


def test_no_module_is_taken_from_the_current_folder(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "h5py.py").write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(tmp_path)
    assert check_untrusted(path).valid
