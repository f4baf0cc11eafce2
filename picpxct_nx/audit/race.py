"""A race of short reconstructions, one an orientation: the losers are left behind early, the rest run on."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import scipy.fft
import scipy.stats

from picpxct_nx.audit.orientation import ALL, CLASSES, Orientation, class_of
from picpxct_nx.geometry import make_problem
from picpxct_nx.ptycho import Problem, Result, reconstruct
from picpxct_nx.ptycho.loop import DivergedError
from picpxct_nx.ptycho.problem import split_positions
from picpxct_nx.records import Scan
from picpxct_nx.values import Array

# Who has run a lap goes on from where it ended; the first is the same for all.
LAPS = ("pie:4", "ml:15", "ml:25")
# A class that is so many standard errors behind after a lap is left behind.
LEFT_BEHIND = 12.0
# Misfits of frames that overlap are no independent samples, and starts are not ideal: standard errors are taken this
# much larger, and half the frames for degrees of freedom. Set by `benchmarks/audit.py --calibrate`.
INFLATION = 2.0
# Runs that are equally right end at misfits that differ by this part, for none is run to its very end; and by more, the
# farther they stopped above the noise: this part of ln(misfit / noise) on top.
UNEVEN, UNSETTLED = 0.01, 0.1

# what is run, lap, laps in all, Fourier error
Report = Callable[[str, int, int, float], None]


@dataclass(frozen=True)
class Runner:
    """A reconstruction under one orientation of the stage.

    `misfit` (n,) is sum (sqrt(N) - |Psi|)^2 of each frame, counts, infinite where the solver diverged; `noise` is what
    Poisson statistics alone would make of it, and `counts` the sum of all frames. `laps` are done.
    """

    orientation: Orientation
    laps: int
    misfit: Array
    noise: float
    counts: float
    result: Result | None

    @property
    def error(self) -> float:
        """Fourier error sqrt(sum (sqrt(N) - |Psi|)^2 / sum N)."""
        return float(np.sqrt(self.misfit.sum() / max(self.counts, 1.0)))

    @property
    def noise_error(self) -> float:
        """Fourier error that a perfect model would have, by its own expected counts."""
        return float(np.sqrt(self.noise / max(self.counts, 1.0)))


@dataclass(frozen=True)
class Race:
    """How all orientations did: the runners by orientation, those of the winning class run to the end."""

    runners: dict[Orientation, Runner]

    def of_class(self, member: Orientation) -> Runner:
        """The better of the two runners of a class."""
        pair = (self.runners[member], self.runners[-member])
        return min(pair, key=lambda runner: (-runner.laps, runner.error))

    def ranked(self) -> list[Runner]:
        """The better runner of each class: who came farthest first, then who fits best."""
        return sorted(map(self.of_class, CLASSES), key=lambda runner: (-runner.laps, runner.error))


def behind(loser: Runner, winner: Runner, uneven: float = UNEVEN) -> float:
    """By how many standard errors one runner fits the frames worse than another: a paired t over frames.

    d_j = ln(m_j of the loser / m_j of the winner), t = mean d / hypot(std d / sqrt n, `uneven`): every frame votes,
    however bright.
    """
    if not np.isfinite(loser.misfit).all():
        return np.inf
    if not np.isfinite(winner.misfit).all():
        return -np.inf
    d = np.log(np.maximum(loser.misfit, 1e-12) / np.maximum(winner.misfit, 1e-12))
    scatter = float(d.std(ddof=1) / np.sqrt(len(d))) if len(d) > 1 else np.inf
    return float(d.mean() / np.hypot(scatter, uneven))


def odds(loser: Runner, winner: Runner) -> float:
    """Odds that the loser is right after all: p / (1 - p) of the t of `behind`, 1 where they are equal."""
    above = np.log(max(min(loser.misfit.sum(), winner.misfit.sum()) / max(winner.noise, 1e-12), 1.0))
    t = behind(loser, winner, UNEVEN + UNSETTLED * float(above))
    p = float(scipy.stats.t.sf(t / INFLATION, max(1.0, len(winner.misfit) / 2 - 1)))
    return p / max(1 - p, 1e-300)


def confidence(race: Race) -> float:
    """Probability that the best class is the right one: 1 / (1 + the odds of the others); 1/4 where all are equal."""
    return 1 / (1 + sum(race_odds(race).values()))


def race_odds(race: Race) -> dict[Orientation, float]:
    """Odds of the losing classes against the best, compared where both had run as far."""
    best, *others = race.ranked()
    return {class_of(other.orientation): _odds_at(other, best) for other in others}


def _odds_at(loser: Runner, winner: Runner) -> float:
    # A class that was left behind has run less; its odds then were below those of LEFT_BEHIND.
    if loser.laps < winner.laps:
        frames = max(1.0, len(winner.misfit) / 2 - 1)
        return float(scipy.stats.t.sf(LEFT_BEHIND / INFLATION, frames))
    return odds(loser, winner)


def run(scan: Scan, *, device: str, seed: int, report: Report = lambda *_: None, enough: float = 0.999) -> Race:
    """Race all orientations of a small scan's stage.

    All run the first lap. Then the better of each pair of twins goes on unless its class is `LEFT_BEHIND`; the second
    long lap is run only where the first does not decide. At last the twin of the best runs as far.

    Parameters
    ----------
    scan : Scan
        Small scan with a start probe (`reduce`).
    device, seed
        Of the reconstructions.
    report : callable
        Told of each run.
    enough : float
        Confidence in the class from which no further lap is run.
    """
    runners = _lap(scan, [(orientation, None) for orientation in ALL], 1, (device, seed), report)
    for lap in range(2, len(LAPS) + 1):
        race = Race(runners)
        best, *others = race.ranked()
        if lap > 2 and confidence(race) >= enough:
            break
        going = [best, *(o for o in others if o.laps == best.laps and behind(o, best) < LEFT_BEHIND)]
        runners |= _lap(scan, [(one.orientation, one) for one in going], lap, (device, seed), report)
    best = Race(runners).ranked()[0]
    twin = runners[-best.orientation]
    for lap in range(twin.laps + 1, best.laps + 1):
        runners |= _lap(scan, [(-best.orientation, runners[-best.orientation])], lap, (device, seed), report)
    return Race(runners)


def _lap(
    scan: Scan, starters: Iterable[tuple[Orientation, Runner | None]], lap: int, how: tuple[str, int], report: Report
) -> dict[Orientation, Runner]:
    found = {}
    for orientation, before in starters:
        runner = _one(scan, orientation, before, lap, how)
        report(f"{scan.entry} stage {orientation}", lap, len(LAPS), runner.error)
        found[orientation] = runner
    return found


def _one(scan: Scan, orientation: Orientation, before: Runner | None, lap: int, how: tuple[str, int]) -> Runner:
    y, x = orientation.of(scan.stage_y, scan.stage_x)
    problem, _ = make_problem(replace(scan, stage_y=y, stage_x=x))
    counts = float(np.sum(np.where(problem.good, np.asarray(scan.frames), 0), dtype=np.float64))
    lost = Runner(orientation, lap, np.full(len(y), np.inf), np.inf, counts, None)
    if before is not None:
        if before.result is None:
            return lost
        problem = replace(problem, object=before.result.object, probe=before.result.probe)
    try:
        result = reconstruct(problem, LAPS[lap - 1], device=how[0], seed=how[1])
    except DivergedError:
        return lost
    found, noise = misfit(problem, result)
    return Runner(orientation, lap, found, noise, counts, result)


def go(scan: Scan, orientation: Orientation, laps: int, how: tuple[str, int]) -> Runner:
    """One orientation alone, from the start; `how` is device and seed."""
    runner = None
    for lap in range(1, laps + 1):
        runner = _one(scan, orientation, runner, lap, how)
    assert runner is not None  # noqa: S101  # at least one lap was asked for
    return runner


def misfit(problem: Problem, result: Result) -> tuple[Array, float]:
    """Misfit sum (sqrt(N) - |Psi|)^2 of each frame over the good pixels, (n,) counts, and what noise makes of it."""
    n, h, w = problem.frames.shape
    corner, fraction = split_positions(problem.positions_px)
    spectrum = scipy.fft.fft2(result.probe)
    q_y, q_x = (scipy.fft.fftfreq(size).astype(np.float32) for size in (h, w))
    good = scipy.fft.ifftshift(problem.good)
    found, noise = np.empty(n), 0.0
    for index in range(n):
        ramp = np.exp(-2j * np.pi * (fraction[index, 0] * q_y[:, None] + fraction[index, 1] * q_x)).astype(np.complex64)
        row, column = corner[index]
        waves = scipy.fft.ifft2(spectrum * ramp) * result.object[row : row + h, column : column + w]
        light = (np.abs(scipy.fft.fft2(waves, norm="ortho")) ** 2).sum(0)[good]
        counts = scipy.fft.ifftshift(np.asarray(problem.frames[index : index + 1])[0])[good].astype(np.float32)
        found[index] = np.sum((np.sqrt(counts) - np.sqrt(light)) ** 2, dtype=np.float64)
        noise += float(np.interp(light, *_variances()).sum(dtype=np.float64))
    return found, noise


@cache
def _variances() -> tuple[Array, Array]:
    """Expected counts x, and the mean of (sqrt(N) - sqrt(x))^2 for N of the Poisson distribution of mean x."""
    mean = np.concatenate([[0.0], np.logspace(-3, 2, 80)])
    number = np.arange(200)
    root = scipy.stats.poisson.pmf(number, mean[:, None]) @ np.sqrt(number)
    return mean, np.maximum(2 * mean - 2 * np.sqrt(mean) * root, 0.0)
