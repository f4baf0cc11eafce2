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
# Where less than this part of the largest dose fell an object is not worth comparing with.
_LEAST_COVERAGE = 0.01


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
    gain : float
        Part of the misfit of an empty object that the known one takes away; 0 or less where it does not fit at all.
    """

    shift: Shift
    brightness: float
    frames: int
    gain: float


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

    The shift is that of `common_shift` from the known object and probe. With mu the counts that they foresee,
    the brightness is sum N / sum mu, and the gain 1 - E / E_0 with the misfit E = sum (sqrt N - sqrt mu)^2, for E_0
    with an empty object.

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
        Fewer than `LEAST_FRAMES` frames show the known object, or those that do fit it no better than an empty one.
    """
    rows = _seeing(problem, known, np.zeros(2))
    some = _with_known(problem, known, rows)
    shift = common_shift(some, device=device)
    again = _seeing(problem, known, np.array(shift.px), least=0)
    if len(again) >= LEAST_FRAMES and not np.array_equal(again, rows):
        # Where the object moved by pixels, other frames see what is known of it.
        rows, some = again, _with_known(problem, known, again)
        shift = common_shift(some, device=device)
    brightness, gain = _fit(some, shift, device)
    if gain <= 0:
        raise InputError(f"{len(rows)} frames that should show the same fit it no better than an empty object")
    return Place(shift, brightness, len(rows), gain)


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
    """Brightness and gain of a problem with its object moved."""
    where = devices.choose(device)
    good = problem.good
    dark = np.zeros(good.shape) if problem.background is None else np.asarray(problem.background, np.float64)
    counts = np.asarray(problem.frames)[:, good].astype(np.float64)
    fits = []
    with torch.inference_mode(), devices.threads(device):
        data = load(problem, where)
        probe = torch.from_numpy(problem.probe).to(where)
        image = shifted(torch.from_numpy(np.array(problem.object)).to(where), np.array(shift.px))
        for one in (image, torch.ones_like(image)):
            light = np.fft.fftshift(model_counts(data, State(one, probe)).cpu().numpy(), axes=(1, 2))[:, good]
            bright = float((counts - dark[good]).sum() / light.sum(dtype=np.float64))
            fits.append(
                (bright, float(((np.sqrt(counts) - np.sqrt(np.maximum(bright, 0) * light + dark[good])) ** 2).sum()))
            )
    return fits[0][0], 1 - fits[0][1] / fits[1][1]
