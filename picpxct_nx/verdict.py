"""The verdict on one file by its name: opened, judged, closed; a file that cannot be opened gets a verdict too."""

from pathlib import Path
from typing import BinaryIO

from picpxct_nx import nexus
from picpxct_nx.errors import InputError
from picpxct_nx.validation import Report, Violation, check_file


def judge(source: Path | BinaryIO, name: str) -> Report:
    """Report on a file, which this process reads itself; see `untrusted` for a stranger's.

    Parameters
    ----------
    source : Path or binary file
        Where the bytes are.
    name : str
        How the report calls the file.

    Raises
    ------
    MissingInputError
        The file is not there or may not be read, so there is nothing to judge.
    """
    try:
        with nexus.open_hdf5(source, name) as file:
            return check_file(file, name)
    except InputError as error:
        return Report(name, None, (Violation("/", "NOT_READABLE", str(error).removeprefix(f"{name}: ")),))
