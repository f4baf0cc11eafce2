"""Resampling: exact for what is band-limited, coordinate 0 on index n // 2, nothing rings in from outside."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.signal import czt

from picpxct_nx.errors import InputError
from picpxct_nx.images.resample import (
    Axis,
    centred_axis,
    coordinates,
    mask_on,
    noise_gain,
    resample,
    resample_transmission,
    resampling_matrix,
)

SMALL, LARGE = 48.29, 48.82
SOURCE = (Axis(-4830.0, SMALL, 201), Axis(-4610.0, SMALL, 190))
TARGET = (centred_axis(180, LARGE), centred_axis(176, LARGE))


def blobs(axes: tuple[Axis, Axis], width: float) -> npt.NDArray[np.complex128]:
    y, x = (coordinates(axis) for axis in axes)
    places = [(100.0, -400.0, 0.5 + 0.2j), (-900.0, 800.0, -0.3j), (1300.0, 900.0, 0.4), (-2000.0, -1500.0, 0.7 - 0.1j)]
    total = np.zeros((y.size, x.size), complex)
    for row, column, height in places:
        total += height * np.exp(-((y[:, None] - row) ** 2 + (x - column) ** 2) / (2 * width**2))
    return total


def test_a_band_limited_image_comes_out_exact() -> None:
    wanted = blobs(TARGET, 2.5 * SMALL)
    np.testing.assert_allclose(resample(blobs(SOURCE, 2.5 * SMALL), SOURCE, TARGET), wanted, atol=1e-12)
    found, known = resample_transmission(1 + blobs(SOURCE, 2.5 * SMALL), np.ones((201, 190), bool), SOURCE, TARGET)
    assert known.all()
    # complex64 holds no more
    np.testing.assert_allclose(found, 1 + wanted, atol=2e-7)


def test_zero_lies_exactly_on_the_middle_index() -> None:
    for length in (90, 91):
        assert coordinates(centred_axis(length, LARGE))[length // 2] == 0.0


@pytest.mark.parametrize("length", [32, 33])
def test_every_wave_that_both_grids_carry_is_kept_and_every_other_is_cut(length: int) -> None:
    source, target = Axis(3.7, 1.0, length), centred_axis(24, 1.25)
    matrix = resampling_matrix(source, target)
    for k in range(1, length // 2):
        wave = [np.exp(2j * np.pi * k * coordinates(axis) / length) for axis in (source, target)]
        wanted = wave[1] if k / length < 1 / (2 * 1.25) else np.zeros(24)
        np.testing.assert_allclose(matrix @ wave[0], wanted, atol=1e-12)


@pytest.mark.parametrize("length", [32, 33])
def test_equal_pixels_are_only_moved(length: int) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=length)
    same = Axis(-5.0, 1.0, length)
    np.testing.assert_allclose(resampling_matrix(same, same) @ values, values, atol=1e-12)
    moved = resampling_matrix(same, Axis(-4.0, 1.0, length)) @ values
    np.testing.assert_allclose(moved, np.roll(values, -1), atol=1e-12)


def test_the_matrix_is_the_chirp_z_transform() -> None:
    rng = np.random.default_rng(1)
    n, m, scale = 41, 30, 1.1
    values = rng.normal(size=n) + 1j * rng.normal(size=n)
    spectrum = np.fft.fftshift(np.fft.fft(values))
    frequency = np.arange(n) - n // 2
    spectrum[np.abs(frequency) / n >= 1 / (2 * scale)] = 0
    # sum_k F_k exp(2 pi i k scale j / n) / n for j = 0..m-1, as scipy has it
    carrier = np.exp(-2j * np.pi * scale * np.arange(m) * (n // 2) / n)
    zoom = czt(spectrum, m, w=np.exp(2j * np.pi * scale / n), a=1.0) * carrier / n
    matrix = resampling_matrix(Axis(0.0, 1.0, n), Axis(0.0, scale, m))
    np.testing.assert_allclose(matrix @ values, zoom, atol=1e-10)


def test_a_facet_between_pixels_does_not_ring_behind_the_roll_off() -> None:
    """A step of one, half a pixel off the grid: cut at Nyquist it rings by 1 / (pi n) n pixels away."""
    source, target = Axis(0.0, 1.0, 128), Axis(0.5, 1.0, 127)
    step = np.where(np.abs(coordinates(source) - 63.2) < 30, 1.0, 0.0)
    inside = np.abs(coordinates(target) - 63.2) < 20
    rings, calm = ((resampling_matrix(source, target, part) @ step)[inside] - 1 for part in (0.0, 0.3))
    assert np.abs(rings).min() > 0.008
    assert np.abs(calm).max() < 0.001


@pytest.mark.parametrize("roll_off", [0.0, 0.3])
def test_white_noise_grows_by_the_gain(roll_off: float) -> None:
    rng = np.random.default_rng(4)
    noise = rng.normal(size=(201, 190))
    found = resample(noise, SOURCE, TARGET, roll_off)
    assert np.std(found) == pytest.approx(noise_gain(SOURCE, TARGET, roll_off), rel=0.02)


def test_garbage_and_a_sample_cut_by_the_field_do_not_ring() -> None:
    y, x = (coordinates(axis) for axis in SOURCE)

    def sample(y: npt.NDArray[np.float64], x: npt.NDArray[np.float64]) -> npt.NDArray[np.complex128]:
        return np.asarray(1 + (np.exp(-0.02 - 0.8j) - 1) / (1 + np.exp((y[:, None] + 0.3 * x - 700) / 120)))

    known = np.hypot(y[:, None], x) < 3200
    wild = np.where(known, sample(y, x), 5 * np.random.default_rng(2).normal(size=known.shape))
    wild[0, 0] = np.nan
    found, there = resample_transmission(wild, known, SOURCE, TARGET)
    error = np.abs(found - sample(*(coordinates(axis) for axis in TARGET))) * there
    assert np.sqrt(np.mean(error[there] ** 2)) < 6e-4
    assert error.max() < 0.02
    np.testing.assert_array_equal(found[~there], 1.0)


def test_a_flat_field_stays_flat_to_its_rim() -> None:
    known = np.zeros((201, 190), bool)
    known[40:150, 30:170] = True
    found, there = resample_transmission(np.where(known, 1.0 + 0j, 7.0), known, SOURCE, TARGET)
    np.testing.assert_allclose(found, 1.0, atol=1e-6)
    assert abs(there.sum() * LARGE**2 / (known.sum() * SMALL**2) - 1) < 0.03


def test_a_point_is_known_where_its_four_neighbours_are() -> None:
    mask = np.array([[True, True, False], [True, True, True]])
    source, target = (Axis(0.0, 1.0, 2), Axis(0.0, 1.0, 3)), (Axis(0.5, 1.0, 2), Axis(0.0, 0.5, 5))
    wanted = [[True, True, True, False, False], [False] * 5]
    np.testing.assert_array_equal(mask_on(mask, source, target), wanted)


def test_smaller_pixels_and_nothing_known_are_refused() -> None:
    image = np.ones((201, 190), complex)
    with pytest.raises(InputError, match="smaller pixels"):
        resample_transmission(image, image.real > 0, SOURCE, (centred_axis(10, 40.0), centred_axis(10, 40.0)))
    with pytest.raises(InputError, match="no pixel of the image is known"):
        resample_transmission(image, image.real < 0, SOURCE, TARGET)
