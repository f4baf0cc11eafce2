"""How far noise moves the object: standard deviations of its modulus and phase, pixel by pixel.

The Fisher information of counts about an object pixel of dose D (counts that fell on it) is 2 D for its real and for
its imaginary part: a frame tells the part of the wave along its phase, half of what the pixel sends. One over its
diagonal, sigma^2 = 1 / (2 D), is the bound for a pixel whose neighbours and whose probe are known. What is not known
of them, what a likelihood makes of dark detector pixels, and what a recipe leaves unfinished raises it by factors that
are measured: some frames are drawn from the model, and the recipe is run on them from the same start.
"""

from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from . import fit, noise
from .beam import beam_of, probes_of, shown
from .control import Control
from .device import choose, threads
from .likeness import difference
from .loop import reconstruct
from .model import Model
from .problem import Problem
from .recipe import Stage, parse
from .result import Result
from .state import Data, State, load, room_of

# Where less than this part of the largest dose fell the object is not known.
LEAST_DOSE = 0.1
# Part of a normal distribution within a standard deviation.
ONE_SIGMA = 0.6827
# Frames that are drawn, those in the middle of the scan: a large scan is then reconstructed for a tenth of its cost.
# Fewer frames know the probe less well, so that the factors are rather too large.
MOST_FRAMES = 64
# Maximum likelihood with all known but the object, from its end: more iterations change the factors by a per cent.
KNOWN = "ml:20"


@dataclass(frozen=True)
class Errors:
    """Standard deviations of an object.

    Parameters
    ----------
    modulus : (H, W) float32
        Of |O|, dimensionless; NaN where too little light fell.
    phase : (H, W) float32
        Of arg O, rad; NaN likewise.
    modulus_factor, phase_factor : float
        How far the noise is above 1 / sqrt(2 D) along O and across it.
    modulus_inflation, phase_inflation : float
        By what the factors were smaller if the probe, and all else but the object, were known.
    chi_square : float
        Squared misfit of the bright pixels over that of counts drawn from the model; above 1 the sigmas are raised by
        its root.
    """

    modulus: NDArray[np.float32]
    phase: NDArray[np.float32]
    modulus_factor: float
    phase_factor: float
    modulus_inflation: float
    phase_inflation: float
    chi_square: float


def errors_of(
    problem: Problem,
    result: Result,
    stages: tuple[Stage, ...],
    *,
    model: Model | None = None,
    device: str = "auto",
    seed: int = 0,
) -> Errors:
    """Standard deviations of a reconstructed object from the Fisher information and one redrawn scan.

    sigma_|O| = k_1 c / sqrt(2 D) and sigma_phase = k_2 c / (sqrt(2 D) |O|), with c = max(1, chi) and k such that 68.3 %
    of the lit pixels have |O* - O| sqrt(2 D) < k, along and across O, for O* that the recipe makes, from its start, of
    counts that are drawn from the model of O. O* is compared in the gauge of O (scale, phase ramp, shift; a ramp of the
    modulus where intensities are refined). What was refined beside object and probe is refined again, so that its noise
    counts too; only changes of the probe over the scan are left out of the drawn frames.

    Within a sigma of the truth lie 67 to 71 % of the pixels where the probe is known, from 2 photons a detector pixel
    to 2000, and where it is fitted too 66 to 68 % from 200 photons a pixel on. Below, the sigmas are too small (54 %
    of the phases at 2 photons): most detector pixels are dark there, the likelihood puts too little of the object's
    finest structure in them, and the frames that are drawn from its object lack what it missed. With positions it is
    66 to 69 % from 20 photons a pixel on, with a background 63 to 71 %: where that is too small its light is the
    object's, and frames that are drawn from it know the object too well. A start guess that is nearer to the result
    than to the truth makes them too small as well.

    Parameters
    ----------
    problem : Problem
        The scan.
    result : Result
        What was made of it.
    stages : tuple of Stage
        The recipe.
    model : Model, optional
        What was refined beside object and probe.
    device : str
        As for `reconstruct`.
    seed : int
        Seed of the drawn counts.

    Returns
    -------
    Errors

    References
    ----------
    Parametric bootstrap: Efron & Tibshirani, An Introduction to the Bootstrap (1993), section 6.5.
    """
    rows = _middle(result)
    some = _part(problem, result, rows)
    where = choose(device)
    with torch.inference_mode(), threads(device):
        data = load(some, where)
        state = _state(result, rows, where)
        counts = model_counts(data, state)
        measured = _chi_square(data, counts, data.amplitude(slice(None)))
        if state.variation is not None:
            counts = model_counts(data, replace(state, variation=None, weights=None))
        drawn = torch.poisson(counts.cpu(), generator=torch.Generator().manual_seed(seed))
        amplitude = (drawn.to(where) * data.weight.numel()).sqrt_()
        # The variance of a root is 1/4 for many counts only; it is 4 % more where most bright pixels have a few.
        chi_square = measured / _chi_square(data, counts, amplitude)
    frames = np.fft.fftshift(drawn.numpy(), axes=(1, 2))
    again = reconstruct(
        _begun(problem, frames, rows), _as_run(stages, result), model=replace(model or Model(), variation=None),
        device=device, seed=seed, control=Control(),
    )  # fmt: skip
    factors, known = (
        _factors(run, result, intensity=model is not None and model.intensity is not None)
        for run in (again, _with_all_known(replace(some, frames=frames), result, device, seed))
    )
    none = np.empty((0, 0), np.float32)
    return of_part(Errors(none, none, *factors, factors[0] / known[0], factors[1] / known[1], chi_square), result)


