"""Real files, measured by others: they import with exactly what they hold and what is stated."""

from pathlib import Path

import numpy as np
import pytest

from picpxct_nx import formats, nexus
from picpxct_nx.audit.audit import Choice, audit_scan
from picpxct_nx.errors import InputError
from picpxct_nx.formats import ImportOptions
from picpxct_nx.geometry import make_problem
from picpxct_nx.records import Scan

GIVEN = {
    "title": "trial", "start_time": "2025-01-01T00:00:00Z", "source": "ring", "instrument": "beamline",
    "sample": "Siemens star", "count_time": "0.1 s",
}  # fmt: skip
ASSUMED = {"stokes": "1,1,0,0", "rotation": "0 deg"}


def test_a_near_field_cxi_file_imports_and_is_called_so(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "PETRAIII_P25_Near_Field_Ptycho.cxi"
    with formats.read(path) as foreign:
        assert set(foreign.metadata) == {
            "instrument/monochromator/energy", "instrument/detector/distance", "instrument/detector/x_pixel_size",
            "instrument/detector/y_pixel_size",
        }  # fmt: skip
        scan, notes = formats.assemble(foreign, GIVEN, ASSUMED, ImportOptions())
        nexus.write(tmp_path / "a.nxs", [scan], compression="none")
    assert any("near-field" in note for note in notes)
    assert scan.energy_ev == pytest.approx(12658, abs=1)
    with nexus.open_valid(tmp_path / "a.nxs", "a.nxs") as file:
        again = nexus.read(file, scan.entry)
        assert isinstance(again, Scan)
        assert again.frames.shape == (200, 100, 100)
        assert again.distance == pytest.approx(1.12)
        # As stored, except for the turn by 180 degrees that its basis vectors state.
        assert int(np.asarray(again.frames[0])[-1, -1]) == 1
        assert again.stage_x[0] == pytest.approx(-5.34e-5, rel=1e-3)
        assert again.assumed is not None
        assert len(again.assumed) == 2
        with pytest.raises(InputError, match="a near-field scan cannot be reconstructed here"):
            make_problem(again)
        with pytest.raises(InputError, match="a near-field scan cannot be reconstructed here"):
            audit_scan(again, Choice())


def test_a_measured_siemens_star_imports(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "siemens-star-small.npz.bz2"
    keys, axes = "data=data[0],positions=scan[0],probe=probe[0,0,0,:]", "probe:+y,+x:pixel"
    beam = {"energy": "8.8 keV", "distance": "2 m", "pixel_size": "75 um"}
    with formats.read(path, keys=keys, axes=axes) as foreign:
        with pytest.raises(InputError, match="energy=NUMBER eV"):
            formats.assemble(foreign, GIVEN, ASSUMED, ImportOptions(center="corner"))
        scan, notes = formats.assemble(foreign, GIVEN, ASSUMED | beam, ImportOptions(center="corner"))
        nexus.write(tmp_path / "a.nxs", [scan], compression="none")
        mean = np.asarray(foreign.frames[...]).mean(0)
    assert any("an object pixel is 29.35" in note for note in notes)
    with nexus.open_valid(tmp_path / "a.nxs", "a.nxs") as file:
        again = nexus.read(file, scan.entry)
        assert isinstance(again, Scan)
        np.testing.assert_allclose(np.asarray(again.frames[...]).mean(0), np.fft.fftshift(mean))
        assert again.start_probe is not None
        assert again.start_probe.shape == (1, 128, 128)
        # The first position is at row 167.58, column -159.73; the stage is opposite.
        pixel = 12398.42e-10 / 8800 * 2 / (128 * 75e-6)
        assert (again.stage_y[0] / pixel, again.stage_x[0] / pixel) == pytest.approx((-167.58, 159.73), abs=0.01)
