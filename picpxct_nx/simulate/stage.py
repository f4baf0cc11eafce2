"""What the stages do that nobody reads off them: drift between and within scans, and errors of the rotation."""

import numpy as np
from numpy.typing import NDArray

from .presets import Experiment

Floats = NDArray[np.float64]

# Names of the streams beside that of a scan's noise; each is drawn from a seed of its own, so that a scan is the same
# whether it is simulated alone or among others, and counts do not change with what else may be wrong.
_DRIFT, _ROTATION, _CREEP = 1, 2, 3


def scan_key(energy_ev: float, rotation: float, repeat: int = 0) -> tuple[int, int, int]:
    """What tells a scan of an experiment from all others: energy in meV, rotation in urad, repetition."""
    return round(energy_ev * 1000), round(rotation % (2 * np.pi) * 1e6), repeat


def drift(experiment: Experiment, energy_ev: float, rotation: float, *, seed: int, repeat: int = 0) -> Floats:
    """By how much the sample is displaced in the laboratory during one scan, (2,) m along y and x.

    Gaussian of standard deviation `scan_drift` along each axis. No scan is spared: the axis of the rotation is not
    known better than the drift, so that alignment can be judged up to a common shift only.
    """
    key = (*scan_key(energy_ev, rotation, repeat), _DRIFT)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
    return np.asarray(experiment.scan_drift * rng.standard_normal(2))


def creep(experiment: Experiment, energy_ev: float, rotation: float, *, seed: int, repeat: int = 0) -> Floats:
    """By how much the sample is displaced beyond the drift at each frame, (n, 2) m along y and x.

    It moves steadily from the first frame to the last, by a Gaussian length of standard deviation `scan_creep` along
    each axis, and by nothing on average over the scan.
    """
    key = (*scan_key(energy_ev, rotation, repeat), _CREEP)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
    way = experiment.scan_creep * rng.standard_normal(2)
    return np.asarray(np.linspace(-0.5, 0.5, experiment.n_positions)[:, None] * way)


def true_rotation(experiment: Experiment, rotation: float, *, seed: int) -> float:
    """By how much the sample is turned where the stage says `rotation`, rad.

    Gaussian of standard deviation `rotation_error` about it, the same for all scans at that rotation. Rotation zero
    has no error: it is what the frame of the sample is.
    """
    key = (0, *scan_key(0.0, rotation)[1:], _ROTATION)
    if key[1] == 0:
        return rotation
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
    return float(rotation + experiment.rotation_error * rng.standard_normal())
