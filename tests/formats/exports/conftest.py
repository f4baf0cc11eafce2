"""The chiral scan of the import tests as a raw file of ours, what a solver would make of it, and small cubes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picpxct_nx import formats, nexus
from picpxct_nx.formats import exports
from picpxct_nx.provenance import step
from picpxct_nx.records import Reconstruction, Record, Scan

from ..conftest import SHAPE, Truth  # noqa: TID252  # its fixtures are ours as well

Array = np.ndarray[Any, np.dtype[Any]]
Export = Callable[..., list[Path]]


@pytest.fixture
def chiral_scan(truth: Truth, given: dict[str, str], tmp_path: Path) -> Scan:
    """The truth as a scan with whole counts, a mask, a monitor and a start probe."""
    counts = np.round(truth.frames).astype(np.uint16)
    mask = np.zeros(SHAPE, np.int32)
    mask[3, 5], mask[3, 6], mask[10, 2], mask[11, 2], mask[0, 0] = 1 << 0, 1 << 1, 1 << 3, 1 << 4, 1 << 8
    monitor = np.linspace(0.9, 1.1, len(counts))
    np.savez(tmp_path / "chiral.npz", data=counts, scan=truth.beam, probe=truth.probe[None], mask=mask, monitor=monitor)
    keys = "data=data,positions=scan,probe=probe,mask=mask,monitor=monitor"
    with formats.read(tmp_path / "chiral.npz", keys=keys, axes="probe:+y,+x:m") as foreign:
        stated = given | {"sample/chemical_formula": "V2O5", "experiment_identifier": "p12345"}
        scan, _ = formats.assemble(foreign, stated, {}, formats.ImportOptions())
        return replace(scan, frames=scan.frames[...], pixel_mask=mask)


@pytest.fixture
def chiral_file(chiral_scan: Scan, tmp_path: Path) -> Path:
    path = tmp_path / "chiral.nxs"
    nexus.write(path, [chiral_scan])
    return path


@pytest.fixture
def chiral_reconstruction(truth: Truth, chiral_scan: Scan) -> Reconstruction:
    """The true object and probe of the scan as a reconstruction."""
    scan = chiral_scan
    axes = [p * (np.arange(n) - n // 2) for p, n in zip(truth.pixel, truth.object.shape, strict=True)]
    probe_axes = [p * (np.arange(n) - n // 2) for p, n in zip(truth.pixel, SHAPE, strict=True)]
    n = len(truth.beam)
    record = Reconstruction(
        entry=scan.entry, title="chiral", stage="reconstructed", energy_ev=scan.energy_ev, stokes=scan.stokes,
        sample=scan.sample, rotation=0.3, transmission=truth.object.astype(np.complex64),
        phase=np.angle(truth.object).astype(np.float32), y=axes[0], x=axes[1],
        probe=truth.probe.astype(np.complex64)[None], probe_y=probe_axes[0], probe_x=probe_axes[1],
        position_y=truth.beam[:, 0], position_x=truth.beam[:, 1], position_frame=np.arange(n),
        intensity=np.linspace(0.9, 1.1, n), error=np.array([0.5, 0.1]), iteration=np.array([1, 2]),
        engine=np.array(["dm", "ml"], dtype=object), coverage=np.ones(truth.object.shape, np.float32),
    )  # fmt: skip
    return record.made_by(step("reconstruct", {}, [scan.as_input()]), (scan,))


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """Write every product of a record: `export(record, "cxi", "name=value", with_=(other,), image="phase")`."""

    def make(record: Record, name: str, *settings: str, with_: tuple[Record, ...] = (), **options: str) -> list[Path]:
        wanted = exports.find(name)
        choices = replace(exports.choose(wanted, options, settings), others=with_)
        paths = []
        for product in exports.products(record, wanted, choices):
            paths.append(tmp_path / f"{product.name}{wanted.suffix}")
            product.write(paths[-1])
        return paths

    return make
