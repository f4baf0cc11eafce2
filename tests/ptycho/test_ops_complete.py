"""No op without its three tests: shape, a float64 reference in NumPy, and its adjoint."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from picpxct_nx.ptycho import fit, ops

N, MODES, H, W = 3, 2, 6, 8
CORNERS = [(0, 0), (2, 1), (3, 4)]
SHAPE = (12, 14)
FRACTIONS = torch.tensor([[0.25, -0.4], [0.0, 0.5], [-0.1, 0.2]], dtype=torch.float64)
rng = np.random.default_rng(0)


def _waves(*shape: int) -> Any:
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def _phases(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    rows, columns = ops.shift_phases(FRACTIONS, (H, W))
    return rows.to(dtype), columns.to(dtype)


def _windows(image: Any) -> Any:
    return np.array([image[row : row + H, column : column + W] for row, column in CORNERS])


def _scattered(patches: Any) -> Any:
    total = np.zeros(SHAPE, patches.dtype)
    for (row, column), patch in zip(CORNERS, patches, strict=True):
        total[row : row + H, column : column + W] += patch
    return total


def _into(patches: torch.Tensor) -> torch.Tensor:
    total = torch.zeros(SHAPE, dtype=patches.dtype)
    ops.scatter_add(total, CORNERS, patches)
    return total


def _turns() -> Any:
    rows, columns = (part.numpy() for part in ops.shift_phases(FRACTIONS, (H, W)))
    return rows * columns


def _laplacian(image: Any) -> Any:
    padded = np.pad(image, 1, mode="edge")
    around = padded[2:, 1:-1] + padded[:-2, 1:-1] + padded[1:-1, 2:] + padded[1:-1, :-2]
    return 4 * image - around


@dataclass(frozen=True)
class Linear:
    """An op of one array, the same by NumPy, and its adjoint."""

    op: Callable[[torch.Tensor], torch.Tensor]
    reference: Callable[[Any], Any]
    adjoint: Callable[[torch.Tensor], torch.Tensor]
    of: Any
    to: tuple[int, ...]


MAP, OTHER = rng.random((N, H, W)), _waves(N, MODES, H, W)


def _map(like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(MAP).to(like.real.dtype)


def _other(like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(OTHER).to(like.dtype if like.is_complex() else torch.complex128)


LINEAR = {
    "gather": Linear(lambda x: ops.gather(x, CORNERS, (H, W)), _windows, _into, _waves(*SHAPE), (N, H, W)),
    "scatter_add": Linear(_into, _scattered, lambda y: ops.gather(y, CORNERS, (H, W)), _waves(N, H, W), SHAPE),
    "far_field": Linear(
        lambda x: ops.far_field(x) / (H * W) ** 0.5, lambda x: np.fft.fft2(x, norm="ortho"),
        lambda y: ops.inverse_far_field(y) * (H * W) ** 0.5, _waves(N, MODES, H, W), (N, MODES, H, W),
    ),
    "inverse_far_field": Linear(
        lambda x: ops.inverse_far_field(x) * (H * W) ** 0.5, lambda x: np.fft.ifft2(x, norm="ortho"),
        lambda y: ops.far_field(y) / (H * W) ** 0.5, _waves(N, MODES, H, W), (N, MODES, H, W),
    ),
    "shift": Linear(
        lambda x: ops.shift(x, _phases(x.dtype)), lambda x: np.fft.ifft2(x * _turns()),
        lambda y: ops.shift_adjoint(y, _phases(y.dtype)) / (H * W), _waves(1, MODES, H, W), (N, MODES, H, W),
    ),
    "shift_adjoint": Linear(
        lambda x: ops.shift_adjoint(x, _phases(x.dtype)), lambda x: (np.fft.fft2(x) * _turns().conj()).sum(0),
        lambda y: ops.shift(y, _phases(y.dtype)) * (H * W), _waves(N, MODES, H, W), (MODES, H, W),
    ),
    "real_product": Linear(
        lambda x: ops.real_product(_other(x), x), lambda x: (OTHER.conj() * x).real.sum(1),
        lambda y: _other(y) * y[:, None], _waves(N, MODES, H, W), (N, H, W),
    ),
    "sum_modes": Linear(
        ops.sum_modes, lambda x: x.sum(1), lambda y: y[:, None].expand(-1, MODES, -1, -1), _waves(N, MODES, H, W),
        (N, H, W),
    ),
    "scale": Linear(
        lambda x: ops.scale(x, _map(x)), lambda x: x * MAP[:, None], lambda y: ops.scale(y, _map(y)),
        _waves(N, MODES, H, W), (N, MODES, H, W),
    ),
    "roughness": Linear(ops.roughness, _laplacian, ops.roughness, _waves(*SHAPE), SHAPE),
}  # fmt: skip


@pytest.mark.parametrize("name", LINEAR)
def test_a_linear_op_has_its_shape_its_reference_and_its_adjoint(name: str) -> None:
    case = LINEAR[name]
    wide = torch.from_numpy(case.of)
    found = case.op(wide)
    assert tuple(found.shape) == case.to
    np.testing.assert_allclose(found.numpy(), case.reference(case.of), rtol=1e-11, atol=1e-11)
    narrow = case.op(wide.to(torch.complex64))
    assert narrow.dtype in (torch.complex64, torch.float32)
    np.testing.assert_allclose(narrow.numpy(), found.numpy(), rtol=1e-4, atol=1e-5)
    other = torch.from_numpy(_waves(*case.to) if found.is_complex() else rng.normal(size=case.to))
    left = float((found * other.conj()).real.sum())
    right = float((wide * case.adjoint(other).conj()).real.sum())
    assert left == pytest.approx(right, rel=1e-10)


def test_the_square_of_a_wave_has_its_slope_and_its_reference() -> None:
    wave, by = (torch.from_numpy(_waves(N, MODES, H, W)) for _ in range(2))
    found = ops.intensity(wave)
    assert tuple(found.shape) == (N, H, W)
    np.testing.assert_allclose(found.numpy(), (np.abs(wave.numpy()) ** 2).sum(1), rtol=1e-12)
    slope = (ops.intensity(wave + 1e-6 * by) - ops.intensity(wave - 1e-6 * by)) / 2e-6
    torch.testing.assert_close(slope, 2 * ops.real_product(wave, by), rtol=1e-6, atol=1e-6)


FIT: dict[str, Callable[[Any, Any, Any], tuple[torch.Tensor, Any]]] = {
    "inverse_modulus": lambda s, _a, _w: (fit.inverse_modulus(s), 1 / np.sqrt(s.double().numpy())),
    "modulus_factor": lambda s, a, w: (
        fit.modulus_factor(fit.excess(s, a), fit.inverse_modulus(s), w, relaxation=0.2),
        1 - 0.8 * w.numpy() + 0.8 * w.numpy() * a.numpy() / np.sqrt(s.double().numpy()),
    ),
    "modulus_misfit": lambda s, a, w: (
        fit.modulus_misfit(fit.excess(s, a), w),
        (w.numpy() * (np.sqrt(s.double().numpy()) - a.double().numpy()) ** 2).sum(),
    ),
    "excess": lambda s, a, _w: (fit.excess(s, a), np.sqrt(s.double().numpy()) - a.double().numpy()),
    "floored": lambda s, _a, _w: (
        fit.floored(s[0], 0.3), 0.7 * s[0].double().numpy() + 0.3 * s[0].double().numpy().max(),
    ),
    "weighted_sum": lambda s, _a, w: (fit.weighted_sum(s, w), (s.double().numpy() * w.numpy()).sum()),
    "gaussian_slope": lambda s, a, _w: (
        fit.gaussian_slope(fit.excess(s, a), fit.inverse_modulus(s)),
        1 - a.double().numpy() / np.sqrt(s.double().numpy()),
    ),
    "poisson_slope": lambda s, a, _w: (
        fit.poisson_slope(s, a, 0.3), 1 - (a.double().numpy() ** 2 + 0.3) / (s.double().numpy() + 0.3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FIT)
def test_a_comparison_with_the_frames_agrees_with_float64(name: str) -> None:
    squares, amplitude = (torch.from_numpy(0.1 + rng.random((N, H, W))).float() for _ in range(2))
    weight = torch.from_numpy((rng.random((H, W)) > 0.3).astype(np.float32))
    found, wanted = FIT[name](squares, amplitude, weight)
    assert tuple(found.shape) == np.shape(wanted)
    np.testing.assert_allclose(found.numpy(), wanted, rtol=2e-6, atol=2e-7)


def test_no_op_is_without_its_tests() -> None:
    def public(module: Any) -> set[str]:
        found = inspect.getmembers(module, inspect.isfunction)
        return {name for name, op in found if op.__module__ == module.__name__ and not name.startswith("_")}

    assert public(ops) == set(LINEAR) | {"intensity", "shift_phases"}
    assert public(fit) <= set(FIT)
