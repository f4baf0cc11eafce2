"""Ranges of frames and positions that --set frames=START:STOP and positions=START:STOP take."""

from picpxct_nx.errors import UsageError
from picpxct_nx.formats.selection import parse_key, select
from picpxct_nx.values import ArraySource

NAMES = ("frames", "positions")


def take(source: ArraySource, said: str | None, name: str) -> tuple[ArraySource, dict[str, str]]:
    """The part of frames or positions that a range names, unread, and the range for the history.

    Raises
    ------
    UsageError
        The text is no range.
    """
    if said is None:
        return source, {}
    try:
        (index,) = parse_key(f"{name}[{said}]").index
    except (UsageError, ValueError):
        index = 0
    if not isinstance(index, slice):
        raise UsageError(f"--set {name}={said}: is no range; write START:STOP, for example {name}=0:{source.shape[0]}")
    return select(source, (index,), name), {name: said}
