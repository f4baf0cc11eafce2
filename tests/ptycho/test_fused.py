"""The fused kernels do what the readable passes do: on a GPU, or without one in Triton's interpreter."""

import inspect
import os
from types import ModuleType

import numpy as np
import pytest
import torch

from picpxct_nx.ptycho import Model, ops, parse, passes, reconstruct, state
from picpxct_nx.ptycho.blocks import Block
from picpxct_nx.ptycho.fit import Likelihood, Nudge, Screen
from picpxct_nx.ptycho.moves import derivatives
from picpxct_nx.ptycho.problem import Problem
from picpxct_nx.simulate.reference import reference_scan

NAMES = [
    name
    for name, function in vars(passes).items()
    if inspect.isfunction(function)
    and function.__module__ == passes.__name__
    and name not in ("passes_for", "amplitudes", "_shown")
]


DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(scope="module")
def fused() -> ModuleType:
    """The kernels; the interpreter must be asked for before they are imported."""
    if DEVICE == "cpu":
        os.environ["TRITON_INTERPRET"] = "1"
    pytest.importorskip("triton")
    from picpxct_nx.ptycho import fused as kernels

    return kernels


def _complex(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed)).to(DEVICE)


# Frames, modes, probes that differ between frames, sides that are no powers of two, and how the counts are stored.
CASES = [
    (1, 1, False, (8, 8), torch.uint8),
    (5, 1, True, (7, 9), torch.float32),
    (5, 2, False, (9, 7), torch.int16),
    (6, 3, True, (17, 15), torch.uint8),
]


def _there(places: torch.Tensor) -> torch.Tensor:
    return places.to(torch.int32).to(DEVICE)


class Case:
    """Random arrays of one shape."""

    def __init__(self, n: int, modes: int, own: bool, shape: tuple[int, int], stored: torch.dtype) -> None:
        h, w = shape
        generator = torch.Generator().manual_seed(5)
        places = torch.stack([torch.randint(0, 12, (n,), generator=generator), torch.arange(n) * 3 % 13], dim=1)
        self.shape = shape
        self.block = Block(slice(0, n), [(int(r), int(c)) for r, c in places], _there(places), None)
        self.image, self.other = _complex(h + 12, w + 13, seed=1), _complex(h + 12, w + 13, seed=6)
        self.probes = _complex(n if own else 1, modes, h, w, seed=2)
        self.turned = _complex(n if own else 1, modes, h, w, seed=7)
        self.waves, self.more = _complex(n, modes, h, w, seed=3), _complex(n, modes, h, w, seed=8)
        counts = torch.randint(0, 9, (n, h, w), generator=generator)
        if stored == torch.int16:
            counts[0, 0, 0] = 60000
        counts = counts.to(stored) if stored != torch.float32 else counts.to(stored).mul_(h * w).sqrt_()
        self.measured = counts.to(DEVICE)
        self.weight = (torch.rand(h, w, generator=generator) > 0.2).to(torch.float32).to(DEVICE)
        self.background = torch.rand(h, w, generator=generator).to(DEVICE) * h * w
        # Of the counts' size, so that bright and dark pixels are among them.
        self.detector = self.waves * (h * w) ** 0.5 * 1.5
        self.detector[0, :, 0, 0] = 0

    def screen(self, dark: bool) -> Screen:
        """The detector, with or without a background."""
        return Screen(self.weight, self.background if dark else None, least=0.2 * self.weight.numel())


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]} frames {case[1]} modes of {case[3]} {case[4]}")
def case(request: pytest.FixtureRequest) -> Case:
    return Case(*request.param)


@pytest.mark.parametrize("name", NAMES)
def test_a_fused_pass_has_the_signature_of_its_pass(fused: ModuleType, name: str) -> None:
    assert inspect.signature(getattr(fused, name)) == inspect.signature(getattr(passes, name))


def test_there_and_back_is_the_same_once_it_is_divided(fused: ModuleType, case: Case) -> None:
    size = case.waves[0, 0].numel()
    torch.testing.assert_close(fused.transform(case.waves), passes.transform(case.waves))
    torch.testing.assert_close(fused.back(case.waves / size), passes.back(case.waves))


def test_exit_waves_and_reflections_agree(fused: ModuleType, case: Case) -> None:
    given = case.image, case.probes, case.block
    torch.testing.assert_close(fused.exit_waves(*given), passes.exit_waves(*given))
    torch.testing.assert_close(fused.reflect(*given, case.waves), passes.reflect(*given, case.waves))
    out = torch.empty_like(case.waves)
    assert fused.reflect(*given, case.waves, out=out) is out


