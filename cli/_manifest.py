"""The option --manifest: a table of scans in a file."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from picpxct_nx.errors import InputError, MissingInputError

if TYPE_CHECKING:
    from picpxct_nx.formats import Table
    from picpxct_nx.images.stack_record import Stated
    from picpxct_nx.provenance import Input


def read_table(path: Path) -> "Table":
    """The rows of the manifest in a file, as texts.

    Raises
    ------
    MissingInputError, InputError
        As `read_manifest`.
    """
    from picpxct_nx import manifest
    from picpxct_nx.formats import Table

    text, source = _read(path)
    rows = manifest.table(text, path.name)
    return Table(rows, tuple(manifest.number_of(row["scan"]) for row in rows), path.name, source)


def read_manifest(path: Path) -> "Stated":
    """The manifest in a file.

    Raises
    ------
    MissingInputError
        The file cannot be read.
    InputError
        It is no table of scans.
    """
    from picpxct_nx import manifest
    from picpxct_nx.images.stack_record import Stated

    text, source = _read(path)
    return Stated(manifest.parse(text, path.name), source)


def _read(path: Path) -> "tuple[str, Input]":
    from picpxct_nx.provenance import Input

    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8")
    except OSError as error:
        raise MissingInputError(f"--manifest {path}: cannot be read ({error.strerror}); check the name") from None
    except UnicodeDecodeError:
        raise InputError(f"--manifest {path}: is no UTF-8 text; wanted a CSV or TOML file") from None
    return text, Input(checksum=hashlib.sha256(raw).hexdigest(), file_name=path.name)
