"""Preparation of a pair against simulated transmissions with known shift, ramp and position."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from picpxct_nx.errors import InputError
from picpxct_nx.images.fourier import Image, cosine_taper, fourier_shift, windowed
from picpxct_nx.images.frc_pair import (
    Variant,
    as_variant,
    common_field,
    count_wraps,
    default_taper,
    prepare_pair,
    same_pixel,
    tapered_spectrum,
)

Real = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]
PIXEL = 48.8e-9


def thickness(n: int, seed: int = 0) -> Real:
    # particles with inner structure in air, periodic in the field, smooth over a pixel
    rng = np.random.default_rng(seed)
    shape = ndimage.gaussian_filter(rng.normal(size=(n, n)), n / 24, mode="wrap") > 0
    grain = ndimage.gaussian_filter(rng.random((n, n)), 1.2, mode="wrap")
    return np.asarray(ndimage.gaussian_filter(shape * grain * 3.0, 1.2, mode="wrap"))


def transmission(n: int, seed: int = 0) -> Complex:
    t = thickness(n, seed)
    return np.asarray(np.exp(-0.55j * t - 0.05 * t))


def noisy(t: Complex, sigma: float, seed: int) -> Complex:
    rng = np.random.default_rng(seed)
    return np.asarray(t + sigma * (rng.normal(size=t.shape) + 1j * rng.normal(size=t.shape)))


def with_plane(t: Image, constant: float, slope: tuple[float, float]) -> Complex:
    y, x = np.mgrid[: t.shape[0], : t.shape[1]]
    return np.asarray(t * np.exp(1j * (constant + slope[0] * y + slope[1] * x)))


@pytest.mark.parametrize("shift", [(0.0, 0.0), (3.37, -5.61), (-11.2, 0.5)])
def test_shift_is_recovered_under_noise_ramps_and_cropping(shift: tuple[float, float]) -> None:
    whole = transmission(256)
    crop = np.s_[32:224, 32:224]
    a = with_plane(noisy(whole, 0.02, 1)[crop], 2.0, (0.5, 0.3))
    b = with_plane(noisy(np.asarray(fourier_shift(whole, shift)), 0.02, 2)[crop], 1.0, (0.2, -0.1))
    pair = prepare_pair(a, b, taper_px=None)
    assert pair.shift_px == pytest.approx((-shift[0], -shift[1]), abs=0.02)
    assert max(np.abs(pair.residual_px)) <= 0.5
    assert pair.a.shape == pair.b.shape == tuple(192 - round(abs(s)) for s in shift)


@pytest.mark.parametrize(("corr", "radians"), [(4, 3.0), (10, 2.0)])
def test_a_thick_object_without_air_is_registered_across_ramps(corr: int, radians: float) -> None:
    # a ramp left over from the displaced images would bias the gradients: 0.5 px without the second match
    phase = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(320, 320)), corr, mode="wrap")
    whole, crop = np.exp(1j * radians * phase / phase.std()), np.s_[64:256, 64:256]
    a = with_plane(noisy(whole, 0.03, 1)[crop], 2.0, (0.4, 0.3))
    b = with_plane(noisy(np.asarray(fourier_shift(whole, (35.3, -21.6))), 0.03, 2)[crop], 1.0, (0.2, -0.1))
    assert prepare_pair(a, b, taper_px=None).shift_px == pytest.approx((-35.3, 21.6), abs=0.1)


def test_ramp_and_constant_of_a_follow_b_after_preparation() -> None:
    whole = transmission(256)
    crop = np.s_[32:224, 32:224]
    a = with_plane(whole[crop], 2.0, (0.5, 0.3))
    b = with_plane(np.asarray(fourier_shift(whole, (3.0, -5.0)))[crop], 1.0, (0.2, -0.1))
    pair = prepare_pair(a, b, taper_px=None)
    misfit = np.angle(pair.a * pair.b.conj())
    assert np.abs(misfit).max() < 1e-3


def test_preparation_left_out_leaves_the_images_alone() -> None:
    a, b = noisy(transmission(64), 0.02, 1), noisy(transmission(64), 0.02, 2)
    pair = prepare_pair(a, b, taper_px=None, align=False, ramp=False)
    assert (pair.a == a).all()
    assert (pair.b == b).all()
    assert pair.shift_px == pair.residual_px == (0.0, 0.0)


def test_inverted_contrast_is_registered() -> None:
    whole = thickness(256)
    moved = np.asarray(fourier_shift(whole, (2.3, -4.6)))
    pair = prepare_pair(whole[32:224, 32:224], 7.0 - moved[32:224, 32:224], taper_px=None)
    assert pair.shift_px == pytest.approx((-2.3, 4.6), abs=0.02)


def test_a_shift_of_the_tapered_spectrum_does_not_ring() -> None:
    # an image that is not periodic: a plain Fourier shift of it rings, the tapered spectrum must not
    n, shift = 128, (0.5, 0.31)
    y, x = np.mgrid[:n, :n].astype(float)
    window = cosine_taper((n, n), 32)
    expected = windowed(0.05 * y + np.sin(0.3 * x), window)
    moved = 0.05 * (y + shift[0]) + np.sin(0.3 * (x + shift[1]))
    found = np.fft.ifft2(tapered_spectrum(moved, 32, shift_px=shift)).real
    assert np.abs(found - expected).max() < 2e-3 * np.abs(expected).max()
    plain = windowed(fourier_shift(moved, shift), window)
    assert np.abs(plain - expected).max() > 20 * np.abs(found - expected).max()


def test_common_field_of_two_crops_is_one_field() -> None:
    whole = transmission(200)
    a, b = whole[10:150, 20:160], whole[30:190, 5:140]
    found = common_field(a, b, pixel=PIXEL, origin_a=(10 * PIXEL, 20 * PIXEL), origin_b=(30 * PIXEL, 5 * PIXEL))
    assert (found.a == whole[30:150, 20:140]).all()
    assert (found.b == found.a).all()
    assert found.origin == pytest.approx((30 * PIXEL, 20 * PIXEL), rel=1e-12)
    assert found.residual_px == pytest.approx((0.0, 0.0), abs=1e-9)


def test_common_field_names_the_shift_that_is_left() -> None:
    # b samples the same periodic field 0.3 px lower and 0.4 px further left than whole pixels
    whole = transmission(128)
    between = np.asarray(fourier_shift(whole, (-0.3, 0.4)))
    found = common_field(whole, between[5:, 7:], pixel=PIXEL, origin_a=(0.0, 0.0), origin_b=(5.3 * PIXEL, 6.6 * PIXEL))
    assert found.residual_px == pytest.approx((0.3, -0.4), abs=1e-9)
    pair = prepare_pair(found.a, found.b, taper_px=None)
    assert pair.shift_px == pytest.approx(found.residual_px, abs=0.02)


def test_fields_that_do_not_meet_are_refused() -> None:
    image = np.ones((40, 40))
    with pytest.raises(InputError, match="no overlap"):
        common_field(image, image, pixel=1e-8, origin_a=(0.0, 0.0), origin_b=(0.0, 41e-8))


@pytest.mark.parametrize("pixel", [0.0, -1e-9, np.nan, np.inf])
def test_pixel_sizes_that_are_no_lengths_are_refused(pixel: float) -> None:
    with pytest.raises(InputError, match="positive length"):
        same_pixel(pixel, pixel, side_px=64)


def test_pixel_sizes_are_one_as_long_as_the_edges_meet() -> None:
    assert same_pixel(48.8e-9, 48.8e-9 * (1 + 5e-5), side_px=1024) == 48.8e-9
    with pytest.raises(InputError, match="resample"):
        same_pixel(48.8e-9, 48.8e-9 * (1 + 5e-4), side_px=1024)


def test_variants_are_what_they_say() -> None:
    t = np.full((2, 2), 0.8 * np.exp(-0.3j))
    expected: dict[Variant, complex] = {
        "phase": -0.3, "absorption": -np.log(0.8), "complex": t[0, 0], "phasor": np.exp(-0.3j),
    }  # fmt: skip
    for variant, value in expected.items():
        np.testing.assert_allclose(as_variant(t, variant), value, atol=1e-15)


@pytest.mark.parametrize("variant", ["absorption", "phasor"])
def test_zero_transmission_is_refused_where_it_has_no_value(variant: Variant) -> None:
    with pytest.raises(InputError, match="zero transmission"):
        as_variant(np.array([[1.0, 0.0]], complex), variant)


def test_default_taper_is_the_larger_of_twenty_and_eight_percent() -> None:
    assert [default_taper((n, n + 5)) for n in (32, 100, 512)] == [16, 20, 41]


def test_wraps_are_counted_inside_the_window_only() -> None:
    phase = np.zeros((8, 8))
    phase[:, 4:] = 4.0
    window = np.ones((8, 8))
    window[:2] = 0.0
    assert count_wraps(phase, window) == 6
    assert count_wraps(phase.T, window.T) == 6
