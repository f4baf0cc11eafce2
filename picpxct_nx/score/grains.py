"""Score of a grain map: directions of the c axes, and how well grains were told apart."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage import metrics

from picpxct_nx.errors import InputError
from picpxct_nx.score.figures import Figure
from picpxct_nx.score.place import reference, shift_of_directions
from picpxct_nx.score.truth import Experiment, in_sample_frame

Floats = NDArray[np.float64]
Labels = NDArray[np.int32]

# A found grain is a true one where they share more than this part of what either covers: no other pair can.
_MATCH = 0.5
# Two grains that touch are one to polarisations in which their signals differ by less than this part of the signal of
# an axis along the light (root of the sum of squares): a turn by 4 degrees where two square ones see it best.
_ALIKE = 0.1
# A true grain of fewer pixels is an edge, not a grain that anybody could find.
_LEAST_PIXELS = 9


@dataclass(frozen=True)
class Segmentation:
    """How grains were told apart.

    `rand_error` is 1 less the F score of pairs of pixels in one grain, over pixels that are truly in a grain; 0 best.
    Pixels that were left without a label count as one grain; `rand_error_labelled` is that of the others alone.
    `pairs` (k, 2) are the labels (found, true) of grains that are the same.
    """

    rand_error: float
    rand_error_labelled: float
    n_found: int
    n_true: int
    pairs: NDArray[np.int64]


def axial_error(found: Floats, true: Floats, *, mirror: float | None = None) -> Floats:
    """How far two directions without sign are apart, rad in [0, pi / 2].

    |d| with d = found - true modulo pi; where `mirror` says a direction in which images are mirrored, the lesser of
    that and the distance to 2 mirror - true, which cannot be told from it.

    Parameters
    ----------
    found, true : of one shape, rad
    mirror : rad
    """

    def apart(other: Floats) -> Floats:
        return np.asarray(np.abs((found - other + np.pi / 2) % np.pi - np.pi / 2))

    return apart(true) if mirror is None else np.asarray(np.minimum(apart(true), apart(2 * mirror - true)))


def compare_labels(found: Labels, true: Labels) -> Segmentation:
    """Compare two label images of one shape, 0 being no grain.

    References
    ----------
    I. Arganda-Carreras et al., Front. Neuroanat. 9, 142 (2015), doi 10.3389/fnana.2015.00142: the Rand error, as
    scikit-image computes it.
    """
    n_true, n_found = int(true.max(initial=0)), int(found.max(initial=0))
    shared = np.zeros((n_found + 1, n_true + 1), np.int64)
    np.add.at(shared, (found.ravel(), true.ravel()), 1)
    union = shared.sum(1)[:, None] + shared.sum(0)[None] - shared
    same = np.argwhere(shared[1:, 1:] > _MATCH * union[1:, 1:]) + 1
    return Segmentation(
        rand_error=_rand_error(found, true),
        rand_error_labelled=_rand_error(found, np.where(found > 0, true, 0)),
        n_found=int(np.count_nonzero(shared[1:].sum(1))),
        n_true=int(np.count_nonzero(shared[:, 1:].sum(0) >= _LEAST_PIXELS)),
        pairs=same,
    )


def distinct(true: Labels, azimuth: Floats, tilt: Floats, polarisations: Floats) -> Labels:
    """True labels in which touching grains that the polarisations cannot tell apart are one.

    With two polarisations these are above all mirror images of each other. The signal of a grain is cos^2(tilt)
    cos^2(azimuth - p) in the polarisation p.

    Parameters
    ----------
    true : (H, W)
    azimuth, tilt : (n + 1,) rad, by label
    polarisations : (P,) rad
    """
    signal = np.cos(tilt)[:, None] ** 2 * np.cos(azimuth[:, None] - polarisations) ** 2
    joined = np.arange(len(azimuth), dtype=np.int32)
    for a, b in ((true[1:], true[:-1]), (true[:, 1:], true[:, :-1])):
        touching = (a != b) & (a > 0) & (b > 0)
        for u, v in sorted(set(zip(a[touching].tolist(), b[touching].tolist(), strict=True))):
            if np.linalg.norm(signal[u] - signal[v]) < _ALIKE:
                joined[joined == joined[v]] = joined[u]
    return joined[true]


def _rand_error(found: Labels, true: Labels) -> float:
    rand_error: Any = metrics.adapted_rand_error  # scikit-image has no types
    return float(rand_error(true, found, ignore_labels=(0,))[0]) if (true > 0).any() else float("nan")


def judge(record: Any, experiment: Experiment) -> tuple[Figure, ...]:
    """Errors of directions, of pixels and of the means of grains, and of the segmentation.

    Parameters
    ----------
    record : record of an NXspecptycho_grainmap
    experiment : Experiment

    Raises
    ------
    InputError
        The map and the truth do not overlap.
    """
    truth = reference(experiment)
    label, orientation = np.asarray(record.label, np.int32), np.asarray(record.orientation, np.float64)
    azimuth = experiment.common.azimuth
    mirror = float(record.polarization_angle[0]) if record.mirror_ambiguous else None
    seen = np.isfinite(orientation)

    def errors(true: Labels) -> Floats:
        return axial_error(orientation[seen], azimuth[true], mirror=mirror)

    shift = shift_of_directions(truth, record.y, record.x, seen, errors)
    true, _ = in_sample_frame(truth, record.y, record.x, shift)
    if not (true > 0).any():
        raise InputError(f"{record.entry}: shows no grain of the truth; are its y and x in m?")
    known = (true > 0) & np.isfinite(orientation)
    of_pixels = np.rad2deg(axial_error(orientation[known], azimuth[true[known]], mirror=mirror))
    parts = compare_labels(label, true)
    alike = distinct(true, azimuth, experiment.common.tilt, np.asarray(record.polarization_angle, np.float64))
    told_apart = compare_labels(label, alike)
    of_grains = np.rad2deg(_means(record, parts.pairs, azimuth, mirror))
    pixel = float(record.y[1] - record.y[0])
    folded = " (mirror images taken as the same)" if mirror is not None else ""
    return (
        Figure("grains_found", "grains found", parts.n_found),
        Figure("grains_true", "grains there are", parts.n_true),
        Figure("grains_matched", "grains found that are true ones", len(parts.pairs)),
        Figure("rand_error", "adapted Rand error of the segmentation (0 best)", parts.rand_error),
        Figure("rand_error_labelled", "the same, of pixels that have a label", parts.rand_error_labelled),
        Figure("grains_distinct", "grains that these polarisations tell from their neighbours", told_apart.n_true),
        Figure("distinct_matched", "of these, grains found", len(told_apart.pairs)),
        Figure("distinct_rand_error", "adapted Rand error against these", told_apart.rand_error),
        Figure("distinct_rand_error_labelled", "the same, of pixels that have a label", told_apart.rand_error_labelled),
        Figure("orientation_median", f"error of the direction, pixels, median{folded}", _median(of_pixels), "deg"),
        Figure("orientation_rms", "error of the direction, pixels, rms", _rms(of_pixels), "deg"),
        Figure("grain_rms", "error of the direction, means of matched grains, rms", _rms(of_grains), "deg"),
        Figure("known", "part of the true grains with a direction", 100 * float(known.sum() / (true > 0).sum()), "%"),
        Figure("common_shift", "displacement common to all scans, removed", float(np.hypot(*shift)) / pixel, "px"),
    )


def _means(record: Any, pairs: NDArray[np.int64], azimuth: Floats, mirror: float | None) -> Floats:
    """Errors in rad of the mean directions of those pairs (found, true) of grains that have one."""
    table = dict(zip(np.asarray(record.grain_id).tolist(), np.asarray(record.mean_orientation), strict=True))
    found = np.array([table.get(int(a), np.nan) for a, _ in pairs])
    known = np.isfinite(found)
    return axial_error(found[known], azimuth[pairs[known, 1]], mirror=mirror)


def _median(values: Floats) -> float | None:
    return float(np.median(values)) if values.size else None


def _rms(values: Floats) -> float | None:
    return float(np.sqrt(np.mean(values**2))) if values.size else None
