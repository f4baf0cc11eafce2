"""XDI, version 1.0: spectra as text for larch and Athena: means of a normalised cube, or a spectrum as it was measured.

Conventions, each with its source (spec.md and dictionary.md of github.com/XraySpectroscopy/XAS-Data-Interchange):

- Columns: `energy eV`, measured, calibrated as the cube's; then `normtrans` (normalized mu transmission) where spectra
  are divided by their edge step, else `mutrans` (mu transmission, of arbitrary scale: larch and Athena normalise it);
  then its standard deviation, and the phase (`xpnes`, not XDI's word: negative in matter, over its own divisor) with
  its own. `must use these labels when appropriate` is kept; sigmas and phase are "some other measurement".
- A measured spectrum: `normtrans`, `mutrans`, `normfluor` or `mufluor` by its mode, then `i0` and `itrans` or `ifluor`.
  XDI has no label for electron yield: `absorption`, which no program knows by itself.
- NaN and infinity "are not allowed": energies that were not measured are left out.
- `Element.symbol`, `Element.edge`: of the spectrum; of a cube by the formula, the edge that is nearest to the cube's
  edge energy, within what tables call near; --set element and edge overrule.
- `Mono.d_spacing` in angstrom is required and no cube holds it: --set mono.d_spacing="3.1356 angstrom" for Si(111).
- Facility, beamline, monochromator and time, which XDI recommends, are a measured spectrum's own, or can be stated:
  --set beamline.name=NAME and so on.
- `Scan.edge_energy` is the edge energy. Names that XDI does not define stand in the namespace `Picpxct_nx`.
- Text is kept to one line and ASCII is not forced: "free-format" values may be UTF-8.
"""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from picpxct_nx import __version__
from picpxct_nx.formats.exports.product import Choices, Product, Sink, missing, quantity
from picpxct_nx.formats.exports.sheets import Sheet, comments, of, put, rows, table_format
from picpxct_nx.records import NormalizedCube, Record, Spectrum
from picpxct_nx.spectra.attenuation import near_edge
from picpxct_nx.values import Array

# Names that XDI recommends and no cube holds, with where a measured spectrum has them.
RECOMMENDED = {
    "facility.name": ("Facility.name", "instrument/source/name"),
    "facility.xray_source": ("Facility.xray_source", "instrument/source/type"),
    "beamline.name": ("Beamline.name", "instrument/name"),
    "mono.name": ("Mono.name", "instrument/monochromator/description"),
    "scan.start_time": ("Scan.start_time", "start_time"),
}
SPACING = "instrument/monochromator/d_spacing"
# What XDI calls the absorption by mode and whether it is normalised, and the intensity behind the sample.
ABSORPTION = {
    ("transmission", False): "mutrans", ("transmission", True): "normtrans",
    ("fluorescence", False): "mufluor", ("fluorescence", True): "normfluor",
}  # fmt: skip
DETECTED = {"transmission": "itrans", "fluorescence": "ifluor"}


def products(record: Record, choices: Choices) -> Iterator[Product]:
    """A file for each polarisation and region of a cube, or one of a measured spectrum.

    Raises
    ------
    InputError
        Element, edge or d-spacing is not known, or a region has no pixel that can be used, or no energy.
    """
    headers, labels = _headers(record, choices), _labels(record)
    for sheet in of(record, choices):
        yield Product(
            name=sheet.name,
            write=partial(_write, headers, sheet, labels, record.title),
            notes=(*sheet.notes, f"element {headers['Element.symbol']}, edge {headers['Element.edge']}"),
            lost=sheet.lost,
        )


def _labels(record: Record) -> Mapping[str, str]:
    """What XDI calls the columns of a record's sheets, where it has another name."""
    if isinstance(record, Spectrum):
        absorption = ABSORPTION.get((record.mode, bool(record.normalized)), "absorption")
        return {
            "absorption": absorption, "absorption_sigma": f"{absorption}_sigma", "incident": "i0",
            "detected": DETECTED.get(record.mode, "detected"),
        }  # fmt: skip
    assert isinstance(record, NormalizedCube)  # noqa: S101  # the registry gives no other
    label = "normtrans" if record.thickness_by == "edge-jump" else "mutrans"
    return {"xanes": label, "xanes_sigma": f"{label}_sigma"}


def _headers(record: Record, choices: Choices) -> dict[str, str]:
    """Header lines of all files of a record.

    Raises
    ------
    InputError
        What XDI requires is neither held nor stated.
    """
    assert isinstance(record, Spectrum | NormalizedCube)  # noqa: S101  # the registry gives no other
    given, held = choices.given, record.to_values()
    element, edge = _edge(record)
    element, edge = given.get("element") or element, given.get("edge") or edge
    spacing = quantity(choices, "mono.d_spacing", "angstrom")
    if spacing is None and SPACING in held:
        spacing = float(np.asarray(held[SPACING])) * 1e10
    lacking = {
        name: example
        for name, example, value in (
            ("element", "V", element), ("edge", "K", edge), ("mono.d_spacing", "3.1356 angstrom", spacing),
        )
        if not value
    }  # fmt: skip
    if lacking:
        raise missing(record, lacking, "XDI")
    headers = {"Element.symbol": str(element), "Element.edge": str(edge), "Mono.d_spacing": f"{spacing:.8g}"}
    if record.edge_energy_ev is not None:
        headers["Scan.edge_energy"] = f"{record.edge_energy_ev:.4f}"
    headers["Sample.name"] = record.sample
    if record.formula:
        headers["Sample.stoichiometry"] = record.formula
    own = {name: str(held[path]) for name, (_, path) in RECOMMENDED.items() if path in held}
    stated = own | {name: given[name] for name in RECOMMENDED if name in given}
    return headers | {RECOMMENDED[name][0]: value for name, value in stated.items()}


def _edge(record: Spectrum | NormalizedCube) -> tuple[str | None, str | None]:
    """Element and edge that a record names, or that its formula and edge energy do."""
    if isinstance(record, Spectrum):
        return record.element, record.edge
    found = near_edge(record.formula, record.edge_energy_ev) if record.formula else None
    return (found.element, found.level) if found else (None, None)


def _write(headers: Mapping[str, str], sheet: Sheet, labels: Mapping[str, str], title: str, sink: Sink) -> None:
    own = {"title": title, **sheet.facts}
    named = {**headers, **{f"Picpxct_nx.{name}": value for name, value in own.items()}}
    columns = {labels.get(name, name): column for name, column in sheet.columns.items()}
    put(render(named, title, columns), sink)


def render(headers: Mapping[str, str], comment: str, columns: Mapping[str, Array]) -> str:
    """The text of an XDI file; columns are values (n,) by label, `energy` in eV."""
    kinds = (f"# Column.{n}: {name}{' eV' if name == 'energy' else ''}\n" for n, name in enumerate(columns, 1))
    top = f"# XDI/1.0 picpxct_nx/{__version__}\n{''.join(kinds)}{comments(headers)}"
    below = f"# ///\n# {' '.join(comment.split())}\n# ---\n# {' '.join(columns)}\n"
    return top + below + rows(columns.values(), " ")


FORMAT = table_format(
    "xdi",
    "XDI 1.0 (text): XANES and phase spectra with sigmas, of all, a box or each grain, or a spectrum as measured",
    products,
    asks={"element": None, "edge": None, "mono.d_spacing": "angstrom", **dict.fromkeys(RECOMMENDED)},
)
