"""What sets the engines apart: momentum, batches, reflections."""

import dataclasses

import numpy as np
import pytest
import torch

from picpxct_nx.errors import UsageError
from picpxct_nx.images.score import lit_region, object_error
from picpxct_nx.ptycho import Problem, Result, parse, reconstruct
from picpxct_nx.ptycho.batches import KINDS, batches
from picpxct_nx.ptycho.engines import ENGINES
from picpxct_nx.ptycho.reflections import ExitWaves
from picpxct_nx.simulate.reference import ReferenceScan


def _error(result: Result, scan: ReferenceScan) -> float:
    region = lit_region(scan.probe, scan.positions_px, (scan.object.shape[0], scan.object.shape[1]))
    return object_error(result.object, scan.object, region).error


def _spread(frames: list[int], positions: torch.Tensor) -> float:
    apart = torch.cdist(positions[frames], positions[frames])
    apart.fill_diagonal_(torch.inf)
    return float(apart.min(dim=1).values.mean())


@pytest.mark.parametrize("kind", KINDS)
def test_batches_hold_every_frame_once(kind: str) -> None:
    torch.manual_seed(1)
    positions = torch.rand(53, 2, dtype=torch.float64)
    parts = list(batches(positions, 10, kind))
    assert sorted(frame for part in parts for frame in part) == list(range(53))
    assert {len(part) for part in parts} <= {10, 11}


def test_sparse_batches_lie_apart_and_compact_ones_together() -> None:
    torch.manual_seed(1)
    positions = 100 * torch.rand(200, 2, dtype=torch.float64)
    spread = {kind: np.mean([_spread(part, positions) for part in batches(positions, 20, kind)]) for kind in KINDS}
    assert spread["sparse"] > 1.15 * spread["random"] > 1.5 * spread["compact"]


def test_every_engine_says_what_it_lets_positions_do() -> None:
    said = {name: engine.POSITIONS for name, engine in ENGINES.items()}
    assert set(said.values()) == {"joint", "between", "held"}
    # Exit waves that an engine keeps belong to the windows of their positions.
    keeping = {name for name, engine in ENGINES.items() if issubclass(engine.Memory, ExitWaves)}
    assert {name for name, word in said.items() if word == "held"} == keeping


def test_momentum_helps_on_the_way(scan: ReferenceScan, problem: Problem) -> None:
    errors = [
        _error(reconstruct(problem, parse("lsqml:8", {"lsqml.friction": text}), device="cpu"), scan)
        for text in ("0", "0.7")
    ]
    assert errors[1] < 0.9 * errors[0]


@pytest.mark.parametrize("order", KINDS)
def test_every_order_of_batches_recovers_the_object(scan: ReferenceScan, problem: Problem, order: str) -> None:
    result = reconstruct(problem, parse("lsqml:25", {"lsqml.order": order}), device="cpu")
    assert _error(result, scan) < 0.05


def test_a_full_batch_works_too(scan: ReferenceScan, problem: Problem) -> None:
    result = reconstruct(problem, parse("lsqml:60", {"lsqml.batches": "1"}), device="cpu")
    assert _error(result, scan) < 0.08


def test_raar_without_relaxation_towards_the_overlap_is_the_difference_map(problem: Problem) -> None:
    raar = parse("raar:5", {"raar.beta": "1", "raar.relaxation": "0.2"})
    a, b = (reconstruct(problem, stages, device="cpu") for stages in (raar, parse("dm:5")))
    np.testing.assert_array_equal(a.object, b.object)


@pytest.mark.parametrize("engine", ["pie", "lsqml"])
def test_the_same_seed_gives_the_same_object_and_another_one_does_not(problem: Problem, engine: str) -> None:
    first, again, other = (reconstruct(problem, f"{engine}:2", device="cpu", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.object, again.object)
    assert np.abs(first.object - other.object).max() > 1e-4


@pytest.mark.parametrize("engine", ["pie", "lsqml"])
def test_the_probe_rests_until_its_start(problem: Problem, engine: str) -> None:
    result = reconstruct(problem, parse(f"{engine}:2", {f"{engine}.probe_start": "3"}), device="cpu")
    ratio = result.probe[np.abs(problem.probe) > 1] / problem.probe[np.abs(problem.probe) > 1]
    assert np.ptp(np.abs(ratio)) < 1e-3


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pie.friction", "1"), ("pie.kick", "0"), ("pie.object_step", "0"), ("pie.object_damping", "2"),
        ("lsqml.friction", "-1"), ("lsqml.batches", "0"), ("lsqml.order", "dense"), ("lsqml.likelihood", "laplace"),
        ("lsqml.damping", "0"), ("raar.beta", "0"), ("raar.relaxation", "1"),
    ],
)  # fmt: skip
def test_a_parameter_out_of_range_is_refused(key: str, value: str) -> None:
    with pytest.raises(UsageError, match="wanted"):
        parse(f"{key.partition('.')[0]}:1", {key: value})


def test_every_engine_is_known_by_the_name_of_its_file() -> None:
    assert all(module.__name__.endswith(f".{name}") for name, module in ENGINES.items())


def _chosen(problem: Problem, recipe: str) -> str:
    return reconstruct(problem, recipe, device="cpu").chosen["ml.likelihood"]


def test_poisson_counts_are_taken_for_what_they_are(problem: Problem) -> None:
    assert _chosen(problem, "pie:3,ml:12") == "poisson"


def test_counts_with_another_noise_are_not(problem: Problem) -> None:
    # A detector that integrates: readout noise of three counts.
    noise = np.random.default_rng(2).normal(0, 3, problem.frames.shape)
    frames = np.maximum(np.asarray(problem.frames[:]) + noise, 0).astype(np.float32)
    assert _chosen(dataclasses.replace(problem, frames=frames), "pie:3,ml:12") == "gaussian"


def test_a_model_that_does_not_fit_keeps_to_gaussian(problem: Problem) -> None:
    astray = problem.positions_px + np.random.default_rng(2).integers(-2, 3, problem.positions_px.shape)
    astray = np.clip(astray, 0, np.array(problem.object_shape) - 64)
    assert _chosen(dataclasses.replace(problem, positions_px=astray), "pie:3,ml:12") == "gaussian"


def test_a_likelihood_that_is_asked_for_is_kept(problem: Problem) -> None:
    result = reconstruct(problem, parse("pie:3,ml:4", {"ml.likelihood": "gaussian"}), device="cpu")
    assert result.chosen == {}


def test_the_likelihood_chosen_costs_no_quality(scan: ReferenceScan, problem: Problem) -> None:
    auto, gaussian, poisson = (
        _error(reconstruct(problem, parse("pie:3,ml:40", {"ml.likelihood": kind}), device="cpu"), scan)
        for kind in ("auto", "gaussian", "poisson")
    )
    assert auto < 1.1 * poisson < gaussian
