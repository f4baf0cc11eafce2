"""Difference map, maximum likelihood and the loop that runs them; the only folder that imports torch."""

from .loop import Progress, reconstruct
from .problem import Problem
from .recipe import Stage, apply, parse
from .result import Result, centre_probe

__all__ = ["Problem", "Progress", "Result", "Stage", "apply", "centre_probe", "parse", "reconstruct"]
