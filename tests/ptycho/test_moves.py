"""Moves of frames as unknowns: against finite differences of the model, and on scans whose positions are wrong."""

from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch

from picpxct_nx.ptycho import Model, Positions, Problem, fit, moves, passes, reconstruct, replay
from picpxct_nx.ptycho.beam import beam_of, probes_of, start
from picpxct_nx.ptycho.blocks import Block
from picpxct_nx.ptycho.gradient import pulled, room_for
from picpxct_nx.ptycho.state import Data, State, load, placed
from picpxct_nx.simulate.reference import ReferenceScan

from .flawed import error_of, problem_of, smooth

CPU = torch.device("cpu")


@pytest.fixture
def near(subpixel_scan: ReferenceScan) -> tuple[Data, State]:
    """A scan and a model near the truth: smooth, so that differences over a hundredth of a pixel are derivatives."""
    problem = replace(problem_of(subpixel_scan), object=smooth(subpixel_scan.object), probe=subpixel_scan.probe)
    data = load(problem, CPU)
    return data, replace(start(problem, data), positions=torch.from_numpy(subpixel_scan.positions_px.copy()))


def _misfit(data: Data, state: State, background: float | None) -> float:
    """Half of sum (|Psi| - a)^2, or of sum x - n log x for Poisson counts on a background, in float64 of counts."""
    total = 0.0
    for block in data.blocks:
        wave = data.passes.transform(
            data.passes.exit_waves(state.object, probes_of(beam_of(data, state), block), block)
        )
        shown, amplitude = wave.abs().double().square().sum(1), data.amplitude(block.frames).double()
        if background is None:
            cost = (shown.sqrt() - amplitude).square()
        else:
            cost = shown - (amplitude.square() + background) * (shown + background).log()
        total += float(cost.sum()) / 2 / data.weight.numel()
    return total


def test_what_a_move_adds_is_the_difference_of_exit_waves_but_for_their_place(near: tuple[Data, State]) -> None:
    data, state = near
    block = data.blocks[0]
    assert state.positions is not None
    by = torch.zeros(len(data.measured), 2)
    by[:, 0], by[:, 1] = 0.01, -0.02
    probes = probes_of(beam_of(data, state), block)
    moved = placed(data, state.positions + by)
    before, after = (
        data.passes.transform(data.passes.exit_waves(state.object, probes_of(beam_of(where, state), part), part))
        for where, part in ((data, block), (moved, moved.blocks[0]))
    )
    still = torch.zeros_like(state.object), torch.zeros_like(probes)
    change = data.passes.turned_waves(
        (state.object, still[0]), (probes, still[1]), block, moves=(moves.derivatives(state.object), by[block.frames])
    )
    along = (before.conj() * data.passes.transform(change)).real.sum(1)
    wanted = (after.abs().square().sum(1) - before.abs().square().sum(1)) / 2
    # At the window's rim the probe wraps in the one and the object goes on in the other.
    assert (along - wanted).norm() < 0.06 * wanted.norm()


