"""Score of a cube: planted errors of shifts and turns are found, and what all share does not count."""

from typing import Any

import numpy as np
import pytest

from picpxct_nx.errors import InputError
from picpxct_nx.records import SpectralCube, polarization_angle
from picpxct_nx.score.cube import judge
from picpxct_nx.score.truth import Experiment, transmission_at
from picpxct_nx.simulate import phantom

PIXEL = 49e-9
Y, X = phantom.axes((90, 90), PIXEL)


def cube(experiment: Experiment, stage: str, **changes: Any) -> SpectralCube:
    """A cube of all scans without images of interest; its shifts and turns are right unless changed."""
    common = experiment.common
    energies, rotation = common.energy_ev, common.rotation
    shape = (len(rotation), len(energies))
    stokes = np.tile([1.0, 1, 0, 0], (len(rotation), 1))
    turns = -common.true_rotation
    # Aligned on the first energy of each polarisation, registered with the first polarisation.
    shift = common.drift[:, :1] - common.drift
    place = np.array([_turned(turn, d) for turn, d in zip(turns, common.drift[:, 0], strict=True)])
    extra: dict[str, Any] = {"projections/shift": shift}
    if stage == "registered":
        extra |= {"registration/rotation": turns, "registration/shift": place[0] - place}
    images = np.ones((*shape, len(Y), len(X)), np.complex64)
    values: dict[str, Any] = {
        "entry": "cube", "title": "x", "stage": stage, "stokes": stokes, "sample": "x", "rotation": rotation,
        "measured_energy_ev": np.tile(energies, (len(rotation), 1)), "transmission": images, "energy_ev": energies,
        "polarization_angle": np.array([polarization_angle(s[None], r) for s, r in zip(stokes, rotation, strict=True)]),
        "y": Y, "x": X, "valid": np.ones(shape, bool), "known": np.ones((len(rotation), len(Y), len(X)), bool),
        "phase": np.zeros((len(rotation), len(Y), len(X))), "extra": extra,
    }  # fmt: skip
    return SpectralCube(**values | changes)


def _turned(turn: float, drift: Any) -> tuple[float, float]:
    y, x = drift
    return np.sin(turn) * x + np.cos(turn) * y, np.cos(turn) * x - np.sin(turn) * y


def figures(record: SpectralCube, experiment: Experiment) -> dict[str, Any]:
    return {figure.name: figure.value for figure in judge(record, experiment)}


def test_right_shifts_and_turns_have_no_error(experiment: Experiment) -> None:
    found = figures(cube(experiment, "registered"), experiment)
    assert found["projections"] == 8
    assert 0.5 < found["drift_rms"] < 2.5
    for name in ("alignment_rms", "alignment_max", "rotation_rms", "registration_rms"):
        assert found[name] == pytest.approx(0, abs=1e-9), name


def test_wrong_shifts_are_the_error_and_common_ones_are_not(experiment: Experiment) -> None:
    record = cube(experiment, "aligned")
    shift = np.array(record.extra["projections/shift"]) + np.array([5e-7, -2e-7])
    shift[1, 2] += [0, 0.4 * PIXEL]
    found = figures(cube(experiment, "aligned", extra={"projections/shift": shift}), experiment)
    # One of eight projections, one of two axes; its mean over the polarisation's four takes a quarter off.
    assert found["alignment_max"] == pytest.approx(0.75 * 0.4)
    assert found["alignment_rms"] == pytest.approx(0.4 * np.sqrt(0.75 / 16))
    assert "rotation_rms" not in found


def test_wrong_turns_and_places_are_the_error(experiment: Experiment) -> None:
    extra = dict(cube(experiment, "registered").extra)
    extra["registration/rotation"] = np.array(extra["registration/rotation"]) + np.deg2rad([0, 0.3])
    extra["registration/shift"] = np.array(extra["registration/shift"]) + PIXEL * np.array([[0, 0], [0.2, 0]])
    found = figures(cube(experiment, "registered", extra=extra), experiment)
    assert found["rotation_rms"] == pytest.approx(0.3)
    # 0.3 deg turn the drift of a pixel or two by next to nothing.
    assert found["registration_rms"] == pytest.approx(0.2 / np.sqrt(2), abs=0.01)


def test_a_stack_is_only_told_what_there_is_to_find(experiment: Experiment) -> None:
    found = figures(cube(experiment, "stacked", extra={}), experiment)
    assert "alignment_rms" not in found
    assert found["drift_rms"] > 0.5


def test_missing_projections_do_not_count(experiment: Experiment) -> None:
    valid = np.ones((2, 4), bool)
    valid[1, 1:] = False
    shift = np.array(cube(experiment, "aligned").extra["projections/shift"])
    shift[1, 2] = np.nan
    found = figures(cube(experiment, "aligned", valid=valid, extra={"projections/shift": shift}), experiment)
    assert found["projections"] == 5
    assert found["alignment_rms"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("stage", ["aligned", "registered"])
def test_images_themselves_are_compared_with_their_truth(experiment: Experiment, stage: str) -> None:
    planted = {(1, 3): (0.5, 0.0)}
    images = np.ones((2, 4, len(Y), len(X)), np.complex64)
    for p, rotation in enumerate(experiment.common.rotation):
        for e, energy in enumerate(experiment.common.energy_ev):
            truth = experiment.scan(float(energy), float(rotation))
            assert truth is not None
            dy, dx = planted.get((p, e), (0.0, 0.0))
            turn = truth.true_rotation if stage == "registered" else 0.0
            images[p, e] = transmission_at(truth, Y - dy * PIXEL, X - dx * PIXEL, turn)
    found = figures(cube(experiment, stage, transmission=images), experiment)
    assert found["images"] == 8
    assert found["images_rms"] == pytest.approx(0.5 * np.sqrt(0.75 / 16), abs=0.02)
    if stage == "registered":
        assert found["images_between"] == pytest.approx(0.125 / np.sqrt(2), abs=0.02)


def test_a_cube_of_other_energies_is_refused(experiment: Experiment) -> None:
    record = cube(experiment, "aligned", energy_ev=experiment.common.energy_ev + 1)
    with pytest.raises(InputError, match="no projection is of an energy and rotation of the truth"):
        judge(record, experiment)


def test_an_aligned_cube_without_shifts_is_refused(experiment: Experiment) -> None:
    with pytest.raises(InputError, match=r"cube/projections/shift: missing; a cube that is aligned should say it"):
        judge(cube(experiment, "aligned", extra={}), experiment)
