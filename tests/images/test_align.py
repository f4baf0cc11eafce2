"""Alignment of spectral cubes against drifts that are known, and what it refuses."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.images import aligned, features, shifts
from picpxct_nx.images.align import AlignOptions, find_shifts
from picpxct_nx.images.aligned import align_cube, apply_shifts, donor
from picpxct_nx.records import SpectralCube
from picpxct_nx.simulate import images, phantom
from picpxct_nx.values import Array

PIXEL = 3e-8
Make = Callable[..., SpectralCube]


def drifting(n: int, energies: Array, *, seed: int = 0, drift: float = 2.0) -> tuple[Array, Array, Array]:
    """Images (E, n, n) of a drifting particle, the same without drift, and the drifts (E, 2) in px."""
    width = n * PIXEL * 0.6
    size = (width, 0.85 * width, 0.7 * width)
    specimen = phantom.polycrystal(size=size, n_grains=7, max_tilt=0.6, seed=np.random.SeedSequence(seed))
    view = images.View((n, n), PIXEL)
    moves = np.random.default_rng(seed).normal(0, drift, (len(energies), 2))
    moves -= moves.mean(axis=0)
    return (
        images.image_stack(specimen, view, list(energies), shifts_px=moves),
        images.image_stack(specimen, view, list(energies)),
        moves,
    )


def air_of(stack: Array) -> Array:
    return np.asarray(np.all(np.abs(stack - 1) < 1e-3, axis=0)[None])


@pytest.fixture(scope="module")
def few() -> tuple[Array, Array, Array, Array]:
    """Eight energies across the edge: drifted, still, drifts, energies."""
    energies = np.array([5460.0, 5466.0, 5470.0, 5471.0, 5472.0, 5480.0, 5492.0, 5515.0])
    return (*drifting(96, energies), energies)


def apart(found: Array, moves: Array) -> Array:
    """How far shifts are from undoing the drifts, px, their common mean left out."""
    rest = found / PIXEL + moves
    return np.asarray(rest - rest.mean(axis=0))


def test_sixty_energies_across_the_edge_are_aligned_to_four_thousandths_of_a_pixel(make_cube: Make) -> None:
    energies = np.linspace(5460, 5520, 63)
    stack, _, moves = drifting(192, energies)
    noisy = images.with_noise(stack, 0.01, seed=1)[None]
    found = find_shifts(make_cube(noisy, energies, [0.0], pixel=PIXEL, cube__air=air_of(stack)), AlignOptions())
    rest = apart(found.shift[0], moves)
    rms = np.sqrt(np.mean(rest**2))
    assert rms < 0.004
    assert np.abs(rest).max() < 0.016
    told = np.sqrt(np.mean(found.errors**2)) / PIXEL
    assert 0.7 < told / rms < 1.5
    assert found.spread is not None
    assert 0.003 < np.sqrt(np.mean(found.spread**2)) / PIXEL < 0.03
    np.testing.assert_allclose(found.shift[0].mean(axis=0), 0, atol=1e-15)


@pytest.mark.parametrize("how", shifts.STRATEGIES)
@pytest.mark.parametrize("on", features.FEATURES)
def test_every_feature_and_strategy_undoes_the_drift(
    make_cube: Make, few: tuple[Array, ...], on: features.Feature, how: shifts.Strategy
) -> None:
    stack, _, moves, energies = few
    options = AlignOptions(on=on, strategy=how)
    found = find_shifts(make_cube(stack[None], energies, [0.0], pixel=PIXEL), options)
    assert np.abs(apart(found.shift[0], moves)).max() < 0.06
    assert (found.closure is not None) == (how == "all-pairs")


def test_the_aligned_cube_is_what_a_still_sample_shows(make_cube: Make, few: tuple[Array, ...]) -> None:
    stack, still, _, energies = few
    product = align_cube(make_cube(stack[None], energies, [0.0], pixel=PIXEL, cube__air=air_of(stack)), AlignOptions())
    known = product.known[0]
    difference = np.abs(product.transmission[0] - still)[:, known]
    assert np.sqrt(np.mean(difference**2)) < 1e-3
    assert np.all(product.transmission[0][:, ~known] == 1)
    assert 0.8 < known.mean() < 1
    assert product.air is not None
    assert np.abs(still[:, product.air[0]] - 1).max() < 2e-3
    assert product.stage == "aligned"
    assert [step.command for step in product.history] == ["stack", "align"]


def test_a_window_that_cuts_the_sample_does_not_hold_it_back(make_cube: Make) -> None:
    """The particle reaches into the taper of the window: shifts would be some percent too small."""
    energies = np.array([5460.0, 5466.0, 5470.0, 5471.0, 5480.0, 5515.0])
    stack, _, moves = drifting(96, energies, drift=1.5)
    tight = np.zeros(stack.shape[1:], bool)
    tight[14:82, 14:82] = True
    cube = make_cube(
        stack[None], energies, [0.0], pixel=PIXEL, cube__known=tight[None], cube__air=air_of(stack) & tight
    )
    rest = apart(find_shifts(cube, AlignOptions()).shift[0], moves)
    assert np.sqrt(np.mean(rest**2)) < 0.015
    slopes = [np.polyfit(moves[:, axis], rest[:, axis], 1)[0] for axis in (0, 1)]
    assert np.abs(slopes).max() < 0.01


def test_a_narrow_rim_of_air_outlives_the_drift(make_cube: Make, few: tuple[Array, ...]) -> None:
    """A tight field: a ring of air four pixels wide, and images that are moved by nearly as much."""
    stack, still, moves, energies = few
    air = air_of(still)[0]
    rim = air & ndimage.binary_dilation(~air, iterations=4)
    assert np.abs(moves).max() > 3.5
    cube = make_cube(stack[None], energies, [0.0], pixel=PIXEL, cube__air=rim[None])
    product = align_cube(cube, AlignOptions())
    assert product.air is not None
    assert product.air.sum() > 0.3 * rim.sum()
    assert np.abs(still[:, product.air[0]] - 1).max() < 0.03


def test_a_reference_stays_where_it_is_and_is_not_interpolated(make_cube: Make, few: tuple[Array, ...]) -> None:
    stack, _, _, energies = few
    cube = make_cube(stack[None], energies, [0.0], pixel=PIXEL)
    product = align_cube(cube, AlignOptions(reference_ev=5480.0))
    known = product.known[0]
    np.testing.assert_array_equal(product.transmission[0, 5][known], cube.transmission[0, 5][known])
    assert list(np.asarray(product.extra["projections/shift"])[0, 5]) == [0, 0]
    assert product.history[-1].parameters["zero_shift"] == "reference"
    with pytest.raises(InputError, match=r"has no projection at 5475.0 eV; the nearest is at 5472.0 eV"):
        align_cube(cube, AlignOptions(reference_ev=5475.0))


def test_a_projection_that_is_not_there_stays_away(make_cube: Make, few: tuple[Array, ...]) -> None:
    stack, _, moves, energies = few
    gap = np.array(stack)
    gap[3] = np.nan
    product = align_cube(make_cube(np.stack([stack, gap]), energies, [0.0, np.pi / 2], pixel=PIXEL), AlignOptions())
    assert np.isnan(product.transmission[1, 3]).all()
    shift = np.asarray(product.extra["projections/shift"])
    assert np.isnan(shift[1, 3]).all()
    there = np.arange(8) != 3
    assert np.abs(apart(shift[1, there], moves[there])).max() < 0.02
    assert aligned.summary(product)["polarisations"][1]["energies"] == 7


def test_only_the_known_field_is_looked_at(make_cube: Make, few: tuple[Array, ...]) -> None:
    stack, _, moves, energies = few
    known = np.zeros((1, 96, 96), bool)
    known[0, 4:-7, 9:-3] = True
    frame = np.where(known[0], stack, 1)
    # A wall beyond the known field that does not move with the sample.
    frame[:, :2] = 0.3
    product = align_cube(make_cube(frame[None], energies, [0.0], pixel=PIXEL, cube__known=known), AlignOptions())
    assert np.abs(apart(np.asarray(product.extra["projections/shift"])[0], moves)).max() < 0.03
    assert not product.known[0][~known[0]].all()
    assert np.all(product.transmission[0][:, ~product.known[0]] == 1)


def test_shifts_of_another_cube_are_applied_again(make_cube: Make, few: tuple[Array, ...]) -> None:
    stack, _, _, energies = few
    cube = make_cube(stack[None], energies, [0.0], pixel=PIXEL)
    first = align_cube(cube, AlignOptions())
    again = align_cube(cube, AlignOptions(), donor([first]))
    np.testing.assert_array_equal(again.transmission, first.transmission)
    assert again.history[-1].parameters["from"] == first.uuid
    assert len(again.history[-1].inputs) == 2
    fewer = make_cube(stack[None, 2:5], energies[2:5] + 0.1, [0.0], pixel=PIXEL)
    part = align_cube(fewer, AlignOptions(), donor([first]))
    np.testing.assert_array_equal(
        np.asarray(part.extra["projections/shift"])[0], np.asarray(first.extra["projections/shift"])[0, 2:5]
    )


def test_shifts_of_a_cube_that_does_not_match_are_refused(make_cube: Make, few: tuple[Array, ...]) -> None:
    stack, _, _, energies = few
    first = align_cube(make_cube(stack[None], energies, [0.0], pixel=PIXEL), AlignOptions())
    with pytest.raises(InputError, match=r"5461.0 eV: cube has no shift for it"):
        align_cube(make_cube(stack[None, :2], energies[:2] + 1, [0.0]), AlignOptions(), donor([first]))
    with pytest.raises(InputError, match=r"has no such polarisation"):
        align_cube(make_cube(stack[None], energies, [1.0]), AlignOptions(), donor([first]))
    with pytest.raises(InputError, match=r"--max-shift allows 1 nm"):
        align_cube(make_cube(stack[None], energies, [0.0]), AlignOptions(max_shift=1e-9), donor([first]))
    with pytest.raises(InputError, match=r"align --from wants aligned"):
        align_cube(
            make_cube(stack[None], energies, [0.0]), AlignOptions(), donor([make_cube(stack[None], energies, [0])])
        )
    with pytest.raises(UsageError, match=r"found 2 cubes; wanted one"):
        donor([first, first])


def test_air_and_thin_projections_are_named_and_refused(make_cube: Make, few: tuple[Array, ...]) -> None:
    stack, _, _, energies = few
    empty = images.with_noise(np.ones_like(stack), 0.01, seed=2)
    for on in features.FEATURES:
        one_empty = np.array(stack)
        one_empty[4] = empty[4]
        with pytest.raises(InputError, match=rf"polarisation 1 \(0 deg\), 5472.0 eV: shares .* of its {on}"):
            find_shifts(make_cube(one_empty[None], energies, [0.0]), AlignOptions(on=on))
        with pytest.raises(InputError, match=r"8 of 8 projections"):
            find_shifts(make_cube(empty[None], energies, [0.0]), AlignOptions(on=on))
    with pytest.raises(InputError, match=r"no more than noise would"):
        find_shifts(make_cube(np.ones_like(stack)[None], energies, [0.0]), AlignOptions())


def test_a_shift_that_is_too_large_is_refused_by_name(make_cube: Make, few: tuple[Array, ...]) -> None:
    stack, _, _, energies = few
    far = np.array(stack)
    far[6] = np.roll(far[6], 40, axis=0)
    with pytest.raises(InputError, match=r"5492.0 eV: moved by .* a quarter of the field allows"):
        find_shifts(make_cube(far[None], energies, [0.0], pixel=PIXEL), AlignOptions())
    with pytest.raises(InputError, match=r"--max-shift allows 20 nm"):
        find_shifts(make_cube(stack[None], energies, [0.0], pixel=PIXEL), AlignOptions(max_shift=20e-9))


def test_one_energy_is_nothing_to_align(make_cube: Make, few: tuple[Array, ...]) -> None:
    with pytest.raises(InputError, match=r"has 1 energy; wanted two or more"):
        find_shifts(make_cube(few[0][None, :1], few[3][:1], [0.0]), AlignOptions())


def test_a_valid_projection_that_is_not_finite_is_refused(make_cube: Make, few: tuple[Array, ...]) -> None:
    cube = make_cube(few[0][None], few[3], [0.0])
    broken = np.array(cube.transmission)
    broken[0, 2, 5, 7] = np.inf
    with pytest.raises(InputError, match=r"5470.0 eV: is not finite at pixel \(5, 7\) \(1 pixels\)"):
        find_shifts(dataclasses.replace(cube, transmission=broken), AlignOptions())


def test_another_stage_is_refused(make_cube: Make, few: tuple[Array, ...]) -> None:
    with pytest.raises(InputError, match=r"is aligned; align wants stacked: it has been through align already"):
        find_shifts(make_cube(few[0][None], few[3], [0.0], stage="aligned"), AlignOptions())


def test_shifts_that_leave_nothing_known_are_refused(make_cube: Make, few: tuple[Array, ...]) -> None:
    cube = make_cube(few[0][None], few[3], [0.0], pixel=PIXEL)
    found = find_shifts(cube, AlignOptions())
    shift = np.array(found.shift)
    shift[0, 0], shift[0, 1] = 60 * PIXEL, -60 * PIXEL
    with pytest.raises(InputError, match=r"no pixel is known after the shifts"):
        apply_shifts(cube, dataclasses.replace(found, shift=shift), AlignOptions())
