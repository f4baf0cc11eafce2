"""A plan from start to end: proposed where there is a target, foreseen, and told as text and numbers."""

from dataclasses import dataclass, replace
from typing import Any

from picpxct_nx.grains.windows import Name
from picpxct_nx.simulate.record import planned as scans_of

from .file import plan_of
from .forecast import NAMES, Error, Forecast, as_json, forecast, sentences
from .propose import propose
from .task import Task


@dataclass(frozen=True)
class Made:
    """The task with the experiment that came of it, its forecast, the signal to read, and why it was chosen so."""

    task: Task
    forecast: Forecast
    signal: Name | None
    reasons: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        """What it will reach, in lines for a person."""
        return [*sentences(self.task, self.forecast, self.signal), *self.reasons]

    @property
    def numbers(self) -> dict[str, Any]:
        """What it will reach, in numbers for a program."""
        return as_json(self.task, self.forecast, self.signal)

    def text(self, preset: str) -> str:
        """The plan as TOML that changes a preset, with what it will reach as comments."""
        head = "A plan by picpxct plan. Run it with picpxct simulate --preset THIS.toml; foreseen is:"
        return plan_of(self.task.experiment, preset).write((head, *self.lines))


def make(task: Task, *, energies: bool = True, rotations: bool = True) -> Made:
    """Propose an experiment where something is to be reached, and foresee what it, or the one given, reaches.

    Parameters
    ----------
    energies, rotations : bool
        Whether these may be proposed.

    Raises
    ------
    InputError
        Nothing reaches the target, or the energies or rotations that are given do not do.
    UsageError
        Two scans would have the same name.
    """
    scans_of(task.experiment)
    if not task.wanted.wanted:
        found = forecast(task)
        return Made(task, found, _better(found), ())
    proposal = propose(task, energies=energies, rotations=rotations)
    task = replace(task, experiment=proposal.experiment)
    return Made(task, forecast(task), proposal.signal, proposal.reasons)


def _better(found: Forecast) -> Name | None:
    """The signal with the smaller error, or the only one, or None."""
    known = [(error.element, name) for name in NAMES if isinstance(error := found.errors[name], Error)]
    asked = [each for each in known if each[1] == found.assumed.signal]
    return min(asked or known)[1] if known else None
