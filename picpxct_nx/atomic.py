"""Atomic output: a file appears under its name whole and checked, or not at all."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from picpxct_nx.errors import OutputError, PicpxctError, RetryError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# File systems without hard links.
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
_CLOSED = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}
)


@contextmanager
def part(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """A hidden file beside the target to write to; it takes the target's name when the block ends well.

    The part is `.NAME.PID.part` in the target's folder, so that the rename is atomic. Its data are on the disk before
    it gets the name, and it is removed whatever else happens.

    Raises
    ------
    OutputError
        The target exists and may not be replaced, or its folder is missing or closed to us.
    RetryError
        The disk is full.
    """
    refuse_existing(target, overwrite=overwrite)
    hidden = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with naming_disk_errors(str(target)):
            # A leftover of a killed run that had our number, or a link that a stranger put there, is not written to.
            hidden.unlink(missing_ok=True)
            hidden.touch(exist_ok=False)
            yield hidden
            _sync(hidden)
            _publish(hidden, target, overwrite=overwrite)
            _sync(target.parent)
    finally:
        with suppress(OSError):
            hidden.unlink()


def _publish(hidden: Path, target: Path, *, overwrite: bool) -> None:
    """Give the finished part its name, not taking it from somebody who was faster."""
    if not overwrite:
        try:
            target.hardlink_to(hidden)
        except FileExistsError:
            refuse_existing(target, overwrite=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            refuse_existing(target, overwrite=False)
        else:
            return  # the part's own name is taken away at the end
    hidden.replace(target)


def refuse_existing(target: Path, *, overwrite: bool) -> None:
    """Stop before any work is done for an output that could not be written.

    Raises
    ------
    OutputError
        The target is there and may not be replaced, or is a folder, or its own folder is not there.
    """
    with naming_disk_errors(str(target)):
        if target.is_dir():
            raise OutputError(f"{target}: is a folder; write -o {target}/ to get one file an entry")
        if target.exists() and not overwrite:
            raise OutputError(f"{target}: exists already; add --overwrite to replace it, or choose another name")
        if not target.parent.is_dir():
            raise OutputError(f"{target}: its folder {target.parent} is not there; make it first")


@contextmanager
def naming_disk_errors(name: str) -> Iterator[None]:
    """Turn what the system says of a full or closed disk into an error that names the output and the remedy."""
    try:
        yield
    except PicpxctError:
        raise
    except (OSError, RuntimeError) as error:
        # HDF5 passes the system's number on in its text only, and when it closes a file as a RuntimeError.
        text = str(error)
        number = getattr(error, "errno", None) or next((n for n in _FULL | _CLOSED if f"errno = {n}," in text), None)
        if number in _FULL:
            reason = os.strerror(number)
            raise RetryError(f"{name}: no room left on the disk ({reason}); free some and run again") from error
        if number in _CLOSED:
            reason = os.strerror(number)
            raise OutputError(f"{name}: cannot be written ({reason}); check the folder and its rights") from error
        raise


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
