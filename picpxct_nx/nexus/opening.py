"""Safe opening of NeXus files: nothing outside the file is touched, and every refusal is one clear line."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

# Before HDF5 is loaded: no filter plugin from a folder that a stranger may have filled.
os.environ.setdefault("HDF5_PLUGIN_PRELOAD", "::")

import h5py

from picpxct_nx.errors import InputError, MissingInputError
from picpxct_nx.validation import Report, check_file

_SIGNATURE = b"\x89HDF\r\n\x1a\n"


@contextmanager
def open_hdf5(source: Path | BinaryIO, name: str) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading; nothing in it is trusted yet.

    Raises
    ------
    MissingInputError
        The file is not there or may not be read.
    InputError
        It is empty, truncated, or not HDF5.
    """
    if isinstance(source, Path) and (source.is_fifo() or source.is_char_device() or source.is_socket()):
        raise InputError(f"{name}: is a pipe or a device, where HDF5 would wait for ever; write '- < {name}'")
    try:
        file = h5py.File(source, "r")
    except FileNotFoundError:
        raise MissingInputError(f"{name}: is not there; check the name") from None
    except PermissionError:
        raise MissingInputError(f"{name}: may not be read; check its rights") from None
    except BlockingIOError:
        raise MissingInputError(f"{name}: is being written by another program; try again when it is done") from None
    except IsADirectoryError:
        raise MissingInputError(f"{name}: is a folder; name files, for example {name}/*.nxs") from None
    except OSError as error:
        raise InputError(_why_not(source, name, error)) from None
    try:
        yield file
    finally:
        file.close()


def _why_not(source: Path | BinaryIO, name: str, error: OSError) -> str:
    if isinstance(source, Path):
        try:
            with source.open("rb") as handle:
                start, length = handle.read(8), source.stat().st_size
        except OSError as why:
            return f"{name}: cannot be read ({why.strerror}); name another file"
    else:
        length = source.seek(0, os.SEEK_END)
        source.seek(0)
        start = source.read(8)
    text = " ".join(str(error).split())
    if length == 0:
        return f"{name}: is empty (0 bytes); did the program that wrote it fail?"
    if start != _SIGNATURE:
        return f"{name}: is not an HDF5 file (it starts with {start!r}); wanted a NeXus file"
    if "truncated" in text:
        return f"{name}: is truncated at {length} bytes ({text[text.find('truncated') :][:100]}); copy it again"
    return f"{name}: is damaged ({text[:160]}); copy it again"


@contextmanager
def open_valid(source: Path | BinaryIO, name: str) -> Iterator[h5py.File]:
    """Open a NeXus file that is safe and keeps our definitions.

    Raises
    ------
    MissingInputError, InputError
        As `open_hdf5`, and InputError where the file is refused or against its definition.
    """
    with open_hdf5(source, name) as file:
        # Images are judged by the command that reads them, once.
        raise_if_invalid(check_file(file, name, data=False, ours=True))
        yield file


def raise_if_invalid(report: Report) -> None:
    """Stop at a file that has errors, naming the first.

    Raises
    ------
    InputError
        The report has an error.
    """
    if not report.valid:
        first, count = report.errors[0], len(report.errors)
        more = f" (and {count - 1} more: picpxct validate lists them)" if count > 1 else ""
        raise InputError(f"{report.file}: {first.path}: {first.message} [{first.code}]{more}")
