"""What must not go out with a deposit: paths of a machine, names of accounts and hosts, e-mail addresses."""

import getpass
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from picpxct_nx.deposit.fault import Fault

# An absolute path of two names or more, where no letter stands before it: units such as 1/s/m^2 are none. A colon may
# (host:/path), but not that of an address (https://) or of an array in a file (scan.h5::/entry).
_UNIX = re.compile(r"(?<![\w.<>)\]%^*+-])(?<!::)(?<!:/)(?<![\w./]/)(/[\w.+@~-]+(?:/[\w.+@~-]+)+/?)")
# What import says of the arrays that it read: their paths in HDF5 files, never those of files (formats.describe).
_ARRAYS = re.compile(r"/process_\d+/parameters/(map|mask|notes)\Z")
# Where files of machines lie; no beamline calls the groups of its files so.
_ROOTS = re.compile(
    r"/(?:afs|afs3|asap3|beegfs|cfs|das|dls|eos|etc|global|gpfs|home|lustre|media|mnt|net|nfs|opt|private|project|projects|"
    r"pscratch|root|run|scratch|sdf|sls|srv|storage|tmp|u|users|usr|var|volumes|work)/",
    re.IGNORECASE,
)
_WINDOWS = re.compile(r"(?<!\w)([A-Za-z]:[\\/][^\s\"'<>|]+|\\\\[\w.-]+\\[^\s\"'<>|]+)")
_TILDE = re.compile(r"(?<![\w/])(~[\w.-]*/[^\s\"']+)")
_FILE = re.compile(r"(file://[^\s\"']+)", re.IGNORECASE)
_HOME = re.compile(
    r"/(?:home|users|u|afs/[\w.-]+/(?:u|user|home))/(?:\w/)?(?P<unix>[\w.-]+)|[\\/]users[\\/](?P<windows>[^\\/]+)|~(?P<tilde>[\w.-]+)/",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"(?<![\w.+-])([\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,})")
# Accounts that say nothing of anybody.
_NOBODY = frozenset(
    {"root", "user", "users", "data", "test", "runner", "nobody", "admin", "guest", "localhost", "host", "vm"}
)
_LEAST_LETTERS = 4


def personal_words() -> tuple[str, ...]:
    """Names of the account and the machine that this program runs on, where they could give somebody away."""
    found = []
    with suppress(Exception):  # no account has this number; then there is no name to give away
        found.append(getpass.getuser())
    with suppress(OSError):
        found.append(socket.gethostname().partition(".")[0])
    return tuple(word for word in found if len(word) >= _LEAST_LETTERS and word.lower() not in _NOBODY)


def check_texts(
    file: str, texts: Iterable[tuple[str, str]], inside: Callable[[str], bool], personal: Iterable[str] = ()
) -> list[Fault]:
    """Texts of a file that hold an absolute path, somebody's home, an e-mail address, or a personal word.

    Parameters
    ----------
    file : str
        How messages call the file.
    texts : pairs of str
        Path inside the file, and text.
    inside : callable
        Whether a path leads to something inside the file itself, as those of NeXus links do.
    personal : str
        Words that must not stand there.
    """
    words = tuple(personal)
    found = []
    for path, value in texts:
        within = _within_arrays if _ARRAYS.search(path) else inside
        found += [Fault(file, code, f"{path}: {text}") for code, text in _look(value, within, words)]
    return found


def _within_arrays(path: str) -> bool:
    return _ROOTS.match(path) is None


def check_name(name: str, personal: Iterable[str] = ()) -> Iterator[Fault]:
    """Why a file may not be called so in a deposit: letters that catalogues refuse, or somebody's name."""
    if not re.fullmatch(r"[A-Za-z0-9#+\-.:=@_]+", name) or name.startswith("."):
        text = "may hold letters without accents, digits and # + - . : = @ _ only (SciCat), and not begin with a dot"
        yield Fault(name, "FILE_NAME", f"the name {text}; rename it")
    found = _EMAIL.search(name)
    if found:
        yield Fault(name, "PERSONAL", f"the name holds the e-mail address {found[1]}; rename it")
    for word in personal:
        if _has_word(name, word):
            yield Fault(name, "PERSONAL", f"the name holds '{word}', the name of this account or machine; rename it")


def _look(text: str, inside: Callable[[str], bool], words: Iterable[str]) -> Iterator[tuple[str, str]]:
    for pattern in (_FILE, _UNIX, _WINDOWS, _TILDE):
        for found in pattern.finditer(text):
            path = found[1]
            if pattern is _UNIX and inside(path):
                continue
            home = _HOME.search(path)
            if home is not None:
                who = next(name for name in home.groups() if name)
                yield (
                    "PERSONAL",
                    f"holds {path!r}, a path of the account '{who}'; make the file again from another folder",
                )
            else:
                yield "ABSOLUTE_PATH", f"holds {path!r}, a path of one machine; nobody else can follow it"
    for found in _EMAIL.finditer(text):
        yield "PERSONAL", f"holds the e-mail address {found[1]}; people are named in deposit.toml"
    for word in words:
        if _has_word(text, word):
            yield "PERSONAL", f"holds '{word}', the name of this account or machine"


def _has_word(text: str, word: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", text, re.IGNORECASE) is not None
