"""Raw entries made again: the runs of simulate and import that give them, as their steps tell."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from picpxct_nx.errors import InputError
from picpxct_nx.provenance import Step
from picpxct_nx.records import Record
from picpxct_nx.rerun.raw_words import imported, numbers, simulated
from picpxct_nx.rerun.words import Words, spoken
from picpxct_nx.values import Value

# When a simulation ran, which its step tells: two runs differ in nothing else.
TIMES = ("start_time", "end_time")


@dataclass(frozen=True)
class Origin:
    """One run of simulate or import, its command, and the steps of the raw entries that it made, by UUID."""

    steps: Mapping[str, Step]
    line: Words

    @property
    def uuids(self) -> tuple[str, ...]:
        """The entries."""
        return tuple(self.steps)

    @property
    def command(self) -> str:
        """Its name."""
        return self.line[0]

    @property
    def times(self) -> tuple[str, ...]:
        """Values that say when it ran."""
        return TIMES if self.command == "simulate" else ()

    def digest(self, again: Record, uuid: str) -> str:
        """Digest that an entry made again would have, had it been made when the entry of that UUID was."""
        dates: dict[str, Value] = dict.fromkeys(self.times, self.steps[uuid].date)
        return type(again).from_values(again.entry, again.to_values() | dates).digest()


def simulations(steps: Mapping[str, Step], names: Mapping[str, str]) -> Iterator[Origin]:
    """Runs of simulate, one for the scans of each experiment.

    Parameters
    ----------
    steps : mapping
        Steps that made raw entries, by the UUID of the entry.
    names : mapping
        Names of the entries whose files are at hand, by UUID; where one has none, all scans of its experiment are made.

    Raises
    ------
    InputError
        A history lacks a number of its experiment.
    """
    alike: dict[Words, dict[str, Step]] = {}
    for uuid, step in steps.items():
        if step.command == "simulate":
            alike.setdefault(spoken(step, simulated, ()), {})[uuid] = step
    for options, found in alike.items():
        known = sorted({names[uuid] for uuid in found if uuid in names})
        only = [word for name in known for word in ("--only", name)] if found.keys() <= names.keys() else []
        yield Origin(found, ("simulate", *options, *only))


def imported_again(uuid: str, step: Step, files: Mapping[str, str]) -> Origin:
    """The run of import that made an entry.

    Parameters
    ----------
    uuid, step
        The entry, and the step that made it.
    files : mapping
        Where foreign files lie, by SHA-256.

    Raises
    ------
    InputError
        A file that was read is not there, or the history does not say how it was read.
    """
    needed = [one for one in step.inputs if one.uuid is None]
    if not needed or (len(needed) > 1 and "files" not in step.parameters):
        raise InputError(f"its history does not say what was read from which of its {len(needed)} sources")
    for number in sorted({number for found in numbers(step.parameters).values() for number in found}):
        one = needed[number - 1]
        if one.checksum not in files:
            raise InputError(f"its source {one.file_name or ''} (sha256 {one.checksum[:12]}...) is not there")
    found = [files.get(one.checksum, "") for one in needed]
    return Origin({uuid: step}, ("import", *spoken(step, imported, found)))
