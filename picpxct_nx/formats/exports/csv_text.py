"""CSV: the spectra of `xdi` as a table with commas, for spreadsheets, larch and Athena; nothing needs to be stated.

Conventions: lines that begin with # tell what the spectra are, one line names the columns (`energy_eV`, then as in
`sheets`), and numbers follow with a point and nine digits. UTF-8, lines end with a line feed.
"""

import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from picpxct_nx.formats.exports.product import Choices, ExportFormat, Product, Sink
from picpxct_nx.formats.exports.sheets import Sheet, of_cube, of_measured
from picpxct_nx.records import GrainMap, NormalizedCube, Record, Spectrum


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
    for sheet in of_cube(record, choices) if isinstance(record, NormalizedCube) else (of_measured(record, choices),):
        write = partial(_write, about | dict(sheet.facts), sheet)
        yield Product(name=sheet.name, write=write, notes=sheet.notes, lost=sheet.lost)


def _write(facts: dict[str, str], sheet: Sheet, sink: Sink) -> None:
    text = io.StringIO()
    for name, value in facts.items():
        text.write(f"# {name}: {' '.join(value.split())}\n")
    text.write(",".join("energy_eV" if name == "energy" else name for name in sheet.columns) + "\n")
    for row in zip(*sheet.columns.values(), strict=True):
        text.write(",".join(f"{value:.9g}" for value in row) + "\n")
    if isinstance(sink, Path):
        sink.write_bytes(text.getvalue().encode())
    else:
        sink.write(text.getvalue().encode())


FORMAT = ExportFormat(
    name="csv",
    about="CSV: the spectra of xdi with commas, for spreadsheets, larch and Athena",
    suffix=".csv",
    takes=(Spectrum, NormalizedCube),
    lacks=("images", "maps of step, thickness and mask", "the history"),
    products=products,
    heeds=frozenset({"polarisation", "region", "with"}),
    companions=(GrainMap,),
)
