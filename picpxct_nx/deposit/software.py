"""The exact software that a deposit was made with, so that its files can be read and its chain run again."""

import platform
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from picpxct_nx import __version__

# The index of Python packages, and where this program is at home there.
INDEX = "https://pypi.org/project/"
HOME = f"{INDEX}picpxct-nx/"
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"extra\s*==")


def versions() -> dict[str, str]:
    """Version of every installed package that this program stands on, by name, extras left out."""
    found: dict[str, str] = {}
    queue = list(_needs("picpxct_nx"))
    while queue:
        name = queue.pop()
        if name in found:
            continue
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # a marker for another system
        queue += _needs(name)
    return dict(sorted(found.items()))


def _needs(name: str) -> Iterator[str]:
    try:
        wanted = metadata.requires(name) or ()
    except metadata.PackageNotFoundError:
        return
    for text in wanted:
        match = _NAME.match(text)
        if match is not None and not _EXTRA.search(text):
            yield match[0].lower().replace("_", "-")


def as_json() -> dict[str, Any]:
    """Program, interpreter, system and packages, as plain values."""
    return {
        "program": "picpxct_nx",
        "version": __version__,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": f"{platform.system()} {platform.machine()}",
        "hdf5": _hdf5(),
        "packages": versions(),
    }


def _hdf5() -> str:
    # h5py is loaded wherever a file was looked at.
    loaded = sys.modules.get("h5py")
    return str(loaded.version.hdf5_version) if loaded is not None else ""


def requirements() -> str:
    """The packages as a requirements.txt."""
    lines = [f"picpxct_nx=={__version__}", *(f"{name}=={version}" for name, version in versions().items())]
    return "\n".join(lines) + "\n"
