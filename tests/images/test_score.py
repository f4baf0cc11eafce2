"""The score forgets what ptychography cannot know, and nothing else."""

import numpy as np
import pytest
from numpy.typing import NDArray

from picpxct_nx.images.score import LIT, lit_region, object_error
from picpxct_nx.simulate.reference import crystal_grains


@pytest.fixture(scope="module")
def truth() -> NDArray[np.complex64]:
    return crystal_grains((128, 120), 9.0, np.random.default_rng(5))


@pytest.fixture(scope="module")
def region() -> NDArray[np.bool_]:
    inside = np.zeros((128, 120), bool)
    inside[30:100, 34:88] = True
    return inside


def white_noise(shape: tuple[int, int], level: float, seed: int = 0) -> NDArray[np.complex128]:
    rng = np.random.default_rng(seed)
    noise: NDArray[np.complex128] = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    noise *= level / np.sqrt(2)
    return noise


def changed(
    image: NDArray[np.complex64], shift: tuple[float, float], ramp: tuple[float, float], scale: complex
) -> NDArray[np.complex64]:
    """Image shifted in Fourier space, then with a ramp (radian a pixel) and a scale."""
    ky, kx = np.fft.fftfreq(image.shape[0])[:, None], np.fft.fftfreq(image.shape[1])
    moved = np.fft.ifft2(np.fft.fft2(image) * np.exp(-2j * np.pi * (ky * shift[0] + kx * shift[1])))
    rows, columns = np.indices(image.shape)
    result: NDArray[np.complex64] = np.complex64(scale) * moved * np.exp(1j * (ramp[0] * rows + ramp[1] * columns))
    return result.astype(np.complex64)


def test_truth_has_no_error(truth: NDArray[np.complex64], region: NDArray[np.bool_]) -> None:
    assert object_error(truth, truth, region).error < 1e-3


@pytest.mark.parametrize(
    ("shift", "ramp"),
    [((0.0, 0.0), (0.0, 0.0)), ((0.4, -0.3), (0.02, 0.01)), ((5.3, -7.6), (0.11, -0.31)), ((-9.5, 8.5), (-1.2, 0.7))],
)
def test_scale_ramp_and_shift_are_no_error(
    truth: NDArray[np.complex64], region: NDArray[np.bool_], shift: tuple[float, float], ramp: tuple[float, float]
) -> None:
    score = object_error(changed(truth, shift, ramp, 1.7 * np.exp(2j)), truth, region)
    assert score.error < 0.01  # the window's edges ring by this much when the shift is large
    assert score.shift_px == pytest.approx((-shift[0], -shift[1]), abs=0.01)
    assert score.ramp == pytest.approx(ramp, abs=1e-3)
    assert abs(score.scale) == pytest.approx(1 / 1.7, rel=1e-2)


@pytest.mark.parametrize("level", [0.03, 0.1, 0.3])
def test_noise_is_the_error(truth: NDArray[np.complex64], region: NDArray[np.bool_], level: float) -> None:
    noise = white_noise((128, 120), level)
    image = changed((truth + noise).astype(np.complex64), (2.3, -1.4), (0.05, 0.03), 0.8j)
    expected = np.sqrt(np.sum(np.abs(noise[region]) ** 2) / np.sum(np.abs(truth[region]) ** 2))
    # The best complex scale shrinks a noisy image towards zero and its error by 1 / sqrt(1 + error^2).
    expected /= np.sqrt(1 + expected**2)
    assert object_error(image, truth, region).error == pytest.approx(expected, rel=0.03)


def test_what_lies_outside_the_region_does_not_count(truth: NDArray[np.complex64], region: NDArray[np.bool_]) -> None:
    image = truth.copy()
    image[:20] = 5
    image[:, 105:] = -3j
    assert object_error(image, truth, region).error < 1e-6


def test_a_quadratic_phase_is_an_error(truth: NDArray[np.complex64], region: NDArray[np.bool_]) -> None:
    rows = np.arange(128)[:, None] - 64
    bent = (truth * np.exp(1j * 1e-3 * rows**2)).astype(np.complex64)
    assert object_error(bent, truth, region).error > 0.2


def test_an_image_that_is_not_finite_has_no_score(truth: NDArray[np.complex64], region: NDArray[np.bool_]) -> None:
    image = truth.copy()
    image[50, 50] = np.nan
    assert np.isnan(object_error(image, truth, region).error)


def test_lit_region_is_where_the_dose_is_large() -> None:
    probe = np.zeros((2, 8, 8), np.complex64)
    probe[0, 2:6, 2:6] = 1.0
    probe[1, 3, 3] = 2.0
    region = lit_region(probe, np.array([[0.0, 0.0], [4.0, 4.9]]), (14, 14))
    dose = np.zeros((14, 14))
    for row, column in ((0, 0), (4, 4)):
        dose[row + 2 : row + 6, column + 2 : column + 6] += 1
        dose[row + 3, column + 3] += 4
    assert np.array_equal(region, dose > LIT * dose.max())
