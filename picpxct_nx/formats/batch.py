"""Many scans at once: a folder of S-numbers, and a manifest that says of each scan what its files do not."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from picpxct_nx.errors import InputError, MissingInputError, UsageError
from picpxct_nx.formats import csaxs_folders, metadata
from picpxct_nx.formats.assemble import ImportOptions, assemble
from picpxct_nx.formats.assemble_images import assemble_images
from picpxct_nx.formats.foreign import ForeignScan
from picpxct_nx.formats.form import Source
from picpxct_nx.formats.registry import read_any, source_of
from picpxct_nx.formats.selection import Key
from picpxct_nx.formats.spectrum import ForeignSpectrum, assemble_spectrum
from picpxct_nx.provenance import Input
from picpxct_nx.records import Record

# Columns of a manifest under the names that `stack` reads as well, and what --set calls them.
_COLUMNS = {"sample_rotation": "rotation", "particle_set": "collection_identifier"}
_PLACES = ("scan", "file", "map")


@dataclass(frozen=True)
class Table:
    """Rows of a manifest by column, the S-number that each names, or its text, and the file that they came from."""

    rows: tuple[Mapping[str, str], ...]
    numbers: tuple[int | str, ...]
    name: str
    source: Input


@dataclass(frozen=True)
class Job:
    """One scan to import: its file or folder, what is stated of it, and the manifest that says so.

    `entry` is the name that the scan gets, where that is known before it is read.
    """

    source: Source
    given: Mapping[str, str]
    assumed: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    entry: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What messages call it."""
        return str(self.source.path)


def jobs(
    paths: Sequence[Path], how: Source, given: Mapping[str, str], assumed: Mapping[str, str], table: Table | None = None
) -> list[Job]:
    """The scans that files, folders and a manifest name, in their order.

    A folder of scans stands for all of them, or with a manifest for those that it names. Rows say where: `scan` is an
    S-number, looked for below the folder; or `file` is the path of a file of any format, relative to the folder. `map`
    is a --map of the row's own, its files relative to the folder as well.

    Parameters
    ----------
    paths : sequence of Path
        Files and folders of the command line; with a manifest one folder.
    how : Source
        What --map and --axes say.
    given, assumed : mapping
        Texts of --set and --assume.
    table : Table, optional
        The manifest.

    Raises
    ------
    UsageError
        A value is stated twice, or there is a manifest but not one folder.
    InputError, MissingInputError
        A scan is not there.
    """
    if table is not None:
        if len(paths) != 1 or not paths[0].is_dir():
            raise UsageError(f"--manifest {table.name}: wanted one folder, in which its scans lie; name that alone")
        return _rows(paths[0], how, given, assumed, table)
    found: list[Job] = []
    for path in paths:
        folders = csaxs_folders.scans(path) if path.is_dir() and csaxs_folders.scan_number(path) is None else []
        if path.is_dir() and not folders and csaxs_folders.scan_number(path) is None:
            raise MissingInputError(
                f"{path}: is a folder without scans (S00123 with HDF5 files); name files, or add --manifest with a "
                "column file"
            )
        for each in folders or [path]:
            entry = f"scan_S{csaxs_folders.scan_number(each):05d}" if folders else None
            source = replace(how, path=each, root=path if folders else None, stated={**assumed, **given})
            found.append(Job(source, given, assumed, entry=given.get(metadata.ENTRY, entry)))
    return found


