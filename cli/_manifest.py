"""The option --manifest: a table of scans in a file."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from picpxct_nx.errors import InputError, MissingInputError

if TYPE_CHECKING:
    from picpxct_nx.images.stack_record import Stated


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
    from picpxct_nx.provenance import Input

    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8")
    except OSError as error:
        raise MissingInputError(f"--manifest {path}: cannot be read ({error.strerror}); check the name") from None
    except UnicodeDecodeError:
        raise InputError(f"--manifest {path}: is no UTF-8 text; wanted a CSV or TOML file") from None
    source = Input(checksum=hashlib.sha256(raw).hexdigest(), file_name=path.name)
    return Stated(manifest.parse(text, path.name), source)
