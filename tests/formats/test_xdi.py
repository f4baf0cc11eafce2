"""XDI: a spectrum is read with its labels and units, from intensities or absorption, and what is missing is named."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from picpxct_nx import formats, nexus
from picpxct_nx.errors import InputError
from picpxct_nx.formats import ForeignSpectrum
from picpxct_nx.formats.registry import read_any, source_of
from picpxct_nx.formats.xdi import hill
from picpxct_nx.records import Spectrum
from picpxct_nx.validation import check_file

HEADER = """# XDI/1.0 GSE/1.0
# Column.1: energy eV
# Column.2: i0
# Column.3: itrans
# Element.symbol: V
# element.edge: K
# Mono.d_spacing: 3.13555
# Mono.name: Si 111
# Sample.name: V2O5 || 13BMD:name.VAL
# Sample.stoichiometry: V2O5
# Facility.name: APS
# Beamline.name: 13-BM-D
# Scan.start_time: 2005-07-24T04:55:58-05:00
# Scan.edge_energy: 5465.0 eV
# ///
# Column.9: a comment of the user
# ---
# energy i0 itrans
"""
ROWS = np.array([(5460.0, 100.0, 50.0), (5470.0, 100.0, 25.0), (5480.0, 200.0, 40.0)])


def write(path: Path, header: str = HEADER, rows: np.ndarray = ROWS) -> Path:
    path.write_text(header + "\n".join(" ".join(f"{cell!r}" for cell in row) for row in rows.tolist()) + "\n")
    return path


def load(path: Path, given: dict[str, str] | None = None) -> Spectrum:
    with read_any(source_of(path)) as foreign:
        assert isinstance(foreign, ForeignSpectrum)
        record, _ = formats.assemble_spectrum(foreign, {"title": "powder"} | (given or {}), {})
        nexus.write(path.with_suffix(".nxs"), [record], overwrite=True)
    with h5py.File(path.with_suffix(".nxs")) as file:
        assert check_file(file, "x").errors == ()
    return record


def test_intensities_of_a_transmission_become_an_absorption(tmp_path: Path) -> None:
    path = write(tmp_path / "v2o5.xdi")
    assert formats.detect(path) == "xdi"
    record = load(path)
    np.testing.assert_allclose(record.absorption, -np.log(ROWS[:, 2] / ROWS[:, 1]))
    np.testing.assert_allclose(record.energy_ev, ROWS[:, 0])
    assert (record.element, record.edge, record.mode, record.normalized) == ("V", "K", "transmission", False)
    assert (record.sample, record.formula) == ("V2O5", "O5 V2")
    assert (record.instrument, record.source, record.edge_energy_ev) == ("13-BM-D", "APS", 5465.0)
    assert record.extra["start_time"] == "2005-07-24T04:55:58-05:00"
    assert record.extra["instrument/monochromator/d_spacing"] == pytest.approx(3.13555e-10)
    assert record.incident is not None
    assert record.incident.tolist() == [100, 100, 200]


@pytest.mark.parametrize(
    ("label", "mode", "normalized"),
    [
        ("mutrans", "transmission", False),
        ("normfluor", "fluorescence", True),
        ("ifluor", "fluorescence", False),
    ],
)
def test_columns_mean_what_their_labels_say(tmp_path: Path, label: str, mode: str, *, normalized: bool) -> None:
    record = load(write(tmp_path / "a.xdi", HEADER.replace("Column.3: itrans", f"Column.3: {label}")))
    assert (record.mode, record.normalized) == (mode, normalized)
    expected = ROWS[:, 2] / ROWS[:, 1] if label == "ifluor" else ROWS[:, 2]
    np.testing.assert_allclose(record.absorption, expected)


def test_labels_of_the_last_line_serve_where_columns_are_not_numbered(tmp_path: Path) -> None:
    header = "\n".join(line for line in HEADER.splitlines() if "Column" not in line) + "\n"
    assert load(write(tmp_path / "a.xdi", header)).absorption[0] == pytest.approx(np.log(2))


def test_energies_come_in_kev_or_as_angles_of_the_monochromator(tmp_path: Path) -> None:
    rows = ROWS.copy()
    rows[:, 0] /= 1e3
    record = load(write(tmp_path / "a.xdi", HEADER.replace("energy eV", "energy keV"), rows))
    np.testing.assert_allclose(record.energy_ev, ROWS[:, 0])
    rows[:, 0] = np.rad2deg(np.arcsin(12398.41984332 / ROWS[:, 0] / (2 * 3.13555)))
    header = HEADER.replace("energy eV", "angle degrees")
    np.testing.assert_allclose(load(write(tmp_path / "b.xdi", header, rows)).energy_ev, ROWS[:, 0], rtol=1e-8)
    with pytest.raises(InputError, match=r"angle with Mono\.d_spacing"):
        load(write(tmp_path / "c.xdi", header.replace("Mono.d_spacing", "Mono.other"), rows))


def test_energies_are_sorted_and_those_of_one_point_averaged(tmp_path: Path) -> None:
    rows = np.concatenate([ROWS[::-1], ROWS[:1] * (1, 1, 2)])
    record = load(write(tmp_path / "a.xdi", rows=rows))
    np.testing.assert_allclose(record.energy_ev, ROWS[:, 0])
    assert record.absorption[0] == pytest.approx((np.log(2) + 0) / 2)
    notes = str(record.history[0].parameters["notes"])
    assert "were not rising; sorted" in notes
    assert "1 repeat another; points of one are averaged" in notes


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Sample.name", "Sample.other", "sample=TEXT"),
        ("Element.symbol", "Element.other", "element=TEXT"),
        ("element.edge: K", "element.edge: L", "edge=TEXT"),
        ("energy eV", "energy nm", "wanted eV or keV"),
        ("itrans", "other", "wanted one of normtrans"),
        ("# Column.3: itrans\n", "", "has 3 numbers, but 2 columns are named"),
    ],
)
def test_what_is_missing_or_wrong_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        load(write(tmp_path / "a.xdi", HEADER.replace(old, new)))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("cell", "says"), [(0.0, "i0 is zero in row 2"), (-1.0, "not positive everywhere"), (np.nan, "all finite")]
)
def test_numbers_that_are_no_intensities_are_refused(tmp_path: Path, cell: float, says: str) -> None:
    rows = ROWS.copy()
    rows[1, 1] = cell
    with pytest.raises(InputError, match=says):
        load(write(tmp_path / "a.xdi", rows=rows))


def test_a_truncated_row_or_no_row_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xdi")
    path.write_text(path.read_text() + "5490.0 10\n")
    with pytest.raises(InputError, match=r"row 4 of the data has 2 numbers"):
        load(path)
    path.write_text(HEADER)
    with pytest.raises(InputError, match="has no data below its header"):
        load(path)


@pytest.mark.parametrize(
    ("plain", "ordered"), [("V2O5", "O5 V2"), ("CaCO3", "C Ca O3"), ("C2H6O", "C2 H6 O"), ("(NH4)2SO4", "(NH4)2SO4")]
)
def test_plain_formulas_are_put_into_hill_order(plain: str, ordered: str) -> None:
    assert hill(plain) == ordered


def test_the_measured_spectrum_of_v2o5_imports(shared_data: Path, tmp_path: Path) -> None:
    path = tmp_path / "V2O5_13BMD.xdi"
    path.write_bytes((shared_data / "V2O5_13BMD.xdi").read_bytes())
    record = load(path)
    assert (record.element, record.edge, len(record.energy_ev)) == ("V", "K", 517)
    inside = (record.energy_ev > 5460) & (record.energy_ev < 5475)
    # The pre-edge peak of this beamline's scale.
    peak = record.energy_ev[inside][np.argmax(record.absorption[inside])]
    assert peak == pytest.approx(5470.87, abs=0.25)
