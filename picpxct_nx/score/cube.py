"""Score of a spectral cube: the shifts of its alignment and the turns of its registration against the true ones."""

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import InputError
from picpxct_nx.images.fourier import cosine_taper, register
from picpxct_nx.records import SpectralCube
from picpxct_nx.score.figures import Figure
from picpxct_nx.score.truth import Experiment, transmission_at

Floats = NDArray[np.float64]

# Registration of an image with its truth: steps a pixel, and the taper at the border as a part of the side.
_UPSAMPLE, _TAPER = 100, 0.08


def judge(record: SpectralCube, experiment: Experiment) -> tuple[Figure, ...]:
    """Drift that was there, what alignment left of it, and what registration left of turns and shifts.

    A projection displaced by d is aligned by the shift -d, up to a shift common to its polarisation. Polarisations
    turned by a are registered by the turn -a; their common shifts must then agree. Both are known up to what all
    polarisations have in common, so the first one is what the others are compared with.

    Raises
    ------
    InputError
        The truth has no scan of any projection, or the cube does not say its shifts.
    """
    pixel = float(record.y[1] - record.y[0])
    drift, turns = _true(record, experiment)
    known = np.asarray(record.valid, bool) & np.isfinite(drift[..., 0])
    if not known.any():
        raise InputError(f"{record.entry}: no projection is of an energy and rotation of the truth; give its scans")
    before = np.concatenate(
        [drift[p][known[p]] - drift[p][known[p]].mean(axis=0) for p in np.flatnonzero(known.any(1))]
    )
    figures = [
        Figure("projections", "projections with a known truth", int(known.sum())),
        Figure("drift_rms", "true drift, rms of an axis", _rms(before) / pixel, "px"),
    ]
    figures += _images(record, experiment)
    if record.stage == "stacked":
        return tuple(figures)
    return (*figures, *_shifts(record, drift, turns, known))


def _shifts(record: SpectralCube, drift: Floats, turns: Floats, known: NDArray[np.bool_]) -> list[Figure]:
    """What the shifts and turns that a cube says are worth against the true drift (P, E, 2) and turns (P,)."""
    pixel = float(record.y[1] - record.y[0])
    shift = _extra(record, "projections/shift")
    left = drift + shift
    common = np.array(
        [left[p][known[p]].mean(axis=0) if known[p].any() else (np.nan, np.nan) for p in range(len(left))]
    )
    after = (left - common[:, None])[known] / pixel
    figures = [
        Figure("alignment_rms", "shifts against the drift alone, rms of an axis", _rms(after), "px"),
        Figure("alignment_max", "shifts against the drift alone, largest", float(np.hypot(*after.T).max()), "px"),
    ]
    if "projections/shift_errors" in record.extra:
        sigma = _extra(record, "projections/shift_errors")[known] / pixel
        figures.append(
            Figure("alignment_sigma", "standard deviation that the cube gives its shifts, rms", _rms(sigma), "px")
        )
    if record.stage == "registered":
        figures += _registration(record, common, turns, pixel)
    return figures


def _images(record: SpectralCube, experiment: Experiment) -> list[Figure]:
    """Displacements of the images themselves against their truth, where the scans they come from were given.

    A solver may move probe and object together, so that an image is not where the drift puts it: shifts that put the
    images in place are then right, though they are not those of the drift.
    """
    taper = cosine_taper((len(record.y), len(record.x)), round(_TAPER * min(len(record.y), len(record.x))))
    means, apart = [], []
    for p, rotation in enumerate(np.asarray(record.rotation)):
        found = []
        for e in np.flatnonzero(record.valid[p]):
            truth = experiment.scan(float(record.energy_ev[e]), float(rotation))
            if truth is not None:
                turn = truth.true_rotation if record.stage == "registered" else 0.0
                true = transmission_at(truth, record.y, record.x, turn)
                image = np.asarray(record.transmission[p, e], np.complex128)
                found.append(register(taper * (image - 1), taper * (true - 1), upsample=_UPSAMPLE))
        if found:
            means.append(np.mean(found, axis=0))
            apart += [np.array(one) - means[-1] for one in found]
    if not apart:
        return []
    figures = [
        Figure("images", "images whose own scan was given", len(apart)),
        Figure(
            "images_rms", "displacement of images within a polarisation, rms of an axis", _rms(np.array(apart)), "px"
        ),
    ]
    if record.stage == "registered" and len(means) > 1:
        between = np.array(means[1:]) - means[0]
        figures.append(
            Figure("images_between", "displacement of images between polarisations, rms", _rms(between), "px")
        )
    return figures


def _registration(record: SpectralCube, common: Floats, turns: Floats, pixel: float) -> list[Figure]:
    found, shift = _extra(record, "registration/rotation"), _extra(record, "registration/shift")
    off = (found + turns + np.pi) % (2 * np.pi) - np.pi
    cosine, sine = np.cos(found), np.sin(found)
    y, x = common.T
    # From x towards y: what is common to the images of a polarisation turns with them.
    place = np.stack([sine * x + cosine * y, cosine * x - sine * y], axis=1) + shift
    kept = np.flatnonzero(np.isfinite(off) & np.isfinite(place[:, 0]))
    first, others = kept[:1], kept[1:]
    if not others.size:
        return []
    apart = np.rad2deg((off[others] - off[first] + np.pi) % (2 * np.pi) - np.pi)
    missed = (place[others] - place[first]) / pixel
    return [
        Figure("rotation_rms", "turns against the first polarisation, rms", _rms(apart), "deg"),
        Figure("registration_rms", "shifts after them against the drift alone, rms of an axis", _rms(missed), "px"),
    ]


def _true(record: SpectralCube, experiment: Experiment) -> tuple[Floats, Floats]:
    """True drift (P, E, 2) m of every projection and true rotation (P,) rad, nan where the truth does not say."""
    common = experiment.common
    drift = np.full((*np.shape(record.valid), 2), np.nan)
    turns = np.full(len(drift), np.nan)
    energies = [common.of(float(energy)) for energy in record.energy_ev]
    for p, rotation in enumerate(np.asarray(record.rotation)):
        place = common.at(float(rotation))
        if place is None:
            continue
        turns[p] = common.true_rotation[place]
        for e, at in enumerate(energies):
            if at is not None:
                drift[p, e] = common.drift[place, at]
    return drift, turns


def _extra(record: SpectralCube, path: str) -> Floats:
    if path not in record.extra:
        raise InputError(f"{record.entry}/{path}: missing; a cube that is {record.stage} should say it")
    return np.asarray(record.extra[path], np.float64)


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else float("nan")
