"""Score of the beam of a reconstruction: where it met the sample, and what it was."""

import numpy as np

from picpxct_nx.images.score import object_error
from picpxct_nx.records import Reconstruction
from picpxct_nx.score.figures import Figure
from picpxct_nx.score.truth import Truth

# Pixels with less than this part of the brightest one are not judged: the beam is what lights the sample.
_BRIGHT = 1e-3


def judge_beam(record: Reconstruction, truth: Truth) -> list[Figure]:
    """Position error and probe error.

    Object and probe may have moved together, so a common displacement of all positions is taken off; what is left is
    the rms distance sqrt(mean |r - r_true|^2), which is that of the stage's own readings where the solver refined
    none. The probe error is sqrt(sum |c P - P_true|^2 / sum |P_true|^2) over bright pixels once a complex scale, a
    shift and a phase ramp are removed, which ptychography cannot know; of several modes the strongest is compared, and
    the part of the light that is in others told.
    """
    return _positions(record, truth) + _probe(record, truth)


def _positions(record: Reconstruction, truth: Truth) -> list[Figure]:
    if record.position_y is None or record.position_x is None:
        return []
    n = len(truth.position)
    frames = np.arange(n) if record.position_frame is None else np.asarray(record.position_frame).astype(int)
    found = np.stack([np.asarray(record.position_y), np.asarray(record.position_x)], axis=1).astype(np.float64)
    if len(frames) != len(found) or not len(frames) or frames.min() < 0 or frames.max() >= n:
        return [Figure("position_rms", "error of the positions (they are of other frames)", None, "nm")]
    apart = found - truth.position[frames]
    apart -= apart.mean(axis=0)
    return [Figure("position_rms", "error of the positions, rms (mean removed)", _rms(apart) * 1e9, "nm")]


def _rms(apart: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.sum(apart**2, axis=1))))


def _probe(record: Reconstruction, truth: Truth) -> list[Figure]:
    modes = np.asarray(record.probe)
    light = (np.abs(modes.astype(np.complex128)) ** 2).sum(axis=(1, 2))
    if modes.shape[1:] != truth.probe.shape or not light.sum() > 0:
        return [Figure("probe_error", "probe error (it is of another size, or dark)", None)]
    strongest = int(np.argmax(light))
    bright = np.abs(truth.probe) ** 2
    score = object_error(modes[strongest].astype(np.complex64), truth.probe, bright > _BRIGHT * bright.max())
    figures = [Figure("probe_error", "probe error (scale, ramp and shift removed)", score.error)]
    if len(modes) > 1:
        other = 100 * (1 - float(light[strongest] / light.sum()))
        figures.append(Figure("probe_other_modes", "part of the light in other modes", other, "%"))
    return figures
