"""Ring correlation and resolution of image pairs whose answer is known."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.images.fourier import fourier_shift
from picpxct_nx.images.frc import FrcOptions, RingCorrelation, frc, sentence
from picpxct_nx.images.frc_pair import Variant
from picpxct_nx.images.frc_threshold import snr_threshold

Real = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]
PIXEL = 48.8e-9
PLAIN = FrcOptions(taper_px=0, align=False, ramp=False)


def frequencies(n: int) -> Real:
    return np.asarray(np.hypot(np.fft.fftfreq(n)[:, None], np.fft.fftfreq(n)))


def noise(n: int, seed: int) -> Real:
    return np.random.default_rng(seed).normal(size=(n, n))


def filtered(image: Real, transfer: npt.NDArray[np.float64 | np.bool_]) -> Real:
    return np.asarray(np.fft.ifft2(np.fft.fft2(image) * transfer).real)


def scene(n: int, seed: int = 0) -> Real:
    # sharp-edged overlapping squares, so that a crop is cut at its borders
    rng = np.random.default_rng(seed)
    image = np.zeros((n, n))
    for _ in range(n // 2):
        y, x = rng.integers(0, n, 2).tolist()
        side = int(rng.integers(4, n // 8))
        rows, columns = np.arange(y, y + side) % n, np.arange(x, x + side) % n
        image[np.ix_(rows, columns)] += rng.normal()
    return filtered(image, np.exp(-((frequencies(n) / 0.15) ** 2)))


def half(result: RingCorrelation) -> float:
    assert result.half_period is not None
    return result.half_period


def smoothed(result: RingCorrelation) -> float:
    assert result.smoothed_half_period is not None
    return result.smoothed_half_period


def hermitian_gram_schmidt(n: int, correlation: Real) -> tuple[Real, Real]:
    """Two real images with this correlation in each ring: unit vectors a and c a + sqrt(1 - c^2) n, a.n = 0."""
    ring = np.floor(frequencies(n) * n + 0.5)
    a, b = np.fft.fft2(noise(n, 1)), np.fft.fft2(noise(n, 2))
    out_a, out_b = np.zeros((2, n, n), complex)
    for k in range(1, n // 2 + 1):
        here = ring == k
        unit = a[here] / np.linalg.norm(a[here])
        other = b[here] - np.vdot(unit, b[here]).real * unit
        out_a[here] = unit
        out_b[here] = correlation[k] * unit + np.sqrt(1 - correlation[k] ** 2) * other / np.linalg.norm(other)
    return np.fft.ifft2(out_a).real, np.fft.ifft2(out_b).real


@pytest.mark.parametrize("n", [128, 127])
def test_curve_threshold_and_crossing_of_an_exact_pair(n: int) -> None:
    ring = np.arange(n // 2 + 1)
    snr = 20 * np.exp(-ring / 12.0)
    expected = snr / (1 + snr)
    found = frc(*hermitian_gram_schmidt(n, expected), pixel=PIXEL, options=PLAIN)
    np.testing.assert_allclose(found.correlation[1:], expected[1:], atol=1e-12)
    np.testing.assert_allclose(found.spatial_frequency, ring / (n * PIXEL), rtol=1e-13)
    np.testing.assert_allclose(found.threshold, snr_threshold(found.samples, 0.5), atol=1e-12)
    assert found.nyquist == pytest.approx(0.5 / PIXEL)
    crossing = np.interp(0.0, -(expected - found.threshold)[5:], ring[5:])
    assert half(found) == pytest.approx(n * PIXEL / (2 * crossing), rel=1e-10)
    assert found.full_period == pytest.approx(2 * half(found), rel=1e-15)


def test_complex_images_are_correlated_as_they_are() -> None:
    n = 96
    a, b = (noise(n, s) + 1j * noise(n, s + 1) for s in (1, 3))
    b = a + b
    found = frc(a, b, pixel=PIXEL, options=dataclasses.replace(PLAIN, image="complex"))
    spectra = np.fft.fft2(a - a.mean()), np.fft.fft2(b - b.mean())
    here = np.round(frequencies(n) * n) == 30
    inner = np.vdot(spectra[1][here], spectra[0][here]).real
    norms = np.linalg.norm(spectra[0][here]) * np.linalg.norm(spectra[1][here])
    assert found.correlation[30] == pytest.approx(inner / norms, abs=1e-12)


@pytest.mark.parametrize("cut", [20, 37, 50])
def test_resolution_of_a_band_limited_pair_is_its_band(cut: int) -> None:
    n = 128
    band = frequencies(n) * n < cut + 0.5
    a, b = (filtered(noise(n, 0), band) + 0.5 * filtered(noise(n, s), ~band) for s in (1, 2))
    found = frc(a, b, pixel=PIXEL, options=PLAIN)
    assert cut <= n * PIXEL / (2 * half(found)) <= cut + 1


def test_an_image_against_itself_is_never_given_the_nyquist_resolution() -> None:
    image = scene(128)
    found = frc(image, image, pixel=PIXEL)
    np.testing.assert_allclose(found.correlation[1:], 1, atol=1e-9)
    assert found.half_period is None
    assert found.full_period is None
    assert found.smoothed_half_period is None
    assert "better than Nyquist, not reached" in found.unresolved
    assert "not established" in sentence(found)
    assert any("share noise" in warning for warning in found.warnings)


def test_inverted_contrast_has_no_resolution() -> None:
    image = scene(128)
    found = frc(image, -image, pixel=PIXEL)
    np.testing.assert_allclose(found.correlation[1:], -1, atol=1e-9)
    assert found.half_period is None
    assert "below the threshold" in found.unresolved


def test_unrelated_noise_has_no_resolution() -> None:
    found = frc(noise(128, 0), noise(128, 1), pixel=PIXEL, options=PLAIN)
    assert found.half_period is None
    assert found.warnings == ()


@pytest.mark.parametrize("image", ["phase", "phasor", "complex", "absorption"])
def test_shift_ramp_and_constant_do_not_change_the_resolution(image: Variant) -> None:
    n, crop = 320, np.s_[32:288, 32:288]
    thickness = np.clip(scene(n), 0, None)
    t = np.exp(-0.3j * thickness - 0.1 * thickness)
    grain = [0.03 * (noise(n, s) + 1j * noise(n, s + 10)) for s in (1, 2)]
    y, x = np.mgrid[:256, :256]
    a = (t + grain[0])[crop]
    ideal = frc(a, (t + grain[1])[crop], pixel=PIXEL, options=dataclasses.replace(PLAIN, taper_px=20, image=image))
    b = (fourier_shift(t, (3.37, -5.61)) + grain[1])[crop] * np.exp(1j * (1.0 + 0.2 * y - 0.1 * x))
    a = a * np.exp(1j * (0.4 * y + 0.3 * x - 2.0))
    found = frc(a, b, pixel=PIXEL, options=FrcOptions(image=image))
    assert found.shift_px == pytest.approx((-3.37, 5.61), abs=0.03)
    assert smoothed(found) == pytest.approx(smoothed(ideal), rel=0.05)
    assert found.image == image
    off = frc(a, b, pixel=PIXEL, options=FrcOptions(image=image, align=False, ramp=False))
    assert off.half_period is None or half(off) > 1.3 * half(found)


def test_cropping_without_a_taper_flatters_and_the_default_taper_does_not() -> None:
    n = 512
    smooth = filtered(noise(n, 0), np.exp(-((frequencies(n) / 0.08) ** 2)))
    whole = [1.0 + smooth + 0.003 * noise(n, s) for s in (1, 2)]
    truth = smoothed(frc(*whole, pixel=PIXEL, options=PLAIN))
    crops = [image[100:356, 60:316] for image in whole]
    bare = frc(*crops, pixel=PIXEL, options=PLAIN)
    tapered = frc(*crops, pixel=PIXEL, options=FrcOptions(align=False))
    assert bare.smoothed_half_period is None or smoothed(bare) < 0.8 * truth
    assert any("taper" in warning for warning in bare.warnings)
    assert tapered.taper_px == 20
    assert smoothed(tapered) == pytest.approx(truth, rel=0.02)


def test_shared_noise_raises_the_plateau_warning_and_independent_noise_does_not() -> None:
    n = 256
    common = 0.6 * noise(n, 9)
    clean = scene(n)
    alone = frc(*(clean + noise(n, s) for s in (1, 2)), pixel=PIXEL)
    shared = frc(*(clean + noise(n, s) + common for s in (1, 2)), pixel=PIXEL)
    assert not any("share noise" in warning for warning in alone.warnings)
    assert any("share noise" in warning for warning in shared.warnings)


def test_a_crossing_that_is_noise_is_told() -> None:
    # One seventh lies below the noise of the first rings, which starts above it and falls through it one time in five.
    told = 0
    for seed in range(0, 60, 2):
        pair = noise(128, seed), noise(128, seed + 1)
        found = frc(*pair, pixel=PIXEL, options=dataclasses.replace(PLAIN, threshold="fixed:0.143"))
        if found.half_period is not None:
            assert any("what noise alone reaches" in warning for warning in found.warnings)
            told += 1
    assert told > 0
    clean = scene(128)
    good = frc(clean + 0.1 * noise(128, 1), clean + 0.1 * noise(128, 2), pixel=PIXEL, options=PLAIN)
    fixed = dataclasses.replace(PLAIN, threshold="fixed:0.143")
    same = frc(clean + 0.1 * noise(128, 1), clean + 0.1 * noise(128, 2), pixel=PIXEL, options=fixed)
    assert good.warnings == same.warnings == ()


def test_uncertainty_of_the_smoothed_crossing_is_its_scatter() -> None:
    n = 128
    clean = scene(n, seed=4)
    found = [frc(clean + noise(n, 2 * s), clean + noise(n, 2 * s + 1), pixel=PIXEL, options=PLAIN) for s in range(60)]
    scatter = np.std([smoothed(one) for one in found])
    claim = np.median([one.smoothed_half_period_sigma for one in found if one.smoothed_half_period_sigma])
    assert 0.5 < claim / scatter < 2.0


def test_wrapped_phases_are_named() -> None:
    thickness = 20 * np.clip(scene(128), 0, None)
    pair = [np.exp(1j * thickness) + 0.01 * noise(128, s) for s in (1, 2)]
    options = FrcOptions(align=False, ramp=False)
    assert any("jumps" in warning for warning in frc(pair[0], pair[1], pixel=PIXEL, options=options).warnings)
    phasor = dataclasses.replace(options, image="phasor")
    assert not any("jumps" in warning for warning in frc(pair[0], pair[1], pixel=PIXEL, options=phasor).warnings)


def test_oblong_images_keep_physical_frequencies() -> None:
    # waves of 0.2 cycles per pixel along either axis lie in one ring
    y, x = np.mgrid[:60, :100].astype(float)
    rng = np.random.default_rng(3)
    for wave in (np.cos(2 * np.pi * 0.2 * y), np.cos(2 * np.pi * 0.2 * x)):
        a, b = (wave + 0.2 * rng.normal(size=y.shape) for _ in range(2))
        found = frc(a, b, pixel=PIXEL, options=PLAIN)
        top = int(np.argmax(found.correlation))
        assert found.spatial_frequency[top] == pytest.approx(0.2 / PIXEL, rel=1e-12)


def test_thicker_rings_are_recorded_and_lower_the_threshold() -> None:
    a, b = (scene(128) + 0.5 * noise(128, s) for s in (1, 2))
    thin, thick = (
        frc(a, b, pixel=PIXEL, options=dataclasses.replace(PLAIN, ring_thickness=t, skip_rings=2)) for t in (1, 3)
    )
    assert thick.ring_thickness == 3
    assert thick.spatial_frequency[1] == pytest.approx(3 * thin.spatial_frequency[1])
    assert thick.threshold[5] < thin.threshold[15]


def test_single_precision_gives_the_same_curve() -> None:
    a, b = (scene(96) + 0.5 * noise(96, s) for s in (1, 2))
    double = frc(a, b, pixel=PIXEL, options=PLAIN)
    single = frc(a.astype(np.float32), b.astype(np.float32), pixel=PIXEL, options=PLAIN)
    np.testing.assert_allclose(single.correlation, double.correlation, atol=1e-5)


def test_inputs_are_not_modified() -> None:
    pair = [np.exp(-0.2j * scene(64)) + 0.05 * noise(64, s) for s in (1, 2)]
    copies = [image.copy() for image in pair]
    frc(pair[0], pair[1], pixel=PIXEL)
    assert all((one == other).all() for one, other in zip(pair, copies, strict=True))


def test_sentence_names_both_periods_and_every_condition() -> None:
    a, b = (scene(128) + 0.5 * noise(128, s) for s in (1, 2))
    known = frc(a, b, pixel=PIXEL)
    found = dataclasses.replace(
        known, half_period=62.44e-9, full_period=124.88e-9, image="phase", smoothed_half_period=None
    )
    assert sentence(found) == (
        "half-period resolution 62.4 nm (full period 125 nm), one-bit threshold, phase image, pixel 48.8 nm"
    )
    both = dataclasses.replace(found, smoothed_half_period=60.2e-9, smoothed_half_period_sigma=1.3e-9)
    assert sentence(both).startswith(
        "half-period resolution 62.4 nm (full period 125 nm; smoothed over 5 rings 60.2 nm +- 1.30 nm), "
        "one-bit threshold"
    )
    unsure = dataclasses.replace(both, smoothed_half_period_sigma=None)
    assert "over 5 rings 60.2 nm), one-bit" in sentence(unsure)
    micro = dataclasses.replace(found, half_period=999.9e-9, full_period=1999.8e-9)
    assert "1.00 µm (full period 2.00 µm)" in sentence(micro)
    assert sentence(dataclasses.replace(found, pixel=250e-12)).endswith("pixel 250 pm")


BAD = np.random.default_rng(0).normal(size=(64, 64))


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (BAD, BAD[:, :60], "shapes"),
        (BAD[:31], BAD[:31], "31 x 64"),
        (np.where(BAD > 3, np.nan, BAD), BAD, "not finite"),
        (BAD, np.full((64, 64), 2.5), "second image: found a constant"),
        (BAD + 0j, BAD, "one real and one complex"),
        (BAD[0], BAD[0], "64 px"),
    ],
)
def test_images_that_cannot_be_compared_are_refused(a: Real, b: Real, message: str) -> None:
    with pytest.raises(InputError, match=message):
        frc(a, b, pixel=PIXEL, options=PLAIN)


def test_a_pure_phase_object_has_no_absorption_image() -> None:
    t = np.exp(-0.2j * scene(64))
    with pytest.raises(InputError, match="constant absorption image"):
        frc(t, t, pixel=PIXEL, options=FrcOptions(image="absorption"))


def test_different_pixels_are_refused() -> None:
    with pytest.raises(InputError, match=r"48\.8 nm and 50 nm"):
        frc(BAD, BAD, pixel=(48.8e-9, 50e-9))


def test_a_taper_beyond_half_the_image_is_refused() -> None:
    with pytest.raises(InputError, match="half of the smaller side"):
        frc(BAD, BAD, pixel=PIXEL, options=FrcOptions(taper_px=33))


@pytest.mark.parametrize(
    "options",
    [
        FrcOptions(image="phase"),
        FrcOptions(threshold="two-bit"),
        FrcOptions(ring_thickness=0),
        FrcOptions(skip_rings=0),
        FrcOptions(skip_rings=32),
        FrcOptions(smooth_rings=4),
        FrcOptions(upsample=0),
    ],
)
def test_options_without_meaning_are_refused(options: FrcOptions) -> None:
    with pytest.raises(UsageError):
        frc(BAD, BAD, pixel=PIXEL, options=options)


def test_unconnected_fields_are_refused_or_warned_about() -> None:
    # the same particle at opposite corners: whatever is found must not pass in silence
    spot = ndimage.gaussian_filter(np.pad(np.random.default_rng(1).normal(size=(24, 24)), 52), 1.0)
    a, b = np.roll(spot, (-36, -36), (0, 1)), np.roll(spot, (36, 36), (0, 1))
    found = frc(a + 1e-3 * noise(128, 1), b + 1e-3 * noise(128, 2), pixel=PIXEL)
    assert any("displaced" in warning for warning in found.warnings)
