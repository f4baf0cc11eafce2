"""An amended scan shows the same physics in other axes, says what was done, and is not amended twice."""

from dataclasses import replace

import numpy as np
import pytest

from picpxct_nx import provenance
from picpxct_nx.amend import amend_scan
from picpxct_nx.audit.orientation import ALL, AS_RECORDED, Orientation
from picpxct_nx.audit.patch import Patch
from picpxct_nx.audit.sign import twin
from picpxct_nx.errors import InputError
from picpxct_nx.geometry import make_problem
from picpxct_nx.illumination import start_probe
from picpxct_nx.ptycho import reconstruct
from picpxct_nx.records import Scan
from picpxct_nx.simulate.configure import configure
from picpxct_nx.simulate.experiment import simulate_scan
from picpxct_nx.simulate.record import make_scan

SOURCE = provenance.Input(checksum="a" * 64, file_name="patch.toml")
OTHER = provenance.Input(checksum="b" * 64)


@pytest.fixture(scope="module")
def scan() -> Scan:
    """A scan with a start probe of its own, on pixels that are not square, and a beam off the middle."""
    settings = ("frame_size=32", "n_positions=16", "step=0.35 um", "supersampling=1")
    made = make_scan(simulate_scan(configure("tutorial", settings), 5471.0, 0.0, seed=1), {})
    probe = start_probe(made)
    return replace(
        made, frames=np.asarray(made.frames)[:, :, 2:], pixel_mask=made.pixel_mask[:, 2:],
        beam_center_x=14 * 75e-6, y_pixel_size=70e-6, beam_center_y=16 * 70e-6,
        start_probe=probe[:, :, 1:-1], start_probe_y=1e-9 * np.arange(32), start_probe_x=2e-9 * np.arange(30),
    )  # fmt: skip


@pytest.mark.parametrize("orientation", ALL, ids=str)
def test_turning_there_and_back_gives_the_scan_again(scan: Scan, orientation: Orientation) -> None:
    there = amend_scan(scan, Patch(stage=orientation, frames=orientation), SOURCE)
    back = amend_scan(there, Patch(stage=orientation.inverse, frames=orientation.inverse), OTHER)
    np.testing.assert_array_equal(back.frames[:], np.asarray(scan.frames))
    np.testing.assert_array_equal(back.pixel_mask, scan.pixel_mask)
    np.testing.assert_allclose(np.asarray(back.start_probe), np.asarray(scan.start_probe))
    for name in ("stage_y", "stage_x", "start_probe_y", "start_probe_x"):
        np.testing.assert_array_equal(getattr(back, name), getattr(scan, name))
    for name in ("y_pixel_size", "x_pixel_size", "beam_center_y", "beam_center_x"):
        assert getattr(back, name) == pytest.approx(getattr(scan, name))


@pytest.mark.parametrize("orientation", [ALL[2], ALL[4]], ids=str)
def test_a_laboratory_that_is_turned_as_a_whole_reconstructs_as_well(scan: Scan, orientation: Orientation) -> None:
    errors = []
    for each in (scan, amend_scan(scan, Patch(stage=orientation, frames=orientation), SOURCE)):
        result = reconstruct(make_problem(each)[0], "ml:8", device="cpu:1")
        errors.append(result.error[-1])
    assert errors[1] == pytest.approx(errors[0], rel=0.1)


def test_lengths_and_the_sign_of_the_defocus(scan: Scan) -> None:
    patch = Patch(stage_scale=1.5, distance=2 * scan.distance, reverse_defocus=True)
    found = amend_scan(scan, patch, SOURCE)
    assert (found.distance, found.defocus) == (2 * scan.distance, -(scan.defocus or 0.0))
    np.testing.assert_allclose(found.stage_y, 1.5 * scan.stage_y)
    np.testing.assert_allclose(np.asarray(found.start_probe_x), 2 * np.asarray(scan.start_probe_x))
    np.testing.assert_allclose(np.asarray(found.start_probe), twin(np.asarray(scan.start_probe)))
    assert found.frames is scan.frames


def test_the_step_is_in_the_history(scan: Scan) -> None:
    found = amend_scan(scan, Patch(stage=Orientation("-y", "+x"), distance=1.5), SOURCE)
    assert [past.command for past in found.history] == ["simulate", "amend"]
    newest = found.history[-1]
    assert newest.parameters["stage"] == "-y,+x"
    assert newest.parameters["distance@units"] == "m"
    assert [each.checksum for each in newest.inputs] == [scan.digest(), SOURCE.checksum]
    assert found.uuid != scan.uuid


def test_the_same_patch_is_not_applied_twice(scan: Scan) -> None:
    once = amend_scan(scan, Patch(stage=-AS_RECORDED), SOURCE)
    with pytest.raises(InputError, match="was amended by this patch before"):
        amend_scan(once, Patch(stage=-AS_RECORDED), SOURCE)


def test_scans_of_another_import_are_not_touched(scan: Scan) -> None:
    axes = "stage:+x,+y:um;frames:+y,+x"
    imported = scan.made_by(provenance.step("import", {"axes": axes}))
    assert amend_scan(imported, Patch(axes=axes), SOURCE).history[-1].command == "amend"
    with pytest.raises(InputError, match="was imported with other axes"):
        amend_scan(imported, Patch(axes="stage:+y,+x:um;frames:+y,+x"), SOURCE)
    with pytest.raises(InputError, match=r"other axes \(not imported\)"):
        amend_scan(scan, Patch(axes=axes), SOURCE)
