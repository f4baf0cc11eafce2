"""Chi-square of the bright pixels and the model's counts, against numbers written down apart from the solver."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from picpxct_nx.ptycho import Problem, fit, noise
from picpxct_nx.ptycho.beam import start
from picpxct_nx.ptycho.state import load
from picpxct_nx.ptycho.uncertainty import model_counts
from picpxct_nx.simulate.reference import ReferenceScan


def test_bright_misfit_is_its_float64_reference() -> None:
    rng = np.random.default_rng(0)
    model, counts = rng.uniform(0, 20, (3, 8, 8)), rng.poisson(9, (3, 8, 8)).astype(float)
    weight = (rng.uniform(size=(8, 8)) > 0.2).astype(float)
    bright = (model >= noise.BRIGHT) * weight
    wanted = (4 * (np.sqrt(model) - np.sqrt(counts)) ** 2 * bright).sum(), bright.sum()
    arrays = (64 * model, np.sqrt(64 * counts), weight)
    squares, amplitude, measured = (torch.from_numpy(array.astype(np.float32)) for array in arrays)
    np.testing.assert_allclose(
        noise.bright_misfit(squares, fit.excess(squares, amplitude), measured).numpy(), wanted, rtol=1e-5
    )


def test_poisson_counts_have_a_chi_square_of_one() -> None:
    model = np.random.default_rng(1).uniform(10, 500, (4, 64, 64))
    counts = np.random.default_rng(2).poisson(model)
    arrays = (4096 * model, np.sqrt(4096.0 * counts))
    squares, amplitude = (torch.from_numpy(array.astype(np.float32)) for array in arrays)
    found = noise.ratio(noise.bright_misfit(squares, fit.excess(squares, amplitude), torch.ones(64, 64)))
    assert found == pytest.approx(1.0, abs=0.03)


def test_a_frame_without_bright_pixels_proves_nothing() -> None:
    dark = torch.ones(1, 4, 4)
    assert noise.ratio(noise.bright_misfit(dark, torch.zeros(1, 4, 4), torch.ones(4, 4))) == 1.0


def test_model_counts_have_intensity_and_background(subpixel_scan: ReferenceScan) -> None:
    scan = subpixel_scan
    shape = (scan.object.shape[0], scan.object.shape[1])
    good = np.ones(scan.frames.shape[1:], bool)
    rng = np.random.default_rng(4)
    intensity, background = rng.uniform(0.5, 1.5, len(scan.frames)), rng.uniform(0, 9, good.shape)
    plain = Problem(scan.frames, good, scan.positions_px, shape, scan.probe, scan.object)
    data = load(plain, torch.device("cpu"))
    state = start(replace(plain, intensity=intensity, background=background), data)
    bare = replace(state, scale=None, background=None)
    wanted = model_counts(data, bare).numpy() * (intensity / intensity.mean())[:, None, None]
    wanted += np.fft.ifftshift(background)
    np.testing.assert_allclose(model_counts(data, state).numpy(), wanted, rtol=1e-4, atol=1e-3)


def test_model_counts_are_the_far_field_of_the_shifted_probe(subpixel_scan: ReferenceScan) -> None:
    scan = subpixel_scan
    h, w = scan.frames.shape[1:]
    shape = (scan.object.shape[0], scan.object.shape[1])
    problem = Problem(scan.frames, np.ones((h, w), bool), scan.positions_px, shape, scan.probe, scan.object)
    data = load(problem, torch.device("cpu"))
    state = start(problem, data)
    found = model_counts(data, state).numpy()
    frequency = np.fft.fftfreq(h)
    for frame in (0, 7, 49):
        corner = np.rint(scan.positions_px[frame]).astype(int)
        row, column = scan.positions_px[frame] - corner
        turn = np.exp(-2j * np.pi * (frequency[:, None] * row + frequency * column))
        probe = np.fft.ifft2(np.fft.fft2(state.probe[0].numpy().astype(complex)) * turn)
        patch = scan.object[corner[0] : corner[0] + h, corner[1] : corner[1] + w]
        wanted = np.abs(np.fft.fft2(probe * patch, norm="ortho")) ** 2
        np.testing.assert_allclose(found[frame], wanted, rtol=2e-3, atol=1e-3)
