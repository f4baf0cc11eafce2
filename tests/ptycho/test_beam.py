"""The shared model: what every frame sees, and the derivatives that refinement takes."""

import numpy as np
import pytest
import torch

from picpxct_nx.ptycho import Problem
from picpxct_nx.ptycho.beam import beam_of, probes_of, scale_of, shown
from picpxct_nx.ptycho.positions import gauss_newton
from picpxct_nx.ptycho.state import Data, State, load, placed
from picpxct_nx.ptycho.sweep import sweep

N, MODES, H, W = 4, 2, 12, 10


def _wave(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def model() -> tuple[Data, State]:
    """A scan of random frames, and a model with everything in it."""
    rng = np.random.default_rng(0)
    positions = rng.uniform(2, 6, (N, 2))
    frames = rng.poisson(30, (N, H, W))
    problem = Problem(frames, np.ones((H, W), bool), positions, (22, 20), _wave(MODES, H, W, seed=0).numpy())
    state = State(
        _wave(22, 20, seed=1),
        _wave(MODES, H, W, seed=2),
        scale=torch.tensor([0.8, 1.1, 1.2, 0.9]),
        background=torch.rand(H, W),
        variation=_wave(3, MODES, H, W, seed=3),
        weights=_wave(N, 3, seed=4),
    )
    return load(problem, torch.device("cpu")), state


def test_a_frame_sees_its_own_probe(model: tuple[Data, State]) -> None:
    data, state = model
    block = data.blocks[0]
    seen = probes_of(beam_of(data, state), block)
    assert seen.shape == (N, MODES, H, W)
    assert state.variation is not None
    assert state.weights is not None
    assert state.scale is not None
    assert block.phases is not None
    own = state.probe + torch.tensordot(state.weights[2], state.variation, dims=1)
    ramp = block.phases[0][2] * block.phases[1][2]
    expected = state.scale[2] * torch.fft.ifft2(torch.fft.fft2(own) * ramp)
    torch.testing.assert_close(seen[2], expected, atol=1e-5, rtol=1e-4)


def test_what_is_shown_is_intensity_and_background(model: tuple[Data, State]) -> None:
    _, state = model
    wave = _wave(N, MODES, H, W, seed=5)
    assert state.background is not None
    expected = (np.abs(wave.numpy()) ** 2).sum(axis=1) + state.background.numpy()
    np.testing.assert_allclose(shown(state, wave).numpy(), expected, rtol=1e-5)


def test_frames_of_a_batch_see_what_they_see_in_order(model: tuple[Data, State]) -> None:
    data, state = model
    beam = beam_of(data, state)
    some = data.block([3, 1])
    torch.testing.assert_close(probes_of(beam, some), probes_of(beam, data.blocks[0])[[3, 1]])
    assert torch.equal(torch.as_tensor(scale_of(beam, some)).flatten(), torch.tensor([0.9, 1.1]))


def test_the_slope_for_a_position_is_that_of_the_misfit() -> None:
    # A beam that is dark at the rim of its window, on a smooth object: to move either is then the same.
    size = 32
    y, x = np.meshgrid(np.arange(64.0), np.arange(64.0), indexing="ij")
    image = np.exp(1j * 0.5 * np.sin(y / 3) + 0.2 * np.cos(x / 4)).astype(np.complex64)
    rows = np.arange(size) - size // 2
    probe = 10 * np.exp(-(rows[:, None] ** 2 + rows**2) / 18 + 0.02j * (rows[:, None] ** 2 + rows**2))
    frames = np.random.default_rng(0).poisson(3, (2, size, size))
    given = np.array([[10.2, 12.9], [14.4, 9.7]])
    problem = Problem(frames, np.ones((size, size), bool), given, (64, 64), probe[None].astype(np.complex64))
    data = load(problem, torch.device("cpu"))
    state = State(torch.from_numpy(image), torch.from_numpy(problem.probe))
    sums = sweep(data, state, positions=True, intensity=True, background=False)
    assert sums.slope is not None
    assert sums.expected is not None
    for axis in (0, 1):
        costs = []
        for by in (-0.05, 0.05):
            there = torch.from_numpy(given + by * np.eye(2)[axis])
            costs.append(_frame_misfit(placed(data, there), state, size))
        slope = (costs[1] - costs[0]) / 0.1
        np.testing.assert_allclose(-2 * sums.slope[:, axis].numpy(), slope, rtol=0.05, atol=0.02 * np.abs(slope).max())


def _frame_misfit(data: Data, state: State, size: int) -> np.ndarray:
    (block,) = data.blocks
    patches = torch.stack([state.object[r : r + size, c : c + size] for r, c in block.corners])[:, None]
    total = shown(state, torch.fft.fft2(probes_of(beam_of(data, state), block) * patches))
    return np.asarray((total.sqrt() - data.amplitude(slice(None))).square().sum((1, 2)).numpy() / size**2)


def test_a_frame_that_says_nothing_does_not_move() -> None:
    slope, curvature = torch.tensor([[1.0, 0.0], [0.0, 0.0]]), torch.zeros(2, 2, 2)
    curvature[0] = 2 * torch.eye(2)
    step = gauss_newton(slope, curvature)
    assert float(step[0, 0]) == pytest.approx(0.5, rel=0.02)
    assert not step[1].any()
    assert not gauss_newton(slope, torch.zeros(2, 2, 2)).any()
