"""XDI: one absorption spectrum as text with a header, the interchange format of the XAFS community.

Conventions (spec.md and dictionary.md, version 1.0, of github.com/XraySpectroscopy/XAS-Data-Interchange):

- The first line is `#XDI/1.0 ...`; header lines are `# Family.name: value` up to one of `# ///` (comments follow) or
  `# ---` (the data follow, after a line of labels). Names do not heed upper and lower case.
- `Column.N: label unit` names the columns; without it the line of labels does. Beamlines put ` || ` and more behind.
- Energy: `energy` in eV, or keV; or `angle` in degrees or radians with `Mono.d_spacing` in angstrom:
  E = h c / (2 d sin angle).
- Absorption: `normtrans` or `normfluor` (divided by the edge step), else `mutrans` or `mufluor`, else from intensities:
  -ln(itrans / i0), or ifluor / i0. Amplifiers leave an unknown constant in the first. `irefer` and `chi` are left.
- What our own export adds is taken back: `Picpxct_nx.title`, and a column such as `mutrans_sigma`, the errors.
- Scan.start_time is ISO 8601; without a zone it is not taken. `Sample.stoichiometry`, or `Sample.formula`, is the
  formula as it is written there, put into Hill order.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from picpxct_nx import units
from picpxct_nx.errors import InputError, MissingInputError, UnitError
from picpxct_nx.formats.form import Format, Source, Start
from picpxct_nx.formats.mapped import file_input
from picpxct_nx.formats.places import time
from picpxct_nx.formats.spectrum import ForeignSpectrum
from picpxct_nx.simulate.spectra import HC_EV_M
from picpxct_nx.values import Array, Value

MAX_BYTES = 64 * 2**20
_FIELD = re.compile(r"#\s*(?P<name>[A-Za-z_][\w]*\.[\w]+)\s*:\s*(?P<value>.*)")
_ATOM = re.compile(r"([A-Z][a-z]?)(\d+(?:\.\d+)?)?")
EDGES = ("K", "L1", "L2", "L3", "M1", "M2", "M3", "M4", "M5")
# Columns that are an absorption already: how it was measured, and whether it is normalised.
MEASURED = {
    "normtrans": ("transmission", True), "normfluor": ("fluorescence", True), "mutrans": ("transmission", False),
    "mufluor": ("fluorescence", False),
}  # fmt: skip
TEXTS = {
    "sample.name": "sample/name", "sample.prep": "sample/description", "facility.name": "instrument/source/name",
    "beamline.name": "instrument/name", "mono.name": "instrument/monochromator/description",
    "element.symbol": "element", "scan.comment": "title", "picpxct_nx.title": "title",
    "facility.xray_source": "instrument/source/type",
}  # fmt: skip


def is_xdi(start: Start) -> bool:
    """Whether a file begins as XDI does."""
    return start.first.startswith(b"#XDI") or start.first.startswith(b"# XDI")


@contextmanager
def read_xdi(source: Source) -> Iterator[ForeignSpectrum]:
    """The spectrum in an XDI file.

    Raises
    ------
    MissingInputError
        The file cannot be read.
    InputError
        It is no UTF-8 text, its columns are not named, or there is neither energy nor absorption among them.
    """
    lines, name = _lines(source.path), source.path.name
    header, labels, first = _header(lines)
    columns = _columns(lines[first:], _labels(header, labels), name)
    energy, notes = _energy(columns, header, name)
    absorption, mode, normalized, more = _absorption(columns, name)
    found = {"spectrum/absorption": absorption}
    for label, path in (("i0", "incident"), ("itrans" if mode == "transmission" else "ifluor", "detected")):
        if label in columns:
            found[f"spectrum/{path}"] = columns[label][0]
    with_errors = next((name for name in MEASURED if f"{name}_sigma" in columns), None)
    if with_errors is not None:
        found["spectrum/absorption_errors"] = columns[f"{with_errors}_sigma"][0]
    values, told = _values(header)
    yield ForeignSpectrum(
        name=name,
        format="xdi",
        inputs=(file_input(source.path),),
        energy_ev=energy,
        columns=found,
        metadata={**values, "mode": mode, "normalized": normalized},
        notes=(*notes, *more, *told),
    )


def _lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path.name}: is larger than {MAX_BYTES} bytes; that is no spectrum")
        return path.read_bytes().decode("utf-8").splitlines()
    except OSError as error:
        raise MissingInputError(f"{path}: cannot be read ({error.strerror}); check the name") from None
    except UnicodeDecodeError:
        raise InputError(f"{path.name}: is no UTF-8 text; XDI wants ASCII or UTF-8") from None


def _header(lines: list[str]) -> tuple[dict[str, str], list[str], int]:
    """Fields by their lower-case names, the labels of the last header line, and the index of the first line of data."""
    header: dict[str, str] = {}
    labels: list[str] = []
    comments = False
    for index, line in enumerate(lines):
        text = line.strip()
        if text and not text.startswith("#"):
            return header, labels, index
        rest = text.lstrip("#").strip()
        comments = (comments or rest.startswith("///")) and not rest.startswith("---")
        match = None if comments else _FIELD.match(text)
        if match is not None:
            # The first of a name holds; what stands behind || is the beamline's own.
            header.setdefault(match["name"].lower(), match["value"].partition("||")[0].strip())
        elif rest and not comments:
            labels = rest.split()
    return header, labels, len(lines)


def _labels(header: Mapping[str, str], last: list[str]) -> list[tuple[str, str]]:
    """Label and unit of every column."""
    numbered = {int(name[7:]): text.split() for name, text in header.items() if re.fullmatch(r"column\.\d+", name)}
    if numbered and sorted(numbered) == list(range(1, len(numbered) + 1)) and all(numbered.values()):
        return [(words[0].lower(), words[1] if len(words) > 1 else "") for _, words in sorted(numbered.items())]
    return [(label.lower(), "") for label in last]


def _columns(lines: list[str], labels: list[tuple[str, str]], name: str) -> dict[str, tuple[Array, str]]:
    rows = []
    for number, line in enumerate(lines, 1):
        cells = line.split()
        if not cells or cells[0].startswith("#"):
            continue
        try:
            rows.append([float(cell) for cell in cells])
        except ValueError:
            raise InputError(f"{name}: row {number} of the data is {line.strip()[:60]!r}; wanted numbers") from None
        if len(rows[-1]) != len(labels):
            raise InputError(
                f"{name}: row {number} of the data has {len(rows[-1])} numbers, but {len(labels)} columns are named; "
                "is the file truncated?"
            )
    if not rows:
        raise InputError(f"{name}: has no data below its header")
    table = np.array(rows, np.float64).T
    return {label: (column, unit) for (label, unit), column in zip(labels, table, strict=True)}


def _energy(columns: Mapping[str, tuple[Array, str]], header: Mapping[str, str], name: str) -> tuple[Array, list[str]]:
    if "energy" in columns:
        column, unit = columns["energy"]
        try:
            scale = units.factor(unit or "eV", "eV")
        except UnitError as error:
            raise InputError(f"{name}: column energy: {error}; wanted eV or keV") from None
        return column * scale, [f"energy: in {unit or 'eV, which XDI takes where no unit stands'}"]
    spacing = _number(header.get("mono.d_spacing", ""))
    if "angle" not in columns or spacing is None:
        raise InputError(
            f"{name}: has columns {', '.join(columns)}; wanted energy, or angle with Mono.d_spacing in its header"
        )
    column, unit = columns["angle"]
    radians = np.deg2rad(column) if unit.lower() in ("", "degrees", "degree", "deg") else column
    energy = HC_EV_M / (2 * spacing * 1e-10 * np.sin(radians))
    return energy, [f"energy: h c / (2 d sin angle) with d = {spacing:g} angstrom, angle in {unit or 'degrees'}"]


def _absorption(columns: Mapping[str, tuple[Array, str]], name: str) -> tuple[Array, str, bool, list[str]]:
    """Absorption, how it was measured, whether it is normalised, and how it was made."""
    for label, (mode, normalized) in MEASURED.items():
        if label in columns:
            return columns[label][0], mode, normalized, [f"absorption: column {label}"]
    for label, mode in (("itrans", "transmission"), ("ifluor", "fluorescence")):
        if label in columns and "i0" in columns:
            ratio = _ratio(columns[label][0], columns["i0"][0], label, name)
            if mode == "transmission":
                if (ratio <= 0).any():
                    raise InputError(f"{name}: itrans / i0 is not positive everywhere; -ln of it is no absorption")
                return -np.log(ratio), mode, False, ["absorption: -ln(itrans / i0), with an unknown constant"]
            return ratio, mode, False, ["absorption: ifluor / i0, of arbitrary scale"]
    raise InputError(
        f"{name}: has columns {', '.join(columns)}; wanted one of {', '.join(MEASURED)}, or i0 with itrans or ifluor"
    )


def _ratio(part: Array, whole: Array, label: str, name: str) -> Array:
    if (whole == 0).any():
        raise InputError(
            f"{name}: i0 is zero in row {int(np.argmax(whole == 0)) + 1} of the data; {label} / i0 has none"
        )
    return part / whole


def _number(text: str) -> float | None:
    try:
        found = float(text.split()[0])
    except (ValueError, IndexError):
        return None
    return found if np.isfinite(found) else None


def _values(header: Mapping[str, str]) -> tuple[dict[str, Value], list[str]]:
    values: dict[str, Value] = {path: header[name] for name, path in TEXTS.items() if header.get(name)}
    notes: list[str] = []
    edge = header.get("element.edge", "").upper()
    if edge in EDGES:
        values["edge"] = edge
    elif edge == "L":
        notes.append("Element.edge: L does not say which of three; not taken")
    spacing, e0 = _number(header.get("mono.d_spacing", "")), _number(header.get("scan.edge_energy", ""))
    if spacing is not None and spacing > 0:
        values["instrument/monochromator/d_spacing"] = spacing * 1e-10
        notes.append(f"Mono.d_spacing: {spacing:g} angstrom")
    if e0 is not None and e0 > 0:
        values["edge_energy"] = e0 * (1e3 if "kev" in header["scan.edge_energy"].lower() else 1.0)
    formula = header.get("sample.stoichiometry") or header.get("sample.formula", "")
    if formula:
        values["sample/chemical_formula"] = hill(formula)
    for name, ours in (("scan.start_time", "start_time"), ("scan.end_time", "end_time")):
        when, more = time(header.get(name, ""), name)
        notes += more
        if when is not None:
            values[ours] = when
    return values, notes


def hill(formula: str) -> str:
    """A plain formula such as V2O5 in Hill order, `O5 V2`; as it is where it is not plain."""
    atoms = _ATOM.findall(formula)
    if "".join(symbol + count for symbol, count in atoms) != formula.replace(" ", ""):
        return formula
    order = sorted(atoms, key=lambda atom: atom[0])
    if any(symbol == "C" for symbol, _ in atoms):
        order = sorted(order, key=lambda atom: (atom[0] != "C", atom[0] != "H", atom[0]))
    return " ".join(symbol + count for symbol, count in order)


FORMAT = Format(
    name="xdi",
    about="XDI text files: one absorption spectrum, of transmission or fluorescence",
    holds="spectrum",
    lacks=("images", "polarisation and rotation", "errors and title, but for what our own export adds"),
    detect=is_xdi,
    read=read_xdi,
)
