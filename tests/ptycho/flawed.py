"""Frames of scans with the flaws of real ones, and known truth: written apart from the solver, in float64."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from picpxct_nx.images.score import lit_region, object_error
from picpxct_nx.ptycho import Problem, Result
from picpxct_nx.simulate.reference import ReferenceScan


def error_of(result: Result, scan: ReferenceScan) -> float:
    region = lit_region(scan.probe, scan.positions_px, (scan.object.shape[0], scan.object.shape[1]))
    return object_error(result.object, scan.object, region).error


def moved_probe(probe: NDArray[np.complexfloating], row: float, column: float) -> NDArray[np.complex128]:
    k = [np.fft.fftfreq(size) for size in probe.shape[-2:]]
    ramp = np.exp(-2j * np.pi * (k[0][:, None] * row + k[1] * column))
    return np.asarray(np.fft.ifft2(np.fft.fft2(probe.astype(np.complex128)) * ramp))


def expected(scan: ReferenceScan, probes: NDArray[np.complexfloating]) -> NDArray[np.float64]:
    """Counts expected from probes (n or 1, modes, m, m), zero frequency in the middle."""
    frames = []
    for number, position in enumerate(scan.positions_px):
        row, column = np.floor(position).astype(int)
        probe = moved_probe(probes[number % len(probes)], position[0] - row, position[1] - column)
        m = probe.shape[-1]
        wave = np.fft.fft2(probe * scan.object[row : row + m, column : column + m], norm="ortho")
        frames.append(np.fft.fftshift((np.abs(wave) ** 2).sum(axis=0)))
    return np.array(frames)


def smooth(image: NDArray[np.complexfloating]) -> NDArray[np.complex64]:
    """An object without the edges between pixels, of which no difference over pixels is the derivative."""
    found = gaussian_filter(image.real, 1.5) + 1j * gaussian_filter(image.imag, 1.5)
    return np.asarray(found, np.complex64)


def measured(counts: NDArray[np.float64], seed: int = 3) -> NDArray[np.float32]:
    return np.random.default_rng(seed).poisson(counts).astype(np.float32)


def problem_of(scan: ReferenceScan, frames: NDArray[np.float32] | None = None) -> Problem:
    frames = scan.frames if frames is None else frames
    shape = (scan.object.shape[0], scan.object.shape[1])
    return Problem(frames, np.ones(frames.shape[1:], bool), scan.positions_px, shape, scan.probe_start)
