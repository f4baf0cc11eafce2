"""What a scan is made of and the frames that it makes: fast and by definition, with all that goes wrong on the way."""

from dataclasses import replace

import numpy as np
import pytest

from picpxct_nx.simulate import experiment as sim
from picpxct_nx.simulate import stage
from picpxct_nx.simulate.experiment import simulate_scan
from picpxct_nx.simulate.presets import TUTORIAL
from picpxct_nx.simulate.truth import expected_frames

STILL = replace(TUTORIAL, scan_drift=0.0, rotation_error=0.0)
SMALL = replace(STILL, energies_ev=(5460.0, 5471.0), n_positions=12, supersampling=1)


@pytest.mark.parametrize(
    "changes",
    [{}, {"polarisation_purity": 0.7}, {"model": "jones", "polarisation_purity": 0.7}, {"frame_size": 63}],
)
def test_fast_frames_are_the_frames_of_the_definition(changes: dict[str, str | float]) -> None:
    truth = simulate_scan(replace(SMALL, **changes), 5471.0, 0.0, seed=3).truth  # type: ignore[arg-type]
    for index, fast in enumerate(expected_frames(truth)):
        expected = sim.expected_frame(truth, index)
        np.testing.assert_allclose(fast, expected, rtol=2e-4, atol=2e-6 * expected.max())
    assert index == SMALL.n_positions - 1


def test_jones_model_loses_no_light_to_the_other_polarisation_but_moves_it() -> None:
    thick = replace(SMALL, particle_size=(3.5e-6, 2.9e-6, 12e-6))
    scalar, vector = (simulate_scan(replace(thick, model=model), 5470.0, 0.0, seed=3) for model in ("scalar", "jones"))
    assert scalar.truth.object_x_to_y is None
    crossed = vector.truth.object_x_to_y
    assert crossed is not None
    assert 0.01 < (np.abs(crossed) ** 2).max() < 0.5
    air = vector.truth.projection.thickness == 0
    assert not crossed[air].any()
    alone = sim.expected_frame(replace(vector.truth, object_x_to_y=None), 5)
    both = sim.expected_frame(vector.truth, 5)
    assert both.sum() > 1.001 * alone.sum()


def test_sample_creeps_steadily_during_a_scan_and_the_stage_does_not_know() -> None:
    moving = simulate_scan(replace(SMALL, scan_creep=50e-9), 5471.0, 0.0, seed=2)
    still = simulate_scan(SMALL, 5471.0, 0.0, seed=2)
    np.testing.assert_array_equal(moving.stage_y, still.stage_y)
    way = np.stack([moving.truth.position_y - still.truth.position_y, moving.truth.position_x - still.truth.position_x])
    np.testing.assert_allclose(np.diff(way, axis=1), np.diff(way, axis=1)[:, :1] * np.ones(11), atol=1e-18)
    assert way.mean(axis=1) == pytest.approx([0, 0], abs=1e-18)
    ends = [np.ptp(stage.creep(replace(SMALL, scan_creep=50e-9), 5460 + n, 0.0, seed=0), axis=0) for n in range(500)]
    assert np.sqrt(np.mean(np.square(ends))) == pytest.approx(50e-9, rel=0.1)


def test_exposures_change_the_time_of_a_frame_and_its_photons_by_energy() -> None:
    uneven = replace(SMALL, exposures=(1.0, 0.25))
    first, second = (simulate_scan(uneven, energy, 0.0) for energy in uneven.energies_ev)
    assert (first.count_time, second.count_time) == pytest.approx((0.1, 0.025))
    photons = [np.sum(np.abs(scan.truth.probe.astype(complex)) ** 2) for scan in (first, second)]
    assert photons[1] / photons[0] == pytest.approx(0.25, rel=1e-4)
    assert first.flux == pytest.approx(second.flux)


def test_gaps_and_beamstop_count_nothing_and_are_marked() -> None:
    found = simulate_scan(
        replace(SMALL, sensor="eiger-1.5m", sensor_row=540, sensor_column=300, beamstop_diameter=0.6e-3), 5471.0, 0.0
    )
    blind = found.pixel_mask != 0
    assert all((found.pixel_mask & bit).any() for bit in (1, 2, 256))
    assert not found.frames[:, blind].any()
    assert found.frames[:, ~blind].any()
