"""Normalised spectra of simulated V2O5 against what it was made of."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from picpxct_nx.errors import InputError
from picpxct_nx.simulate import spectra
from picpxct_nx.spectra import density as densities
from picpxct_nx.spectra import reduce
from picpxct_nx.spectra.normalize import normalise
from picpxct_nx.spectra.options import Options
from picpxct_nx.spectra.regression import Orders
from picpxct_nx.spectra.scale import Normalised
from picpxct_nx.spectra.thickness import By
from picpxct_nx.spectra.windows import Window
from picpxct_nx.values import Array

from .conftest import E0, ENERGIES, MakeCube

# Optical density of a metre of V2O5 that the edge adds: f'' of the atom with its K shell less that without, at e0.
STEP = 0.09836e6
BY: tuple[By, ...] = ("edge-jump", "phase-drop", "off-edge-phase")


def _scatter(found: Normalised, truth: Array, inner: Array) -> tuple[float, float]:
    """Mean and rms scatter of thickness over truth, less one."""
    assert found.relative is not None
    assert found.metres is not None
    good = (found.mask == 0) & inner
    error = (found.relative.value * found.metres / np.where(truth > 0, truth, np.nan) - 1)[good]
    return float(error.mean()), float(error.std())


@pytest.mark.parametrize("weight", [0.0, 1 / 3, 1.0])
def test_default_windows_give_the_step_within_two_percent_whatever_the_polarisation(weight: float) -> None:
    _, beta = spectra.along(spectra.optical_constants(ENERGIES), weight)
    absorption = 4 * np.pi * ENERGIES / spectra.HC_EV_M * beta
    step = absorption[ENERGIES - E0 >= 20].mean() - absorption[ENERGIES - E0 <= -16].mean()
    assert step == pytest.approx(STEP, rel=0.02)


def test_steps_of_a_particle_are_right_in_both_polarisations(make_cube: MakeCube) -> None:
    cube, truth = make_cube(noise=0.01)
    found = normalise(cube, Options(E0))
    for p in (0, 1):
        step = found.step.value[p][truth.inner].sum() / truth.thickness[truth.inner].sum()
        assert step == pytest.approx(STEP, rel=0.02)


def test_thickness_by_off_edge_phase_is_good_to_a_percent_in_every_pixel(make_cube: MakeCube) -> None:
    cube, truth = make_cube(noise=0.01, side=48)
    bias, scatter = _scatter(normalise(cube, Options(E0, density=spectra.DENSITY)), truth.thickness, truth.inner)
    assert scatter < 0.01
    assert abs(bias) < 0.02  # the tables' accuracy


def test_the_edge_jump_is_much_noisier_and_the_phase_drop_depends_on_the_axis(make_cube: MakeCube) -> None:
    cube, truth = make_cube(noise=0.01)
    found = {
        by: _scatter(normalise(cube, Options(E0, by=by, density=3357.0)), truth.thickness, truth.inner) for by in BY
    }
    assert found["edge-jump"][1] > 6 * found["off-edge-phase"][1]
    assert found["phase-drop"][1] > 0.08
    assert max(abs(bias) for bias, _ in found.values()) < 0.03


def test_xanes_is_that_of_the_grain_in_each_polarisation(make_cube: MakeCube) -> None:
    cube, truth = make_cube(noise=0.0, side=48)
    found = normalise(cube, Options(E0))
    constants = spectra.optical_constants(ENERGIES)
    across, along = constants.beta_perpendicular * ENERGIES, constants.beta_parallel * ENERGIES
    projection = truth.projection
    # The pixel that is farthest from any other grain, which the microscope would mix in.
    depth = [ndimage.distance_transform_edt(projection.label == label) for label in range(1, 6)]
    row, column = np.unravel_index(np.argmax(np.max(depth, axis=0)), projection.label.shape)
    for p, axis in enumerate((projection.axis_xx, projection.axis_yy)):
        weight = axis[row, column] / projection.thickness[row, column]
        expected = across + weight * (along - across)
        expected = expected - expected[ENERGIES - E0 <= -16].mean()
        expected = expected / expected[ENERGIES - E0 >= 20].mean()
        np.testing.assert_allclose(found.xanes[p, :, row, column], expected, atol=0.02)


def test_matter_has_negative_phase_and_positive_density_step_and_drop(make_cube: MakeCube) -> None:
    cube, truth = make_cube(noise=0.005)
    found = normalise(cube, Options(E0))
    for positive in (found.step.value, found.drop.value, -found.off.value):
        assert (positive[:, truth.inner] > 0).mean() > 0.99
    # XPNES is one where the phase is nearest to zero; XANES is one after the edge.
    near = np.abs(ENERGIES - E0 - np.mean(found.windows.drop)) <= 2
    assert np.nanmean(found.xpnes[:, near]) == pytest.approx(1, abs=0.02)
    assert np.nanmean(found.xanes[:, ENERGIES - E0 >= 20]) == pytest.approx(1, abs=0.02)


def test_standard_deviations_cover_68_percent(make_cube: MakeCube) -> None:
    # Against the same particle without noise; white noise of 0.01 in real and imaginary part.
    clean, truth = make_cube(noise=0.0)
    # What has an error common to all pixels, such as the scales, would take very many draws.
    names = ("step", "drop", "off")
    for by in BY:
        options = Options(E0, by=by, density=3357.0)
        ideal = normalise(clean, options)
        drawn: dict[str, list[Array]] = {}
        for seed in range(5):
            found = normalise(make_cube(noise=0.01, seed=seed)[0], options)
            for name in names:
                value, sigma = getattr(found, name).value, getattr(found, name).sigma
                pull = (value - getattr(ideal, name).value) / sigma
                drawn.setdefault(name, []).append(pull[:, truth.inner])
            for name, noise in (("xanes", found.density_noise), ("xpnes", found.phase_noise)):
                pull = (getattr(found, name) - getattr(ideal, name)) / _point_sigma(found, name, noise)
                drawn.setdefault(name, []).append(pull[:, :, truth.inner])
        for name, pulls in drawn.items():
            inside = np.abs(np.array(pulls)[np.isfinite(pulls)]) < 1
            assert inside.mean() == pytest.approx(0.683, abs=0.06 if name == "off" else 0.04), (by, name)


def _point_sigma(found: Normalised, name: str, noise: Array) -> Array:
    z, factors, scale = getattr(found, name), getattr(found, f"{name}_factors"), getattr(found, f"{name}_scale")
    own = factors.variance[:, :, None, None] - 2 * z * factors.covariance[:, :, None, None]
    shared = (z * scale.sigma[:, None]) ** 2
    return np.asarray(np.sqrt(noise[:, None] ** 2 * own + shared) / np.abs(scale.value[:, None]))


def test_noise_is_measured_in_matter_and_in_air(make_cube: MakeCube) -> None:
    cube, truth = make_cube(noise=0.02)
    found = normalise(cube, Options(E0))
    air = np.asarray(cube.air)[0]
    assert np.median(found.density_noise[:, air]) == pytest.approx(0.04, rel=0.03)
    assert np.median(found.phase_noise[:, air]) == pytest.approx(0.02, rel=0.03)
    # A smaller modulus has more noise in its logarithm.
    modulus = np.abs(np.asarray(cube.transmission)[:, :, truth.inner]).mean()
    assert np.median(found.phase_noise[:, truth.inner]) == pytest.approx(0.02 / modulus, rel=0.05)


def test_absorption_and_phase_agree_and_a_swapped_energy_scale_does_not(make_cube: MakeCube) -> None:
    cube, truth = make_cube(noise=0.003)
    found = normalise(cube, Options(E0))
    assert found.chi is not None
    assert found.residual is not None
    assert (found.residual < 0.05).all()
    assert np.median(found.chi[:, truth.inner]) == pytest.approx(1.0, abs=0.25)
    images = np.asarray(cube.transmission)
    late = np.roll(np.angle(images), 3, axis=1)  # phases three energies too late
    wrong = dataclasses.replace(cube, transmission=np.abs(images) * np.exp(1j * late))
    spoilt = normalise(wrong, Options(E0))
    assert spoilt.residual is not None
    assert spoilt.chi is not None
    assert (spoilt.residual > 0.15).all()
    assert np.median(spoilt.chi[:, truth.inner]) > 1.3


def test_missing_projections_are_nan_and_left_out_of_the_fits(make_cube: MakeCube) -> None:
    cube, truth = make_cube(noise=0.002)
    gone = [2, 30, 80]
    valid, energy = np.array(cube.valid), np.array(cube.measured_energy_ev)
    images = np.array(cube.transmission)
    valid[1, gone], energy[1, gone], images[1, gone] = False, np.nan, np.nan
    patchy = dataclasses.replace(cube, valid=valid, measured_energy_ev=energy, transmission=images)
    whole, found = normalise(cube, Options(E0)), normalise(patchy, Options(E0))
    assert np.isnan(found.xanes[1, gone]).all()
    assert np.isnan(found.xpnes[1, gone]).all()
    assert np.isfinite(found.xanes[0][:, truth.inner]).all()
    np.testing.assert_allclose(found.step.value[1][truth.inner], whole.step.value[1][truth.inner], atol=5e-3)
    np.testing.assert_array_equal(found.mask[:, truth.inner], 0)


def test_every_masked_pixel_has_its_reason(make_cube: MakeCube) -> None:
    cube, truth = make_cube(noise=0.01)
    known, images = np.array(cube.known), np.array(cube.transmission)
    known[:, :2] = False
    row, column = np.argwhere(truth.inner)[0]
    images[0, 5, row, column] = 0  # a dead pixel in one projection
    images[1, :, row, column + 1] *= np.exp(1j * np.linspace(0, 6 * np.pi, len(ENERGIES)))  # its mean has no phase
    found = normalise(dataclasses.replace(cube, known=known, transmission=images), Options(E0))
    mask, air = found.mask, np.asarray(cube.air)
    assert (mask[:, :2] & densities.OUTSIDE != 0).all()
    assert (mask[:, 2:][air[:, 2:]] & densities.AIR != 0).all()
    assert mask[0, row, column] == densities.NOT_FINITE
    assert mask[1, row, column + 1] & densities.WRAPPED
    rim = (truth.thickness > 0) & (truth.thickness < 0.15e-6) & ~air[0]
    rim[:2] = False
    assert (mask[:, rim] & densities.THIN != 0).mean() > 0.9  # the microscope smears some matter there
    assert np.isnan(found.xanes[:, 0][mask != 0]).all()
    assert np.isfinite(found.xanes[np.broadcast_to((mask == 0)[:, None], found.xanes.shape)]).all()
    assert (np.median(np.abs(found.step.value[:, 2:][air[:, 2:]])) < 0.02).all()


def test_a_field_without_common_air_keeps_the_zero_that_flatten_found(make_cube: MakeCube) -> None:
    """A tight field: no pixel of air is left in the second polarisation, and what is known is matter."""
    cube, truth = make_cube(noise=0.005)
    whole = normalise(cube, Options(E0, density=3357.0))
    known, air = np.array(cube.known), np.array(cube.air)
    known[1] &= truth.thickness > 0.2e-6
    air[1] = False
    said: list[str] = []
    found = normalise(dataclasses.replace(cube, known=known, air=air), Options(E0, density=3357.0), said.append)
    assert found.zero == ("air", "flattened")
    assert any("polarisation 90 deg have 0 pixels of air in common; each keeps the zero" in text for text in said)
    assert found.relative is not None
    assert whole.relative is not None
    assert found.metres is not None
    thickness = found.relative.value[:, truth.inner] * found.metres
    np.testing.assert_allclose(thickness.mean(axis=1), truth.thickness[truth.inner].mean(), rtol=0.02)


def test_blocks_of_pixels_do_not_change_the_result(make_cube: MakeCube, monkeypatch: pytest.MonkeyPatch) -> None:
    cube, _ = make_cube()
    whole = normalise(cube, Options(E0))
    monkeypatch.setattr(reduce, "BLOCK_BYTES", 8 * len(ENERGIES) * 7)
    parts = normalise(cube, Options(E0))
    np.testing.assert_allclose(parts.xanes[...], whole.xanes[...], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(parts.density_noise, whole.density_noise, rtol=1e-6)


def test_without_a_thickness_spectra_are_not_divided(make_cube: MakeCube) -> None:
    cube, truth = make_cube(noise=0.002)
    plain, divided = normalise(cube, Options(E0, by="none")), normalise(cube, Options(E0))
    assert plain.relative is None
    scale = divided.xanes_scale.value[:, truth.inner]
    np.testing.assert_allclose(plain.xanes[:, 40, truth.inner], divided.xanes[:, 40, truth.inner] * scale, rtol=1e-4)


def test_one_polarisation_and_a_few_energies_are_enough(make_cube: MakeCube) -> None:
    few = np.array([5460.0, 5469.0, 5470.0, 5471.0, 5472.0, 5476.0, 5482.0, 5515.0])
    cube, truth = make_cube(noise=0.005, energies=few, polarisations=1)
    said: list[str] = []
    found = normalise(cube, Options(E0, density=3357.0), said.append)
    assert found.chi is None
    assert any("no Kramers-Kronig check" in text for text in said)
    assert found.windows.pre == (-23.4, -16.0)
    assert np.median(found.density_noise[0][truth.inner]) == pytest.approx(0.01, rel=0.3)
    assert abs(_scatter(found, truth.thickness, truth.inner)[0]) < 0.02


def test_lines_through_windows_this_narrow_overshoot(make_cube: MakeCube) -> None:
    """Why constants are the default: with a line after the edge the step of a 60 eV scan is far too large."""
    cube, truth = make_cube(noise=0.0)
    found = normalise(cube, Options(E0, orders=Orders(0, 1)))
    step = found.step.value[0][truth.inner].sum() / truth.thickness[truth.inner].sum()
    assert step > 1.05 * STEP


def test_a_scale_of_ones_own_makes_metres(make_cube: MakeCube) -> None:
    cube, truth = make_cube(noise=0.002)
    found = normalise(cube, Options(E0, by="edge-jump", scale=1 / STEP, least_thickness=1e-6))
    bias, _ = _scatter(found, truth.thickness, truth.inner)
    assert abs(bias) < 0.02
    kept = found.mask == 0
    assert found.relative is not None
    assert found.metres is not None
    assert (found.relative.value[kept] * found.metres >= 1e-6).all()


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({"air": None}, Options(E0), "nobody said where its air is"),
        ({"formula": None}, Options(E0, density=3357.0), "has no sample/chemical_formula"),
        ({}, Options(E0, least_sigma=1e6), "too thin for a step of 1e\\+06 standard deviations"),
        ({}, Options(5450.0), "e0 = 5450 eV lies outside the energies, 5460 to 5520 eV"),
        ({}, Options(5465.0, pre=Window(None, -1.0)), "no energy|not nearer|does not rise"),
        ({}, Options(E0, pre=Window(None, -30.0)), "no energy lies in the pre-edge window"),
        ({}, Options(None), "a peak of 0.[0-9]* of the step stands at 547"),
    ],
)
def test_what_cannot_be_normalised_is_refused(
    change: dict[str, Any], options: Options, words: str, make_cube: MakeCube
) -> None:
    cube, _ = make_cube()
    with pytest.raises(InputError, match=words):
        normalise(dataclasses.replace(cube, **change), options)


def test_numbers_that_are_none_in_known_pixels_are_refused(make_cube: MakeCube) -> None:
    cube, _ = make_cube()
    images = np.array(cube.transmission)
    images[1, 3, 16, 16] = np.nan
    with pytest.raises(InputError, match=r"1 known pixels at 5463 eV, polarisation 90 deg, are not finite"):
        normalise(dataclasses.replace(cube, transmission=images), Options(E0))


def test_a_polarisation_without_a_window_is_named(make_cube: MakeCube) -> None:
    cube, _ = make_cube()
    valid, energy = np.array(cube.valid), np.array(cube.measured_energy_ev)
    valid[1, ENERGIES > 5500] = False
    energy[1, ENERGIES > 5500] = np.nan
    patchy = dataclasses.replace(cube, valid=valid, measured_energy_ev=energy)
    with pytest.raises(InputError, match="polarisation 90 deg has no projection in the post-edge window"):
        normalise(patchy, Options(E0))


def test_a_polarisation_without_any_projection_is_named(make_cube: MakeCube) -> None:
    cube, _ = make_cube()
    valid, energy = np.array(cube.valid), np.array(cube.measured_energy_ev)
    valid[1], energy[1] = False, np.nan
    with pytest.raises(InputError, match="polarisation 90 deg has no projection; leave it out"):
        normalise(dataclasses.replace(cube, valid=valid, measured_energy_ev=energy), Options(E0))


def test_energies_that_do_not_rise_are_refused(make_cube: MakeCube) -> None:
    cube, _ = make_cube()
    energy = np.array(cube.measured_energy_ev)
    energy[0, [4, 5]] = energy[0, [5, 4]]
    with pytest.raises(InputError, match="measured energies do not rise"):
        normalise(dataclasses.replace(cube, measured_energy_ev=energy), Options(E0))


def test_matter_that_runs_ahead_is_refused(make_cube: MakeCube) -> None:
    # The other sign convention: every image conjugated.
    cube, _ = make_cube(noise=0.0)
    images = np.exp(1j * np.abs(np.angle(np.asarray(cube.transmission)))) * np.abs(np.asarray(cube.transmission))
    with pytest.raises(InputError, match="the phase of the sample is above zero"):
        normalise(dataclasses.replace(cube, transmission=images), Options(E0))
