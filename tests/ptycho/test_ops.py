"""Operations: shapes, values against numpy in float64, and adjoints by the scalar product."""

import numpy as np
import pytest
import torch
from torch import Tensor

from picpxct_nx.ptycho import fit, ops

N, MODES, H, W = 3, 2, 8, 6
CORNERS = [(0, 0), (2, 5), (4, 1)]


def random_wave(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


def random_map(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) + 0.1


def product(a: Tensor, b: Tensor) -> complex:
    return complex(torch.vdot(a.flatten(), b.flatten()))


def phases_of(fraction: list[list[float]]) -> tuple[Tensor, Tensor]:
    return ops.shift_phases(torch.tensor(fraction, dtype=torch.float64), (H, W))


FRACTIONS = [[0.3, -0.2], [0.0, 0.5], [-0.4, 0.1]]


def test_gathered_patches_are_the_objects_windows() -> None:
    image = random_wave(14, 12)
    patches = ops.gather(image, CORNERS, (H, W))
    assert patches.shape == (N, H, W)
    for (row, column), patch in zip(CORNERS, patches, strict=True):
        assert torch.equal(patch, image[row : row + H, column : column + W])


def test_scattering_is_the_adjoint_of_gathering() -> None:
    image, patches = random_wave(14, 12), random_wave(N, H, W, seed=1)
    scattered = ops.scatter_add(torch.zeros_like(image), CORNERS, patches)
    assert product(ops.gather(image, CORNERS, (H, W)), patches) == pytest.approx(product(image, scattered))


def test_far_field_is_the_forward_transform_and_conserves_energy() -> None:
    wave = random_wave(N, MODES, H, W)
    far = ops.far_field(wave)
    assert far.shape == wave.shape
    np.testing.assert_allclose(far.numpy(), np.sqrt(H * W) * np.fft.fft2(wave.numpy(), norm="ortho"), atol=1e-12)
    assert float(far.abs().square().sum()) == pytest.approx(H * W * float(wave.abs().square().sum()))


def test_inverse_far_field_is_inverse_and_adjoint() -> None:
    wave, other = random_wave(N, MODES, H, W), random_wave(N, MODES, H, W, seed=1)
    torch.testing.assert_close(ops.inverse_far_field(ops.far_field(wave)), wave)
    assert product(ops.far_field(wave), other) == pytest.approx(H * W * product(wave, ops.inverse_far_field(other)))


def test_shift_by_whole_pixels_rolls_the_probe() -> None:
    probe = random_wave(MODES, H, W)
    shifted = ops.shift(ops.far_field(probe), phases_of([[2.0, -1.0], [0.0, 0.0]]))
    assert shifted.shape == (2, MODES, H, W)
    torch.testing.assert_close(shifted[0], torch.roll(probe, (2, -1), (-2, -1)))
    torch.testing.assert_close(shifted[1], probe)


def test_shift_by_half_a_pixel_moves_a_gaussian_by_half_a_pixel() -> None:
    size = 32
    axis = torch.arange(size, dtype=torch.float64) - size // 2

    def gaussian(row: float, column: float) -> Tensor:
        return torch.exp(-((axis[:, None] - row) ** 2 + (axis - column) ** 2) / 8).to(torch.complex128)

    phases = ops.shift_phases(torch.tensor([[0.5, -0.25]], dtype=torch.float64), (size, size))
    shifted = ops.shift(ops.far_field(gaussian(0, 0)[None]), phases)
    torch.testing.assert_close(shifted[0, 0], gaussian(0.5, -0.25), atol=1e-6, rtol=0)


def test_shift_adjoint_is_the_adjoint_of_shift() -> None:
    phases = phases_of(FRACTIONS)
    probe, waves = random_wave(MODES, H, W), random_wave(N, MODES, H, W, seed=1)
    shifted = ops.shift(ops.far_field(probe), phases)
    back = ops.inverse_far_field(ops.shift_adjoint(waves, phases))
    assert back.shape == probe.shape
    assert product(shifted, waves) == pytest.approx(product(probe, back))


@pytest.mark.parametrize("modes", [1, 2])
def test_intensity_adds_modes_incoherently(modes: int) -> None:
    wave = random_wave(N, modes, H, W)
    expected = (np.abs(wave.numpy()) ** 2).sum(axis=1)
    np.testing.assert_allclose(ops.intensity(wave).numpy(), expected)


@pytest.mark.parametrize("modes", [1, 2])
def test_real_product_is_the_real_part_of_the_scalar_product(modes: int) -> None:
    a, b = random_wave(N, modes, H, W), random_wave(N, modes, H, W, seed=1)
    expected = (a.numpy().conj() * b.numpy()).real.sum(axis=1)
    np.testing.assert_allclose(ops.real_product(a, b).numpy(), expected, atol=1e-12)


def projected(wave: Tensor, amplitude: Tensor, weight: Tensor, relaxation: float) -> Tensor:
    squares = ops.intensity(wave)
    over, inverse = fit.excess(squares, amplitude), fit.inverse_modulus(squares)
    return ops.scale(wave, fit.modulus_factor(over, inverse, weight, relaxation=relaxation))


def test_projection_takes_the_measured_modulus_and_keeps_phases() -> None:
    wave, amplitude = random_wave(N, 1, H, W), random_map(N, H, W)
    result = projected(wave, amplitude, torch.ones(H, W, dtype=torch.float64), 0.0)
    torch.testing.assert_close(result[:, 0].abs(), amplitude)
    torch.testing.assert_close(result.angle(), wave.angle())


def test_projection_of_modes_keeps_their_ratio() -> None:
    wave, amplitude = random_wave(N, MODES, H, W), random_map(N, H, W)
    result = projected(wave, amplitude, torch.ones(H, W, dtype=torch.float64), 0.0)
    torch.testing.assert_close(ops.intensity(result), amplitude.square())
    torch.testing.assert_close(result[:, 0] / result[:, 1], wave[:, 0] / wave[:, 1])


def test_relaxed_projection_goes_part_of_the_way() -> None:
    wave, amplitude = random_wave(N, 1, H, W), random_map(N, H, W)
    result = projected(wave, amplitude, torch.ones(H, W, dtype=torch.float64), 0.3)
    torch.testing.assert_close(result[:, 0].abs(), 0.3 * wave[:, 0].abs() + 0.7 * amplitude)


def test_projection_leaves_unmeasured_pixels_free() -> None:
    wave, amplitude = random_wave(N, 1, H, W), random_map(N, H, W)
    weight = torch.ones(H, W, dtype=torch.float64)
    weight[2, 3] = 0
    result = projected(wave, amplitude, weight, 0.1)
    torch.testing.assert_close(result[..., 2, 3], wave[..., 2, 3])
    assert not torch.allclose(result[..., 2, 2], wave[..., 2, 2])


def test_projection_of_a_vanishing_wave_is_finite() -> None:
    wave = torch.zeros(1, 1, H, W, dtype=torch.complex64)
    result = projected(wave, torch.ones(1, H, W), torch.ones(H, W), 0.0)
    assert torch.equal(result, wave)


def test_misfit_counts_measured_pixels_only() -> None:
    wave, amplitude = random_wave(N, 1, H, W), random_map(N, H, W)
    weight = (random_map(H, W, seed=2) > 0.5).to(torch.float64)
    squares = ops.intensity(wave)
    misfit = fit.modulus_misfit(fit.excess(squares, amplitude), weight)
    expected = (weight.numpy() * (np.abs(wave[:, 0].numpy()) - amplitude.numpy()) ** 2).sum()
    assert float(misfit) == pytest.approx(expected)


@pytest.mark.parametrize("background", [None, 0.2])
def test_slopes_give_the_gradient_of_the_likelihood(background: float | None) -> None:
    wave, amplitude = random_wave(N, 1, H, W).requires_grad_(), random_map(N, H, W)
    squares = wave[:, 0].abs().square()
    if background is None:
        cost = (squares.sqrt() - amplitude).square().sum()
    else:
        cost = (squares - (amplitude.square() + background) * torch.log(squares + background)).sum()
    (gradient,) = torch.autograd.grad(cost, wave)
    squares = squares.detach()
    if background is None:
        slope = fit.gaussian_slope(fit.excess(squares, amplitude), fit.inverse_modulus(squares))
    else:
        slope = fit.poisson_slope(squares, amplitude, background)
    # Autograd's convention is twice the derivative with respect to conj(Psi).
    torch.testing.assert_close(2 * ops.scale(wave.detach(), slope), gradient)


def test_given_buffers_change_no_result() -> None:
    a, b = random_wave(N, MODES, H, W), random_wave(N, MODES, H, W, seed=1)
    waves, maps = torch.empty(2, N, MODES, H, W, dtype=torch.complex128), torch.empty(N, H, W, dtype=torch.float64)
    phases = phases_of(FRACTIONS)
    assert torch.equal(ops.real_product(a, b, out=maps, spare=waves[0]), ops.real_product(a, b))
    assert torch.equal(ops.shift(a[0], phases, out=waves[0], spare=waves[1]), ops.shift(a[0], phases))
    assert torch.equal(ops.shift_adjoint(a, phases, spare=waves[0]), ops.shift_adjoint(a, phases))
    assert torch.equal(ops.scale(a, maps, out=waves[0]), ops.scale(a, maps))
    assert torch.equal(ops.far_field(a, out=waves[0]), ops.far_field(a))


def test_modes_are_summed() -> None:
    for modes in (1, 2):
        wave = random_wave(N, modes, H, W)
        np.testing.assert_allclose(ops.sum_modes(wave).numpy(), wave.numpy().sum(axis=1))


def test_scaling_multiplies_every_mode_and_is_its_own_adjoint() -> None:
    a, b, factor = random_wave(N, MODES, H, W), random_wave(N, MODES, H, W, seed=1), random_map(N, H, W)
    assert ops.scale(a, factor).shape == a.shape
    np.testing.assert_allclose(ops.scale(a, factor).numpy(), a.numpy() * factor.numpy()[:, None])
    assert product(ops.scale(a, factor), b) == pytest.approx(product(a, ops.scale(b, factor)))


def test_phases_of_a_shift_are_those_of_the_transform() -> None:
    rows, columns = phases_of(FRACTIONS)
    assert rows.shape == (N, 1, H, 1)
    assert columns.shape == (N, 1, 1, W)
    expected = np.exp(-2j * np.pi * np.fft.fftfreq(W) * FRACTIONS[0][1])
    np.testing.assert_allclose(columns[0, 0, 0].numpy(), expected)
    np.testing.assert_allclose(rows.abs().numpy(), 1)


def test_roughness_is_what_the_prior_sums_and_is_its_own_adjoint() -> None:
    a, b = random_wave(7, 5), random_wave(7, 5, seed=1)
    assert ops.roughness(a).shape == a.shape
    expected = sum((np.abs(np.diff(a.numpy(), axis=axis)) ** 2).sum() for axis in (0, 1))
    assert product(a, ops.roughness(a)).real == pytest.approx(expected)
    assert product(ops.roughness(a), b) == pytest.approx(product(a, ops.roughness(b)))
    assert not ops.roughness(torch.ones(4, 3, dtype=torch.float64)).any()
