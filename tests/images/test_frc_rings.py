"""Ring sums against brute force and against pairs whose ring correlation is exact by construction."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import j0

from picpxct_nx.images.frc_rings import correlate_rings, make_rings

Real = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]


def brute_radius(shape: tuple[int, int]) -> Real:
    # |q| in units of the coarser frequency step, sample by sample
    radius = np.zeros(shape)
    for row in range(shape[0]):
        for column in range(shape[1]):
            y = (row if row < shape[0] / 2 else row - shape[0]) / shape[0]
            x = (column if column < shape[1] / 2 else column - shape[1]) / shape[1]
            radius[row, column] = np.sqrt(y * y + x * x) * min(shape)
    return radius


def exact_pair(n: int, snr: Real, *, real: bool, seed: int = 0) -> tuple[Complex, Complex]:
    """Spectra of two images whose correlation is snr/(1+snr) in each ring, by Gram-Schmidt ring by ring."""
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(3, n, n)) + (0 if real else 1j) * rng.normal(size=(3, n, n))
    spectra = np.fft.fft2(images)
    ring = np.round(brute_radius((n, n)))
    a, b = np.zeros((2, n, n), complex)
    for k in range(1, len(snr)):
        here = ring == k
        basis: list[Complex] = []
        for spectrum in spectra:
            vector = spectrum[here]
            for other in basis:
                overlap = np.vdot(other, vector)
                # real coefficients keep the Hermitian symmetry of a real image
                vector = vector - (overlap.real if real else overlap) * other
            basis.append(vector / np.linalg.norm(vector))
        a[here] = np.sqrt(snr[k]) * basis[0] + basis[1]
        b[here] = np.sqrt(snr[k]) * basis[0] + basis[2]
    return a, b


@pytest.mark.parametrize("shape", [(8, 8), (9, 9), (16, 16), (15, 16), (12, 30), (33, 20)])
def test_rings_hold_the_samples_a_count_by_hand_finds(shape: tuple[int, int]) -> None:
    rings = make_rings(shape)
    radius = brute_radius(shape)
    counts = [np.count_nonzero((radius >= k - 0.5) & (radius < k + 0.5)) for k in range(min(shape) // 2 + 1)]
    spectrum = np.ones(shape, complex)
    assert correlate_rings(spectrum, spectrum, rings)[1].tolist() == counts


def test_ring_counts_of_an_eight_by_eight_image() -> None:
    # ring 1: 4 axis + 4 diagonal; ring 2: 4 + 8; ring 3: (2,2) (3,0) (3,1) make 4 + 4 + 8;
    # ring 4: (3,2) and (3,3) make 8 + 4, the one row and column at -4 make 2 + 4 + 4
    spectrum = np.ones((8, 8), complex)
    assert correlate_rings(spectrum, spectrum, make_rings((8, 8)))[1].tolist() == [1, 8, 12, 16, 22]


@pytest.mark.parametrize("shape", [(64, 64), (63, 63), (40, 100)])
def test_rings_end_at_nyquist(shape: tuple[int, int]) -> None:
    rings = make_rings(shape)
    assert rings.frequency[-1] <= 0.5 < rings.frequency[-1] + rings.width


def test_thick_rings_do_not_overlap_and_cover_the_thin_ones() -> None:
    ones = np.ones((64, 64), complex)
    thick, thin = (correlate_rings(ones, ones, make_rings((64, 64), thickness=t))[1] for t in (3, 1))
    assert thick[0] == thin[:2].sum()
    assert thick[1] == thin[2:5].sum()


@pytest.mark.parametrize("real", [True, False])
def test_exact_pair_has_its_exact_correlation(*, real: bool) -> None:
    snr = 10.0 * np.exp(-np.arange(65) / 9.0)
    a, b = exact_pair(128, snr, real=real)
    if real:
        assert np.abs(np.fft.ifft2(a).imag).max() < 1e-15
    found, _ = correlate_rings(a, b, make_rings((128, 128)))
    np.testing.assert_allclose(found[1:], (snr / (1 + snr))[1:], atol=1e-12)


@pytest.mark.parametrize("shape", [(32, 32), (31, 44), (64, 33)])
def test_correlation_equals_a_slow_loop_over_rings(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    common, one, two = rng.normal(size=(3, *shape)) + 1j * rng.normal(size=(3, *shape))
    a, b = common + 0.7 * one, common + 0.7 * two
    radius = brute_radius(shape)
    expected = []
    for k in range(min(shape) // 2 + 1):
        cross, power_a, power_b = 0.0, 0.0, 0.0
        for at in zip(*np.nonzero((radius >= k - 0.5) & (radius < k + 0.5)), strict=True):
            cross += (a[at] * np.conj(b[at])).real
            power_a += abs(a[at]) ** 2
            power_b += abs(b[at]) ** 2
        expected.append(cross / np.sqrt(power_a * power_b))
    np.testing.assert_allclose(correlate_rings(a, b, make_rings(shape))[0], expected, atol=1e-12)


@pytest.mark.parametrize("factor", [1.0, 1e-9, 3e7])
def test_an_image_correlates_fully_with_itself_at_any_scale(factor: float) -> None:
    spectrum = np.fft.fft2(np.random.default_rng(2).normal(size=(48, 48)))
    np.testing.assert_allclose(correlate_rings(spectrum, factor * spectrum, make_rings((48, 48)))[0], 1, atol=1e-12)


def test_inverted_contrast_correlates_to_minus_one() -> None:
    spectrum = np.fft.fft2(np.random.default_rng(3).normal(size=(48, 48)))
    np.testing.assert_allclose(correlate_rings(spectrum, -spectrum, make_rings((48, 48)))[0], -1, atol=1e-12)


def test_a_constant_phase_turns_the_correlation_by_its_cosine() -> None:
    rng = np.random.default_rng(4)
    spectrum = rng.normal(size=(48, 48)) + 1j * rng.normal(size=(48, 48))
    found = correlate_rings(spectrum, np.exp(1j) * spectrum, make_rings((48, 48)))[0]
    np.testing.assert_allclose(found, np.cos(1.0), atol=1e-12)


def test_a_shift_multiplies_white_images_by_the_ring_mean_of_a_cosine() -> None:
    n, shift = 128, 1.5
    rng = np.random.default_rng(5)
    a = np.exp(1j * np.angle(np.fft.fft2(rng.normal(size=(n, n)))))
    b = a * np.exp(-2j * np.pi * np.fft.fftfreq(n) * shift)
    found = correlate_rings(a, b, make_rings((n, n)))[0]
    ring = np.round(brute_radius((n, n)))
    factor = np.cos(2 * np.pi * np.fft.fftfreq(n) * shift) * np.ones((n, 1))
    np.testing.assert_allclose(found, [factor[ring == k].mean() for k in range(n // 2 + 1)], atol=1e-12)
    np.testing.assert_allclose(found[8:49], j0(2 * np.pi * np.arange(8, 49) / n * shift), atol=0.02)


def test_noise_scatters_as_the_law_says() -> None:
    # 1/sqrt(n) for real images whose halves repeat, 1/sqrt(2n) for complex ones
    rng = np.random.default_rng(6)
    rings = make_rings((64, 64))
    real, both = [], []
    for _ in range(150):
        images = rng.normal(size=(4, 64, 64))
        frc, n = correlate_rings(np.fft.fft2(images[0]), np.fft.fft2(images[1]), rings)
        real.append(frc[3:-1] * np.sqrt(n[3:-1]))
        spectra = images[:2] + 1j * images[2:]
        frc, n = correlate_rings(spectra[0], spectra[1], rings)
        both.append(frc[3:-1] * np.sqrt(2 * n[3:-1]))
    assert np.std(real) == pytest.approx(1.0, abs=0.03)
    assert np.std(both) == pytest.approx(1.0, abs=0.03)


def test_a_ring_without_power_correlates_to_nothing() -> None:
    rings = make_rings((64, 64))
    spectrum = np.fft.fft2(np.random.default_rng(7).normal(size=(64, 64))) * (rings.index <= 20)
    found = correlate_rings(spectrum, spectrum, rings)[0]
    np.testing.assert_allclose(found[:21], 1, atol=1e-12)
    assert (found[21:] == 0).all()
    rounded = np.fft.fft2(np.fft.ifft2(spectrum))
    assert (correlate_rings(rounded, rounded, rings)[0][21:] == 0).all()
