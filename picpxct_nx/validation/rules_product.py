"""Rules on the values of products: objects, probes, cubes, normalised spectra, ring correlations."""

import numpy as np

from picpxct_nx.validation.rules_entry import ENERGY
from picpxct_nx.validation.view import Array, Found, View

# Two writers of the same pixel agree better; neighbouring energies of an edge differ by a percent.
_SAME = 1e-3
_ROUNDED = 1e-6
# The highest frequency of an image is in the corners of its transform, at this over the pixel.
_CORNER = 2**-0.5
# A window may end at the last energy as the encoder gave it.
_WINDOW_EV = 1.0


def step_of(values: Array | None) -> float | None:
    """Mean step of an axis, where it has one."""
    if values is None or values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        return None
    return float(values[-1] - values[0]) / (len(values) - 1)


def object_pixel(view: View) -> Found:
    """Object and probe have the same pixel."""
    for axis in "yx":
        own, probe = step_of(view.array(f"object/{axis}")), step_of(view.array(f"probe/{axis}"))
        if own and probe and abs(own / probe - 1) > _SAME:
            text = f"has pixels of {probe:.6g} m, the object of {own:.6g} m; wanted the same"
            yield f"probe/{axis}", text


def positions_outside(view: View) -> Found:
    """The probe was on the object."""
    for axis in "yx":
        found, axis_of = view.array(f"positions/{axis}"), view.array(f"object/{axis}")
        step = step_of(axis_of)
        if found is None or axis_of is None or step is None:
            continue
        reach = abs(step)
        outside = int(np.sum((found < axis_of.min() - reach) | (found > axis_of.max() + reach)))
        if outside:
            yield f"positions/{axis}", f"{outside} positions lie outside the object; are units or signs mixed up?"


def convergence(view: View) -> Found:
    """Errors are not negative; iterations rise."""
    error = view.array("convergence/error")
    if error is not None and not (error >= 0).all():
        yield "convergence/error", "holds numbers that are negative or not finite; wanted Fourier errors"


def energy_valid(view: View) -> Found:
    """A projection has an energy where, and only where, it was measured."""
    valid, energy = view.array("cube/valid"), view.array(ENERGY)
    if valid is None or energy is None or valid.shape != energy.shape:
        return
    wrong = np.argwhere(valid != np.isfinite(energy))
    if len(wrong):
        row, column = (int(index) for index in wrong[0])
        text = f"says {bool(valid[row, column])} for projection ({row}, {column}), whose incident_energy is"
        yield "cube/valid", f"{text} {energy[row, column]:.6g} eV ({len(wrong)} places)"


def energy_nominal(view: View) -> Found:
    """A measured energy is nearest to its own nominal energy."""
    measured = view.array(ENERGY)
    for path in ("cube/energy", "xanes/energy"):
        nominal = view.array(path)
        if nominal is None or measured is None or measured.ndim != 2 or len(nominal) < 2:
            continue
        apart = np.abs(measured - nominal)
        wrong = np.argwhere(apart > np.abs(np.gradient(nominal)))
        if len(wrong):
            row, column = (int(index) for index in wrong[0])
            text = f"is {measured[row, column]:.6g} eV for projection ({row}, {column}); its nominal energy is"
            yield ENERGY, f"{text} {nominal[column]:.6g} eV ({len(wrong)} places)"


def windows(view: View) -> Found:
    """The windows are ordered, lie on their side of the edge, and inside the energies."""
    pre, post, edge = view.array("pre_edge"), view.array("post_edge"), view.number("edge_energy")
    energy = view.array("xanes/energy")
    if pre is None or post is None or edge is None or energy is None or not energy.size:
        return
    for path, (low, high) in (("pre_edge", pre), ("post_edge", post)):
        if not low < high:
            yield path, f"is {low:.6g} to {high:.6g} eV; wanted its lower end first"
        elif edge + low < energy.min() - _WINDOW_EV or edge + high > energy.max() + _WINDOW_EV:
            text = f"reaches from {edge + low:.6g} to {edge + high:.6g} eV; there are energies from"
            yield path, f"{text} {energy.min():.6g} to {energy.max():.6g} eV"
    if pre[1] > post[0]:
        yield "post_edge", f"begins at {post[0]:.6g} eV, before pre_edge ends at {pre[1]:.6g} eV"


def frc_range(view: View) -> Found:
    """Correlations lie between -1 and 1, thresholds above 0; every ring has samples."""
    correlation, threshold = view.array("frc/correlation"), view.array("frc/threshold")
    samples = view.array("frc/samples")
    if correlation is not None and not (np.abs(correlation) <= 1 + _ROUNDED).all():
        yield "frc/correlation", "holds numbers outside -1 to 1; wanted the normalised cross-spectrum"
    if threshold is not None and not (threshold >= 0).all():
        yield "frc/threshold", "holds numbers that are negative or not finite; wanted correlations"
    yield from _frequencies(view.array("frc/spatial_frequency"), view.number("pixel_size"))
    if samples is not None and not (samples > 0).all():
        yield "frc/samples", "holds rings without samples; leave them out"


def _frequencies(frequency: Array | None, pixel: float | None) -> Found:
    path = "frc/spatial_frequency"
    if frequency is None or not frequency.size or not np.isfinite(frequency).all():
        return
    if frequency[0] < 0 or (np.diff(frequency) <= 0).any():
        yield path, "does not rise from zero or more; wanted the frequencies of the rings"
    elif pixel and frequency[-1] > _CORNER / pixel * (1 + _SAME):
        text = f"reaches {frequency[-1]:.4g} 1/m; pixels of {pixel:.4g} m hold {_CORNER / pixel:.4g} 1/m in the corners"
        yield path, f"{text}: is one of the two units wrong?"


def frc_resolved(view: View) -> Found:
    """A resolution is there where, and only where, the curve crosses; its periods agree."""
    resolved, half, full = view.array("resolved"), view.number("half_period"), view.number("full_period")
    there = "half_period" in view.entry.members
    if resolved is not None and bool(resolved) != there:
        yield "resolved", f"is {bool(resolved)}, but half_period is {'there' if there else 'not there'}"
    if half is not None and full is not None and abs(full / 2 - half) > _SAME * abs(half):
        yield "full_period", f"is {full:.6g} m; wanted twice half_period, {2 * half:.6g} m"


def frc_crossing(view: View) -> Found:
    """At 1 / (2 half_period) the curve falls through the threshold."""
    half, frequency = view.number("half_period"), view.array("frc/spatial_frequency")
    correlation, threshold = view.array("frc/correlation"), view.array("frc/threshold")
    if half is None or half <= 0 or frequency is None or correlation is None or threshold is None:
        return
    if len(frequency) < 2 or not (np.diff(frequency) > 0).all():
        return
    crossing, reach = 1 / (2 * half), _SAME * float(frequency[-1] - frequency[0]) / len(frequency)
    margin = correlation - threshold
    falls = np.flatnonzero((margin[:-1] >= 0) & (margin[1:] < 0))
    there = [i for i in falls if frequency[i] - reach <= crossing <= frequency[i + 1] + reach]
    if not there:
        text = f"is {half:.4g} m, but the curve does not fall through the threshold at 1 / (2 half_period)"
        yield "half_period", f"{text} = {crossing:.4g} 1/m"
