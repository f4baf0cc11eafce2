"""Shifts: where every image of a series stands, from all of their spectra together.

Three strategies: every image against one of them; against the mean of all others, again and again; or every image
against every other, and the shifts that agree best with all pairs.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from picpxct_nx.errors import UsageError
from picpxct_nx.images import correlation
from picpxct_nx.images.correlation import Band, Real, Spectrum
from picpxct_nx.values import Pieces

Spectra = Pieces
Indices = npt.NDArray[np.intp]
Strategy = Literal["reference", "mean", "all-pairs"]

STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
ROUNDS = 5  # of the mean; it stands still after two or three
STILL_PX = 5e-4
_REWEIGHTINGS = 20
# Residuals beyond this many times their robust spread count less and less (Cauchy; 95 % efficient).
_CAUCHY = 2.385
_MEDIAN_OF_NORM = 1.1774  # of two normal numbers of spread one


@dataclass(frozen=True)
class Series:
    """Shifts of n images.

    `shift_px` (n, 2) brings each onto the others; `errors_px` (n, 2) are standard deviations from what the mean of the
    others, or the reference, does not explain, and `coherence` (n,) is what it does. `closure_px` is the rms by which
    pairs contradict the shifts, where pairs were made. `rounds` of the mean were needed.
    """

    shift_px: Real
    errors_px: Real
    coherence: Real
    closure_px: float | None = None
    rounds: int = 0


def strategy(name: str) -> Strategy:
    """The strategy of that name.

    Raises
    ------
    UsageError
        There is none.
    """
    for known in STRATEGIES:
        if known == name:
            return known
    raise UsageError(f"--strategy '{name}' is not known; wanted one of {', '.join(STRATEGIES)}")


def series(spectra: Spectra, where: Band, how: Strategy, reference: int) -> Series:
    """Shifts of a series of images.

    Parameters
    ----------
    spectra : (n, k, m) complex64
        Of features that are zero in air, windowed; changed in place nowhere.
    where : Band
    how : Strategy
    reference : int
        The image to begin with, whose shift is zero.

    Returns
    -------
    Series

    References
    ----------
    Guizar-Sicairos, Thurman & Fienup, Opt. Lett. 33, 156 (2008), for a pair; Holland & Welsch, Commun. Stat. A 6, 813
    (1977), for the weights of contradicting pairs.
    """
    first = spectra[reference]
    shifts = np.array([correlation.find(first, one, where) for one in spectra])
    shifts[reference] = 0
    rounds, closure = 0, None
    if how != "reference":
        shifts, rounds = onto_the_mean(spectra, where, shifts)
    if how == "all-pairs":
        shifts, closure = _all_pairs(spectra, where, shifts)
    shifts = shifts - shifts[reference]
    errors, shared = judged(spectra, where, shifts, reference if how == "reference" else None)
    return Series(shifts, errors, shared, closure, rounds)


def _total(spectra: Spectra, where: Band, shifts: Real) -> Spectrum:
    total = np.zeros(spectra.shape[1:], np.complex64)
    for one, shift in zip(spectra, shifts, strict=True):
        total += correlation.moved(one, where, shift)
    return total


def onto_the_mean(spectra: Spectra, where: Band, start: Real) -> tuple[Real, int]:
    """Shifts with mean zero that bring each image onto the sum of the others, and the rounds that it took.

    An image must not be part of what it is brought onto: it would hold itself fast.
    """
    shifts, number = start.copy(), 0
    for number in range(1, ROUNDS + 1):  # noqa: B007  # it is the answer
        total, before = _total(spectra, where, shifts), shifts.copy()
        for index, one in enumerate(spectra):
            others = total - correlation.moved(one, where, before[index])
            shifts[index] = correlation.refine(others, one, where, before[index])
        shifts -= shifts.mean(axis=0)
        if np.abs(shifts - before + before.mean(axis=0)).max() < STILL_PX:
            break
    return shifts, number


def _all_pairs(spectra: Spectra, where: Band, start: Real) -> tuple[Real, float]:
    """Shifts from those of all pairs, and the rms by which these contradict them."""
    first, second = np.triu_indices(len(spectra), 1)
    pairs = [
        correlation.refine(spectra[i], spectra[j], where, start[j] - start[i])
        for i, j in zip(first, second, strict=True)
    ]
    return agreeing(first, second, np.array(pairs))


def agreeing(first: Indices, second: Indices, pairs: Real) -> tuple[Real, float]:
    """Shifts with mean zero that agree best with those of pairs, robust against pairs that contradict the others.

    Minimises sum rho(|d_ij - (s_j - s_i)|) with Cauchy's rho by reweighted least squares.

    Parameters
    ----------
    first, second : (m,) int
        The images i and j of each pair.
    pairs : (m, 2)
        Shift d_ij that brings j onto i where i has none, pixels.

    Returns
    -------
    shifts (n, 2) and the rms residual of a pair in one axis, both in pixels
    """
    weight, shifts = np.ones(len(first)), np.full((int(second.max()) + 1, 2), np.inf)
    for _ in range(_REWEIGHTINGS):
        before, shifts = shifts, _least_squares(first, second, pairs, weight)
        apart = np.linalg.norm(pairs - (shifts[second] - shifts[first]), axis=1)
        if np.abs(shifts - before).max() < STILL_PX / 10:
            break
        spread = max(float(np.median(apart)) / _MEDIAN_OF_NORM, 1e-9)
        weight = 1 / (1 + (apart / (_CAUCHY * spread)) ** 2)
    return shifts, float(np.sqrt(np.mean(apart**2) / 2))


def _least_squares(first: Indices, second: Indices, pairs: Real, weight: Real) -> Real:
    """Shifts with mean zero that minimise sum w |d_ij - (s_j - s_i)|^2."""
    n = int(second.max()) + 1
    laplacian, pull = np.zeros((n, n)), np.zeros((n, 2))
    np.add.at(laplacian, (first, second), -weight)
    laplacian += laplacian.T
    np.fill_diagonal(laplacian, -laplacian.sum(axis=1))
    np.add.at(pull, second, weight[:, None] * pairs)
    np.add.at(pull, first, -weight[:, None] * pairs)
    return np.asarray(np.linalg.solve(laplacian + 1 / n, pull))


def judged(spectra: Spectra, where: Band, shifts: Real, reference: int | None) -> tuple[Real, Real]:
    """Errors (n, 2) in pixels and coherences (n,) of shifts: of each image with the reference, or the others' mean."""
    total = _total(spectra, where, shifts) if reference is None else spectra[reference]
    slopes = correlation.differentiate(total, where)
    errors, shared = np.zeros((len(spectra), 2)), np.ones(len(spectra))
    for index, (one, shift) in enumerate(zip(spectra, shifts, strict=True)):
        if index == reference:
            continue
        onto = total - correlation.moved(one, where, shift) if reference is None else total
        errors[index] = correlation.errors(onto, one, where, shift, slopes)
        shared[index] = correlation.coherence(onto, one, where, shift)
    return errors, shared
