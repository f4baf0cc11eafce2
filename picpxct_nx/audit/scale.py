"""Distances and lengths that do not fit together: the cone of light on the frames, and the stage's scale."""

import math
from dataclasses import dataclass, replace

import numpy as np

from picpxct_nx.audit.orientation import Orientation
from picpxct_nx.audit.race import LAPS, Race, Report, Runner, behind, go
from picpxct_nx.errors import InputError
from picpxct_nx.illumination import object_pixel
from picpxct_nx.records import Scan
from picpxct_nx.values import Array

# A cone that is this much wider or narrower than the zone plate makes it is no error of its measurement.
CONE_TOLERANCE = 0.06
# The cone explains at least this part of the mean frame's variance, or the sample scatters too much to see its rim.
_EXPLAINED = 0.9
_CONES = np.exp(np.linspace(np.log(0.4), np.log(2.5), 369))
# Steps of the stage's scale. A defocused probe makes up for a scale that is a little off (another defocus and another
# curvature of object and probe fit nearly as well), so that less than the first step is seldom seen.
STEPS, LAST_STEP = (1.3, 1.1), 1.04
# Scales off by less than this, by the specimen, may pass as right (`benchmarks/audit.py --lengths`).
STAGE_PASSES = (0.15, 0.3)
# Standard errors by which another scale has to fit better to be believed, and part of the misfit that it has to save.
CLEARLY, _SAVES = 8.0, 0.1
_FARTHEST = 4.0


def cone(scan: Scan) -> float | None:
    """Radius of the cone of light on the frames, in units of that which the zone plate, energy and distance make.

    A zone plate of outermost zones w throws a disc of radius z lambda / (2 w) with its central stop's shadow; it is
    fitted to the root of the mean frame. None where the scan has no zone plate, or frames show no such disc.

    Parameters
    ----------
    scan : Scan
        Scan in memory.
    """
    width, diameter = scan.outermost_zone_width, scan.zone_plate_diameter
    good = np.asarray(scan.pixel_mask) == 0
    if width is None or diameter is None or not good.any():
        return None
    _, h, w = scan.frames.shape
    pixel = object_pixel(scan)
    q_y, q_x = (np.arange(size) - size // 2 for size in (h, w))
    q = np.hypot(q_y[:, None] / (h * pixel[0]), q_x / (w * pixel[1])) * 2 * width
    root = np.sqrt(np.maximum(np.asarray(scan.frames).mean(0, dtype=np.float64), 0))
    soft = 2 * width / (min(h, w) * max(pixel))
    stop = (scan.central_stop_diameter or 0.0) / diameter
    explained = np.array([_explained(root[good], _disc(q[good] / part, stop, soft / part)) for part in _CONES])
    best = int(np.argmax(explained))
    inside = 0 < best < len(_CONES) - 1 and q.max() > 1.1 * _CONES[best]
    return float(_CONES[best]) if inside and explained[best] > _EXPLAINED else None


def _disc(q: Array, stop: float, soft: float) -> Array:
    return np.asarray(np.clip((1 - q) / soft + 0.5, 0, 1) * (1 - np.clip((stop - q) / soft + 0.5, 0, 1) * (stop > 0)))


def _explained(data: Array, model: Array) -> float:
    """Square of the correlation of data with a model."""
    a, b = data - data.mean(), model - model.mean()
    size = float((a @ a) * (b @ b))
    return float(a @ b) ** 2 / size if size > 0 and a @ b > 0 else 0.0


@dataclass(frozen=True)
class StageScale:
    """Factor by which the stage's positions fit best, how finely it was looked for, and how clearly it fits better."""

    factor: float
    step: float
    behind: float


def stage_scale(
    scan: Scan, ran: Race, *, device: str, seed: int, report: Report = lambda *_: None
) -> StageScale | None:
    """Factor of the stage's positions that fits clearly better than the recorded one; None where none does.

    The farther apart frames lie, the fewer see a point of the object, and the better anything fits them; so a misfit
    alone would ask for larger scales. What is climbed is how differently the two best classes fit, |ln(E / E')| after
    the first lap: at the right scale frames contradict a wrong orientation most.

    Parameters
    ----------
    scan : Scan
        Small scan.
    ran : Race
        Of its orientations.
    device, seed, report
        As in `race.run`.
    """
    first, second, *_ = (runner.orientation for runner in ran.ranked())
    known: dict[float, tuple[Runner, Runner]] = {}

    def at(factor: float) -> tuple[Runner, Runner]:
        if factor not in known:
            pair = [_scaled(scan, orientation, factor, 1, (device, seed)) for orientation in (first, second)]
            known[factor] = pair[0], pair[1]
            report(f"{scan.entry} stage x {factor:.3g}", 2, len(LAPS), pair[0].error)
        return known[factor]

    def contrast(factor: float) -> float:
        one, other = (runner.error for runner in at(factor))
        return abs(math.log(other / one)) if math.isfinite(one * other) and one * other > 0 else -math.inf

    centre = 1.0
    for step in STEPS:
        while (best := max(_near(centre, step), key=contrast)) != centre:
            centre = best
        if centre == 1.0:
            return None
    winner = min(at(centre), key=lambda runner: runner.error).orientation
    # Within so little the overlap hardly changes, and the misfit alone knows better.
    tried = {factor: _scaled(scan, winner, factor, 2, (device, seed)) for factor in _near(centre, LAST_STEP)}
    centre = min(tried, key=lambda factor: tried[factor].error)
    recorded, found = _scaled(scan, winner, 1.0, 2, (device, seed)), tried[centre]
    better = behind(recorded, found)
    saved = 1 - (found.error / recorded.error) ** 2
    return StageScale(centre, LAST_STEP, better) if better > CLEARLY and saved > _SAVES else None


def _near(centre: float, step: float) -> list[float]:
    return [centre, *(f for f in (centre / step, centre * step) if 1 / _FARTHEST <= f <= _FARTHEST)]


def scaled(scan: Scan, factor: float) -> Scan:
    """The scan with its stage's positions so many times as far apart."""
    return replace(scan, stage_y=scan.stage_y * factor, stage_x=scan.stage_x * factor)


def _scaled(scan: Scan, orientation: Orientation, factor: float, laps: int, how: tuple[str, int]) -> Runner:
    try:
        return go(scaled(scan, factor), orientation, laps, how)
    except InputError:
        # So far apart that frames no longer overlap.
        return Runner(orientation, laps, np.full(len(scan.stage_y), np.inf), np.inf, 1.0, None)
