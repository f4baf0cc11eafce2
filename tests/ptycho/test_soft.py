"""What maximum likelihood learns: the softest direction, and how smooth the object is."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from picpxct_nx.ptycho import Problem, ops, parse, reconstruct, soft
from picpxct_nx.ptycho.beam import start
from picpxct_nx.ptycho.conjugate import product, real
from picpxct_nx.ptycho.overlap import illumination
from picpxct_nx.ptycho.state import State, load
from picpxct_nx.simulate.reference import ReferenceScan, reference_scan

from .flawed import error_of, problem_of

CPU = torch.device("cpu")


def _wave(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))


def _state(seed: int) -> State:
    return State(_wave(12, 9, seed=seed), _wave(2, 5, 6, seed=seed + 1))


def test_it_learns_ever_more_seldom() -> None:
    assert [number for number in range(200) if soft.due(number)] == [2, 8, 32, 128]


def test_a_shift_is_what_its_derivatives_say() -> None:
    state = _state(0)
    by = 1e-2
    moved = soft._shifted(state, by)
    for name in ("object", "probe"):
        wanted = (getattr(moved, name) - getattr(state, name)) / by
        found = sum(getattr(shift, name) for shift in soft._shifts(state))
        assert (wanted - found).abs().max() < 0.05 * found.abs().max()


def test_the_preconditioner_stays_symmetric_and_positive(problem: Problem) -> None:
    data, state, a, b = load(problem, CPU), _state(0), _state(10), _state(20)
    learned = soft.Soft(torch.tensor([3.0, 40.0], dtype=torch.float64), torch.zeros(()))
    left = product(b, soft.conditioned(data, learned, state, a, a))
    right = product(a, soft.conditioned(data, learned, state, b, b))
    assert float(left) == pytest.approx(float(right), rel=1e-4)
    assert product(a, soft.conditioned(data, learned, state, a, a)) > product(a, a)


def test_a_shift_without_stiffness_is_left_alone(problem: Problem) -> None:
    data, state, a = load(problem, CPU), _state(0), _state(10)
    learned = soft.Soft(torch.tensor([0.0, -1.0], dtype=torch.float64), torch.zeros(()))
    assert torch.equal(soft.conditioned(data, learned, state, a, a).object, a.object)


def test_the_prior_pulls_down_the_roughness_and_not_the_scale() -> None:
    image, by = _wave(12, 9, seed=3), _wave(12, 9, seed=4)
    learned = soft.Soft(torch.zeros(2), torch.tensor(7.0))

    def cost(at: torch.Tensor) -> float:
        wide = at.to(torch.complex128).numpy()
        rough = sum((np.abs(np.diff(wide, axis=axis)) ** 2).sum() for axis in (0, 1))
        return float(7.0 * rough * (np.abs(image.numpy()) ** 2).sum() / (np.abs(wide) ** 2).sum())

    slope = (cost(image + 1e-3 * by) - cost(image - 1e-3 * by)) / 2e-3
    pull = soft.pull(learned, image)
    assert 2 * float(real(pull, by)) == pytest.approx(slope, rel=1e-3)
    assert abs(float(real(pull, image))) < 1e-4 * float(real(pull, pull)) ** 0.5
    assert float(soft.bend(learned, by)) == pytest.approx(7 * float(real(by, ops.roughness(by))), rel=1e-5)


def test_the_weight_is_what_the_objects_differences_say(scan: ReferenceScan, problem: Problem) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (*problem.object_shape, 2))
    image = (1 + noise[..., 0] + 1j * noise[..., 1]).astype(np.complex64)
    with torch.inference_mode():
        data = load(problem, CPU)
        state = start(replace(problem, object=image), data)
        learned = soft.learn(state, illumination(data, state), lambda at: at, 1.0)
        even = start(problem, data)
        none = soft.learn(even, illumination(data, even), lambda at: at, 1.0)
    # Each of the two differences of a pixel has the variance 2 (0.1^2 + 0.1^2).
    assert float(learned.smoothness) == pytest.approx(1 / (2 * 2 * 0.04), rel=0.1)
    assert float(none.smoothness) == 0.0, "an object of ones says nothing"


@pytest.mark.parametrize("photons", [1e6, 1e8])
def test_the_default_recipe_ends_at_the_noise_whatever_the_photons(photons: float) -> None:
    scan = reference_scan(50, 64, photons=photons)
    result = reconstruct(problem_of(scan), "default", device="cpu")
    dose = result.illumination
    lit = dose > 0.3 * dose.max()
    bound = np.sqrt((1 / dose[lit]).sum() / (np.abs(scan.object[lit]) ** 2).sum())
    assert error_of(result, scan) < 1.35 * bound


def test_a_fixed_probe_is_not_moved_by_the_shift(scan: ReferenceScan) -> None:
    problem = replace(problem_of(scan), probe=scan.probe)
    result = reconstruct(problem, parse("ml:4", {"ml.probe_start": "100"}), device="cpu")
    ratio = result.probe[np.abs(scan.probe) > 1] / scan.probe[np.abs(scan.probe) > 1]
    assert np.ptp(np.abs(ratio)) < 1e-5
