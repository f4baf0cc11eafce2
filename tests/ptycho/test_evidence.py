"""What the evidence says of positions: against differences, and on a scan of few photons."""

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


def test_it_is_the_derivative_of_the_number_of_parameters_by_maps_of_the_positions(
    subpixel_scan: ReferenceScan,
) -> None:
    problem = replace(problem_of(subpixel_scan), probe=subpixel_scan.probe)
    data, smoothness = load(problem, CPU), torch.tensor(2000.0)
    place = torch.from_numpy(subpixel_scan.positions_px.copy())
    state = replace(start(problem, data), positions=place)

    def number(by: torch.Tensor) -> float:
        moved = placed(data, place + (place - place.mean(0)) @ by)
        dose = illumination(moved, state).double()
        return float((dose / (dose + 4 * smoothness)).sum())

    found = evidence.learn(data, state, illumination(data, state), smoothness)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        by = torch.zeros(2, 2, dtype=torch.float64)
        by[row, column] = 0.01
        wanted = (number(by) - number(-by)) / 0.02
        assert float(found[row, column]) == pytest.approx(wanted, abs=0.05 * float(found.abs().max()))
    # A larger scan has more of an object to fit.
    assert (found.diagonal() > 0).all()
    assert not evidence.learn(data, state, illumination(data, state), torch.tensor(0.0)).any()


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


def test_few_photons_spread_the_positions_less(monkeypatch: pytest.MonkeyPatch) -> None:
    scan = reference_scan(50, 64, photons=1e5, subpixel=True)

    def scale() -> float:
        model = Model(positions=Positions(geometry="affine"))
        result = reconstruct(problem_of(scan), parse("pie:3,ml:60"), model=model, device="cpu")
        return affine(scan.positions_px, result.positions_px).scale

    found = scale()
    monkeypatch.setattr(evidence, "learn", lambda *_: torch.zeros(2, 2, dtype=torch.float64))
    assert abs(found) < 0.6 * scale()
