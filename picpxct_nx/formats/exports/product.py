"""What an export is: the formats, what the user chose, the files that come of it, and what they cannot carry."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np

from picpxct_nx import __version__, provenance, units
from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.records import Reconstruction, Record, Scan, polarization_angle

# Where a file goes: to a path, or to an open file that can be read and sought, such as the spool of a pipe.
Sink = Path | BinaryIO
R = TypeVar("R", bound=Record)


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What the command line says.

    `polarisation` is in rad, `energy_ev` in eV; `given` are the texts of --set by name; `others` are the records of
    --with.
    """

    images: tuple[str, ...] = ()
    polarisation: float | None = None
    energy_ev: float | None = None
    region: str | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    others: tuple[Record, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Product:
    """One file to write: its name without folder and ending, how to write it, what to say, and what it cannot carry."""

    name: str
    write: Callable[[Sink], None]
    notes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ExportFormat:
    """A format that records can be exported to.

    Parameters
    ----------
    name, about, suffix : str
        Its name, one line about it, and the ending of its files.
    takes, companions : tuple of record classes
        What is exported, and what may be named by --with for what that lacks.
    lacks : tuple of str
        What its files cannot carry.
    heeds : frozenset of str
        Options that mean something to it: image, polarisation, energy, region, with.
    asks : mapping
        Names that --set takes, each with the unit that its value must be convertible to; None stands for text.
    products : callable
        The files that a record becomes.
    """

    name: str
    about: str
    suffix: str
    takes: tuple[type[Record], ...]
    lacks: tuple[str, ...]
    products: Callable[[Record, Choices], Iterator[Product]]
    heeds: frozenset[str] = frozenset()
    asks: Mapping[str, str | None] = field(default_factory=dict)
    companions: tuple[type[Record], ...] = ()


def lost(record: Record, carried: Collection[str]) -> tuple[str, ...]:
    """Paths of a record that a format does not carry; a carried path that ends in / stands for all below it."""
    exact, below = set(carried), tuple(path for path in carried if path.endswith("/"))
    paths = [path for path in record.to_values() if "@" not in path and not provenance.is_process(path)]
    rest = sorted(path for path in paths if path not in exact and not path.startswith(below))
    steps = len(record.history)
    return (*rest, *([f"the history of {steps} step{'s' * (steps > 1)}"] if steps else []))


def origin(record: Record) -> str:
    """Where a file is from, and what in it nobody measured, for a field of free text."""
    text = f"picpxct_nx {__version__}, entry {record.entry}, urn:uuid:{record.uuid}"
    assumed = [] if record.assumed is None else [str(path) for path in record.assumed]
    return text + (f"; assumed, not measured: {', '.join(assumed)}" if assumed else "")


def polarised(record: Scan | Reconstruction) -> str:
    """How the light was polarised and the sample turned, for a field of free text."""
    stokes = ", ".join(f"{value:.6g}" for value in np.asarray(record.stokes, np.float64).ravel())
    angle = np.rad2deg(polarization_angle(record.stokes, record.rotation))
    turned = np.rad2deg(record.rotation)
    return f"Stokes vector ({stokes}), sample turned by {turned:.6g} deg: E at {angle:.6g} deg from x in the sample"


def companion(record: Record, wanted: type[R], others: Collection[Record]) -> R | None:
    """The record of --with that the history of `record` names, or whose history names it; None where there is none.

    Raises
    ------
    InputError
        There are records of that kind, but none belongs to this one.
    """
    known = [other for other in others if isinstance(other, wanted)]
    mine = _ancestors(record)
    for other in known:
        if other.uuid in mine or record.uuid in _ancestors(other):
            return other
    if known:
        names = ", ".join(f"{other.entry} ({other.uuid})" for other in known[:3])
        raise InputError(f"{record.entry}: its history names none of --with: {names}; give the one it was made from")
    return None


def _ancestors(record: Record) -> set[str]:
    return {source.uuid for step in record.history for source in step.inputs if source.uuid is not None}


def quantity(choices: Choices, name: str, unit: str) -> float | None:
    """The positive number that --set gives a name, in `unit`; None where it gives none.

    Raises
    ------
    UsageError
        It is no quantity of that dimension, or not positive.
    """
    if name not in choices.given:
        return None
    try:
        value = units.quantity(choices.given[name], unit)
    except UsageError as error:
        raise UsageError(f"--set {name}: {error}") from None
    if not value > 0:
        raise UsageError(f"--set {name}={choices.given[name]}: wanted a positive number")
    return value


def missing(record: Record, needed: Mapping[str, str], format_name: str, remedy: str = "") -> InputError:
    """What to say where a record lacks what a format demands; `needed` are names with an example of a value."""
    options = " ".join(f'--set {name}="{example}"' for name, example in needed.items())
    text = f"{record.entry}: {format_name} demands {', '.join(needed)}, which it does not hold"
    return InputError(f"{text}; give {options}{remedy}")
