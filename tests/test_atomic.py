"""A file appears under its name whole and checked, or not at all, whatever goes wrong while it is written."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from picpxct_nx import atomic, nexus
from picpxct_nx.errors import OutputError, RetryError
from picpxct_nx.records import Record

MakeRecord = Callable[..., Record]
NAME = "NXspecptycho_frc"


def leftovers(folder: Path) -> list[str]:
    """Names of everything in a folder."""
    return sorted(path.name for path in folder.iterdir())


def open_files() -> int:
    """Number of open file descriptors of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_written_file_has_its_name_and_nothing_is_left_beside_it(make_record: MakeRecord, tmp_path: Path) -> None:
    before = open_files()
    nexus.write(tmp_path / "a.nxs", [make_record(NAME)])
    assert leftovers(tmp_path) == ["a.nxs"]
    assert open_files() == before


def failing(*first: Record) -> Iterator[Record]:
    """Records, and then a failure."""
    yield from first
    raise ArithmeticError("in the middle")


def test_a_failing_write_leaves_nothing(make_record: MakeRecord, tmp_path: Path) -> None:
    before = open_files()
    with pytest.raises(ArithmeticError):
        nexus.write(tmp_path / "a.nxs", failing(make_record(NAME)))
    assert leftovers(tmp_path) == []
    assert open_files() == before


def test_a_failing_write_keeps_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a.nxs").write_text("what was there")
    with pytest.raises(ArithmeticError):
        nexus.write(tmp_path / "a.nxs", failing(), overwrite=True)
    assert (tmp_path / "a.nxs").read_text() == "what was there"
    assert leftovers(tmp_path) == ["a.nxs"]


def test_an_existing_file_is_refused_before_any_work(tmp_path: Path) -> None:
    asked = []

    def records() -> Iterator[Record]:
        asked.append(True)
        yield from ()

    (tmp_path / "a.nxs").write_text("what was there")
    with pytest.raises(OutputError, match="add --overwrite"):
        nexus.write(tmp_path / "a.nxs", records())
    assert asked == []
    assert (tmp_path / "a.nxs").read_text() == "what was there"


def write_while_another_comes(target: Path) -> None:
    """Write a file whose name somebody else takes before it is done."""
    with atomic.part(target, overwrite=False) as hidden:
        hidden.write_text("ours")
        target.write_text("theirs")


def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="exists already"):
        write_while_another_comes(tmp_path / "a")
    assert (tmp_path / "a").read_text() == "theirs"
    assert leftovers(tmp_path) == ["a"]


def test_overwriting_replaces_the_file(make_record: MakeRecord, tmp_path: Path) -> None:
    record = make_record(NAME)
    (tmp_path / "a.nxs").write_text("what was there")
    nexus.write(tmp_path / "a.nxs", [record], overwrite=True)
    with nexus.open_valid(tmp_path / "a.nxs", "a.nxs") as file:
        assert nexus.read(file, record.entry).uuid == record.uuid


def test_a_reader_of_the_old_file_keeps_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with (tmp_path / "a").open() as reader:
        with atomic.part(tmp_path / "a", overwrite=True) as hidden:
            hidden.write_text("new")
        assert reader.read() == "old"
    assert (tmp_path / "a").read_text() == "new"


def test_a_link_in_the_place_of_the_part_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / f".a.{os.getpid()}.part").symlink_to(tmp_path / "precious")
    with atomic.part(tmp_path / "a", overwrite=False) as hidden:
        hidden.write_text("ours")
    assert (tmp_path / "precious").read_text() == "precious"
    assert (tmp_path / "a").read_text() == "ours"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("missing/a.nxs", "is not there"), ("folder", "is a folder"), ("file/a.nxs", "is not there"),
     ("x" * 300, "name too long"), ("x" * 250, "name too long")],
)  # fmt: skip
def test_an_output_that_cannot_be_is_refused(name: str, wanted: str, make_record: MakeRecord, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=f"(?i){wanted}"):
        nexus.write(tmp_path / name, [make_record(NAME)])
    assert leftovers(tmp_path) == ["file", "folder"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_folder_that_is_closed_to_us_is_told(make_record: MakeRecord, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot be written"):
        nexus.write(tmp_path / "a.nxs", [make_record(NAME)])
    tmp_path.chmod(0o700)


KILLED = """
import sys, pathlib
from picpxct_nx import nexus
source, target = map(pathlib.Path, sys.argv[1:])
with nexus.open_valid(source, "source") as file:
    record = nexus.read(file, nexus.entries(file)[0])
def endless():
    yield record
    print("one entry is written", flush=True)
    sys.stdin.read()
nexus.write(target, endless())
"""

LIMITED = """
import resource, sys, pathlib
from picpxct_nx import errors, nexus
source, target = map(pathlib.Path, sys.argv[1:3])
with nexus.open_valid(source, "source") as file:
    record = nexus.read(file, nexus.entries(file)[0])
    for limit in map(int, sys.argv[3:]):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            nexus.write(target, [record])
        except errors.RetryError as error:
            print(limit, error, flush=True)
"""


@pytest.fixture
def source(make_record: MakeRecord, tmp_path: Path) -> Path:
    """A valid file outside the folder that is written to."""
    (tmp_path / "out").mkdir()
    nexus.write(tmp_path / "source.nxs", [make_record(NAME)])
    return tmp_path / "source.nxs"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_writer_leaves_no_file_under_the_final_name(source: Path, number: signal.Signals) -> None:
    out = source.parent / "out"
    command = [sys.executable, "-c", KILLED, str(source), str(out / "a.nxs")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "one entry is written\n"
        parts = leftovers(out)
        writer.send_signal(number)
        assert writer.wait() == -number
    assert parts == [f".a.nxs.{writer.pid}.part"]
    assert not (out / "a.nxs").exists()


def test_a_full_disk_is_told_and_leaves_nothing(source: Path) -> None:
    """RLIMIT_FSIZE fails a write as a full disk does, at whatever byte it is wanted."""
    out, limits = source.parent / "out", ["0", "100", "1000", "5000", "20000", str(source.stat().st_size - 100)]
    command = [sys.executable, "-c", LIMITED, str(source), str(out / "a.nxs"), *limits]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == limits
    assert all("no room left on the disk" in line and "free some" in line for line in lines)
    assert RetryError.exit_code == 75
    assert leftovers(out) == []


def test_of_two_writers_without_overwrite_the_first_wins(tmp_path: Path) -> None:
    target = tmp_path / "out.nxs"

    def lose() -> None:
        with atomic.part(target, overwrite=False) as hidden:
            hidden.write_text("second")
            # Another writer finishes between our last look and our own finish.
            target.write_text("first")

    with pytest.raises(OutputError, match="exists already"):
        lose()
    assert target.read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["out.nxs"]


def test_a_file_system_without_hard_links_still_gets_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    with atomic.part(tmp_path / "out.nxs", overwrite=False) as hidden:
        hidden.write_text("whole")
    assert (tmp_path / "out.nxs").read_text() == "whole"
