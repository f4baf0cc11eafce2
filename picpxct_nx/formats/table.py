"""Tables of numbers in text files, with named columns: position files of beamlines, CSV files of anybody.

Lines that begin with # are comments. The last line before the numbers that has a word for each column names them; where
there is none the columns are 0, 1, 2 and so on. Cells are separated by commas, semicolons, tabs or blanks.
"""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from picpxct_nx.errors import InputError, MissingInputError
from picpxct_nx.values import Array

MAX_BYTES = 256 * 2**20
_SPLIT = re.compile(r"\s*[,;\t]\s*|\s+")


def open_table(path: Path) -> tuple[tuple[str, ...], Callable[[str], Array]]:
    """Names of the columns of a text file, and a function that gives one of them, (n,) float64.

    Raises
    ------
    MissingInputError
        The file is not there or may not be read.
    InputError
        It is no table of numbers.
    """
    columns = read_table(path)
    return tuple(columns), lambda name: columns[name]


def read_table(path: Path) -> dict[str, Array]:
    """Columns of a text file by name, (n,) float64 each.

    Raises
    ------
    MissingInputError, InputError
        As `open_table`.
    """
    names: list[str] = []
    rows: list[list[float]] = []
    for number, line in enumerate(_lines(path), 1):
        cells = _cells(line)
        values = _numbers(cells)
        if values is None and not rows:
            names = cells or names
        elif values is None or (rows and len(values) != len(rows[0])):
            raise InputError(
                f"{path.name}: line {number} is {' '.join(cells)[:60]!r}; wanted {len(rows[0]) if rows else 'some'} "
                "numbers as in the lines before; is the file truncated?"
            )
        elif values:
            rows.append(values)
    if not rows:
        raise InputError(f"{path.name}: holds no row of numbers; was the scan stopped at its start?")
    if len(names) != len(rows[0]):
        names = [str(index) for index in range(len(rows[0]))]
    return dict(zip(names, np.array(rows).T.copy(), strict=True))


def _lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path.name}: is larger than {MAX_BYTES} bytes; that is no table of positions")
        return path.read_bytes().decode("utf-8").splitlines()
    except OSError as error:
        raise MissingInputError(f"{path}: cannot be read ({error.strerror}); check the name") from None
    except UnicodeDecodeError:
        raise InputError(f"{path.name}: is no UTF-8 text; wanted a table of numbers") from None


def _cells(line: str) -> list[str]:
    return [cell for cell in _SPLIT.split(line.strip().lstrip("#").strip()) if cell]


def _numbers(cells: list[str]) -> list[float] | None:
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        return None
