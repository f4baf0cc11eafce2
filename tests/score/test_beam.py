"""Score of positions and probe: errors that were planted are found, and what cannot be known does not count."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import fourier_shift

from picpxct_nx.records import Reconstruction, Scan
from picpxct_nx.score.beam import judge_beam
from picpxct_nx.score.truth import Experiment, Truth

from .test_truth import result_of


@pytest.fixture
def truth(experiment: Experiment) -> Truth:
    return experiment.scans[1]


@pytest.fixture
def record(scans: list[Scan], truth: Truth) -> Reconstruction:
    """The beam as it was, but moved, tilted and scaled: none of which anyone can know."""
    turn = np.exp(0.02j * np.arange(64))[:, None]
    probe = 1.3j * turn * np.fft.ifft2(fourier_shift(np.fft.fft2(truth.probe), (0.4, -1.3)))
    n = len(truth.position)
    made = replace(result_of(scans[1]), probe=probe[None].astype(np.complex64), position_frame=np.arange(n))
    return replace(made, position_y=truth.position[:, 0] + 3e-7, position_x=truth.position[:, 1] - 2e-7)


def figures(record: Reconstruction, truth: Truth) -> dict[str, Any]:
    return {figure.name: figure.value for figure in judge_beam(record, truth)}


def test_beam_known_up_to_what_nobody_can_know_has_no_error(record: Reconstruction, truth: Truth) -> None:
    found = figures(record, truth)
    assert found["position_rms"] == pytest.approx(0, abs=1e-6)
    assert found["probe_error"] < 2e-3
    assert set(found) == {"position_rms", "probe_error"}


def test_jitter_of_the_positions_is_found(record: Reconstruction, truth: Truth) -> None:
    assert record.position_y is not None
    apart = np.array([10.0, -10.0, 10.0, -10.0]) * 1e-9
    found = figures(replace(record, position_y=np.asarray(record.position_y) + apart), truth)
    assert found["position_rms"] == pytest.approx(10, rel=1e-6)


def test_frames_left_out_are_not_judged_and_wrong_ones_are_told(record: Reconstruction, truth: Truth) -> None:
    assert record.position_y is not None
    assert record.position_x is not None
    some = [1, 3]
    few = replace(
        record, position_frame=np.array(some), position_y=np.asarray(record.position_y)[some],
        position_x=np.asarray(record.position_x)[some],
    )  # fmt: skip
    assert figures(few, truth)["position_rms"] == pytest.approx(0, abs=1e-6)
    assert figures(replace(few, position_frame=np.array([1, 99])), truth)["position_rms"] is None


def test_faults_of_the_probe_and_light_in_other_modes_are_found(record: Reconstruction, truth: Truth) -> None:
    probe = np.asarray(record.probe)[0]
    noise = np.random.default_rng(0).standard_normal((2, 64, 64)) @ np.eye(64)
    noisy = probe + (noise[0] + 1j * noise[1]) * 0.1 * np.sqrt(np.mean(np.abs(probe) ** 2) / 2)
    found = figures(replace(record, probe=np.stack([0.3 * probe, noisy]).astype(np.complex64)), truth)
    assert found["probe_error"] == pytest.approx(0.06, abs=0.04)
    assert found["probe_other_modes"] == pytest.approx(100 * 0.09 / 1.1, rel=0.05)


def test_probe_of_another_size_is_told(record: Reconstruction, truth: Truth) -> None:
    assert figures(replace(record, probe=np.ones((1, 32, 32), np.complex64)), truth)["probe_error"] is None
