"""A deposit before anything is written: files surveyed, metadata read, chains traced, and every reason against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from picpxct_nx.deposit import form, identifiers, lineage, privacy, scicat
from picpxct_nx.deposit.fault import Fault, raise_if_refused
from picpxct_nx.deposit.lineage import Lineage
from picpxct_nx.deposit.metadata import Metadata
from picpxct_nx.deposit.pool import Report, each
from picpxct_nx.deposit.survey import Holding, said, sha256, survey
from picpxct_nx.errors import InputError, MissingInputError


@dataclass(frozen=True)
class Plan:
    """What is to be packed, and what was found that is no reason against it."""

    metadata: Metadata
    lineage: Lineage
    holdings: tuple[Holding, ...]
    warnings: tuple[Fault, ...] = ()

    def files(self) -> dict[str, list[tuple[str, int]]]:
        """Name and length of the files of each kind."""
        found: dict[str, list[tuple[str, int]]] = {}
        for holding in self.holdings:
            found.setdefault(holding.kind, []).append((holding.name, holding.size))
        return found


def look(paths: Sequence[Path], *, workers: int = 1, report: Report = lambda *_: None) -> tuple[Holding, ...]:
    """Survey files, several at a time where they are large, in the order in which they are given.

    Raises
    ------
    MissingInputError
        A file is not there.
    """
    for path in paths:
        if not path.exists():
            raise MissingInputError(f"{path}: is not there; check the name")
    distinct = list({path.resolve(): path for path in paths}.values())
    tasks = [partial(survey, path, personal=privacy.personal_words()) for path in distinct]
    return tuple(each(tasks, [path.stat().st_size for path in distinct], workers, report))


def plan(holdings: Sequence[Holding], tables: Mapping[str, Any], external: Mapping[str, str | None], name: str) -> Plan:
    """The plan of a deposit.

    Parameters
    ----------
    holdings : sequence of Holding
        The files, as surveyed.
    tables : mapping
        The form, see `form.parse` and `form.overridden`.
    external : mapping
        UUID or SHA-256 of inputs that lie elsewhere, and where, beside those that the form lists.
    name : str
        How messages call the form.

    Raises
    ------
    RefusedError
        With every reason against the deposit at once.
    """
    metadata, faults = form.read(tables, said(holdings), name)
    found = [*faults, *(fault for holding in holdings for fault in holding.faults), *_names(holdings)]
    hashes = {holding.name: sha256(holding.path) for holding in holdings if holding.kind == "auxiliary"}
    graph, broken = lineage.trace(holdings, {**metadata.external, **external}, hashes)
    found += broken
    made = Plan(metadata, graph, tuple(holdings))
    if metadata.scicat is not None:
        found += scicat.check(made.files())
    if not any(holding.entries for holding in holdings):
        found.append(Fault("inputs", "NO_DATA", "hold no entry that could be deposited; name NeXus files of ours"))
    raise_if_refused(found)
    return Plan(metadata, graph, tuple(holdings), tuple(sorted(set(found))))


def _names(holdings: Sequence[Holding]) -> list[Fault]:
    words = privacy.personal_words()
    faults = [fault for holding in holdings for fault in privacy.check_name(holding.name, words)]
    first: dict[str, Path] = {}
    for holding in holdings:
        # Some file systems do not tell A from a.
        other = first.setdefault(holding.archived.lower(), holding.path)
        if other != holding.path:
            text = "two files would have that name in the deposit; rename one"
            faults.append(Fault(holding.name, "NAME_TWICE", text))
    return faults


def listed(text: str, name: str) -> dict[str, str | None]:
    """External inputs of a list: UUID or SHA-256, and after a blank its DOI or address, a line each; # is a remark.

    Raises
    ------
    InputError
        A line is something else.
    """
    found: dict[str, str | None] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split() if not line.strip().startswith("http") else line.split()
        if not words:
            continue
        key = form.external_key(words[0])
        if key is None or len(words) > 2:
            raise InputError(
                f"{name}: line {number}: wanted a UUID or SHA-256, then its DOI or address; found '{line}'"
            )
        place = identifiers.pid(words[1]) if len(words) == 2 else None
        if len(words) == 2 and place is None:
            raise InputError(f"{name}: line {number}: '{words[1]}' is not a DOI, handle or URL")
        found[key] = place.url if place else None
    return found
