"""What a plan is asked for: targets, and what is assumed of crystals and images, from the texts of the command line."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from picpxct_nx import units
from picpxct_nx.errors import UsageError
from picpxct_nx.simulate.configure import changed
from picpxct_nx.simulate.layout import object_pixel_size
from picpxct_nx.simulate.presets import Experiment

SIGNALS = ("auto", "od-peak", "phase-lobe")
# Noise of images over that of their photons. Simulated scans that went through the whole chain, solver and registration
# included, had directions 1.3 to 1.9 times as uncertain as their photons call for (`benchmarks/plan.py --chain`).
EXCESS = 2.0
# V2O5 this thick passes a millionth of the light behind the edge.
THICKEST = 120e-6
# Beams that overlap by more have positions to waste, by less leave pixels that one frame alone has seen.
LEAST_OVERLAP, MOST_OVERLAP = 0.4, 0.95


@dataclass(frozen=True)
class Target:
    """What is to be reached; None where it does not matter.

    `orientation` rad, median over all directions, of a resolution element or a `grain` of so many m^2; `resolution` m,
    half period; `dose` Gy of all scans together, at most.
    """

    orientation: float | None = None
    resolution: float | None = None
    dose: float | None = None
    grain: float | None = None

    @property
    def wanted(self) -> bool:
        """Whether something is to be reached, and so to be proposed."""
        return any(value is not None for value in (self.orientation, self.resolution, self.dose))


@dataclass(frozen=True)
class Assumed:
    """What nobody can know before, and how it is done.

    Crystals are `thickness` m thick with axes tilted out of the sample by `tilt` rad; images have `excess` times the
    noise of their photons; grainmap uses `signal`; beams are to have a linear `overlap`.
    """

    thickness: float = 1e-6
    tilt: float = 0.0
    excess: float = EXCESS
    signal: str = "auto"
    overlap: float | None = None


def target(
    orientation: str | None = None, resolution: str | None = None, dose: str | None = None, grain: str | None = None
) -> Target:
    """The target of the command line's texts, each a quantity.

    Raises
    ------
    UsageError
        One is not understood, or not above zero.
    """
    area = None if grain is None else re.sub(r"(?<=m)2\s*\Z", "^2", grain)
    found = Target(
        _positive("--orientation", orientation, "rad"),
        _positive("--resolution", resolution, "m"),
        _positive("--dose", dose, "Gy"),
        _positive("--grain", area, "m^2"),
    )
    if found.orientation is not None and found.orientation >= np.pi / 4:
        raise UsageError(f"--orientation '{orientation}' is what is known without measuring; wanted less than 45 deg")
    return found


def _positive(option: str, text: str | None, unit: str) -> float | None:
    if text is None:
        return None
    try:
        value = units.quantity(text, unit)
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from None
    if not value > 0:
        raise UsageError(f"{option} '{text}': wanted more than zero")
    return value


def assume(experiment: Experiment, settings: Iterable[str]) -> tuple[Experiment, Assumed]:
    """The experiment and the assumptions with what NAME=VALUE texts change; other names are those of the experiment.

    Raises
    ------
    UsageError
        A name is not known, or a value is not understood.
    """
    mine: dict[str, Any] = {}
    others = []
    for text in settings:
        name = text.partition("=")[0].strip()
        if name in _PARSERS:
            mine[name] = _PARSERS[name](f"--set {name}", text.partition("=")[2])
        else:
            others.append(text)
    try:
        return changed(experiment, others), replace(Assumed(), **mine)
    except UsageError as error:
        hint = f", or of the plan itself: {', '.join(_PARSERS)}" if "wanted NAME=VALUE" in str(error) else ""
        raise UsageError(f"{error}{hint}") from None


def _length(option: str, text: str) -> float:
    value = _positive(option, text, "m") or 0.0
    if value > THICKEST:
        raise UsageError(f"{option} '{text}': wanted at most {THICKEST * 1e6:.0f} um; no light comes through more")
    return value


def _angle(option: str, text: str) -> float:
    value = units.quantity(text, "rad")
    if not 0 <= value < np.deg2rad(89.0):
        raise UsageError(f"{option} '{text}': wanted 0 to less than 89 deg; an axis along the beam shows no direction")
    return value


def _factor(option: str, text: str) -> float:
    value = _plain(option, text)
    if value < 1:
        raise UsageError(f"{option} '{text}': wanted 1 or more; less noise than that of its photons no image has")
    return value


def _share(option: str, text: str) -> float:
    value = units.quantity(text, "") if "%" in text or "percent" in text else _plain(option, text)
    if not LEAST_OVERLAP <= value <= MOST_OVERLAP:
        raise UsageError(f"{option} '{text}': wanted {LEAST_OVERLAP} to {MOST_OVERLAP}")
    return value


def _plain(option: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise UsageError(f"{option}: '{text}' is not a number") from None
    if not np.isfinite(value):
        raise UsageError(f"{option}: '{text}' is not a finite number")
    return value


def _signal(option: str, text: str) -> str:
    if text.strip() not in SIGNALS:
        raise UsageError(f"{option}: '{text}' is not known; wanted one of {', '.join(SIGNALS)}")
    return text.strip()


_PARSERS = {"thickness": _length, "tilt": _angle, "excess": _factor, "signal": _signal, "overlap": _share}


def element(experiment: Experiment, wanted: Target) -> float:
    """Side of a resolution element in m: the target's, or the largest pixel.

    Raises
    ------
    UsageError
        The target is less than a pixel.
    """
    pixel = object_pixel_size(experiment, min(experiment.energies_ev))
    if wanted.resolution is None:
        return pixel
    if wanted.resolution < pixel * (1 - 1e-3):
        text = f"--resolution {wanted.resolution * 1e9:.4g} nm is less than a pixel, {pixel * 1e9:.4g} nm"
        raise UsageError(f"{text}; wanted a pixel or more: larger frames or less distance make it smaller")
    return max(wanted.resolution, pixel)
