"""What a reconstruction returns, and the one ambiguity of it that has a natural choice."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Result:
    """Object and probe of a scan and how they were reached.

    What far-field data leave open is left as the engines found it: a complex scale, a linear phase ramp and a common
    shift of object and probe.

    Parameters
    ----------
    object : (H, W) complex64
        Transmission, dimensionless.
    probe : (modes, h, w) complex64
        Probe modes, sqrt(counts); orthogonal, the strongest first.
    positions_px : (n, 2) float64
        Top-left corners of the windows in the object, as refined where they were.
    error : (iterations,) float64
        Fourier error sqrt(sum (|Psi| - sqrt I)^2 / sum I) over measured pixels, one an iteration, of the waves that the
        engine projected: the reflected waves of the difference map, the model before the step of maximum likelihood.
    engines : tuple of str
        Engine of each iteration.
    illumination : (H, W) float32
        Counts that fell on each object pixel over the scan.
    status : str
        "done", "stopped" (asked to) or "diverged".
    message : str
        One line about how it ended.
    chosen : mapping of str to str
        ENGINE.PARAMETER to what the engine chose where "auto" left it to it.
    intensity : (n,) float32, optional
        Intensity of each frame relative to the mean of all; none where all were taken as equal.
    background : (h, w) float32, optional
        Counts a pixel that come without the beam, zero frequency at [h // 2, w // 2]; none where none was refined.
    variation : (k, modes, h, w) complex64, optional
        Orthonormal changes of the probe over the scan.
    weights : (n, k) complex64, optional
        How much of each a frame has, sqrt(counts).
    """

    object: NDArray[np.complex64]
    probe: NDArray[np.complex64]
    positions_px: NDArray[np.float64]
    error: NDArray[np.float64]
    engines: tuple[str, ...]
    illumination: NDArray[np.float32]
    status: Literal["done", "stopped", "diverged"]
    message: str
    chosen: Mapping[str, str] = field(default_factory=dict)
    intensity: NDArray[np.float32] | None = None
    background: NDArray[np.float32] | None = None
    variation: NDArray[np.complex64] | None = None
    weights: NDArray[np.complex64] | None = None


def centre_of_mass(probe: NDArray[np.complex64]) -> tuple[float, float]:
    """Centre of mass of a probe's intensity, summed over its modes.

    Parameters
    ----------
    probe : (modes, h, w) complex
        Probe modes.

    Returns
    -------
    row, column : float
        In pixels from the window's corner.
    """
    dose = (np.abs(probe.astype(np.complex128)) ** 2).sum(0)
    total = dose.sum()
    rows, columns = (np.arange(size) for size in dose.shape)
    return float(dose.sum(1) @ rows / total), float(dose.sum(0) @ columns / total)


def centre_probe(result: Result) -> Result:
    """Move the probe's centre of mass to [h // 2, w // 2] and the object with it, to the nearest whole pixel.

    P'(r) = P(r + s) and O'(x) = O(x + s) give the same frames at the same positions. The probe wraps around its
    window; the object does not, and becomes 1 (with no illumination) where the shift uncovers its edge.

    Parameters
    ----------
    result : Result
        A reconstruction.

    Returns
    -------
    Result
        The same reconstruction in another gauge; the input itself where the probe is centred already.
    """
    row, column = centre_of_mass(result.probe)
    move = (round(row - result.probe.shape[1] // 2), round(column - result.probe.shape[2] // 2))
    if move == (0, 0):
        return result
    return replace(
        result,
        probe=np.roll(result.probe, (-move[0], -move[1]), axis=(1, 2)),
        variation=None if result.variation is None else np.roll(result.variation, (-move[0], -move[1]), axis=(2, 3)),
        object=_moved(result.object, move, fill=1),
        illumination=_moved(result.illumination, move, fill=0),
    )


def _moved(image: NDArray[Any], move: tuple[int, int], *, fill: int) -> NDArray[Any]:
    """Image(x + move), `fill` where that lies outside."""
    moved = np.full_like(image, fill)
    to, of = [], []
    for step, size in zip(move, image.shape, strict=True):
        to.append(slice(max(0, -step), max(0, min(size, size - step))))
        of.append(slice(max(0, step), max(0, min(size, size + step))))
    moved[tuple(to)] = image[tuple(of)]
    return moved
