"""A proposal as a plan that `picpxct simulate` reads."""

import dataclasses
from collections.abc import Iterable

import numpy as np

from picpxct_nx.simulate.configure import UNITS
from picpxct_nx.simulate.planfile import Plan
from picpxct_nx.simulate.presets import PRESETS, Experiment

# Written as lists of their own.
_LISTS = ("energies_ev", "rotations", "exposures")


def plan_of(experiment: Experiment, preset: str) -> Plan:
    """The plan that makes an experiment of a preset: all that differs.

    A number is written with nine digits, more than anyone can set.
    """
    start = PRESETS[preset]
    changes: dict[str, str] = {}
    for field in dataclasses.fields(experiment):
        own, other = getattr(experiment, field.name), getattr(start, field.name)
        if own == other or field.name in _LISTS:
            continue
        if dataclasses.is_dataclass(own):
            parts = {f"{field.name}.{name}": value for name, value in vars(own).items() if value != vars(other)[name]}
            changes |= {name: _text(name, [value]) for name, value in parts.items()}
        else:
            changes[field.name] = _text(field.name, own if isinstance(own, tuple) else [own])
    return Plan(
        preset=preset,
        energies=_text("energies_ev", experiment.energies_ev),
        rotations=_text("rotations", experiment.rotations),
        exposures=experiment.exposures,
        settings=tuple(f"{name}={text}" for name, text in changes.items()),
    )


def _text(name: str, values: Iterable[float | str]) -> str:
    return ", ".join(value if isinstance(value, str) else _number(value, UNITS.get(name, "")) for value in values)


def _number(value: float, unit: str) -> str:
    """A number with its unit, lengths in the unit that suits them."""
    if unit == "m" and 0 < abs(value) < 1e-3:
        value, unit = value * 1e6, "um"
    elif unit == "rad":
        value, unit = float(np.rad2deg(value)), "deg"
    return f"{value:.9g} {unit}".strip()
