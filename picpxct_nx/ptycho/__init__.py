"""Difference map, maximum likelihood and the loop that runs them; the only folder that imports torch."""

import os

# Before torch is loaded: OpenMP threads that wait should soon sleep. By default they spin so long that on shared cores,
# as on any cluster node, the short parallel regions of a solver took up to twenty times as long; threads that sleep at
# once made an idle machine twice as slow. Ten thousand turns keep the idle speed and cost about a factor of two against
# sleeping where every core is taken (two cores, measured).
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

from .control import Control, Progress, Stop
from .drift import Shift, common_shift
from .loop import DivergedError, reconstruct
from .model import Background, Intensity, Model, Positions, Variation
from .problem import Problem
from .recipe import Stage, apply, describe, parse
from .result import Result, centre_probe
from .snapshot import Identity, Snapshot

__all__ = [
    "Background",
    "Control",
    "DivergedError",
    "Identity",
    "Intensity",
    "Model",
    "Positions",
    "Problem",
    "Progress",
    "Result",
    "Shift",
    "Snapshot",
    "Stage",
    "Stop",
    "Variation",
    "apply",
    "centre_probe",
    "common_shift",
    "describe",
    "parse",
    "reconstruct",
]
