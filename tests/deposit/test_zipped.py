"""Archives: others read them, and no byte of them is free."""

import io
import shutil
import subprocess
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import pytest

from picpxct_nx.deposit import zipped
from picpxct_nx.deposit.zipped import Member

FILES = {"a/x.txt": b"hello", "a/ü.bin": bytes(range(256)), "b": b"", "z" * 200: b"long name"}


def made() -> tuple[bytes, tuple[Member, ...]]:
    members = zipped.layout((name, len(data), zlib.crc32(data)) for name, data in FILES.items())
    sink = io.BytesIO()

    def pour(member: Member, out: BinaryIO) -> None:
        out.write(FILES[member.name])

    zipped.write(sink, members, pour)
    return sink.getvalue(), members


def test_python_reads_what_was_written() -> None:
    content, _ = made()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert {info.filename: archive.read(info) for info in archive.infolist()} == FILES


@pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is not installed")
def test_unzip_reads_what_was_written(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(made()[0])
    run = subprocess.run(["unzip", "-t", str(tmp_path / "x.zip")], capture_output=True, check=False)
    assert run.returncode == 0, run.stdout


def test_large_archives_have_zip64_records_that_others_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipped, "_LIMIT", 100)  # as if 100 bytes were 4 GiB
    content, _ = made()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {info.filename: archive.read(info) for info in archive.infolist()} == FILES
        assert archive.getinfo("a/ü.bin").extract_version == 45


def test_a_file_of_5_gb_is_laid_out_with_the_sizes_that_it_has() -> None:
    first, second = zipped.layout([("large", 5 * 2**30, 1), ("next", 10, 2)])
    assert second.offset == first.start + 5 * 2**30
    assert len(second.entry) == len(zipped.Member("next", 10, 2, 0).entry) + 12


def test_every_bit_that_belongs_to_no_file_is_held_to_what_it_must_be() -> None:
    content, members = made()
    inside = {place for one in members for place in range(one.start, one.start + one.size)}
    assert list(zipped.differences(io.BytesIO(content), members, len(content))) == []
    for place in set(range(len(content))) - inside:
        for bit in (0, 5, 7):
            flipped = bytearray(content)
            flipped[place] ^= 1 << bit
            assert list(zipped.differences(io.BytesIO(flipped), members, len(content))), place
    for longer in (content + b"\0", content[:-1]):
        assert list(zipped.differences(io.BytesIO(longer), members, len(longer)))
