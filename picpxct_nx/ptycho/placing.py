"""Where a scan lies on an object that another one showed: which frames see it, how far it moved, how bright it is."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from picpxct_nx.errors import InputError

from . import device as devices
from .drift import FRAMES, Shift, common_shift, shifted
from .problem import Problem, split_positions
from .result import Result
from .state import State, load
from .uncertainty import LEAST_DOSE, model_counts

# A frame shows what is known where this part of its light falls on it.
_MOST_LIGHT = 0.9
# Fewer frames than this fix no place.
LEAST_FRAMES = 4
# Where less than this part of the largest dose fell an object is anything; what light is there counts for brightness.
_LEAST_COVERAGE = 1e-3
# Right places agree by 0.8 to 1, wrong ones by less than 0.3, from 0.5 photons a detector pixel on; and the moves, px,
# after which the object should explain less.
_LEAST_AGREEMENT = 0.5
_ASIDE = ((16.0, 0.0), (-16.0, 0.0), (0.0, 16.0), (0.0, -16.0))


@dataclass(frozen=True)
class Place:
    """How a scan lies on a known object.

    Parameters
    ----------
    shift : Shift
        How far the object moved since it was seen, px.
    brightness : float
        Intensity of the beam, over that in which the object was seen.
    frames : int
        Frames that show it.
    agreement : float
        How much of what the known object should explain in those frames it does: near 1 where they show it, near 0
        where they show something else.
    """

    shift: Shift
    brightness: float
    frames: int
    agreement: float


def light_on(known: Result, positions_px: NDArray[np.float64]) -> NDArray[np.float64]:
    """Part of the light of a probe that falls where the object is known.

    Parameters
    ----------
    known : Result
        Object, probe and illumination.
    positions_px : (n, 2) float64
        Top-left corners of windows in that object, which may leave it.

    Returns
    -------
    (n,) float64
    """
    light = (np.abs(known.probe.astype(np.complex128)) ** 2).sum(0)
    light /= light.sum()
    h, w = light.shape
    # Outside of the object nothing is known.
    lit = np.pad(known.illumination > LEAST_DOSE * known.illumination.max(), ((h, h), (w, w)))
    corner, _ = split_positions(positions_px)
    window = np.array([h, w])
    inside = np.clip(corner + window, 0, np.array(lit.shape) - window)
    return np.array([float(light[lit[row : row + h, column : column + w]].sum()) for row, column in inside.tolist()])


def place(problem: Problem, known: Result, *, device: str = "auto") -> Place:
    """Where a scan lies on a known object, by the frames that show it.

    The shift is that of `common_shift` from the known object and probe. With mu the counts that they foresee, the
    brightness is sum N / sum mu. With nu those of the object moved aside, far enough to show something else, the
    agreement is sum [(sqrt N - sqrt nu)^2 - (sqrt N - sqrt mu)^2] / sum (sqrt nu - sqrt mu)^2: 1 less noise for
    frames of mu, 0 for frames that have nothing to do with either.

    Parameters
    ----------
    problem : Problem
        The scan, positions in the known object.
    known : Result
        Object and probe, of the same window.
    device : str
        As of `reconstruct`.

    Returns
    -------
    Place

    Raises
    ------
    InputError
        Fewer than `LEAST_FRAMES` frames lie on the known object, or those that do show something else.
    """
    rows = _seeing(problem, known, np.zeros(2))
    some = _with_known(problem, known, rows)
    shift = common_shift(some, device=device)
    again = _seeing(problem, known, np.array(shift.px), least=0)
    if len(again) >= LEAST_FRAMES and not np.array_equal(again, rows):
        # Where the object moved by pixels, other frames see what is known of it.
        rows, some = again, _with_known(problem, known, again)
        shift = common_shift(some, device=device)
    brightness, agreement = _fit(some, shift, device)
    if agreement < _LEAST_AGREEMENT:
        raise InputError(f"{len(rows)} frames that should show the same show something else")
    return Place(shift, brightness, len(rows), agreement)


def _seeing(problem: Problem, known: Result, shift: NDArray[np.float64], least: int = LEAST_FRAMES) -> NDArray[np.intp]:
    """Numbers of the frames that see what is known, which has moved."""
    rows = np.flatnonzero(light_on(known, problem.positions_px - shift) > _MOST_LIGHT)
    if len(rows) < least:
        raise InputError(f"only {len(rows)} of {len(problem.positions_px)} frames show the same")
    return rows


def _with_known(problem: Problem, known: Result, rows: NDArray[np.intp]) -> Problem:
    """At most `FRAMES` of some frames, with the known object and beam to start with."""
    few = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), FRAMES)).round().astype(int))]
    seen = known.illumination > _LEAST_COVERAGE * known.illumination.max()
    return replace(
        problem,
        frames=np.concatenate([np.asarray(problem.frames[int(row) : int(row) + 1]) for row in few]),
        positions_px=problem.positions_px[few],
        intensity=None,
        object=np.where(seen, known.object, 1).astype(np.complex64),
        probe=known.probe,
        background=known.background,
    )


def _fit(problem: Problem, shift: Shift, device: str) -> tuple[float, float]:
    """Brightness and agreement of a problem with its object moved."""
    where = devices.choose(device)
    good = problem.good
    dark = np.zeros(good.shape) if problem.background is None else np.asarray(problem.background, np.float64)
    counts = np.asarray(problem.frames)[:, good].astype(np.float64)

    def foreseen(by: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        light = model_counts(data, State(shifted(image, by), probe)).cpu().numpy()
        light = np.fft.fftshift(light, axes=(1, 2))[:, good].astype(np.float64)
        bright = max(float((counts - dark[good]).sum() / light.sum()), 0.0)
        return bright, np.sqrt(bright * light + dark[good])

    with torch.inference_mode(), devices.threads(device):
        data = load(problem, where)
        probe = torch.from_numpy(problem.probe).to(where)
        image = torch.from_numpy(np.array(problem.object)).to(where)
        brightness, here = foreseen(np.array(shift.px))
        explained = expected = 0.0
        for aside in _ASIDE:
            _, there = foreseen(np.array(shift.px) + aside)
            explained += float(((np.sqrt(counts) - there) ** 2 - (np.sqrt(counts) - here) ** 2).sum())
            expected += float(((there - here) ** 2).sum())
    return brightness, explained / expected if expected else 0.0
