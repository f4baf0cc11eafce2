"""A plan of an experiment as a TOML file: what `picpxct plan` writes and `picpxct simulate` reads.

preset = "paper"                                        # what all that is not said is taken from
energies = ["5460 eV", "5470 eV", "5472 eV"]
rotations = ["0 deg", "60 deg", "120 deg"]              # of the sample, from x towards y
exposures = [1.0, 0.7, 0.7]                             # times count_time, one an energy

[set]                                                   # as --set of picpxct simulate
count_time = "0.1 s"
model = "jones"
"""

import math
import re
import tomllib
from dataclasses import dataclass
from typing import Any, Self

from picpxct_nx.errors import ConfigError

_KEYS = ("preset", "energies", "rotations", "exposures", "set")


@dataclass(frozen=True)
class Plan:
    """The texts of a plan as options of `picpxct simulate` take them; None and () where the preset's holds."""

    preset: str
    energies: str | None
    rotations: str | None
    exposures: tuple[float, ...]
    settings: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, name: str) -> Self:
        """The plan of a text; `name` is what errors call it.

        Raises
        ------
        ConfigError
            It is not TOML, or says what no plan can say.
        """
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{name}: is not TOML: {error}") from None
        unknown = sorted(set(table) - set(_KEYS))
        if unknown:
            raise ConfigError(f"{name}: '{unknown[0]}' is not known in a plan; wanted {', '.join(_KEYS)}")
        preset, changes = table.get("preset", "tutorial"), table.get("set", {})
        if not isinstance(preset, str) or preset.endswith(".toml"):
            raise ConfigError(f"{name}: preset = {preset!r}; wanted the name of a preset")
        if not isinstance(changes, dict):
            raise ConfigError(f"{name}: set = {changes!r}; wanted a table [set] of names and values")
        return cls(
            preset=preset,
            energies=_listed(name, table, "energies"),
            rotations=_listed(name, table, "rotations"),
            exposures=_exposures(name, table.get("exposures", [])),
            settings=tuple(f"{key}={_word(name, key, value)}" for key, value in changes.items()),
        )

    def write(self, comments: tuple[str, ...] = ()) -> str:
        """The plan as TOML, after lines of comment."""
        lines = [f"# {comment}".rstrip() for comment in comments]
        lines += ["", f"preset = {_quoted(self.preset)}"] if comments else [f"preset = {_quoted(self.preset)}"]
        for key, text in (("energies", self.energies), ("rotations", self.rotations)):
            if text is not None:
                lines.append(f"{key} = [{', '.join(_quoted(part.strip()) for part in text.split(','))}]")
        if self.exposures:
            lines.append(f"exposures = [{', '.join(format(value, '.6g') for value in self.exposures)}]")
        pairs = [setting.split("=", 1) for setting in self.settings]
        lines += ["", "[set]", *(f"{_key(key)} = {_value(value)}" for key, value in pairs)] if pairs else []
        return "\n".join(lines) + "\n"


def _listed(name: str, table: dict[str, Any], key: str) -> str | None:
    found = table.get(key)
    if found is None:
        return None
    if not isinstance(found, list) or not found or not all(isinstance(one, str) and "," not in one for one in found):
        raise ConfigError(f"{name}: {key} = {found!r}; wanted a list of quantities, such as ['1 eV', '2 eV']")
    return ", ".join(found)


def _exposures(name: str, found: Any) -> tuple[float, ...]:
    right = isinstance(found, list) and all(
        isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) and one > 0 for one in found
    )
    if not right:
        raise ConfigError(f"{name}: exposures = {found!r}; wanted numbers above zero, one an energy")
    return tuple(float(one) for one in found)


def _word(name: str, key: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ConfigError(f"{name}: [set] {key} = {value!r}; wanted a number or a quantity in quotation marks")
    return str(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else _quoted(text)


def _value(text: str) -> str:
    """A number as TOML has them, or a text."""
    return text if re.fullmatch(r"[+-]?(0|[1-9][0-9]*)(\.[0-9]+)?", text) else _quoted(text)