@pytest.mark.parametrize("modes", [1, 2])
@pytest.mark.parametrize("shared", [False, True])
def test_what_is_asked_of_moves_is_the_adjoint_of_what_they_add(modes: int, shared: bool) -> None:
    rng, corners = np.random.default_rng(0), [(0, 2), (3, 0), (5, 5)]

    def random(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.normal(size=(*shape, 2)).astype(np.float32)).view(torch.complex64)[..., 0]

    block = Block(slice(0, 3), corners, torch.tensor(corners, dtype=torch.int32), None)
    image, probes, chi = random(12, 13), random(1 if shared else 3, modes, 6, 7), random(3, modes, 6, 7)
    slopes, by = (random(12, 13), random(12, 13)), torch.from_numpy(rng.normal(size=(3, 2)).astype(np.float32))
    still = (image, torch.zeros_like(image)), (probes, torch.zeros_like(probes))
    added = passes.turned_waves(*still, block, moves=(slopes, by))
    slope, curvature = passes.asked_moves(slopes, probes, block, chi)
    # As NumPy has it in float64.
    under = np.array([[s.numpy()[r : r + 6, c : c + 7] for r, c in corners] for s in slopes], np.complex128)
    along = probes.numpy().astype(np.complex128) * under[:, :, None]
    np.testing.assert_allclose(added, np.einsum("afmyx,fa->fmyx", along, by), rtol=1e-5, atol=1e-5)
    wanted = np.einsum("afmyx,fmyx->fa", along.conj(), chi).real
    np.testing.assert_allclose(slope, wanted, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(curvature, np.einsum("afmyx,bfmyx->fab", along.conj(), along).real, rtol=1e-5, atol=1e-4)
    # And by each other.
    assert float((slope * by).sum()) == pytest.approx(float((added.conj() * chi).sum().real), rel=1e-4)
    assert float(torch.einsum("fa,fab,fb", by, curvature, by)) == pytest.approx(
        float(added.abs().square().sum()), rel=1e-4
    )
    room = torch.empty_like(chi), torch.empty_like(chi)
    found = passes.asked_moves(slopes, probes, block, chi, spare=room)
    torch.testing.assert_close(found, (slope, curvature), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("poisson", [False, True])
def test_the_slope_is_that_of_the_misfit(near: tuple[Data, State], poisson: bool) -> None:
    data, state = near
    positions = state.positions
    assert positions is not None
    data = replace(data, reach=0.5)
    # Without a background of some counts a dark pixel bends the Poisson misfit more than any difference shows.
    likelihood = fit.Likelihood(torch.tensor(poisson), 3.0 * data.weight.numel())
    slope = pulled(data, state, room_for(data, state), None, likelihood).gradient.positions
    assert slope is not None
    assert abs(float(slope.mean())) < 1e-4 * float(slope.abs().max())
    # Where much is asked: what is small is a difference of large numbers.
    for place in slope.abs().flatten().topk(3).indices.tolist():
        frame, axis = divmod(place, 2)
        step = torch.zeros_like(positions)
        step[:, axis] = -0.02 / len(step)
        step[frame, axis] += 0.02
        floor = likelihood.floor()
        up, down = (_misfit(placed(data, positions + sign * step), state, floor) for sign in (1, -1))
        # The common move that goes with it, so that the mean rests, is in both.
        assert (up - down) / 0.04 == pytest.approx(float(slope[frame, axis]), rel=0.05)


def test_a_step_is_bounded_and_lies_on_the_host(near: tuple[Data, State]) -> None:
    data, direction = replace(near[0], reach=0.5), torch.tensor([[1.0, -0.1], [-4.0, 0.0]])
    moved = moves.limited(torch.tensor(2.0), direction, data)
    assert moved.dtype == torch.float64
    np.testing.assert_allclose(moved, [[-0.5, 0.2], [0.5, 0.0]])
    # The moves of a map are all shortened, so that they stay one.
    moved = moves.limited(torch.tensor(2.0), direction, replace(data, around=torch.zeros(2, 2, dtype=torch.float64)))
    np.testing.assert_allclose(moved, [[-0.125, 0.2], [0.5, 0.0]], rtol=1e-6)


def test_the_step_of_a_map_is_that_of_its_four_numbers(near: tuple[Data, State]) -> None:
    _, state = near
    assert state.positions is not None
    around = state.positions - state.positions.mean(0)
    rng = torch.Generator().manual_seed(0)
    root = torch.randn(len(around), 2, 2, dtype=torch.float64, generator=rng)
    slope, curvature = torch.randn(len(around), 2, dtype=torch.float64, generator=rng), root @ root.mT
    ways = [around @ unit.reshape(2, 2) for unit in torch.eye(4, dtype=torch.float64)]
    matrix = [[torch.einsum("jc,jcd,jd", a, curvature, b) for b in ways] for a in ways]
    much = np.linalg.solve(np.array(matrix, float), [-float((slope * way).sum()) for way in ways])
    wanted = sum(float(part) * way for part, way in zip(much, ways, strict=True))
    _, step = moves.gradient([(slope, curvature)], around)
    assert step is not None
    torch.testing.assert_close(
        step, moves.gradient([(slope[:20], curvature[:20]), (slope[20:], curvature[20:])], around)[1]
    )
    np.testing.assert_allclose(step, wanted, rtol=1e-4, atol=1e-6)
    # Nothing is known across a line, and nothing at all of an object without structure.
    line = torch.stack([around[:, 0], 2 * around[:, 0]], 1)
    across, still = moves.gradient([(slope, curvature)], line)[1], moves.gradient([(0 * slope, 0 * root)], around)[1]
    assert across is not None
    assert torch.isfinite(across).all()
    assert still is not None
    assert not still.any()


def test_positions_a_pixel_off_are_found_within_twenty_iterations(subpixel_scan: ReferenceScan) -> None:
    jitter = np.random.default_rng(0).normal(scale=1.0, size=subpixel_scan.positions_px.shape)
    said = np.clip(subpixel_scan.positions_px + jitter - jitter.mean(0), 0, None)
    problem: Problem = replace(problem_of(subpixel_scan), positions_px=said)
    result = reconstruct(problem, "pie:3,ml:20", model=Model(positions=Positions()), device="cpu")
    away = result.positions_px - subpixel_scan.positions_px
    assert np.sqrt(((away - away.mean(0)) ** 2).mean()) < 0.05
    known = reconstruct(problem_of(subpixel_scan), "pie:3,ml:20", device="cpu")
    assert error_of(result, subpixel_scan) < 1.5 * error_of(known, subpixel_scan)


def test_an_iteration_that_moves_frames_is_never_replayed_from_a_graph(near: tuple[Data, State]) -> None:
    data, state = near

    def phase(*_: object) -> None:
        raise AssertionError("asked for what could be recorded")

    engine = cast("ModuleType", SimpleNamespace(phase=phase, step=lambda _data, state, *_: (state, None, None)))
    steps = replay.Steps(engine, None, record=True)
    assert steps(replace(data, reach=0.5), state, None)[0] is state
    with pytest.raises(AssertionError, match="could be recorded"):
        steps(data, state, None)
