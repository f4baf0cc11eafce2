"""Watching a folder: files as they land, each once, and only when its writer has finished with it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from picpxct_nx.errors import MissingInputError

ENDINGS = (".nxs", ".h5", ".hdf5")
# Between two looks; how long a file must have been as it is; and when one that cannot be read is handed on; seconds.
LOOK, SETTLE, GIVE_UP = 1.0, 2.0, 60.0
_NAP = 0.1


@dataclass(frozen=True)
class _State:
    """What a file looked like."""

    size: int
    modified: int
    number: int


@dataclass
class _Known:
    """A file that was seen: how, since when, and whether it was handed on."""

    state: _State
    since: float
    taken: bool = False


@dataclass(frozen=True)
class Watch:
    """Who is asked while a folder is watched.

    `ready` says whether a file that has come to rest can be read; `asked` whether to end; `idle` is called at every
    look that brings nothing; `left` is told, with each file that is handed on, how many more are there.
    """

    ready: Callable[[Path], bool]
    asked: Callable[[], bool]
    idle: Callable[[], None] = lambda: None
    left: Callable[[int], None] = lambda _: None
    look: float = LOOK
    settle: float = SETTLE
    give_up: float = GIVE_UP


def arrivals(folder: Path, watch: Watch) -> Iterator[Path]:
    """Files of a folder and of the folders in it as they land, the oldest first, until asked to end.

    A file counts as complete when it has kept its size, time and inode for a while and can be read; hidden files are
    the parts of writers that rename, and are never looked at. A file that changes again after it was taken is another
    file. Looking, rather than being told by the kernel, works on network file systems as well.

    Raises
    ------
    MissingInputError
        The folder is not there.
    """
    if not folder.is_dir():
        raise MissingInputError(f"{folder}: is no folder; name the one in which scans land")
    known: dict[Path, _Known] = {}
    while not watch.asked():
        found = list(_settled(folder, known, watch))
        for more, path in zip(range(len(found) - 1, -1, -1), found, strict=True):
            if watch.asked():
                return
            watch.left(more)
            yield path
        if not found:
            watch.idle()
            _sleep(watch)


def _settled(folder: Path, known: dict[Path, _Known], watch: Watch) -> Iterator[Path]:
    now = time.monotonic()
    for path, state in _look(folder):
        old = known.get(path)
        if old is None or old.state != state:
            known[path] = _Known(state, now)
            continue
        rest = now - old.since
        if not old.taken and rest >= watch.settle and (watch.ready(path) or rest > watch.give_up):
            old.taken = True
            yield path


def _look(folder: Path) -> list[tuple[Path, _State]]:
    """Files with one of our endings, the oldest first."""
    found = []
    for path in (*folder.glob("*"), *folder.glob("*/*")):
        if path.suffix.lower() in ENDINGS and not any(p.startswith(".") for p in path.relative_to(folder).parts):
            try:
                stat = path.stat()
            except OSError:
                # It went away between the two looks.
                continue
            if path.is_file():
                found.append((path, _State(stat.st_size, stat.st_mtime_ns, stat.st_ino)))
    return sorted(found, key=lambda item: (item[1].modified, item[0]))


def _sleep(watch: Watch) -> None:
    end = time.monotonic() + watch.look
    while time.monotonic() < end and not watch.asked():
        time.sleep(min(_NAP, watch.look))
