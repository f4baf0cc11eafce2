"""Every product opens in the readers people have, and shows the expected real-valued image first."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from .conftest import ROOT, definition_of, peer

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("default")]

# Group and signal that a viewer shows first, and the rank of that signal.
SHOWN = {
    "NXspecptycho_scan": ("data", "data", 3),
    "NXspecptycho_reconstruction": ("phase", "phase", 2),
    "NXspecptycho_cube": ("phase", "phase", 3),
    "NXspecptycho_frc": ("frc", "correlation", 1),
    "NXspecptycho_normalized": ("xanes", "xanes", 4),
    "NXspecptycho_grainmap": ("orientation", "orientation", 2),
    "NXspecptycho_dose": ("dose", "dose", 2),
    "NXspecptycho_spectrum": ("spectrum", "absorption", 1),
}


def _shown(path: Path) -> tuple[str, np.ndarray]:
    """Path and values of the signal that the definition wants to be shown first."""
    group, signal, rank = SHOWN[definition_of(path)]
    with h5py.File(path, "r") as file:
        name = f"/{file.attrs['default']}/{group}/{signal}"
        values = file[name][()]
    assert values.ndim == rank
    return name, values


def test_h5py_follows_the_defaults_to_a_real_signal(product: Path) -> None:
    name, values = _shown(product)
    with h5py.File(product, "r") as file:
        entry = file[file.attrs["default"]]
        data = entry[entry.attrs["default"]]
        assert data[data.attrs["signal"]].name == name
    assert values.dtype.kind in "iuf"


def test_nexusformat_plots_the_expected_signal(product: Path) -> None:
    name, values = _shown(product)
    plot = peer("nexusformat.nexus").nxload(str(product)).plottable_data
    assert plot.nxsignal.nxpath == name
    assert len(plot.nxaxes) == values.ndim
    np.testing.assert_array_equal(plot.nxsignal.nxvalue, values)


def test_silx_shows_the_expected_signal(product: Path) -> None:
    name, values = _shown(product)
    get_default = peer("silx.io.nxdata").get_default
    with peer("silx.io").open(str(product)) as file:
        plot = get_default(file)
        assert plot is not None
        assert plot.is_valid
        assert plot.signal.name == name
        np.testing.assert_array_equal(plot.signal[()], values)


def test_hyperspy_reads_the_expected_signal(product: Path) -> None:
    name, values = _shown(product)
    found = peer("rsciio.nexus").file_reader(str(product), nxdata_only=True)
    group = name.split("/")[-2]
    data = [np.asarray(signal["data"]) for signal in found if signal["metadata"]["General"]["title"] == group]
    assert len(data) == 1
    np.testing.assert_array_equal(data[0], values)


def test_hyperspy_makes_a_signal_of_the_sample_s_image(tmp_path: Path) -> None:
    path = Path(shutil.copy(ROOT / "sample_data" / "reconstruction.nxs", tmp_path))
    signals = peer("hyperspy.api").load(str(path), file_format="nexus", nxdata_only=True)
    shapes = {signal.metadata.General.title: signal.data.shape for signal in signals}
    assert shapes["phase"] == _shown(path)[1].shape
