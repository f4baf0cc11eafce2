"""The simulated beam: signs, focus and normalisation against independent wave optics."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import j0

from picpxct_nx.simulate import optics
from picpxct_nx.simulate.optics import ZonePlate
from picpxct_nx.simulate.spectra import wavelength

Wave = NDArray[np.complexfloating]

ZONE_PLATE = ZonePlate(diameter=100e-6, outermost_zone_width=100e-9, central_stop_diameter=30e-6)
WAVELENGTH = wavelength(5471.0)
PIXEL = 50e-9
DEFOCUS = 0.6e-3


def _probe(defocus: float, *, n: int = 96, photons: float = 1.0) -> NDArray[np.complex64]:
    return optics.ideal_probe(
        ZONE_PLATE, wavelength=WAVELENGTH, pixel_size=PIXEL, shape=(n, n), defocus=defocus, photons=photons
    )


def _likeness(a: Wave, b: Wave) -> float:
    """Share of b that is a, whatever the scale and global phase of both."""
    return float(np.abs(np.vdot(a, b)) / (np.linalg.norm(a) * np.linalg.norm(b)))


def test_focal_length_is_diameter_times_outermost_zone_over_wavelength() -> None:
    seed_experiment = ZonePlate(diameter=120e-6, outermost_zone_width=60e-9, central_stop_diameter=40e-6)
    assert optics.focal_length(seed_experiment, wavelength(5460.0)) == pytest.approx(31.71e-3, rel=1e-3)


def test_probe_holds_the_wanted_photons() -> None:
    probe = _probe(DEFOCUS, photons=1e6)
    assert probe.dtype == np.complex64
    assert np.sum(np.abs(probe.astype(complex)) ** 2) == pytest.approx(1e6, rel=1e-5)


@pytest.mark.parametrize("defocus", [DEFOCUS, -DEFOCUS])
def test_defocused_probe_is_the_focus_carried_along_the_beam(defocus: float) -> None:
    # Angular spectrum: exp(+ i k_z z) on the focus, with the full square root.
    q = np.fft.fftfreq(96, PIXEL)
    k_z = 2 * np.pi * np.sqrt(1 / WAVELENGTH**2 - q[:, None] ** 2 - q**2)
    focus = np.fft.ifftshift(_probe(0.0).astype(complex))
    carried = np.fft.fftshift(np.fft.ifft2(np.fft.fft2(focus) * np.exp(1j * k_z * defocus)))
    assert _likeness(carried, _probe(defocus)) == pytest.approx(1, abs=1e-5)
    assert _likeness(carried, _probe(-defocus)) < 0.9


def test_defocused_probe_is_the_diffraction_integral_of_a_converging_lens() -> None:
    # A lens makes exp(-i k s^2 / 2 f); the Fresnel integral carries it to f + defocus (Goodman, equation 4-17).
    f, k = optics.focal_length(ZONE_PLATE, WAVELENGTH), 2 * np.pi / WAVELENGTH
    z = f + DEFOCUS
    s = np.linspace(ZONE_PLATE.central_stop_diameter / 2, ZONE_PLATE.diameter / 2, 20000)
    pupil = np.exp(0.5j * k * s**2 * (1 / z - 1 / f)) * s
    radii = np.arange(25) * PIXEL
    field = np.array([np.sum(pupil * j0(k * s * r / z)) * np.exp(0.5j * k * r**2 / z) for r in radii])
    along_x = _probe(DEFOCUS)[48, 48 : 48 + 25]
    upstream = _probe(-DEFOCUS)[48, 48 : 48 + 25]
    weight = np.sqrt(radii + PIXEL / 8)  # a ring of the beam counts by its area
    assert _likeness(field * weight, along_x * weight) > 0.99
    assert _likeness(field * weight, upstream * weight) < 0.9


def test_wave_downstream_of_the_focus_runs_apart() -> None:
    probe = _probe(DEFOCUS).astype(complex)
    step_in_x = np.angle(np.sum(probe[:, 1:] * np.conj(probe[:, :-1]), axis=0))
    intensity = np.sum(np.abs(probe) ** 2, axis=0)
    bright = intensity > 0.2 * intensity.max()
    slope = np.polyfit(np.arange(95)[bright[1:]], step_in_x[bright[1:]], 1)[0]
    assert slope > 0  # phase grows away from the axis: light leaves it
    assert slope == pytest.approx(2 * np.pi * PIXEL**2 / (WAVELENGTH * DEFOCUS), rel=0.15)


def test_beam_is_as_wide_as_its_defocus_says() -> None:
    defocus = optics.defocus_for_beam(ZONE_PLATE, 1.6e-6, WAVELENGTH)
    y, x = (np.indices((96, 96)) - 48) * PIXEL
    intensity = np.abs(_probe(defocus)) ** 2
    assert intensity[np.hypot(y, x) < 0.8e-6].sum() > 0.85
    assert intensity[np.hypot(y, x) < 0.7e-6].sum() < 0.85


def test_refocused_beam_stays_the_same_in_metres_through_the_energies() -> None:
    probes = [
        optics.ideal_probe(
            ZONE_PLATE,
            wavelength=wavelength(energy),
            pixel_size=PIXEL,
            shape=(64, 64),
            defocus=optics.defocus_for_beam(ZONE_PLATE, 1.6e-6, wavelength(energy)),
        )
        for energy in (5460.0, 5515.0)
    ]
    np.testing.assert_allclose(probes[0], probes[1], atol=1e-6)


def test_probe_of_unequal_pixels_is_round_in_metres() -> None:
    probe = optics.ideal_probe(
        ZONE_PLATE, wavelength=WAVELENGTH, pixel_size=(50e-9, 25e-9), shape=(64, 128), defocus=DEFOCUS
    )
    np.testing.assert_allclose(probe[32, 64 - 40 : 64 + 40 : 2], probe[32 - 20 : 32 + 20, 64], atol=1e-4)


@pytest.mark.parametrize("shape", [(8, 8), (7, 10), (9, 9)])
def test_far_field_is_the_sum_of_all_plane_waves(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    wave = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    y, x = (np.arange(n) - n // 2 for n in shape)
    kernel_y = np.exp(-2j * np.pi * np.outer(y, y) / shape[0])
    kernel_x = np.exp(-2j * np.pi * np.outer(x, x) / shape[1])
    expected = kernel_y @ wave @ kernel_x.T / np.sqrt(shape[0] * shape[1])
    np.testing.assert_allclose(optics.far_field(wave), expected, atol=1e-12)


def test_light_deflected_towards_plus_x_lands_at_larger_columns() -> None:
    x = np.arange(32) - 16
    wave = np.ones((32, 1)) * np.exp(2j * np.pi * 5 * x / 32)
    assert np.argmax(np.abs(optics.far_field(wave))) == 16 * 32 + 21


def test_shift_by_whole_pixels_rolls_and_halves_add_up() -> None:
    probe = _probe(DEFOCUS)
    np.testing.assert_allclose(optics.shift_probe(probe, (2, -3)), np.roll(probe, (2, -3), (0, 1)), atol=1e-6)
    half = optics.shift_probe(probe, (0.5, 0.25)).astype(np.complex64)
    np.testing.assert_allclose(optics.shift_probe(half, (-0.5, -0.25)), probe, atol=1e-6)


def test_exit_wave_between_pixels_equals_an_object_sampled_between_pixels() -> None:
    # A smooth object is known between its pixels, so the probe may stand still and the object be sampled elsewhere.
    # Its periods divide the window, so that the faint tail of the beam that wraps around meets the same object.
    probe, centre = _probe(DEFOCUS, n=64, photons=1e6), (38.3, 43.8)

    def smooth(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.complex128]:
        return np.exp(-0.3j * np.cos(2 * np.pi * y / 32) - 0.5j * np.sin(2 * np.pi * (2 * x + y) / 64))

    row, column = np.indices((80, 80)).astype(float)
    moved = optics.exit_wave(probe, smooth(row, column).astype(np.complex64), centre)
    row, column = np.indices((64, 64)) - 32.0
    still = probe * smooth(row + centre[0], column + centre[1])
    pattern, expected = (np.abs(optics.far_field(wave)) ** 2 for wave in (moved, still))
    np.testing.assert_allclose(pattern, expected, rtol=0, atol=1e-5 * expected.max())


def test_displaced_zones_change_phases_but_neither_light_nor_far_field() -> None:
    displacement = optics.random_zone_displacement(rms=0.1, correlation=25e-6, seed=np.random.SeedSequence(1))
    ideal = _probe(DEFOCUS)
    real = optics.aberrate(ideal, displacement, zone_plate=ZONE_PLATE, pixel_size=PIXEL)
    np.testing.assert_allclose(
        np.abs(optics.far_field(real.astype(complex))), np.abs(optics.far_field(ideal.astype(complex))), atol=1e-6
    )
    assert 0.3 < _likeness(ideal, real) < 0.97


def test_zone_displacement_has_the_rms_and_correlation_asked_for() -> None:
    draws = [
        optics.evaluate_displacement(
            optics.random_zone_displacement(rms=0.2, correlation=20e-6, seed=np.random.SeedSequence(seed)),
            np.zeros(2),
            np.array([0.0, 20e-6]),
        )
        for seed in range(2000)
    ]
    here, there = np.array(draws).T
    assert here.std() == pytest.approx(0.2, rel=0.06)
    assert np.mean(here * there) == pytest.approx(0.04 * np.exp(-0.5), rel=0.15)


def test_zone_displacement_on_a_grid_is_that_at_its_points() -> None:
    displacement = optics.random_zone_displacement(rms=0.1, correlation=9e-6, seed=np.random.SeedSequence(5))
    y, x = np.linspace(-50e-6, 50e-6, 7)[:, None], np.linspace(-40e-6, 60e-6, 5)[None]
    by_definition = np.zeros((7, 5))
    for (k_y, k_x), phase in zip(displacement.wavevectors, displacement.phases, strict=True):
        by_definition += 0.1 * np.sqrt(2 / len(displacement.phases)) * np.cos(k_y * y + k_x * x + phase)
    points = np.broadcast_arrays(y, x)
    for found in (
        optics.evaluate_displacement(displacement, y, x),
        optics.evaluate_displacement(displacement, points[0].ravel(), points[1].ravel()).reshape(7, 5),
    ):
        np.testing.assert_allclose(found, by_definition, atol=1e-12)
