"""Inputs of the newest step: compared with what lies in a folder, by UUID and digest."""

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from picpxct_nx import nexus, provenance
from picpxct_nx.errors import MissingInputError
from picpxct_nx.records import Record
from picpxct_nx.validation.inputs import check_inputs, named_inputs

MakeRecord = Callable[..., Record]


def codes(product: Path, folder: Path) -> list[tuple[str, str]]:
    """Code and level of what is found about the inputs of a file."""
    with nexus.open_valid(product, product.name) as file:
        named = named_inputs(file)
    return [(fault.code, fault.level) for fault in check_inputs(named, nexus.digests(folder, named))]


@pytest.fixture
def product(make_record: MakeRecord, tmp_path: Path) -> Path:
    """A reconstruction, and the folder `raw` with the scan that it was made from."""
    scan = make_record("NXspecptycho_scan")
    (tmp_path / "raw").mkdir()
    nexus.write(tmp_path / "raw" / "scan.nxs", [scan], compression="none")
    step = provenance.step("reconstruct", {}, [scan.as_input("scan.nxs")])
    made = dataclasses.replace(make_record("NXspecptycho_reconstruction"), history=()).made_by(step, (scan,))
    nexus.write(tmp_path / "product.nxs", [made])
    return tmp_path / "product.nxs"


def test_an_input_as_it_was_read_is_found(product: Path) -> None:
    assert codes(product, product.parent / "raw") == []


def test_an_input_under_another_name_and_compression_is_the_same(product: Path) -> None:
    raw = product.parent / "raw" / "scan.nxs"
    with nexus.open_valid(raw, "scan") as file:
        nexus.write(raw.with_name("other.h5"), [nexus.read(file, "scan_S00001")], compression="gzip")
    raw.unlink()
    assert codes(product, raw.parent) == []


def test_an_input_that_was_changed_is_found(product: Path) -> None:
    raw = product.parent / "raw" / "scan.nxs"
    with nexus.open_valid(raw, "scan") as file:
        changed = dataclasses.replace(nexus.read(file, "scan_S00001"), title="Another title")
        nexus.write(raw.with_name("changed.nxs"), [changed])
    raw.unlink()
    assert codes(product, raw.parent) == [("INPUT_CHECKSUM", "error")]


def test_an_input_that_is_not_there_is_told(product: Path) -> None:
    (product.parent / "raw" / "scan.nxs").write_text("nothing")
    assert codes(product, product.parent / "raw") == [("INPUT_MISSING", "warning")]
    with pytest.raises(MissingInputError):
        codes(product, product.parent / "nowhere")


def test_a_foreign_input_is_compared_by_its_bytes(make_record: MakeRecord, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    foreign = tmp_path / "raw" / "foreign.h5"
    foreign.write_bytes(b"counts")
    source = provenance.Input(checksum=hashlib.sha256(b"counts").hexdigest(), file_name="foreign.h5")
    scan = dataclasses.replace(make_record("NXspecptycho_scan"), history=(provenance.step("import", {}, [source]),))
    nexus.write(tmp_path / "scan.nxs", [scan])
    assert codes(tmp_path / "scan.nxs", tmp_path / "raw") == []
    foreign.write_bytes(b"other counts")
    assert codes(tmp_path / "scan.nxs", tmp_path / "raw") == [("INPUT_CHECKSUM", "error")]
