"""Score of normalised spectra: mean XANES and XPNES of every polarisation, and thickness, against the true ones."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import InputError
from picpxct_nx.records import NormalizedCube
from picpxct_nx.score.figures import Figure
from picpxct_nx.score.place import reference, shift_of_thickness
from picpxct_nx.score.truth import Common, Experiment, in_sample_frame

Floats = NDArray[np.float64]

# On either side of the extremum of the phase at the edge.
_DROP_EV = 2.0


@dataclass(frozen=True)
class Windows:
    """Which of the energies lie before and after the edge, (E,) bool each."""

    pre: NDArray[np.bool_]
    post: NDArray[np.bool_]


@dataclass(frozen=True)
class _Seen:
    """What is judged of one polarisation: pixels (H, W), and by label the axis weight and the pixels' thickness."""

    used: NDArray[np.bool_]
    weight: Floats
    thickness: Floats


def departures(delta: Floats, beta: Floats, energy_ev: Floats, windows: Windows) -> tuple[Floats, Floats]:
    """Absorption less its mean before the edge, and phase less the line through both windows, up to a scale each.

    mu ~ E beta and phi ~ -E delta: matter retards, and less so at the edge, where the phase comes nearest to zero.

    Parameters
    ----------
    delta, beta : (..., E)
    energy_ev : (E,)
    windows : Windows

    Returns
    -------
    Two arrays (..., E).
    """
    mu, phase = beta * energy_ev, -delta * energy_ev
    both = windows.pre | windows.post
    basis = np.stack([np.ones(energy_ev.size), energy_ev - energy_ev.mean()], axis=1)
    line = (phase[..., both] @ np.linalg.pinv(basis[both]).T) @ basis.T
    return mu - mu[..., windows.pre].mean(axis=-1, keepdims=True), phase - line


def scales(absorption: Floats, phase: Floats, energy_ev: Floats, windows: Windows) -> tuple[float, float]:
    """Edge step and phase drop of mean departures (E,): what one thickness of the sample shows on average.

    The drop is the mean over 2 eV on either side of the largest departure.
    """
    top = int(np.abs(phase).argmax())
    near = np.abs(energy_ev - energy_ev[top]) <= _DROP_EV
    return float(absorption[windows.post].mean()), float(phase[near].mean())


def judge(record: NormalizedCube, experiment: Experiment) -> tuple[Figure, ...]:
    """Errors of the mean spectra of every polarisation and of the thickness.

    Means go over the pixels that the mask lets through and that are truly in a grain; the truth is the mean of the
    spectra of these grains, all over one edge step and one phase drop a thickness, the mean of the whole sample. Means
    of single grains show the dichroism, which those of a particle hide.

    Raises
    ------
    InputError
        An energy or window is not in the truth, or no pixel can be used.
    """
    truth, common = reference(experiment), experiment.common
    energies, places = np.asarray(record.energy_ev, np.float64), _places(record, common)
    windows = Windows(_inside(record, record.pre_edge_ev), _inside(record, record.post_edge_ev))
    mask = np.asarray(record.mask) == 0
    thickness = None if record.thickness is None else np.asarray(record.thickness, np.float64)
    # The edge step is there whatever the thickness was taken from.
    matter = np.where(mask, record.edge_step if thickness is None else thickness, 0.0).sum(axis=0)
    shift = shift_of_thickness(truth, record.y, record.x, np.where(mask.all(axis=0), matter, 0.0))
    label, true_thickness = in_sample_frame(truth, record.y, record.x, shift)
    seen = [_seen(record, common, p, mask[p] & (label > 0), label, true_thickness) for p in range(len(mask))]
    true = [_true(common, places, one, energies, windows) for one in seen]
    means = [np.sum([one.thickness @ t[kind] for one, t in zip(seen, true, strict=True)], axis=0) for kind in (0, 1)]
    step, drop = scales(means[0], means[1], energies, windows)
    total = float(np.sum([one.thickness for one in seen]))
    figures: list[Figure] = []
    for p, angle in enumerate(np.asarray(record.polarization_angle)):
        used, name = seen[p].used, f"{np.rad2deg(angle):.0f} deg"
        valid = np.flatnonzero(np.isfinite(np.asarray(record.measured_energy_ev)[p]))
        for kind, source in enumerate((record.xanes, record.xpnes)):
            found, count = _means((np.asarray(source[p, e])[used] for e in valid), label[used], len(seen[p].weight))
            apart = found - true[p][kind][:, valid] * total / (step, drop)[kind]
            figures += _spectrum(("xanes", "xpnes")[kind], p, name, apart, count)
        if thickness is not None:
            figures += _thickness(thickness[p][used], true_thickness[used], p, name)
    return tuple(figures)


