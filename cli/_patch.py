"""Patch files: written by audit, read by amend."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from picpxct_nx.errors import InputError, MissingInputError, OutputError, UsageError

if TYPE_CHECKING:
    from picpxct_nx.audit.patch import Patch
    from picpxct_nx.provenance import Input


class Patches:
    """Where patches go: nowhere, one file for one scan, or ENTRY.toml in a folder.

    Raises
    ------
    OutputError
        Before any work is done: the file exists already, or its folder is not there.
    """

    def __init__(self, output: str | None, *, overwrite: bool) -> None:
        from picpxct_nx import atomic

        self._target = None if output is None else Path(output)
        self._folder = self._target is not None and (str(output).endswith("/") or self._target.is_dir())
        self._overwrite = overwrite
        self._written = False
        if output == "-":
            raise OutputError("-o -: a patch goes to a file; give -o patch.toml")
        if self._target is not None and not self._folder:
            atomic.refuse_existing(self._target, overwrite=overwrite)

    def write(self, entry: str, text: str) -> None:
        """Write the patch of a scan.

        Raises
        ------
        UsageError
            There is one file, and it holds the patch of another scan.
        OutputError, RetryError
            It cannot be written.
        """
        from picpxct_nx import atomic

        if self._target is None:
            return
        target = self._target
        if self._folder:
            with atomic.naming_disk_errors(str(target)):
                target.mkdir(parents=True, exist_ok=True)
            target = target / f"{entry}.toml"
        elif self._written:
            raise UsageError(f"-o {target}: holds the patch of another scan already; write -o DIR/ for one a scan")
        with atomic.part(target, overwrite=self._overwrite) as hidden:
            hidden.write_text(text, "utf-8")
        self._written = True


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
