"""The simulated particle: exact projections, rotation, polarisation and the sign of matter."""

import numpy as np
import pytest
from numpy.typing import NDArray

from picpxct_nx.simulate import phantom
from picpxct_nx.simulate.phantom import Grain, Phantom
from picpxct_nx.simulate.spectra import along, optical_constants, wavelength

from .geometry import chord_length, quarter_turn

Floats = NDArray[np.float64]

PARTICLE = phantom.polycrystal(size=(3.2e-6, 2.7e-6, 2.4e-6), n_grains=7, max_tilt=0.6, seed=np.random.SeedSequence(3))
PIXEL = 50e-9


def _box(half: tuple[float, float, float], turn: Floats, axis: tuple[float, float, float]) -> Grain:
    faces = np.concatenate([np.eye(3), -np.eye(3)])
    return Grain(faces @ turn.T, np.array([*half, *half]), np.array(axis))


def _turn_about_x(angle: float) -> Floats:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _slab(azimuth: float, tilt: float = 0.0, thickness: float = 1e-6) -> Phantom:
    axis = (np.cos(tilt) * np.cos(azimuth), np.cos(tilt) * np.sin(azimuth), np.sin(tilt))
    return Phantom((_box((1e-6, 1e-6, thickness / 2), np.eye(3), axis),))


def _transmission_at_centre(sample: Phantom, energy_ev: float, polarisation: float) -> complex:
    projection = phantom.project(sample, shape=(3, 3), pixel_size=PIXEL)
    return complex(phantom.transmission(projection, energy_ev=energy_ev, polarisation=polarisation)[1, 1])


def test_chord_of_a_tilted_box_is_its_width_over_the_cosine() -> None:
    box = _box((1e-6, 1e-6, 0.3e-6), _turn_about_x(0.4), (1, 0, 0))
    chord = chord_length(box, np.array([0.0, 2e-6]), np.array([0.1e-6, 0.0]))
    assert chord == pytest.approx([0.6e-6 / np.cos(0.4), 0.0])


def test_projected_thickness_adds_up_to_the_volume() -> None:
    box = _box((1e-6, 0.6e-6, 0.3e-6), _turn_about_x(0.7), (1, 0, 0))
    projection = phantom.project(Phantom((box,)), shape=(64, 64), pixel_size=PIXEL, supersampling=5)
    assert projection.thickness.sum() * PIXEL**2 == pytest.approx(8 * 1e-6 * 0.6e-6 * 0.3e-6, rel=2e-3)


def test_thickness_is_the_length_of_matter_met_by_marching_along_the_ray() -> None:
    step = 2e-9
    z = np.arange(-1.5e-6, 1.5e-6, step)
    rng = np.random.default_rng(0)
    for y, x in rng.uniform(-1e-6, 1e-6, (20, 2)):
        points = np.stack([np.full_like(z, x), np.full_like(z, y), z])
        inside = [np.all(g.normals @ points <= g.offsets[:, None], axis=0) for g in PARTICLE.grains]
        assert max(np.sum(inside, axis=0)) <= 1  # grains are disjoint
        found = sum(float(chord_length(g, np.array(y), np.array(x))) for g in PARTICLE.grains)
        assert found == pytest.approx(np.sum(inside) * step, abs=3 * step)


def test_particle_is_surrounded_by_vacuum_and_its_labels_say_where() -> None:
    found = phantom.project(PARTICLE, shape=(96, 96), pixel_size=PIXEL, supersampling=3)
    border = np.ones((96, 96), dtype=bool)
    border[8:-8, 8:-8] = False
    assert not found.thickness[border].any()
    assert np.all(found.thickness >= 0)
    np.testing.assert_array_equal(found.label == 0, found.thickness == 0)
    np.testing.assert_array_equal(np.isnan(found.azimuth), found.label == 0)
    assert set(np.unique(found.label)) == set(range(8))
    assert 1.5e-6 < found.thickness.max() <= 2.4e-6


def test_same_seed_gives_the_same_particle_and_another_seed_another() -> None:
    def drawn(seed: int) -> Floats:
        particle = phantom.polycrystal(
            size=(3.2e-6, 2.7e-6, 2.4e-6), n_grains=7, max_tilt=0.6, seed=np.random.SeedSequence(seed)
        )
        return phantom.project(particle, shape=(96, 96), pixel_size=PIXEL).thickness

    np.testing.assert_array_equal(drawn(3), phantom.project(PARTICLE, shape=(96, 96), pixel_size=PIXEL).thickness)
    assert np.abs(drawn(4) - drawn(3)).max() > 1e-6


