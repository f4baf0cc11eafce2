"""Score of a grain map: directions modulo a half turn, mirror images, and segmentation."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from picpxct_nx.errors import InputError
from picpxct_nx.provenance import step
from picpxct_nx.score.grains import axial_error, compare_labels, distinct, judge
from picpxct_nx.score.judge import judge as judge_any
from picpxct_nx.score.truth import Experiment, in_sample_frame
from picpxct_nx.simulate import phantom


def grain_map(experiment: Experiment, *, shift: tuple[float, float] = (0.0, 0.0), turn: float = 0.0) -> Any:
    """The true grain map, displaced by `shift` px and all directions turned by `turn` rad."""
    y, x = phantom.axes((88, 80), 49e-9)
    label, _ = in_sample_frame(experiment.scans[0], y, x, 49e-9 * np.array(shift))
    azimuth = (experiment.common.azimuth + turn) % np.pi
    return SimpleNamespace(
        entry="grains", DEFINITION="NXspecptycho_grainmap", history=(step("simulate", experiment.parameters),),
        label=label, orientation=azimuth[label], y=y, x=x, mirror_ambiguous=False,
        polarization_angle=np.array([0.0, np.pi / 2]), grain_id=np.arange(1, len(azimuth)),
        mean_orientation=azimuth[1:],
    )  # fmt: skip


def figures(record: Any, experiment: Experiment) -> dict[str, Any]:
    return {figure.name: figure.value for figure in judge(record, experiment)}


def test_the_true_map_has_no_error_wherever_it_lies(experiment: Experiment) -> None:
    for shift in ((0.0, 0.0), (2.4, -1.3)):
        found = figures(grain_map(experiment, shift=shift), experiment)
        assert found["grains_found"] == found["grains_true"] == found["grains_matched"] == 7
        assert found["rand_error"] < 0.04
        assert found["orientation_median"] == pytest.approx(0, abs=1e-6)
        assert found["grain_rms"] == pytest.approx(0, abs=1e-6)
        assert found["common_shift"] == pytest.approx(np.hypot(*shift), abs=0.25)
        assert found["known"] > 98


def test_a_wrong_direction_is_the_error(experiment: Experiment) -> None:
    found = figures(grain_map(experiment, turn=np.deg2rad(5)), experiment)
    assert found["orientation_median"] == pytest.approx(5)
    assert found["grain_rms"] == pytest.approx(5)


def test_mirror_images_are_the_same_where_they_cannot_be_told_apart(experiment: Experiment) -> None:
    record = grain_map(experiment)
    record.orientation = -record.orientation % np.pi
    record.mean_orientation = -record.mean_orientation % np.pi
    assert figures(record, experiment)["orientation_median"] > 10
    record.mirror_ambiguous = True
    assert figures(record, experiment)["orientation_median"] == pytest.approx(0, abs=1e-6)
    # About the direction of the light, whatever that is in the frame of the sample.
    record.orientation = (2 * 0.4 + record.orientation) % np.pi
    record.polarization_angle = np.array([0.4, 0.4 + np.pi / 2])
    assert figures(record, experiment)["orientation_median"] == pytest.approx(0, abs=1e-6)


def test_unknown_directions_do_not_count_but_are_told(experiment: Experiment) -> None:
    record = grain_map(experiment, shift=(1.4, -2.3))
    record.orientation[:44] = np.nan
    found = figures(record, experiment)
    assert found["orientation_median"] == pytest.approx(0, abs=1e-6)
    # A field that ends within the particle does not displace it by a pixel, as its outline would be.
    assert found["common_shift"] == pytest.approx(np.hypot(1.4, 2.3), abs=0.5)
    assert 30 < found["known"] < 70


def test_merged_grains_are_fewer_and_cost_rand_error(experiment: Experiment) -> None:
    record = grain_map(experiment)
    record.label = np.where(record.label >= 5, 5, record.label)
    found = figures(record, experiment)
    assert found["grains_found"] == 5
    assert found["grains_matched"] < 6
    assert found["rand_error"] > 0.1


def test_axial_errors_do_not_know_a_sign() -> None:
    np.testing.assert_allclose(axial_error(np.array([0.01, 3.0]), np.array([np.pi - 0.01, 3.2])), [0.02, 0.2])
    np.testing.assert_allclose(axial_error(np.array([0.3]), np.array([-0.2])), [0.5])
    np.testing.assert_allclose(axial_error(np.array([0.3]), np.array([-0.2]), mirror=0.0), [0.1])


def test_rand_error_of_a_halved_grain_is_that_of_its_pairs() -> None:
    true = np.ones((10, 10), np.int32)
    found = np.where(np.arange(10) < 5, 1, 2) * true
    # Of 100 * 99 pairs, 2 * 50 * 49 stay together: all found pairs are true, and F = 2 r / (1 + r).
    recall = 2 * 50 * 49 / (100 * 99)
    parts = compare_labels(found.astype(np.int32), true)
    assert parts.rand_error == pytest.approx(1 - 2 * recall / (1 + recall), rel=1e-6)
    assert (parts.n_found, parts.n_true, len(parts.pairs)) == (2, 1, 0)


def test_pixels_without_a_label_count_as_one_grain_and_are_left_out_of_the_second_figure() -> None:
    true = np.repeat(np.array([1, 2], np.int32), 50).reshape(2, 50)
    found = true.copy()
    found[:, 40:] = 0
    parts = compare_labels(found, true)
    assert parts.rand_error > 0.1
    assert parts.rand_error_labelled == pytest.approx(0, abs=1e-9)
    assert np.isnan(compare_labels(np.zeros_like(true), true).rand_error_labelled)


def test_neighbours_that_mirror_each_other_are_one_to_two_polarisations_and_two_to_three() -> None:
    true = np.repeat(np.array([1, 2, 3, 1], np.int32), 25).reshape(4, 25)
    true[3] = 4
    # 1 and 2 mirror each other, 4 is like 1 but touches 3 only.
    azimuth, tilt = np.deg2rad([np.nan, 30.0, 150.0, 80.0, 30.0]), np.deg2rad([np.nan, 10.0, 10.0, 0.0, 10.0])
    two, three = np.deg2rad([0.0, 90.0]), np.deg2rad([0.0, 60.0, 120.0])
    assert len(np.unique(distinct(true, azimuth, tilt, two))) == 3
    np.testing.assert_array_equal(distinct(true, azimuth, tilt, three), true)
    # Tilted more, it is told apart by what it shows less.
    tilt[2] = np.deg2rad(40)
    np.testing.assert_array_equal(distinct(true, azimuth, tilt, two), true)


def test_a_map_that_shows_no_grain_of_the_truth_is_refused(experiment: Experiment) -> None:
    record = grain_map(experiment)
    record.y = record.y + 1.0
    with pytest.raises(InputError, match="shows no grain of the truth"):
        judge(record, experiment)


def test_a_grain_map_is_judged_by_its_definition(experiment: Experiment) -> None:
    scored = judge_any(grain_map(experiment), experiment)
    assert scored.stage == "grainmap"
    assert scored.figures[0].key == "grains_found"
