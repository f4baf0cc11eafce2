"""Flattening: air becomes 1 + 0j, to the Cramer-Rao bound, with errors that hold."""

import numpy as np
import pytest

from picpxct_nx.errors import InputError
from picpxct_nx.images.flatten import flatten
from picpxct_nx.simulate.air_cases import AirCase, air_case


def bound(case: AirCase) -> np.ndarray:
    y, x = (np.arange(n) - n // 2 for n in case.air.shape)
    plane = np.stack([np.ones(case.air.shape), np.broadcast_to(y[:, None], case.air.shape), x + 0 * y[:, None]])
    weighted = plane * (case.weight * case.air)
    return np.asarray(case.noise * np.sqrt(np.diag(np.linalg.inv(np.einsum("iyx,jyx->ij", weighted, plane)))))


def test_errors_are_at_the_cramer_rao_bound_and_are_what_is_claimed() -> None:
    scores, claims = [], []
    for seed in range(1, 41):
        case = air_case(seed, "annular", side=64)
        flat = flatten(case.image, case.air, case.weight)
        error = np.array([flat.ramp.constant - case.constant, *np.subtract(flat.ramp.slope, case.slope)])
        error[0] = np.angle(np.exp(1j * error[0]))
        scores.append(error / bound(case))
        claims.append([*(error[1:] / flat.ramp.slope_sigma), (flat.modulus - case.scale) / flat.modulus_sigma])
    assert np.abs(scores).max() < 5
    np.testing.assert_allclose(np.sqrt(np.mean(np.square(scores))), 1.0, atol=0.2)
    np.testing.assert_allclose(np.sqrt(np.mean(np.square(claims))), 1.0, atol=0.25)


def test_the_mean_of_air_becomes_one_however_noisy() -> None:
    case = air_case(2, "annular", side=96, noise=0.3)
    flat = flatten(case.image, case.air, case.weight)
    assert np.mean(flat.image[case.air]) == pytest.approx(1.0, abs=1e-3)
    # The mean of |z| would be 1.045: noise enlarges a modulus.
    assert flat.modulus == pytest.approx(case.scale, rel=0.01)
    assert flat.noise == pytest.approx(0.3, rel=0.05)


def test_the_sample_keeps_its_own_phase_and_modulus() -> None:
    case = air_case(0, "annular", side=96, noise=1e-6)
    flat = flatten(case.image, case.air, case.weight)
    plane = case.scale * np.exp(1j * case.constant)
    y, x = np.ogrid[:96, :96]
    truth = case.image / (plane * np.exp(1j * (case.slope[0] * (y - 48) + case.slope[1] * (x - 48))))
    np.testing.assert_allclose(flat.image, truth, atol=2e-4)


def test_the_constant_alone_leaves_the_ramp() -> None:
    y = np.arange(64) - 32
    image = 2 * np.exp(1j * (0.7 + 0.01 * y))[:, None] * np.ones((64, 64))
    flat = flatten(image, np.ones((64, 64), bool), np.ones((64, 64)), order="constant")
    assert flat.ramp.slope == (0.0, 0.0)
    assert np.angle(flat.image[40, 3] / flat.image[39, 3]) == pytest.approx(0.01)


def test_the_modulus_can_be_left_as_it_is() -> None:
    image = np.full((32, 32), 2 * np.exp(1j))
    flat = flatten(image, np.ones((32, 32), bool), np.ones((32, 32)), amplitude=False)
    np.testing.assert_allclose(flat.image, 2.0)
    assert (flat.modulus, flat.modulus_sigma) == (1.0, 0.0)


def test_a_few_pixels_of_air_are_too_few() -> None:
    air = np.zeros((32, 32), bool)
    air[3, :10] = True
    with pytest.raises(InputError, match="found 10 known pixels of air; wanted 16"):
        flatten(np.ones((32, 32), complex), air, np.ones((32, 32)))