def test_sample_turns_from_x_towards_y() -> None:
    off_axis = Grain(
        np.concatenate([np.eye(3), -np.eye(3)]), np.array([2, 0.5, 0.5, -1, 0.5, 0.5]) * 1e-6, np.eye(3)[0]
    )
    turned = phantom.project(phantom.rotate(Phantom((off_axis,)), np.pi / 2), shape=(96, 96), pixel_size=PIXEL)
    y, x = phantom.axes((96, 96), PIXEL)
    weight = turned.thickness / turned.thickness.sum()
    assert (weight.sum(1) @ y, weight.sum(0) @ x) == pytest.approx((1.5e-6, 0), abs=PIXEL)
    assert turned.azimuth[turned.label == 1] == pytest.approx(np.pi / 2)


@pytest.mark.parametrize("size", [95, 96])
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turn_of_the_image_is_the_image_of_the_turned_particle(size: int, turns: int) -> None:
    image = phantom.project(PARTICLE, shape=(size, size), pixel_size=PIXEL, supersampling=3).thickness
    turned = phantom.rotate(PARTICLE, turns * np.pi / 2)
    expected = phantom.project(turned, shape=(size, size), pixel_size=PIXEL, supersampling=3).thickness
    np.testing.assert_allclose(quarter_turn(image, turns), expected, atol=1e-15)


def test_rot90_alone_is_one_pixel_off_on_an_even_grid() -> None:
    image = phantom.project(PARTICLE, shape=(96, 96), pixel_size=PIXEL).thickness
    expected = phantom.project(phantom.rotate(PARTICLE, np.pi / 2), shape=(96, 96), pixel_size=PIXEL).thickness
    assert np.abs(np.rot90(image, -1) - expected).max() > 1e-6
    np.testing.assert_allclose(np.roll(np.rot90(image, -1), 1, axis=1), expected, atol=1e-15)


def test_four_quarter_turns_and_any_turn_and_back_change_nothing() -> None:
    image = phantom.project(PARTICLE, shape=(96, 96), pixel_size=PIXEL).thickness
    there_and_back = phantom.rotate(phantom.rotate(PARTICLE, 0.7), -0.7)
    again = phantom.project(there_and_back, shape=(96, 96), pixel_size=PIXEL).thickness
    # A ray along the wall between two columns may change sides by rounding, but loses no matter.
    np.testing.assert_allclose(again, image, atol=1e-12)


def test_turned_sample_in_x_light_is_the_sample_in_light_turned_back() -> None:
    angle, energy_ev = np.pi / 3, 5471.0
    sample = _slab(azimuth=0.2, tilt=0.3)
    in_laboratory = _transmission_at_centre(phantom.rotate(sample, angle), energy_ev, 0.0)
    in_sample_frame = _transmission_at_centre(sample, energy_ev, -angle)
    assert in_laboratory == pytest.approx(in_sample_frame, rel=1e-12)


def test_pixel_size_changes_the_grid_and_not_the_particle() -> None:
    coarse = phantom.project(PARTICLE, shape=(48, 48), pixel_size=2 * PIXEL).thickness
    fine = phantom.project(PARTICLE, shape=(96, 96), pixel_size=PIXEL).thickness
    np.testing.assert_allclose(fine[::2, ::2], coarse, atol=1e-18)


@pytest.mark.parametrize("polarisation", [0.0, 0.4, np.pi / 2])
def test_slab_delays_and_absorbs_by_its_refractive_index(polarisation: float) -> None:
    azimuth, tilt, thickness, energy_ev = 0.9, 0.5, 1.3e-6, 5470.0
    weight = (np.cos(tilt) * np.cos(azimuth - polarisation)) ** 2
    (delta,), (beta,) = along(optical_constants(energy_ev), weight)
    k = 2 * np.pi / wavelength(energy_ev)
    expected = np.exp(-1j * k * delta * thickness) * np.exp(-k * beta * thickness)
    assert _transmission_at_centre(_slab(azimuth, tilt, thickness), energy_ev, polarisation) == pytest.approx(expected)


def test_matter_has_negative_phase_and_takes_light_and_vacuum_does_neither() -> None:
    projection = phantom.project(PARTICLE, shape=(96, 96), pixel_size=PIXEL, supersampling=3)
    matter = projection.thickness > 0
    for energy_ev in (5460.0, 5471.0, 5515.0):
        found = phantom.transmission(projection, energy_ev=energy_ev, polarisation=0.0)
        assert np.all(found[~matter] == 1)
        assert np.all(np.angle(found[matter]) < 0)
        assert np.all(np.abs(found[matter]) < 1)


def test_grain_absorbs_most_at_the_pre_edge_with_light_along_its_axis() -> None:
    angles = np.linspace(0, np.pi, 37)
    sample = _slab(azimuth=np.deg2rad(55))
    light = [abs(_transmission_at_centre(sample, 5471.0, angle)) for angle in angles]
    assert np.rad2deg(angles[np.argmin(light)]) == pytest.approx(55)
