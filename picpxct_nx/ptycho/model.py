"""What is refined beside object and probe, and within which limits: the description that a recipe is run with."""

from dataclasses import dataclass, field, replace
from typing import Any, Final

GEOMETRIES = ("free", "affine")


@dataclass(frozen=True)
class Positions:
    """How positions are refined; only while an engine without exit waves runs (pie, lsqml, ml).

    Positions, or the four numbers of their map, are unknowns of ml's own conjugate gradients, beside object and probe;
    step and friction are then of no account. The others move each frame by itself between iterations; an affine map
    takes of these moves what is one.

    Parameters
    ----------
    start : int
        Iteration over all engines, counted from 1, at which it begins.
    step : float
        Part of the Gauss-Newton step that is taken, above 0 to 2.
    friction : float
        Part of the last move that is made again, 0 to below 1.
    max_step : float
        Longest move of an iteration along an axis, px.
    limit : float
        Farthest from the given position along an axis, px.
    geometry : str
        "free": every frame for itself; "affine": one scale, asymmetry, rotation and shear of all given positions. Where
        a limit or the object's edge would break the map, all frames move less.
    """

    start: int = 3
    step: float = 1.0
    friction: float = 0.5
    max_step: float = 0.5
    limit: float = 10.0
    geometry: str = "free"

    def __post_init__(self) -> None:
        _above(self, "start", "max_step", "limit")
        _within(self, "step", 2.0)
        if not 0 <= self.friction < 1:
            raise ValueError(f"friction {self.friction:g}; wanted 0 or more and below 1")
        if self.geometry not in GEOMETRIES:
            raise ValueError(f"geometry '{self.geometry}'; wanted {' or '.join(GEOMETRIES)}")


@dataclass(frozen=True)
class Intensity:
    """How the intensity of each frame is refined; the mean over the scan stays 1.

    Parameters
    ----------
    start : int
        Iteration over all engines, counted from 1, at which it begins.
    step : float
        Part of the step that is taken, above 0 to 1.
    """

    start: int = 2
    step: float = 0.5

    def __post_init__(self) -> None:
        _above(self, "start")
        _within(self, "step", 1.0)


@dataclass(frozen=True)
class Background:
    """How the detector's background is refined: one map of counts, zero or more, that all frames share.

    It is an unknown of ml's own conjugate gradients, beside object and probe; step is then of no account. Between the
    iterations of the other engines it is moved by itself. All tell light from background by how much the counts of a
    pixel vary over the frames (`dark`).

    Parameters
    ----------
    start : int
        Iteration over all engines, counted from 1, at which it begins: before, whatever the model lacks would be taken
        for background.
    step : float
        Part of the step that is taken, above 0 to 1.
    smooth : float
        Standard deviation in pixels of the Gaussian that smooths its steps, and takes them from the dark pixels into
        the bright ones, where nobody can tell it from the beam; 0 keeps every pixel's own.
    """

    start: int = 10
    step: float = 0.5
    smooth: float = 3.0

    def __post_init__(self) -> None:
        _above(self, "start")
        _within(self, "step", 1.0)
        if not 0 <= self.smooth < float("inf"):
            raise ValueError(f"smooth {self.smooth:g}; wanted a finite number of pixels, 0 or more")


@dataclass(frozen=True)
class Variation:
    """How the probe's changes over the scan are refined (orthogonal probe relaxation).

    Parameters
    ----------
    modes : int
        Changes that are kept.
    start : int
        Iteration over all engines, counted from 1, at which it begins.
    step : float
        Part of the step that is taken, above 0 to 1.
    """

    modes: int = 2
    start: int = 5
    step: float = 1.0

    def __post_init__(self) -> None:
        _above(self, "modes", "start")
        _within(self, "step", 1.0)


@dataclass(frozen=True)
class ProbeLimits:
    """What is known of the probe.

    Parameters
    ----------
    radius : float
        It is zero farther than this from the window's middle, in half windows; infinite bounds nothing.
    pupil : bool
        Its light comes through the pupil that the problem gives (`Problem.pupil`).
    """

    radius: float = float("inf")
    pupil: bool = False

    def __post_init__(self) -> None:
        if not self.radius > 0:
            raise ValueError(f"radius {self.radius:g}; wanted above 0 half windows")


@dataclass(frozen=True)
class ObjectLimits:
    """What is known of the object.

    Parameters
    ----------
    max : float
        Largest magnitude; infinite bounds nothing.
    phase_only : bool
        Magnitude 1 everywhere.
    """

    max: float = float("inf")
    phase_only: bool = False

    def __post_init__(self) -> None:
        if not self.max > 0:
            raise ValueError(f"max {self.max:g}; wanted a magnitude above 0")


@dataclass(frozen=True)
class Start:
    """How object and probe are begun.

    Parameters
    ----------
    coarse : int
        Iterations of the recipe's first engine on the middle half of the frames, before the recipe; 0 for none.
    """

    coarse: int = 0

    def __post_init__(self) -> None:
        if self.coarse < 0:
            raise ValueError(f"coarse {self.coarse}; wanted a number of iterations, 0 or more")


@dataclass(frozen=True)
class Model:
    """What belongs to the model of a scan beside one object and the given probe modes.

    Parameters
    ----------
    modes : int
        Probe modes; 0 takes those that the problem gives.
    positions, intensity, background, variation : optional
        How each is refined; None keeps it out.
    probe : ProbeLimits
        What is known of the probe.
    object : ObjectLimits
        What is known of the object.
    start : Start
        How both are begun.
    """

    modes: int = 0
    positions: Positions | None = None
    intensity: Intensity | None = None
    background: Background | None = None
    variation: Variation | None = None
    probe: ProbeLimits = field(default_factory=ProbeLimits)
    object: ObjectLimits = field(default_factory=ObjectLimits)
    start: Start = field(default_factory=Start)

    def __post_init__(self) -> None:
        if self.modes < 0:
            raise ValueError(f"modes {self.modes}; wanted a number of probe modes, or 0 for the given ones")


REFINABLE: Final = {
    "positions": Positions,
    "intensity": Intensity,
    "background": Background,
    "variation": Variation,
}
LIMITS: Final = ("probe", "object", "start")


def begun(model: Model) -> Model:
    """The model for a start that is good already: nothing coarse, and all is refined from the first iteration."""
    early: dict[str, Any] = {"start": Start()}
    for name in REFINABLE:
        part = getattr(model, name)
        early[name] = None if part is None else replace(part, start=1)
    return replace(model, **early)


def _above(params: object, *names: str) -> None:
    for name in names:
        if not 0 < getattr(params, name) < float("inf"):
            raise ValueError(f"{name} {getattr(params, name):g}; wanted a finite number above 0")


def _within(params: object, name: str, most: float) -> None:
    value = getattr(params, name)
    if not 0 < value <= most:
        raise ValueError(f"{name} {value:g}; wanted above 0 and at most {most:g}")