def _chi_square(data: Data, counts: torch.Tensor, amplitude: torch.Tensor) -> float:
    """Squared misfit of bright pixels over their number, for frames of some amplitude under a model's counts."""
    squares = counts * data.weight.numel()
    return noise.ratio(noise.bright_misfit(squares, fit.excess(squares, amplitude), data.weight))


def of_part(errors: Errors, result: Result) -> Errors:
    """The standard deviations of an object that has the noise of another one: its factors, on its own dose.

    Parameters
    ----------
    errors : Errors
        Of the problem to which the object belongs.
    result : Result
        The object, and the dose on it.

    Returns
    -------
    Errors
    """
    dose = result.illumination.astype(np.float64)
    size = np.maximum(np.abs(result.object.astype(np.complex128)), 1e-6)
    bound = np.full(dose.shape, np.nan)
    lit = dose > LEAST_DOSE * dose.max()
    bound[lit] = max(1.0, errors.chi_square) ** 0.5 / np.sqrt(2 * dose[lit])
    return replace(
        errors,
        modulus=(errors.modulus_factor * bound).astype(np.float32),
        phase=(errors.phase_factor * bound / size).astype(np.float32),
    )


def _begun(problem: Problem, frames: NDArray[np.float32], rows: NDArray[np.intp]) -> Problem:
    """Some frames as a problem with the start that the whole scan had."""
    return replace(
        problem,
        frames=frames,
        positions_px=problem.positions_px[rows],
        intensity=None if problem.intensity is None else problem.intensity[rows],
    )


def _as_run(stages: tuple[Stage, ...], result: Result) -> tuple[Stage, ...]:
    """The stages as they were run: as far as they came, and with the likelihood that the measured noise asked for."""
    done = [(name, len(list(turns))) for name, turns in groupby(result.engines)]
    ran = []
    for stage in stages:
        if not done or done[0][0] != stage.engine:
            continue
        count = min(stage.iterations, done[0][1])
        done[0] = (stage.engine, done[0][1] - count)
        if not done[0][1]:
            done.pop(0)
        params = stage.params
        if result.chosen.get(f"{stage.engine}.likelihood") == "gaussian":
            params = replace(params, likelihood="gaussian")
        ran.append(replace(stage, iterations=count, params=params))
    return tuple(ran)


def _with_all_known(problem: Problem, result: Result, device: str, seed: int) -> Result:
    """The drawn frames fitted with nothing unknown but the object."""
    likelihood = result.chosen.get("ml.likelihood", "poisson")
    stages = parse(KNOWN, {"ml.likelihood": likelihood, "ml.probe_start": str(2**31)})
    return reconstruct(problem, stages, device=device, seed=seed, control=Control())