def _seen(
    record: NormalizedCube,
    common: Common,
    p: int,
    used: NDArray[np.bool_],
    label: NDArray[np.int32],
    thickness: Floats,
) -> _Seen:
    if not used.any():
        raise InputError(f"{record.entry}: polarisation {p} has no usable pixel that is truly in a grain")
    angle, stokes = float(np.asarray(record.polarization_angle)[p]), np.asarray(record.stokes)[p]
    weight = np.nan_to_num(_axis_weight(common, angle, stokes))
    sums = np.bincount(label[used], weights=thickness[used], minlength=len(weight))
    return _Seen(used, weight, np.asarray(sums, np.float64))


def _true(common: Common, places: list[int], seen: _Seen, energy_ev: Floats, windows: Windows) -> tuple[Floats, Floats]:
    """Departures of the true spectra of every grain, (G + 1, E) each."""
    delta, beta = (c[1, places] + seen.weight[:, None] * (c[0] - c[1])[places] for c in (common.delta, common.beta))
    return departures(delta, beta, energy_ev, windows)


def _means(images: Iterable[Floats], label: NDArray[np.int32], count: int) -> tuple[Floats, NDArray[np.int64]]:
    """Mean of every grain in every image of E, (count, E), and the number of its pixels (count,); label (n,)."""
    seen = np.bincount(label, minlength=count)
    sums = np.array([np.bincount(label, weights=image, minlength=count) for image in images])
    return sums.T / np.maximum(seen, 1)[:, None], seen


def _spectrum(kind: str, p: int, name: str, apart: Floats, seen: NDArray[np.int64]) -> list[Figure]:
    """Errors of the mean spectrum of the particle and of its grains, from errors (G + 1, E) of `seen` pixels each."""
    mean = seen @ apart / seen.sum()
    grains = float(np.sqrt(seen @ np.mean(apart**2, axis=1) / seen.sum()))
    words = f"{kind.upper()} of {name}"
    return [
        Figure(f"{kind}_rms_p{p}", f"{words}, mean spectrum, rms", _rms(mean)),
        Figure(f"{kind}_max_p{p}", f"{words}, mean spectrum, largest", float(np.abs(mean).max())),
        Figure(f"{kind}_grains_p{p}", f"{words}, mean spectra of grains, rms", grains),
    ]


def _thickness(found: Floats, true: Floats, p: int, name: str) -> list[Figure]:
    scale, apart = float(true.mean()), found - true
    return [
        Figure(f"thickness_bias_p{p}", f"thickness of {name}, mean error", 100 * float(apart.mean()) / scale, "%"),
        Figure(f"thickness_rms_p{p}", f"thickness of {name}, rms of the mean", 100 * _rms(apart) / scale, "%"),
    ]


def _places(record: NormalizedCube, common: Common) -> list[int]:
    found = [(float(energy), common.of(float(energy))) for energy in record.energy_ev]
    missing = [energy for energy, place in found if place is None]
    if missing:
        raise InputError(
            f"{record.entry}: the truth says nothing of {missing[0]:.1f} eV ({len(missing)} energies); give a scan "
            "that was simulated together with all others"
        )
    return [place for _, place in found if place is not None]


def _inside(record: NormalizedCube, window: NDArray[np.float64]) -> NDArray[np.bool_]:
    low, high = np.asarray(window, np.float64) + record.edge_energy_ev
    inside: NDArray[np.bool_] = (record.energy_ev >= low - 1e-6) & (record.energy_ev <= high + 1e-6)
    if not inside.any():
        raise InputError(f"{record.entry}: no energy lies between {low:.1f} and {high:.1f} eV")
    return inside


def _axis_weight(common: Common, angle: float, stokes: Floats) -> Floats:
    """Share (G + 1,) of light along the c axis, (e . c)^2 by label, both polarisations of impure light counted."""
    purity = float(np.hypot(stokes[1], stokes[2]) / stokes[0])
    flat = np.cos(common.tilt) ** 2
    along, across = (flat * np.cos(common.azimuth - turn) ** 2 for turn in (angle, angle + np.pi / 2))
    return np.asarray((1 + purity) / 2 * along + (1 - purity) / 2 * across)


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2)))
