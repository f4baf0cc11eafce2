"""Fourier tools against analytic images, brute-force sums and the Cramer-Rao bound."""

import numpy as np
import numpy.typing as npt
import pytest

from picpxct_nx.errors import InputError
from picpxct_nx.images.fourier import (
    centred_fft,
    centred_ifft,
    cosine_taper,
    fourier_shift,
    register,
    windowed,
)

Real = npt.NDArray[np.float64]
SHAPES = [(32, 32), (33, 32), (40, 51)]


def harmonics(shape: tuple[int, int], shift: tuple[float, float]) -> Real:
    # an image whose shifted twin can be written down: a few waves of the field
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    y, x = (y - shift[0]) / shape[0], (x - shift[1]) / shape[1]
    waves = [(1, 0, 0.3), (0, 2, 1.1), (3, -4, 2.0), (7, 5, 0.4), (-11, 9, 5.0)]
    return np.asarray(sum(np.cos(2 * np.pi * (u * y + v * x) + p) for u, v, p in waves))


@pytest.mark.parametrize("shape", SHAPES)
def test_centred_fft_is_the_written_sum(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    y, x = (np.arange(n) - n // 2 for n in shape)
    kernel_y, kernel_x = (np.exp(-2j * np.pi * np.outer(r, r) / r.size) for r in (y, x))
    np.testing.assert_allclose(centred_fft(image), kernel_y @ image @ kernel_x.T / np.sqrt(image.size), atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_centred_pair_inverts_and_keeps_energy(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(1).normal(size=(2, *shape))
    spectrum = centred_fft(image)
    assert np.sum(np.abs(spectrum) ** 2) == pytest.approx(np.sum(image**2), rel=1e-13)
    np.testing.assert_allclose(centred_ifft(spectrum), image, atol=1e-13)


@pytest.mark.parametrize("shape", SHAPES)
def test_shift_of_waves_is_the_analytic_one(shape: tuple[int, int]) -> None:
    moved = fourier_shift(harmonics(shape, (0.0, 0.0)), (0.5, -3.27))
    np.testing.assert_allclose(moved, harmonics(shape, (0.5, -3.27)), atol=1e-12)


def test_shift_by_whole_pixels_is_a_roll() -> None:
    image = np.random.default_rng(2).normal(size=(16, 17))
    np.testing.assert_allclose(fourier_shift(image, (3, -5)), np.roll(image, (3, -5), (0, 1)), atol=1e-13)


def test_shift_keeps_real_and_imaginary_parts_apart() -> None:
    rng = np.random.default_rng(3)
    real, imaginary = rng.normal(size=(2, 16, 16))
    together = fourier_shift(real + 1j * imaginary, (0.5, 0.3))
    np.testing.assert_allclose(together.real, fourier_shift(real, (0.5, 0.3)), atol=1e-13)
    np.testing.assert_allclose(together.imag, fourier_shift(imaginary, (0.5, 0.3)), atol=1e-13)


def test_half_pixel_shift_keeps_the_power_of_white_noise() -> None:
    noise = np.random.default_rng(4).normal(size=(256, 256))
    assert np.var(fourier_shift(noise, (0.5, 0.5))) == pytest.approx(np.var(noise), rel=0.015)


def test_shift_keeps_the_precision_of_its_input() -> None:
    assert fourier_shift(np.ones((8, 8), np.complex64), (0.5, 0.5)).dtype == np.complex64
    assert fourier_shift(np.ones((8, 8), np.float32), (0.5, 0.5)).dtype == np.float32


def test_taper_is_a_raised_cosine_at_the_edges_and_one_inside() -> None:
    window = cosine_taper((40, 60), 10)
    expected = 0.5 - 0.5 * np.cos(np.pi * (np.arange(10) + 0.5) / 10)
    np.testing.assert_allclose(window[:10, 30], expected, atol=1e-15)
    np.testing.assert_allclose(window[20, :10], expected, atol=1e-15)
    np.testing.assert_allclose(window, window[::-1, ::-1], atol=1e-15)
    assert window[10:30, 10:50].min() == 1.0


def test_taper_of_nothing_is_no_window() -> None:
    assert (cosine_taper((5, 7), 0) == 1).all()


@pytest.mark.parametrize("taper", [-1.0, 20.5])
def test_taper_beyond_half_the_image_is_refused(taper: float) -> None:
    with pytest.raises(InputError, match="half of the smaller side"):
        cosine_taper((40, 60), taper)


def test_windowed_image_has_no_mean() -> None:
    image = 5.0 + np.random.default_rng(5).normal(size=(32, 32))
    assert abs(windowed(image, cosine_taper((32, 32), 8)).sum()) < 1e-11


@pytest.mark.parametrize("shift", [(0.0, 0.0), (1.37, -2.61), (-12.5, 9.25), (0.49, 15.99)])
@pytest.mark.parametrize("shape", [(64, 64), (65, 90)])
def test_registration_returns_the_shift_that_brings_b_onto_a(
    shape: tuple[int, int], shift: tuple[float, float]
) -> None:
    rng = np.random.default_rng(6)
    a = rng.normal(size=shape)
    q = np.hypot(*np.meshgrid(*(np.fft.fftfreq(n) for n in shape), indexing="ij"))
    a = np.fft.ifft2(np.fft.fft2(a) * (q < 0.3)).real
    b = fourier_shift(a, (-shift[0], -shift[1]))
    assert register(a, b) == pytest.approx(shift, abs=1e-9)


def test_registration_ignores_contrast_inversion_and_constant_phase() -> None:
    a = np.random.default_rng(7).normal(size=(64, 64))
    b = fourier_shift(a, (2.3, -1.1))
    # white noise has power at Nyquist, where a shift has no sign: one step of 1/100 px may be lost
    assert register(a, -b) == pytest.approx((-2.3, 1.1), abs=0.0101)
    assert register(a.astype(complex), b * np.exp(1j)) == pytest.approx((-2.3, 1.1), abs=0.0101)


def test_registration_at_other_upsampling_is_a_multiple_of_its_step() -> None:
    a = np.random.default_rng(8).normal(size=(48, 48))
    found = register(a, fourier_shift(a, (-0.3, -0.7)), upsample=4)
    assert found == pytest.approx((0.25, 0.75), abs=1e-12)


def test_registration_under_noise_reaches_the_cramer_rao_bound() -> None:
    rng = np.random.default_rng(9)
    n, noise = 64, 0.3
    q = np.fft.fftfreq(n)
    low = np.hypot(q[:, None], q) < 0.2
    truth = np.fft.ifft2(np.fft.fft2(rng.normal(size=(n, n))) * low).real
    slope = np.fft.ifft2(2j * np.pi * q[:, None] * np.fft.fft2(truth)).real
    bound = np.sqrt(2) * noise / np.sqrt(np.sum(slope**2))
    # keeping the band of the image is the matched filter of white noise
    errors = []
    for _ in range(50):
        pair = [np.fft.ifft2(np.fft.fft2(truth + noise * rng.normal(size=(n, n))) * low) for _ in range(2)]
        errors.append(register(pair[0], pair[1], upsample=200))
    assert np.std(np.array(errors)[:, 0]) == pytest.approx(bound, rel=0.3)
