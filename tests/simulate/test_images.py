"""Images of the specimen: the truth on which everything after the solver is judged."""

import numpy as np
import pytest

from picpxct_nx.simulate import phantom
from picpxct_nx.simulate.images import View, image_stack, sample_projection, with_noise

from .geometry import quarter_turn

VIEW = View(shape=(64, 48), pixel_size=80e-9)


@pytest.fixture(scope="module")
def specimen() -> phantom.Phantom:
    return phantom.polycrystal(size=(2.4e-6, 2.0e-6, 1.5e-6), n_grains=5, max_tilt=0.5, seed=np.random.SeedSequence(3))


def test_air_transmits_all_and_matter_retards_and_absorbs(specimen: phantom.Phantom) -> None:
    (image,) = image_stack(specimen, VIEW, [5482.0])
    inside = sample_projection(specimen, VIEW).thickness > 0.8e-6
    assert np.abs(image[:4] - 1).max() < 1e-3
    assert np.angle(image)[inside].max() < -0.3
    assert np.abs(image)[inside].max() < 1


@pytest.mark.parametrize("shape", [(64, 64), (63, 61)])
def test_an_image_lies_where_the_projection_lies(specimen: phantom.Phantom, shape: tuple[int, int]) -> None:
    view = View(shape=shape, pixel_size=80e-9)
    (image,) = image_stack(specimen, view, [5460.0])
    thickness = sample_projection(specimen, view).thickness
    for axis, size in enumerate(shape):
        place = np.arange(size)
        centres = [np.average(place, weights=map_.sum(axis=1 - axis)) for map_ in (thickness, -np.angle(image))]
        assert centres[0] == pytest.approx(centres[1], abs=0.02)


def test_a_shift_in_pixels_is_a_shift_of_the_specimen(specimen: phantom.Phantom) -> None:
    still, whole = image_stack(specimen, VIEW, [5471.0, 5471.0], shifts_px=np.array([[0.0, 0.0], [2.0, -3.0]]))
    assert np.abs(np.roll(still, (2, -3), axis=(0, 1)) - whole).max() < 1e-9


def test_two_half_shifts_are_one_whole(specimen: phantom.Phantom) -> None:
    half, other = image_stack(specimen, VIEW, [5471.0, 5471.0], shifts_px=np.array([[0.5, 0.5], [-0.5, 0.5]]))
    assert np.abs(np.roll(other, 1, axis=0) - half).max() < 1e-9


def test_a_quarter_turn_of_the_sample_is_a_quarter_turn_of_its_image(specimen: phantom.Phantom) -> None:
    view = View(shape=(64, 64), pixel_size=80e-9)
    # Polarised along with the crystal axes, so that only the geometry turns; the two grids sample edges differently.
    (still,) = image_stack(specimen, view, [5471.0], polarisation=0.3)
    (turned,) = image_stack(specimen, view, [5471.0], rotation=np.pi / 2, polarisation=0.3 + np.pi / 2)
    assert np.abs(quarter_turn(still, 1) - turned).max() < 0.02


def test_the_mean_transmission_is_kept_by_the_microscope(specimen: phantom.Phantom) -> None:
    sharp, blurred = (
        image_stack(specimen, View(VIEW.shape, VIEW.pixel_size, blur_px=blur), [5471.0]).mean() for blur in (0.0, 1.5)
    )
    assert abs(sharp - blurred) < 1e-12


def test_noise_has_the_asked_size_in_both_parts() -> None:
    noisy = with_noise(np.ones((4, 64, 64), complex), 0.02, seed=1) - 1
    assert noisy.real.std() == pytest.approx(0.02, rel=0.02)
    assert noisy.imag.std() == pytest.approx(0.02, rel=0.02)
