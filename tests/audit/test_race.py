"""Of several orientations the right one fits, by how much says every frame, and equals are odds of one."""

import numpy as np
import pytest

from picpxct_nx.audit import race
from picpxct_nx.audit.orientation import ALL, AS_RECORDED, CLASSES, Orientation
from picpxct_nx.audit.race import Race, Runner
from picpxct_nx.geometry import make_problem
from picpxct_nx.ptycho import reconstruct
from picpxct_nx.records import Scan


def _runner(orientation: Orientation, misfit: list[float], laps: int = 2) -> Runner:
    return Runner(orientation, laps, np.array(misfit), 1.0, 100.0, None)


def test_equal_fits_are_even_odds_and_a_quarter_each() -> None:
    same = [1.0, 2.0, 3.0, 2.0]
    assert race.behind(_runner(ALL[0], same), _runner(ALL[2], same)) == 0
    runners = {orientation: _runner(orientation, same) for orientation in ALL}
    assert race.confidence(Race(runners)) == pytest.approx(0.25)


def test_who_fits_every_frame_better_is_surely_ahead_and_the_odds_are_each_others_reciprocals() -> None:
    good, bad = _runner(ALL[0], [1.0, 2.0, 3.0, 2.1] * 5), _runner(ALL[2], [1.3, 2.5, 3.8, 2.8] * 5)
    assert race.behind(bad, good) > 10
    assert race.behind(bad, good) == pytest.approx(-race.behind(good, bad))
    assert race.odds(bad, good) * race.odds(good, bad) == pytest.approx(1)


def test_two_frames_that_agree_make_nobody_sure() -> None:
    good, bad = _runner(ALL[0], [1.0, 1.1]), _runner(ALL[2], [1.3, 1.5])
    assert race.odds(bad, good) > 0.02


def test_who_diverges_is_last() -> None:
    runners = {orientation: _runner(orientation, [1.0, 2.0]) for orientation in ALL}
    runners[ALL[0]] = runners[ALL[1]] = _runner(ALL[0], [np.inf, np.inf])
    assert Race(runners).ranked()[-1].orientation == ALL[0]
    assert race.behind(runners[ALL[0]], runners[ALL[2]]) == np.inf
    assert np.isfinite(race.confidence(Race(runners)))


def test_the_misfit_of_a_reconstruction_is_the_solvers_fourier_error(scan: Scan) -> None:
    problem, _ = make_problem(scan)
    result = reconstruct(problem, "ml:6", device="cpu:1")
    found, noise = race.misfit(problem, result)
    counts = np.where(problem.good, np.asarray(scan.frames), 0).sum()
    # The solver's error is of the state before its last step.
    assert np.sqrt(found.sum() / counts) == pytest.approx(result.error[-1], rel=0.1)
    assert 0.1 < noise / found.sum() < 1


def test_noise_alone_has_a_quarter_at_many_counts_and_the_counts_at_few() -> None:
    mean, variance = race._variances()
    assert np.interp(90.0, mean, variance) == pytest.approx(0.25, rel=0.01)
    rng = np.random.default_rng(0)
    for x in (0.05, 0.7, 3.0):
        drawn = (np.sqrt(rng.poisson(x, 200_000)) - np.sqrt(x)) ** 2
        assert np.interp(x, mean, variance) == pytest.approx(drawn.mean(), rel=0.02)


def test_classes_are_led_by_their_first_members() -> None:
    assert AS_RECORDED in CLASSES
