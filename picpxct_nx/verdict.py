"""The verdict on one file by its name: opened, judged, closed; a file that cannot be opened gets a verdict too."""

from pathlib import Path
from typing import BinaryIO

from picpxct_nx import nexus, nxdl
from picpxct_nx.errors import InputError
from picpxct_nx.validation import Report, Violation, check_file
from picpxct_nx.validation.inputs import Named, named_inputs, with_inputs


def judge(source: Path | BinaryIO, name: str, *, definition: str | None = None, inputs: Path | None = None) -> Report:
    """Report on a file, which this process reads itself; see `untrusted` for a stranger's.

    Parameters
    ----------
    source : Path or binary file
        Where the bytes are.
    name : str
        How the report calls the file.
    definition : str, optional
        Name or file of the definition that the entries are held to instead of the one that they claim.
    inputs : Path, optional
        Folder in which the inputs of the newest step lie, to be compared with what was read.

    Raises
    ------
    MissingInputError
        The file is not there or may not be read, so there is nothing to judge; or the folder is not there.
    InputError
        There is no such definition, or a file in the folder cannot be read.
    """
    report, named = look(source, name, definition=definition, inputs=inputs is not None)
    return report if inputs is None else compare(report, named, inputs)


def look(
    source: Path | BinaryIO, name: str, *, definition: str | None, inputs: bool
) -> tuple[Report, tuple[Named, ...]]:
    """The report on a file alone, and the inputs that it names where they are asked for."""
    wanted = None if definition is None else nxdl.find(definition)
    try:
        with nexus.open_hdf5(source, name) as file:
            return check_file(file, name, wanted), named_inputs(file) if inputs else ()
    except InputError as error:
        return Report(name, None, (Violation("/", "NOT_READABLE", str(error).removeprefix(f"{name}: ")),)), ()


def compare(report: Report, named: tuple[Named, ...], folder: Path) -> Report:
    """The report with what the folder says about the inputs."""
    try:
        return with_inputs(report, named, nexus.present_inputs(folder, named))
    except OSError as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{folder}: a file in it cannot be read ({reason}); move it elsewhere") from None
