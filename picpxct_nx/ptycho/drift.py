"""How far a start object as a whole lies from where the frames see it: one common shift, by search and Gauss-Newton."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from picpxct_nx.errors import InputError, RetryError

from . import device as devices
from . import ops
from .beam import beam_of, probes_of, start
from .problem import Problem
from .state import Data, State, load
from .sweep import sweep

# Frames that are looked at, spread evenly over the scan: a hundred fix two numbers far below what a pixel resolves.
FRAMES = 100
# Of those, the ones of the search, which only has to end in the basin of the Gauss-Newton steps.
SEARCHED = 12
# The search looks this far to each side, and again around the best shift until that is the middle, px.
REACH = 4
# Farther from the start no shift is believed, px.
FARTHEST = 12
# Gauss-Newton ends where a step is shorter, px; the steps shrink so fast that what is left is far less.
_SHORT = 0.002
_STEPS = 10


@dataclass(frozen=True)
class Shift:
    """A shift of the whole object, rows and columns in px: O(r) becomes O(r - shift).

    Parameters
    ----------
    px : (float, float)
        The shift; zero where no shift within `FARTHEST` lessens the misfit.
    sigma_px : (float, float)
        Its standard deviation by counting noise; the error of the model itself is not in it.
    misfit_before, misfit_after : float
        sum (sqrt(N) - |Psi|)^2 over the frames that were looked at, counts, without the shift and with it.
    """

    px: tuple[float, float]
    sigma_px: tuple[float, float]
    misfit_before: float
    misfit_after: float


def common_shift(problem: Problem, *, device: str = "auto") -> Shift:
    """The shift of the start object that fits the frames best, object and probe being right otherwise.

    It is min over s of E(s) = sum_j sum_q (sqrt(N_j) - |F[P O(c_j + r - s)]|)^2: sought on whole pixels with a few
    frames, then by Gauss-Newton steps s -= (sum_j C_j)^-1 sum_j b_j with slope b_j and curvature C_j of every frame's
    position (`sweep.Sums`), for which moving all frames by d is moving the object by -d. The object wraps, O - 1
    being small at its edges.

    Parameters
    ----------
    problem : Problem
        With a start object.
    device : str
        As of `reconstruct`.

    Returns
    -------
    Shift

    Raises
    ------
    InputError
        There is no start object, or the frames hold what cannot be counts.
    RetryError
        The GPU's memory is in use.

    References
    ----------
    Odstrcil, Menzel & Guizar-Sicairos, Opt. Express 26, 3108 (2018): positions from the object's gradient; here one for
    all frames, and compared in the detector (`sweep.sweep`).
    """
    if problem.object is None:
        raise InputError("object: no start object; wanted the one whose shift is sought; give the problem an object")
    where = devices.choose(device)
    try:
        with torch.inference_mode(), devices.threads(device):
            few, some = (_part(problem, count) for count in (SEARCHED, FRAMES))
            data, state = _begun(some, where)
            whole = _search(*_begun(few, where))
            return _refined(data, state, whole)
    except torch.OutOfMemoryError as error:
        raise RetryError(
            f"device '{where}': out of memory for a start object of {problem.object_shape}; wait for the GPU to be "
            "free, use another one, or use device cpu"
        ) from error


def shifted(image: Tensor, shift: NDArray[np.float64]) -> Tensor:
    """An object moved by a shift: F^-1[exp(-2 pi i k s) F[O - 1]] + 1.

    Parameters
    ----------
    image : (H, W) complex64
        Object O, 1 outside the sample.
    shift : (2,) float64
        Rows and columns s, pixels.

    Returns
    -------
    (H, W) complex64
    """
    if not np.any(shift % 1):
        return image.roll((int(shift[0]), int(shift[1])), (0, 1))
    spectrum = torch.fft.fft2(image - 1)
    for axis, by in enumerate(shift):
        k = torch.fft.fftfreq(image.shape[axis], dtype=torch.float64, device=image.device)
        turn = torch.exp(-2j * torch.pi * float(by) * k).to(image.dtype)
        spectrum *= turn[:, None] if axis == 0 else turn
    moved: Tensor = torch.fft.ifft2(spectrum) + 1
    return moved


def _part(problem: Problem, most: int) -> Problem:
    """The problem with at most so many frames, spread evenly."""
    count = problem.frames.shape[0]
    chosen = np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
    return replace(
        problem,
        frames=np.concatenate([np.asarray(problem.frames[index : index + 1]) for index in chosen.tolist()]),
        positions_px=problem.positions_px[chosen],
        intensity=None if problem.intensity is None else problem.intensity[chosen],
    )


def _begun(problem: Problem, where: torch.device) -> tuple[Data, State]:
    data = load(problem, where)
    return data, start(problem, data)


def _search(data: Data, state: State) -> NDArray[np.float64]:
    """The best whole-pixel shift."""
    known: dict[tuple[int, int], float] = {}
    centre, best = (0, 0), None
    while best != centre:
        centre = best or centre
        for row in range(centre[0] - REACH, centre[0] + REACH + 1):
            for column in range(centre[1] - REACH, centre[1] + REACH + 1):
                if (row, column) not in known and max(abs(row), abs(column)) <= FARTHEST:
                    known[row, column] = _misfit(data, state, np.array([row, column], np.float64))
        best = min(known, key=known.__getitem__)
    return np.array(centre, np.float64)


def _refined(data: Data, state: State, shift: NDArray[np.float64]) -> Shift:
    """Gauss-Newton from a whole-pixel shift."""
    curvature = np.zeros((2, 2))
    for _ in range(_STEPS):
        moved = replace(state, object=shifted(state.object, shift))
        sums = sweep(data, moved, positions=True, intensity=False, background=False)
        assert sums.slope is not None and sums.curvature is not None  # noqa: S101, PT018  # positions were asked for
        slope = sums.slope.sum(0, dtype=torch.float64).cpu().numpy()
        curvature = sums.curvature.sum(0, dtype=torch.float64).cpu().numpy()
        if not np.linalg.det(curvature) > 0:
            break
        step = np.clip(np.linalg.solve(curvature, slope), -1, 1)
        shift = shift - step
        if np.abs(step).max() < _SHORT:
            break
    before, after = _misfit(data, state, np.zeros(2)), _misfit(data, state, shift)
    if not after < before or np.abs(shift).max() > FARTHEST + 1:
        shift, after = np.zeros(2), before
    # Roots of counts have the variance 1/4, so that Fisher's information is four times the curvature.
    sigma = np.sqrt(np.diag(np.linalg.pinv(4 * curvature)))
    return Shift((float(shift[0]), float(shift[1])), (float(sigma[0]), float(sigma[1])), before, after)


def _misfit(data: Data, state: State, shift: NDArray[np.float64]) -> float:
    """Misfit sum (sqrt(N) - |Psi|)^2 of a shift, counts."""
    h, w = data.weight.shape
    moved = replace(state, object=shifted(state.object, shift))
    beam, total = beam_of(data, moved), 0.0
    for block in data.pieces():
        waves = data.passes.exit_waves(moved.object, probes_of(beam, block), block)
        light = ops.intensity(ops.far_field(waves))
        if state.background is not None:
            light = light + state.background
        missing = (data.amplitude(block.frames) - light.sqrt()) * data.weight
        total += float(missing.square().sum(dtype=torch.float64))
    return total / (h * w)
