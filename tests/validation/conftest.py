"""Fixtures: a valid file of every definition, in memory, to which a test does one wrong thing before it is checked."""

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from picpxct_nx import nexus, provenance
from picpxct_nx.records import Record
from picpxct_nx.validation import Report, check_file

ENTRY = "scan_S00001"
FIRST_UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"

Mutate = Callable[[h5py.File], object]
CheckMutant = Callable[[str, Mutate], Report]

_images: dict[str, bytes] = {}


def _image(name: str, make_record: Callable[..., Record]) -> bytes:
    if name not in _images:
        record = _with_rising_energies(make_record(name))
        source = provenance.Input(checksum="0" * 64, file_name="foreign.h5")
        first = provenance.Step(
            command="import", date=provenance.now(), parameters={"factor": 2.0, "factor@units": "eV"},
            inputs=(source,), output_uuid=FIRST_UUID,
        )  # fmt: skip
        inner = provenance.Input(checksum="1" * 64, uuid=FIRST_UUID)
        second = provenance.Step(command="change", date=provenance.now(), inputs=(inner,))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "valid.nxs"
            nexus.write(path, [dataclasses.replace(record, history=(first, second))])
            _images[name] = path.read_bytes()
    return _images[name]


def _with_rising_energies(record: Record) -> Record:
    """The record with the energies of its axes ascending: the fixture's numbers are random."""
    values = record.to_values()
    axes = {path: value for path, value in values.items() if path.endswith("/energy") and np.ndim(value) == 1}  # type: ignore[arg-type]
    rising = {path: np.linspace(5460.0, 5520.0, np.size(value)) for path, value in axes.items()}  # type: ignore[arg-type]
    return type(record).from_values(record.entry, values | rising)


def open_image(image: bytes) -> h5py.File:
    """An HDF5 file in memory that can be changed; nothing of it reaches a disk."""
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fapl_core(backing_store=False)
    access.set_file_image(image)
    return h5py.File(h5py.h5f.open(b"memory.nxs", h5py.h5f.ACC_RDWR, fapl=access))


@pytest.fixture
def check_mutant(make_record: Callable[..., Record]) -> CheckMutant:
    """Check a valid file after one change."""

    def check(name: str, mutate: Mutate) -> Report:
        with open_image(_image(name, make_record)) as file:
            mutate(file)
            return check_file(file, "mutant.nxs")

    return check
