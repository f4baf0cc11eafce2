"""Sums over frames: the adjoint of what every frame sees, and the light that object and probe have."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from picpxct_nx.ptycho import Problem
from picpxct_nx.ptycho.beam import beam_of, probes_of
from picpxct_nx.ptycho.overlap import asked_of_probe, from_sum, light_of, seen_by_probe, sum_on_probe
from picpxct_nx.ptycho.state import Data, State, load, placed

N, MODES, H, W = 4, 2, 12, 10


def _wave(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=["whole pixels", "whole pixels with factors", "fractions with factors"])
def model(request: pytest.FixtureRequest) -> tuple[Data, State]:
    """Random frames under two modes."""
    rng = np.random.default_rng(0)
    positions = rng.uniform(2, 6, (N, 2))
    problem = Problem(
        rng.poisson(30, (N, H, W)), np.ones((H, W), bool), positions, (22, 20), _wave(MODES, H, W, seed=0).numpy()
    )
    data = load(problem, torch.device("cpu"))
    if "whole" in request.param:
        data = placed(data, data.corners())
    scale = torch.tensor([0.8, 1.1, 1.2, 0.9]) if "factors" in request.param else None
    return data, State(_wave(22, 20, seed=1), _wave(MODES, H, W, seed=2), scale=scale)


def test_the_sum_on_the_probe_is_the_adjoint(model: tuple[Data, State]) -> None:
    data, state = model
    block, beam, waves = data.blocks[0], beam_of(data, state), _wave(N, MODES, H, W, seed=9)
    forth = torch.vdot(probes_of(beam, block).expand_as(waves).flatten(), waves.flatten())
    back = from_sum(data, sum_on_probe(beam, block, waves.clone()))
    assert complex(forth) == pytest.approx(complex(torch.vdot(state.probe.flatten(), back.flatten())), rel=1e-4)


def test_what_is_asked_of_the_probe_is_the_adjoint_of_what_it_changes(model: tuple[Data, State]) -> None:
    data, state = model
    block, waves = data.blocks[0], _wave(N, MODES, H, W, seed=9)
    change = _wave(MODES, H, W, seed=7)
    seen = probes_of(beam_of(data, replace(state, probe=change)), block)
    forth = torch.vdot(data.passes.exit_waves(state.object, seen, block).flatten(), waves.flatten())
    beam = beam_of(data, state)
    asked = from_sum(data, asked_of_probe(data, beam, block, state.object, waves.clone()).clone())
    assert complex(forth) == pytest.approx(complex(torch.vdot(change.flatten(), asked.flatten())), rel=1e-4)
    both = seen_by_probe(data, beam, block, (state.object, state.object.abs().square()), waves.clone())
    torch.testing.assert_close(from_sum(data, both[0]), asked)
    torch.testing.assert_close(both[1], light_of(data, state).cover)


def test_the_light_is_the_diagonal_of_the_least_squares(model: tuple[Data, State]) -> None:
    data, state = model
    light = light_of(data, state)
    probes = probes_of(beam_of(data, state), data.blocks[0]).abs().square().sum(1)
    probes = probes.expand(N, H, W)
    scale = torch.ones(N) if state.scale is None else state.scale
    dose, cover = torch.zeros(22, 20), torch.zeros(H, W)
    for (row, column), probe, factor in zip(data.blocks[0].corners, probes, scale, strict=True):
        dose[row : row + H, column : column + W] += probe
        cover += factor**2 * state.object[row : row + H, column : column + W].abs().square()
    torch.testing.assert_close(light.dose, dose)
    torch.testing.assert_close(light.cover, cover)
