"""Patch files: written by audit, read by amend."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from picpxct_nx.errors import InputError, MissingInputError, OutputError

if TYPE_CHECKING:
    from picpxct_nx.audit.patch import Patch
    from picpxct_nx.provenance import Input


def refuse_patch_early(output: str | None, *, overwrite: bool) -> None:
    """Stop before any work is done for a patch that could not be written.

    Raises
    ------
    OutputError
        It exists already, or its folder is not there.
    """
    from picpxct_nx import atomic

    if output is None:
        return
    if output == "-":
        raise OutputError("-o -: a patch goes to a file; give -o patch.toml")
    if not output.endswith("/") and not Path(output).is_dir():
        atomic.refuse_existing(Path(output), overwrite=overwrite)


def write_patch(output: str, entry: str, text: str, *, overwrite: bool) -> None:
    """Write a patch to a file, or as ENTRY.toml into a folder.

    Raises
    ------
    OutputError, RetryError
        It cannot be written.
    """
    from picpxct_nx import atomic

    target = Path(output)
    if output.endswith("/") or target.is_dir():
        with atomic.naming_disk_errors(output):
            target.mkdir(parents=True, exist_ok=True)
        target = target / f"{entry}.toml"
    with atomic.part(target, overwrite=overwrite) as hidden:
        hidden.write_text(text, "utf-8")


def read_patch(path: Path) -> "tuple[Patch, Input]":
    """The patch in a file, and the file for the history.

    Raises
    ------
    MissingInputError
        The file cannot be read.
    InputError
        It is no patch.
    """
    from picpxct_nx.audit import patch
    from picpxct_nx.provenance import Input

    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8")
    except OSError as error:
        raise MissingInputError(f"--patch {path}: cannot be read ({error.strerror}); check the name") from None
    except UnicodeDecodeError:
        raise InputError(f"--patch {path}: is no UTF-8 text; wanted what picpxct audit -o writes") from None
    return patch.read(text, path.name), Input(checksum=hashlib.sha256(raw).hexdigest(), file_name=path.name)
