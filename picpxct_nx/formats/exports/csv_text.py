"""CSV: the spectra of `xdi` as a table with commas, for spreadsheets, larch and Athena; nothing needs to be stated.

Conventions: lines that begin with # tell what the spectra are, one line names the columns (`energy_eV`, then as in
`sheets`), and numbers follow with a point and nine digits. UTF-8, lines end with a line feed.
"""

from collections.abc import Iterator, Mapping
from functools import partial

from picpxct_nx.formats.exports.product import Choices, Product, Sink
from picpxct_nx.formats.exports.sheets import Sheet, comments, of, put, rows, table_format
from picpxct_nx.records import NormalizedCube, Record, Spectrum


def products(record: Record, choices: Choices) -> Iterator[Product]:
    """A file for each polarisation and region of a cube, or one of a measured spectrum.

    Raises
    ------
    InputError
        A region has no pixel that can be used, or no energy.
    """
    assert isinstance(record, Spectrum | NormalizedCube)  # noqa: S101  # the registry gives no other
    about = {"title": record.title, "sample": record.sample}
    if record.edge_energy_ev is not None:
        about["edge_energy_eV"] = f"{record.edge_energy_ev:.4f}"
    for sheet in of(record, choices):
        write = partial(_write, {**about, **sheet.facts}, sheet)
        yield Product(name=sheet.name, write=write, notes=sheet.notes, lost=sheet.lost)


def _write(facts: Mapping[str, str], sheet: Sheet, sink: Sink) -> None:
    names = ",".join("energy_eV" if name == "energy" else name for name in sheet.columns)
    put(f"{comments(facts)}{names}\n{rows(sheet.columns.values(), ',')}", sink)


FORMAT = table_format("csv", "CSV: the spectra of xdi with commas, for spreadsheets, larch and Athena", products)
