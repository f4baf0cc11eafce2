"""Figures of merit: what a score says, as numbers with names and units."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One number of a score: its name in JSON without the unit, what it is in words, value in `unit`.

    A value of None says that it cannot be known; the words say why.
    """

    name: str
    words: str
    value: float | int | None
    unit: str = ""

    @property
    def key(self) -> str:
        """Name with its unit, as in all our JSON."""
        return f"{self.name}_{_KEYS.get(self.unit, self.unit)}" if self.unit else self.name


_KEYS = {"%": "percent"}


@dataclass(frozen=True)
class Scored:
    """The score of one entry."""

    entry: str
    definition: str
    stage: str
    figures: tuple[Figure, ...]


def as_json(scored: Scored) -> str:
    """The score as one JSON object on one line; numbers that are not finite are null."""
    numbers = {
        f.key: None if f.value is None or not math.isfinite(f.value) else f.value for f in scored.figures
    }  # fmt: skip
    head = {"entry": scored.entry, "definition": scored.definition, "stage": scored.stage}
    return json.dumps(head | numbers)


def as_text(scored: Scored) -> str:
    """The score as a table for a person."""
    width = max((len(f.words) for f in scored.figures), default=0)
    lines = [f"  {f.words.ljust(width)}  {_number(f)}" for f in scored.figures]
    kind = scored.definition.removeprefix("NXspecptycho_")
    return "\n".join([f"{scored.entry}: {kind}, {scored.stage}", *lines])


def _number(figure: Figure) -> str:
    if figure.value is None or not math.isfinite(figure.value):
        return "-"
    text = str(figure.value) if isinstance(figure.value, int) else f"{figure.value:.4g}"
    return f"{text} {figure.unit}".rstrip()


def rms(values: Sequence[float]) -> float:
    """Root of the mean square of numbers; nan where there are none."""
    return math.sqrt(sum(v * v for v in values) / len(values)) if len(values) else math.nan
