"""What is refined beside object and probe, against scans whose flaws are known."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.ptycho import Background, Control, Intensity, Model, Positions, Variation, describe, parse, reconstruct
from picpxct_nx.ptycho.engines import ENGINES
from picpxct_nx.ptycho.model import ObjectLimits, ProbeLimits
from picpxct_nx.ptycho.modes import powers
from picpxct_nx.ptycho.positions import affine, within
from picpxct_nx.simulate.reference import ReferenceScan

from .flawed import error_of, expected, measured, moved_probe, problem_of

ALONE = ("dm:50", "raar:50", "pie:20", "lsqml:30", "ml:50")


def _without_trend(values: np.ndarray, scan: ReferenceScan) -> np.ndarray:
    """Intensities without the slope over the scan that object and probe can take over."""
    basis = np.column_stack((np.ones(len(values)), scan.positions_px))
    logs = np.log(values)
    flat = np.exp(logs - basis @ np.linalg.lstsq(basis, logs, rcond=None)[0])
    return np.asarray(flat / flat.mean())


@pytest.mark.parametrize(("recipe", "rms"), [("pie:20", 0.5), ("lsqml:25", 1.0), ("pie:5,ml:30", 1.0)])
def test_jittered_positions_are_found_to_a_tenth_of_a_pixel(
    subpixel_scan: ReferenceScan, recipe: str, rms: float
) -> None:
    jitter = np.random.default_rng(0).normal(scale=rms, size=subpixel_scan.positions_px.shape)
    said = np.clip(subpixel_scan.positions_px + jitter - jitter.mean(0), 0, None)
    problem = replace(problem_of(subpixel_scan), positions_px=said)
    result = reconstruct(problem, recipe, model=Model(positions=Positions()), device="cpu")
    away = result.positions_px - subpixel_scan.positions_px
    assert np.sqrt(((away - away.mean(0)) ** 2).mean()) < 0.1
    assert error_of(result, subpixel_scan) < 0.7 * error_of(reconstruct(problem, recipe, device="cpu"), subpixel_scan)


def test_a_stage_of_wrong_scale_and_rotation_is_recognised(subpixel_scan: ReferenceScan) -> None:
    around = subpixel_scan.positions_px - subpixel_scan.positions_px.mean(0)
    said = subpixel_scan.positions_px + around @ np.array([[0.02, -0.015], [0.015, 0.02]]).T
    problem = replace(problem_of(subpixel_scan), positions_px=np.clip(said, 0, None))
    model = Model(positions=Positions(geometry="affine"))
    result = reconstruct(problem, "pie:10,ml:20", model=model, device="cpu")
    by = affine(problem.positions_px, result.positions_px)
    # Over 26 pixels half a percent of scale is a sixteenth of a pixel at the rim; the noise allows no more.
    away = result.positions_px - subpixel_scan.positions_px
    assert np.sqrt(((away - away.mean(0)) ** 2).mean()) < 0.06
    assert by.scale == pytest.approx(-0.02, abs=8e-3)
    assert by.rotation == pytest.approx(-0.015, abs=2e-3)
    assert abs(by.shear) + abs(by.asymmetry) < 4e-3


@pytest.mark.parametrize(
    ("recipe", "max_step", "limit"), [("pie:3,ml:6", 0.5, 10.0), ("ml:6", 0.1, 10.0), ("lsqml:2,ml:6", 0.5, 0.1)]
)
def test_an_affine_map_stays_one_at_every_iteration(
    subpixel_scan: ReferenceScan, recipe: str, max_step: float, limit: float
) -> None:
    around = subpixel_scan.positions_px - subpixel_scan.positions_px.mean(0)
    problem = replace(problem_of(subpixel_scan), positions_px=subpixel_scan.positions_px + 0.04 * around[:, ::-1])
    params = Positions(start=2, max_step=max_step, limit=limit, geometry="affine")
    found: list[np.ndarray] = []
    control = Control(keep=lambda snapshot: found.append(snapshot.arrays.get("state.positions", said)), every=0)
    said = problem.positions_px
    reconstruct(problem, recipe, model=Model(positions=params), device="cpu", control=control)
    middle = said - said.mean(0)
    for last, now in itertools.pairwise(found):
        away = now - said
        by = np.linalg.lstsq(middle, away, rcond=None)[0]
        assert np.abs(away - middle @ by).max() < 1e-12 * np.abs(said).max()
        assert np.abs(now - last).max() < max_step + 1e-6
        assert np.abs(away).max() < limit + 1e-9
    assert np.abs(found[-1] - said).max() > 0.09


def test_an_affine_map_stops_where_a_frame_would_leave_the_object() -> None:
    given = torch.tensor([[0.5, 4.0], [4.0, 0.0], [7.5, 8.0]], dtype=torch.float64)
    room, params = torch.tensor([8.0, 8.0], dtype=torch.float64), Positions(geometry="affine")
    found = within(given, 0.5 * (given - given.mean(0)), params, room)
    np.testing.assert_allclose(found[:, 0], [0, 4, 8], atol=1e-12)
    np.testing.assert_allclose(found[:, 1], given[:, 1], atol=1e-12)


def test_positions_stay_within_their_limit_and_in_the_object(subpixel_scan: ReferenceScan) -> None:
    jitter = np.random.default_rng(0).normal(scale=1.0, size=subpixel_scan.positions_px.shape)
    said = np.clip(subpixel_scan.positions_px + jitter, 0, None)
    problem = replace(problem_of(subpixel_scan), positions_px=said)
    result = reconstruct(problem, "lsqml:10", model=Model(positions=Positions(limit=0.5)), device="cpu")
    assert 0.4 < np.abs(result.positions_px - said).max() <= 0.5 + 1e-9
    assert (result.positions_px >= 0).all()


def test_positions_rest_while_an_engine_keeps_exit_waves(scan: ReferenceScan) -> None:
    model = Model(positions=Positions(start=1))
    with pytest.raises(UsageError, match="no engine of the recipe moves them"):
        reconstruct(problem_of(scan), "dm:5,raar:2", model=model, device="cpu")
    result = reconstruct(problem_of(scan), "dm:5,ml:1", model=model, device="cpu", control=Control(lambda *v: v[1] < 5))
    assert np.array_equal(result.positions_px, scan.positions_px)


@pytest.mark.parametrize("recipe", ALONE)
def test_intensities_of_the_frames_are_found(scan: ReferenceScan, recipe: str) -> None:
    true = 1 + 0.2 * np.random.default_rng(1).normal(size=len(scan.frames))
    problem = problem_of(scan, measured(true[:, None, None] * expected(scan, scan.probe[None])))
    result = reconstruct(problem, recipe, model=Model(intensity=Intensity()), device="cpu")
    assert result.intensity is not None
    assert result.intensity.mean() == pytest.approx(1, abs=1e-5)
    assert np.std(_without_trend(result.intensity, scan) - _without_trend(true, scan)) < 0.01
    assert result.error[-1] < 0.6 * reconstruct(problem, recipe, device="cpu").error[-1]


def test_a_monitor_gives_the_intensities(scan: ReferenceScan) -> None:
    true = 1 + 0.2 * np.random.default_rng(1).normal(size=len(scan.frames))
    frames = measured(true[:, None, None] * expected(scan, scan.probe[None]))
    problem = replace(problem_of(scan, frames), intensity=7 * true)
    assert error_of(reconstruct(problem, "pie:5,ml:20", device="cpu"), scan) < 0.03
    with pytest.raises(InputError, match="intensity: frame 3 has 0"):
        replace(problem, intensity=np.where(np.arange(len(true)) == 3, 0.0, true))


@pytest.mark.parametrize("recipe", ALONE)
def test_a_background_is_found_and_leaves_the_object(scan: ReferenceScan, recipe: str) -> None:
    axis = np.linspace(-1, 1, 64)
    true = 2 + 4 * np.exp(-3 * (axis[:, None] ** 2 + axis**2))
    problem = problem_of(scan, measured(true + expected(scan, scan.probe[None])))
    result = reconstruct(problem, recipe, model=Model(background=Background()), device="cpu")
    assert result.background is not None
    assert result.background.min() >= 0
    assert np.sqrt(((result.background - true) ** 2).mean()) < 0.3 * np.sqrt((true**2).mean())
    assert error_of(result, scan) < 0.85 * error_of(reconstruct(problem, recipe, device="cpu"), scan)


@pytest.mark.parametrize("recipe", ["pie:30", "lsqml:40", "pie:5,ml:40"])
def test_modes_explain_a_beam_that_wavers(scan: ReferenceScan, recipe: str) -> None:
    parts = [np.sqrt(p) * moved_probe(scan.probe[0], by, 0) for p, by in ((0.5, 0), (0.25, 2), (0.25, -2))]
    problem = problem_of(scan, measured(expected(scan, np.stack(parts)[None])))
    one, three = (reconstruct(problem, recipe, model=Model(modes=count), device="cpu") for count in (1, 3))
    assert error_of(three, scan) < 0.95 * error_of(one, scan)
    assert three.error[-1] < 0.97 * one.error[-1]
    flat = three.probe.reshape(3, -1).astype(complex)
    gram = np.abs(flat @ flat.conj().T)
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-4 * gram[0, 0])
    assert (np.diff(powers(three.probe)) < 0).all()


def test_fewer_modes_than_given_are_the_first(scan: ReferenceScan) -> None:
    problem = problem_of(scan)
    two = replace(problem, probe=np.concatenate([problem.probe, 0.1 * problem.probe[:, ::-1]]))
    assert reconstruct(two, "pie:1", model=Model(modes=1), device="cpu").probe.shape[0] == 1


@pytest.mark.parametrize("recipe", ["pie:30", "lsqml:30", "pie:5,ml:40"])
def test_changes_of_the_probe_are_found(subpixel_scan: ReferenceScan, recipe: str) -> None:
    n = len(subpixel_scan.frames)
    k = np.fft.fftfreq(64)
    defocus = np.linspace(-1, 1, n)[:, None, None] * 50 * (k[:, None] ** 2 + k**2)
    probes = np.fft.ifft2(np.fft.fft2(subpixel_scan.probe[0]) * np.exp(1j * defocus))[:, None]
    problem = problem_of(subpixel_scan, measured(expected(subpixel_scan, probes)))
    model = Model(variation=Variation())
    fixed, varied = (reconstruct(problem, recipe, model=m, device="cpu") for m in (None, model))
    assert error_of(varied, subpixel_scan) < 0.92 * error_of(fixed, subpixel_scan)
    assert varied.error[-1] < 0.85 * fixed.error[-1]
    assert varied.variation is not None
    assert varied.weights is not None
    flat = varied.variation.reshape(2, -1)
    np.testing.assert_allclose(flat @ flat.conj().T, np.eye(2), atol=1e-4)
    np.testing.assert_allclose(np.abs(varied.weights.mean(0)), 0, atol=1e-3 * np.abs(varied.weights).max())


@pytest.mark.parametrize("recipe", ALONE)
def test_every_engine_leaves_unmeasured_pixels_free(scan: ReferenceScan, recipe: str) -> None:
    good = np.ones((64, 64), bool)
    good[:, 20:23] = good[30:34, 30:34] = False
    frames = [np.where(good, scan.frames, fill).astype(np.float32) for fill in (0, 4e9)]
    movable = recipe.split(":")[0] not in ("dm", "raar")
    everything = Model(
        positions=Positions() if movable else None,
        intensity=Intensity(),
        background=Background(start=3),
        variation=Variation(start=3),
    )
    for model in (None, everything):
        one, other = (
            reconstruct(replace(problem_of(scan, f), good=good), recipe.split(":")[0] + ":6", model=model, device="cpu")
            for f in frames
        )
        assert np.array_equal(one.object, other.object)
    assert error_of(reconstruct(replace(problem_of(scan, frames[1]), good=good), recipe, device="cpu"), scan) < 0.06


@pytest.mark.parametrize("name", ENGINES)
def test_limits_are_kept(scan: ReferenceScan, name: str) -> None:
    k = np.fft.fftshift(np.fft.fftfreq(64))
    pupil = np.hypot(k[:, None], k) < 0.26
    model = Model(probe=ProbeLimits(radius=0.9), object=ObjectLimits(max=1.0))
    result = reconstruct(problem_of(scan), f"{name}:3", model=model, device="cpu")
    axis = np.arange(64) / 32 - 1
    assert not result.probe[0][np.hypot(axis[:, None], axis) > 0.9].any()
    assert np.abs(result.object).max() < 1 + 1e-6
    model = Model(probe=ProbeLimits(pupil=True), object=ObjectLimits(phase_only=True))
    result = reconstruct(replace(problem_of(scan), pupil=pupil), f"{name}:3", model=model, device="cpu")
    far = np.abs(np.fft.fftshift(np.fft.fft2(result.probe[0])))
    assert far[~pupil].max() < 1e-5 * far.max()
    np.testing.assert_allclose(np.abs(result.object), 1, atol=1e-5)


def test_a_pupil_that_is_not_known_cannot_be_kept(scan: ReferenceScan) -> None:
    with pytest.raises(InputError, match="the problem gives no pupil"):
        reconstruct(problem_of(scan), "dm:1", model=Model(probe=ProbeLimits(pupil=True)), device="cpu")
    with pytest.raises(InputError, match="lets no light through"):
        replace(problem_of(scan), pupil=np.zeros((64, 64), bool))


def test_a_smooth_prior_smooths(scan: ReferenceScan) -> None:
    rough = [
        float(np.abs(np.diff(reconstruct(problem_of(scan), stages, device="cpu").object, axis=0)).sum())
        for stages in (parse("pie:5,ml:20", {"ml.smoothness": text}) for text in ("0", "300"))
    ]
    assert rough[1] < 0.8 * rough[0]


def test_all_at_once_is_the_same_twice(subpixel_scan: ReferenceScan) -> None:
    model = describe(["positions,intensity", "background,variation"], modes=2)
    first, second = (
        reconstruct(problem_of(subpixel_scan), "pie:4,lsqml:8,ml:4", model=model, device="cpu") for _ in range(2)
    )
    assert first.object.tobytes() == second.object.tobytes()
    assert first.positions_px.tobytes() == second.positions_px.tobytes()


def test_a_model_is_described_in_words() -> None:
    model = describe(["positions, background"], modes=3, overrides={"positions.geometry": "affine", "object.max": "1"})
    assert model == Model(
        modes=3, positions=Positions(geometry="affine"), background=Background(), object=ObjectLimits(max=1.0)
    )
    with pytest.raises(UsageError, match="--refine focus: unknown; wanted positions"):
        describe(["focus"])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("positions.step", "3"), ("positions.friction", "1"), ("positions.max_step", "0"), ("intensity.step", "0"),
        ("background.smooth", "-1"), ("variation.modes", "0"), ("probe.radius", "0"), ("object.max", "-1"),
    ],
)  # fmt: skip
def test_a_number_out_of_range_is_refused(key: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"--set {key}={value}: .*wanted"):
        describe(["positions", "intensity", "background", "variation"], overrides={key: value})
