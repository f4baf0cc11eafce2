"""What evidence says of positions: against differences of what it is the derivative of, and with few photons."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from picpxct_nx.ptycho import Model, Positions, evidence, parse, positions, reconstruct
from picpxct_nx.ptycho.beam import start
from picpxct_nx.ptycho.overlap import illumination
from picpxct_nx.ptycho.positions import affine
from picpxct_nx.ptycho.state import load, placed
from picpxct_nx.simulate.reference import ReferenceScan, reference_scan

from .flawed import problem_of

CPU = torch.device("cpu")


def test_it_is_the_derivative_of_the_determinant_by_maps_of_the_positions(subpixel_scan: ReferenceScan) -> None:
    problem = replace(problem_of(subpixel_scan), probe=subpixel_scan.probe)
    data, smoothness = load(problem, CPU), torch.tensor(20.0)
    place = torch.from_numpy(subpixel_scan.positions_px.copy())
    state = replace(start(problem, data), positions=place)

    def logarithm(by: torch.Tensor) -> float:
        moved = placed(data, place + (place - place.mean(0)) @ by)
        return float((1 + illumination(moved, state).double() / (4 * smoothness)).log().sum())

    found = evidence.learn(data, state, smoothness)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        by = torch.zeros(2, 2, dtype=torch.float64)
        by[row, column] = 0.01
        wanted = (logarithm(by) - logarithm(-by)) / 0.02
        assert float(found[row, column]) == pytest.approx(wanted, abs=0.05 * float(found.abs().max()))
    # A larger scan has more of an object to fit.
    assert (found.diagonal() > 0).all()
    assert not evidence.learn(data, state, torch.tensor(0.0)).any()


def test_a_pull_on_the_map_is_shared_by_the_frames_that_know_their_place() -> None:
    rng = torch.Generator().manual_seed(0)
    pull, by = (torch.randn(2, 2, dtype=torch.float64, generator=rng) for _ in range(2))
    place, root = (torch.randn(9, 2, *more, dtype=torch.float64, generator=rng) for more in ((), (2,)))
    curvature = root @ root.mT
    curvature[4] = 0
    found = positions.spread(pull, place, curvature)
    assert float((found * (place @ by)).sum()) == pytest.approx(float((pull * by).sum()))
    np.testing.assert_allclose(found.sum(0), 0, atol=1e-12)
    assert not found[4].any()
    line = torch.stack([place[:, 0], 0 * place[:, 0]], 1)
    assert torch.isfinite(positions.spread(pull, line, curvature)).all()
    assert not positions.spread(pull, place, 0 * curvature).any()


def test_few_photons_do_not_spread_the_positions() -> None:
    scan = reference_scan(50, 64, photons=1e5, subpixel=True)

    def scale(smoothness: str) -> float:
        stages = parse("pie:3,ml:30", {"ml.smoothness": smoothness})
        model = Model(positions=Positions(geometry="affine"))
        return affine(
            scan.positions_px, reconstruct(problem_of(scan), stages, model=model, device="cpu").positions_px
        ).scale

    assert scale("0") > 5e-3
    assert abs(scale("1")) < 2.5e-3
