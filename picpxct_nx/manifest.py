"""Manifests: tables (CSV or TOML) that say of scans what their files do not, one row a scan."""

import csv
import io
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from picpxct_nx import units
from picpxct_nx.errors import InputError, UsageError

# Unit of every column that a manifest may have.
COLUMNS: Mapping[str, str | None] = {"scan": None, "energy": "eV", "sample_rotation": "rad", "particle_set": None}
_HEADER = re.compile(r"\s*(?P<name>[^()]*?)\s*(?:\((?P<unit>[^()]*)\))?\s*\Z")
_NUMBER = re.compile(r"(?:\A|_)S?0*(?P<number>\d+)\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """What a manifest says of one scan; None where it says nothing."""

    scan: str
    energy_ev: float | None = None
    rotation: float | None = None
    particle_set: str | None = None


@dataclass(frozen=True)
class Manifest:
    """The rows of a manifest, and the columns that nobody reads."""

    name: str
    rows: tuple[Row, ...]
    unread: tuple[str, ...] = ()


def parse(text: str, name: str) -> Manifest:
    """A manifest from the text of a CSV file, or of a TOML file of [[scans]] tables; the name's ending says which.

    Units stand in the values (`5471 eV`) or in the header (`energy (eV)`).

    Raises
    ------
    InputError
        The text is neither, the column `scan` is missing, a scan is named twice, or a value cannot be read.
    """
    table = _toml(text, name) if name.lower().endswith(".toml") else _csv(text, name)
    if not table:
        raise InputError(f"{name}: holds no scan; wanted a row for each")
    headers = dict.fromkeys(header for row in table for header in row)
    columns = {header: _column(header, name) for header in headers}
    names = [column for column, _ in columns.values()]
    if "scan" not in names:
        raise InputError(f"{name}: has no column 'scan'; found {', '.join(names)}; add the entries or S-numbers")
    twice = next((column for column in names if names.count(column) > 1), None)
    if twice is not None:
        raise InputError(f"{name}: the column '{twice}' stands there twice; leave one out")
    rows = tuple(_row(row, columns, f"{name}: row {number}") for number, row in enumerate(table, 1))
    keys = [_key(row.scan) for row in rows]
    for index, row in enumerate(rows):
        if keys.index(keys[index]) != index:
            raise InputError(
                f"{name}: {row.scan} is named twice, in rows {keys.index(keys[index]) + 1} and {index + 1}"
            )
    if any(row.particle_set for row in rows) and not all(row.particle_set for row in rows):
        lacking = next(row.scan for row in rows if not row.particle_set)
        raise InputError(f"{name}: {lacking} has no particle_set, others have; give each scan one, or none")
    return Manifest(name, rows, tuple(column for column in names if column not in COLUMNS))


def table(text: str, name: str) -> tuple[dict[str, str], ...]:
    """Rows of a manifest as texts by column, empty cells left out, with the unit that the header names.

    Raises
    ------
    InputError
        As `parse`, where the text is no table, names no scan, or names one twice.
    """
    rows = _toml(text, name) if name.lower().endswith(".toml") else _csv(text, name)
    if not rows:
        raise InputError(f"{name}: holds no scan; wanted a row for each")
    said: list[dict[str, str]] = []
    for number, row in enumerate(rows, 1):
        cells: dict[str, str] = {}
        for header, cell in row.items():
            column, unit = (header.strip(), None) if "/" in header else _column(header, name)
            if column in cells:
                raise InputError(f"{name}: the column '{column}' stands there twice; leave one out")
            cells[column] = f"{str(cell).strip()} {unit or ''}".strip() if str(cell).strip() else ""
        if not cells.get("scan"):
            raise InputError(f"{name}: row {number} names no scan; wanted a column 'scan' with the S-number")
        said.append({column: cell for column, cell in cells.items() if cell})
    numbers = [number_of(row["scan"]) for row in said]
    for index, found in enumerate(numbers):
        if numbers.index(found) != index:
            rows_named = f"rows {numbers.index(found) + 1} and {index + 1}"
            raise InputError(f"{name}: {said[index]['scan']} is named twice, in {rows_named}; leave one out")
    return tuple(said)


def number_of(scan: str) -> int | str:
    """The number of `S00123`, `scan_S00123` or `123`; the text itself where it has none."""
    found = _NUMBER.search(scan)
    return int(found["number"]) if found else scan


def match(manifest: Manifest, entries: Sequence[str]) -> dict[str, Row]:
    """The row of each entry: by its name, or by its number (`S00123`, `S123` and `123` are scan_S00123).

    Raises
    ------
    InputError
        A row names no entry, or an entry has no row.
    """
    found: dict[str, Row] = {}
    for row in manifest.rows:
        names = [entry for entry in entries if entry == row.scan] or [e for e in entries if _key(e) == _key(row.scan)]
        if not names:
            held = ", ".join(entries[:4])
            raise InputError(f"{manifest.name}: {row.scan} is not among the inputs ({held}, ...); leave its row out")
        if len(names) > 1:
            raise InputError(f"{manifest.name}: {row.scan} could be {' or '.join(names)}; write the name of the entry")
        found[names[0]] = row
    lacking = [entry for entry in entries if entry not in found]
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise InputError(f"{manifest.name}: has no row for {lacking[0]}{more}; add it, or leave the scan out")
    return found


def _key(scan: str) -> str:
    number = _NUMBER.search(scan)
    return f"S{int(number['number'])}" if number else scan


def _csv(text: str, name: str) -> list[dict[str, object]]:
    first = text.lstrip("\ufeff").partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=delimiter, skipinitialspace=True)
    lines = [line for line in reader if any(cell.strip() for cell in line)]
    if not lines:
        return []
    header, *rows = lines
    for number, row in enumerate(rows, 1):
        if len(row) != len(header):
            raise InputError(f"{name}: row {number} has {len(row)} cells, the header {len(header)}; make them agree")
    return [dict(zip(header, row, strict=True)) for row in rows]


def _toml(text: str, name: str) -> list[dict[str, object]]:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name}: is not TOML ({error})") from None
    scans = table.get("scans")
    if set(table) != {"scans"} or not isinstance(scans, list) or not all(isinstance(scan, dict) for scan in scans):
        raise InputError(f"{name}: wanted [[scans]] tables and nothing else, found {', '.join(table) or 'nothing'}")
    return scans


def _column(header: str, name: str) -> tuple[str, str | None]:
    """Name and unit that a header such as `energy (eV)` gives."""
    parts = _HEADER.match(header)
    column = parts["name"].lower().replace(" ", "_") if parts else header
    unit = parts["unit"] if parts else None
    wanted = COLUMNS.get(column)
    if wanted is not None and unit is not None:
        try:
            units.factor(unit.strip(), wanted)
        except InputError as error:
            raise InputError(f"{name}: column '{header}': {error}") from None
    return column, None if unit is None else unit.strip()


def _row(cells: dict[str, object], columns: dict[str, tuple[str, str | None]], where: str) -> Row:
    said: dict[str, str] = {}
    held: dict[str, str | None] = {}
    for header, cell in cells.items():
        column, unit = columns[header]
        said[column], held[column] = str(cell).strip(), unit

    def number(column: str, wanted: str) -> float | None:
        text, unit = said.get(column, ""), held.get(column)
        if not text:
            return None
        try:
            return units.quantity(text if unit is None else f"{text} {unit}", wanted)
        except UsageError as error:
            raise InputError(f"{where}: {column}: {error}") from None

    scan = said.get("scan", "")
    if not scan:
        raise InputError(f"{where}: names no scan; write the entry or its S-number")
    energy = number("energy", "eV")
    if energy is not None and energy <= 0:
        raise InputError(f"{where}: energy: is {energy:g} eV; wanted a positive one")
    return Row(scan, energy, number("sample_rotation", "rad"), said.get("particle_set") or None)
