"""What is exported and imported again is the same, as far as the format can hold it."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from .conftest import Call, message

SAMPLES = Path(__file__).parents[2] / "sample_data"
SCAN = ("count_time=0.1 s", "title=again")
IMAGES = ("title=again", "stokes=1,1,0,0", "rotation=0 deg", "sample=V2O5")
# What each format keeps to the last digits but single precision.
KEPT = {
    "cxi": (
        "instrument/detector",
        "sample/transformations",
        "instrument/beam",
        "start_probe",
        "control",
        "sample/name",
    ),
    "ptyd": ("instrument", "sample", "start_probe", "control", "title", "start_time", "end_time"),
    "ptychodus": ("object/transmission", "object/y", "object/x", "probe", "positions", "convergence/error"),
    "ptychoshelves": ("object/transmission", "object/y", "object/x", "probe", "positions", "convergence/error"),
}
LOST = {"instrument/detector/saturation_value", "instrument/beam/flux", "object/transmission_errors"}


def _held(file_format: str) -> set[str]:
    """What a format does hold of what others lose."""
    return LOST if file_format == "ptyd" else set()


def entry(path: Path) -> h5py.Group:
    file = h5py.File(path)
    return file[next(iter(file))]


@pytest.mark.parametrize(
    ("file_format", "source", "stated"),
    [
        ("cxi", "scan.nxs", SCAN),
        ("ptyd", "scan.nxs", ()),
        ("ptychodus", "reconstruction.nxs", IMAGES),
        ("ptychoshelves", "reconstruction.nxs", IMAGES),
    ],
)
def test_an_export_imports_again_and_is_the_same(
    call: Call, tmp_path: Path, file_format: str, source: str, stated: tuple[str, ...]
) -> None:
    more = ("--with", str(SAMPLES / "scan.nxs")) if source != "scan.nxs" else ()
    assert call("export", str(SAMPLES / source), "--format", file_format, *more, "-o", "out/").exit_code == 0
    (made,) = (tmp_path / "out").iterdir()
    words = [word for text in stated for word in ("--set", text)]
    result = call("import", str(made), *words, "-o", "again.nxs")
    assert result.exit_code == 0, message(result)
    assert call("validate", "again.nxs").exit_code == 0
    first, again = entry(SAMPLES / source), entry(tmp_path / "again.nxs")
    checked = []

    def compare(path: str, item: h5py.Group | h5py.Dataset) -> None:
        if (
            isinstance(item, h5py.Dataset)
            and path.startswith(KEPT[file_format])
            and path not in LOST - _held(file_format)
        ):
            if item.dtype.kind == "O":
                assert again[path][()] == item[()], path
            else:
                np.testing.assert_allclose(again[path][()], item[()], rtol=1e-5, atol=1e-14, err_msg=path)
            checked.append(path)

    first.visititems(compare)
    assert len(checked) >= 6
