"""Threshold curves against published coefficients, and crossings against curves with a known one."""

import numpy as np
import pytest

from picpxct_nx.errors import UsageError
from picpxct_nx.images.frc_threshold import (
    correlation_sigma,
    first_crossing,
    moving_mean,
    parse_threshold,
    snr_threshold,
    threshold_curve,
)

SAMPLES = np.array([1, 8, 12, 100, 4096])


def test_one_bit_has_the_published_coefficients() -> None:
    root = np.sqrt(SAMPLES)
    expected = (0.5 + 2.4142135623730951 / root) / (1.5 + 1.4142135623730951 / root)
    found = threshold_curve(parse_threshold("one-bit"), SAMPLES, real_images=True)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_half_bit_has_the_published_coefficients() -> None:
    # published to four digits: 0.2071, 1.9102, 1.2071, 0.9102
    root = np.sqrt(SAMPLES)
    expected = (0.2071 + 1.9102 / root) / (1.2071 + 0.9102 / root)
    found = threshold_curve(parse_threshold("half-bit"), SAMPLES, real_images=False)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("snr", [0.01, 0.20710678, 0.5, 7.0])
def test_snr_threshold_is_one_for_one_sample_and_the_plain_correlation_for_many(snr: float) -> None:
    found = snr_threshold(np.array([1.0, 1e16]), snr)
    assert found[0] == pytest.approx(1.0, abs=1e-12)
    assert found[1] == pytest.approx(snr / (1 + snr), abs=1e-7)


def test_sigma_counts_half_the_samples_of_real_images() -> None:
    three = parse_threshold("sigma:3")
    np.testing.assert_allclose(threshold_curve(three, SAMPLES, real_images=True), 3 / np.sqrt(SAMPLES), atol=1e-12)
    np.testing.assert_allclose(threshold_curve(three, SAMPLES, real_images=False), 3 / np.sqrt(2 * SAMPLES), atol=1e-12)


def test_fixed_and_snr_take_their_numbers() -> None:
    assert threshold_curve(parse_threshold("fixed:0.143"), SAMPLES, real_images=True).tolist() == [0.143] * 5
    np.testing.assert_array_equal(
        threshold_curve(parse_threshold("snr:0.5"), SAMPLES, real_images=True), snr_threshold(SAMPLES, 0.5)
    )


@pytest.mark.parametrize("name", ["", "two-bit", "sigma", "sigma:", "sigma:-1", "fixed:1.2", "snr:nan", "snr:inf"])
def test_unknown_thresholds_are_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(UsageError, match="one-bit, half-bit"):
        parse_threshold(name)


def test_scatter_of_a_correlation_shrinks_as_it_rises() -> None:
    rng = np.random.default_rng(0)
    common, one, two = rng.normal(size=(3, 4000, 50)) + 1j * rng.normal(size=(3, 4000, 50))
    a, b = common + one, common + two
    found = np.sum((a * b.conj()).real, axis=1) / np.sqrt(np.sum(abs(a) ** 2, 1) * np.sum(abs(b) ** 2, 1))
    claim = float(correlation_sigma(0.5, np.array(50), real_images=False))
    assert np.std(found) == pytest.approx(claim, rel=0.06)


def test_moving_mean_of_a_line_is_the_line() -> None:
    line = np.arange(12.0)
    np.testing.assert_allclose(moving_mean(line, 5), line, atol=1e-12)


def test_moving_mean_averages_five() -> None:
    assert moving_mean(np.array([0.0, 0, 0, 5, 0, 0, 0]), 5).tolist() == [0, 0, 1, 1, 1, 0, 0]


def test_crossing_of_a_line_is_where_the_line_crosses() -> None:
    ring = np.arange(33)
    found, reason = first_crossing(1 - ring / 32, np.full(33, 0.3), skip=5)
    assert found == pytest.approx(0.7 * 32, abs=1e-12)
    assert reason == ""


def test_the_first_of_two_crossings_counts() -> None:
    curve = np.array([1.0, 1, 1, 0, 1, 0])
    assert first_crossing(curve, np.full(6, 0.5), skip=1)[0] == pytest.approx(2.5)


def test_skipped_rings_do_not_count() -> None:
    curve = np.array([0.0, 0, 1, 1, 1, 0])
    assert first_crossing(curve, np.full(6, 0.5), skip=2)[0] == pytest.approx(4.5)


def test_a_curve_that_never_falls_has_no_resolution() -> None:
    found, reason = first_crossing(np.ones(33), np.full(33, 0.3), skip=5)
    assert found is None
    assert "better than Nyquist, not reached" in reason


def test_a_curve_that_starts_below_has_no_resolution_even_if_noise_rises_later() -> None:
    curve = np.zeros(33)
    curve[20] = 0.9
    found, reason = first_crossing(curve, np.full(33, 0.3), skip=5)
    assert found is None
    assert "already at ring 5" in reason
