"""Score of a reconstruction: what was planted is found."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import fourier_shift

from picpxct_nx.errors import InputError
from picpxct_nx.records import Reconstruction, Scan
from picpxct_nx.score.reconstruction import judge
from picpxct_nx.score.truth import Experiment

from .test_truth import result_of

PLACE = 5  # 5471 eV at 90 deg


@pytest.fixture
def record(scans: list[Scan], experiment: Experiment) -> Reconstruction:
    """A faultless flattened object on a grid of its own, where the drift puts it."""
    truth, offset = experiment.scans[PLACE], np.array([0.3, -0.2])
    spectrum = np.fft.fft2(truth.transmission - 1.0)
    moved = 1 + np.fft.ifft2(fourier_shift(spectrum, truth.drift / truth.pixel - offset))
    y, x = (axis + by * truth.pixel for axis, by in zip((truth.y, truth.x), offset, strict=True))
    made = replace(result_of(scans[PLACE]), stage="flattened", transmission=moved.astype(np.complex64))
    return replace(made, y=y, x=x, air=truth.thickness == 0, coverage=np.ones(moved.shape))


def figures(record: Reconstruction, experiment: Experiment) -> dict[str, Any]:
    return {figure.name: figure.value for figure in judge(record, experiment)}


def test_a_faultless_object_has_no_error(record: Reconstruction, experiment: Experiment) -> None:
    found = figures(record, experiment)
    # A particle with sharp edges rings by a few per mille where it is moved by a fraction of a pixel.
    assert found["object_error"] < 0.01
    assert abs(found["displacement_y"]) < 0.03
    assert abs(found["displacement_x"]) < 0.03
    assert abs(found["air_phase"]) < 1e-3
    assert found["phase_ramp"] < 0.01
    assert abs(found["air_amplitude"]) < 1e-3
    assert found["air_found"] == 100


def test_what_flattening_left_is_found(record: Reconstruction, experiment: Experiment) -> None:
    rows = np.arange(len(record.y))[:, None]
    left = 1.05 * np.exp(0.02j + 0.003j * (rows - rows.mean()))
    noise = 0.01 * np.random.default_rng(0).standard_normal((2, *np.shape(record.transmission)))
    spoilt = left * np.asarray(record.transmission) + noise[0] + 1j * noise[1]
    found = figures(replace(record, transmission=spoilt.astype(np.complex64)), experiment)
    assert found["air_amplitude"] == pytest.approx(0.05, abs=0.002)
    assert found["phase_ramp"] == pytest.approx(0.003 * (len(rows) - 1), rel=0.1)
    assert found["object_error"] == pytest.approx(0.01 * np.sqrt(2), rel=0.25)


def test_displacement_is_that_beyond_the_drift(record: Reconstruction, experiment: Experiment) -> None:
    moved = replace(record, y=record.y + 1.25 * experiment.scans[PLACE].pixel)
    found = figures(moved, experiment)
    assert found["displacement_y"] == pytest.approx(1.25, abs=0.05)
    assert found["displacement_x"] == pytest.approx(0, abs=0.05)


def test_an_air_mask_that_reaches_into_the_particle_is_told(record: Reconstruction, experiment: Experiment) -> None:
    assert record.air is not None
    wrong = np.asarray(record.air).copy()
    wrong[:, : len(record.x) // 2] = True
    found = figures(replace(record, air=wrong), experiment)
    assert found["air_wrong"] > 5
    half = np.asarray(record.air).copy()
    half[: len(record.y) // 2] = False
    assert figures(replace(record, air=half), experiment)["air_found"] < 60


def test_an_object_as_the_solver_left_it_is_not_asked_for_flat_air(
    record: Reconstruction, experiment: Experiment
) -> None:
    found = figures(replace(record, stage="reconstructed"), experiment)
    assert set(found) == {"object_error", "displacement_y", "displacement_x", "probe_error"}


def test_a_reconstruction_needs_the_truth_of_its_own_scan(record: Reconstruction, experiment: Experiment) -> None:
    with pytest.raises(InputError, match=r"none of the 1 scans given as truth is that of 5471.0 eV at 90 deg"):
        judge(record, replace(experiment, scans=experiment.scans[:1]))
