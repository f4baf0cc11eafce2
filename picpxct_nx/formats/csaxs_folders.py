"""Folders of cSAXS: where the scan of a number lies, and the positions of it; nothing is looked for outside a root."""

import re
from collections.abc import Iterator
from pathlib import Path

from picpxct_nx.errors import InputError

HDF5_ENDINGS = frozenset({".h5", ".hdf5", ".nxs", ".cxs"})
# Folders of other instruments below the root, and how deep a scan may lie in them.
_DEPTHS = ("", "*/", "*/*/")
_SCAN = re.compile(r"S(\d{5,6})\Z")
_IN_NAME = re.compile(r"(?:\A|_)S?(\d{5,6})(?:_\d+)*\Z")
_DIGITS = re.compile(r"(\d+)")


def natural(path: Path) -> list[tuple[int, str]]:
    """Key that sorts file names by the numbers in them: 2 before 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _DIGITS.split(path.name)]


def scan_number(path: Path) -> int | None:
    """Number of a folder S00123, or of a file e12345_1_00123.h5 or run_00123_000000.h5; None where it has none."""
    found = _SCAN.match(path.name) or _IN_NAME.search(path.stem)
    return int(found[1]) if found else None


def _folder_names(number: int) -> tuple[str, ...]:
    low = number // 1000 * 1000
    return f"S{number:05d}", f"S{low:05d}-{low + 999:05d}/S{number:05d}"


def find_scan(root: Path, number: int) -> Path:
    """The folder below `root` that holds the HDF5 files of a scan.

    Raises
    ------
    InputError
        There is none, or there are several, or it lies outside the root.
    """
    names = _folder_names(number)
    found = {path.resolve(): path for depth in _DEPTHS for name in names for path in root.glob(f"{depth}{name}")}
    folders = [path for path in found.values() if path.is_dir() and _has_hdf5(path)]
    if not folders:
        empty = f"; {next(iter(found.values()))} holds no HDF5 file" if found else ""
        raise InputError(f"S{number:05d}: {root} has no folder {' or '.join(names)} with HDF5 files{empty}")
    if len(folders) > 1:
        named = ", ".join(str(path.relative_to(root)) for path in folders)
        raise InputError(f"S{number:05d}: could be {named}; name it in the manifest's column file")
    return inside(folders[0], root)


def inside(path: Path, root: Path) -> Path:
    """The path itself, which must lie below `root` once its links are resolved.

    Raises
    ------
    InputError
        It does not.
    """
    if not path.resolve().is_relative_to(root.resolve()):
        raise InputError(f"{path}: leads out of {root}; nothing is read there: copy the files into it")
    return path


def scans(root: Path) -> list[Path]:
    """Folders of all scans below `root` that hold HDF5 files, in the order of their numbers."""
    found: dict[int, Path] = {}
    for path in _walk(root):
        number = scan_number(path)
        if number is None or not _has_hdf5(path):
            continue
        if number in found:
            raise InputError(f"S{number:05d}: could be {found[number]} or {path}; name the one that is meant")
        found[number] = inside(path, root)
    return [found[number] for number in sorted(found)]


def _walk(root: Path) -> Iterator[Path]:
    """Folders S00123 down to where those of a thousand block of an instrument lie."""
    for depth in (*_DEPTHS, "*/*/*/"):
        yield from sorted(path for path in root.glob(f"{depth}S*") if _SCAN.match(path.name) and path.is_dir())


def _has_hdf5(path: Path) -> bool:
    return any(each.suffix.lower() in HDF5_ENDINGS for each in path.iterdir())


def position_file(scan: Path, root: Path | None) -> Path:
    """The table of positions of a scan: scan_00123.dat in its folder, or below the root where there is one.

    Raises
    ------
    InputError
        There is none, there are several, or it lies outside the root.
    """
    folder, number = (scan if scan.is_dir() else scan.parent), scan_number(scan)
    if number is None:
        raise InputError(f"{scan.name}: no positions are in the file; add --map positions=FILE::Y+FILE::X and --axes")
    name = f"scan_{number:05d}.dat"
    places = [(folder, "")] + ([(root, depth) for depth in (*_DEPTHS, "*/*/*/")] if root is not None else [])
    found = {path.resolve(): path for place, depth in places for path in sorted(place.glob(f"{depth}{name}"))}
    if len(found) > 1:
        raise InputError(f"S{number:05d}: positions could be {', '.join(map(str, found.values()))}; leave one there")
    if not found:
        where = f"{folder}" if root is None else f"{root}"
        raise InputError(
            f"S{number:05d}: no {name} in {where}; copy it there, or add --map positions=FILE::Y+FILE::X and --axes"
        )
    return inside(next(iter(found.values())), folder if root is None else root)
