"""Whatever stands in the place of an array, an import ends in one of our errors or in a record, never in a crash."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from picpxct_nx import formats
from picpxct_nx.errors import PicpxctError
from picpxct_nx.formats import ImportOptions, Job
from picpxct_nx.formats.form import Source, Start
from picpxct_nx.formats.linked import linked
from picpxct_nx.formats.mapped import HDF5_SIGNATURE

from .conftest import BEAM, GIVEN

# The fixtures of the tests of each format write its files.
from .test_csaxs import SINCE, write_scan
from .test_dectris import write_master
from .test_programs import prepared, write_nxcxi, write_ptyd
from .test_reconstructions import GIVEN as IMAGES
from .test_reconstructions import product, ptyr, recons

__all__ = ["prepared", "product", "ptyr", "recons", "write_master", "write_nxcxi", "write_ptyd", "write_scan"]

FAULTS: dict[str, Callable[[Any], Any]] = {
    "text": lambda _: "text",
    "not a number": lambda old: np.full(np.shape(old), np.nan),
    "negative": lambda old: np.full(np.shape(old), -1),
    "one number": lambda _: 3.0,
    "one row": lambda old: np.asarray(old)[:1] if np.ndim(old) else np.asarray(old).reshape(1),
    "nothing": lambda _: np.zeros((2, 0)),
    "no dataspace": lambda _: h5py.Empty("f"),
    "a group": lambda _: None,
}


def made(name: str, request: pytest.FixtureRequest) -> Path:
    """The file of a format that is damaged."""
    found = request.getfixturevalue(name)
    if name == "write_scan":
        orientation = {f"instrument__eiger_4__orientation__{key}": n for key, n in (("rot90", 3), ("transpose", 1))}
        root = found(instrument__eiger_4__x_pixel_size=75.0, start_time=SINCE, **orientation)
        scan = root / "eiger_4/S00000-00999/S00123"
        shutil.copy(root / "specES1/scan_positions/scan_00123.dat", scan)
        return Path(scan / "run_00123_0.h5")
    return Path(found() if callable(found) else found)


def attempt(path: Path, given: dict[str, str]) -> None:
    """Import the file, which must end in a record or in an error that a user can read."""
    table = path.parent / "positions.csv"
    keys = f"positions={table}::y+{table}::x" if table.exists() else None
    how = formats.source_of(path, keys, "stage:+y,+x:um" if keys else None)
    job = Job(Source(how.path, how.keys, how.axes, stated=given), given)
    with suppress(PicpxctError, OSError), formats.imported(job, "auto", ImportOptions()) as (record, _):
        assert record.history


@pytest.mark.parametrize(
    "name",
    [
        "write_scan", "write_master", "write_ptyd", "prepared", "write_nxcxi", "write_cxi", "ptyr", "product", "recons",
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_or_read(name: str, request: pytest.FixtureRequest) -> None:
    path = made(name, request)
    given = IMAGES if name in ("ptyr", "product", "recons") else GIVEN | BEAM
    whole = path.read_bytes()
    with h5py.File(path) as file:
        places: list[str] = []
        file.visititems(lambda place, item: places.append(place) if isinstance(item, h5py.Dataset) else None)
    faults = list(FAULTS.values())
    # Every place is damaged in three ways, and every way is tried on many.
    for place, fault in [(place, faults[(n + k) % 8]) for n, place in enumerate(places) for k in (0, 3, 5)]:
        path.write_bytes(whole)
        with h5py.File(path, "r+") as file:
            old = file[place][()] if file[place].id.get_create_plist().get_layout() != h5py.h5d.VIRTUAL else 0
            del file[place]
            new = fault(old)
            if new is None:
                file.create_group(place)
            else:
                file[place] = new
        attempt(path, given)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("write_scan", "csaxs"), ("write_master", "dectris"), ("write_ptyd", "ptyd"),
        ("prepared", "ptychoshelves-data"),
        ("write_nxcxi", "nxcxi"), ("write_cxi", "cxi"), ("ptyr", "ptyr"), ("product", "ptychodus"),
        ("recons", "ptychoshelves"),
    ],
)  # fmt: skip
def test_a_file_is_known_by_its_format_first(name: str, known: str, request: pytest.FixtureRequest) -> None:
    path = made(name, request)
    assert formats.detect(path) == known
    with linked(path) as file:
        claims = {each.name for each in formats.FORMATS if each.detect(Start(path, HDF5_SIGNATURE, file))}
    # NXcxi_ptycho is CXI as well; any HDF5 file can be mapped.
    assert claims - {"hdf5"} - ({"cxi"} if known == "nxcxi" else set()) == {known}