def test_shifts_by_a_fraction_agree(fused: ModuleType, case: Case) -> None:
    n, (h, w) = len(case.waves), case.shape
    fraction = torch.rand(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(9)) - 0.5
    rows, columns = (part.to(torch.complex64).to(DEVICE) for part in ops.shift_phases(fraction, (h, w)))
    for spectrum in (case.turned[0], case.turned[:1], case.waves):
        given = spectrum, (rows, columns)
        torch.testing.assert_close(fused.shifted(*given), passes.shifted(*given))
    back = case.waves, (rows, columns)
    torch.testing.assert_close(fused.moved_back(*back), passes.moved_back(*back), atol=1e-4, rtol=1e-5)


def test_turned_waves_agree(fused: ModuleType, case: Case) -> None:
    given = (case.image, case.other), (case.probes, case.turned), case.block
    torch.testing.assert_close(fused.turned_waves(*given), passes.turned_waves(*given))
    shared = (case.image, case.other), (case.probes, case.turned[:1]), case.block
    torch.testing.assert_close(fused.turned_waves(*shared), passes.turned_waves(*shared))
    moves = (
        derivatives(case.image),
        torch.randn(len(case.waves), 2, generator=torch.Generator().manual_seed(4)).to(DEVICE),
    )
    torch.testing.assert_close(fused.turned_waves(*given, moves=moves), passes.turned_waves(*given, moves=moves))


def test_waves_settle_alike_and_ask_the_same_of_the_object(fused: ModuleType, case: Case) -> None:
    # The kernel weighs by beta whatever it is; 1 for whole windows, as in dm.
    found, beta = [], 1.0 if case.shape[0] % 2 == 0 else 0.8
    for module in (fused, passes):
        waves, totals = case.waves.clone(), (case.other.clone(), case.other.abs())
        module.settle(case.image, case.probes, case.block, waves, case.more.clone(), beta=beta, totals=totals)
        found.append((waves, *totals))
    torch.testing.assert_close(found[0], found[1], atol=1e-4, rtol=1e-5)


