"""Phase ramps: found to the Cramer-Rao bound, with errors that hold."""

import numpy as np
import numpy.typing as npt
import pytest

from picpxct_nx.errors import InputError
from picpxct_nx.images.ramp import Ramp, match_constant, match_ramp, ramp_factor


def plane(shape: tuple[int, int], constant: float, slope: tuple[float, float]) -> npt.NDArray[np.complex128]:
    y, x = np.mgrid[: shape[0], : shape[1]]
    phase = constant + slope[0] * (y - shape[0] // 2) + slope[1] * (x - shape[1] // 2)
    return np.asarray(np.exp(1j * phase))


def test_ramp_factor_is_the_written_plane() -> None:
    ramp = Ramp(0.7, (0.3, -0.2), 0.0, (0.0, 0.0))
    np.testing.assert_allclose(ramp_factor((31, 40), ramp), plane((31, 40), 0.7, (0.3, -0.2)), atol=1e-12)


@pytest.mark.parametrize("slope", [(0.0, 0.0), (1.1, -3.1), (-0.02, 2.9)])
def test_ramp_without_noise_is_recovered_exactly(slope: tuple[float, float]) -> None:
    rng = np.random.default_rng(10)
    b = 1.0 + 0.5 * (rng.normal(size=(48, 55)) + 1j * rng.normal(size=(48, 55)))
    found = match_ramp(0.3 * b * plane(b.shape, -2.5, slope), b, np.ones(b.shape))
    assert (found.constant, *found.slope) == pytest.approx((-2.5, *slope), abs=1e-9)


@pytest.mark.parametrize("ring", [False, True])
@pytest.mark.parametrize("noise", [0.02, 0.3])
def test_ramp_reaches_the_cramer_rao_bound(noise: float, *, ring: bool) -> None:
    # an annulus of air is where the peak of a spectrum alone goes wrong
    n = 64
    y, x = np.mgrid[:n, :n] - n // 2
    weight = ((np.hypot(y, x) > 24) | (not ring)).astype(float)
    fisher = np.stack([np.ones((n, n)), y, x]).reshape(3, -1)
    bound = noise * np.sqrt(np.diag(np.linalg.inv(fisher * weight.ravel() @ fisher.T)))
    rng = np.random.default_rng(11)
    scores, claims = [], []
    for _ in range(120):
        truth = np.array([rng.uniform(-3, 3), *rng.uniform(-20, 20, 2) * 2 * np.pi / n])
        a = plane((n, n), truth[0], (truth[1], truth[2]))
        a = a + noise * (rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)))
        found = match_ramp(a, np.ones((n, n)), weight)
        error = np.array([found.constant, *found.slope]) - truth
        error[0] = np.angle(np.exp(1j * error[0]))
        scores.append(error / bound)
        claims.append(np.array([found.constant_sigma, *found.slope_sigma]) / bound)
    assert np.abs(scores).max() < 5  # no failure among all ramps
    np.testing.assert_allclose(np.std(scores, axis=0), 1.0, atol=0.25)
    np.testing.assert_allclose(np.mean(claims, axis=0), 1.0, atol=0.05)


def test_ramp_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="no plane"):
        match_ramp(np.ones((8, 8)), np.ones((8, 8)), np.zeros((8, 8)))


def test_errors_clustered_by_blocks_hold_for_correlated_noise() -> None:
    # Noise averaged over 3 x 3 pixels: the sandwich of single pixels claims a third of the error.
    n, rng = 96, np.random.default_rng(12)
    ratios = []
    for _ in range(60):
        noise = rng.normal(size=(n + 2, n + 2)) + 1j * rng.normal(size=(n + 2, n + 2))
        blurred = np.mean([noise[i : i + n, j : j + n] for i in range(3) for j in range(3)], axis=0)
        found = match_ramp(1 + 0.3 * blurred, np.ones(()), np.ones((n, n)), start=(0.0, 0.0), block_px=8)
        ratios.append([found.constant / found.constant_sigma, found.slope[0] / found.slope_sigma[0]])
    np.testing.assert_allclose(np.std(ratios, axis=0), 1.0, atol=0.3)


def test_the_phase_of_a_ramp_has_its_least_error_amid_the_weight() -> None:
    rng, weight = np.random.default_rng(13), np.zeros((40, 40))
    weight[30:, 30:] = 1
    ramp = match_ramp(1 + 0.1 * rng.normal(size=(40, 40, 2)) @ [1, 1j], np.ones(()), weight, start=(0.0, 0.0))
    assert ramp.at((0.0, 0.0)) == pytest.approx((ramp.constant, ramp.constant_sigma))
    assert ramp.at((14.5, 14.5))[1] < 0.2 * ramp.constant_sigma


def test_the_constant_alone_is_the_angle_of_the_sum() -> None:
    rng = np.random.default_rng(14)
    image = np.exp(2.1j) * (1 + 0.2 * rng.normal(size=(64, 64, 2)) @ [1, 1j])
    found = match_constant(image, np.ones(()), np.ones((64, 64)))
    assert found.slope == (0.0, 0.0)
    assert found.constant == pytest.approx(np.angle(image.sum()))
    assert found.constant_sigma == pytest.approx(0.2 / 64, rel=0.1)
    with pytest.raises(InputError, match="no pixels"):
        match_constant(image, np.ones(()), np.zeros((64, 64)))
