"""Series of shifts: three strategies find the same places; pairs that contradict the others count little."""

import numpy as np
import numpy.typing as npt
import pytest

from picpxct_nx.errors import UsageError
from picpxct_nx.images import correlation, shifts
from picpxct_nx.images.fourier import fourier_shift

SHAPE = (48, 50)
WHERE = correlation.band(SHAPE, real=True)


def series_of(moves: npt.NDArray[np.float64], sigma: float, signs: npt.NDArray[np.float64]) -> shifts.Spectra:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
    image = np.exp(-((y - 22) ** 2 + (x - 26) ** 2) / 18) + 0.6 * np.exp(-((y - 28) ** 2 + (x - 20) ** 2) / 8)
    noise = sigma * np.random.default_rng(0).normal(size=(len(moves), *SHAPE))
    images = [sign * fourier_shift(image, (m[0], m[1])) + n for m, n, sign in zip(moves, noise, signs, strict=True)]
    return np.array([correlation.spectrum(one, WHERE) for one in images])


@pytest.mark.parametrize("how", shifts.STRATEGIES)
def test_every_strategy_finds_the_shifts_and_the_reference_stays(how: shifts.Strategy) -> None:
    moves = np.random.default_rng(1).normal(0, 2, (7, 2))
    found = shifts.series(series_of(moves, 0.0, np.ones(7)), WHERE, how, 3)
    np.testing.assert_allclose(found.shift_px, moves[3] - moves, atol=1e-4)
    assert list(found.shift_px[3]) == [0, 0]
    assert (found.coherence > 1 - 1e-5).all()
    assert (found.closure_px is not None) == (how == "all-pairs")


def test_an_image_of_inverted_contrast_is_found_against_a_reference() -> None:
    moves = np.random.default_rng(2).normal(0, 2, (5, 2))
    found = shifts.series(series_of(moves, 0.0, np.array([1, -1, 1, -0.2, 1])), WHERE, "reference", 0)
    np.testing.assert_allclose(found.shift_px, moves[0] - moves, atol=1e-4)


def test_the_mean_is_surer_than_one_noisy_reference() -> None:
    moves = np.random.default_rng(3).normal(0, 2, (30, 2))
    spectra = series_of(moves, 0.15, np.ones(30))

    def rms(how: shifts.Strategy) -> float:
        apart = shifts.series(spectra, WHERE, how, 0).shift_px + moves
        return float(np.std(apart - apart.mean(axis=0)))

    assert rms("mean") < 0.75 * rms("reference")
    assert rms("all-pairs") < 0.75 * rms("reference")


def test_two_images_are_a_series() -> None:
    moves = np.array([[0.0, 0.0], [1.25, -2.5]])
    for how in shifts.STRATEGIES:
        found = shifts.series(series_of(moves, 0.0, np.ones(2)), WHERE, how, 0)
        np.testing.assert_allclose(found.shift_px, -moves, atol=1e-4)


def test_pairs_that_contradict_all_others_do_not_bend_the_shifts() -> None:
    true = np.random.default_rng(4).normal(0, 2, (8, 2))
    first, second = np.triu_indices(8, 1)
    pairs = true[second] - true[first] + np.random.default_rng(5).normal(0, 0.01, (len(first), 2))
    pairs[[3, 11]] += [6.0, -4.0]
    found, closure = shifts.agreeing(first, second, pairs)
    np.testing.assert_allclose(found, true - true.mean(axis=0), atol=0.03)
    assert closure > 0.5


def test_an_unknown_strategy_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="wanted one of reference, mean, all-pairs"):
        shifts.strategy("sequential")