def test_overlaps_agree(fused: ModuleType, case: Case) -> None:
    found = []
    for module in (fused, passes):
        totals, bare = (case.other.clone(), case.other.abs()), (case.other.clone(), None)
        module.object_overlap(case.probes, case.waves, case.block, totals=totals)
        module.object_overlap(case.probes, case.waves, case.block, totals=bare)
        light = case.other.abs()
        module.light(case.probes, case.block, light)
        found.append((*totals, bare[0], light))
    torch.testing.assert_close(found[0], found[1], atol=1e-4, rtol=1e-5)
    squares = case.image.abs().square()
    whole = case.image, squares, case.waves, case.block
    torch.testing.assert_close(fused.probe_overlap(*whole), passes.probe_overlap(*whole), atol=1e-4, rtol=1e-5)
    given = case.image, case.waves, case.block
    torch.testing.assert_close(fused.probe_sum(*given), passes.probe_sum(*given), atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(fused.seen_back(*given), passes.seen_back(*given))
    assert torch.equal(fused.patches(*given), passes.patches(*given))
    torch.testing.assert_close(
        fused.views(squares, case.block, case.shape), passes.views(squares, case.block, case.shape)
    )


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("relaxation", [0.0, 0.2])
def test_projections_agree(fused: ModuleType, case: Case, relaxation: float, dark: bool) -> None:
    size, screen = case.weight.numel(), case.screen(dark)
    (ours, our_misfit), (theirs, misfit) = (
        module.project(case.detector.clone(), case.measured, screen, relaxation=relaxation)
        for module in (fused, passes)
    )  # fmt: skip
    torch.testing.assert_close(ours * size, theirs, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(our_misfit, misfit, rtol=1e-5, atol=0)


@pytest.mark.parametrize("poisson", [False, True])
@pytest.mark.parametrize("dark", [False, True])
def test_likelihoods_pull_and_bend_alike(fused: ModuleType, case: Case, poisson: bool, dark: bool) -> None:
    size, screen = case.weight.numel(), case.screen(dark)
    likelihood = Likelihood(torch.tensor(poisson, device=DEVICE), 0.3 * size, undecided=True)
    (ours, our_sums), (theirs, sums) = (
        module.pull(case.detector, case.measured, screen, likelihood) for module in (fused, passes)
    )
    torch.testing.assert_close(ours * size, theirs, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(our_sums, sums, rtol=1e-5, atol=1e-6)
    for moves in (None, case.background - 0.5 * size)[: 2 if dark else 1]:
        ours, theirs = (
            module.bend(case.detector, case.more, case.measured, screen, likelihood, dark=moves)
            for module in (fused, passes)
        )
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=0)


@pytest.mark.parametrize("dark", [False, True])
def test_frames_ask_the_same_of_the_background(fused: ModuleType, case: Case, dark: bool) -> None:
    given = case.detector, case.measured, case.screen(dark)
    torch.testing.assert_close(fused.background_sums(*given), passes.background_sums(*given), rtol=1e-5, atol=0)


@pytest.mark.parametrize("poisson", [False, True])
def test_a_bend_from_what_a_pull_has_shown_is_the_same(case: Case, poisson: bool) -> None:
    likelihood = Likelihood(torch.tensor(poisson, device=DEVICE), 2.0)
    given, shown = (case.measured, case.screen(dark=True), likelihood), torch.empty(case.measured.shape, device=DEVICE)
    passes.pull(case.detector, *given, shown=shown)
    maps = torch.empty((3, *case.measured.shape), device=DEVICE)
    found = passes.bend(case.detector, case.more, *given, shown=shown, maps=maps)
    torch.testing.assert_close(found, passes.bend(case.detector, case.more, *given))


def test_products_for_the_best_steps_agree(fused: ModuleType, case: Case) -> None:
    given = (case.image, case.other), (case.probes, case.turned), case.block, case.waves
    torch.testing.assert_close(fused.matched(*given), passes.matched(*given), rtol=1e-5, atol=1e-3)


def test_the_same_is_asked_of_the_positions(fused: ModuleType, case: Case) -> None:
    given = derivatives(case.image), case.probes, case.block, case.waves
    torch.testing.assert_close(fused.asked_moves(*given), passes.asked_moves(*given), atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("probe_step", [0.0, 0.7])
def test_one_frame_nudges_alike(fused: ModuleType, case: Case, probe_step: float) -> None:
    how = Nudge(0.5, 0.1, probe_step, 0.9)
    block = Block(slice(0, 1), case.block.corners[:1], case.block.places[:1], None)
    found = []
    for module in (fused, passes):
        image = case.image.clone()
        found.append((image, module.nudge(image, case.probes[:1], block, case.waves[:1], how)))
    torch.testing.assert_close(found[0][0], found[1][0])
    assert (found[0][1] is None) == (found[1][1] is None) == (probe_step == 0)
    if probe_step:
        torch.testing.assert_close(found[0][1], found[1][1])


def _small(*, subpixel: bool, modes: int = 1) -> Problem:
    scan = reference_scan(3, 16, photons=1e5, subpixel=subpixel)
    shape = (scan.object.shape[0], scan.object.shape[1])
    good = np.ones((16, 16), bool)
    good[3, 4:7] = False
    probe = np.concatenate([scan.probe_start * 0.3**mode for mode in range(modes)])
    return Problem(scan.frames, good, scan.positions_px, shape, probe)


@pytest.mark.parametrize(
    ("engine", "subpixel"),
    [("dm:3", False), ("lsqml:2", False), ("pie:2", False), ("pie:1", True), ("ml:2", True), ("raar:2", True)],
)
def test_a_recipe_with_fused_kernels_ends_at_the_same_object(
    fused: ModuleType, monkeypatch: pytest.MonkeyPatch, engine: str, subpixel: bool
) -> None:
    small = _small(subpixel=subpixel, modes=2 if subpixel and not engine.startswith("ml") else 1)
    settings = {"lsqml.batches": "2"} if engine.startswith("lsqml") else {}
    plain = reconstruct(small, parse(engine, settings), device="cpu")
    monkeypatch.setattr(state, "passes_for", lambda _: fused)
    quick = reconstruct(small, parse(engine, settings), device=DEVICE)
    np.testing.assert_allclose(quick.object, plain.object, atol=2e-4)
    np.testing.assert_allclose(quick.probe, plain.probe, rtol=1e-3, atol=3e-3 * abs(plain.probe).max())
    np.testing.assert_allclose(quick.error, plain.error, rtol=1e-4)


def test_kernels_know_all_that_may_be_refined(fused: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from picpxct_nx.ptycho import Background, Intensity, Positions, Variation

    model = Model(
        intensity=Intensity(start=1), background=Background(start=1), variation=Variation(start=1),
        positions=Positions(start=2),
    )  # fmt: skip
    plain = reconstruct(_small(subpixel=False), "pie:1,ml:2,dm:2", model=model, device="cpu")
    monkeypatch.setattr(state, "passes_for", lambda _: fused)
    quick = reconstruct(_small(subpixel=False), "pie:1,ml:2,dm:2", model=model, device=DEVICE)
    np.testing.assert_allclose(quick.object, plain.object, atol=1e-3)
    np.testing.assert_allclose(quick.error, plain.error, rtol=1e-3)
