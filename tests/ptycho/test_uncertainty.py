"""Sigmas of the object: their coverage under redrawn noise, with the probe known and not, and what raises them."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from picpxct_nx.ptycho import Background, Intensity, Model, Problem, Result, Stage, Variation, parse, reconstruct
from picpxct_nx.ptycho.likeness import difference
from picpxct_nx.ptycho.uncertainty import LEAST_DOSE, Errors, _as_run, errors_of
from picpxct_nx.simulate.reference import ReferenceScan, reference_scan

from .flawed import expected

RECIPE = "pie:3,ml:40"
KNOWN = {"pie.probe_start": "1000000", "ml.probe_start": "1000000"}


def _problem(scan: ReferenceScan, frames: NDArray[np.float32], *, known: bool = False) -> Problem:
    good = np.ones(frames.shape[1:], bool)
    shape = (scan.object.shape[0], scan.object.shape[1])
    return Problem(frames, good, scan.positions_px, shape, scan.probe if known else scan.probe_start)


def _inside(scan: ReferenceScan, result: Result, errors: Errors, *, intensity: bool = False) -> tuple[float, float]:
    """Parts of the lit pixels whose modulus and phase are within a sigma of the truth."""
    lit = np.isfinite(errors.phase)
    weight = np.where(lit, result.illumination, 0).astype(np.float64)
    off, _ = difference(scan.object, result.object, weight, modulus_ramp=intensity)
    off *= np.exp(-1j * np.angle(result.object.astype(np.complex128)))
    modulus = np.abs(off.real[lit]) < errors.modulus[lit]
    phase = np.abs(off.imag / np.abs(result.object))[lit] < errors.phase[lit]
    return float(modulus.mean()), float(phase.mean())


def _coverage(scan: ReferenceScan, count: int, *, known: bool, dark: float = 0) -> tuple[float, float]:
    """The parts within a sigma, mean over redrawn scans, some counts of background among what is refined."""
    counts, rng, parts = expected(scan, scan.probe[None]) + dark, np.random.default_rng(5), []
    stages, model = parse(RECIPE, KNOWN if known else {}), Model(background=Background() if dark else None)
    for number in range(count):
        problem = _problem(scan, rng.poisson(counts).astype(np.float32), known=known)
        result = reconstruct(problem, stages, model=model, device="cpu")
        errors = errors_of(problem, result, stages, model=model, device="cpu", seed=number)
        parts.append(_inside(scan, result, errors))
    modulus, phase = np.mean(parts, axis=0)
    return float(modulus), float(phase)


@pytest.fixture(scope="module")
def bright() -> ReferenceScan:
    return reference_scan(50, 64, photons=1e7)


@pytest.fixture(scope="module")
def fitted(bright: ReferenceScan) -> tuple[Problem, Result, Errors]:
    problem, stages = _problem(bright, bright.frames), parse(RECIPE)
    result = reconstruct(problem, stages, device="cpu")
    return problem, result, errors_of(problem, result, stages, device="cpu")


@pytest.mark.parametrize("photons", [1e5, 1e7])
def test_a_sigma_covers_68_per_cent_with_the_probe_known(photons: float) -> None:
    for part in _coverage(reference_scan(50, 64, photons=photons), 2, known=True):
        assert part == pytest.approx(0.683, abs=0.03)


def test_a_sigma_covers_68_per_cent_with_the_probe_fitted_too(bright: ReferenceScan) -> None:
    for part in _coverage(bright, 2, known=False):
        assert part == pytest.approx(0.683, abs=0.03)


def test_few_counts_do_not_look_like_a_misfit() -> None:
    scan = reference_scan(50, 64, photons=1e4)
    problem, stages = _problem(scan, scan.frames, known=True), parse(RECIPE, KNOWN)
    errors = errors_of(problem, reconstruct(problem, stages, device="cpu"), stages, device="cpu")
    assert 0.95 < errors.chi_square < 1, "a fit takes a part of its noise"


def test_a_sigma_covers_68_per_cent_with_a_background_refined() -> None:
    # Noise of an object that is taken for light would be truth in the drawn frames: half of the pixels.
    for part in _coverage(reference_scan(50, 64, photons=1e6), 2, known=False, dark=4.0):
        assert part == pytest.approx(0.683, abs=0.05)


def test_a_recipe_that_ends_too_early_has_larger_sigmas(
    bright: ReferenceScan, fitted: tuple[Problem, Result, Errors]
) -> None:
    problem, _, plain = fitted
    stages = parse("pie:3,ml:5")
    result = reconstruct(problem, stages, device="cpu")
    errors = errors_of(problem, result, stages, device="cpu")
    assert errors.phase_factor > 1.5 * plain.phase_factor
    for part in _inside(bright, result, errors):
        assert part == pytest.approx(0.683, abs=0.1)


def test_the_noise_is_near_the_bound_of_the_information(fitted: tuple[Problem, Result, Errors]) -> None:
    _, result, errors = fitted
    assert 1.0 < errors.modulus_factor < 1.25
    assert 1.0 < errors.phase_factor < 1.35
    assert errors.chi_square == pytest.approx(1.0, abs=0.1)
    dose = result.illumination
    lit = dose > LEAST_DOSE * dose.max()
    np.testing.assert_allclose(errors.modulus[lit], errors.modulus_factor / np.sqrt(2 * dose[lit]), rtol=1e-5)


def test_a_known_probe_inflates_nothing_and_a_fitted_one_does(
    bright: ReferenceScan, fitted: tuple[Problem, Result, Errors]
) -> None:
    problem, stages = _problem(bright, bright.frames, known=True), parse(RECIPE, KNOWN)
    result = reconstruct(problem, stages, device="cpu")
    errors = errors_of(problem, result, stages, device="cpu")
    assert errors.phase_inflation == pytest.approx(1, abs=0.02)
    assert errors.modulus_inflation == pytest.approx(1, abs=0.02)
    assert fitted[2].phase_inflation > 1.03


def test_noise_of_what_is_refined_too_is_counted(bright: ReferenceScan, fitted: tuple[Problem, Result, Errors]) -> None:
    rng = np.random.default_rng(6)
    scale = np.clip(1 + 0.1 * rng.normal(size=len(bright.frames)), 0.5, None)
    counts = rng.poisson(scale[:, None, None] * expected(bright, bright.probe[None]) + 20)
    problem, stages = _problem(bright, counts.astype(np.float32)), parse("pie:5,ml:60", {"ml.likelihood": "poisson"})
    model = Model(intensity=Intensity(), background=Background())
    result = reconstruct(problem, stages, model=model, device="cpu")
    errors = errors_of(problem, result, stages, model=model, device="cpu")
    assert errors.chi_square == pytest.approx(1.0, abs=0.15), "the drawn frames are those of the whole model"
    assert errors.phase_factor > 1.5 * fitted[2].phase_factor, "a background hides the faint half of the object's light"
    assert errors.phase_inflation > 1.02
    assert min(_inside(bright, result, errors, intensity=True)) > 0.6


def test_changes_of_the_probe_are_in_the_fit_and_not_in_the_drawn_frames(
    fitted: tuple[Problem, Result, Errors],
) -> None:
    problem, _, plain = fitted
    model, stages = Model(variation=Variation(modes=1)), parse(RECIPE)
    result = reconstruct(problem, stages, model=model, device="cpu")
    errors = errors_of(problem, result, stages, model=model, device="cpu")
    assert errors.chi_square == pytest.approx(1.0, abs=0.15)
    assert errors.phase_factor == pytest.approx(plain.phase_factor, rel=0.1)


def test_dim_pixels_have_no_sigma(fitted: tuple[Problem, Result, Errors]) -> None:
    _, result, errors = fitted
    dim = result.illumination <= LEAST_DOSE * result.illumination.max()
    assert dim.any()
    assert np.isnan(errors.phase[dim]).all()
    assert (errors.phase[~dim] > 0).all()


def test_four_times_the_photons_halve_the_sigma() -> None:
    bounds, factors = [], []
    for photons in (2e6, 8e6):
        scan = reference_scan(50, 64, photons=photons)
        problem, stages = _problem(scan, scan.frames), parse(RECIPE)
        errors = errors_of(problem, reconstruct(problem, stages, device="cpu"), stages, device="cpu")
        bounds.append(np.nanmedian(errors.phase) / errors.phase_factor)
        factors.append(errors.phase_factor)
    assert bounds[1] / bounds[0] == pytest.approx(0.5, rel=0.01)
    # One redrawn scan of 50 frames tells the factor to five in a hundred.
    assert factors[1] == pytest.approx(factors[0], rel=0.2)


def test_a_model_that_does_not_fit_raises_the_sigma(
    bright: ReferenceScan, fitted: tuple[Problem, Result, Errors]
) -> None:
    problem, result, errors = fitted
    shaken = np.random.default_rng(1).normal(1, 0.2, bright.frames.shape)
    worse = replace(problem, frames=(bright.frames * np.abs(shaken)).astype(np.float32))
    raised = errors_of(worse, result, parse(RECIPE), device="cpu")
    assert raised.chi_square > 2
    ratio = np.nanmedian(raised.phase) / np.nanmedian(errors.phase)
    assert ratio == pytest.approx(np.sqrt(raised.chi_square / max(1, errors.chi_square)), rel=0.02)


def test_the_same_seed_gives_the_same_sigmas(fitted: tuple[Problem, Result, Errors]) -> None:
    problem, result, errors = fitted
    again = errors_of(problem, result, parse(RECIPE), device="cpu")
    assert again.phase.tobytes() == errors.phase.tobytes()


def test_the_recipe_is_run_again_as_far_as_it_came(fitted: tuple[Problem, Result, Errors]) -> None:
    result = replace(fitted[1], engines=("pie",) * 2 + ("ml",) * 7, chosen={"ml.likelihood": "gaussian"})

    def told(stages: tuple[Stage, ...]) -> list[tuple[str, int]]:
        return [(stage.engine, stage.iterations) for stage in _as_run(stages, result)]

    assert told(parse("pie:3,ml:30")) == [("pie", 2), ("ml", 7)]
    assert told(parse("pie:1,pie:1,ml:4,ml:9,dm:3")) == [("pie", 1), ("pie", 1), ("ml", 4), ("ml", 3)]
    assert _as_run(parse("pie:3,ml:30"), result)[1].params.likelihood == "gaussian"
