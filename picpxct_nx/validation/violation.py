"""Violations and reports: what a check found, as plain values."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]

# A message is one line on a terminal, whatever a stranger wrote into the file.
MAX_SHOWN = 300


@dataclass(frozen=True, order=True)
class Violation:
    """One fault: a stable code, how grave it is, where it is, and one line that says what to do."""

    path: str
    code: str
    message: str
    level: Level = "error"


@dataclass(frozen=True)
class Report:
    """Verdict on one file. `definition` names the definitions that its entries claim, or is None."""

    file: str
    definition: str | None
    violations: tuple[Violation, ...]

    @property
    def errors(self) -> tuple[Violation, ...]:
        """The violations that make the file invalid."""
        return tuple(v for v in self.violations if v.level == "error")

    @property
    def valid(self) -> bool:
        """Whether there is no error."""
        return not self.errors

    def as_json(self) -> dict[str, object]:
        """The report as the object that `picpxct validate --json` prints."""
        return {
            "file": self.file,
            "definition": self.definition,
            "valid": self.valid,
            "violations": [
                {"code": v.code, "level": v.level, "path": v.path, "message": v.message} for v in self.violations
            ],
        }


def shown(text: str) -> str:
    """Text of a stranger as it may stand in a message: short, on one line, without control characters."""
    line = text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return line if len(line) <= MAX_SHOWN else f"{line[: MAX_SHOWN - 4]} ..."
