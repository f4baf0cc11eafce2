"""What stands against a deposit: reasons for a refusal, collected so that all of them are told at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from picpxct_nx.errors import InputError

Level = Literal["error", "warning"]


@dataclass(frozen=True, order=True)
class Fault:
    """One reason: where, a stable code, and one line that says what was found, what was wanted, and what to do."""

    place: str
    code: str
    message: str
    level: Level = "error"

    def __str__(self) -> str:
        return f"{self.place}: {self.message} [{self.code}]"


class RefusedError(InputError):
    """There are reasons against a deposit; `faults` holds every one of them (exit 65)."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        count = sum(fault.level == "error" for fault in self.faults)
        super().__init__(f"refused for {count} reason{'' if count == 1 else 's'}; nothing was written")


def raise_if_refused(faults: Iterable[Fault]) -> None:
    """Stop where there is an error among the faults.

    Raises
    ------
    RefusedError
        With every fault, warnings as well.
    """
    found = tuple(faults)
    if any(fault.level == "error" for fault in found):
        raise RefusedError(found)
