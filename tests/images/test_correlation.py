"""Shifts from correlation: exact without noise, and as sure as they say with it."""

import numpy as np
import numpy.typing as npt
import pytest

from picpxct_nx.images import correlation
from picpxct_nx.images.fourier import fourier_shift

Complex = npt.NDArray[np.complex128]


def blobs(shape: tuple[int, int]) -> Complex:
    # band-limited, and zero at the border
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    places = [(0.4, 0.5, 3.0, 1.0), (0.55, 0.35, 2.0, -0.7j), (0.5, 0.6, 2.5, 0.5 + 0.5j), (0.62, 0.55, 2.0, 1j)]
    terms = [a * np.exp(-((y - v * shape[0]) ** 2 + (x - u * shape[1]) ** 2) / (2 * s**2)) for v, u, s, a in places]
    return np.asarray(sum(terms))


@pytest.mark.parametrize("shape", [(48, 48), (49, 54)])
@pytest.mark.parametrize("real", [True, False])
@pytest.mark.parametrize("factor", [1.0, -0.3, 1j])
def test_a_shift_is_found_beyond_any_grid_whatever_the_contrast(
    shape: tuple[int, int], real: bool, factor: complex
) -> None:
    image = blobs(shape).real if real else blobs(shape)
    gain = complex(factor).real or 1.0 if real else factor
    moved = gain * fourier_shift(image, (5.3217, -7.8764))
    where = correlation.band(shape, real=real)
    a, b = correlation.spectrum(image, where), correlation.spectrum(moved, where)
    np.testing.assert_allclose(correlation.find(a, b, where), [-5.3217, 7.8764], atol=2e-5)
    np.testing.assert_allclose(correlation.refine(a, b, where, np.array([-5.0, 8.0])), [-5.3217, 7.8764], atol=2e-5)
    assert correlation.coherence(a, b, where, np.array([-5.3217, 7.8764])) == pytest.approx(1, abs=1e-5)


def test_a_moved_spectrum_is_that_of_the_moved_image() -> None:
    image, shift = blobs((40, 44)), np.array([1.3, -2.6])
    where = correlation.band(image.shape, real=False)
    moved = correlation.moved(correlation.spectrum(image, where), where, shift)
    np.testing.assert_allclose(moved, correlation.spectrum(fourier_shift(image, (1.3, -2.6)), where), atol=1e-4)


@pytest.mark.parametrize("real", [True, False])
def test_errors_are_the_scatter_and_the_cramer_rao_bound(real: bool) -> None:
    shape, sigma = (48, 48), 0.05
    image = blobs(shape).real if real else blobs(shape)
    where, rng = correlation.band(shape, real=real), np.random.default_rng(0)
    a = correlation.spectrum(image, where)
    slopes = correlation.differentiate(a, where)
    shifts, told = [], []
    for _ in range(200):
        noise = rng.normal(size=shape) + (0 if real else 1j * rng.normal(size=shape))
        b = correlation.spectrum(image + sigma * noise, where)
        shifts.append(correlation.refine(a, b, where, np.zeros(2)))
        told.append(correlation.errors(a, b, where, shifts[-1], slopes))
    fisher = np.sum(np.abs(slopes) ** 2, axis=(1, 2)) / sigma**2
    scatter = np.std(shifts, axis=0)
    np.testing.assert_allclose(scatter, 1 / np.sqrt(fisher), rtol=0.25)
    np.testing.assert_allclose(np.sqrt(np.mean(np.square(told), axis=0)), scatter, rtol=0.2)


def test_an_image_without_content_moves_nowhere_and_is_not_sure() -> None:
    where = correlation.band((32, 32), real=True)
    nothing = correlation.spectrum(np.zeros((32, 32)), where)
    something = correlation.spectrum(blobs((32, 32)).real, where)
    assert list(correlation.find(something, nothing, where)) == [0, 0]
    assert correlation.coherence(something, nothing, where, np.zeros(2)) == 0
    slopes = correlation.differentiate(something, where)
    assert np.isinf(correlation.errors(something, nothing, where, np.zeros(2), slopes)).all()
