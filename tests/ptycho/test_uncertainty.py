"""Sigmas of the object: their coverage under redrawn noise, with the probe known and not, and what raises them."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from picpxct_nx.ptycho import Background, Intensity, Model, Problem, Result, Variation, parse, reconstruct
from picpxct_nx.ptycho.uncertainty import LEAST_DOSE, Errors, _moved, errors_of
from picpxct_nx.simulate.reference import ReferenceScan, reference_scan

KNOWN = {"ml.probe_start": "1000000"}


def _problem(scan: ReferenceScan, frames: NDArray[np.float32]) -> Problem:
    good = np.ones(frames.shape[1:], bool)
    shape = (scan.object.shape[0], scan.object.shape[1])
    return Problem(frames, good, scan.positions_px, shape, scan.probe, scan.object)


def _expected(scan: ReferenceScan) -> NDArray[np.float64]:
    h, w = scan.frames.shape[1:]
    probe = scan.probe[0].astype(np.complex128)
    patches = [scan.object[row : row + h, column : column + w] for row, column in scan.positions_px.astype(int)]
    waves = np.fft.fft2(probe * np.array(patches), norm="ortho")
    return np.asarray(np.fft.fftshift(np.abs(waves) ** 2, axes=(1, 2)))


def _coverage(scan: ReferenceScan, count: int, settings: dict[str, str]) -> tuple[float, float]:
    """Parts of the lit pixels whose modulus and phase are within a sigma of the truth, over redrawn scans."""
    expected, rng = _expected(scan), np.random.default_rng(5)
    stages = parse("ml:40", {"ml.likelihood": "poisson"} | settings)
    parts = []
    for number in range(count):
        problem = _problem(scan, rng.poisson(expected).astype(np.float32))
        result = reconstruct(problem, stages, device="cpu")
        errors = errors_of(problem, result, stages[-1], device="cpu", seed=number)
        lit = np.isfinite(errors.phase)
        off = _moved(scan.object, result.object, np.where(lit, result.illumination, 0).astype(np.float64))
        off *= np.exp(-1j * np.angle(result.object.astype(np.complex128)))
        size = np.abs(result.object)
        modulus = np.abs(off.real[lit]) < errors.modulus[lit]
        phase = np.abs(off.imag / size)[lit] < errors.phase[lit]
        parts.append((modulus.mean(), phase.mean()))
    modulus, phase = np.mean(parts, axis=0)
    return float(modulus), float(phase)


@pytest.fixture(scope="module")
def bright() -> ReferenceScan:
    return reference_scan(50, 64, photons=3e7)


@pytest.fixture(scope="module")
def fitted(bright: ReferenceScan) -> tuple[Problem, Result, Errors]:
    problem = _problem(bright, bright.frames)
    stages = parse("ml:20", {"ml.likelihood": "poisson"})
    result = reconstruct(problem, stages, device="cpu")
    return problem, result, errors_of(problem, result, stages[-1], device="cpu")


def test_a_sigma_covers_68_per_cent_with_the_probe_known(bright: ReferenceScan) -> None:
    for part in _coverage(bright, 4, KNOWN):
        assert part == pytest.approx(0.683, abs=0.03)


def test_a_sigma_covers_68_per_cent_with_the_probe_fitted_too(bright: ReferenceScan) -> None:
    for part in _coverage(bright, 4, {}):
        assert part == pytest.approx(0.683, abs=0.03)


def test_the_noise_is_near_the_bound_of_the_information(fitted: tuple[Problem, Result, Errors]) -> None:
    _, result, errors = fitted
    assert 1.0 < errors.modulus_factor < 1.2
    assert 1.0 < errors.phase_factor < 1.2
    assert errors.chi_square == pytest.approx(1.0, abs=0.1)
    dose = result.illumination
    lit = dose > LEAST_DOSE * dose.max()
    np.testing.assert_allclose(errors.modulus[lit], errors.modulus_factor / np.sqrt(2 * dose[lit]), rtol=1e-5)


def test_noise_of_what_is_refined_too_is_counted(bright: ReferenceScan, fitted: tuple[Problem, Result, Errors]) -> None:
    rng = np.random.default_rng(6)
    scale = np.clip(1 + 0.1 * rng.normal(size=len(bright.frames)), 0.5, None)
    counts = rng.poisson(scale[:, None, None] * _expected(bright) + 20)
    problem, stages = _problem(bright, counts.astype(np.float32)), parse("ml:40", {"ml.likelihood": "poisson"})
    model = Model(intensity=Intensity(), background=Background(start=1))
    result = reconstruct(problem, stages, model=model, device="cpu")
    errors = errors_of(problem, result, stages[-1], model=model, device="cpu")
    assert errors.chi_square == pytest.approx(1.0, abs=0.15), "the drawn frames are those of the whole model"
    assert errors.phase_factor > 1.5 * fitted[2].phase_factor, "a background hides the faint half of the object's light"
    lit = np.isfinite(errors.phase)
    off = _moved(bright.object, result.object, np.where(lit, result.illumination, 0).astype(np.float64))
    phase = (off * np.exp(-1j * np.angle(result.object.astype(np.complex128)))).imag / np.abs(result.object)
    assert np.mean(np.abs(phase[lit]) < errors.phase[lit]) > 0.5


def test_changes_of_the_probe_are_in_the_fit_and_not_in_the_drawn_frames(
    bright: ReferenceScan, fitted: tuple[Problem, Result, Errors]
) -> None:
    problem, _, plain = fitted
    model, stages = Model(variation=Variation(modes=1, start=1)), parse("ml:10", {"ml.likelihood": "poisson"})
    result = reconstruct(problem, stages, model=model, device="cpu")
    errors = errors_of(problem, result, stages[-1], model=model, device="cpu")
    assert errors.chi_square == pytest.approx(1.0, abs=0.15)
    assert errors.phase_factor == pytest.approx(plain.phase_factor, rel=0.1)


def test_dim_pixels_have_no_sigma(fitted: tuple[Problem, Result, Errors]) -> None:
    _, result, errors = fitted
    dim = result.illumination <= LEAST_DOSE * result.illumination.max()
    assert dim.any()
    assert np.isnan(errors.phase[dim]).all()
    assert (errors.phase[~dim] > 0).all()


def test_four_times_the_photons_halve_the_sigma() -> None:
    sigmas = []
    for photons in (1e7, 4e7):
        scan = reference_scan(50, 64, photons=photons)
        problem, stages = _problem(scan, scan.frames), parse("ml:15", {"ml.likelihood": "poisson"})
        result = reconstruct(problem, stages, device="cpu")
        sigmas.append(np.nanmedian(errors_of(problem, result, stages[-1], device="cpu").phase))
    assert sigmas[1] / sigmas[0] == pytest.approx(0.5, rel=0.06)


def test_a_model_that_does_not_fit_raises_the_sigma(
    bright: ReferenceScan, fitted: tuple[Problem, Result, Errors]
) -> None:
    problem, result, errors = fitted
    shaken = np.random.default_rng(1).normal(1, 0.2, bright.frames.shape)
    worse = replace(problem, frames=(bright.frames * np.abs(shaken)).astype(np.float32))
    raised = errors_of(worse, result, parse("ml:1", {"ml.likelihood": "poisson"})[0], device="cpu")
    assert raised.chi_square > 2
    ratio = np.nanmedian(raised.phase) / np.nanmedian(errors.phase)
    assert ratio == pytest.approx(np.sqrt(raised.chi_square / max(1, errors.chi_square)), rel=0.02)


def test_the_same_seed_gives_the_same_sigmas(fitted: tuple[Problem, Result, Errors]) -> None:
    problem, result, errors = fitted
    again = errors_of(problem, result, parse("ml:1", {"ml.likelihood": "poisson"})[0], device="cpu")
    assert again.phase.tobytes() == errors.phase.tobytes()


def test_what_no_frame_can_tell_is_no_noise(bright: ReferenceScan) -> None:
    image = bright.object.astype(np.complex128)
    rows = np.arange(image.shape[0])[:, None] / image.shape[0]
    gauge = 1.001 * image * np.exp(1e-3j + 2e-3j * rows) - 1e-3 * np.gradient(image, axis=1)
    assert np.abs(_moved(gauge, image, np.ones(image.shape))).max() < 1e-5
