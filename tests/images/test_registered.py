"""Registered cubes against truth: turns, shifts, angles of polarisation, frames, and what is refused."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from picpxct_nx.errors import ConvergenceError, InputError
from picpxct_nx.images.register_record import register_cube, summary
from picpxct_nx.images.registered import RegisterOptions
from picpxct_nx.records import SpectralCube
from picpxct_nx.simulate import images, phantom
from picpxct_nx.values import Array

PIXEL, SIDE = 3e-8, 144
ENERGIES = [5460.0, 5471.0, 5480.0, 5492.0, 5500.0, 5515.0]
Make = Callable[..., SpectralCube]


def specimen(seed: int = 1) -> phantom.Phantom:
    # Not seed 0, which has an edge along the pixels: sampled by few rays, that makes a truth of its own.
    width = 0.6 * SIDE * PIXEL
    return phantom.polycrystal(
        size=(width, 0.85 * width, 0.7 * width), n_grains=7, max_tilt=0.6, seed=np.random.SeedSequence(seed)
    )


def seen(seed: int, degrees: float, shift_px: tuple[float, float], noise: float = 0.01) -> Array:
    """Images (E, h, w) of a turned and shifted particle in horizontal light."""
    moves = np.tile(shift_px, (len(ENERGIES), 1))
    view = images.View((SIDE, SIDE), PIXEL)
    stack = images.image_stack(specimen(seed), view, ENERGIES, rotation=np.deg2rad(degrees), shifts_px=moves)
    return images.with_noise(stack, noise, seed + round(10 * degrees) % 1000)


def undone(degrees: float, shift_px: tuple[float, float]) -> Array:
    """The shift (y, x) after the turn back that undoes a shift before it."""
    angle = np.deg2rad(-degrees)
    y, x = shift_px
    return -np.array([np.sin(angle) * x + np.cos(angle) * y, np.cos(angle) * x - np.sin(angle) * y])


@pytest.fixture(scope="module")
def stack() -> Array:
    """Two polarisations; the second turned 1.7 deg too far and off by (2.3, -4.1) px."""
    return np.stack([seen(1, 0, (0.0, 0.0)), seen(1, 91.7, (2.3, -4.1))])


@pytest.fixture
def cube(make_cube: Make, stack: Array) -> SpectralCube:
    return make_cube(stack, ENERGIES, np.deg2rad([0, 90]), stage="aligned", pixel=PIXEL)


def test_rotations_and_shifts_are_found_to_two_hundredths(make_cube: Make) -> None:
    rng, turned, shifted = np.random.default_rng(5), [], []
    for seed in (1, 2, 3, 4):
        degrees, shift = 90 + rng.uniform(-2, 2), tuple(rng.uniform(-6, 6, 2))
        pair = np.stack([seen(seed, 0, (0.0, 0.0)), seen(seed, degrees, shift)])
        product = register_cube(
            make_cube(pair, ENERGIES, np.deg2rad([0, 90]), stage="aligned", pixel=PIXEL), RegisterOptions()
        )
        turned.append(np.rad2deg(product.rotation[1]) - degrees)
        shifted.append(np.asarray(product.extra["registration/shift"])[1] / PIXEL - undone(degrees, shift))
    assert np.sqrt(np.mean(np.square(turned))) < 0.02
    assert np.sqrt(np.mean(np.square(shifted))) < 0.02


def test_the_registered_cube_is_what_the_sample_shows_in_its_own_frame(cube: SpectralCube) -> None:
    product = register_cube(cube, RegisterOptions())
    view = images.View((SIDE + 1, SIDE + 1), PIXEL)
    rows, columns = (np.rint(axis / PIXEL).astype(int) + (SIDE + 1) // 2 for axis in (product.y, product.x))
    for index, angle in enumerate(product.polarization_angle):
        truth = images.image_stack(specimen(), view, ENERGIES, polarisation=float(angle))[:, rows][:, :, columns]
        apart = np.abs(product.transmission[index] - truth)[:, product.known[index]]
        assert np.sqrt(np.mean(apart**2)) < 1.15 * 0.01 * np.sqrt(2)
        assert np.all(product.transmission[index][:, ~product.known[index]] == 1)
    assert product.stage == "registered"
    assert np.rad2deg(product.polarization_angle) == pytest.approx([0, 180 - 91.7], abs=0.03)
    np.testing.assert_allclose(np.asarray(product.extra["registration/rotation"]), -product.rotation)
    errors = np.asarray(product.extra["registration/shift_errors"])
    assert np.all(errors[0] == 0)
    assert np.all((errors[1] > 0) & (errors[1] < 0.05 * PIXEL))
    before, after = (np.asarray(product.extra[f"registration/mutual_information{end}"]) for end in ("_before", ""))
    assert before[1] < after[1]


def test_the_reference_is_not_interpolated(cube: SpectralCube, stack: Array) -> None:
    product = register_cube(cube, RegisterOptions(crop=False))
    known = product.known[0, :SIDE, :SIDE]
    np.testing.assert_array_equal(product.transmission[0, :, :SIDE, :SIDE][:, known], stack[0][:, known])
    assert product.y[len(product.y) // 2] == 0
    assert product.known.shape[1:] == (SIDE + 1, SIDE + 1)
    other = register_cube(cube, RegisterOptions(reference=np.pi / 2, crop=False))
    assert np.rad2deg(other.rotation) == pytest.approx([-1.7, 90], abs=0.03)
    assert summary(other)["polarisations"][1]["reference"]


def test_the_crop_is_the_box_of_what_all_polarisations_know(cube: SpectralCube) -> None:
    whole, cropped = (register_cube(cube, RegisterOptions(crop=crop)) for crop in (False, True))
    common = whole.known.all(axis=0)
    rows, columns = np.nonzero(common)
    rows, columns = np.unique(rows), np.unique(columns)
    np.testing.assert_array_equal(whole.y[rows[0] : rows[-1] + 1], cropped.y)
    np.testing.assert_array_equal(whole.x[columns[0] : columns[-1] + 1], cropped.x)
    np.testing.assert_array_equal(whole.transmission[:, :, rows[0], columns[0]], cropped.transmission[:, :, 0, 0])


def test_three_polarisations_at_any_angle_are_brought_together(make_cube: Make) -> None:
    true, nominal = [30.0, 74.2, 121.1], [30.0, 75.0, 120.0]
    shifts = [(0.0, 0.0), (1.4, 2.2), (-3.0, 0.7)]
    stack = np.stack([seen(3, angle, shift) for angle, shift in zip(true, shifts, strict=True)])
    product = register_cube(
        make_cube(stack, ENERGIES, np.deg2rad(nominal), stage="aligned", pixel=PIXEL), RegisterOptions()
    )
    assert np.rad2deg(product.rotation) == pytest.approx(true, abs=0.06)
    found = np.asarray(product.extra["registration/shift"]) / PIXEL
    np.testing.assert_allclose(found[1:], [undone(true[1], shifts[1]), undone(true[2], shifts[2])], atol=0.05)
    assert 0.5 < product.known.all(axis=0).mean() <= 1


def test_air_and_gaps_are_carried_along(make_cube: Make, stack: Array) -> None:
    air = np.all(np.abs(stack - 1) < 0.06, axis=1)
    gap = np.array(stack)
    gap[1, 2] = np.nan
    cube = make_cube(gap, ENERGIES, np.deg2rad([0, 90]), stage="aligned", pixel=PIXEL, cube__air=air)
    product = register_cube(cube, RegisterOptions())
    assert np.isnan(product.transmission[1, 2]).all()
    assert product.air is not None
    assert np.abs(product.transmission[1, 0][product.air[1]] - 1).mean() < 0.02
    assert not np.any(product.air & ~product.known)
    # A label loses no rim by being turned.
    turned = air[1][tuple(slice(2, -2) for _ in range(2))].sum()
    assert product.air[1].sum() > 0.9 * turned * product.known[1].mean()


def test_one_polarisation_is_nothing_to_register(make_cube: Make, stack: Array) -> None:
    cube = make_cube(stack[:1], ENERGIES, [0.0], stage="aligned")
    with pytest.raises(InputError, match=r"one polarisation: nothing to register; picpxct normalize takes"):
        register_cube(cube, RegisterOptions())


def test_another_stage_and_pixels_that_are_not_square_are_refused(make_cube: Make, stack: Array) -> None:
    with pytest.raises(InputError, match=r"is stacked; register wants aligned: run picpxct align first"):
        register_cube(make_cube(stack, ENERGIES, [0.0, 1.6]), RegisterOptions())
    cube = make_cube(stack, ENERGIES, [0.0, 1.6], stage="aligned")
    with pytest.raises(InputError, match=r"register wants square ones"):
        register_cube(dataclasses.replace(cube, x=1.01 * cube.x), RegisterOptions())
    with pytest.raises(InputError, match=r"has no polarisation at 45 deg; it has 0, 88.33 deg"):
        register_cube(cube, RegisterOptions(reference=np.pi / 4))


def test_a_rotation_that_is_wrong_by_more_than_the_search_is_not_believed(make_cube: Make, stack: Array) -> None:
    cube = make_cube(stack, ENERGIES, np.deg2rad([0, 85]), stage="aligned", pixel=PIXEL)
    with pytest.raises(ConvergenceError, match=r"polarisation 2 \(95 deg\): fits best .* at the limit of the search"):
        register_cube(cube, RegisterOptions(search=np.deg2rad(2)))


def test_another_particle_and_empty_fields_are_not_believed(make_cube: Make, stack: Array) -> None:
    other = np.stack([stack[0], seen(11, 90, (0.0, 0.0))])
    cube = make_cube(other, ENERGIES, np.deg2rad([0, 90]), stage="aligned")
    with pytest.raises(ConvergenceError, match=r"is it the same sample|at the limit of the search"):
        register_cube(cube, RegisterOptions())
    empty = np.stack([images.with_noise(np.ones_like(stack[0], complex), 0.01, seed) for seed in (1, 2)])
    with pytest.raises(ConvergenceError, match=r"explains only"):
        register_cube(make_cube(empty, ENERGIES, np.deg2rad([0, 90]), stage="aligned"), RegisterOptions())
    nothing = np.ones_like(stack)
    with pytest.raises(ConvergenceError, match=r"explains only"):
        register_cube(make_cube(nothing, ENERGIES, np.deg2rad([0, 90]), stage="aligned"), RegisterOptions())


def test_a_polarisation_without_projections_is_refused(make_cube: Make, stack: Array) -> None:
    gap = np.array(stack)
    gap[1] = np.nan
    with pytest.raises(InputError, match=r"has no projection with a known field"):
        register_cube(make_cube(gap, ENERGIES, np.deg2rad([0, 90]), stage="aligned"), RegisterOptions())
