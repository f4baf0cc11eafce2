"""Writing a page: whole or not at all."""

from pathlib import Path

from picpxct_nx import atomic
from picpxct_nx.errors import UsageError


def check_target(output: str | None, *, overwrite: bool, needed: bool) -> Path | None:
    """Where the page goes, refused before any work is done.

    Raises
    ------
    UsageError
        No file is named, or its name does not end in .html.
    OutputError
        It is there already, or cannot be written.
    """
    if output is None and not needed:
        return None
    if output is None or Path(output).suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"-o {output or 'is missing'}: wanted the name of a page, for example -o report.html")
    target = Path(output)
    atomic.refuse_existing(target, overwrite=overwrite)
    return target


def write_page(target: Path, text: str, *, overwrite: bool) -> int:
    """Write a page and return its size in bytes.

    Raises
    ------
    OutputError, RetryError
        It cannot be written, or the disk is full.
    """
    raw = text.encode()
    with atomic.part(target, overwrite=overwrite) as part:
        part.write_bytes(raw)
    return len(raw)
