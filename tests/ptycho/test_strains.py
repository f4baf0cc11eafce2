"""The softest directions of a scan whose frames move: what they are, and that others make up for them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from picpxct_nx.ptycho import fit, moves, strains
from picpxct_nx.ptycho.beam import beam_of, probes_of, start
from picpxct_nx.ptycho.conjugate import conjugate, product
from picpxct_nx.ptycho.state import Data, State, load, placed
from picpxct_nx.simulate.reference import ReferenceScan

from .flawed import problem_of, smooth

CPU = torch.device("cpu")
GAUSSIAN = fit.Likelihood(torch.tensor(False), 0.0)


@pytest.fixture
def true(subpixel_scan: ReferenceScan) -> tuple[Data, State]:
    problem = replace(problem_of(subpixel_scan), object=smooth(subpixel_scan.object), probe=subpixel_scan.probe)
    data = load(problem, CPU)
    return data, replace(start(problem, data), positions=torch.from_numpy(subpixel_scan.positions_px.copy()))


def _directions(data: Data, state: State) -> tuple[State, ...]:
    return strains.directions(data, state, moves.derivatives(state.object))


def _matrix(data: Data, state: State, likelihood: fit.Likelihood) -> np.ndarray:
    inverse = strains.learn(data, state, likelihood, moves.derivatives(state.object))
    return np.asarray(np.linalg.inv(inverse.numpy()))


def _along(state: State, by: State, much: float) -> State:
    assert state.positions is not None
    positions = state.positions if by.positions is None else state.positions + much * by.positions.double()
    return replace(
        state, object=state.object + much * by.object, probe=state.probe + much * by.probe, positions=positions
    )


def _moduli(data: Data, state: State) -> torch.Tensor:
    assert state.positions is not None
    data = placed(data, state.positions)
    block = data.block(range(len(data.measured)))
    wave = data.passes.transform(data.passes.exit_waves(state.object, probes_of(beam_of(data, state), block), block))
    moduli: torch.Tensor = wave.abs().double()[:, 0]
    return moduli


def test_the_frames_move_by_linear_maps_about_their_middle(true: tuple[Data, State]) -> None:
    data, state = true
    assert state.positions is not None
    around = (state.positions - state.positions.mean(0)).numpy()
    found = _directions(data, state)
    assert len(found) == 10
    for direction, (a, b, c, d) in zip(found[:4], strains.MAPS, strict=True):
        assert direction.positions is not None
        wanted = around @ np.array([[a, b], [c, d]]).T
        spread = np.sqrt((around**2).sum(1).mean())
        np.testing.assert_allclose(direction.positions.numpy(), wanted / spread, rtol=1e-4, atol=1e-4)
        assert not direction.probe.any()
    assert all(direction.positions is None for direction in found[4:])
    assert not any(direction.object.any() for direction in found[4:7])
    assert not any(direction.probe.any() for direction in found[7:])


def test_a_change_of_probe_or_object_is_one_of_phase_in_its_spectrum(true: tuple[Data, State]) -> None:
    data, state = true
    found = _directions(data, state)
    pairs = [(direction.probe, state.probe) for direction in found[4:7]]
    pairs += [(direction.object, state.object) for direction in found[7:]]
    for change, field in pairs:
        ratio = torch.fft.fft2(change) * torch.fft.fft2(field).conj()
        assert ratio.real.abs().max() < 1e-3 * ratio.imag.abs().max()


def test_curved_probe_and_object_together_make_up_for_a_strain_and_not_for_a_rotation(
    true: tuple[Data, State], subpixel_scan: ReferenceScan
) -> None:
    data, state = true
    matrix = _matrix(data, replace(state, object=torch.from_numpy(subpixel_scan.object)), GAUSSIAN)

    def left(strain: int, others: list[int]) -> float:
        """Part of what a map changes in the frames that no change of others undoes."""
        undone = matrix[strain, others] @ np.linalg.solve(matrix[np.ix_(others, others)], matrix[others, strain])
        return float(1 - undone / matrix[strain, strain])

    probe, image = [4, 5, 6], [7, 8, 9]
    for strain in range(3):
        assert left(strain, probe + image) < 0.4
        assert left(strain, probe + image) < 0.8 * min(left(strain, probe), left(strain, image))
    assert left(3, probe + image) > 0.95


def test_the_matrix_is_that_of_the_misfits_second_differences(true: tuple[Data, State]) -> None:
    data, state = true
    # Differences have no least modulus.
    matrix = _matrix(replace(data, least=0.0), state, GAUSSIAN)
    changes, much = [], 0.02
    for direction in _directions(data, state):
        up, down = (_moduli(data, _along(state, direction, sign * much)) for sign in (1, -1))
        changes.append(((up - down) / (2 * much)).flatten())
    wanted = (torch.stack(changes) @ torch.stack(changes).mT / data.weight.numel()).numpy()
    size = np.sqrt(np.diag(wanted))
    np.testing.assert_allclose(matrix / size / size[:, None], wanted / size / size[:, None], atol=0.07)


def test_what_the_directions_add_needs_none_of_them(true: tuple[Data, State]) -> None:
    data, state = true
    rng = torch.Generator().manual_seed(2)
    root = torch.randn(10, 10, dtype=torch.float64, generator=rng)
    image, probe = (torch.randn(f.shape, dtype=torch.complex64, generator=rng) for f in (state.object, state.probe))
    gradient = State(image, probe, positions=torch.randn(len(data.measured), 2, generator=rng))
    for keep in (slice(0, 4), slice(4, 7), slice(7, 10), slice(0, 10)):
        inverse = torch.zeros_like(root)
        inverse[keep, keep] = root[keep, keep] @ root[keep, keep].mT
        by = _directions(data, state)
        parts = (inverse @ torch.stack([product(gradient, direction) for direction in by])).to(torch.float32)
        found = strains.step(data, state, gradient, inverse, moves.derivatives(state.object))
        wanted = [
            sum(part * getattr(d, name) for part, d in zip(parts, by, strict=True)) for name in ("object", "probe")
        ]
        places = sum(part * d.positions for part, d in zip(parts, by, strict=True) if d.positions is not None)
        for one, other in zip((found.object, found.probe, found.positions), (*wanted, places), strict=True):
            assert one is not None
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4 * float(other.abs().max() + 1e-9))


def test_a_poisson_misfit_is_twice_as_stiff(true: tuple[Data, State]) -> None:
    data, state = true
    poisson = fit.Likelihood(torch.tensor(True), 0.0)
    np.testing.assert_allclose(_matrix(data, state, poisson), 2 * _matrix(data, state, GAUSSIAN), rtol=1e-6)


def test_alike_directions_and_one_without_effect_leave_the_inverse_finite() -> None:
    matrix = torch.tensor([[4.0, 4.0, 0.0], [4.0, 4.0, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    found = strains.inverse(matrix)
    assert torch.isfinite(found).all()
    assert (found[:2, :2].diagonal() > 0).all()
    assert not found[2].any()
    assert not found[:, 2].any()


def test_a_direction_is_conjugate_only_to_one_of_the_same_unknowns() -> None:
    def state(seed: int, frames: int = 0) -> State:
        rng = torch.Generator().manual_seed(seed)
        image, probe = (torch.randn(n, n, dtype=torch.complex64, generator=rng) for n in (6, 3))
        return State(image, probe[None], positions=torch.randn(frames, 2, generator=rng) if frames else None)

    last, fresh = state(0), state(1, frames=5)
    square = torch.tensor(1.0, dtype=torch.float64)
    assert conjugate(last, last, square, fresh, product(fresh, fresh)) is fresh
    assert conjugate(None, None, None, fresh, product(fresh, fresh)) is fresh
    old = state(2, frames=5)
    found = conjugate(old, old, product(old, old), fresh, product(fresh, fresh))
    beta = max(0.0, float((product(fresh, fresh) - product(old, fresh)) / product(old, old)))
    assert found.positions is not None
    assert fresh.positions is not None
    assert old.positions is not None
    torch.testing.assert_close(found.positions, fresh.positions + beta * old.positions)
