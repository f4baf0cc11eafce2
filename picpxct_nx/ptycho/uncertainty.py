"""How far noise moves the object: standard deviations of its modulus and phase, pixel by pixel.

The Fisher information of counts about an object pixel of dose D (counts that fell on it) is 2 D for its real and for
its imaginary part: a frame tells the part of the wave along its phase, half of what the pixel sends. One over its
diagonal, sigma^2 = 1 / (2 D), is the bound for a pixel whose neighbours and whose probe are known. What is not known
of them, and what a likelihood makes of dark detector pixels, raises it by factors that are measured: some frames are
drawn from the model, and the object is fitted to them once more.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from . import noise
from .beam import beam_of, probes_of, shown
from .control import Control
from .device import choose, threads
from .loop import reconstruct
from .model import Model, begun
from .problem import Problem
from .recipe import Stage
from .result import Result
from .state import Data, State, load, room_of

# Where less than this part of the largest dose fell the object is not known.
LEAST_DOSE = 0.1
# Iterations of the second fit; it begins at its end. More change the factors by one or two per cent.
ITERATIONS = 8
# Frames that are drawn, those in the middle of the scan: for a large scan the factors then cost a few FFT pairs. Fewer
# frames know the probe less well, so that the factors are rather too large.
MOST_FRAMES = 64


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
    chi_square : float
        Squared misfit of the bright pixels over what Poisson noise gives; above 1 the sigmas are raised by its root.
    """

    modulus: NDArray[np.float32]
    phase: NDArray[np.float32]
    modulus_factor: float
    phase_factor: float
    chi_square: float


def errors_of(
    problem: Problem,
    result: Result,
    stage: Stage,
    *,
    model: Model | None = None,
    device: str = "auto",
    seed: int = 0,
) -> Errors:
    """Standard deviations of a reconstructed object from the Fisher information and one redrawn scan.

    sigma_|O| = k_1 c / sqrt(2 D) and sigma_phase = k_2 c / (sqrt(2 D) |O|), with c = max(1, chi) and k^2 = mean of
    2 D (O* - O)^2 over the lit pixels, along and across O, for O* fitted to counts that are drawn from the model of O.
    O* is compared in the gauge of O (scale, phase ramp, shift). What was refined beside object and probe is refined
    again, so that its noise counts too; only changes of the probe over the scan are left out of the drawn frames.

    Simulated scans lie within a sigma of the truth at 66 to 68 % of the pixels, with the probe known or fitted, while
    at most a third of the detector pixels expect less than a count. With two thirds of them dark it is 62 to 66 %: the
    likelihood's own bias there, of half a sigma, is seen in part only. An unfinished reconstruction is farther off:
    with intensities refined it is 65 to 68 % (but for a ramp of the modulus, that no frame can tell), and 53 to 62 %
    with positions or a background, which are not all the way at their best when a recipe ends.

    Parameters
    ----------
    problem : Problem
        The scan.
    result : Result
        What was made of it.
    stage : Stage
        Maximum likelihood as it ended the recipe: the drawn frames are fitted likewise.
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
        chi_square = noise.ratio(
            noise.bright_misfit(counts * data.weight.numel(), data.amplitude(slice(None)), data.weight)
        )
        if state.variation is not None:
            counts = model_counts(data, replace(state, variation=None, weights=None))
        drawn = torch.poisson(counts.cpu(), generator=torch.Generator().manual_seed(seed)).numpy()
    again = reconstruct(
        replace(some, frames=np.fft.fftshift(drawn, axes=(1, 2))),
        (replace(stage, iterations=ITERATIONS),), model=replace(begun(model or Model()), modes=0, variation=None),
        device=device, seed=seed, control=Control(),
    )  # fmt: skip
    factors = _factors(again, result.object)
    dose = result.illumination.astype(np.float64)
    size = np.maximum(np.abs(result.object.astype(np.complex128)), 1e-6)
    bound = np.full(dose.shape, np.nan)
    lit = dose > LEAST_DOSE * dose.max()
    bound[lit] = max(1.0, chi_square) ** 0.5 / np.sqrt(2 * dose[lit])
    modulus, phase = (factors[0] * bound).astype(np.float32), (factors[1] * bound / size).astype(np.float32)
    return Errors(modulus, phase, *factors, chi_square)


def _middle(result: Result) -> NDArray[np.intp]:
    """Numbers of the scan's middle frames."""
    apart = np.hypot(*(result.positions_px - np.median(result.positions_px, axis=0)).T)
    return np.sort(np.argsort(apart, kind="stable")[:MOST_FRAMES])


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


def _factors(again: Result, image: NDArray[np.complex64]) -> tuple[float, float]:
    """How far a second fit is from the first along and across it, in units of 1 / sqrt(2 D) of the frames it had."""
    dose = again.illumination.astype(np.float64)
    lit = dose > LEAST_DOSE * dose.max()
    moved = _moved(again.object, image, np.where(lit, dose, 0.0))[lit] * np.sqrt(2 * dose[lit])
    moved *= np.exp(-1j * np.angle(image[lit].astype(np.complex128)))
    return float(np.sqrt(np.mean(moved.real**2))), float(np.sqrt(np.mean(moved.imag**2)))


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


def _moved(found: NDArray[Any], image: NDArray[Any], weight: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Difference of two images less what no frame can tell: complex scale, phase ramp and shift, to first order."""
    wide = image.astype(np.complex128)
    rows, columns = (np.linspace(-0.5, 0.5, size) for size in wide.shape)
    free = [wide, 1j * wide, 1j * rows[:, None] * wide, 1j * columns * wide, *np.gradient(wide)]
    root = np.sqrt(weight)
    difference = found.astype(np.complex128) - wide
    basis = np.stack([_real(part * root) for part in free], axis=1)
    parts = np.linalg.lstsq(basis, _real(difference * root), rcond=None)[0]
    for part, image_part in zip(parts, free, strict=True):
        difference -= part * image_part
    return difference


def _real(field: NDArray[np.complex128]) -> NDArray[np.float64]:
    return np.concatenate([field.real.ravel(), field.imag.ravel()])
