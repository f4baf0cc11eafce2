"""Where an image in the frame of the sample lies: the shift that it has in common with all of its experiment.

Drift displaces all scans, and alignment makes it one displacement, which nobody can know. It is found by comparing an
image with the truth where the image shows matter: what lies beyond the field or is too thin does not count.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.images.fourier import register, windowed
from picpxct_nx.score.truth import Experiment, Truth, in_sample_frame
from picpxct_nx.values import Array

Floats = NDArray[np.float64]

# The outlines of image and truth give a start; around it the shift is sought on ever finer grids: pixels from point to
# point, and points to either side.
_LEVELS = ((1.0, 4), (0.25, 4), (0.0625, 4))


def reference(experiment: Experiment) -> Truth:
    """The scan whose maps say best what the sample is: the one that is turned least, and its lowest energy."""
    return min(experiment.scans, key=lambda truth: (abs(np.sin(truth.rotation / 2)), truth.energy_ev))


def shift_of_thickness(truth: Truth, y: Array, x: Array, found: Array) -> Floats:
    """By how much a map that grows with thickness shows the sample displaced, (2,) m along y and x.

    The least of sum (f - a T)^2 over the pixels where f is finite and not 0, with the best scale a.

    Parameters
    ----------
    truth : of any scan
    y, x : (H,), (W,) m, of the map
    found : (H, W) f, of any unit, 0 or not finite where it is not to be looked at
    """
    seen = np.isfinite(found) & (found != 0)
    values = np.asarray(found, np.float64)[seen]

    def misfit(shift: Floats) -> float:
        _, thickness = in_sample_frame(truth, y, x, shift)
        true = thickness[seen]
        power = float(true @ true)
        return 1.0 - float(values @ true) ** 2 / (power * float(values @ values)) if power > 0 else 1.0

    return _least(misfit, truth, y, x, seen) if seen.any() else np.zeros(2)


def shift_of_directions(
    truth: Truth, y: Array, x: Array, seen: NDArray[np.bool_], errors: Callable[[NDArray[np.int32]], Floats]
) -> Floats:
    """By how much a map of directions shows the sample displaced, (2,) m along y and x.

    Where the mean error of the directions is least: what decides is where one grain ends and another begins. Labels
    cannot be interpolated; the shift is sought in whole pixels, and between them where two lines of equal slope meet
    that pass through the least error and its neighbours, since the error grows with the distance.

    Parameters
    ----------
    truth : of any scan
    y, x : (H,), (W,) m, of the map
    seen : (H, W), pixels with a direction, n of them
    errors : gives the errors (n,) of these pixels in rad, from the true labels (n,) there
    """

    def misfit(shift: Floats) -> float:
        true = in_sample_frame(truth, y, x, shift)[0][seen]
        # A direction where there is nothing is as wrong as can be.
        return float(np.where(true > 0, np.nan_to_num(errors(true)), np.pi / 2).mean())

    if not seen.any():
        return np.zeros(2)
    pixel = np.array([y[1] - y[0], x[1] - x[0]])
    whole = _least(misfit, truth, y, x, seen, _LEVELS[:1])
    least = misfit(whole)
    place = whole.copy()
    for axis, step in enumerate(np.diag(pixel)):
        below, above = misfit(whole - step), misfit(whole + step)
        rise = max(below, above) - least
        place[axis] += pixel[axis] * (below - above) / (2 * rise) if rise > 0 else 0.0
    return place


def _least(
    cost: Callable[[Floats], float],
    truth: Truth,
    y: Array,
    x: Array,
    seen: NDArray[np.bool_],
    levels: tuple[tuple[float, int], ...] = _LEVELS,
) -> Floats:
    """The shift of least cost in m, (2,)."""
    pixel = np.array([y[1] - y[0], x[1] - x[0]])
    outline, _ = in_sample_frame(truth, y, x, np.zeros(2))
    flat = np.ones(seen.shape)
    found, true = (windowed(np.asarray(each, np.float64), flat) for each in (seen, outline > 0))
    place = np.round(register(found, true, upsample=1)) if found.any() and true.any() else np.zeros(2)
    for step, reach in levels:
        tries = [place + step * (np.array(by) - reach) for by in np.ndindex(2 * reach + 1, 2 * reach + 1)]
        place = min(tries, key=lambda one: cost(one * pixel))
    return np.asarray(place * pixel)
