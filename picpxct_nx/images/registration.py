"""Registration: the turn, shift and magnification between two images that need not look alike.

First a search over angles by cross-correlation, judged by mutual information; then the mutual information is climbed
with its own slope, on images that are smoothed less and less.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy import ndimage, optimize

from picpxct_nx.errors import ConvergenceError, UsageError
from picpxct_nx.images import correlation
from picpxct_nx.images.matching import Pair, View, motion_of, view
from picpxct_nx.images.motion import Motion, places
from picpxct_nx.images.mutual_information import LEAST_SPAN

Real = npt.NDArray[np.float64]
Image = npt.NDArray[np.floating[Any]]
Model = Literal["translation", "rigid", "similarity"]

MODELS: tuple[Model, ...] = get_args(Model)
LEVELS = (4, 2, 1)  # smoothing in px, and the step between the samples
COARSE_STEP = np.deg2rad(2.0)
NEIGHBOURS_PX = 3  # smoothing correlates the pull of pixels over less
_CURVATURE_STEP_PX = 0.05
LEAST_OVERLAP = 0.1  # of the smaller field


@dataclass(frozen=True)
class Match:
    """A motion that brings an image onto another, its standard errors, and what they say about each other.

    `angle_error` in rad, `shift_errors_px` (y, x), `scale_error`; `before` and `after` are the normalised mutual
    information at the start and at the end; `coarse` is the angle in rad that the search chose; `explained` is the
    part of the variance of one image that the values of the other explain, 0 to 1, and `samples` how many of them are
    independent.
    """

    motion: Motion
    angle_error: float
    shift_errors_px: tuple[float, float]
    scale_error: float
    before: float
    after: float
    coarse: float
    explained: float
    samples: float


def model(name: str) -> Model:
    """The model of that name.

    Raises
    ------
    UsageError
        There is none.
    """
    for known in MODELS:
        if known == name:
            return known
    raise UsageError(f"--model '{name}' is not known; wanted one of {', '.join(MODELS)}")


def register(pair: Pair, how: Model, bins: int, search: float, start: float = 0.0) -> Match:
    """Motion that brings the moving image of a pair onto the fixed one.

    Parameters
    ----------
    pair : Pair
    how : Model
    bins : int
        Of the histogram, an axis.
    search : float
        Angles by up to this much, rad, away from the start are tried at first.
    start : float
        The angle that is expected, rad.

    Raises
    ------
    ConvergenceError
        At no angle of the search do the images overlap.

    References
    ----------
    Studholme, Hill & Hawkes, Pattern Recognition 32, 71 (1999); Guizar-Sicairos, Thurman & Fienup, Opt. Lett. 33, 156
    (2008), for the shifts of the search.
    """
    views = [view(pair, level, bins) for level in LEVELS]
    free = {"translation": slice(1, 3), "rigid": slice(0, 3), "similarity": slice(0, 4)}[how]
    parameters = np.zeros(4 if how == "similarity" else 3)
    parameters[0] = start * pair.radius
    before = views[-1].climb(parameters)[0]
    reach = 0.0 if how == "translation" else search
    steps = int(np.ceil(reach / COARSE_STEP - 1e-9))
    parameters[:3] = _coarse(pair, views[0], start + np.linspace(-reach, reach, 2 * steps + 1))
    coarse = float(parameters[0]) / pair.radius
    for one in views:
        parameters = _climb(one, parameters, free)
    sigma = np.zeros(4)
    sigma[free] = scatter(views[-1], parameters, free)
    motion = motion_of(parameters, pair.radius)
    return Match(
        motion=motion,
        angle_error=float(sigma[0]) / pair.radius,
        shift_errors_px=(float(sigma[1]), float(sigma[2])),
        scale_error=float(sigma[3]) / pair.radius * motion.scale,
        before=before,
        after=views[-1].climb(parameters)[0],
        coarse=coarse,
        explained=explained(views[-1], parameters),
        # Smoothing by Gaussians of 1 px, of the feature and of the view, leaves one sample in 4 pi (1 + 1) pixels.
        samples=float(views[-1].sample(parameters).weight.sum()) / (8 * np.pi),
    )


def _coarse(pair: Pair, coarse: View, angles: Real) -> Real:
    """The best of some angles, each with the shift of its highest correlation."""
    where = correlation.band(pair.fixed.shape, real=True)
    fixed = correlation.spectrum(_windowed(pair.fixed, pair.fixed_window), where)
    axis = np.arange(pair.fixed.shape[0], dtype=np.float64) - pair.fixed.shape[0] // 2
    best, most = np.zeros(3), -np.inf
    for angle in angles:
        place = [one + len(axis) // 2 for one in places(axis[:, None], axis[None, :], Motion(float(angle)))]
        image, light = (
            ndimage.map_coordinates(one, place, order=1, output=np.float32) for one in (pair.moving, pair.moving_window)
        )
        if not light.any():
            continue
        shift = correlation.find(fixed, correlation.spectrum(_windowed(image, light), where), where)
        trial = np.array([angle * pair.radius, *shift])
        value = coarse.climb(trial)[0] if _overlap(pair, light, shift) else -np.inf
        if value > most:
            best, most = trial, value
    if most == -np.inf:
        raise ConvergenceError("the images do not overlap at any angle of the search; is the rotation right?")
    return best


def _windowed(image: Image, window: Real) -> Image:
    return np.asarray((image - np.average(image, weights=window)) * window)


def _overlap(pair: Pair, light: Real, shift: Real) -> bool:
    """Whether enough of the smaller window is left after a shift for their information to mean anything."""
    left = ndimage.shift(light, np.rint(shift), order=0) * pair.fixed_window
    return bool(left.sum() > LEAST_OVERLAP * min(light.sum(), pair.fixed_window.sum()))


def _climb(one: View, start: Real, free: slice) -> Real:
    """The parameters of the nearest summit."""
    # As a logarithm of likelihood, so that the steps of the optimiser are of the order of pixels.
    samples = float(one.light.sum())

    def downhill(values: Real) -> tuple[float, Real]:
        parameters = start.copy()
        parameters[free] = values
        value, slope = one.climb(parameters)
        return -samples * value, -samples * slope[free]

    result = optimize.minimize(downhill, start[free], jac=True, method="BFGS", options={"gtol": 0.05, "maxiter": 60})
    parameters = start.copy()
    parameters[free] = result.x
    return parameters


def scatter(one: View, parameters: Real, free: slice) -> Real:
    """Standard errors of the free parameters at the summit.

    With u_k(r) what a pixel adds to the slope of the mutual information by a parameter, H the curvature of the
    information and V = sum u_k(r) u_l(r + d) over all pixels and all d within 3 px, the covariance is H^-1 V H^-1
    (sandwich).

    References
    ----------
    White, Econometrica 48, 817 (1980); Conley, J. Econometrics 92, 1 (1999).
    """
    columns = []
    for index in range(free.start, free.stop):
        ends = []
        for sign in (-1, 1):
            there = parameters.copy()
            there[index] += sign * _CURVATURE_STEP_PX
            ends.append(one.climb(there)[1][free])
        columns.append((ends[1] - ends[0]) / (2 * _CURVATURE_STEP_PX))
    bend = (np.array(columns) + np.array(columns).T) / 2
    if not np.linalg.cond(bend) < 1 / np.finfo(np.float64).eps:
        return np.full(len(columns), np.inf)
    inverse = np.linalg.inv(bend)
    image = np.zeros((len(columns), 2 * one.middle + 1, 2 * one.middle + 1))
    image[:, one.y.astype(int) + one.middle, one.x.astype(int) + one.middle] = one.pulls(parameters)[free]
    side = 2 * NEIGHBOURS_PX + 1
    around = np.stack([ndimage.uniform_filter(each, side, mode="constant") * side**2 for each in image])
    variances = [np.diag(inverse @ np.einsum("ahw,bhw->ab", image, other) @ inverse) for other in (image, around)]
    # A sum over neighbours need not be positive; noise is not less than that of pixels one by one.
    return np.asarray(np.sqrt(np.maximum(*variances)))


def explained(one: View, parameters: Real) -> float:
    """The part of the variance of the moving image that the fixed one explains, 0 to 1 (correlation ratio).

    1 - sum w (b - g(a))^2 / sum w (b - mean b)^2, g(a) the mean of the moving image where the fixed one shows a, linear
    between the bins of the histogram.

    References
    ----------
    Roche, Malandain, Pennec & Ayache, MICCAI 1998, LNCS 1496, 1115.
    """
    there = one.sample(parameters)
    low, high, bins = one.shown.min(), one.shown.max(), one.scale.bins
    place = (one.shown - low) * ((bins - 1) * (1 - 1e-9) / max(high - low, LEAST_SPAN))
    first = place.astype(np.intp)
    part = place - first
    corners = ((first, 1 - part), (first + 1, part))
    normal, moment = np.zeros((bins, bins)), np.zeros(bins)
    for row, weight in corners:
        moment += np.bincount(row, there.weight * weight * there.value, bins)
        for column, other in corners:
            np.add.at(normal, (row, column), there.weight * weight * other)
    curve = np.linalg.lstsq(normal, moment, rcond=1e-10)[0]
    rest = there.value - curve[first] * (1 - part) - curve[first + 1] * part
    if not there.weight.any():
        return 0.0
    whole = float(there.weight @ (there.value - np.average(there.value, weights=there.weight)) ** 2)
    return 1 - float(there.weight @ rest**2) / whole if whole > 0 else 0.0
