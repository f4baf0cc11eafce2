"""Where an image in the frame of the sample lies: the shift that it has in common with all of its experiment."""

import numpy as np

from picpxct_nx.images.fourier import register, windowed
from picpxct_nx.score.truth import Experiment, Truth, in_sample_frame
from picpxct_nx.values import Array

_UPSAMPLE = 20


def reference(experiment: Experiment) -> Truth:
    """The scan whose maps say best what the sample is: the one that is turned least, and its lowest energy."""
    return min(experiment.scans, key=lambda truth: (abs(np.sin(truth.rotation / 2)), truth.energy_ev))


def common_shift(truth: Truth, y: Array, x: Array, matter: Array) -> Array:
    """By how much an image shows the sample displaced, (2,) m along y and x.

    Drift displaces all scans, and alignment makes it one displacement, which nobody can know. It is found by
    registration of a map of matter, thickness or a mask, with the true thickness, or the pixels of true grains.

    Parameters
    ----------
    truth : of any scan
    y, x : (H,), (W,) m, of the image
    matter : (H, W), thickness in m, or bool
    """
    label, thickness = in_sample_frame(truth, y, x, np.zeros(2))
    wanted = label > 0 if matter.dtype == bool else thickness
    flat = np.ones(matter.shape)
    found, true = (windowed(np.nan_to_num(np.asarray(each, np.float64)), flat) for each in (matter, wanted))
    if not found.any() or not true.any():
        return np.zeros(2)
    pixel = np.array([y[1] - y[0], x[1] - x[0]])
    return np.asarray(np.array(register(found, true, upsample=_UPSAMPLE)) * pixel)
