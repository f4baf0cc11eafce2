"""Difference map, maximum likelihood and the loop that runs them; the only folder that imports torch."""

import os

# Before torch is loaded: OpenMP threads that wait must sleep. By default they spin, and where other work shares the
# cores, as on any cluster node, the short parallel regions of a solver then took up to twenty times as long (measured).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from .loop import DivergedError, Progress, reconstruct
from .problem import Problem
from .recipe import Stage, apply, parse
from .result import Result, centre_probe

__all__ = ["DivergedError", "Problem", "Progress", "Result", "Stage", "apply", "centre_probe", "parse", "reconstruct"]
