"""A watched folder: each file once, and only when it is whole."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from picpxct_nx.errors import MissingInputError
from picpxct_nx.watching import Watch, arrivals

Act = Callable[[], object]


def watched(
    folder: Path, looks: Iterator[Act], *, ready: Callable[[Path], bool] = lambda _: True, give_up: float = 1e9
) -> list[str]:
    """What arrives while things happen between the looks; ends after the last one."""
    ended = []

    def happen() -> None:
        act = next(looks, None)
        if act is None:
            ended.append(True)
        else:
            act()

    watch = Watch(ready, lambda: bool(ended), happen, look=0.0, settle=0.0, give_up=give_up)
    return [path.relative_to(folder).as_posix() for path in arrivals(folder, watch)]


def steps(*acts: Act) -> Iterator[Act]:
    rest: list[Act] = [lambda: None] * 3
    return iter([*acts, *rest])


def test_a_file_is_taken_when_it_has_come_to_rest(tmp_path: Path) -> None:
    target = tmp_path / "a.nxs"
    grown: list[Act] = [partial(target.write_bytes, b"x" * i) for i in range(1, 5)]
    assert watched(tmp_path, steps(*grown)) == ["a.nxs"]


def test_a_file_that_cannot_be_read_yet_is_waited_for(tmp_path: Path) -> None:
    target = tmp_path / "a.nxs"
    target.write_bytes(b"half")
    seen: list[bytes] = []

    def ready(path: Path) -> bool:
        seen.append(path.read_bytes())
        return seen[-1] == b"whole"

    assert watched(tmp_path, steps(lambda: None, lambda: None, lambda: None), ready=ready) == []
    acts = steps(lambda: None, lambda: None, lambda: target.write_bytes(b"whole"))
    assert watched(tmp_path, acts, ready=ready) == ["a.nxs"]
    assert seen[0] == b"half"


def test_a_file_that_stays_unreadable_is_handed_on_to_be_refused(tmp_path: Path) -> None:
    (tmp_path / "a.nxs").write_bytes(b"broken")
    assert watched(tmp_path, steps(), ready=lambda _: False, give_up=-1) == ["a.nxs"]


def test_each_file_comes_once_and_again_only_when_it_is_another(tmp_path: Path) -> None:
    first = tmp_path / "a.nxs"
    first.write_bytes(b"1")
    acts = steps(lambda: None, lambda: None, lambda: first.write_bytes(b"22"))
    assert watched(tmp_path, acts) == ["a.nxs", "a.nxs"]


def test_hidden_files_and_other_endings_are_never_taken(tmp_path: Path) -> None:
    for name in (".a.nxs.12.part", ".b.nxs", "c.txt", "d.tif"):
        (tmp_path / name).write_bytes(b"1")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "e.nxs").write_bytes(b"1")
    (tmp_path / "folder.nxs").mkdir()
    assert watched(tmp_path, steps()) == []


def test_folders_in_the_folder_are_looked_into_and_the_oldest_file_comes_first(tmp_path: Path) -> None:
    import os

    (tmp_path / "S1").mkdir()
    for age, name in ((100, "z.nxs"), (50, "S1/a.h5")):
        (tmp_path / name).write_bytes(b"1")
        os.utime(tmp_path / name, (age, age))
    assert watched(tmp_path, steps()) == ["S1/a.h5", "z.nxs"]


def test_a_file_must_have_rested_for_a_while(tmp_path: Path) -> None:
    (tmp_path / "a.nxs").write_bytes(b"1")
    looks: list[float] = []
    watch = Watch(lambda _: True, lambda: len(looks) > 3, lambda: looks.append(0.0), look=0.0, settle=60.0)
    assert list(arrivals(tmp_path, watch)) == []


def test_it_is_told_how_many_files_wait(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.nxs").write_bytes(b"1")
    left: list[int] = []
    ended: list[bool] = []
    watch = Watch(lambda _: True, lambda: bool(ended), lambda: None, left.append, look=0.0, settle=0.0)
    for path in arrivals(tmp_path, watch):
        ended += [True] if path.name == "c.nxs" else []
    assert left == [2, 1, 0]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="is no folder"):
        watched(tmp_path / "nowhere", steps())
