"""The start probe's defocus, sought where it is not known: a wrong one is what reconstructions most often fail for.

From a start whose defocus is twice the right one, or of the wrong sign, hardly any recipe finds the way, but a few
iterations on a few frames show whether a defocus is near: the Fourier error then falls below what it is elsewhere.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import ConvergenceError
from picpxct_nx.illumination import object_pixel, propagated
from picpxct_nx.ptycho import Problem, parse, reconstruct
from picpxct_nx.records import Scan
from picpxct_nx.simulate.optics import frequencies
from picpxct_nx.simulate.spectra import wavelength as wavelength_of
from picpxct_nx.values import Value

# What is made for each defocus, of how many frames that lie close together.
TRIAL = "pie:3"
FRAMES = 40
# Farthest defocus: a ray of the mean frequency then lies so far from the axis, in windows.
REACH = 0.3
# Radians of phase at the mean frequency between one defocus and the next; the trial finds the way from nearly as far.
STEP = 2.5
# Part of what the best defocus gains over the median one that the given defocus must lack for it to be left.
CLEAR = 0.2


Progress = Callable[[int, int, float], bool | None]


@dataclass(frozen=True)
class Refocus:
    """What was found.

    Parameters
    ----------
    added : float
        How much farther from the focus the probe was taken, m; 0 where the given one is as good or nothing is clear.
    defocus : (k,) float64
        Distances from the focus that were tried, as far as the probe's own curvature tells, m; the given one first.
    errors : (k,) float64
        Fourier errors that each came to; infinite where it diverged.
    """

    added: float
    defocus: NDArray[np.float64]
    errors: NDArray[np.float64]


def of_scan(
    problem: Problem, scan: Scan, device: str, seed: int, progress: Progress | None = None
) -> tuple[Problem, Refocus]:
    """`refocused` with the pixels and the wavelength of the scan that poses the problem."""
    return refocused(problem, object_pixel(scan), wavelength_of(scan.energy_ev), device, seed, progress)


def refocused(
    problem: Problem,
    pixel: tuple[float, float],
    wavelength: float,
    device: str = "auto",
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Problem, Refocus]:
    """The problem with its start probe moved along the beam to where the frames fit best.

    Distances from the focus between -d_max and d_max are tried, d_max = 0.3 L / (lambda q) with L the window and q the
    mean frequency of the probe, where the phase pi lambda d q^2 of one and the next differ by 2.5 rad; and at last two
    half a step around the best.

    Parameters
    ----------
    problem : Problem
        A scan with a start probe.
    pixel : (float, float)
        Object pixel along y and x, m.
    wavelength : float
        lambda, m.
    device : str
        As for `reconstruct`.
    seed : int
        As for `reconstruct`.
    progress : callable, optional
        Told after each trial how many are done, how many there are, and the Fourier error; the search ends, and the
        probe stays, where it returns False.

    Returns
    -------
    problem : Problem
        With the better probe; the same where none is clearly better.
    found : Refocus
    """
    given, mean = curvature(problem.probe, pixel, wavelength)
    window = min(size * step for size, step in zip(problem.probe.shape[1:], pixel, strict=True))
    first, between = _distances(given, mean, window, wavelength)
    some, total = _close(problem), len(first) + (2 if between else 0)
    defocus: list[float] = []
    errors: list[float] = []
    for by in _sought(first, between, errors):
        there = propagated(problem.probe, wavelength * (by - given), pixel)
        defocus.append(by)
        errors.append(_error(replace(some, probe=there), device, seed))
        if progress is not None and progress(len(errors), total, errors[-1]) is False:
            return problem, Refocus(0.0, np.array(defocus), np.array(errors))
    added = defocus[int(np.argmin(errors))] - given if _is_clear(np.array(errors)) else 0.0
    found = Refocus(added, np.array(defocus), np.array(errors))
    if not added:
        return problem, found
    return replace(problem, probe=propagated(problem.probe, wavelength * added, pixel)), found


def _sought(first: list[float], between: float, errors: list[float]) -> Iterator[float]:
    """The distances of a first round, and once their errors are known those half a step around the best."""
    yield from first
    if between:
        best = first[int(np.argmin(errors))]
        yield from (best - between, best + between)


def _distances(given: float, mean: float, window: float, wavelength: float) -> tuple[list[float], float]:
    """The given defocus and all others that are worth trying, and half the step between these."""
    if mean * window < 1:
        # A beam as even as this looks the same wherever it is.
        return [given], 0.0
    farthest, step = REACH * window / (wavelength * mean), STEP / (np.pi * wavelength * mean**2)
    count = int(np.ceil(farthest / step))
    return [given, *np.linspace(-farthest, farthest, 2 * count + 1).tolist()], farthest / count / 2


def sentence(found: Refocus) -> str:
    """What was found, for a user."""
    tried = f"{len(found.errors)} tried, {found.defocus.min() * 1e3:.3g} to {found.defocus.max() * 1e3:.3g} mm"
    if not found.added:
        return f"the start probe's defocus stays, none is clearly better ({tried})"
    return (
        f"the start probe is taken {found.added * 1e3:+.3g} mm along the beam ({tried}; Fourier error of a few "
        f"iterations {found.errors[0]:.3g} with the given one, {found.errors.min():.3g} now)"
    )


def facts(found: Refocus) -> dict[str, Value]:
    """What was found, for the history."""
    return {"refocus.added": found.added, "refocus.added@units": "m", "refocus.tried": len(found.errors)}


def curvature(probe: NDArray[np.complex64], pixel: tuple[float, float], wavelength: float) -> tuple[float, float]:
    """How far from its focus a probe is, as its curvature tells, and its mean frequency.

    Light of the frequency q lies lambda d q from the axis; d is the slope of that line, weighted by the light.

    Parameters
    ----------
    probe : (modes, h, w) complex64
        Probe modes, centred in their window.
    pixel : (float, float)
        Object pixel along y and x, m.
    wavelength : float
        lambda, m.

    Returns
    -------
    defocus : float
        d, m; behind the focus it is above 0.
    mean : float
        Root of the mean square frequency, 1/m.
    """
    shape = (probe.shape[1], probe.shape[2])
    axes = [step * (np.arange(size) - size // 2) for size, step in zip(shape, pixel, strict=True)]
    q_y, q_x = frequencies(shape, pixel)
    wide = probe.astype(np.complex128)
    spectrum, along, across = (
        np.fft.fft2(np.fft.ifftshift(field, axes=(1, 2))) for field in (wide, wide * axes[0][:, None], wide * axes[1])
    )
    light, square = np.abs(spectrum) ** 2, q_y**2 + q_x**2
    lever = float((light * square).sum())
    if not lever:
        return 0.0, 0.0
    slope = float((spectrum.conj() * (q_y * along + q_x * across)).real.sum())
    return slope / (wavelength * lever), float(np.sqrt(lever / light.sum()))


def _close(problem: Problem) -> Problem:
    """The frames that lie closest together, as a problem of their own."""
    places = problem.positions_px
    count = min(FRAMES, len(places))
    # Some frames stand for all: the distances of all to all of a long scan do not fit in memory.
    seeds = places[np.linspace(0, len(places) - 1, min(len(places), 256)).astype(int)]
    apart = np.linalg.norm(places[None] - seeds[:, None], axis=2)
    middle = int(np.argmin(np.partition(apart, count - 1, axis=1)[:, count - 1]))
    rows = np.sort(np.argsort(apart[middle], kind="stable")[:count])
    return replace(
        problem,
        frames=np.concatenate([np.asarray(problem.frames[int(row) : int(row) + 1]) for row in rows]),
        positions_px=places[rows],
        intensity=None if problem.intensity is None else problem.intensity[rows],
    )


def _is_clear(errors: NDArray[np.float64]) -> bool:
    """Whether the best error is clearly below the first, by what a defocus matters to these frames."""
    squares = errors[np.isfinite(errors)] ** 2
    if not len(squares):
        return False
    return bool(errors[0] ** 2 - squares.min() > CLEAR * (np.median(squares) - squares.min()))


def _error(problem: Problem, device: str, seed: int) -> float:
    try:
        return float(reconstruct(problem, parse(TRIAL), device=device, seed=seed).error[-1])
    except ConvergenceError:
        return float("inf")
