"""The list of export formats: every one says what it takes, what it loses, and which options mean something to it."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

import h5py
import numpy as np
import pytest

from picpxct_nx import nxdl
from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.formats import exports
from picpxct_nx.formats.exports.product import lost
from picpxct_nx.records import NormalizedCube, Reconstruction, Record

NAMES = [
    "cxi", "ptyd", "ptychodus", "ptychoshelves", "nxstxm", "xdi", "csv", "tiff", "ome-tiff", "png", "gif", "mp4",
]  # fmt: skip
# What each format must be told about records that hold everything but that.
TOLD = {
    "ptychodus": ("distance=1 m", "count_time=1 s"), "xdi": ("mono.d_spacing=3.1356 angstrom",),
    "nxstxm": ("source=ring", "source_type=Synchrotron X-ray Source", "count_time=1 s",
               "start_time=2026-05-01T08:00:00Z", "end_time=2026-05-01T09:00:00Z"),
}  # fmt: skip


def test_the_formats_are_those_of_the_list() -> None:
    assert [known.name for known in exports.EXPORTS] == NAMES
    for known in exports.EXPORTS:
        assert known.about
        assert known.lacks
        assert known.takes
        assert known.suffix.startswith((".", "_"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("definition", nxdl.names())
def test_each_kind_goes_to_the_formats_that_take_it_and_hears_of_others_elsewhere(
    make_record: Callable[..., Record], name: str, definition: str
) -> None:
    record, wanted = make_record(definition), exports.find(name)
    choices = exports.choose(wanted, {}, TOLD.get(name, ()))
    if isinstance(record, wanted.takes):
        if name in ("xdi", "csv") and isinstance(record, NormalizedCube):
            record = replace(record, mask=0 * record.mask, formula="V2O5", edge_energy_ev=5480.0)
        made = list(exports.products(record, wanted, choices))
        assert made
        assert all(product.lost for product in made)
        assert all(set(product.lost) <= set(lost(record, ())) | {product.lost[0]} for product in made)
    else:
        with pytest.raises(InputError, match=rf"is a .*; {name} takes a .* goes to|no format takes"):
            next(exports.products(record, wanted, choices))


# A film is coded by ffmpeg, which need not be there.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "mp4"])
def test_every_format_goes_into_a_spool_as_into_a_file_and_twice_the_same(
    make_record: Callable[..., Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    wanted = exports.find(name)
    record = make_record(wanted.takes[-1].DEFINITION)
    if name in ("xdi", "csv"):
        record = replace(record, mask=0 * record.mask, formula="V2O5", edge_energy_ev=5480.0)  # type: ignore[attr-defined,call-arg]
    product = next(exports.products(record, wanted, exports.choose(wanted, {}, TOLD.get(name, ()))))
    product.write(tmp_path / "a")
    product.write(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with tempfile.SpooledTemporaryFile() as spool:
        product.write(cast("BinaryIO", spool))
        spool.seek(0)
        # HDF5 lays a file out as its driver asks for room.
        count = 8 if h5py.is_hdf5(tmp_path / "a") else None
        assert spool.read()[:count] == (tmp_path / "a").read_bytes()[:count]


def test_what_nobody_measured_is_said_to_be_assumed(chiral_scan: Record, tmp_path: Path) -> None:
    assumed = replace(chiral_scan, assumed=np.array(["instrument/beam/incident_polarization_stokes"], dtype=object))
    wanted = exports.find("cxi")
    (product,) = exports.products(assumed, wanted, exports.choose(wanted, {}))
    assert "assumed" not in product.lost
    product.write(tmp_path / "a.cxi")
    with h5py.File(tmp_path / "a.cxi") as file:
        text = file["entry_1/experiment_description"][()].decode()
    assert "assumed, not measured: instrument/beam/incident_polarization_stokes" in text


def test_what_is_lost_and_what_is_carried_is_all_there_is(make_record: Callable[..., Record]) -> None:
    record = make_record("NXspecptycho_reconstruction")
    everything = lost(record, ())
    assert everything[-1] == "the history of 1 step"
    assert "object/transmission" in everything
    assert lost(record, record.to_values()) == ("the history of 1 step",)
    assert not any(path.startswith("object/") for path in lost(record, ("object/",)))


@pytest.mark.parametrize(
    ("name", "options", "settings", "text"),
    [
        ("cxi", {"energy": "5 eV"}, (), "--energy means nothing to cxi, only to nxstxm, tiff, ome-tiff, png; leave it"),
        ("tiff", {"region": "all"}, (), "--region means nothing to tiff, only to xdi, csv"),
        ("ptyd", {"with": "scan.nxs"}, (), "--with means nothing to ptyd, only to ptychodus, ptychoshelves"),
        ("tiff", {"energy": "5471"}, (), "--energy: '5471' has no unit"),
        ("tiff", {"polarisation": "1 m"}, (), "--polarisation: '1 m'"),
        ("tiff", {"image": " , "}, (), "names no image"),
        ("cxi", {}, ("distance=1 m",), "--set distance: cxi takes none"),
        ("ptychodus", {}, ("distanc=1 m",), "--set distanc: ptychodus takes distance, count_time"),
        ("ptychodus", {}, ("distance",), "wanted NAME=VALUE"),
        ("ptychodus", {}, ("distance=1 m", "distance=2 m"), "is given twice"),
        ("ptychodus", {}, ("distance=1 eV",), "--set distance: '1 eV'"),
    ],
)
def test_an_option_that_means_nothing_is_refused(
    name: str, options: dict[str, str], settings: tuple[str, ...], text: str
) -> None:
    with pytest.raises(UsageError, match=text):
        exports.choose(exports.find(name), options, settings)


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="--format 'hdf' is unknown; use cxi, ptyd, ptychodus"):
        exports.find("hdf")


def test_a_reconstruction_is_found_by_the_history_of_either(
    chiral_reconstruction: Reconstruction, chiral_scan: Record
) -> None:
    from picpxct_nx.formats.exports.product import companion

    assert companion(chiral_reconstruction, type(chiral_scan), [chiral_scan]) is chiral_scan
    assert companion(chiral_scan, Reconstruction, [chiral_reconstruction]) is chiral_reconstruction
    assert companion(chiral_scan, Reconstruction, []) is None
