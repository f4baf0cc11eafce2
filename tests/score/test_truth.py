"""The truth in scans: it is found again, and no result of another experiment is judged by it."""

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

from picpxct_nx.errors import InputError
from picpxct_nx.provenance import step
from picpxct_nx.records import Reconstruction, Scan
from picpxct_nx.score.truth import Experiment, in_sample_frame, read, require_same, transmission_at
from picpxct_nx.simulate import phantom
from picpxct_nx.simulate.experiment import simulate_scan, specimen
from picpxct_nx.simulate.record import make_scan, parameters_of

from .conftest import FEW, SEED


def result_of(scan: Scan) -> Reconstruction:
    """A reconstruction in name, whose history is that of one."""
    axis, image = np.arange(4) * 1e-8, np.ones((4, 4), np.complex64)
    record = Reconstruction(
        entry=scan.entry, title="x", stage="reconstructed", energy_ev=scan.energy_ev, stokes=scan.stokes,
        sample=scan.sample, rotation=scan.rotation, transmission=image, y=axis, x=axis, phase=np.angle(image),
        probe=image[None], probe_y=axis, probe_x=axis,
    )  # fmt: skip
    return record.made_by(step("reconstruct", {}, [scan.as_input()]), (scan,))


def test_a_scan_is_found_by_its_energy_and_rotation(experiment: Experiment) -> None:
    truth = experiment.scan(5471.0, np.pi / 2)
    assert truth is not None
    assert (truth.energy_ev, truth.entry) == (5471.0, "scan_E054710_R090")
    assert truth.true_rotation != truth.rotation
    assert experiment.scan(5471.0, np.pi / 2 + 2 * np.pi) is truth
    assert experiment.scan(5472.0, 0.0) is None


def test_a_scan_is_found_by_the_rotation_that_a_registration_found(experiment: Experiment) -> None:
    scans = [dataclasses.replace(one, true_rotation=one.rotation - np.deg2rad(1.2)) for one in experiment.scans]
    off = dataclasses.replace(
        experiment,
        scans=tuple(scans),
        common=dataclasses.replace(experiment.common, true_rotation=experiment.common.rotation - np.deg2rad(1.2)),
    )
    assert off.scan(5471.0, np.deg2rad(88.9)) is not None
    assert off.common.at(np.deg2rad(88.9)) == off.common.at(np.pi / 2)
    assert off.common.at(np.deg2rad(88.0)) is None


def test_what_was_made_from_the_scans_is_judged_by_any_of_them(scans: list[Scan]) -> None:
    require_same(read(scans[:1]), result_of(scans[-1]))


def test_a_result_of_another_seed_is_refused(experiment: Experiment) -> None:
    other = make_scan(simulate_scan(FEW, 5460.0, 0.0, seed=5), parameters_of(FEW, "tutorial", 5))
    with pytest.raises(InputError, match=r"another experiment: its seed is 5, that of the truth 4"):
        require_same(experiment, result_of(other))


def test_a_result_of_another_particle_is_refused(experiment: Experiment) -> None:
    more = replace(FEW, n_grains=9)
    other = make_scan(simulate_scan(more, 5460.0, 0.0, seed=SEED), parameters_of(more, "tutorial", SEED))
    with pytest.raises(InputError, match=r"another experiment: its n_grains is 9, that of the truth 7"):
        require_same(experiment, result_of(other))


def test_a_measured_result_has_no_truth(experiment: Experiment, scans: list[Scan]) -> None:
    with pytest.raises(InputError, match="not of a simulated experiment"):
        require_same(experiment, replace(result_of(scans[0]), history=(step("import", {}),)))


def test_scans_without_truth_are_refused(scans: list[Scan]) -> None:
    bare = replace(scans[0], extra={})
    with pytest.raises(InputError, match="carries no truth"):
        read([bare])
    old = {path: value for path, value in scans[0].extra.items() if "experiment/" not in path}
    with pytest.raises(InputError, match="simulate it again"):
        read([replace(scans[0], extra=old)])
    with pytest.raises(InputError, match="no truth: the first file"):
        read([])


@pytest.mark.parametrize("rotation", [0.0, np.pi / 2])
def test_maps_of_every_rotation_are_one_map_in_the_frame_of_the_sample(experiment: Experiment, rotation: float) -> None:
    truth = experiment.scan(5460.0, rotation)
    assert truth is not None
    shift = np.array([90e-9, -130e-9])
    y, x = (axis + by for axis, by in zip(phantom.axes((90, 90), 45e-9), shift, strict=True))
    label, thickness = in_sample_frame(truth, y, x, shift)
    upright = phantom.project(specimen(FEW, SEED), shape=(90, 90), pixel_size=45e-9, supersampling=2)
    assert np.mean(label == upright.label) > 0.98
    assert np.abs(thickness - upright.thickness).mean() < 0.01 * upright.thickness.max()


def test_transmission_of_a_turned_scan_lies_on_the_turned_specimen(experiment: Experiment) -> None:
    truth = experiment.scan(5471.0, np.pi / 2)
    assert truth is not None
    y, x = phantom.axes((90, 90), 45e-9)
    found = transmission_at(truth, y, x, truth.true_rotation)
    upright = phantom.project(specimen(FEW, SEED), shape=(90, 90), pixel_size=45e-9, supersampling=2)
    expected = phantom.transmission(upright, energy_ev=5471.0, polarisation=-truth.true_rotation)
    assert np.sqrt(np.mean(np.abs(found - expected) ** 2)) < 0.03
    np.testing.assert_array_equal(transmission_at(truth, truth.y + 1, truth.x, 0.0), 1)
