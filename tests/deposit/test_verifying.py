"""A deposit years later: whatever happened to it is found."""

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from picpxct_nx.deposit import bag, zipped
from picpxct_nx.deposit.accounting import account
from picpxct_nx.deposit.verifying import verify
from picpxct_nx.errors import InputError, MissingInputError


@pytest.fixture
def copy(crate: Path, tmp_path: Path) -> Path:
    """A copy of a deposit that may be spoiled."""
    return Path(shutil.copytree(crate, tmp_path / "crate"))


def flip(path: Path, place: int, bit: int) -> None:
    with path.open("r+b") as handle:
        handle.seek(place)
        (old,) = handle.read(1)
        handle.seek(place)
        handle.write(bytes([old ^ (1 << bit)]))


@pytest.mark.parametrize("kind", ["crate", "archive"])
def test_a_deposit_as_it_was_made_is_sound(kind: str, request: pytest.FixtureRequest) -> None:
    verdict = verify(request.getfixturevalue(kind), workers=2)
    assert verdict.faults == ()
    assert verdict.sound
    assert verdict.entries == 4
    assert json.loads(json.dumps(verdict.as_json()))["sound"] is True


def test_one_flipped_bit_in_any_file_of_a_folder_is_found(copy: Path) -> None:
    rng = random.Random(1)
    for path in sorted(p for p in copy.rglob("*") if p.is_file()):
        for place in {0, path.stat().st_size - 1, rng.randrange(path.stat().st_size)}:
            bit = rng.randrange(8)
            flip(path, place, bit)
            assert any(fault.level == "error" for fault in account(copy).faults), (path, place, bit)
            flip(path, place, bit)
    assert account(copy).faults == ()


def test_every_bit_of_the_manifests_counts(copy: Path) -> None:
    # The case of a hexadecimal digit, for example, changes no hash.
    path = copy / bag.TAGS
    for place in range(0, path.stat().st_size, 3):
        flip(path, place, 5)
        assert account(copy).faults, place
        flip(path, place, 5)


def test_one_flipped_bit_anywhere_in_an_archive_is_found(archive: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(archive, tmp_path / "crate.zip"))
    rng, size = random.Random(2), path.stat().st_size
    with path.open("rb") as handle:
        tail = handle.read().rfind(b"data/ro-crate-preview.html")
    places = {rng.randrange(size) for _ in range(25)} | {rng.randrange(tail, size) for _ in range(25)} | set(range(40))
    for place in places:
        bit = rng.randrange(8)
        flip(path, place, bit)
        try:
            found = account(path).faults
        except InputError:
            found = ()  # it cannot even be opened
        else:
            assert any(fault.level == "error" for fault in found), (place, bit)
        flip(path, place, bit)
    assert account(path).faults == ()


def codes(path: Path) -> set[str]:
    return {fault.code for fault in verify(path).faults}


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda crate: (crate / "data/raw/scan.nxs").unlink(), "MISSING_FILE"),
        (lambda crate: (crate / "data/notes.txt").write_text("x"), "STRAY_FILE"),
        (lambda crate: (crate / "notes.txt").write_text("x"), "STRAY_FILE"),
        (lambda crate: (crate / "data/empty").mkdir(), "STRAY_FILE"),
        (lambda crate: (crate / "bagit.txt").unlink(), "NOT_A_BAG"),
        (lambda crate: (crate / "data/ro-crate-metadata.json").unlink(), "NO_CRATE"),
        (lambda crate: (crate / "data/link").symlink_to("/etc/passwd"), "LINK"),
    ],
)  # fmt: skip
def test_what_is_missing_or_does_not_belong_is_named(copy: Path, spoil: Callable[[Path], None], code: str) -> None:
    spoil(copy)
    found = account(copy).faults if code != "NO_CRATE" else verify(copy).faults
    assert code in {fault.code for fault in found}


def rewritten(crate: Path, name: str, change: Callable[[Path], object]) -> None:
    """Change a file and all hashes of it in the manifests, as a forger would."""
    import hashlib

    change(crate / name)
    digests = bag.parse((crate / bag.MANIFEST).read_bytes())
    assert digests is not None
    digests[name] = hashlib.sha256((crate / name).read_bytes()).hexdigest()
    (crate / bag.MANIFEST).write_bytes(bag.manifest(digests))
    names = ("bagit.txt", "bag-info.txt", bag.MANIFEST)
    tags = {tag: hashlib.sha256((crate / tag).read_bytes()).hexdigest() for tag in names}
    (crate / bag.TAGS).write_bytes(bag.manifest(tags))


def test_forged_manifests_do_not_hide_a_changed_measurement(copy: Path) -> None:
    def change(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            data = file["scan_E054710_R000/instrument/detector/data"]
            data[0, 0, 0] = data[0, 0, 0] + 1

    rewritten(copy, "data/raw/scan.nxs", change)
    assert {"CRATE", "CHAIN_CHECKSUM"} <= codes(copy)


def test_a_definition_that_is_another_one_now_is_only_a_warning(copy: Path) -> None:
    name = "data/schemas/NXspecptycho_dose.nxdl.xml"
    rewritten(copy, name, lambda path: path.write_text(path.read_text() + "\n"))
    levels = {fault.code: fault.level for fault in verify(copy).faults}
    assert levels["SCHEMA"] == "warning"


@pytest.mark.parametrize("text", ["[]", '{"@graph": 1}', '{"@graph": [1]}', "no JSON", "[" * 100_000])
def test_a_forged_document_that_is_no_crate_is_named(copy: Path, text: str) -> None:
    rewritten(copy, "data/ro-crate-metadata.json", lambda path: path.write_text(text))
    assert "NO_CRATE" in codes(copy)


def test_pipes_and_files_that_may_not_be_read_are_named(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(copy / "data/pipe")
    assert {fault.code for fault in account(copy).faults} == {"STRAY_FILE"}
    (copy / "data/pipe").unlink()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("picpxct_nx.deposit.accounting.stream", refuse)
    assert "UNREADABLE" in {fault.code for fault in account(copy).faults}


def test_what_is_no_deposit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError):
        verify(tmp_path / "nothing")
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match=r"neither a folder nor a \.zip"):
        verify(tmp_path / "x.zip")
    (tmp_path / "empty").mkdir()
    assert "NOT_A_BAG" in codes(tmp_path / "empty")


def test_files_whose_bytes_changed_are_not_opened(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flip(copy / "data/raw/scan.nxs", 5000, 3)
    opened: list[str] = []

    def examine(_: object, name: str, *__: object, **___: object) -> None:
        opened.append(name)
        pytest.skip(name)

    monkeypatch.setattr("picpxct_nx.deposit.verifying.examine", examine)
    with pytest.raises(pytest.skip.Exception):
        verify(copy)
    assert "data/raw/scan.nxs" not in opened


def test_an_archive_written_otherwise_is_told_apart(archive: Path, tmp_path: Path) -> None:
    import zipfile

    target = tmp_path / "again.zip"
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
    assert "ARCHIVE" in {fault.code for fault in account(target).faults}
    assert zipped.layout([]) == ()
