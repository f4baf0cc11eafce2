"""Warm start: a scan begins where its neighbour in energy ended, in metres, not in pixels.

An object pixel is lambda z / (N p) wide and so changes with the energy, while object and beam do not: both are carried
over in physical coordinates. Where the scans say how far the sample stood from the focus, the beam is also propagated
by what the product of wavelength and defocus changed, on which alone its shape in metres depends.

Between two scans the sample drifts, by more than a pixel as a rule, and no stage tells. So the neighbour's object is
first registered to the frames of the scan: moved, as a whole, to where they fit it best (`registered`).
"""

from dataclasses import dataclass, replace

import numpy as np

from picpxct_nx.geometry import Grid
from picpxct_nx.illumination import MOST_PIXEL_CHANGE, object_pixel, propagated
from picpxct_nx.ptycho import Problem, Shift, common_shift
from picpxct_nx.records import Reconstruction, Record, Scan, polarization_angle
from picpxct_nx.simulate.spectra import wavelength
from picpxct_nx.values import Array, Value

# Where less than this part of the strongest light fell, a neighbour's object is not worth carrying over.
_LEAST_COVERAGE = 0.01


@dataclass(frozen=True)
class Neighbour:
    """A reconstruction to start from, and wavelength times defocus of its scan in m^2, None where it is not known."""

    record: Reconstruction
    blur: float | None


class Neighbours:
    """The last reconstruction of every sample and polarisation."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, float], Neighbour] = {}

    def add(self, scan: Scan, record: Reconstruction) -> None:
        """Remember a reconstruction that ended well; one that was stopped or diverged is no start."""
        if record.history and record.history[-1].parameters.get("status", "done") == "done":
            self._last[chain(scan)] = Neighbour(record, _blur(scan))

    def of(self, scan: Scan) -> Neighbour | None:
        """The neighbour of a scan, where there is one with the same window and nearly the same pixels."""
        found = self._last.get(chain(scan))
        if found is None or found.record.probe.shape[1:] != scan.frames.shape[1:]:
            return None
        old = _step(found.record.probe_y), _step(found.record.probe_x)
        change = max(abs(a / b - 1) for a, b in zip(old, object_pixel(scan), strict=True))
        return found if change <= MOST_PIXEL_CHANGE else None


def order(record: Record) -> tuple[str, float, float]:
    """Sorts scans so that neighbours follow each other: by sample, polarisation and energy."""
    assert isinstance(record, Scan)  # noqa: S101  # the command asked for scans only
    return (*chain(record), record.energy_ev)


def probe_for(neighbour: Neighbour, scan: Scan) -> Array:
    """The neighbour's probe on the grid of a scan; (modes, h, w) complex64.

    Resampled in metres, and propagated by lambda_2 d_2 - lambda_1 d_1, with lambda the wavelengths and d the defocus,
    where the scans tell it.
    """
    old = neighbour.record
    h, w = old.probe.shape[1:]
    pixel = object_pixel(scan)
    y, x = pixel[0] * (np.arange(h) - h // 2), pixel[1] * (np.arange(w) - w // 2)
    probe = _resampled(np.asarray(old.probe), (old.probe_y, old.probe_x), (y, x))
    blur = _blur(scan)
    if blur is not None and neighbour.blur is not None:
        probe = propagated(probe, blur - neighbour.blur, pixel)
    return np.asarray(probe, np.complex64)


def registered(problem: Problem, grid: Grid, neighbour: Neighbour, device: str = "auto") -> tuple[Problem, Shift]:
    """The problem with the neighbour's object where the frames show it, and how far it had to be moved.

    Parameters
    ----------
    problem : Problem
        Of the scan, with the neighbour's probe: object and probe of one reconstruction belong together.
    grid : Grid
        Where its pixels lie.
    neighbour : Neighbour
        What to start from.
    device : str
        Where to search, as of `reconstruct`.

    Returns
    -------
    problem : Problem
        With a start object, moved by the drift since the neighbour.
    shift : Shift
        That move, in pixels of the grid (`common_shift`).
    """
    shift = common_shift(with_object(problem, grid, neighbour), device=device)
    drift = shift.px[0] * grid.pixel[0], shift.px[1] * grid.pixel[1]
    return with_object(problem, grid, neighbour, drift), shift


def facts(shift: Shift, grid: Grid) -> dict[str, Value]:
    """The move of a start object for the history: `warm_shift` and its sigma by counting noise, (y, x) m."""
    pixel = np.array(grid.pixel)
    return {
        "warm_shift": pixel * shift.px,
        "warm_shift@units": "m",
        "warm_shift_errors": pixel * shift.sigma_px,
        "warm_shift_errors@units": "m",
    }


def with_object(problem: Problem, grid: Grid, neighbour: Neighbour, drift: tuple[float, float] = (0.0, 0.0)) -> Problem:
    """The problem with the neighbour's object, resampled in metres; 1 where the neighbour did not see it.

    The object is moved by `drift` (y, x) m.
    """
    old = neighbour.record
    rows, columns = problem.object_shape
    y, x = grid.axis(0, rows) - drift[0], grid.axis(1, columns) - drift[1]
    image = np.asarray(old.transmission, np.complex128)
    if old.coverage is not None:
        image = np.where(np.asarray(old.coverage) > _LEAST_COVERAGE * np.max(old.coverage), image, 1)
    moved = _resampled(image, (old.y, old.x), (y, x))
    inside = _within(y, old.y)[:, None] & _within(x, old.x)
    return replace(problem, object=np.where(inside, moved, 1).astype(np.complex64))


def _resampled(image: Array, old: tuple[Array, Array], new: tuple[Array, Array]) -> Array:
    """An image (..., h, w) at other coordinates, by trigonometric interpolation along each axis."""
    rows, columns = (_interpolation(a, b) for a, b in zip(old, new, strict=True))
    return np.asarray(rows @ image @ columns.T)


def _interpolation(old: Array, new: Array) -> Array:
    """Matrix of values at `old` coordinates to values at `new` ones: sum_k f_k D(t - k), D the periodic sinc."""
    size = len(old)
    apart = (np.asarray(new)[:, None] - old[0]) / _step(old) - np.arange(size)
    apart = (apart + size / 2) % size - size / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        turned = np.tan(np.pi * apart / size) if size % 2 == 0 else np.sin(np.pi * apart / size)
        kernel = np.sin(np.pi * apart) / (size * turned)
    return np.where(np.abs(apart) < 1e-9, 1.0, kernel)


def _within(new: Array, old: Array) -> Array:
    return np.asarray((new >= old[0]) & (new <= old[-1]))


def _step(axis: Array) -> float:
    return float(axis[1] - axis[0])


def chain(scan: Scan) -> tuple[str, float]:
    """Sample and polarisation (degrees): what scans have in common that start one from the other."""
    # A tenth of a degree: rotation stages repeat better, and no two polarisations are so near.
    return scan.sample, round(float(np.degrees(polarization_angle(scan.stokes, scan.rotation))), 1)


def _blur(scan: Scan) -> float | None:
    return None if scan.defocus is None else wavelength(scan.energy_ev) * scan.defocus
