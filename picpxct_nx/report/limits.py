"""Limits of a verdict: what a beamtime wants of its data, from the files, from the command line, or by default.

A scan may say in its group `targets` what the experiment wants; its reconstruction keeps it. The command line wins over
the files, these over the defaults.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from picpxct_nx import units
from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.records import Record

# good, worth a look, bad; open where there is no limit or nothing was measured.
State = Literal["good", "look", "bad", "open"]

GROUP = "targets"
# Quantities of the command line, with the unit that they have inside.
UNITS = {"half_period": "m", "drift": "m", "fourier_error": "", "misfit_ratio": "", "dose": "Gy", "margin": ""}


@dataclass(frozen=True)
class Limits:
    """What is wanted: the largest value that is good.

    Parameters
    ----------
    half_period : float, optional
        Half-period resolution, m.
    drift : float, optional
        Distance of a scan from the mean position of its polarisation, m.
    fourier_error : float, optional
        Fourier error of a scan.
    misfit_ratio : float
        Fourier error of a scan over the median of all, where no absolute limit is given.
    dose : float, optional
        Largest dose, Gy.
    margin : float
        What is over its limit by less than this factor is worth a look, beyond it is bad.
    energies_ev : tuple of float
        Planned energies; empty where nobody said.
    rotations : tuple of float
        Planned rotations of the sample, rad; empty where nobody said.
    source : dict
        Where each value is from: "file", "command line"; a name that is missing is a default.
    """

    half_period: float | None = None
    drift: float | None = None
    fourier_error: float | None = None
    misfit_ratio: float = 1.5
    dose: float | None = None
    margin: float = 1.5
    energies_ev: tuple[float, ...] = ()
    rotations: tuple[float, ...] = ()
    source: dict[str, str] = field(default_factory=dict)

    def judge(self, value: float | None, limit: float | None) -> State:
        """Whether a value keeps a limit."""
        if value is None or limit is None or not np.isfinite(value):
            return "open"
        if value <= limit:
            return "good"
        return "look" if value <= self.margin * limit else "bad"

    def origin(self, name: str) -> str:
        """Where a limit is from."""
        return self.source.get(name, "default")


_NAMES = {"energies_ev": "energy", "rotations": "rotation_angle"}


def of_file(limits: Limits, record: Record) -> Limits:
    """The limits with what a record says of them; the first record that says something counts.

    Raises
    ------
    InputError
        Two records want different things.
    """
    for name in ("half_period", "drift", "fourier_error", "dose", "energies_ev", "rotations"):
        path = f"{GROUP}/{_NAMES.get(name, name)}"
        if path not in record.extra or limits.source.get(name) == "command line":
            continue
        found = np.atleast_1d(np.asarray(record.extra[path], np.float64))
        value = tuple(found.tolist()) if name in _NAMES else float(found[0])
        known = getattr(limits, name)
        if limits.source.get(name) == "file" and known != value:
            raise InputError(
                f"{record.entry}/{path}: is {value}, another entry wants {known}; report the two experiments apart"
            )
        limits = _with(limits, name, value, "file")
    return limits


def of_words(settings: Iterable[str] = ()) -> Limits:
    """The limits that NAME=VALUE texts of the command line give.

    Raises
    ------
    UsageError
        A name is not known, or a value is not understood.
    """
    limits = Limits()
    for text in settings:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or name not in UNITS:
            raise UsageError(f"--set '{text}': wanted NAME=VALUE with one of {', '.join(sorted(UNITS))}")
        number = units.quantity(value, UNITS[name]) if UNITS[name] else _number(name, value)
        least = 1.0 if name == "margin" else 0.0
        if not number > 0 or number < least:
            raise UsageError(f"--set {name}: {value} is too small; wanted {'1 or more' if least else 'more than 0'}")
        limits = _with(limits, name, number, "command line")
    return limits


def _with(limits: Limits, name: str, value: object, source: str) -> Limits:
    changes: dict[str, Any] = {name: value, "source": limits.source | {name: source}}
    return dataclasses.replace(limits, **changes)


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--set {name}: '{text}' is not a number") from None
