"""The fused kernels do what the readable passes do; here they run in Triton's interpreter, on a CPU."""

import inspect
import os
from types import ModuleType

import numpy as np
import pytest
import torch

from picpxct_nx.ptycho import parse, passes, reconstruct
from picpxct_nx.ptycho.problem import Problem
from picpxct_nx.simulate.reference import reference_scan

NAMES = ("exit_waves", "reflect", "project", "object_overlap", "probe_overlap")


@pytest.fixture(scope="module")
def fused() -> ModuleType:
    """The kernels; the interpreter must be asked for before they are imported."""
    os.environ["TRITON_INTERPRET"] = "1"
    pytest.importorskip("triton")
    from picpxct_nx.ptycho import fused as kernels

    return kernels


def _complex(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))


# Frames, modes, probes that differ between frames, and sides that are no powers of two.
CASES = [(1, 1, False, (8, 8)), (5, 1, True, (7, 9)), (5, 2, False, (9, 7)), (4, 3, True, (33, 31))]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]} frames {case[1]} modes of {case[3]}")
def case(request: pytest.FixtureRequest) -> dict[str, torch.Tensor]:
    n, modes, own, (h, w) = request.param
    generator = torch.Generator().manual_seed(5)
    corners = torch.stack([torch.randint(0, 12, (n,), generator=generator), torch.arange(n) * 3 % 13], dim=1)
    return {
        "image": _complex(h + 12, w + 13, seed=1),
        "probes": _complex(n if own else 1, modes, h, w, seed=2),
        "waves": _complex(n, modes, h, w, seed=3),
        "corners": corners.to(torch.int32),
        "amplitude": _complex(n, h, w, seed=4).abs(),
        "weight": (torch.rand(h, w, generator=generator) > 0.2).to(torch.float32),
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_kernel_has_the_signature_of_its_pass(fused: ModuleType, name: str) -> None:
    assert inspect.signature(getattr(fused, name)) == inspect.signature(getattr(passes, name))


def test_exit_waves_agree(fused: ModuleType, case: dict[str, torch.Tensor]) -> None:
    given = case["image"], case["probes"], case["corners"]
    torch.testing.assert_close(fused.exit_waves(*given), passes.exit_waves(*given))


def test_reflections_agree_and_change_the_waves_alike(fused: ModuleType, case: dict[str, torch.Tensor]) -> None:
    given = case["image"], case["probes"], case["corners"]
    ours, theirs = case["waves"].clone(), case["waves"].clone()
    torch.testing.assert_close(fused.reflect(*given, ours), passes.reflect(*given, theirs))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("relaxation", [0.0, 0.2])
def test_projections_agree(fused: ModuleType, case: dict[str, torch.Tensor], relaxation: float) -> None:
    case["waves"][0, :, 0, 0] = 0
    given = case["waves"], case["amplitude"], case["weight"], relaxation
    (ours, our_misfit), (theirs, misfit) = fused.project(*given), passes.project(*given)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(our_misfit, misfit, rtol=1e-5, atol=0)


def test_a_projection_may_overwrite_its_waves(fused: ModuleType, case: dict[str, torch.Tensor]) -> None:
    waves = case["waves"].clone()
    wanted, _ = passes.project(case["waves"], case["amplitude"], case["weight"], 0.1)
    fused.project(waves, case["amplitude"], case["weight"], 0.1, out=waves)
    torch.testing.assert_close(waves, wanted)


def test_overlaps_agree(fused: ModuleType, case: dict[str, torch.Tensor]) -> None:
    shape = (case["image"].shape[0], case["image"].shape[1])
    given = case["probes"], case["waves"], case["corners"], shape
    torch.testing.assert_close(fused.object_overlap(*given), passes.object_overlap(*given))
    other = case["image"], case["waves"], case["corners"]
    torch.testing.assert_close(fused.probe_overlap(*other), passes.probe_overlap(*other))


@pytest.fixture(scope="module")
def small() -> Problem:
    scan = reference_scan(6, 16, photons=1e5, subpixel=True)
    shape = (scan.object.shape[0], scan.object.shape[1])
    return Problem(scan.frames, np.ones((16, 16), bool), scan.positions_px, shape, scan.probe_start)


@pytest.mark.parametrize("engine", ["dm", "raar"])
def test_a_recipe_with_fused_kernels_ends_at_the_same_object(fused: ModuleType, small: Problem, engine: str) -> None:
    plain, quick = (
        reconstruct(small, parse(f"{engine}:3", {f"{engine}.fused": text}), device="cpu") for text in ("false", "true")
    )
    np.testing.assert_allclose(quick.object, plain.object, atol=1e-4)
    np.testing.assert_allclose(quick.probe, plain.probe, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(quick.error, plain.error, rtol=1e-4)
