"""Difference map, maximum likelihood and the loop that runs them; the only folder that imports torch."""

from .loop import DivergedError, Progress, reconstruct
from .problem import Problem
from .recipe import Stage, apply, parse
from .result import Result, centre_probe

__all__ = ["DivergedError", "Problem", "Progress", "Result", "Stage", "apply", "centre_probe", "parse", "reconstruct"]