def _middle(result: Result) -> NDArray[np.intp]:
    """Numbers of the scan's middle frames; where there are several objects, of as many as have so few frames."""
    chosen = np.empty(0, np.intp)
    for rows in _islands(result.illumination):
        middle = result.positions_px[:, 0] + result.probe.shape[1] // 2
        of = np.flatnonzero((middle >= rows.start) & (middle < rows.stop))
        apart = np.hypot(*(result.positions_px[of] - np.median(result.positions_px[of], axis=0)).T)
        nearest = of[np.argsort(apart, kind="stable")[:MOST_FRAMES]]
        if not len(chosen) or len(chosen) + len(of) <= MOST_FRAMES:
            chosen = np.concatenate([chosen, nearest])
    return np.sort(chosen)


def _part(problem: Problem, result: Result, rows: NDArray[np.intp]) -> Problem:
    """Some frames of a scan as a problem whose start is the result."""
    return replace(
        problem,
        frames=np.concatenate([np.asarray(problem.frames[int(row) : int(row) + 1]) for row in rows]),
        positions_px=result.positions_px[rows],
        object=result.object,
        probe=result.probe,
        intensity=None if result.intensity is None else result.intensity[rows].astype(np.float64),
        background=result.background,
    )


def _state(result: Result, rows: NDArray[np.intp], where: torch.device) -> State:
    """The result for some frames, in the scale that it has and on a device."""

    def there(array: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(where)

    state = State(there(result.object), there(result.probe))
    if result.intensity is not None:
        state = replace(state, scale=there(np.sqrt(result.intensity[rows])))
    if result.background is not None:
        corner = np.fft.ifftshift(result.background) * np.float32(result.background.size)
        state = replace(state, background=there(corner))
    if result.variation is not None and result.weights is not None:
        state = replace(state, variation=there(result.variation), weights=there(result.weights[rows]))
    return state


def _factors(again: Result, result: Result, *, intensity: bool) -> tuple[float, float]:
    """How far a second fit is from the first along and across it, in units of 1 / sqrt(2 D) of the frames it had.

    Objects of several scans lie below each other with dark rows between; each has a phase of its own that no frame
    tells, and is compared alone.
    """
    dose = again.illumination.astype(np.float64)
    lit = dose > LEAST_DOSE * dose.max()
    parts = []
    for rows in _islands(dose):
        if not lit[rows].any():
            continue
        weight = np.where(lit[rows], dose[rows], 0.0)
        apart, scale = difference(again.object[rows], result.object[rows], weight, modulus_ramp=intensity)
        # An object that is multiplied by the scale has its dose divided by the square.
        moved = apart[lit[rows]] * np.sqrt(2 * dose[rows][lit[rows]]) / scale
        parts.append(moved * np.exp(-1j * np.angle(result.object[rows][lit[rows]].astype(np.complex128))))
    moved = np.concatenate(parts)
    along, across = np.quantile(np.abs([moved.real, moved.imag]), ONE_SIGMA, axis=1)
    return float(along), float(across)


def _islands(dose: NDArray[np.floating]) -> list[slice]:
    """Runs of rows on which light fell; all rows where there is one."""
    light = np.concatenate([[False], dose.any(1), [False]])
    edges = np.flatnonzero(light[1:] != light[:-1]).reshape(-1, 2).tolist()
    return [slice(start, stop) for start, stop in edges] if len(edges) > 1 else [slice(0, len(dose))]


def model_counts(data: Data, state: State) -> torch.Tensor:
    """Expected counts of every frame.

    Returns
    -------
    (n, h, w) float32; zero frequency at the corner, also where nothing was measured.
    """
    counts = torch.empty(data.measured.shape, device=data.weight.device)
    beam, k = beam_of(data, state), data.passes
    for block in data.blocks:
        (patches, exit_waves, spare, probes), _ = room_of(data, block)
        probes = probes_of(beam, block, out=probes, spare=spare)
        wave = k.transform(k.exit_waves(state.object, probes, block, out=exit_waves, spare=patches), out=spare)
        shown(state, wave, out=counts[block.frames], spare=exit_waves)
    return counts.div_(data.weight.numel())