def _rows(root: Path, how: Source, given: Mapping[str, str], assumed: Mapping[str, str], table: Table) -> list[Job]:
    found = []
    told: set[str] = set()
    for row, number in zip(table.rows, table.numbers, strict=True):
        stated = {_COLUMNS.get(name, name): text for name, text in row.items() if name not in _PLACES}
        unread = {name for name in stated if not metadata.is_known(name)}
        notes = tuple(f"{table.name}: nobody reads the column '{name}'" for name in sorted(unread - told))
        told |= unread
        stated = {name: text for name, text in stated.items() if name not in unread}
        twice = next((name for name in stated if name in given or name in assumed), None)
        if twice is not None:
            raise UsageError(f"{twice}: stated on the command line and in {table.name}; state it once")
        _check(stated, f"{table.name}: {row['scan']}")
        entry = f"scan_S{number:05d}" if isinstance(number, int) else row["scan"]
        stated.setdefault(metadata.ENTRY, entry)
        path = _path(root, row, number, table.name)
        both = {**given, **stated}
        source = replace(_mapped(how, row, root), path=path, root=root, stated={**assumed, **both})
        found.append(Job(source, both, assumed, (table.source,), stated[metadata.ENTRY], notes))
    return found


def _mapped(how: Source, row: Mapping[str, str], root: Path) -> Source:
    """What --map and --axes say, or for this row its own map, whose files lie in the folder."""
    if "map" not in row:
        return how
    own = source_of(root, row["map"])
    keys = {role: tuple(_inside(key, root) for key in found) for role, found in own.keys.items()}
    return replace(own, keys=keys, axes=how.axes, mask=None if own.mask is None else _inside(own.mask, root))


def _inside(key: Key, root: Path) -> Key:
    return key if key.file is None else replace(key, file=str(csaxs_folders.inside(root / key.file, root)))


def _check(stated: Mapping[str, str], where: str) -> None:
    for name, text in stated.items():
        try:
            metadata.check_text(name, text)
        except UsageError as error:
            raise InputError(f"{where}: {error}") from None


def _path(root: Path, row: Mapping[str, str], number: int | str, name: str) -> Path:
    if "file" in row:
        return csaxs_folders.inside(root / row["file"], root)
    if not isinstance(number, int):
        raise InputError(f"{name}: '{row['scan']}' is no S-number, and there is no column file; write one of them")
    return csaxs_folders.find_scan(root, number)


@contextmanager
def imported(job: Job, file_format: str, options: ImportOptions) -> Iterator[tuple[Record, list[str]]]:
    """The record of one scan, which can be written while the context lasts, and sentences about what was decided.

    Raises
    ------
    UsageError, InputError, MissingInputError
        As `read_any` and `assemble`.
    """
    with read_any(job.source, file_format) as foreign:
        inputs = (*foreign.inputs, *job.inputs)
        foreign = replace(foreign, options={**foreign.options, **_files(job.source, inputs)})
        if isinstance(foreign, ForeignScan):
            scan, chosen = replace(foreign, inputs=inputs), replace(options, mask=job.source.mask or options.mask)
            record: Record
            record, notes = assemble(scan, job.given, job.assumed, chosen)
        elif isinstance(foreign, ForeignSpectrum):
            record, notes = assemble_spectrum(replace(foreign, inputs=inputs), job.given, job.assumed)
        else:
            record, notes = assemble_images(replace(foreign, inputs=inputs), job.given, job.assumed)
        yield record, [*job.notes, *notes]


def _files(source: Source, inputs: Sequence[Input]) -> dict[str, str]:
    """Which of the step's inputs, counted from 1, is the file itself, and which hold the keys of --map, for a rerun.

    Left out where a single file says it, and where names do not tell the inputs apart, or more than files was read: a
    folder, or the values of a map file.
    """
    # The mask of another file is noted last.
    names = [*(one.file_name for one in inputs), *([Path(str(source.mask.file)).name] if source.mask else [])]
    keys = {role: [Path(key.file or source.path).name for key in found] for role, found in source.keys.items()}
    keys["main"] = [source.path.name]
    keys |= {} if source.mask is None else {"mask": [Path(str(source.mask.file)).name]}
    unclear = any(names.count(name) != 1 for found in keys.values() for name in found)
    if len(names) == 1 or unclear or source.places or source.path.is_dir():
        return {}
    numbers = {role: "+".join(str(names.index(name) + 1) for name in found) for role, found in keys.items()}
    return {"files": ",".join(f"{role}={number}" for role, number in numbers.items())}
