"""Selection: which entries a text means, by name or by what was measured."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.nexus import energy_of, open_valid, polarisation_of, select, split, write_to
from picpxct_nx.records import Record

STOKES, ROTATION = "instrument/beam/incident_polarization_stokes", "sample/transformations/rotation"
ENERGY = "instrument/beam/incident_energy"
HORIZONTAL, VERTICAL = np.array([[1.0, 1.0, 0.0, 0.0]]), np.array([[1.0, -1.0, 0.0, 0.0]])


@pytest.fixture
def file(make_record: Callable[..., Record]) -> Iterator[h5py.File]:
    """Two energies at two rotations, in horizontal light, and one more in vertical light."""
    scans = [
        make_record("NXspecptycho_scan", entry=name, **{ENERGY: energy, STOKES: stokes, ROTATION: np.deg2rad(angle)})
        for name, energy, stokes, angle in (
            ("a", 5470.9, HORIZONTAL, 0.0),
            ("b", 5471.1, HORIZONTAL, 90.0),
            ("c", 5480.0, HORIZONTAL, 0.0),
            ("d", 5480.0, HORIZONTAL, -90.2),
            ("e", 5480.0, VERTICAL, 0.0),
        )
    ]
    sink = io.BytesIO()
    write_to(sink, scans, compression="none")
    with open_valid(sink, "scans.nxs") as opened:
        yield opened


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("x", "abcde"),
        ("x::c", "c"),
        ("x::/c", "c"),
        ("x::energy=5471 eV", "ab"),
        ("x::energy=5.48keV", "cde"),
        ("x::polarisation=0deg", "ac"),
        # The field along -y in the sample's frame is the field along y; encoders miss by tenths of a degree.
        ("x::polarisation=90deg", "bde"),
        ("x::polarisation=-90deg", "bde"),
        ("x::energy=5480eV,polarisation=1.5708 rad", "de"),
    ],
)
def test_a_text_means_these_entries(file: h5py.File, text: str, names: str) -> None:
    assert select(file, "x", split(text)[1]) == list(names)


def test_turning_the_sample_is_turning_the_field_the_other_way(file: h5py.File) -> None:
    found = [polarisation_of(file[name]) for name in "abcde"]
    assert np.rad2deg([angle for angle in found if angle is not None]) == pytest.approx([0, 90, 0, 90.2, 90])
    assert energy_of(file["c"]) == 5480.0


def test_an_entry_without_a_beam_meets_no_condition(make_record: Callable[..., Record], tmp_path: Path) -> None:
    with h5py.File(tmp_path / "plain.h5", "w") as plain:
        plain.create_group("entry").attrs["NX_class"] = "NXentry"
        assert (energy_of(plain["entry"]), polarisation_of(plain["entry"])) == (None, None)
        with pytest.raises(InputError, match="no entry is energy=5471eV; it holds entry"):
            select(plain, "plain.h5", split("x::energy=5471eV")[1])


def test_of_many_entries_the_first_are_named(make_record: Callable[..., Record], tmp_path: Path) -> None:
    with h5py.File(tmp_path / "plain.h5", "w") as plain:
        for number in range(9):
            plain.create_group(f"entry_{number}").attrs["NX_class"] = "NXentry"
        with pytest.raises(InputError, match="entry_5 and 3 more"):
            select(plain, "plain.h5", split("x::other")[1])


@pytest.mark.parametrize(
    "text", ["x::", "x:: ", "::c", "x::energy=", "x::energy=5", "x::energy=5 m", "x::e=5eV", "x::a=b"]
)
def test_a_text_that_means_nothing_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        split(text)
